"""Working days of China: statutory holidays and make-up working days as published by the State Council.

Beyond the published years every question raises: a guessed calendar would move legal deadlines silently.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from parksight.standards.rulepack import RuleMissing


class CalendarNotPublished(RuleMissing):
    """The holiday notice of this year is not in the calendar; add it to the zone's calendar file."""

    def __init__(self, year: int, known: Iterable[int]) -> None:
        years = ", ".join(map(str, sorted(known)))
        super().__init__(
            f"the holiday calendar of {year} is not published here (known: {years}); add it first"
        )
        self.year = year


@dataclass(frozen=True)
class WorkingCalendar:
    """Which days are worked.

    Attributes:
        years: years that the calendar covers completely.
        holidays: statutory days off, weekends among them or not.
        make_up_days: weekend days that are worked (调休).
    """

    years: frozenset[int]
    holidays: frozenset[date]
    make_up_days: frozenset[date]

    def __post_init__(self) -> None:
        both = self.holidays & self.make_up_days
        if both:
            raise ValueError(f"{sorted(both)[0]} is given both as a holiday and as a make-up working day")

    def with_year(self, year: int, holidays: Iterable[date], make_up_days: Iterable[date]) -> WorkingCalendar:
        """This calendar with another published year, replacing that year if it was known."""

        def others(days: frozenset[date]) -> set[date]:
            return {d for d in days if d.year != year}

        return WorkingCalendar(
            self.years | {year},
            frozenset(others(self.holidays) | set(holidays)),
            frozenset(others(self.make_up_days) | set(make_up_days)),
        )

    def is_working_day(self, day: date) -> bool:
        """Raises CalendarNotPublished outside the covered years."""
        if day.year not in self.years:
            raise CalendarNotPublished(day.year, self.years)
        if day in self.make_up_days:
            return True
        return day.weekday() < 5 and day not in self.holidays

    def add_working_days(self, accepted: date, days: int) -> date:
        """The last day of a term; day 1 is the first working day after ``accepted``.

        Raises ValueError for fewer than 1 day.
        """
        if days < 1:
            raise ValueError(f"a term has at least 1 working day, not {days}")
        day = accepted
        while days:
            day += timedelta(days=1)
            days -= self.is_working_day(day)
        return day

    def working_days_between(self, start: date, end: date) -> int:
        """Working days after ``start`` up to and including ``end``; negative when end lies before start."""
        if end < start:
            return -self.working_days_between(end, start)
        span = (end - start).days
        return sum(self.is_working_day(start + timedelta(days=i + 1)) for i in range(span))


def _span(first: str, last: str) -> list[date]:
    begin, end = date.fromisoformat(first), date.fromisoformat(last)
    return [begin + timedelta(days=i) for i in range((end - begin).days + 1)]


#: State Council notice for 2026; two public libraries agree on every day (tables/workdays_2026.json).
PUBLISHED = WorkingCalendar(
    frozenset({2026}),
    frozenset(
        day
        for first, last in (
            ("2026-01-01", "2026-01-03"),
            ("2026-02-15", "2026-02-23"),
            ("2026-04-04", "2026-04-06"),
            ("2026-05-01", "2026-05-05"),
            ("2026-06-19", "2026-06-21"),
            ("2026-09-25", "2026-09-27"),
            ("2026-10-01", "2026-10-07"),
        )
        for day in _span(first, last)
    ),
    frozenset(
        map(
            date.fromisoformat,
            ("2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10"),
        )
    ),
)
