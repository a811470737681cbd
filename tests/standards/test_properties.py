"""What must hold of the formulas for any input: monotone, continuous, refusing, never silently NaN."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parksight.standards import (
    aq3046,
    averaging,
    carbon,
    decree493,
    economy,
    gb2589,
    gb3095,
    gb8170,
    gb12348,
    gb14549,
    gb15543,
    gb18218,
    gb30871,
    hj75,
    hj633,
    isa18,
    iso22400,
    power,
)
from parksight.standards.calendar import PUBLISHED, CalendarNotPublished
from parksight.standards.concentration import mg_m3_to_ppm, ppm_to_mg_m3
from parksight.standards.rulepack import RuleMissing, RuleNotInForce

ON = date(2026, 11, 1)
ITEMS = sorted({*hj633.DAILY, *hj633.REALTIME})
mass = st.floats(0, 1e5, allow_nan=False)
substance = st.sampled_from([s for s in gb18218.substances() if s.table == "2" or s.beta_basis == "Table 3"])


@given(st.decimals(-1000, 1000, places=4, allow_nan=False), st.integers(0, 3))
def test_rounding_is_half_even_and_vectorises(value, decimals) -> None:
    x = float(value)
    one = gb8170.round_half_even(x, decimals)
    assert gb8170.round_half_even_array([x], decimals)[0] == pytest.approx(one, abs=1e-12)
    assert abs(one - x) <= 0.5 * 10.0**-decimals + 1e-9


@pytest.mark.parametrize(
    ("x", "decimals", "want"), [(2.675, 2, 2.68), (3.25, 1, 3.2), (3.15, 1, 3.2), (0.5, 0, 0), (1.5, 0, 2)]
)
def test_rounding_by_the_written_decimal(x, decimals, want) -> None:
    assert gb8170.round_half_even(x, decimals) == want


@given(substance, mass, mass, st.integers(0, 500))
def test_more_of_a_substance_never_lowers_the_hazard(row, less, more, persons) -> None:
    less, more = sorted((less, more))
    a = gb18218.identify([gb18218.Inventory(row, less)], persons, ON)
    b = gb18218.identify([gb18218.Inventory(row, more)], persons, ON)
    assert (b.s, b.r) >= (a.s, a.r)
    assert (a.level is None) == (a.s < 1)
    if a.level and b.level:
        assert gb18218.LEVELS.index(b.level) <= gb18218.LEVELS.index(a.level)


@given(st.lists(st.tuples(substance, st.floats(0, 100)), min_size=1, max_size=6))
def test_contributions_add_up(items) -> None:
    found = gb18218.identify([gb18218.Inventory(*i) for i in items], 20, ON)
    assert math.isclose(found.s, sum(c.ratio for c in found.contributions), rel_tol=1e-12, abs_tol=1e-12)
    assert math.isclose(
        found.r,
        found.alpha.number * sum(c.weighted for c in found.contributions),
        rel_tol=1e-12,
        abs_tol=1e-12,
    )


def test_every_substance_answers_to_its_cas_and_names() -> None:
    rows = gb18218.substances()
    assert (sum(r.table == "1" for r in rows), sum(r.table == "2" for r in rows)) == (85, 24)
    for row in rows:
        for text in filter(None, (*row.cas.split(";"), row.name_zh, row.name_en, *row.aliases)):
            try:
                assert gb18218.find(text) == row
            except RuleMissing as error:
                assert "several rows" in str(error)  # one CAS number may stand for several contents


def test_missing_beta_is_asked_for_not_guessed() -> None:
    gasoline = gb18218.find("汽油")
    with pytest.raises(RuleMissing, match="hazard classes"):
        gb18218.identify([gb18218.Inventory(gb18218.find("硝酸胍"), 60)], 0, ON)
    assert gb18218.identify([gb18218.Inventory(gasoline, 200, ("W5.3",))], 0, ON).s == 1
    with pytest.raises(RuleNotInForce):
        gb18218.identify([gb18218.Inventory(gasoline, 200, ("W5.3",))], 0, date(2010, 1, 1))
    with pytest.raises(ValueError, match="mass"):
        gb18218.identify([gb18218.Inventory(gasoline, math.nan)], 0, ON)


@given(st.sampled_from(ITEMS), st.floats(0, 5000), st.floats(0, 5000))
def test_iaqi_is_monotone_and_bounded(item, low, high) -> None:
    low, high = sorted((low, high))
    a, b = hj633.iaqi(item, [low, high], ON)
    assert 0 <= a <= b <= 500


@given(
    st.sampled_from(ITEMS), st.lists(st.one_of(st.floats(0, 900), st.just(math.nan)), min_size=1, max_size=20)
)
def test_iaqi_of_missing_is_missing(item, values) -> None:
    index = hj633.iaqi(item, values, ON)
    assert (np.isnan(index) == np.isnan(values)).all()


def test_aqi_ties_missing_and_edition() -> None:
    clean = {"SO2_24h": 20, "NO2_24h": 30, "PM10_24h": 45, "PM25_24h": 30, "CO_24h": 0.8, "O3_8h": 90}
    assert hj633.daily(clean, ON).primary == ()
    tied = hj633.daily({**clean, "PM10_24h": 120, "PM25_24h": 60}, ON)
    assert (tied.aqi, set(tied.primary)) == (100, {"PM10_24h", "PM25_24h"})
    gone = {k: v for k, v in clean.items() if k != "O3_8h"}
    assert hj633.daily(gone, ON).aqi is None
    assert hj633.daily({**gone, "PM25_24h": 80}, ON).aqi == 119
    assert hj633.realtime({"SO2_1h": 900, "SO2_24h": 100}, date(2025, 1, 1)).iaqi["SO2_1h"] == 75
    with pytest.raises(ValueError, match="below zero"):
        hj633.iaqi("CO_1h", [-1.0], ON)


@given(st.lists(st.one_of(st.floats(0, 500), st.just(math.nan)), min_size=1, max_size=60), st.integers(1, 10))
def test_block_mean_needs_its_samples(values, size) -> None:
    least = max(1, size - 1)
    means = averaging.block_mean(values, size, least)
    for i, mean in enumerate(means):
        valid = [v for v in values[i * size : (i + 1) * size] if not math.isnan(v)]
        if len(valid) >= least:
            assert mean == pytest.approx(sum(valid) / len(valid))
        else:
            assert math.isnan(mean)


def test_air_limits_change_with_the_years() -> None:
    assert gb3095.limit("PM2.5", "24h", ON).number == 60
    assert gb3095.limit("PM2.5", "24h", date(2031, 1, 1)).number == 50
    found = gb3095.compliance([59.6, 60.4, 61, math.nan], "PM2.5", "24h", ON)
    assert found.exceeded.tolist() == [False, False, True, False]
    assert (found.judged, found.rate) == (3, pytest.approx(2 / 3))
    with pytest.raises(RuleNotInForce):
        gb3095.limit("PM2.5", "24h", date(2026, 2, 28))


@given(st.floats(0, 1e4), st.floats(0, 18.9), st.floats(0, 15))
def test_oxygen_conversion_scales_and_refuses_air(c, o2, ref) -> None:
    assert float(hj75.converted(c, o2, ref)) == pytest.approx(c * (21 - ref) / (21 - o2))
    assert math.isnan(float(hj75.converted(c, 19.5, ref)))


def test_substitution_looks_back_by_capture_and_gap() -> None:
    history = np.arange(3000.0)
    assert hj75.substitute(history, 24, 0.95, hj75.Gap.FAULT_OR_MAINTENANCE).look_back_hours == 180
    assert hj75.substitute(history, 25, 0.95, hj75.Gap.FAULT_OR_MAINTENANCE).look_back_hours == 720
    assert hj75.substitute(history, 2, 0.80, hj75.Gap.OUT_OF_CONTROL).look_back_hours == 2160
    with pytest.raises(ValueError, match="75 %"):
        hj75.substitute(history, 2, 0.74, hj75.Gap.OUT_OF_CONTROL)
    with pytest.raises(ValueError, match="valid hours"):
        hj75.substitute(history[:100], 2, 0.95, hj75.Gap.OUT_OF_CONTROL)
    assert hj75.effective_transmission(90, 100, 45, 50)[2] == pytest.approx(0.81)
    with pytest.raises(ValueError, match="not defined"):
        hj75.effective_transmission(0, 0, 0, 0)


@given(st.lists(st.floats(20, 120), min_size=1, max_size=30))
def test_leq_lies_between_mean_and_maximum(levels) -> None:
    value = float(gb12348.leq(levels))
    assert np.mean(levels) - 1e-9 <= value <= max(levels) + 1e-9


@pytest.mark.parametrize(("difference", "correction"), [(3, -3), (5, -2), (6, -1), (10, -1), (11, 0)])
def test_background_correction(difference, correction) -> None:
    assert gb12348.corrected_for_background(60 + difference, 60, ON) == 60 + difference + correction


def test_background_too_close_is_invalid() -> None:
    with pytest.raises(ValueError, match="below 3"):
        gb12348.corrected_for_background(62, 60, ON)


@given(st.floats(1, 200), st.floats(200, 400), st.floats(80_000, 110_000), st.floats(0, 1e5))
def test_concentration_round_trip(molar, kelvin, pascal, ppm) -> None:
    assert float(
        mg_m3_to_ppm(ppm_to_mg_m3(ppm, molar, kelvin, pascal), molar, kelvin, pascal)
    ) == pytest.approx(ppm)


def test_equivalent_electricity_must_be_supplied() -> None:
    item = [gb2589.Quantity("electricity", 1000.0)]
    with pytest.raises(RuleMissing):
        gb2589.comprehensive(item, ON, gb2589.Method.EQUIVALENT)
    both = [gb2589.Quantity("diesel", 1000.0), gb2589.Quantity("diesel", 400.0, gb2589.Flow.SOLD)]
    assert gb2589.comprehensive(both, ON).tce == pytest.approx(0.6 * 1.4571)
    with pytest.raises(ValueError, match="output"):
        gb2589.unit_product(gb2589.comprehensive(both, ON), 0.0)


def test_grid_factor_of_an_unpublished_year_raises() -> None:
    with pytest.raises(RuleMissing):
        carbon.electricity(1.0, ON, factor_year=2026)
    assert carbon.electricity(10, ON, factor_year=2023, green_mwh=10).tco2 == 0


@given(st.sampled_from([0.90, 0.85, 0.80]), st.integers(0, 100), st.integers(0, 100))
def test_worse_power_factor_never_costs_less(standard, a, b) -> None:
    low, high = sorted((a / 100, b / 100))
    try:
        worse, better = (power.adjustment(standard, pf, ON).number for pf in (low, high))
    except RuleMissing:
        return  # the published table does not reach that low
    assert worse >= better


@given(st.lists(st.floats(1, 1e3), min_size=3, max_size=3), st.floats(0.1, 10))
def test_voltage_unbalance_is_scale_free_and_zero_when_equal(u, k) -> None:
    one = gb15543.voltage_unbalance(*u)
    two = gb15543.voltage_unbalance(*(x * k for x in u))
    assert np.allclose(one, two, atol=1e-4, equal_nan=True)
    assert float(gb15543.voltage_unbalance(400, 400, 400)) == pytest.approx(0, abs=1e-6)


def test_harmonic_current_scales_with_short_circuit_capacity() -> None:
    base = gb14549.current_limit(10, 5, ON, short_circuit_mva=100)
    assert gb14549.current_limit(10, 5, ON, short_circuit_mva=200) == pytest.approx(2 * base)
    assert gb14549.current_limit(
        10, 5, ON, short_circuit_mva=100, user_mva=10, supply_mva=10
    ) == pytest.approx(base)
    assert gb14549.current_limit(10, 5, ON, short_circuit_mva=100, user_mva=1, supply_mva=10) < base


def test_oee_flags_instead_of_capping() -> None:
    found = iso22400.oee(480, 400, 2, 360, 342)
    assert found.effectiveness == pytest.approx(1.8)
    assert found.suspect == ("effectiveness",)
    with pytest.raises(ValueError, match="denominator"):
        iso22400.oee(0, 0, 1, 0, 0)


def test_working_days_refuse_an_unpublished_year() -> None:
    with pytest.raises(CalendarNotPublished, match="2027"):
        PUBLISHED.add_working_days(date(2026, 12, 20), 40)
    longer = PUBLISHED.with_year(2027, [date(2027, 1, 1)], [])
    assert longer.add_working_days(date(2026, 12, 31), 1) == date(2027, 1, 4)


@given(st.dates(date(2026, 1, 1), date(2026, 9, 1)), st.integers(1, 40))
def test_working_day_terms_count_back(accepted, days) -> None:
    due = PUBLISHED.add_working_days(accepted, days)
    assert PUBLISHED.is_working_day(due)
    assert PUBLISHED.working_days_between(accepted, due) == days


T0 = datetime(2026, 11, 1, 9)


def permit(key, work, x=0.0, begin=0, hours=2, **more) -> gb30871.Permit:
    start = T0 + timedelta(hours=begin)
    return gb30871.Permit(key, work, x, 0.0, start, start + timedelta(hours=hours), **more)


def test_permit_conflicts_in_space_and_time() -> None:
    hot = permit("hot", gb30871.Work.HOT_WORK, guardian="Li")
    vent = permit("vent", gb30871.Work.CONFINED_SPACE, x=29.0, releases="flammable_gas")
    far = permit("far", gb30871.Work.CONFINED_SPACE, x=31.0, releases="flammable_gas")
    later = permit("later", gb30871.Work.BLIND_PLATE, x=5.0, begin=3)
    same = permit("same", gb30871.Work.HEIGHT, x=500.0, guardian="Li")
    found = {
        (c.second if c.first == "hot" else c.first, c.reason)
        for c in gb30871.conflicts([hot, vent, far, later, same], ON)
    }
    assert found == {("vent", "flammable_gas_release"), ("same", "same_guardian")}


def test_hot_work_levels_and_upgrade() -> None:
    assert gb30871.hot_work_level(fire_explosion_place=True, on_running_equipment=True) == "特级"
    assert gb30871.hot_work_level(fire_explosion_place=False, pipe_rack=True) == "一级"
    assert gb30871.upgraded("二级", night=True) == "一级"
    assert gb30871.upgraded("特级", holiday=True) == "特级"
    assert gb30871.validity(gb30871.Work.HOT_WORK, "二级", ON) == timedelta(hours=72)
    assert gb30871.validity(gb30871.Work.BLIND_PLATE, "none", ON) is None
    with pytest.raises(RuleMissing):
        gb30871.validity(gb30871.Work.HOT_WORK, "四级", ON)


@given(st.floats(allow_nan=True), st.floats(allow_nan=True))
def test_a_gas_test_never_passes_on_nonsense(flammable, oxygen) -> None:
    test = gb30871.GasTest(T0, ((flammable, 5.0),), oxygen, calibrated_until=T0 + timedelta(days=1))
    if gb30871.gas_test(gb30871.Work.CONFINED_SPACE, test, T0).ok:
        assert flammable <= 0.5
        assert 19.5 <= oxygen <= 21.0


@given(st.lists(st.tuples(st.floats(0, 86_399), st.integers(0, 5), st.integers(1, 4)), max_size=80))
def test_alarm_performance_adds_up(events) -> None:
    t, a, p = (list(x) for x in zip(*events, strict=True)) if events else ([], [], [])
    found = isa18.performance(t, a, p, [math.nan] * len(t), 0, 86_400)
    assert found.total == len(events)
    assert sum(n for _, n in found.top_ten) == len(events)
    assert sum(found.priority_share.values()) == pytest.approx(1.0 if events else 0.0)
    assert found.standing == len(set(a))
    assert 0 <= found.time_in_flood <= 1


def test_flood_begins_above_ten_and_ends_below_five() -> None:
    times = np.concatenate([np.arange(11) + 600.0, np.arange(6) + 1200.0, np.arange(4) + 1800.0])
    found = isa18.performance(times, np.arange(21), np.ones(21), np.full(21, math.nan), 0, 3600)
    assert [(f.begin, f.end, f.alarms) for f in found.floods] == [(600.0, 1800.0, 17)]
    chatter = isa18.performance([0, 20, 59, 200], [7, 7, 7, 8], [1] * 4, [math.nan] * 4, 0, 3600)
    assert chatter.chattering == (7,)


@given(st.floats(1e3, 1e5), st.floats(1, 60))
def test_heat_kills_more_with_flux_and_time(flux, seconds) -> None:
    p = float(aq3046.heat_death(flux, seconds))
    assert 0 <= p <= 1
    assert float(aq3046.heat_death(flux * 1.1, seconds)) >= p


def test_toxic_load_refuses_gaps() -> None:
    with pytest.raises(ValueError, match="missing"):
        aq3046.toxic_load([1.0, math.nan], 60, 2)
    with pytest.raises(RuleMissing):
        aq3046.toxic_probit(1.0, 10.0, "unobtainium", ON)


@pytest.mark.parametrize(
    ("dead", "hurt", "loss", "grade"),
    [
        (2, 9, 9_999_999, "一般"),
        (3, 0, 0, "较大"),
        (0, 50, 0, "重大"),
        (0, 0, 1e8, "特别重大"),
        (29, 99, 9.9e7, "重大"),
    ],
)
def test_accident_grade(dead, hurt, loss, grade) -> None:
    assert decree493.accident_grade(dead, hurt, loss, ON) == grade


def test_benchmarks_of_another_year_are_not_reused() -> None:
    with pytest.raises(RuleMissing):
        economy.mu_score({}, "large", ON)
