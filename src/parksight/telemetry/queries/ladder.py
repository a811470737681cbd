"""Bucket widths that people read easily."""

from __future__ import annotations

S, M, H, D = 1_000, 60_000, 3_600_000, 86_400_000

#: Ascending; from a minute on each is built from stored aggregates.
WIDTHS: tuple[int, ...] = (
    S, 2 * S, 5 * S, 10 * S, 15 * S, 30 * S,
    M, 2 * M, 5 * M, 10 * M, 15 * M, 30 * M,
    H, 2 * H, 3 * H, 4 * H, 6 * H, 12 * H,
    D, 2 * D, 7 * D, 14 * D, 28 * D, 91 * D, 364 * D,
)  # fmt: skip


def width_for(span_ms: int, pixels: int) -> int:
    """The narrowest width that gives at most one bucket per two pixels (the widest for longer spans)."""
    wanted = span_ms / max(1, pixels // 2)
    return next((w for w in WIDTHS if w >= wanted), WIDTHS[-1])
