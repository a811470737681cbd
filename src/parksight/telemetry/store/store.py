"""The store on one machine: :class:`DuckDbStore`. Design and figures: docs/decisions/010-store.md."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import structlog

from parksight.kernel.clock import Clock
from parksight.kernel.settings import StoreSettings
from parksight.telemetry.protocols import Buckets, Columns
from parksight.telemetry.quality import CODE_MASK
from parksight.telemetry.store import backup
from parksight.telemetry.store import database as db
from parksight.telemetry.store.compaction import MIRRORED, Compaction, view_of
from parksight.telemetry.store.days import EARLIEST, HOUR_MS, LATEST, LocalDays
from parksight.telemetry.store.errors import StoreClosed, StoreError, StoreWriteFailed
from parksight.telemetry.store.files import FileCache
from parksight.telemetry.store.hot import HotFiles
from parksight.telemetry.store.merging import resident_bytes
from parksight.telemetry.store.mirror import Mirror
from parksight.telemetry.store.newest import Newest
from parksight.telemetry.store.parts import DATABASE_NAME, HOT_NAME, SEGMENTS_NAME, ObservationsPart
from parksight.telemetry.store.reading import Reader, wanted
from parksight.telemetry.store.rows import check_rows, concat, no_rows, take
from parksight.telemetry.store.versions import HotTable, Versions, View
from parksight.telemetry.store.warm import warm

log = structlog.get_logger(__name__)

#: The compaction thread looks at least so often whether something is due.
_LOOK_S = 60.0
#: A hot table is sealed once so old, however small it is.
_HOT_AGE_MS = HOUR_MS
#: A mirror has room for a whole hot table from the start, up to so many rows.
_MIRROR_ROWS = 4_000_000
#: Behind ingest and questions, but not so far that other programs of a busy machine leave it nothing.
_NICENESS = 5
#: Sealed tables that may wait unsorted (about 60 MB each); for each one more every row appended costs a pause.
_BACKLOG, _PAUSE_S_PER_ROW, _PAUSE_MAX_S = 4, 0.5e-6, 1.0


class DuckDbStore:
    """Implements :class:`~parksight.telemetry.protocols.Store`.

    Thread-safe: ``append`` and ``mark`` take turns, queries run beside them and beside compaction.

    Args:
        directory: the store's own folder, created when missing. One process at a time owns it.
        settings: memory limit of DuckDB, rows of a hot table, retention.
        timezone: IANA name; partitions and day-wide buckets begin at its midnight.
        clock: says when days are closed and old.

    Raises:
        StoreInUse: another process owns the folder.
    """

    def __init__(self, directory: Path, settings: StoreSettings, timezone: str, clock: Clock) -> None:
        self.directory = directory
        self.settings = settings
        self._clock = clock
        self._days = LocalDays(timezone)
        self._folder = directory / SEGMENTS_NAME
        self._folder.mkdir(parents=True, exist_ok=True)
        self._files = FileCache()
        self._cursors = db.Cursors(directory / DATABASE_NAME, settings.memory_limit_mb, settings.threads)
        try:
            db.create(self._cursors, timezone)
            db.warm_up(self._cursors)
            newest = Newest()
            newest.load(self._cursors.get())
            self._hots = HotFiles(self._cursors, directory / HOT_NAME)
            self._versions = Versions(self._found())
            self._compaction = Compaction(
                self._cursors, self._hots, self._files, self._days, self._folder, self._versions, newest,
                settings.raw_retention_days,
            )  # fmt: skip
        except BaseException:
            self._cursors.close()
            raise
        self._reader = Reader(self._cursors, self._hots, self._files, self._days, self._folder)
        self._write = threading.Lock()
        self._wake = threading.Event()
        self._closing = False
        self._closed = threading.Event()
        self._broken = False
        self._thread: threading.Thread | None = None
        self._last: dict[str, float] = {}
        self._failure: str | None = None
        self._appended = 0
        self._paused_s = 0.0
        self._write_failures = 0
        self._clean_up()

    # --- life -----------------------------------------------------------------------------------------

    def _found(self) -> View:
        """What the files say: at a start, or after a fatal error of the engine."""
        capacity = min(self.settings.compact_after_rows, _MIRROR_ROWS)
        return view_of(self._cursors, self._hots, self._files, self._clock.now_ms(), capacity)

    def _clean_up(self) -> None:
        """Remove what a crash left behind; note files that the manifest names and the disk lacks."""
        named = set()
        for s in self._versions.now.segments():
            for path, size in (
                (s.rows_path(self._folder), s.row_bytes if s.has_rows else 0),
                (s.roll_path(self._folder), s.roll_bytes),
            ):
                named.add(path)
                found = path.stat().st_size if path.exists() else 0
                if found != size:
                    reason = "missing" if not found else f"{found} bytes instead of {size}"
                    self._files.note(path, self._days.name(s.day), reason)
        for path in self._folder.iterdir():
            if path not in named:
                path.unlink()

    def start(self) -> None:
        """Compact in a thread of its own from now on, at low priority."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="telemetry-compaction", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        if hasattr(os, "setpriority"):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
        warm()
        while not self._closing:
            self._wake.wait(_LOOK_S)
            self._wake.clear()
            if self._stopping():
                return
            try:
                now = self._clock.now_ms()
                current = self._versions.now.hots[-1]
                if current.rows and now - current.since_ms >= _HOT_AGE_MS:
                    self._seal()
                self._compact(now)
            except Exception:
                log.exception("store_compaction_failed")

    def _stopping(self) -> bool:
        return self._closing

    def close(self) -> None:
        """Stop compacting and close the files; queries under way end with an error. Idempotent."""
        self._closing = True
        self._closed.set()
        self._compaction.stopping = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        with self._write, self._compaction.lock:
            self._versions.collect()
            self._hots.drop_spare()
            self._cursors.close()

    # --- writing --------------------------------------------------------------------------------------

    def append(self, rows: Columns) -> None:
        """Add rows; durable when it returns, all or none.

        Takes longer while more tables wait to be sorted than memory is meant for, so that whoever appends feels it
        and memory stays bounded.

        Raises:
            ValueError: columns of different lengths, negative point, or a time outside 1970 to 2100.
            StoreWriteFailed: the rows are not stored; the disk is full or not writable.
        """
        if not len(rows):
            return
        check_rows(rows)
        self._pace(len(rows))
        with self._write:
            self._append(rows)

    def _pace(self, rows: int) -> None:
        excess = len(self._versions.now.hots) - 1 - _BACKLOG
        if excess > 0 and self._thread is not None:
            pause = min(excess * rows * _PAUSE_S_PER_ROW, _PAUSE_MAX_S)
            self._paused_s += pause
            self._closed.wait(pause)

    def _append(self, rows: Columns) -> None:
        if self._closing:
            raise StoreClosed
        self._reopen_if_broken()
        try:
            hot = self._versions.now.hots[-1]
            if hot.rows and hot.rows + len(rows) > self.settings.compact_after_rows:
                hot = self._rotate()
            hot.first_at = min(hot.first_at, int(rows.observed_at.min()))
            hot.last_at = max(hot.last_at, int(rows.observed_at.max()))
            self._hots.append(hot.number, rows)
        except duckdb.Error as problem:
            self._write_failures += 1
            self._failure = f"{type(problem).__name__}: {problem}"[:300]
            self._broken = isinstance(problem, duckdb.FatalException | duckdb.InternalException)
            raise StoreWriteFailed(self.directory, problem) from problem
        if hot.mirror is not None:
            hot.mirror.append(rows)
        hot.rows += len(rows)
        self._appended += len(rows)
        self._failure = None

    def _reopen_if_broken(self) -> None:
        """After a fatal error the engine refuses everything until its file is opened again."""
        if not self._broken:
            return
        try:
            with self._compaction.lock:
                self._cursors.open()
                found = self._found()
                self._versions.publish(hots=found.hots, days=found.days)
        except duckdb.Error as problem:
            raise StoreWriteFailed(self.directory, problem) from problem
        self._broken = False
        log.warning("store_reopened", directory=str(self.directory))

    def _rotate(self) -> HotTable:
        """Seal the hot table and begin the next (under the write lock)."""
        hots = self._versions.now.hots
        mirror = Mirror(min(self.settings.compact_after_rows, _MIRROR_ROWS))
        fresh = HotTable(hots[-1].number + 1, since_ms=self._clock.now_ms(), mirror=mirror)
        for old in hots[: 1 - MIRRORED]:
            old.mirror = None
        self._hots.create(fresh.number)
        self._versions.publish(extend=fresh)
        self._wake.set()
        return fresh

    def _seal(self) -> None:
        with self._write:
            if self._closing:
                raise StoreClosed
            self._reopen_if_broken()
            try:
                if self._versions.now.hots[-1].rows:
                    self._rotate()
            except duckdb.Error as problem:
                raise StoreWriteFailed(self.directory, problem) from problem

    def mark(self, point: int, start: int, end: int, code: int) -> int:
        """Give the rows of a span another quality code; flags stay. Returns how many changed.

        The rows are written again with the new code; being the last written they count from now on, and
        the next merge of their day removes the old ones.
        """
        if not 0 <= code <= CODE_MASK:
            raise ValueError(f"a quality code is 0 to {CODE_MASK}, not {code}")
        changed = 0
        ids = wanted([point])
        start, end = max(start, EARLIEST), min(end, LATEST)
        at = start
        while at < end:
            stop = min(end, self._days.start(self._days.number(at) + 1))
            # One day at a time under the lock: between reading and writing nothing may come in for it.
            with self._write, self._versions.pin() as view:
                rows = self._reader.rows(view, ids, at, stop)
                rows = take(rows, (rows.quality & CODE_MASK) != code)
                if len(rows):
                    rows.quality = (rows.quality & ~np.uint8(CODE_MASK)) | np.uint8(code)
                    self._append(rows)
                    changed += len(rows)
            at = self._versions.now.next_day(stop, self._days)
        return changed

    # --- reading --------------------------------------------------------------------------------------

    def last(self) -> Columns:
        """The newest row of every point, ascending by point.

        Newest by observation time capped at arrival, as the live table has it.
        """
        with self._versions.pin() as view:
            newest = self._compaction.newest.copy()
            newest.take(self._reader.hot(view, None, EARLIEST, LATEST))
            return newest.rows()

    def raw(self, points: Sequence[int], start: int, end: int, limit: int | None = None) -> Columns:
        """Rows with ``start <= observed_at < end``, ordered by point then time, duplicates resolved.

        Rows older than the retention are gone; their aggregates are not (:meth:`buckets`).

        Raises:
            PartitionDamaged: a partition that is needed cannot be read.
        """
        ids = wanted(points)
        if not len(ids) or start >= end:
            return no_rows()
        with self._versions.pin() as view:
            if limit is None:
                return self._reader.rows(view, ids, start, end)
            parts: list[Columns] = []
            left = limit
            hot = self._reader.hot(view, ids, start, end)
            for point in ids:
                for _, rows in self._reader.by_day(view, np.array([point], np.int32), start, end, hot):
                    parts.append(take(rows, slice(0, left)))
                    left -= len(parts[-1])
                    if left <= 0:
                        return concat(parts)
            return concat(parts)

    def raw_by_day(self, points: Sequence[int], start: int, end: int) -> Iterator[Columns]:
        """The rows of :meth:`raw`, one zone-local day after the other, each ordered by point then time.

        For exports: memory holds one day's rows of these points. The view stays the same throughout.
        """
        ids = wanted(points)
        if len(ids):
            with self._versions.pin() as view:
                for _, rows in self._reader.by_day(view, ids, start, end):
                    yield rows

    def buckets(self, points: Sequence[int], start: int, end: int, width_ms: int) -> Buckets:
        """Aggregates of whole buckets that meet ``[start, end)``, ordered by point then start.

        Buckets count from the epoch; whole-day widths from the zone's midnight. Empty buckets are left out.

        Raises:
            ValueError: a width that is not positive.
            PartitionDamaged: a partition that is needed cannot be read.
        """
        if width_ms <= 0:
            raise ValueError(f"a bucket must be wider than {width_ms} ms")
        ids = wanted(points)
        with self._versions.pin() as view:
            empty = not len(ids) or start >= end
            return self._reader.partials(view, ids, start, start if empty else end, width_ms).buckets()

    # --- upkeep ---------------------------------------------------------------------------------------

    def compact(self, now_ms: int) -> dict[str, float]:
        """Sort all hot rows into segments, merge what is due, apply retention; returns figures.

        Raises:
            StoreWriteFailed: the disk is full or not writable; nothing is lost.
        """
        self._seal()
        return self._compact(now_ms)

    def _compact(self, now_ms: int) -> dict[str, float]:
        try:
            self._last = self._compaction.run(now_ms)
        except StoreError as problem:
            self._failure = str(problem)
            raise
        return self._last

    def stats(self) -> dict[str, float]:
        """Figures of rows, bytes and upkeep."""
        view = self._versions.now
        segments = list(view.segments())
        kept = sum(s.rows for s in segments if s.has_rows)
        row_bytes = sum(s.row_bytes for s in segments)
        roll_bytes = sum(s.roll_bytes for s in segments)
        database = _bytes(self.directory.glob(DATABASE_NAME + "*"))
        hot_bytes = _bytes((self.directory / HOT_NAME).iterdir())
        hot_rows = sum(h.rows for h in view.hots)
        return {
            "rows": float(kept + hot_rows),
            "hot_rows": float(hot_rows),
            "sealed_tables": float(len(view.hots) - 1),
            "partitions": float(len(view.days)),
            "segments": float(len(segments)),
            "bytes": float(row_bytes + roll_bytes + database + hot_bytes),
            "row_bytes": float(row_bytes),
            "rollup_bytes": float(roll_bytes),
            "database_bytes": float(database),
            "hot_bytes": float(hot_bytes),
            "bytes_per_row": row_bytes / kept if kept else 0.0,
            "bytes_per_row_with_rollups": (row_bytes + roll_bytes) / kept if kept else 0.0,
            "appended": float(self._appended),
            "append_paused_seconds": self._paused_s,
            "write_failures": float(self._write_failures),
            "damaged_files": float(len(self._files.damaged)),
            "merges_skipped": float(len(self._compaction.skipped)),
            "checkpoint_failures": float(self._compaction.checkpoint_failures),
            "resident_mb": resident_bytes() / 1e6,
            **{f"last_compaction_{k}": v for k, v in self._last.items()},
        }

    def health(self) -> dict[str, Any]:
        """Whether all is well, and if not what is wrong: damaged files by day, the last failure."""
        damaged = [
            {"day": day, "file": path.name, "reason": reason}
            for path, (day, reason) in sorted(self._files.damaged.items())
        ]
        return {
            "ok": not damaged and self._failure is None,
            "damaged": damaged,
            "last_failure": self._failure,
            "merges_skipped": {self._days.name(d): r for d, r in self._compaction.skipped.items()},
        }

    def dump(self, directory: Path) -> dict[str, Any]:
        """A consistent copy while running, into an empty or missing folder; see :mod:`.backup`."""
        with self._write:
            self._reopen_if_broken()
            pinned = self._versions.pin()
            view = pinned.__enter__()
            counts = {h.number: h.rows for h in view.hots}
        try:
            newest = self._compaction.newest.rows()
            zone = self._days.timezone
            return backup.dump(self._cursors, self._hots, self._folder, view, counts, newest, zone, directory)
        finally:
            pinned.__exit__(None, None, None)

    def backup_part(self) -> ObservationsPart:
        """What the platform's backup asks for the observations of this running store."""
        return ObservationsPart(self.directory, self)


def _bytes(paths: Iterable[Path]) -> int:
    total = 0
    for path in paths:
        with contextlib.suppress(FileNotFoundError):  # compaction may just have deleted it
            total += path.stat().st_size
    return total


__all__ = ["DuckDbStore"]
