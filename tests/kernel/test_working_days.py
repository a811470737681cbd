"""Working days: the statutory calendar as the platform asks for it, and years an administrator adds."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parksight.kernel.calendar import WorkingCalendar, ZoneCalendar
from parksight.kernel.errors import ProblemError

CALENDAR: WorkingCalendar = ZoneCalendar()

#: Forty working days in 2026, from /work/shared/tables/workdays_2026.json.
FORTY = [("2026-01-30", "2026-04-02"), ("2026-04-27", "2026-06-25"), ("2026-09-14", "2026-11-13"),
         ("2026-11-02", "2026-12-28")]  # fmt: skip


@pytest.mark.parametrize(("accepted", "due"), FORTY)
def test_forty_working_days(accepted: str, due: str) -> None:
    assert CALENDAR.add_working_days(date.fromisoformat(accepted), 40) == date.fromisoformat(due)


def test_beyond_the_calendar_nothing_is_guessed() -> None:
    for day in (date(2025, 12, 31), date(2027, 1, 1)):
        with pytest.raises(ProblemError, match=r"kernel\.calendar\.unpublished"):
            CALENDAR.is_working_day(day)
    with pytest.raises(ProblemError, match=r"year=2027"):
        CALENDAR.add_working_days(date(2026, 12, 1), 40)
    with pytest.raises(ValueError, match="negative"):
        CALENDAR.add_working_days(date(2026, 3, 1), -1)


def test_an_added_year_is_counted_through(tmp_path: Path) -> None:
    (tmp_path / "workdays.json").write_text(
        '{"2027": {"holidays": ["2027-01-01..2027-01-03", "2027-01-05"], "make_up": ["2027-01-09"]}}'
    )
    calendar = ZoneCalendar.in_folder(tmp_path)
    assert not calendar.is_working_day(date(2027, 1, 5))
    assert calendar.is_working_day(date(2027, 1, 9))
    assert calendar.add_working_days(date(2026, 12, 31), 2) == date(2027, 1, 6)
    assert ZoneCalendar.in_folder(tmp_path / "without").is_working_day(date(2026, 3, 2))


@pytest.mark.parametrize(
    "content",
    ["{", "[]", '{"2027": {}}', '{"2027": {"holidays": "2027-01-01", "make_up": []}}',
     '{"2027": {"holidays": ["2026-01-01"], "make_up": []}}', '{"x": {"holidays": [], "make_up": []}}',
     '{"2027": {"holidays": ["2027-01-03..2027-01-01"], "make_up": []}}',
     '{"2027": {"holidays": ["2027-01-09"], "make_up": ["2027-01-09"]}}'],
)  # fmt: skip
def test_unusable_files_are_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "workdays.json").write_text(content)
    with pytest.raises(ProblemError, match=r"kernel\.calendar\.unusable.*workdays\.json"):
        ZoneCalendar.in_folder(tmp_path)


@given(st.integers(1, 200), st.integers(0, 40), st.integers(0, 40))
def test_counting_in_two_steps_is_counting_in_one(day: int, first: int, second: int) -> None:
    start = date.fromordinal(date(2026, 1, 1).toordinal() + day)
    middle = CALENDAR.add_working_days(start, first)
    assert CALENDAR.add_working_days(middle, second) == CALENDAR.add_working_days(start, first + second)
    assert first == 0 or CALENDAR.is_working_day(middle)
