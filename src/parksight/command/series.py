"""Buckets of the store as dense arrays: points down, time across, NaN where nothing usable was."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from parksight.telemetry.protocols import F64, Buckets, Store


def dense(store: Store, points: Sequence[int], start: int, end: int, width_ms: int) -> F64:
    """Means per point and bucket, shape (points, buckets); ``start`` must lie on a bucket edge.

    Args:
        start: first instant, ms, a multiple of ``width_ms`` since the epoch.
        end: end, exclusive; a last bucket may be incomplete.
        width_ms: width of a bucket, shorter than a day.
    """
    if start % width_ms:
        raise ValueError(f"start {start} is no multiple of the bucket width {width_ms}")
    count = max(0, -(-(end - start) // width_ms))
    out = np.full((len(points), count), np.nan)
    if not points or not count:
        return out
    ids = sorted(set(points))
    buckets: Buckets = store.buckets(ids, start, end, width_ms)
    row_of = np.searchsorted(ids, buckets.point)
    column = (buckets.start - start) // width_ms
    inside = (column >= 0) & (column < count)
    packed = np.full((len(ids), count), np.nan)
    packed[row_of[inside], column[inside]] = buckets.mean[inside]
    return packed[np.searchsorted(ids, list(points))]


def sums(matrix: F64, minimum: float = 0.0) -> tuple[list[float | None], list[int]]:
    """Column sums over the known parts and how many there were.

    Args:
        matrix: shape (parts, buckets), NaN unknown.
        minimum: share of the parts that must be known; below it the sum is None, since a sum over fewer
            parts would look like a drop.
    """
    known = np.isfinite(matrix)
    counts = known.sum(axis=0)
    totals = np.where(known, matrix, 0.0).sum(axis=0)
    need = max(1.0, minimum * matrix.shape[0])
    return (
        [float(t) if n >= need else None for t, n in zip(totals, counts, strict=True)],
        [int(n) for n in counts],
    )


def spark(row: F64) -> list[float | None]:
    """One row for a sparkline."""
    return [float(v) if np.isfinite(v) else None for v in row]
