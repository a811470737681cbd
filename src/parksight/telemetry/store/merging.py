"""Writing segments: from sorted rows, and from several segments of a day at once, in bounded memory.

A merge walks the day's points in spans of about :data:`CHUNK_ROWS` rows; each span is read from every
segment, sorted, freed of duplicates and appended to the new files. Aggregates are computed from the merged
rows, so late and repeated rows are counted right from here on.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from parksight.telemetry.protocols import I32, Columns
from parksight.telemetry.store import aggregate as agg
from parksight.telemetry.store.days import DAY_MS, HOUR_MS, MINUTE_MS, LocalDays
from parksight.telemetry.store.files import FileCache
from parksight.telemetry.store.rows import concat, sort_unique
from parksight.telemetry.store.segment import (
    DAY,
    HOUR,
    MINUTE,
    Segment,
    dense_points,
    open_roll,
    open_rows,
    read_roll,
    read_rows,
    write_roll,
    write_rows,
)

#: Rows merged at a time; about 100 bytes of memory each.
CHUNK_ROWS = 600_000
_ROLL_BUFFER = 131_072


@dataclass(slots=True)
class Effort:
    """What a compaction took."""

    rows: int = 0
    merged_rows: int = 0
    segments: int = 0
    merges: int = 0
    dropped_days: int = 0
    peak_bytes: int = 0

    def sample(self) -> None:
        self.peak_bytes = max(self.peak_bytes, resident_bytes())


def resident_bytes() -> int:
    """Memory this process holds now; where the system does not tell, the most it ever held."""
    try:
        with open("/proc/self/statm", encoding="ascii") as statm:  # noqa: PTH123 - not a file
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@dataclass(slots=True)
class _Rolls:
    """Aggregates on their way into a file: buffered per level, because row groups must not be tiny."""

    minute: list[agg.Partials] = field(default_factory=list)
    hour: list[agg.Partials] = field(default_factory=list)
    day: list[agg.Partials] = field(default_factory=list)


class SegmentWriter:
    """Writes the two files of one new segment.

    Args:
        folder: where segment files are.
        segment_id: names the files.
        day: zone-local day number.
        days: the zone's days.
        keep_rows: False writes aggregates only (retention), and then minutes of every point.
    """

    def __init__(
        self, folder: Path, segment_id: int, day: int, days: LocalDays, keep_rows: bool = True
    ) -> None:
        self.id = segment_id
        self.day = day
        self._days = days
        self._start = days.start(day)
        base = Segment(segment_id, day, 0, 0, 0, 0, 0, 0, 0, 0, True, 0)
        self._rows = open_rows(base.rows_path(folder)) if keep_rows else None
        self._roll = open_roll(base.roll_path(folder))
        self._buffer = _Rolls()
        self._count = 0
        self._points = 0
        self._first, self._last = 2**62, -1

    def add(
        self, rows: Columns, archived: agg.Partials | None = None, hours: agg.Partials | None = None
    ) -> None:
        """Append rows of further points, sorted and unique.

        Args:
            archived: minute aggregates of rows that are gone, of the same points; ``hours`` likewise.
        """
        if self._rows is not None and len(rows):
            write_rows(self._rows, rows, self._start)
        dense = None if self._rows is None else dense_points(rows)
        minute = self._aggregate(rows if dense is None else _only(rows, dense), MINUTE_MS)
        hour = self._aggregate(rows, HOUR_MS)
        if archived is not None and hours is not None:
            minute, hour = join(minute, archived), join(hour, hours)
        day_parts = agg.Partials(*(getattr(hour, n) for n in agg.NAMES))
        day_parts.start = np.full(len(hour), self._start, np.int64)
        day, _ = agg.fold(day_parts)
        self._note(day)
        for level, parts in ((MINUTE, minute), (HOUR, hour), (DAY, day)):
            self._push(level, parts)

    def _note(self, day: agg.Partials) -> None:
        if not len(day):
            return
        self._count += int(day.count.sum())
        self._points += len(day)
        self._first = min(self._first, int(day.first_at.min()))
        self._last = max(self._last, int(day.last_at.max()))

    def _aggregate(self, rows: Columns, width_ms: int) -> agg.Partials:
        start = rows.observed_at - rows.observed_at % width_ms
        return agg.aggregate(rows.point, rows.observed_at, rows.value, rows.quality, start)

    def _push(self, level: int, parts: agg.Partials, last: bool = False) -> None:
        buffer = (self._buffer.minute, self._buffer.hour, self._buffer.day)[level - 1]
        if len(parts):
            buffer.append(parts)
        if level != DAY and (last or sum(len(p) for p in buffer) >= _ROLL_BUFFER):
            write_roll(self._roll, agg.concat(buffer), level, self._start)
            buffer.clear()

    def finish(self, oldest: int, newest: int, now_ms: int) -> tuple[Segment, agg.Partials]:
        """Make the files durable; returns the manifest row and the day aggregates."""
        for level in (MINUTE, HOUR):
            self._push(level, agg.empty(), last=True)
        row_bytes = self._rows.finish() if self._rows is not None else 0
        roll_bytes = self._roll.finish()
        segment = Segment(
            self.id, self.day, oldest, newest, self._count, self._points, self._first, self._last, row_bytes,
            roll_bytes, self._rows is not None, now_ms,
        )  # fmt: skip
        return segment, agg.concat(self._buffer.day)

    def abort(self) -> None:
        if self._rows is not None:
            self._rows.abort()
        self._roll.abort()


def join(new: agg.Partials, archived: agg.Partials) -> agg.Partials:
    """Aggregates of late rows with those of rows that are gone: added where they cannot share a row.

    Where their times touch, nobody can tell any more which rows came twice; then the fuller one stands.
    """
    both = agg.concat([archived, new])
    folded, touching = agg.fold(both)
    if not touching.any():
        return folded
    fullest = agg.fullest(both)  # same order as folded: one per (point, start)
    for name in agg.NAMES:
        column = getattr(folded, name)
        column[touching] = getattr(fullest, name)[touching]
    return folded


def _only(rows: Columns, points: I32) -> Columns:
    if not len(points):
        return Columns(*(getattr(rows, n)[:0] for n in Columns.__slots__))
    which = np.isin(rows.point, points)
    return Columns(*(getattr(rows, n)[which] for n in Columns.__slots__))


class Merger:
    """Merges segments of one day.

    Args:
        folder: where segment files are.
        files: cache of their footers.
        days: the zone's days.
    """

    def __init__(self, folder: Path, files: FileCache, days: LocalDays) -> None:
        self._folder = folder
        self._files = files
        self._days = days

    def merge(
        self, segments: Sequence[Segment], new_id: int, now_ms: int, effort: Effort, keep_rows: bool = True,
        between: Callable[[], None] | None = None,
    ) -> tuple[Segment, agg.Partials]:  # fmt: skip
        """One segment from adjacent ones of a day, oldest first.

        Args:
            between: called after each span of points.

        Raises:
            PartitionDamaged: one of them cannot be read; nothing was changed.
            OSError: the disk is full; nothing was changed.
        """
        day = segments[0].day
        writer = SegmentWriter(self._folder, new_id, day, self._days, keep_rows)
        try:
            for points in self._spans(segments):
                rows = sort_unique(concat([self._rows(s, points) for s in segments if s.has_rows]))
                effort.sample()
                archived = [s for s in segments if not s.has_rows]
                if archived:
                    writer.add(
                        rows, self._rolls(archived, points, MINUTE), self._rolls(archived, points, HOUR)
                    )
                else:
                    writer.add(rows)
                effort.merged_rows += len(rows)
                if between is not None:
                    between()
            return writer.finish(segments[0].oldest, segments[-1].newest, now_ms)
        except BaseException:
            writer.abort()
            raise

    def _rows(self, s: Segment, points: range) -> Columns:
        start, end = self._days.start(s.day), self._days.start(s.day + 1)
        path, name = s.rows_path(self._folder), self._days.name(s.day)
        return read_rows(self._files, path, name, start, points, start, end)

    def _rolls(self, archived: Sequence[Segment], points: range, level: int) -> agg.Partials:
        found = agg.empty()
        for s in archived:
            start = self._days.start(s.day)
            path, name = s.roll_path(self._folder), self._days.name(s.day)
            part = read_roll(
                self._files, path, name, start, points, start - DAY_MS, start + 2 * DAY_MS, level
            )
            found = join(part, found)
        return found

    def _spans(self, segments: Sequence[Segment]) -> Iterator[range]:
        """Ascending point ids, a span at a time: all ids from after the last span up to a row group's end."""
        last, rows = [], []
        lowest, highest = 2**31 - 1, 0
        for s in segments:
            path = s.rows_path(self._folder) if s.has_rows else s.roll_path(self._folder)
            footer = self._files.footer(path, self._days.name(s.day))
            last.append(footer.last)
            rows.append(footer.rows)
            lowest = min(lowest, int(footer.first.min(initial=2**31 - 1)))
            highest = max(highest, int(footer.last.max(initial=0)))
        ends, weights = np.concatenate(last), np.concatenate(rows)
        order = np.argsort(ends, kind="stable")
        ends, total = ends[order], np.cumsum(weights[order])
        at, done = lowest, 0
        while at <= highest:
            place = int(np.searchsorted(total, done + CHUNK_ROWS))
            end = int(ends[min(place, len(ends) - 1)])
            if end < at:
                end = int(ends[np.searchsorted(ends, at)])
            yield range(at, end + 1)
            done = int(total[np.searchsorted(ends, end, side="right") - 1])
            at = end + 1
