"""Zone-local days: the store's partitions and its day-wide buckets begin at the zone's midnight.

A day is numbered like its civil date: days since 1970-01-01. Days of 23 or 25 hours (summer time) are days
like any other.
"""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from parksight.telemetry.protocols import I64

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000

#: Instants the store takes: 1970-01-01 to 2100-01-01, in ms.
EARLIEST, LATEST = 0, 4_102_444_800_000

_EPOCH = date(1970, 1, 1).toordinal()


class LocalDays:
    """Civil days of one time zone.

    Args:
        timezone: IANA name, e.g. ``Asia/Shanghai``.
    """

    def __init__(self, timezone: str) -> None:
        self.timezone = timezone
        self._zone = ZoneInfo(timezone)
        self._start = lru_cache(maxsize=65_536)(self._compute_start)

    def _compute_start(self, day: int) -> int:
        civil = date.fromordinal(_EPOCH + day)
        midnight = datetime(civil.year, civil.month, civil.day, tzinfo=self._zone)
        return round(midnight.timestamp() * 1000)

    def start(self, day: int) -> int:
        """First instant of a day, ms since the epoch."""
        return self._start(day)

    def number(self, at_ms: int) -> int:
        """Day that holds an instant."""
        day = at_ms // DAY_MS
        while at_ms < self._start(day):
            day -= 1
        while at_ms >= self._start(day + 1):
            day += 1
        return day

    def name(self, day: int) -> str:
        """ISO date of a day."""
        return date.fromordinal(_EPOCH + day).isoformat()

    def numbers(self, at_ms: I64) -> I64:
        """Days that hold the instants, same shape."""
        if not len(at_ms):
            return np.empty(0, np.int64)
        first, last = self.number(int(at_ms.min())), self.number(int(at_ms.max()))
        starts = np.array([self._start(d) for d in range(first, last + 2)], np.int64)
        return np.searchsorted(starts, at_ms, side="right").astype(np.int64) - 1 + first

    def bucket_starts(self, at_ms: I64, width_ms: int) -> I64:
        """Start of the bucket that holds each instant: whole days from local midnight, others from the epoch.

        Several days wide buckets count from 1970-01-01.
        """
        if width_ms % DAY_MS:
            return at_ms - at_ms % width_ms
        span = width_ms // DAY_MS
        days = self.numbers(at_ms)
        days -= days % span
        unique, place = np.unique(days, return_inverse=True)
        starts = np.array([self._start(int(d)) for d in unique], np.int64)
        return starts[place] if len(starts) else np.empty(0, np.int64)

    def floor(self, at_ms: int, width_ms: int) -> int:
        """Start of the bucket that holds an instant."""
        return int(self.bucket_starts(np.array([at_ms], np.int64), width_ms)[0])

    def ceil(self, at_ms: int, width_ms: int) -> int:
        """The instant itself where a bucket starts there, else the start of the next one."""
        floor = self.floor(at_ms, width_ms)
        if floor == at_ms:
            return at_ms
        if width_ms % DAY_MS:
            return floor + width_ms
        return self.start(self.number(floor) + width_ms // DAY_MS)
