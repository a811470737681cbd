"""The newest value of every point: NumPy columns indexed by point id.

"Newest" is by observation time, capped at the time of arrival: a reading from the future must not hide the
ones that follow once the device's clock is right again. Staleness comes from each point's own expected period
and never from a connection.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from parksight.telemetry.catalogue import ACTIVE, NO_ENTERPRISE, Catalogue, PointColumns
from parksight.telemetry.protocols import F64, I32, I64, U8, Columns
from parksight.telemetry.quality import CODE_MASK, Quality

#: A point is stale once its newest value is older than this many expected periods.
STALE_PERIODS = 3


class State(IntEnum):
    """How far the value of a point may be believed now; only ONLINE may be drawn green."""

    UNKNOWN = 0
    ONLINE = 1
    SUSPECT = 2
    STALE = 3


@dataclass(slots=True, frozen=True)
class LiveRows:
    """Newest values of some points, equally long columns in the order asked for.

    Attributes:
        value: in the point's unit; NaN where there is none.
        observed_at: ms since the epoch; -1 where never seen.
        state: :class:`State` as uint8.
    """

    point: I32
    value: F64
    observed_at: I64
    received_at: I64
    quality: U8
    state: U8
    count: I64


@dataclass(slots=True)
class Coverage:
    """Active points by state; ``total`` is their sum."""

    total: int = 0
    online: int = 0
    suspect: int = 0
    stale: int = 0
    unknown: int = 0

    def as_dict(self) -> dict[str, int]:
        return {
            "total": self.total,
            "online": self.online,
            "suspect": self.suspect,
            "stale": self.stale,
            "unknown": self.unknown,
        }


@njit(cache=True, nogil=True)
def _apply(
    point: I32, observed: I64, value: F64, quality: U8, received: I64,
    t_value: F64, t_observed: I64, t_received: I64, t_effective: I64, t_quality: U8, t_count: I64,
    add: int,
) -> None:  # fmt: skip
    for i in range(point.shape[0]):
        p = point[i]
        t_count[p] += add
        effective = min(observed[i], received[i])
        if effective >= t_effective[p]:
            t_effective[p] = effective
            t_value[p] = value[i]
            t_observed[p] = observed[i]
            t_received[p] = received[i]
            t_quality[p] = quality[i]


class LiveTable:
    """Thread-safe: one writer (the ingest thread), any readers.

    Args:
        catalogue: gives expected periods, enterprises and classes.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._lock = threading.Lock()
        self._size = 0
        self._value: F64 = np.empty(0)
        self._observed: I64 = np.empty(0, np.int64)
        self._received: I64 = np.empty(0, np.int64)
        self._effective: I64 = np.empty(0, np.int64)
        self._quality: U8 = np.empty(0, np.uint8)
        self._count: I64 = np.empty(0, np.int64)
        self._grow(1024)

    def _grow(self, size: int) -> None:
        if size <= self._size:
            return
        size = max(size, self._size * 2)
        extra = size - self._size
        self._value = np.concatenate([self._value, np.full(extra, np.nan)])
        self._observed = np.concatenate([self._observed, np.full(extra, -1, np.int64)])
        self._received = np.concatenate([self._received, np.full(extra, -1, np.int64)])
        self._effective = np.concatenate([self._effective, np.full(extra, -1, np.int64)])
        self._quality = np.concatenate([self._quality, np.full(extra, Quality.UNKNOWN, np.uint8)])
        self._count = np.concatenate([self._count, np.zeros(extra, np.int64)])
        self._size = size

    def update(self, rows: Columns) -> None:
        """Take in durable rows, in the order they arrived."""
        self._take(rows, 1)

    def warm_up(self) -> None:
        """Load the compiled kernel now, so that the first readings do not wait for it."""
        i32, i64, u8 = np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0, np.uint8)
        f64 = np.empty(0)
        with self._lock:
            _apply(i32, i64, f64, u8, i64, f64, i64, i64, i64, u8, i64, 0)

    def load(self, rows: Columns) -> None:
        """Fill from ``store.last()`` at start; counts stay those of this process."""
        self._take(rows, 0)

    def _take(self, rows: Columns, add: int) -> None:
        if not len(rows):
            return
        if int(rows.point.min()) < 0:
            raise ValueError("the live table was handed a negative point id")
        with self._lock:
            self._grow(int(rows.point.max()) + 1)
            _apply(
                np.ascontiguousarray(rows.point, np.int32), np.ascontiguousarray(rows.observed_at, np.int64),
                np.ascontiguousarray(rows.value, np.float64), np.ascontiguousarray(rows.quality, np.uint8),
                np.ascontiguousarray(rows.received_at, np.int64),
                self._value, self._observed, self._received, self._effective, self._quality, self._count, add,
            )  # fmt: skip

    def revise_quality(self, point: int, start: int, end: int, code: int) -> None:
        """Give the newest value another code when it was observed in ``[start, end)`` (forensics)."""
        with self._lock:
            if point < self._size and start <= self._observed[point] < end:
                self._quality[point] = (int(self._quality[point]) & ~CODE_MASK) | code

    def rows(self, points: npt.ArrayLike, now_ms: int) -> LiveRows:
        """Newest values of the given ids (any integers; ids never seen are UNKNOWN)."""
        ids = np.ascontiguousarray(points, np.int32)
        newest, effective = self._newest(ids)
        state = self._states(ids, effective, newest.quality, self._catalogue.current(), now_ms)
        return LiveRows(
            ids,
            newest.value,
            newest.observed_at,
            newest.received_at,
            newest.quality,
            state,
            self._counts(ids),
        )

    def newest(self, points: npt.ArrayLike) -> Columns:
        """Newest rows of the given ids without judging their state; ``observed_at`` is -1 where never seen."""
        return self._newest(np.ascontiguousarray(points, np.int32))[0]

    def _newest(self, ids: I32) -> tuple[Columns, I64]:
        with self._lock:
            safe = np.where((ids >= 0) & (ids < self._size), ids, 0)
            value, observed, quality = self._value[safe], self._observed[safe], self._quality[safe]
            received, effective = self._received[safe], self._effective[safe]
        unseen = safe != ids
        value[unseen], quality[unseen] = np.nan, Quality.UNKNOWN
        for column in (observed, received, effective):
            column[unseen] = -1
        return Columns(ids, observed, value, quality, received), effective

    def _counts(self, ids: I32) -> I64:
        with self._lock:
            inside = (ids >= 0) & (ids < self._size)
            counts: I64 = np.where(inside, self._count[np.where(inside, ids, 0)], 0)
        return counts

    def _states(self, ids: I32, effective: I64, quality: U8, columns: PointColumns, now_ms: int) -> U8:
        inside = (ids >= 0) & (ids < len(columns))
        period = np.full(len(ids), 60_000, np.int64)
        period[inside] = columns.period_ms[ids[inside]]
        code = quality & np.uint8(CODE_MASK)
        state = np.full(len(ids), State.ONLINE, np.uint8)
        state[(code == Quality.SUSPECT) | (code == Quality.BAD)] = State.SUSPECT
        state[now_ms - effective > STALE_PERIODS * period] = State.STALE
        state[effective < 0] = State.UNKNOWN
        return state

    def active(self) -> I32:
        """Ids of all active points, ascending."""
        return np.flatnonzero(self._catalogue.current().flags & ACTIVE).astype(np.int32)

    def ids_in_state(self, state: State, now_ms: int) -> I32:
        """Ids of the active points in a state."""
        ids = self.active()
        found: I32 = ids[self.rows(ids, now_ms).state == state]
        return found

    def coverage(
        self, now_ms: int, enterprises: frozenset[int] | None = None, *, refresh: bool = True
    ) -> Coverage:
        """Active points by state; only of the given enterprises unless None.

        ``refresh=False`` does not look at the records (for the event loop).
        """
        return _count_states(self._active_states(now_ms, enterprises, refresh=refresh)[1])

    def coverage_by_enterprise(
        self, now_ms: int, enterprises: frozenset[int] | None = None
    ) -> dict[int | None, Coverage]:
        """Coverage per enterprise id; None is the zone itself."""
        _, state, owner, _ = self._active_states(now_ms, enterprises)
        return {
            (int(e) if e != NO_ENTERPRISE else None): _count_states(state[owner == e])
            for e in np.unique(owner)
        }

    def coverage_by_kind(self, now_ms: int, enterprises: frozenset[int] | None = None) -> dict[str, Coverage]:
        """Coverage per class tag."""
        _, state, _, kind = self._active_states(now_ms, enterprises)
        names = self._catalogue.current().kinds
        return {names[k]: _count_states(state[kind == k]) for k in np.unique(kind)}

    def _active_states(
        self, now_ms: int, enterprises: frozenset[int] | None, *, refresh: bool = True
    ) -> tuple[I32, U8, I64, I32]:
        columns = self._catalogue.current() if refresh else self._catalogue.peek()
        mask = (columns.flags & ACTIVE) != 0
        if enterprises is not None:
            mask &= np.isin(columns.enterprise, np.fromiter(enterprises, np.int64, len(enterprises)))
        ids = np.flatnonzero(mask).astype(np.int32)
        newest, effective = self._newest(ids)
        state = self._states(ids, effective, newest.quality, columns, now_ms)
        return ids, state, columns.enterprise[ids], columns.kind[ids]

    def figures(self) -> dict[str, Any]:
        """Size of the table, for health."""
        with self._lock:
            return {"capacity": self._size, "seen": int(np.count_nonzero(self._effective >= 0))}


def _count_states(state: U8) -> Coverage:
    n = np.bincount(state, minlength=4)
    return Coverage(
        total=len(state),
        online=int(n[State.ONLINE]),
        suspect=int(n[State.SUSPECT]),
        stale=int(n[State.STALE]),
        unknown=int(n[State.UNKNOWN]),
    )
