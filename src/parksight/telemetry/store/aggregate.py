"""Aggregates of sorted rows, and how aggregates of parts become those of the whole.

A partial aggregate knows the times of its first and last row. Two partials of one bucket may be added when
their time spans do not touch; when they do, some row may have been written twice and the bucket has to be
computed from the rows themselves. That makes every answer exact, whatever arrived late or again.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from parksight.telemetry.protocols import F64, I32, I64, U8, Buckets
from parksight.telemetry.quality import CODE_MASK, Quality

Bool = NDArray[np.bool_]

#: From best to worst: what may be used, what was not a measurement, what is not to be believed.
ORDER = (
    Quality.GOOD, Quality.UNKNOWN, Quality.SUBSTITUTED, Quality.CALIBRATION, Quality.MAINTENANCE,
    Quality.SUSPECT, Quality.BAD,
)  # fmt: skip
_RANK = np.arange(CODE_MASK + 1, dtype=np.int64) + 100
for _place, _code in enumerate(ORDER):
    _RANK[_code] = _place
_USABLE = np.zeros(CODE_MASK + 1, np.bool_)
_USABLE[[Quality.GOOD, Quality.UNKNOWN, Quality.SUBSTITUTED]] = True


@dataclass(slots=True)
class Partials:
    """Aggregates per (point, start), equally long columns.

    Attributes:
        count: all rows; ``usable`` those with a finite value whose quality allows a mean.
        minimum: over the usable rows, NaN where none; likewise ``maximum`` and ``last``.
        total: sum of the usable values, 0 where none.
        quality: or of all flags with the worst code.
        first_at: time of the first row, ``last_at`` of the last, usable or not.
    """

    point: I32
    start: I64
    count: I64
    usable: I64
    minimum: F64
    maximum: F64
    total: F64
    last: F64
    quality: U8
    first_at: I64
    last_at: I64

    def __len__(self) -> int:
        return len(self.point)

    def take(self, which: NDArray[np.intp] | Bool | slice) -> Partials:
        return Partials(*(getattr(self, f.name)[which] for f in fields(self)))

    def buckets(self) -> Buckets:
        """As the contract shows them, with the mean."""
        mean = np.full(len(self), np.nan)
        np.divide(self.total, self.usable, out=mean, where=self.usable > 0)
        return Buckets(
            self.point, self.start, self.count, self.usable, self.minimum, self.maximum, mean, self.last,
            self.quality,
        )  # fmt: skip


NAMES = tuple(f.name for f in fields(Partials))


def empty() -> Partials:
    i, f = np.empty(0, np.int64), np.empty(0)
    return Partials(np.empty(0, np.int32), i, i, i, f, f, f, f, np.empty(0, np.uint8), i, i)


def concat(parts: list[Partials]) -> Partials:
    parts = [p for p in parts if len(p)]
    if len(parts) == 1:
        return parts[0]
    return Partials(*(np.concatenate([getattr(p, n) for p in parts]) for n in NAMES)) if parts else empty()


@njit(cache=True, nogil=True)
def _aggregate(
    point: I32, at: I64, value: F64, quality: U8, start: I64, rank: I64, usable_code: Bool
) -> tuple[I32, I64, I64, I64, F64, F64, F64, F64, U8, I64, I64]:
    n = point.shape[0]
    groups = 0
    for i in range(n):
        if i == 0 or point[i] != point[i - 1] or start[i] != start[i - 1]:
            groups += 1
    o_point, o_start = np.empty(groups, np.int32), np.empty(groups, np.int64)
    o_count, o_usable = np.zeros(groups, np.int64), np.zeros(groups, np.int64)
    o_min, o_max = np.full(groups, np.nan), np.full(groups, np.nan)
    o_sum, o_last = np.zeros(groups), np.full(groups, np.nan)
    o_quality = np.zeros(groups, np.uint8)
    o_first, o_end = np.empty(groups, np.int64), np.empty(groups, np.int64)
    g = -1
    for i in range(n):
        q = quality[i]
        if i == 0 or point[i] != point[i - 1] or start[i] != start[i - 1]:
            g += 1
            o_point[g], o_start[g], o_first[g] = point[i], start[i], at[i]
            o_quality[g] = q
        o_end[g] = at[i]
        o_count[g] += 1
        flags = (o_quality[g] | q) & 0xF0
        worst = o_quality[g] & 0x0F
        if rank[q & 0x0F] > rank[worst]:
            worst = q & 0x0F
        o_quality[g] = flags | worst
        v = value[i]
        if usable_code[q & 0x0F] and np.isfinite(v):
            if o_usable[g] == 0:
                o_min[g] = v
                o_max[g] = v
            else:
                o_min[g] = min(o_min[g], v)
                o_max[g] = max(o_max[g], v)
            o_usable[g] += 1
            o_sum[g] += v
            o_last[g] = v
    return o_point, o_start, o_count, o_usable, o_min, o_max, o_sum, o_last, o_quality, o_first, o_end


def aggregate(point: I32, at: I64, value: F64, quality: U8, start: I64) -> Partials:
    """Aggregates of rows sorted by point and time without duplicates; ``start`` is each row's bucket."""
    return Partials(*_aggregate(point, at, value, quality, start, _RANK, _USABLE))


@njit(cache=True, nogil=True)
def _fold(
    point: I32, start: I64, count: I64, usable: I64, low: F64, high: F64, total: F64, last: F64,
    quality: U8, first_at: I64, last_at: I64, rank: I64,
) -> tuple[I32, I64, I64, I64, F64, F64, F64, F64, U8, I64, I64, Bool]:  # fmt: skip
    n = point.shape[0]
    groups = 0
    for i in range(n):
        if i == 0 or point[i] != point[i - 1] or start[i] != start[i - 1]:
            groups += 1
    o_point, o_start = np.empty(groups, np.int32), np.empty(groups, np.int64)
    o_count, o_usable = np.zeros(groups, np.int64), np.zeros(groups, np.int64)
    o_min, o_max = np.full(groups, np.nan), np.full(groups, np.nan)
    o_sum, o_last = np.zeros(groups), np.full(groups, np.nan)
    o_quality = np.zeros(groups, np.uint8)
    o_first, o_end = np.empty(groups, np.int64), np.empty(groups, np.int64)
    touching = np.zeros(groups, np.bool_)
    g = -1
    for i in range(n):
        q = quality[i]
        if i == 0 or point[i] != point[i - 1] or start[i] != start[i - 1]:
            g += 1
            o_point[g], o_start[g] = point[i], start[i]
            o_first[g], o_end[g] = first_at[i], last_at[i]
            o_quality[g] = q
        else:
            if first_at[i] <= o_end[g]:
                touching[g] = True
            o_end[g] = max(o_end[g], last_at[i])
        o_count[g] += count[i]
        flags = (o_quality[g] | q) & 0xF0
        worst = o_quality[g] & 0x0F
        if rank[q & 0x0F] > rank[worst]:
            worst = q & 0x0F
        o_quality[g] = flags | worst
        if usable[i] > 0:
            if o_usable[g] == 0:
                o_min[g] = low[i]
                o_max[g] = high[i]
            else:
                o_min[g] = min(o_min[g], low[i])
                o_max[g] = max(o_max[g], high[i])
            o_usable[g] += usable[i]
            o_sum[g] += total[i]
            o_last[g] = last[i]
    return (
        o_point,
        o_start,
        o_count,
        o_usable,
        o_min,
        o_max,
        o_sum,
        o_last,
        o_quality,
        o_first,
        o_end,
        touching,
    )


def fold(parts: Partials) -> tuple[Partials, Bool]:
    """One aggregate per (point, start), and where its parts touch in time and may hold a row twice."""
    order = np.lexsort((parts.first_at, parts.start, parts.point))
    p = parts.take(order)
    out: Any = _fold(
        p.point, p.start, p.count, p.usable, p.minimum, p.maximum, p.total, p.last, p.quality, p.first_at,
        p.last_at, _RANK,
    )  # fmt: skip
    return Partials(*out[:-1]), out[-1]


def fullest(parts: Partials) -> Partials:
    """Per (point, start) the part with the most rows: for days whose rows are gone."""
    order = np.lexsort((parts.count, parts.start, parts.point))
    p = parts.take(order)
    keep = np.ones(len(p), np.bool_)
    keep[:-1] = (p.point[1:] != p.point[:-1]) | (p.start[1:] != p.start[:-1])
    return p.take(keep)
