"""Rota arithmetic: no gap and no overlap that the wall clock does not show, whatever the clocks do."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from parksight.duty.pattern import Cycle, ShiftKind, gaps, instant, plan

ZONES = st.sampled_from(
    [ZoneInfo(n) for n in ("Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe")]
)
DAYS = st.dates(date(2026, 1, 1), date(2027, 12, 1))


@st.composite
def round_the_clock(draw: st.DrawFn) -> Cycle:
    """Shifts that divide the day at one to four clock times, worked by some crews in a cycle of some days."""
    minutes = draw(st.lists(st.integers(0, 1439), min_size=1, max_size=4, unique=True).map(sorted))
    times = [time(m // 60, m % 60) for m in minutes]
    kinds = {str(n): ShiftKind(str(n), start, times[(n + 1) % len(times)]) for n, start in enumerate(times)}
    crews = st.sampled_from("ABCD")
    days = draw(st.lists(st.fixed_dictionaries(dict.fromkeys(kinds, crews)), min_size=1, max_size=9))
    return Cycle(kinds, days, draw(DAYS))


@given(round_the_clock(), ZONES, st.integers(1, 40))
def test_shifts_that_meet_on_the_clock_meet_in_time(cycle: Cycle, zone: ZoneInfo, days: int) -> None:
    made = list(plan(cycle, cycle.first, cycle.first + timedelta(days=days), zone))
    assert all(a.ends_at == b.starts_at for a, b in pairwise(made))
    spans = [(p.starts_at, p.ends_at) for p in made]
    assert gaps(spans, made[0].starts_at, made[-1].ends_at) == []


@given(round_the_clock(), ZONES, st.integers(0, 60), st.integers(0, 20))
def test_a_part_is_what_the_whole_says(cycle: Cycle, zone: ZoneInfo, skip: int, days: int) -> None:
    first = cycle.first + timedelta(days=skip)
    whole = list(plan(cycle, cycle.first, first + timedelta(days=days), zone))
    part = list(plan(cycle, first, first + timedelta(days=days), zone))
    assert part == whole[len(whole) - len(part) :]
    before = cycle.first - timedelta(days=3)
    assert list(plan(cycle, before, before + timedelta(days=2), zone)) == []


@given(ZONES, DAYS, st.integers(0, 1439), st.integers(0, 1439))
def test_civil_time_never_runs_backwards(zone: ZoneInfo, day: date, a: int, b: int) -> None:
    a, b = sorted((a, b))
    first, second = instant(day, time(a // 60, a % 60), zone), instant(day, time(b // 60, b % 60), zone)
    assert first <= second <= instant(day + timedelta(days=1), time(), zone)


def test_a_night_shift_is_as_long_as_the_night() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    cycle = Cycle({"n": ShiftKind("n", time(22), time(6))}, [{"n": "A"}], date(2026, 3, 1))
    hours = {
        p.starts_at.date(): (p.ends_at - p.starts_at).total_seconds() / 3600
        for p in plan(cycle, date(2026, 3, 1), date(2026, 11, 1), berlin)
    }
    assert (hours[date(2026, 3, 28)], hours[date(2026, 3, 27)], hours[date(2026, 10, 24)]) == (7, 8, 9)


def test_a_time_that_is_skipped_is_the_jump() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert instant(date(2026, 3, 29), time(2, 30), berlin) == datetime(2026, 3, 29, 1, tzinfo=UTC)
    cycle = Cycle({"x": ShiftKind("x", time(2, 10), time(2, 50))}, [{"x": "A"}], date(2026, 3, 29))
    assert list(plan(cycle, date(2026, 3, 29), date(2026, 3, 29), berlin)) == []


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(1, 30)), max_size=12))
def test_gaps_and_spans_together_are_the_whole(found: list[tuple[int, int]]) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    spans = [(start + timedelta(hours=a), start + timedelta(hours=a + n)) for a, n in found]
    free = gaps(spans, start, start + timedelta(hours=100))
    for hour in range(100):
        at = start + timedelta(hours=hour)
        covered = any(a <= at < b for a, b in spans)
        assert covered != any(g.starts_at <= at < g.ends_at for g in free)
