"""Working days of China: statutory holidays and make-up working days as published by the State Council.

Beyond the published years every question raises: a guessed calendar would move legal deadlines silently.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from importlib import resources

from parksight.standards.rule import Confidence, PackError, RuleMissing


class CalendarNotPublished(RuleMissing):
    """The holiday notice of this year is not in the calendar; add it to the zone's calendar file."""

    def __init__(self, year: int, known: Iterable[int]) -> None:
        years = ", ".join(map(str, sorted(known)))
        super().__init__(
            f"the holiday calendar of {year} is not published here (known: {years}); add it first"
        )
        self.year = year


@dataclass(frozen=True, slots=True)
class Published:
    """The notice a year's calendar comes from and how sure it is."""

    year: int
    standard: str
    confidence: Confidence


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
        for day in sorted(self.holidays | self.make_up_days):
            if day.year not in self.years:
                raise ValueError(f"{day} lies outside the years of the calendar")
            if day in self.make_up_days and day.weekday() < 5:
                raise ValueError(f"{day} is no weekend day: it cannot be made up for")

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

    def add_working_days(
        self, accepted: date, days: int, *, suspended: Sequence[tuple[date, date]] = ()
    ) -> date:
        """The last day of a term; day 1 is the first working day after ``accepted``.

        Args:
            suspended: spans, both ends included, that do not count (correction, hearing, testing).

        Raises:
            ValueError: fewer than 1 day, or a span that ends before it begins.
            CalendarNotPublished: the term leads beyond the published years.
        """
        if days < 1:
            raise ValueError(f"a term has at least 1 working day, not {days}")
        if any(last < first for first, last in suspended):
            raise ValueError("a suspension ends before it begins")
        day = accepted
        while days:
            day += timedelta(days=1)
            days -= self.is_working_day(day) and not any(first <= day <= last for first, last in suspended)
        return day

    def working_days_between(self, start: date, end: date) -> int:
        """Working days after ``start`` up to and including ``end``; negative when end lies before start."""
        if end < start:
            return -self.working_days_between(end, start)
        span = (end - start).days
        return sum(self.is_working_day(start + timedelta(days=i + 1)) for i in range(span))


def load(text: str, origin: str) -> tuple[WorkingCalendar, tuple[Published, ...]]:
    """Read ``year,kind,first,last,standard,confidence`` rows; kinds ``holiday`` and ``make_up``.

    PackError names file, row and column of a fault.
    """
    reader = csv.DictReader(io.StringIO(text))
    holidays: set[date] = set()
    make_up: set[date] = set()
    years: dict[int, Published] = {}
    for raw in reader:

        def fail(column: str, reason: str) -> PackError:
            return PackError(origin, reader.line_num, column, reason)

        try:
            first, last = date.fromisoformat(raw["first"]), date.fromisoformat(raw["last"])
        except (ValueError, TypeError):
            raise fail("first", f"{raw['first']}..{raw['last']} are not dates YYYY-MM-DD") from None
        if raw["kind"] not in ("holiday", "make_up"):
            raise fail("kind", f"{raw['kind']!r} is none of holiday, make_up")
        if last < first or {str(first.year), str(last.year)} != {raw["year"]}:
            raise fail("last", f"{first}..{last} is no span within {raw['year']}")
        days = {first + timedelta(days=i) for i in range((last - first).days + 1)}
        if days & (holidays | make_up):
            raise fail("first", f"{first}..{last} meets a day that is given already")
        (holidays if raw["kind"] == "holiday" else make_up).update(days)
        try:
            notice = Published(first.year, raw["standard"], Confidence(raw["confidence"]))
        except ValueError:
            raise fail("confidence", f"{raw['confidence']!r} is none of {', '.join(Confidence)}") from None
        if years.setdefault(first.year, notice) != notice:
            raise fail("standard", f"{first.year} comes from two notices")
    calendar = WorkingCalendar(frozenset(years), frozenset(holidays), frozenset(make_up))
    return calendar, tuple(years[y] for y in sorted(years))


#: What ships: years whose State Council notice two public libraries agree on day by day.
PUBLISHED, NOTICES = load(
    (resources.files("parksight.standards") / "data" / "lookup" / "workdays.csv").read_text(encoding="utf-8"),
    "workdays.csv",
)
