"""Parquet files of the store: written once, synced, renamed into place, never changed.

Row groups are small and sorted by point, so one point's rows are found from the footer alone. Page checksums
are written and verified: a flipped bit is an error, never a wrong number.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from parksight.telemetry.protocols import I32, I64
from parksight.telemetry.store.errors import PartitionDamaged

#: Rows of a row group: a read decodes at least one.
GROUP_ROWS = 49_152
#: Column chunks described by the footers kept in memory, about a kilobyte each.
_CHUNKS_KEPT = 60_000


@dataclass(slots=True, frozen=True)
class Footer:
    """What a file says of itself: the parsed footer and per row group first and last point, level and rows."""

    metadata: Any
    first: I32
    last: I32
    level: I64
    rows: I64
    floats: I64

    @property
    def chunks(self) -> int:
        return len(self.rows) * int(self.metadata.num_columns)


class FileWriter:
    """Writes one file under a temporary name; :meth:`finish` makes it durable under its own.

    Args:
        path: final name.
        schema: Arrow schema.
        encodings: Parquet encodings by column.
    """

    def __init__(self, path: Path, schema: Any, encodings: dict[str, str]) -> None:
        self.path = path
        self.rows = 0
        self._temporary = path.with_suffix(".tmp")
        self._schema = schema
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._temporary.open("wb")
        self._writer = pq.ParquetWriter(
            self._file,
            schema,
            compression="zstd",
            compression_level=3,
            use_dictionary=False,
            column_encoding=encodings,
            write_statistics=["point", "level", "digits"] if "level" in schema.names else ["point", "digits"],
            write_page_checksum=True,
            data_page_version="2.0",
        )

    def write(self, columns: dict[str, Any], group_rows: int = GROUP_ROWS) -> None:
        """Append equally long columns as row groups of about ``group_rows``."""
        table = pa.table(columns, schema=self._schema)
        if not table.num_rows:
            return
        groups = -(-table.num_rows // group_rows)
        self._writer.write_table(table, row_group_size=-(-table.num_rows // groups))
        self.rows += table.num_rows

    def finish(self) -> int:
        """Close, sync and rename; returns the bytes."""
        self._writer.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        size = self._temporary.stat().st_size
        self._temporary.replace(self.path)
        sync_folder(self.path.parent)
        return size

    def abort(self) -> None:
        """Give up and leave nothing behind."""
        try:
            self._writer.close()
        except (OSError, pa.ArrowException):
            pass
        finally:
            self._file.close()
            self._temporary.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder durable (not needed, and not possible, on Windows)."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class FileCache:
    """Footers of the files read lately; readers of any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._footers: OrderedDict[Path, Footer] = OrderedDict()
        self._chunks = 0
        #: Files found unreadable: path to (day, reason); shown by health, emptied by a successful read.
        self.damaged: dict[Path, tuple[str, str]] = {}

    def footer(self, path: Path, day: str) -> Footer:
        """The footer, from memory where possible.

        Raises:
            PartitionDamaged: the file is missing or no readable Parquet.
        """
        with self._lock:
            known = self._footers.get(path)
            if known is not None:
                self._footers.move_to_end(path)
                return known
        try:
            footer = _read_footer(path)
        except (OSError, pa.ArrowException, KeyError, ValueError) as problem:
            raise self._damage(path, day, problem) from problem
        with self._lock:
            self._chunks += footer.chunks - self._weight(self._footers.get(path))
            self._footers[path] = footer
            while self._chunks > _CHUNKS_KEPT and len(self._footers) > 1:
                self._chunks -= self._footers.popitem(last=False)[1].chunks
        return footer

    def read(self, path: Path, day: str, groups: list[int], columns: list[str]) -> dict[str, Any]:
        """Columns of some row groups as NumPy arrays (read-only where Arrow's memory is shared).

        Raises:
            PartitionDamaged: the file is missing, cut off or its checksums do not fit.
        """
        footer = self.footer(path, day)
        try:
            with pq.ParquetFile(
                path, metadata=footer.metadata, memory_map=True, page_checksum_verification=True
            ) as file:
                table = file.read_row_groups(groups, columns=columns, use_threads=False)
            out = {name: table.column(name).to_numpy(zero_copy_only=False) for name in columns}
        except (OSError, pa.ArrowException) as problem:
            raise self._damage(path, day, problem) from problem
        if self.damaged:
            self.damaged.pop(path, None)
        return out

    @staticmethod
    def _weight(footer: Footer | None) -> int:
        return 0 if footer is None else footer.chunks

    def note(self, path: Path, day: str, problem: Exception | str) -> None:
        """Remember a file as unreadable, for health."""
        text = problem if isinstance(problem, str) else f"{type(problem).__name__}: {problem}"
        self.damaged[path] = (day, text[:300])

    def _damage(self, path: Path, day: str, problem: Exception) -> PartitionDamaged:
        self.note(path, day, problem)
        return PartitionDamaged(day, path, problem)

    def forget(self, path: Path) -> None:
        with self._lock:
            self._chunks -= self._weight(self._footers.pop(path, None))
        self.damaged.pop(path, None)


def _read_footer(path: Path) -> Footer:
    metadata = pq.read_metadata(path, memory_map=True)
    names = {metadata.schema.column(i).name: i for i in range(metadata.num_columns)}
    point, digits, level = names["point"], names["digits"], names.get("level")
    n = metadata.num_row_groups
    first, last = np.empty(n, np.int32), np.empty(n, np.int32)
    levels, rows, floats = np.zeros(n, np.int64), np.empty(n, np.int64), np.zeros(n, np.int64)
    for g in range(n):
        group = metadata.row_group(g)
        span = group.column(point).statistics
        first[g], last[g], rows[g] = span.min, span.max, group.num_rows
        floats[g] = group.column(digits).statistics.min < 0
        if level is not None:
            levels[g] = group.column(level).statistics.min
    return Footer(metadata, first, last, levels, rows, floats)


def groups_with(footer: Footer, points: I32 | range | None, level: int | None = None) -> list[int]:
    """Row groups that may hold any of the ascending points (None: any point), of one level."""
    if points is None:
        wanted = np.ones(len(footer.first), np.bool_)
    elif isinstance(points, range):
        wanted = (footer.last >= points.start) & (footer.first < points.stop)
    else:
        low = np.searchsorted(points, footer.first, side="left")
        wanted = np.searchsorted(points, footer.last, side="right") > low
    if level is not None:
        wanted &= footer.level == level
    return [int(g) for g in np.flatnonzero(wanted)]
