"""Local wall-clock times of devices to UTC milliseconds and back, the same in Python and in compiled code.

HJ 212 times are YYYYMMDDhhmmss without a zone; the zone is the installation's. China has been at +08:00 without
daylight saving since 1991, but the table serves any zone.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
from numba import njit

I64 = npt.NDArray[np.int64]

FIRST_YEAR, LAST_YEAR = 2000, 2099
_DAYS_BEFORE = np.array([0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334], np.int64)
_DAYS_IN = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)
#: No such time.
NO_TIME = -1


@njit(cache=True, nogil=True)
def civil_ms(
    year: int, month: int, day: int, hour: int, minute: int, second: int, starts: I64, offsets: I64,
    before: I64, length: I64,
) -> int:  # fmt: skip
    """UTC ms of a local time; :data:`NO_TIME` when there is no such date or the year is out of the table."""
    if year < 2000 or year > 2099 or month < 1 or month > 12 or hour > 23 or minute > 59 or second > 59:
        return -1
    leap = year % 4 == 0
    last = length[month - 1]
    if month == 2 and leap:
        last += 1
    if day < 1 or day > last:
        return -1
    days = 10_957 + 365 * (year - 2000) + (year - 2000 + 3) // 4 + before[month - 1] + day - 1
    if leap and month > 2:
        days += 1
    local = (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000
    low, high = 0, starts.shape[0] - 1
    while low < high:
        middle = (low + high + 1) // 2
        if local >= starts[middle]:
            low = middle
        else:
            high = middle - 1
    return int(local - offsets[low])


class ZoneTable:
    """UTC offsets of a zone as arrays.

    Args:
        zone: IANA name, e.g. ``Asia/Shanghai``.

    Attributes:
        starts: local ms from which each offset holds.
        offsets: ms to subtract from local time.
    """

    def __init__(self, zone: str) -> None:
        self.zone = ZoneInfo(zone)
        starts, offsets = [-(2**62)], [_offset(self.zone, datetime(FIRST_YEAR, 1, 1))]  # noqa: DTZ001
        moment = datetime(FIRST_YEAR, 1, 1)  # noqa: DTZ001 - wall clock
        end = datetime(LAST_YEAR + 1, 1, 1)  # noqa: DTZ001
        while moment < end:
            later = moment + timedelta(days=1)
            if _offset(self.zone, later) != offsets[-1]:
                change = _change(self.zone, moment, later)
                starts.append(_local_ms(change))
                offsets.append(_offset(self.zone, change))
            moment = later
        self.starts: I64 = np.array(starts, np.int64)
        self.offsets: I64 = np.array(offsets, np.int64)

    def to_ms(self, text: str) -> int:
        """UTC ms of ``YYYYMMDDhhmmss`` or ``YYYYMMDDhhmmssmmm``; :data:`NO_TIME` when it is no time."""
        if len(text) not in (14, 17) or not (text.isascii() and text.isdigit()):
            return NO_TIME
        whole = int(
            civil_ms(
                int(text[:4]), int(text[4:6]), int(text[6:8]), int(text[8:10]), int(text[10:12]),
                int(text[12:14]), self.starts, self.offsets, _DAYS_BEFORE, _DAYS_IN,
            )
        )  # fmt: skip
        return whole if whole == NO_TIME or len(text) == 14 else whole + int(text[14:])

    def to_text(self, ms: int, digits: int = 14) -> str:
        """The local time of an instant, 14 digits, or 17 with milliseconds (the form of QN)."""
        local = datetime.fromtimestamp(ms // 1000, UTC).astimezone(self.zone)
        text = local.strftime("%Y%m%d%H%M%S")
        return text if digits == 14 else f"{text}{ms % 1000:03d}"


def calendar() -> tuple[I64, I64]:
    """The month tables that :func:`civil_ms` wants."""
    return _DAYS_BEFORE, _DAYS_IN


def _offset(zone: ZoneInfo, local: datetime) -> int:
    found = local.replace(tzinfo=zone).utcoffset()
    return int((found or timedelta()).total_seconds() * 1000)


def _local_ms(local: datetime) -> int:
    return int(local.replace(tzinfo=UTC).timestamp()) * 1000


def _change(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The first local second with the offset of ``high``."""
    wanted = _offset(zone, high)
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
        low, high = (low, middle) if _offset(zone, middle) == wanted else (middle, high)
    return high
