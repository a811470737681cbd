"""Alarm systems, land use, accidents, KPIs, calendars and gas units."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parksight.standards import aq3046, concentration, decree493, economy, isa18, iso22400
from parksight.standards.calendar import PUBLISHED, CalendarNotPublished, WorkingCalendar, load
from parksight.standards.rulepack import Confidence, PackError, RuleMissing, builtin

ON = date(2026, 11, 1)
NAN = math.nan
times = st.lists(st.integers(0, 7199), max_size=120)


def flood_loop(t: list[int], begin: int, end: int) -> list[tuple[float, float]]:
    """Second by second: the alarms of the ten minutes up to now."""
    out: list[tuple[float, float]] = []
    since: float | None = None
    for now in range(begin, end):
        n = sum(now - 600 < x <= now for x in t)
        if since is None and n > 10:
            since = now
        elif since is not None and n < 5:
            out.append((since, now))
            since = None
    if since is not None:
        out.append((since, end))
    return out


@given(st.lists(st.integers(0, 3599), max_size=60))
@settings(max_examples=40, deadline=None)
def test_sliding_floods_equal_the_second_by_second_loop(t) -> None:
    found = isa18.floods(t, 0, 3600, sliding=True)
    assert [(f.begin, f.end) for f in found] == flood_loop(t, 0, 3600)
    assert all(f.alarms > 10 for f in found)


@given(times)
def test_regular_floods_lie_on_periods_and_hold_their_alarms(t) -> None:
    for flood in isa18.floods(t, 0, 7200):
        assert flood.begin % 600 == 0
        assert flood.alarms == sum(flood.begin <= x < flood.end for x in t)
        assert sum(flood.begin <= x < flood.begin + 600 for x in t) > 10


@pytest.mark.parametrize(("n", "floods"), [(10, 0), (11, 1)])
def test_a_flood_needs_more_than_ten(n: int, floods: int) -> None:
    assert len(isa18.floods(range(n), 0, 3600)) == floods


@pytest.mark.parametrize(("n", "end"), [(4, 600), (5, 1200)])
def test_a_flood_ends_below_five(n: int, end: float) -> None:
    t = [*range(11), *range(600, 600 + n)]
    assert isa18.floods(t, 0, 3600)[0].end == end


def test_a_burst_across_two_periods_is_seen_by_the_sliding_count() -> None:
    t = np.arange(11) * 10 + 550
    assert isa18.floods(t, 0, 3600) == ()
    assert [f.alarms for f in isa18.floods(t, 0, 3600, sliding=True)] == [11]


DAY = 86_400.0


def test_stale_and_standing_count_each_alarm_once() -> None:
    raised = [-2 * DAY, 0, 100, 200, 300]
    alarm = [1, 2, 2, 3, 4]
    cleared = [NAN, NAN, NAN, 200 + DAY, 300 + 2 * DAY]
    found = isa18.performance(raised, alarm, [1] * 5, cleared, 0, 3 * DAY)
    assert found.total == 4  # the first was raised before the span
    assert found.standing == 2  # 1 and 2; the second raising of 2 ends its first
    assert found.stale == 3  # 1, 2 and 4; 3 cleared after exactly 24 h
    assert found.stale_peak == 3
    early = isa18.performance([-3 * DAY], [1], [1], [-1.0], 0, DAY)
    assert (early.stale, early.standing, early.total) == (0, 0, 0)


@pytest.mark.parametrize(("at", "chatters"), [([0, 30, 60], True), ([0, 30, 61], False), ([0, 1], False)])
def test_chattering_is_three_in_a_minute(at, chatters) -> None:
    n = len(at)
    found = isa18.performance(at, [7] * n, [1] * n, [NAN] * n, 0, 600)
    assert found.chattering == ((7,) if chatters else ())


def test_thresholds_and_targets_come_from_the_pack() -> None:
    assert isa18.thresholds(ON) == {"flood_start": 10, "flood_end": 5, "chatter_repeats": 3, "stale_s": DAY}
    t = np.arange(0, 30 * DAY, 600.0)
    found = isa18.performance(
        t, np.arange(t.size), np.ones(t.size), t + 1, 0, 30 * DAY, **isa18.thresholds(ON)
    )
    by_name = {f.measure: f for f in isa18.assess(found, ON)}
    assert by_name["per_10_min"].ok is True  # exactly one
    assert by_name["per_day"].ok is True  # 144
    assert by_name["top_ten_share"].ok is True
    assert by_name["chattering"].ok is True
    assert not by_name["standing"].target.verified
    more = isa18.assess(found, ON, priorities={1: "low", 4: "highest"}, unauthorised=1)
    extra = {f.measure: (f.value, f.ok) for f in more if f.measure not in by_name}
    assert extra == {
        "priority_low": (1.0, None), "priority_highest": (0.0, True), "unauthorised_suppression": (1.0, False),
    }  # fmt: skip
    short = isa18.assess(isa18.performance([0], [1], [1], [NAN], 0, DAY), ON)
    assert {f.ok for f in short} == {None}


@pytest.mark.parametrize(
    "wrong",
    [([0, 1], [1], [1], [NAN]), ([NAN], [1], [1], [NAN]), ([10], [1], [1], [9]), ([0], [NAN], [1], [NAN])],
)
def test_impossible_events_are_refused(wrong) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        isa18.performance(*wrong, 0, 600)


BENCHMARK = {
    "tax_per_mu": 24.097, "value_added_per_mu": 136.16, "value_added_per_tce": 2.694,
    "value_added_per_emission": 4929.81, "value_added_per_person": 18.14, "rd_share": 0.0302,
}  # fmt: skip


def test_land_score_caps_negatives_and_what_does_not_apply() -> None:
    on = date(2022, 12, 31)
    assert economy.mu_score(BENCHMARK, "large", on).score == pytest.approx(100)
    assert economy.mu_score(BENCHMARK, "large", on).confidence is Confidence.ONE_SOURCE
    triple = {**BENCHMARK, "tax_per_mu": 3 * 24.097}
    assert economy.mu_score(triple, "large", on, cap=1.5).score == pytest.approx(115)
    assert economy.mu_score({**BENCHMARK, "tax_per_mu": -5}, "large", on).score == pytest.approx(70)
    clean = {k: v for k, v in BENCHMARK.items() if k != "value_added_per_emission"}
    found = economy.mu_score(clean, "large", on, without={"value_added_per_emission": 7.5})
    assert found.score == pytest.approx(97.5)
    with pytest.raises(RuleMissing, match="emission"):
        economy.mu_score(clean, "large", on)
    with pytest.raises(ValueError, match="not zero"):
        economy.mu_score({**BENCHMARK, "rd_share": NAN}, "large", on)
    with pytest.raises(ValueError, match="not items"):
        economy.mu_score({**BENCHMARK, "beauty": 1}, "large", on)
    old = economy.mu_score(BENCHMARK, "large", date(2021, 6, 1)).parts["tax_per_mu"]
    assert old == pytest.approx(30 * 24.097 / 26.01)


def test_land_grades_by_rank_with_ties() -> None:
    scores = {f"e{i}": float(i) for i in range(20)}
    found = economy.mu_grades(scores, ON)
    assert [sum(g == x for g in found.values()) for x in "ABCD"] == [5, 9, 5, 1]
    tied = economy.mu_grades({**scores, "e14": 15.0}, ON)
    assert (tied["e14"], tied["e15"]) == ("A", "A")
    with pytest.raises(ValueError, match="needs a score"):
        economy.mu_grades({"a": NAN}, ON)


@pytest.mark.parametrize(
    ("case", "grade", "met"),
    [((30, 0, 0), "特别重大", 1), ((0, 100, 1e8), "特别重大", 2), ((10, 0, 0), "重大", 1), ((0, 10, 0), "较大", 1),
     ((0, 0, 1e7 - 1), "一般", 3), ((0, 0, 5e7), "重大", 1), ((0, 0, 0), "一般", 3)],
)  # fmt: skip
def test_accidents(case, grade, met) -> None:
    found = decree493.accident(*case, ON)
    assert (found.grade, len(found.met), found.confidence) == (grade, met, Confidence.OFFICIAL_TEXT)


def test_direct_loss_and_refusals() -> None:
    parts = {
        "casualties": 1,
        "property_damage": 2,
        "company_rescue": 3,
        "site_clearing": 4,
        "administrative": 5,
    }
    assert decree493.direct_loss(**parts) == 15
    with pytest.raises(ValueError, match="every part"):
        decree493.direct_loss(**{**parts, "administrative": NAN})
    for wrong in ((-1, 0, 0), (0.5, 0, 0), (0, 0, NAN)):
        with pytest.raises(ValueError, match="0 or more"):
            decree493.accident_grade(*wrong, ON)


def test_indicators_by_hand() -> None:
    assert iso22400.nee(480, 400, 20, 0.9, 0.95) == pytest.approx(420 / 480 * 0.9 * 0.95)
    assert iso22400.teep(0.7125, 480, 1440) == pytest.approx(0.2375)
    assert iso22400.first_pass_yield(90, 100) == 0.9
    assert iso22400.scrap_ratio(5, 100) == 0.05
    assert iso22400.rework_ratio(5, 100) == 0.05
    assert iso22400.utilisation_efficiency(400, 440) == pytest.approx(400 / 440)
    assert iso22400.allocation_efficiency(440, 480) == pytest.approx(440 / 480)
    assert iso22400.allocation_ratio(440, 600) == pytest.approx(440 / 600)
    assert iso22400.technical_efficiency(400, 100) == 0.8
    assert iso22400.setup_ratio(20, 420) == pytest.approx(20 / 420)
    assert iso22400.throughput_rate(360, 600) == 0.6
    assert iso22400.mean_time_between_failures(100, 4) == 20
    assert iso22400.mean_time_between_failures(100, 4, iso=False) == 25
    assert iso22400.mean_time_to_failure(90, 2) == 30
    assert iso22400.mean_time_to_repair(9, 2) == 3
    assert iso22400.corrective_maintenance_ratio(1, 3) == 0.25
    for call in (
        lambda: iso22400.scrap_ratio(NAN, 1), lambda: iso22400.scrap_ratio(1, 0), lambda: iso22400.scrap_ratio(-1, 1),
        lambda: iso22400.mean_time_to_repair(9, 0, iso=False), lambda: iso22400.mean_time_to_repair(9, -1),
        lambda: iso22400.oee(480, 400, 1, 360, NAN), lambda: iso22400.oee(480, 400, 1, 360, 361),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"\w"):
            call()


WITH_2027 = PUBLISHED.with_year(2027, [date(2027, 1, 1), date(2027, 1, 2)], [date(2027, 1, 3)])


def test_terms_run_over_the_end_of_the_year_or_refuse() -> None:
    assert WITH_2027.add_working_days(date(2026, 12, 30), 2) == date(2027, 1, 3)  # a Sunday that is worked
    with pytest.raises(CalendarNotPublished, match="2027"):
        PUBLISHED.add_working_days(date(2026, 12, 30), 2)
    assert PUBLISHED.add_working_days(date(2026, 12, 30), 1) == date(2026, 12, 31)
    assert PUBLISHED.add_working_days(date(2025, 12, 31), 1) == date(2026, 1, 4)  # day 0 need not be known
    with pytest.raises(CalendarNotPublished, match="2025"):
        PUBLISHED.is_working_day(date(2025, 12, 31))
    with pytest.raises(ValueError, match="at least 1"):
        PUBLISHED.add_working_days(date(2026, 3, 1), 0)


def test_suspended_days_do_not_count() -> None:
    plain = PUBLISHED.add_working_days(date(2026, 3, 2), 5)
    assert plain == date(2026, 3, 9)
    pause = [(date(2026, 3, 4), date(2026, 3, 5))]
    assert PUBLISHED.add_working_days(date(2026, 3, 2), 5, suspended=pause) == date(2026, 3, 11)
    with pytest.raises(ValueError, match="before it begins"):
        PUBLISHED.add_working_days(date(2026, 3, 2), 5, suspended=[(date(2026, 3, 5), date(2026, 3, 4))])


@given(st.dates(date(2026, 1, 1), date(2026, 12, 31)), st.dates(date(2026, 1, 1), date(2026, 12, 31)))
def test_working_days_between_is_additive_and_odd(a, b) -> None:
    n = PUBLISHED.working_days_between(a, b)
    assert n == -PUBLISHED.working_days_between(b, a)
    middle = a + (b - a) // 2
    assert n == PUBLISHED.working_days_between(a, middle) + PUBLISHED.working_days_between(middle, b)


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("2027,holiday,2027-01-01,2026-01-03,Notice,two_sources", "last"),
        ("2027,feast,2027-01-01,2027-01-03,Notice,two_sources", "kind"),
        ("2027,holiday,1 January,2027-01-03,Notice,two_sources", "first"),
        ("2027,holiday,2027-01-01,2027-01-03,Notice,sure", "confidence"),
        ("2026,holiday,2026-05-01,2026-05-01,Notice,two_sources", "first"),
    ],
)
def test_a_faulty_calendar_names_row_and_column(row: str, column: str) -> None:
    head = "year,kind,first,last,standard,confidence\n2026,holiday,2026-05-01,2026-05-05,Notice,two_sources\n"
    with pytest.raises(PackError) as caught:
        load(head + row + "\n", "days.csv")
    assert (caught.value.origin, caught.value.row, caught.value.column) == ("days.csv", 3, column)


@pytest.mark.parametrize(
    ("holidays", "make_up"),
    [([date(2027, 1, 1)], []), ([], [date(2026, 3, 2)]), ([date(2026, 3, 7)], [date(2026, 3, 7)])],
)
def test_an_impossible_calendar_is_refused(holidays, make_up) -> None:
    with pytest.raises(ValueError, match="2"):
        WorkingCalendar(frozenset({2026}), frozenset(holidays), frozenset(make_up))


def test_gas_units() -> None:
    mass = concentration.molar_mass("chlorine", ON)
    assert float(concentration.ppm_to_mg_m3(1.0, mass.number)) == pytest.approx(70.906 / 24.465, rel=1e-4)
    cold = concentration.ppm_to_mg_m3(1.0, 64.066, 273.15)
    assert float(concentration.restated(cold, 273.15, 101_325)) == pytest.approx(
        float(concentration.ppm_to_mg_m3(1.0, 64.066))
    )
    for wrong in ((0.0, 101_325.0), (298.15, 0.0), (NAN, 101_325.0)):
        with pytest.raises(ValueError, match="above 0"):
            concentration.molar_volume(*wrong)
    with pytest.raises(RuleMissing):
        concentration.molar_mass("unobtainium", ON)


def test_societal_risk() -> None:
    f, n = [1e-4, 1e-5, 1e-6], [1, 10, 100]
    assert aq3046.fn_curve(f, n, [1, 2, 10, 11, 101]).tolist() == pytest.approx(
        [1.11e-4, 1.1e-5, 1.1e-5, 1e-6, 0]
    )
    assert aq3046.potential_loss_of_life(f, n) == pytest.approx(3e-4)
    with pytest.raises(ValueError, match="frequency"):
        aq3046.potential_loss_of_life([NAN], [1])


def test_exposure_is_capped_and_edges_count() -> None:
    assert float(aq3046.heat_death(25_000, 20)) == pytest.approx(0.804, abs=5e-4)
    assert float(aq3046.heat_death(25_000, 60)) == float(aq3046.heat_death(25_000, 20))
    assert aq3046.heat_death([37_499, 37_500], 1).tolist()[1] == 1
    assert aq3046.overpressure_death([10_000, 10_001, 29_999, 30_000], indoors=True).tolist() == [
        0,
        0.025,
        0.025,
        1,
    ]
    assert aq3046.social_death([0.5, 1.0], "heat").tolist() == pytest.approx([0.07, 1])
    assert aq3046.social_death([0.5, 1.0], "toxic").tolist() == pytest.approx([0.05, 0.1])
    with pytest.raises(ValueError, match="social factors"):
        aq3046.social_death(0.5, "noise")
    assert aq3046.flash_fire_death([NAN, 1, 2], 2).tolist() == pytest.approx([NAN, 0, 1], nan_ok=True)


def test_every_unverified_value_can_be_told() -> None:
    assert any(not rule.verified for rule in builtin())
