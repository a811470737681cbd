"""Clocks against a reference that walks through time minute by minute and day by day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.cases.kit import CHINA

from parksight.cases.declaration import Allowance, Step
from parksight.cases.timing import Timing, used_minutes
from parksight.kernel.calendar import ZoneCalendar
from parksight.kernel.errors import ProblemError

CALENDAR = ZoneCalendar()
TIMING = Timing(CALENDAR, CHINA)
#: Before the Spring Festival 2026 with its make-up days.
BASE = datetime(2026, 2, 1, 0, 0, tzinfo=CHINA).astimezone(UTC)
_MINUTES = st.integers(0, 40 * 1440)


@st.composite
def stretches(draw: st.DrawFn) -> tuple[datetime, list[tuple[datetime, datetime]]]:
    """A start and pauses after it, apart from each other, on whole minutes."""
    start = draw(_MINUTES)
    cuts = sorted(draw(st.sets(st.integers(start, start + 30 * 1440), max_size=8)))
    pairs = list(zip(cuts[::2], cuts[1::2], strict=False))
    at = lambda minute: BASE + timedelta(minutes=minute)  # noqa: E731 - short name for a short thing
    return at(start), [(at(a), at(b)) for a, b in pairs]


def reference_minutes(started: datetime, minutes: int, pauses: list[tuple[datetime, datetime]]) -> datetime:
    at, left = started, minutes
    while left:
        if not any(a <= at < b for a, b in pauses):
            left -= 1
        at += timedelta(minutes=1)
    return at


def reference_days(started: datetime, days: int, pauses: list[tuple[datetime, datetime]]) -> datetime:
    """The midnight after the last counted day; the minute before midnight tells whether the clock ran into it."""
    day = started.astimezone(CHINA).date()
    left = days
    while left:
        day += timedelta(days=1)
        midnight = datetime(day.year, day.month, day.day, tzinfo=CHINA) + timedelta(days=1)
        last_minute = midnight.astimezone(UTC) - timedelta(minutes=1)
        ran = not any(a <= last_minute < b for a, b in pauses)
        if CALENDAR.is_working_day(day) and ran:
            left -= 1
    return (datetime(day.year, day.month, day.day, tzinfo=CHINA) + timedelta(days=1)).astimezone(UTC)


@given(stretches(), st.integers(1, 600))
@settings(deadline=None)
def test_minutes_as_if_counted_one_by_one(
    stretch: tuple[datetime, list[tuple[datetime, datetime]]], minutes: int
) -> None:
    started, pauses = stretch
    due = TIMING.due(Allowance(minutes=minutes), started, pauses)
    # A pause that begins in the very minute the time is over changes nothing any more.
    assert due == reference_minutes(started, minutes, [p for p in pauses if p[0] < due])
    assert used_minutes(started, due, pauses) == pytest.approx(minutes)


@given(stretches(), st.integers(1, 25))
@settings(max_examples=300, deadline=None)
def test_working_days_as_if_counted_one_by_one(
    stretch: tuple[datetime, list[tuple[datetime, datetime]]], days: int
) -> None:
    started, pauses = stretch
    due = TIMING.due(Allowance(working_days=days), started, pauses)
    assert due == reference_days(started, days, pauses)
    assert TIMING.used_days(started, due, pauses) == days
    assert TIMING.used_days(started, due - timedelta(minutes=1), pauses) == days - 1


@given(stretches(), st.integers(1, 25))
def test_yellow_comes_before_red_and_rungs_in_order(
    stretch: tuple[datetime, list[tuple[datetime, datetime]]], days: int
) -> None:
    started, pauses = stretch
    allowed = Allowance(working_days=days)
    steps = [Step(("owner",), share=s) for s in (0.5, 0.8, 1.0)] + [Step(("owner",), overdue=60)]
    at = [TIMING.rung(step, allowed, started, started, pauses) for step in steps]
    assert at == sorted(at)
    assert started < at[1] < at[2] == TIMING.due(allowed, started, pauses) < at[3]


def test_the_spring_festival_and_its_make_up_days() -> None:
    # 2026: holidays 15 to 23 February; Saturday the 14th and Saturday the 28th are worked.
    friday = datetime(2026, 2, 13, 10, 0, tzinfo=CHINA)
    assert TIMING.day_of(TIMING.due(Allowance(working_days=1), friday)) == date(
        2026, 2, 15
    )  # the 14th, at its end
    assert TIMING.day_of(TIMING.due(Allowance(working_days=2), friday)) == date(2026, 2, 25)


def test_beyond_the_published_calendar_no_deadline_is_guessed() -> None:
    with pytest.raises(ProblemError, match=r"kernel\.calendar\.unpublished"):
        TIMING.due(Allowance(working_days=5), datetime(2026, 12, 30, tzinfo=UTC))


def test_a_pause_within_one_day_costs_nothing_and_one_over_night_spares_the_day() -> None:
    monday = datetime(2026, 3, 2, 9, 0, tzinfo=CHINA)
    noon = lambda day, hour: datetime(2026, 3, day, hour, tzinfo=CHINA)  # noqa: E731
    allowed = Allowance(working_days=3)
    plain = TIMING.due(allowed, monday)
    assert TIMING.due(allowed, monday, [(noon(3, 9), noon(3, 17))]) == plain
    assert TIMING.due(allowed, monday, [(noon(3, 17), noon(4, 9))]) == plain + timedelta(days=1)
