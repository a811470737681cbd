"""Columns as a whole: taken, joined, sorted, freed of duplicates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

from parksight.telemetry.protocols import I32, I64, Columns
from parksight.telemetry.store.days import EARLIEST, LATEST

NAMES = ("point", "observed_at", "value", "quality", "received_at")


def no_rows() -> Columns:
    i = np.empty(0, np.int64)
    return Columns(np.empty(0, np.int32), i, np.empty(0), np.empty(0, np.uint8), i)


def check_rows(rows: Columns) -> None:
    """Refuse what must not reach the store.

    Raises:
        ValueError: columns of different lengths, negative point, or a time outside 1970 to 2100.
    """
    n = len(rows.point)
    lengths = (len(rows.observed_at), len(rows.value), len(rows.quality), len(rows.received_at))
    if lengths != (n,) * 4:
        raise ValueError(f"columns of different lengths: point {n}, others {lengths}")
    if int(rows.point.min()) < 0:
        raise ValueError("a negative point id: unmapped readings must not reach the store")
    low, high = int(rows.observed_at.min()), int(rows.observed_at.max())
    if low < EARLIEST or high >= LATEST:
        raise ValueError(f"observation times {low} to {high} ms are not within 1970 to 2100")


def take(rows: Columns, which: NDArray[np.intp] | NDArray[np.bool_] | slice) -> Columns:
    """Some of the rows."""
    return Columns(*(getattr(rows, n)[which] for n in NAMES))


def concat(parts: Sequence[Columns]) -> Columns:
    """The rows of all parts, in that order."""
    parts = [p for p in parts if len(p)]
    if len(parts) == 1:
        return parts[0]
    return Columns(*(np.concatenate([getattr(p, n) for p in parts]) for n in NAMES)) if parts else no_rows()


@njit(cache=True, nogil=True)
def _by_point(point: I32, low: int, size: int) -> I64:
    """Stable order by point: a counting sort."""
    place = np.zeros(size + 1, np.int64)
    for p in point:
        place[p - low + 1] += 1
    for i in range(size):
        place[i + 1] += place[i]
    order = np.empty(point.shape[0], np.int64)
    for i in range(point.shape[0]):
        p = point[i] - low
        order[place[p]] = i
        place[p] += 1
    return order


@njit(cache=True, nogil=True)
def _increasing(point: I32, at: I64) -> bool:
    for i in range(1, point.shape[0]):
        if point[i] < point[i - 1] or (point[i] == point[i - 1] and at[i] <= at[i - 1]):
            return False
    return True


def sort_unique(rows: Columns) -> Columns:
    """Sorted by (point, time); of equal ones the last given.

    Rows mostly come in order of time: sorted by point alone they are then already in place.
    """
    if len(rows) < 2 or _increasing(rows.point, rows.observed_at):
        return rows
    low = int(rows.point.min())
    size = int(rows.point.max()) - low + 1
    if size <= 4 * len(rows):
        rows = take(rows, _by_point(rows.point, low, size))
    else:
        rows = take(rows, np.argsort(rows.point, kind="stable"))
    if _increasing(rows.point, rows.observed_at):
        return rows
    order = _nearly_sorted(rows)
    p, t = rows.point[order], rows.observed_at[order]
    keep = np.ones(len(rows), np.bool_)
    keep[:-1] = (p[1:] != p[:-1]) | (t[1:] != t[:-1])
    return take(rows, order[keep])


def sorted_spans(rows: Columns, size: int) -> Iterator[Columns]:
    """:func:`sort_unique`, in ascending spans of whole points of about ``size`` rows: less memory at a time."""
    n = len(rows)
    if n <= size:
        yield sort_unique(rows)
        return
    low = int(rows.point.min())
    width = int(rows.point.max()) - low + 1
    order = _by_point(rows.point, low, width) if width <= 4 * n else np.argsort(rows.point, kind="stable")
    point = rows.point[order]
    first = 0
    while first < n:
        end = int(np.searchsorted(point, point[min(first + size, n) - 1], side="right"))
        yield sort_unique(take(rows, order[first:end]))
        first = end


def _nearly_sorted(rows: Columns) -> NDArray[np.intp]:
    """Stable order by (point, time), fast where the rows consist of long runs in order."""
    low = int(rows.observed_at.min())
    bits = (int(rows.observed_at.max()) - low).bit_length()
    if bits <= 32:
        return np.argsort((rows.point.astype(np.int64) << bits) | (rows.observed_at - low), kind="stable")
    return np.lexsort((rows.observed_at, rows.point))
