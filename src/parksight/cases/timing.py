"""How clocks count: running minutes, or working days by the zone's calendar, with pauses left out.

Working days: the day on which a clock starts does not count. Each working day after it counts once it has ended
with the clock running; so a pause within one day costs nothing, and a pause over night spares that day. The
deadline is the midnight that ends the last day allowed. Ahead is counted as if the clock were never paused again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from math import floor
from zoneinfo import ZoneInfo

from parksight.cases.declaration import Allowance, Step
from parksight.kernel.calendar import WorkingCalendar

#: A time in which a clock stood still.
Pause = tuple[datetime, datetime]
_DAY = timedelta(days=1)


class Timing:
    """
    Args:
        calendar: working days; raises ``kernel.calendar.unpublished`` beyond what is published.
        zone: the zone's civil time.
    """

    def __init__(self, calendar: WorkingCalendar, zone: ZoneInfo) -> None:
        self.calendar = calendar
        self.zone = zone
        self._working: dict[date, bool] = {}

    def day_of(self, instant: datetime) -> date:
        """The civil day of the zone."""
        return instant.astimezone(self.zone).date()

    def end_of(self, day: date) -> datetime:
        """The midnight that ends a civil day."""
        return datetime.combine(day + _DAY, time.min, self.zone)

    def is_working(self, day: date) -> bool:
        known = self._working.get(day)
        if known is None:
            known = self._working[day] = self.calendar.is_working_day(day)
        return known

    def due(
        self, allowed: Allowance, started: datetime, pauses: Sequence[Pause] = (), share: float = 1.0
    ) -> datetime:
        """When a share of the time allowed is used up; ``pauses`` are over, in order and apart from each other."""
        if allowed.working_days is None:
            return after_minutes(started, (allowed.minutes or 0.0) * share, pauses)
        return self._after_days(started, allowed.working_days * share, pauses)

    def rung(
        self, step: Step, allowed: Allowance, started: datetime, armed: datetime, pauses: Sequence[Pause] = ()
    ) -> datetime:  # fmt: skip
        """When a rung of the escalation ladder is reached."""
        if step.minutes is not None:
            return after_minutes(armed, step.minutes, [(max(a, armed), b) for a, b in pauses if b > armed])
        if step.share is not None:
            return self.due(allowed, started, pauses, step.share)
        due = self.due(allowed, started, pauses)
        return after_minutes(due, step.overdue or 0.0, [(max(a, due), b) for a, b in pauses if b > due])

    def used_days(self, started: datetime, until: datetime, pauses: Sequence[Pause] = ()) -> int:
        """Working days that have counted between two instants."""
        count, day = 0, self.day_of(started) + _DAY
        while (end := self.end_of(day)) <= until:
            if self.is_working(day) and not stood_still(end, pauses):
                count += 1
            day += _DAY
        return count

    def _after_days(self, started: datetime, days: float, pauses: Sequence[Pause]) -> datetime:
        whole = floor(days + 1e-9)
        rest = max(0.0, days - whole)
        day, counted = self.day_of(started), 0
        end = started
        while counted < whole or rest:
            day += _DAY
            if not self.is_working(day):
                continue
            ends = self.end_of(day)
            if stood_still(ends, pauses):
                continue
            if counted == whole:  # the fraction falls into this day
                begins = self.end_of(day - _DAY)
                return (begins + (ends - begins) * rest).astimezone(started.tzinfo)
            counted += 1
            end = ends
        return end.astimezone(started.tzinfo)


def stood_still(instant: datetime, pauses: Sequence[Pause]) -> bool:
    """Whether the time up to an instant was paused."""
    return any(since < instant <= until for since, until in pauses)


def after_minutes(started: datetime, minutes: float, pauses: Sequence[Pause]) -> datetime:
    """When a clock has run for so many minutes."""
    left, at = timedelta(minutes=minutes), started
    for since, until in pauses:
        ran = max(since - at, timedelta(0))
        if left <= ran:
            return at + left
        left -= ran
        at = max(at, until)
    return at + left


def used_minutes(started: datetime, until: datetime, pauses: Sequence[Pause] = ()) -> float:
    """Minutes a clock has run."""
    still = sum(
        (max(timedelta(0), min(b, until) - max(a, started)) for a, b in pauses), timedelta(0)
    )  # fmt: skip
    return max(0.0, (until - started - still).total_seconds() / 60)
