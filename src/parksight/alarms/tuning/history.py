"""Stored observations in the order of their times, in portions that fit in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from parksight.telemetry.protocols import Columns

#: Rows of one portion, about: 30 bytes each, held once as read and once sorted.
PORTION_ROWS = 1_000_000
_DAY_MS = 86_400_000
_SECOND_MS = 1_000


class History(Protocol):
    """What is asked of the store."""

    def raw(self, points: Sequence[int], start: int, end: int, limit: int | None = None) -> Columns: ...


def expected_rows(periods_s: Sequence[float], span_ms: int) -> float:
    """Observations that points of these periods have in a span."""
    return sum(span_ms / 1000 / max(p, 0.001) for p in periods_s)


def portions(
    store: History, points: Sequence[int], periods_s: Sequence[float], start: int, end: int
) -> Iterator[tuple[int, Columns]]:  # fmt: skip
    """``(end of the portion, its rows by time)``; silent portions too, so that time goes on."""
    rate = expected_rows(periods_s, _DAY_MS) / _DAY_MS
    width = _DAY_MS if rate <= 0 else min(_DAY_MS, max(60 * _SECOND_MS, int(PORTION_ROWS / rate)))
    at = start
    while at < end:
        until = min(at + width, end)
        rows = store.raw(points, at, until)
        order = np.argsort(rows.observed_at, kind="stable")
        yield until, Columns(*(getattr(rows, name)[order] for name in Columns.__slots__))
        at = until
