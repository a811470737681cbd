"""The store's main DuckDB file: manifest of segments, day aggregates, newest values.

One process owns the file; every thread works on its own cursor. All that changes hands (rows from hot tables
to segments, segments to a merged one) does so in one transaction here, so a crash leaves the state before or
after, never between. The hot tables are files of their own (:mod:`.hot`).
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from parksight.telemetry.protocols import I32, Columns
from parksight.telemetry.store import aggregate as agg
from parksight.telemetry.store.deadline import check, interrupting
from parksight.telemetry.store.errors import StoreClosed, StoreInUse, StoreMismatch
from parksight.telemetry.store.rows import no_rows
from parksight.telemetry.store.segment import Segment

FORMAT = 2
HOT_COLUMNS = "point INTEGER, observed_at BIGINT, value DOUBLE, quality UTINYINT, received_at BIGINT"
_MANIFEST = (
    "id", "day", "oldest", "newest", "rows", "points", "first_at", "last_at", "row_bytes", "roll_bytes",
    "has_rows", "made_at",
)  # fmt: skip
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS meta (key VARCHAR, value BIGINT);
CREATE TABLE IF NOT EXISTS origin (timezone VARCHAR);
CREATE TABLE IF NOT EXISTS flushed (number BIGINT);
CREATE TABLE IF NOT EXISTS segment (
  id BIGINT, day INTEGER, oldest BIGINT, newest BIGINT, rows BIGINT, points BIGINT, first_at BIGINT,
  last_at BIGINT, row_bytes BIGINT, roll_bytes BIGINT, has_rows BOOLEAN, made_at BIGINT);
CREATE TABLE IF NOT EXISTS day_roll (
  segment BIGINT, point INTEGER, start BIGINT, count BIGINT, usable BIGINT, minimum DOUBLE, maximum DOUBLE,
  total DOUBLE, last DOUBLE, quality UTINYINT, first_at BIGINT, last_at BIGINT);
CREATE TABLE IF NOT EXISTS newest ({HOT_COLUMNS});
"""


def arrow(rows: Columns) -> Any:
    """The columns as an Arrow table, without copying."""
    return pa.table(
        {
            "point": rows.point,
            "observed_at": rows.observed_at,
            "value": rows.value,
            "quality": rows.quality,
            "received_at": rows.received_at,
        }
    )


class Cursors:
    """The connection and its cursors, one per thread.

    Args:
        path: the DuckDB file.
        memory_limit_mb: DuckDB spills to disk beyond it.
        threads: DuckDB's workers, shared by all cursors.
    """

    def __init__(self, path: Path, memory_limit_mb: int, threads: int) -> None:
        self.path = path
        self._config: dict[str, Any] = {
            "memory_limit": f"{memory_limit_mb}MB",
            "threads": threads,
            # Hot tables live in their log until they are deleted; the main file is checkpointed by compaction.
            "checkpoint_threshold": "4GB",
            "checkpoint_on_detach": "DISABLED",
            "temp_directory": str(path.parent / "spill"),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        }
        self._lock = threading.Lock()
        self._local = threading.local()
        self._all: list[duckdb.DuckDBPyConnection] = []
        self._generation = 0
        self._root: duckdb.DuckDBPyConnection | None = None
        self.open()

    def open(self) -> None:
        """Open, or open again after a fatal error of the engine."""
        with self._lock:
            self._close()
            try:
                self._root = duckdb.connect(str(self.path), config=self._config)
            except (duckdb.IOException, duckdb.ConnectionException) as problem:
                if "lock" in str(problem).lower():
                    raise StoreInUse(self.path.parent, problem) from problem
                raise
            self._generation += 1

    def get(self) -> duckdb.DuckDBPyConnection:
        """This thread's cursor."""
        local = self._local
        cursor: duckdb.DuckDBPyConnection | None = getattr(local, "cursor", None)
        if cursor is None or local.generation != self._generation:
            with self._lock:
                if self._root is None:
                    raise StoreClosed
                cursor = self._root.cursor()
                self._all.append(cursor)
                local.cursor, local.generation = cursor, self._generation
        return cursor

    @contextmanager
    def transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """All or nothing on this thread's cursor."""
        cursor = self.get()
        cursor.execute("BEGIN")
        try:
            yield cursor
            cursor.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(duckdb.Error):  # a failed COMMIT has already rolled back
                cursor.execute("ROLLBACK")
            raise

    def fetch(self, sql: str, parameters: list[Any] | None = None) -> dict[str, Any]:
        """Result columns as NumPy arrays, within this thread's time limit."""
        cursor = self.get()
        try:
            with interrupting(cursor.interrupt):
                result: dict[str, Any] = cursor.execute(sql, parameters or []).fetchnumpy()
        except duckdb.InterruptException:
            check()
            raise
        return result

    def _close(self) -> None:
        for cursor in self._all:
            cursor.close()
        self._all.clear()
        if self._root is not None:
            self._root.close()
            self._root = None

    def close(self) -> None:
        with self._lock:
            self._close()
            self._generation += 1


def create(cursors: Cursors, timezone: str) -> None:
    """Create what is missing; refuse another format and another time zone."""
    with cursors.transaction() as c:
        c.execute(_SCHEMA)
        found = c.execute("SELECT value FROM meta WHERE key = 'format'").fetchall()
        zones = c.execute("SELECT timezone FROM origin").fetchall()
        if not found or not zones:
            c.execute("INSERT INTO meta VALUES ('format', ?), ('next_segment', 1)", [FORMAT])
            c.execute("INSERT INTO origin VALUES (?)", [timezone])
        elif found[0][0] != FORMAT:
            raise StoreMismatch(cursors.path.parent, "format", found[0][0], FORMAT)
        elif zones[0][0] != timezone:
            raise StoreMismatch(cursors.path.parent, "timezone", zones[0][0], timezone)


def warm_up(cursors: Cursors) -> None:
    """The engine's first insert takes many times the later ones: do it before a device waits for it."""
    cursor = cursors.get()
    cursor.execute(f"CREATE TEMP TABLE warm_up ({HOT_COLUMNS})")
    cursor.register("batch", arrow(no_rows()))
    cursor.execute("INSERT INTO warm_up SELECT * FROM batch")
    cursor.unregister("batch")
    cursor.execute("DROP TABLE warm_up")


def get_meta(cursor: duckdb.DuckDBPyConnection, key: str) -> int:
    rows = cursor.execute("SELECT value FROM meta WHERE key = ?", [key]).fetchall()
    return int(rows[0][0]) if rows else 0


def set_meta(cursor: duckdb.DuckDBPyConnection, key: str, value: int) -> None:
    cursor.execute("UPDATE meta SET value = ? WHERE key = ?", [value, key])


def flushed(cursor: duckdb.DuckDBPyConnection) -> set[int]:
    """Numbers of the hot tables whose rows are in segments although their files may still be there."""
    return {int(n) for (n,) in cursor.execute("SELECT number FROM flushed").fetchall()}


def read_manifest(cursor: duckdb.DuckDBPyConnection) -> list[Segment]:
    rows = cursor.execute(f"SELECT {', '.join(_MANIFEST)} FROM segment").fetchall()  # noqa: S608
    return [Segment(*row) for row in rows]


def add_segment(cursor: duckdb.DuckDBPyConnection, segment: Segment, days: agg.Partials) -> None:
    """Enter a segment and its day aggregates (inside a transaction)."""
    marks = ", ".join("?" * len(_MANIFEST))
    cursor.execute(f"INSERT INTO segment VALUES ({marks})", [getattr(segment, n) for n in _MANIFEST])  # noqa: S608
    part = pa.table({"segment": np.full(len(days), segment.id), **{n: getattr(days, n) for n in agg.NAMES}})
    cursor.register("day_part", part)
    try:
        cursor.execute("INSERT INTO day_roll SELECT * FROM day_part")
    finally:
        cursor.unregister("day_part")


def drop_segments(cursor: duckdb.DuckDBPyConnection, ids: list[int]) -> None:
    """Take segments out of the manifest (inside a transaction); their day aggregates go by :func:`drop_days`."""
    cursor.execute(f"DELETE FROM segment WHERE id IN ({_inside(ids)})")  # noqa: S608 - integers


def drop_days(cursor: duckdb.DuckDBPyConnection, ids: list[int]) -> None:
    """Delete the day aggregates of segments that no query sees any more."""
    cursor.execute(f"DELETE FROM day_roll WHERE segment IN ({_inside(ids)})")  # noqa: S608 - integers


def _inside(ids: list[int]) -> str:
    return ", ".join(str(int(i)) for i in ids)


def read_days(
    cursors: Cursors, segments: list[int], points: I32 | None, first: int, end: int
) -> agg.Partials:
    """Day aggregates of some segments whose day starts in ``[first, end)``."""
    if not segments:
        return agg.empty()
    where = f"start >= {int(first)} AND start < {int(end)}"
    where += f" AND segment IN ({_inside(segments)})"
    source = "day_roll"
    if points is not None:
        cursors.get().register("wanted", pa.table({"wanted": points}))
        source += " SEMI JOIN wanted ON point = wanted"
    c = cursors.fetch(f"SELECT {', '.join(agg.NAMES)} FROM {source} WHERE {where}")  # noqa: S608
    return agg.Partials(*(np.asarray(c[n]) for n in agg.NAMES)) if len(c["point"]) else agg.empty()


def day_table(cursors: Cursors, segments: list[int]) -> Any:
    """The whole rows of the day aggregates of some segments, as an Arrow table."""
    sql = f"SELECT * FROM day_roll WHERE segment IN ({_inside(segments) or -1})"  # noqa: S608 - integers
    return pa.table(cursors.fetch(sql))
