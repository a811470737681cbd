"""Compaction: hot tables become sorted segments, segments of a day become one, old rows are dropped.

Each step writes new files first, makes them durable, and then changes the manifest in one transaction; a crash
between leaves files nobody names, which the next start removes. Appends go on meanwhile into another hot table.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import structlog

from parksight.telemetry.protocols import Columns
from parksight.telemetry.store import database as db
from parksight.telemetry.store.aggregate import Partials
from parksight.telemetry.store.days import HOUR_MS, LocalDays
from parksight.telemetry.store.errors import PartitionDamaged, StoreWriteFailed
from parksight.telemetry.store.files import FileCache
from parksight.telemetry.store.hot import HotFiles
from parksight.telemetry.store.merging import CHUNK_ROWS, Effort, Merger, SegmentWriter
from parksight.telemetry.store.mirror import Mirror
from parksight.telemetry.store.newest import Newest
from parksight.telemetry.store.rows import sorted_spans, take
from parksight.telemetry.store.segment import Segment
from parksight.telemetry.store.versions import HotTable, Versions, View, by_day

log = structlog.get_logger(__name__)

#: A day is closed, and merged into one segment, so long after its midnight.
GRACE_MS = HOUR_MS
#: Late rows of a closed day wait until there are so many segments, so large a share, or so long.
MAX_SEGMENTS = 4
LATE_SHARE = 10
LATE_WAIT_MS = 6 * HOUR_MS
#: Rows of a hot table that become one segment of a day.
FLUSH_ROWS = 2_500_000
#: Newest hot tables kept in memory as well.
MIRRORED = 3
#: Size of the main file's write-ahead log from which it is checkpointed.
_WAL_BYTES = 16_000_000


def due(segments: tuple[Segment, ...], closed: bool, now_ms: int) -> tuple[Segment, ...]:
    """Which segments of a day (oldest first) to merge now; none or at least two.

    An open day keeps about log2(n) segments: the longest tail of at least four is merged whose oldest is not
    larger than the others together, so that a row is rewritten about log2(n) / 2 times.
    """
    if len(segments) < 2:
        return ()
    sizes = [s.rows for s in segments]
    if closed:
        largest = max(segments, key=lambda s: s.rows)
        late = [s for s in segments if s is not largest]
        waited = now_ms - min(s.made_at for s in late) >= LATE_WAIT_MS
        share = sum(s.rows for s in late) * LATE_SHARE >= sum(sizes)
        return segments if waited or share or len(segments) >= MAX_SEGMENTS else ()
    for first in range(len(segments) - 3):
        if sizes[first] <= sum(sizes[first + 1 :]):
            return segments[first:]
    return ()


class Compaction:
    """Runs in one thread at a time (a lock sees to it), on that thread's cursor.

    Args:
        cursors: the main file.
        hots: hot tables.
        files: segment files.
        days: the zone's days.
        folder: where segment files are.
        versions: what queries see.
        newest: newest row of every point, persisted with each flush.
        retention_days: rows of older days are dropped.
    """

    def __init__(
        self,
        cursors: db.Cursors,
        hots: HotFiles,
        files: FileCache,
        days: LocalDays,
        folder: Path,
        versions: Versions,
        newest: Newest,
        retention_days: int,
    ) -> None:
        self._cursors = cursors
        self._hots = hots
        self._files = files
        self._days = days
        self._folder = folder
        self._versions = versions
        #: Newest rows as of the last flush; never changed, replaced.
        self.newest = newest
        self._retention_days = retention_days
        self._merger = Merger(folder, files, days)
        self.lock = threading.Lock()
        #: Set it to end a run after the step it is at.
        self.stopping = False
        self.checkpoint_failures = 0
        self.skipped: dict[int, str] = {}
        with cursors.transaction() as c:
            self._next_id = max(
                db.get_meta(c, "next_segment"), max((s.id for s in db.read_manifest(c)), default=0) + 1
            )

    def run(self, now_ms: int) -> dict[str, float]:
        """Flush every sealed hot table, merge what is due, apply retention, free what is no longer seen.

        Raises:
            StoreWriteFailed: the disk is full or not writable; everything is as it was before the step.
        """
        started = time.monotonic()
        effort = Effort()
        with self.lock:
            try:
                self._make_spare()
                self._flush_sealed(now_ms, effort)
                self._merge_due(now_ms, effort)
                self._retain(now_ms, effort)
                self._checkpoint()
            except (OSError, pa.ArrowException, duckdb.Error) as problem:
                raise StoreWriteFailed(self._folder, problem) from problem
            waiting = self._versions.collect()
        effort.sample()
        return {
            "seconds": time.monotonic() - started,
            "rows": float(effort.rows),
            "merged_rows": float(effort.merged_rows),
            "segments": float(effort.segments),
            "merges": float(effort.merges),
            "dropped_days": float(effort.dropped_days),
            "peak_mb": effort.peak_bytes / 1e6,
            "waiting_to_be_freed": float(waiting),
        }

    def _take_id(self) -> int:
        self._next_id += 1
        return self._next_id - 1

    # --- hot table -> segments ------------------------------------------------------------------------

    def _flush_sealed(self, now_ms: int, effort: Effort) -> None:
        # As many as there are now: more may come in faster than they are sorted, and merges must not starve.
        for hot in self._versions.now.hots[:-1]:
            if not self.stopping:
                self._flush(hot, now_ms, effort)
                self._versions.collect()
                self._checkpoint()  # each flush logs some 10 MB per 100,000 points, which memory holds until then
                self._make_spare()

    def _make_spare(self) -> None:
        if not self.stopping:
            self._hots.make_spare(self._versions.now.hots[-1].number + 1)

    def _flush(self, hot: HotTable, now_ms: int, effort: Effort) -> None:
        made: list[tuple[Segment, Partials]] = []
        newest = self.newest.copy()
        first_id = self._next_id
        try:
            self._sort_hot(hot, now_ms, newest, made, effort)
            with self._cursors.transaction() as c:
                for segment, days in made:
                    db.add_segment(c, segment, days)
                newest.save(c)
                c.execute("INSERT INTO flushed VALUES (?)", [hot.number])
                db.set_meta(c, "next_segment", self._next_id)
        except BaseException:
            # The next attempt makes the same files of the same rows and takes the place of these. They are not
            # removed: should the engine have kept what it reported as failed, they are needed.
            self._next_id = first_id
            raise
        self.newest = newest
        self._versions.publish(
            without=hot,
            days=by_day([*self._versions.now.segments(), *(s for s, _ in made)]),
            garbage=[lambda: self._drop_hot(hot.number)],
        )
        effort.segments += len(made)

    def _sort_hot(
        self, hot: HotTable, now_ms: int, newest: Newest, made: list[tuple[Segment, Partials]], effort: Effort
    ) -> None:
        """Write the segments of a hot table, one per day and :data:`FLUSH_ROWS`, into ``made``."""
        for first in range(0, max(hot.rows, 1), FLUSH_ROWS):
            mirror = hot.mirror
            if mirror is not None:
                rows = take(mirror.rows(), slice(first, first + FLUSH_ROWS))
            else:
                rows = self._hots.part(hot.number, first, FLUSH_ROWS)
            effort.sample()
            newest.take(rows)
            day_of = self._days.numbers(rows.observed_at)
            for day in np.unique(day_of):
                which = (
                    slice(None) if day_of[0] == day == day_of[-1] and (day_of == day).all() else day_of == day
                )
                made.append(self._write(take(rows, which), int(day), hot, now_ms))
                effort.sample()
            effort.rows += len(rows)

    def _write(self, rows: Columns, day: int, hot: HotTable, now_ms: int) -> tuple[Segment, Partials]:
        writer = SegmentWriter(self._folder, self._take_id(), day, self._days)
        try:
            for span in sorted_spans(rows, CHUNK_ROWS):
                writer.add(span)
            return writer.finish(hot.number, hot.number, now_ms)
        except BaseException:
            writer.abort()
            raise

    def _drop_hot(self, number: int) -> None:
        self._hots.drop(number)
        if not self._hots.path(number).exists():
            self._cursors.get().execute("DELETE FROM flushed WHERE number = ?", [number])

    # --- segments -> one segment ----------------------------------------------------------------------

    def _closed(self, day: int, now_ms: int) -> bool:
        return self._days.start(day + 1) + GRACE_MS < now_ms

    def _merge_due(self, now_ms: int, effort: Effort) -> None:
        for day in sorted(self._versions.now.days):
            if day < self._cutoff(now_ms):
                continue
            # Rows that came in again for a day whose older rows are gone stay as they are.
            if not all(s.has_rows for s in self._versions.now.days[day]):
                continue
            while found := due(self._versions.now.days[day], self._closed(day, now_ms), now_ms):
                if self.stopping or not self._replace(found, now_ms, effort, keep_rows=True):
                    break

    def _cutoff(self, now_ms: int) -> int:
        return self._days.number(now_ms) - self._retention_days

    def _retain(self, now_ms: int, effort: Effort) -> None:
        for day, found in sorted(self._versions.now.days.items()):
            if not self.stopping and day < self._cutoff(now_ms) and any(s.has_rows for s in found):
                effort.dropped_days += self._replace(found, now_ms, effort, keep_rows=False)

    def _replace(self, old: tuple[Segment, ...], now_ms: int, effort: Effort, keep_rows: bool) -> bool:
        """Merge segments; False, with the reason kept, where one of them is damaged.

        Merging a long day takes minutes: what is sealed meanwhile is sorted between two spans, or it would pile
        up in memory.
        """

        def between() -> None:
            self._flush_sealed(now_ms, effort)

        try:
            new, days = self._merger.merge(old, self._take_id(), now_ms, effort, keep_rows, between)
        except PartitionDamaged as problem:
            self.skipped[old[0].day] = str(problem.params["reason"])
            log.exception("store_merge_skipped", day=problem.day)
            return False
        self.skipped.pop(old[0].day, None)
        with self._cursors.transaction() as c:
            db.drop_segments(c, [s.id for s in old])
            db.add_segment(c, new, days)
            db.set_meta(c, "next_segment", self._next_id)
        gone = {s.id for s in old}
        kept = [s for s in self._versions.now.segments() if s.id not in gone]
        self._versions.publish(days=by_day([*kept, new]), garbage=[lambda: self._remove(old)])
        effort.merges += 1
        return True

    def _remove(self, segments: tuple[Segment, ...]) -> None:
        db.drop_days(self._cursors.get(), [s.id for s in segments])
        for s in segments:
            for path in (s.rows_path(self._folder), s.roll_path(self._folder)):
                self._files.forget(path)
                path.unlink(missing_ok=True)

    def _checkpoint(self) -> None:
        """Shorten the write-ahead log of the main file, which appends do not touch."""
        wal = self._cursors.path.with_name(self._cursors.path.name + ".wal")
        try:
            if wal.stat().st_size < _WAL_BYTES:
                return
        except FileNotFoundError:
            return
        try:
            self._cursors.get().execute("CHECKPOINT")
        except duckdb.TransactionException:
            self.checkpoint_failures += 1  # a long query holds an old snapshot: next time


def view_of(cursors: db.Cursors, hot_files: HotFiles, files: FileCache, now_ms: int, capacity: int) -> View:
    """The view a start finds: hot tables not yet in segments, and the manifest; a new hot table for appends.

    Hot tables that a crash left behind although their rows are in segments are deleted. One that cannot be
    read is left alone and shown by health; the next start tries it again.

    Args:
        capacity: rows the new hot table's mirror has room for.
    """
    with cursors.transaction() as c:
        c.execute("DELETE FROM day_roll WHERE segment NOT IN (SELECT id FROM segment)")
        flushed = db.flushed(c)
        segments = db.read_manifest(c)
    used = hot_files.numbers()
    for number in flushed:
        hot_files.drop(number)
    cursors.get().execute("DELETE FROM flushed")
    hots: list[HotTable] = []
    for number in (n for n in used if n not in flushed):
        try:
            rows, first, last = hot_files.attach(number)
        except duckdb.Error as problem:
            files.note(hot_files.path(number), "hot", problem)
            log.exception("store_hot_unreadable", file=str(hot_files.path(number)))
            continue
        if rows:
            mirror = Mirror()
            mirror.append(hot_files.part(number, 0, rows))
            hots.append(HotTable(number, rows, first, last, now_ms, mirror))
            if len(hots) >= MIRRORED:
                hots[-MIRRORED].mirror = None
        else:
            hot_files.drop(number)
    fresh = max([*used, *flushed, *(s.newest for s in segments)], default=0) + 1
    hot_files.clean_up()
    hot_files.create(fresh)
    hots.append(HotTable(fresh, since_ms=now_ms, mirror=Mirror(capacity)))
    return View(1, tuple(hots), by_day(segments))


__all__ = ["Compaction", "due", "view_of"]
