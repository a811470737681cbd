"""Working days, by which statutory deadlines count: the published calendar and the zone's own additions.

The calendar of a year is known only once the State Council has published its holidays (usually in November
of the year before). An administrator adds a new year as ``workdays.json`` in the data folder::

    {"2027": {"holidays": ["2027-01-01..2027-01-03", "2027-02-06"], "make_up": ["2027-02-13"]}}

Beyond what is published no answer is given: a guessed deadline would be a wrong one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Protocol

from parksight.kernel.errors import ProblemError
from parksight.standards.calendar import PUBLISHED, CalendarNotPublished
from parksight.standards.calendar import WorkingCalendar as StatutoryCalendar

FILE = "workdays.json"


class WorkingCalendar(Protocol):
    """What the platform asks of a calendar; days are civil days of the zone."""

    def is_working_day(self, day: date) -> bool:
        """Whether offices work on ``day``; raises ``kernel.calendar.unpublished`` beyond the calendar."""
        ...

    def add_working_days(self, start: date, count: int) -> date:
        """The ``count``-th working day after ``start``; day 1 is the next working day, 0 is ``start``.

        Raises:
            ProblemError: ``kernel.calendar.unpublished`` when the way leads beyond the calendar.
            ValueError: a negative count.
        """
        ...


class ZoneCalendar:
    """The statutory calendar as the platform's :class:`WorkingCalendar`.

    Args:
        statutory: published years.
    """

    def __init__(self, statutory: StatutoryCalendar = PUBLISHED) -> None:
        self._statutory = statutory

    @classmethod
    def in_folder(cls, folder: Path) -> ZoneCalendar:
        """The published calendar with the years of ``workdays.json`` in the data folder, if there is one.

        Raises:
            ProblemError: ``kernel.calendar.unusable`` naming the file and what is wrong in it.
        """
        file = folder / FILE
        statutory = PUBLISHED
        if not file.is_file():
            return cls(statutory)
        try:
            for year, days in json.loads(file.read_text("utf-8")).items():
                holidays = _days(days["holidays"], int(year))
                statutory = statutory.with_year(int(year), holidays, _days(days["make_up"], int(year)))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            params: dict[str, object] = {"file": file, "reason": error}
            raise ProblemError("kernel.calendar.unusable", 500, params) from error
        return cls(statutory)

    def is_working_day(self, day: date) -> bool:
        try:
            return self._statutory.is_working_day(day)
        except CalendarNotPublished as error:
            raise self._unpublished(error.year) from error

    def add_working_days(self, start: date, count: int) -> date:
        if count < 0:
            raise ValueError("working days are counted forward: the count cannot be negative")
        if count == 0:
            return start
        try:
            return self._statutory.add_working_days(start, count)
        except CalendarNotPublished as error:
            raise self._unpublished(error.year) from error

    def _unpublished(self, year: int) -> ProblemError:
        known = ", ".join(str(y) for y in sorted(self._statutory.years))
        return ProblemError("kernel.calendar.unpublished", 422, {"year": year, "known": known, "file": FILE})


def _days(texts: Sequence[str], year: int) -> list[date]:
    """Days of single dates and of spans ``first..last``."""
    out: list[date] = []
    if not isinstance(texts, list):
        raise ValueError(f"{texts!r} is not a list of days")
    for text in texts:
        first, _, last = text.partition("..")
        begin = date.fromisoformat(first)
        end = date.fromisoformat(last) if last else begin
        if end < begin or {begin.year, end.year} != {year}:
            raise ValueError(f"{text} is not a span within {year}")
        out.extend(begin + timedelta(days=n) for n in range((end - begin).days + 1))
    return out
