"""Hot tables: where rows are durable the moment they are appended, unsorted, until they are sorted into segments.

Each is a small DuckDB file of its own, attached to the connection. Once its rows are in segments the file is
deleted with its write-ahead log: nothing has to be checkpointed, vacuumed or given back, and the space is free
at once.
"""

from __future__ import annotations

import re
import threading
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import structlog

from parksight.telemetry.protocols import I32, Columns
from parksight.telemetry.store.database import HOT_COLUMNS, Cursors, arrow
from parksight.telemetry.store.files import sync_folder
from parksight.telemetry.store.rows import no_rows, take

log = structlog.get_logger(__name__)

_LIST = "point, observed_at, value, quality, received_at"
#: Up to so many points the ids are written into the query, then joined, then looked up in all rows.
_INLINE_POINTS, _JOINED_POINTS = 64, 256
_NAME = re.compile(r"hot_(\d+)\.duckdb")


class HotFiles:
    """The hot tables of a store, by number.

    Args:
        cursors: the connection they are attached to.
        folder: where their files are.
    """

    def __init__(self, cursors: Cursors, folder: Path) -> None:
        self._cursors = cursors
        self._folder = folder
        #: Number of the table that was made ahead of its turn.
        self._spare: int | None = None
        self._making = threading.RLock()
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, number: int) -> Path:
        return self._folder / f"hot_{number}.duckdb"

    def numbers(self) -> list[int]:
        """Numbers of the files, oldest first."""
        found = (_NAME.fullmatch(path.name) for path in self._folder.iterdir())
        return sorted(int(match[1]) for match in found if match)

    def create(self, number: int) -> None:
        """Make a table and attach it, unless that was done ahead.

        Raises:
            duckdb.Error: the disk is full or not writable.
        """
        with self._making:
            if self._spare != number:
                self._make(number)
            self._spare = None

    def make_spare(self, number: int) -> None:
        """Make the next table ahead of its turn: whoever seals the present one need not wait for the disk."""
        with self._making:
            if self._spare == number or self.path(number).exists():
                return
            try:
                self._make(number)
            except (duckdb.Error, OSError) as problem:  # who needs it makes it, and says so if that fails
                log.warning("store_spare_not_made", error=str(problem)[:200])
            else:
                self._spare = number

    def drop_spare(self) -> None:
        """Leave no empty table behind."""
        with self._making:
            if self._spare is not None:
                self.drop(self._spare)

    def _make(self, number: int) -> None:
        """The file has its name only once it is whole (disk full, crash)."""
        cursor = self._cursors.get()
        unfinished = self._folder / f"hot_{number}.new"
        self._forget(unfinished)
        cursor.execute(f"ATTACH '{_quoted(unfinished)}' AS unfinished")
        try:
            cursor.execute(f"CREATE TABLE unfinished.observations ({HOT_COLUMNS})")
            cursor.execute("CHECKPOINT unfinished")
        finally:
            cursor.execute("DETACH unfinished")
        unfinished.rename(self.path(number))
        sync_folder(self._folder)
        self.attach(number)

    def clean_up(self) -> None:
        """Remove what a crash left of a table that was being made."""
        for path in self._folder.glob("hot_*.new*"):
            path.unlink()

    def attach(self, number: int) -> tuple[int, int, int]:
        """Attach a file; returns its rows and their first and last time.

        Raises:
            duckdb.Error: the file is no readable database.
        """
        cursor = self._cursors.get()
        cursor.execute(f"ATTACH IF NOT EXISTS '{_quoted(self.path(number))}' AS hot_{number}")
        sql = f"SELECT count(*), coalesce(min(observed_at), 0), coalesce(max(observed_at), -1) FROM {_table(number)}"  # noqa: S608
        # Fetched to the end: the engine refuses the next statement while a result is unfinished.
        rows, first, last = cursor.execute(sql).fetchall()[0]
        return rows, first, last

    def drop(self, number: int) -> None:
        """Detach a table if it is attached, and delete its file."""
        try:
            self._cursors.get().execute(f"DETACH DATABASE IF EXISTS hot_{number}")
        except duckdb.Error:
            log.exception("store_hot_not_detached", number=number)
            return
        with self._making:
            if self._spare == number:
                self._spare = None
        self._forget(self.path(number))

    @staticmethod
    def _forget(path: Path) -> None:
        # The log first: a crash between leaves a file that the next start knows to be covered.
        path.with_name(path.name + ".wal").unlink(missing_ok=True)
        path.unlink(missing_ok=True)

    def append(self, number: int, rows: Columns) -> None:
        """One transaction; durable when it returns."""
        cursor = self._cursors.get()
        cursor.register("batch", arrow(rows))
        try:
            cursor.execute(f"INSERT INTO {_table(number)} SELECT * FROM batch")  # noqa: S608
        finally:
            cursor.unregister("batch")

    def part(self, number: int, first: int, count: int) -> Columns:
        """``count`` rows from the ``first`` on, in the order they were written."""
        where = f"rowid >= {first} AND rowid < {first + count}"
        return self._rows(f"SELECT {_LIST} FROM {_table(number)} WHERE {where}")  # noqa: S608

    def scan(self, number: int, points: I32 | None, first: int, end: int) -> Columns:
        """Rows with ``first <= observed_at < end`` in the order they were written.

        Args:
            points: ascending; None for all.
        """
        where = f"observed_at >= {int(first)} AND observed_at < {int(end)}"
        source = _table(number)
        if points is None:
            return self._rows(f"SELECT {_LIST} FROM {source} WHERE {where}")  # noqa: S608
        if len(points) > _JOINED_POINTS:
            rows = self._rows(f"SELECT {_LIST} FROM {source} WHERE {where}")  # noqa: S608
            known = np.zeros(int(max(points[-1], rows.point.max(initial=0))) + 1, np.bool_)
            known[points] = True
            return take(rows, known[rows.point])
        if len(points) <= _INLINE_POINTS:
            where += f" AND point IN ({', '.join(str(int(p)) for p in points)})"
        else:
            self._cursors.get().register("wanted", pa.table({"wanted": points}))
            source += " AS rows_of SEMI JOIN wanted ON point = wanted"
        # Only a plain scan gives the rows in the order they were written; a join does not, and IN may become one.
        return self._rows(f"SELECT {_LIST}, rowid AS at_row FROM {source} WHERE {where} ORDER BY at_row")  # noqa: S608

    def _rows(self, sql: str) -> Columns:
        c = self._cursors.fetch(sql)
        if not len(c["point"]):
            return no_rows()
        return Columns(c["point"], c["observed_at"], c["value"], c["quality"], c["received_at"])


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _table(number: int) -> str:
    return f"hot_{number}.observations"
