"""Queries: rows and aggregates from segments and hot tables as one, duplicates resolved.

Every query works on one view (:mod:`.versions`). Parts are laid down in the order in which they were written
and sorted stably, so that of two rows with the same point and time the one written last is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from parksight.telemetry.protocols import I32, I64, Columns
from parksight.telemetry.store import aggregate as agg
from parksight.telemetry.store.database import Cursors, read_days
from parksight.telemetry.store.days import DAY_MS, EARLIEST, HOUR_MS, LATEST, MINUTE_MS, LocalDays
from parksight.telemetry.store.deadline import check
from parksight.telemetry.store.files import FileCache
from parksight.telemetry.store.hot import HotFiles
from parksight.telemetry.store.rows import concat, sort_unique, take
from parksight.telemetry.store.segment import DAY, HOUR, MINUTE, WIDTH, Segment, read_roll, read_rows
from parksight.telemetry.store.versions import View


def wanted(points: Sequence[int]) -> I32:
    """Ascending distinct ids."""
    return np.unique(np.asarray(points, np.int64)).astype(np.int32)


class Reader:
    """Answers queries on a view.

    Args:
        cursors: the main file.
        hots: hot tables.
        files: segment files.
        days: the zone's days.
        folder: where the segment files are.
    """

    def __init__(
        self, cursors: Cursors, hots: HotFiles, files: FileCache, days: LocalDays, folder: Path
    ) -> None:
        self._cursors = cursors
        self._hots = hots
        self._files = files
        self._days = days
        self._folder = folder

    # --- rows -----------------------------------------------------------------------------------------

    def hot(self, view: View, points: I32 | None, start: int, end: int) -> Columns:
        """Rows of all hot tables in the order they were written, duplicates included."""
        parts = []
        for table in view.hots:
            if table.first_at < end and table.last_at >= start:
                check()
                mirror = table.mirror
                if mirror is not None:
                    parts.append(mirror.scan(points, start, end))
                else:
                    parts.append(self._hots.scan(table.number, points, start, end))
        return concat(parts)

    def rows(
        self, view: View, points: I32 | None, start: int, end: int, hot: Columns | None = None,
        arrival: bool = True,
    ) -> Columns:  # fmt: skip
        """Rows with ``start <= observed_at < end`` sorted by (point, time), duplicates resolved.

        Args:
            hot: the hot rows of at least these points and times, when already read.
        """
        parts = [part for _, part in self.by_day(view, points, start, end, hot, arrival)]
        return concat(parts) if len(parts) < 2 else sort_unique(concat(parts))

    def by_day(
        self, view: View, points: I32 | None, start: int, end: int, hot: Columns | None = None,
        arrival: bool = True,
    ) -> Iterator[tuple[int, Columns]]:  # fmt: skip
        """:meth:`rows`, one local day after the other: ``(day, its rows)`` for the days that have any."""
        if hot is None:
            hot = self.hot(view, points, start, end)
        elif len(hot):
            inside = (hot.observed_at >= start) & (hot.observed_at < end)
            if points is not None:
                inside &= np.isin(hot.point, points)
            hot = take(hot, inside)
        hot_days = self._days.numbers(hot.observed_at)
        present = {int(d) for d in np.unique(hot_days)}
        for day in sorted(present | {d for d in view.days if self._touches(d, start, end)}):
            check()
            parts = [
                self._segment_rows(s, points, start, end, arrival)
                for s in view.days.get(day, ())
                if s.has_rows and s.first_at < end and s.last_at >= start
            ]
            if day in present:
                parts.append(take(hot, hot_days == day))
            parts = [p for p in parts if len(p)]
            if parts:
                plain = len(parts) == 1 and day not in present
                yield day, parts[0] if plain else sort_unique(concat(parts))

    def _touches(self, day: int, start: int, end: int) -> bool:
        return self._days.start(day) < end and self._days.start(day + 1) > start

    def _segment_rows(
        self, segment: Segment, points: I32 | None, start: int, end: int, arrival: bool
    ) -> Columns:
        return read_rows(
            self._files, segment.rows_path(self._folder), self._days.name(segment.day),
            self._days.start(segment.day), points, start, end, arrival,
        )  # fmt: skip

    # --- aggregates -----------------------------------------------------------------------------------

    def partials(self, view: View, points: I32, start: int, end: int, width_ms: int) -> agg.Partials:
        """Aggregates of whole buckets: ``start`` and ``end`` are moved outwards to bucket edges."""
        start = self._days.floor(max(start, EARLIEST), width_ms)
        end = self._days.ceil(min(end, LATEST), width_ms)
        level = next(
            (lv for lv, w in ((DAY, DAY_MS), (HOUR, HOUR_MS), (MINUTE, MINUTE_MS)) if not width_ms % w), 0
        )
        hot = self.hot(view, points, start, end)
        if not level:
            return self._from_rows(view, points, start, end, width_ms, hot)
        step = DAY_MS if level == DAY else WIDTH[level]
        parts = self._stored(view, points, start, end, level)
        if len(hot):
            parts.append(self._aggregate(sort_unique(hot), step))
        if not parts:
            return agg.empty()
        whole = agg.concat(parts)
        folded, touching = agg.fold(whole)
        if touching.any():
            folded = self._repair(view, whole, folded, touching, step, hot)
        if width_ms == step:
            return folded
        folded.start = self._days.bucket_starts(folded.start, width_ms)
        return agg.fold(folded)[0]

    def _from_rows(
        self, view: View, points: I32, start: int, end: int, width_ms: int, hot: Columns
    ) -> agg.Partials:
        parts = [
            self._aggregate(rows, width_ms)
            for _, rows in self.by_day(view, points, start, end, hot, arrival=False)
        ]
        return agg.fold(agg.concat(parts))[0] if parts else agg.empty()

    def _aggregate(self, rows: Columns, width_ms: int) -> agg.Partials:
        starts = self._days.bucket_starts(rows.observed_at, width_ms)
        return agg.aggregate(rows.point, rows.observed_at, rows.value, rows.quality, starts)

    def _stored(self, view: View, points: I32, start: int, end: int, level: int) -> list[agg.Partials]:
        segments = [s for s in view.segments() if s.first_at < end and s.last_at >= start]
        if level == DAY:
            return [read_days(self._cursors, [s.id for s in segments], points, start, end)]
        parts = []
        for s in segments:
            check()
            parts.append(self._segment_roll(s, points, start, end, level))
            if level == MINUTE and s.has_rows:
                sparse = np.setdiff1d(points, parts[-1].point, assume_unique=False)
                if len(sparse):
                    rows = self._segment_rows(s, sparse, start, end, arrival=False)
                    parts.append(self._aggregate(rows, MINUTE_MS))
        return [p for p in parts if len(p)]

    def _segment_roll(self, s: Segment, points: I32, start: int, end: int, level: int) -> agg.Partials:
        name = self._days.name(s.day)
        path = s.roll_path(self._folder)
        return read_roll(self._files, path, name, self._days.start(s.day), points, start, end, level)

    def _repair(
        self, view: View, parts: agg.Partials, folded: agg.Partials, touching: agg.Bool, step: int, hot: Columns
    ) -> agg.Partials:  # fmt: skip
        """Buckets whose parts overlap in time, computed again from the rows themselves."""
        bad = folded.take(touching)
        days = self._days.numbers(bad.start)
        gone = {d for d, found in view.days.items() if any(not s.has_rows for s in found)}
        out = [folded.take(~touching)]
        for day in np.unique(days):
            check()
            here = bad.take(days == day)
            if int(day) in gone:
                out.append(agg.fullest(_matching(parts, here)))
                continue
            low, high = int(here.start.min()), self._days.ceil(int(here.start.max()) + 1, step)
            rows = self.rows(view, np.unique(here.point), low, high, hot, arrival=False)
            out.append(_matching(self._aggregate(rows, step), here))
        whole = agg.concat(out)
        return whole.take(np.lexsort((whole.start, whole.point)))


def _matching(parts: agg.Partials, asked: agg.Partials) -> agg.Partials:
    """The parts whose (point, start) is among the asked ones."""
    starts = np.unique(asked.start)

    def key(p: agg.Partials) -> I64:
        place = np.searchsorted(starts, p.start)
        place[(place == len(starts)) | (starts[np.minimum(place, len(starts) - 1)] != p.start)] = -1
        return np.where(place < 0, -1, p.point.astype(np.int64) * len(starts) + place)

    return parts.take(np.isin(key(parts), key(asked)))
