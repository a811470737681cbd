"""The newest row of every point, so that a start need not look through the history.

"Newest" is by observation time capped at arrival, as the live table has it: a reading from the future must
not hide the ones that follow. Of equal ones the one written last counts.
"""

from __future__ import annotations

import duckdb
import numpy as np
from numba import njit

from parksight.telemetry.protocols import F64, I32, I64, U8, Columns
from parksight.telemetry.store.database import HOT_COLUMNS, arrow


@njit(cache=True, nogil=True)
def _take(
    point: I32, observed: I64, value: F64, quality: U8, received: I64,
    t_observed: I64, t_value: F64, t_quality: U8, t_received: I64,
) -> None:  # fmt: skip
    for i in range(point.shape[0]):
        p = point[i]
        again = t_observed[p] == observed[i]  # the same row, written once more
        if t_observed[p] < 0 or again or min(observed[i], received[i]) >= min(t_observed[p], t_received[p]):
            t_observed[p] = observed[i]
            t_value[p] = value[i]
            t_quality[p] = quality[i]
            t_received[p] = received[i]


class Newest:
    """Columns indexed by point id; used by one thread at a time."""

    def __init__(self) -> None:
        self._observed: I64 = np.empty(0, np.int64)
        self._value: F64 = np.empty(0)
        self._quality: U8 = np.empty(0, np.uint8)
        self._received: I64 = np.empty(0, np.int64)

    def copy(self) -> Newest:
        other = Newest()
        other._observed, other._value = self._observed.copy(), self._value.copy()
        other._quality, other._received = self._quality.copy(), self._received.copy()
        return other

    def take(self, rows: Columns) -> None:
        """Take in rows in the order they were written."""
        if not len(rows):
            return
        extra = int(rows.point.max()) + 1 - len(self._observed)
        if extra > 0:
            self._observed = np.concatenate([self._observed, np.full(extra, -1, np.int64)])
            self._value = np.concatenate([self._value, np.full(extra, np.nan)])
            self._quality = np.concatenate([self._quality, np.zeros(extra, np.uint8)])
            self._received = np.concatenate([self._received, np.full(extra, -1, np.int64)])
        _take(
            rows.point, rows.observed_at, rows.value, rows.quality, rows.received_at,
            self._observed, self._value, self._quality, self._received,
        )  # fmt: skip

    def rows(self) -> Columns:
        """One row per point that has any, ascending."""
        ids = np.flatnonzero(self._observed >= 0).astype(np.int32)
        return Columns(ids, self._observed[ids], self._value[ids], self._quality[ids], self._received[ids])

    def save(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Write all into the table ``newest`` (inside a transaction)."""
        cursor.register("newest_part", arrow(self.rows()))
        try:
            cursor.execute(f"CREATE OR REPLACE TABLE newest ({HOT_COLUMNS})")
            cursor.execute("INSERT INTO newest SELECT * FROM newest_part")
        finally:
            cursor.unregister("newest_part")

    def load(self, cursor: duckdb.DuckDBPyConnection) -> None:
        c = cursor.execute("SELECT point, observed_at, value, quality, received_at FROM newest").fetchnumpy()
        self.take(Columns(c["point"], c["observed_at"], c["value"], c["quality"], c["received_at"]))
