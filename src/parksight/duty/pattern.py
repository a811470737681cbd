"""Rota arithmetic, pure: a repeating pattern of crews on shifts, in the zone's civil time.

A pattern of ``n`` days repeats from the rota's first day on. Shifts are named by civil clock times ("20:00 to 08:00"),
so on the day the clocks change a night shift really lasts an hour less or more, and shifts that meet on the clock meet
in time as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class ShiftKind:
    """One row of the shift table; an end at or before the start lies on the next day (24 h when equal)."""

    code: str
    start: time
    end: time


@dataclass(frozen=True, slots=True)
class Cycle:
    """A repeating pattern.

    Attributes:
        kinds: shift code to its times.
        days: one mapping per day of the cycle: shift code to the crew that works it.
        first: civil day of ``days[0]``.
        last: last civil day on which a shift begins; None for no end.
    """

    kinds: Mapping[str, ShiftKind]
    days: Sequence[Mapping[str, str]]
    first: date
    last: date | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """A shift by the pattern, instants in UTC."""

    code: str
    crew: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open span of time that deserves a remark."""

    starts_at: datetime
    ends_at: datetime


def instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The UTC instant of a civil time; never runs backwards as civil time goes forward.

    A time that occurs twice is its first occurrence; one that is skipped is the instant of the jump.
    """
    wall = datetime.combine(day, at)
    found = wall.replace(tzinfo=zone).astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == wall:
        return found
    late, early = found, wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    before = early.astimezone(zone).utcoffset()
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) / 2
        if middle.astimezone(zone).utcoffset() == before:
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)


def plan(cycle: Cycle, first: date, last: date, zone: ZoneInfo) -> Iterator[Planned]:
    """The shifts that begin on the civil days ``first`` to ``last`` inclusive, in order of time."""
    day = max(first, cycle.first)
    end = last if cycle.last is None else min(last, cycle.last)
    while day <= end:
        made = []
        for code, crew in cycle.days[(day - cycle.first).days % len(cycle.days)].items():
            kind = cycle.kinds[code]
            over = timedelta(days=1) if kind.end <= kind.start else timedelta()
            starts, ends = instant(day, kind.start, zone), instant(day + over, kind.end, zone)
            if starts < ends:  # a shift wholly inside the hour that is skipped does not exist
                made.append(Planned(code, crew, starts, ends))
        yield from sorted(made, key=lambda p: (p.starts_at, p.code))
        day += timedelta(days=1)


def gaps(spans: Sequence[tuple[datetime, datetime]], start: datetime, end: datetime) -> list[Span]:
    """Where nobody is planned between ``start`` and ``end``."""
    out, reached = [], start
    for begins, ends in sorted(spans):
        if begins >= end:
            break
        if begins > reached:
            out.append(Span(reached, begins))
        reached = max(reached, ends)
    if reached < end:
        out.append(Span(reached, end))
    return out


def overlap(a: tuple[datetime, datetime], b: tuple[datetime, datetime]) -> bool:
    """Whether two half-open spans share time."""
    return a[0] < b[1] and b[0] < a[1]
