"""Air: index, averaging and compliance against plain loops and hand-made figures."""

from __future__ import annotations

import math
from datetime import date
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parksight.standards import averaging, gb3095, gb8170, hj633, hj663
from parksight.standards.rulepack import Confidence, RuleMissing, RuleNotInForce, RulePack, builtin

ON, OLD = date(2026, 11, 1), date(2026, 2, 28)
CLEAN = {"SO2_24h": 20.0, "NO2_24h": 30.0, "PM10_24h": 45.0, "PM25_24h": 30.0, "CO_24h": 0.8, "O3_8h": 90.0}
ITEMS = sorted({*hj633.DAILY, *hj633.REALTIME})
gappy = st.one_of(st.integers(0, 2000).map(float), st.just(math.nan))


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=30), st.integers(-2, 4))
def test_array_rounding_equals_the_decimal_one(values, decimals) -> None:
    found = gb8170.round_half_even_array(values, decimals)
    assert found.tolist() == pytest.approx([gb8170.round_half_even(v, decimals) for v in values], rel=1e-15)


@given(st.lists(st.integers(-(10**7), 10**7), min_size=1, max_size=30), st.integers(0, 3))
def test_array_rounding_of_ties(halves, decimals) -> None:
    ties = [float(f"{n}5e-{decimals + 1}") for n in halves]
    found = gb8170.round_half_even_array(ties, decimals)
    assert found.tolist() == [gb8170.round_half_even(t, decimals) for t in ties]


def test_rounding_leaves_what_has_no_decimals() -> None:
    values = [math.nan, math.inf, -math.inf, 2.0**53 + 2, -(2.0**60), 1e300]
    assert gb8170.round_half_even_array(values, 2).tolist() == pytest.approx(values, nan_ok=True, rel=0)


@given(st.lists(st.integers(0, 4000), min_size=2, max_size=60))
def test_a_mean_of_decimals_meets_its_tie(tenths) -> None:
    mean = averaging.block_mean([t / 10 for t in tenths], len(tenths), 1)[0]
    exact = Fraction(sum(tenths), 10 * len(tenths))
    assert gb8170.round_mean_array(mean) == round(exact)  # Python rounds fractions half to even


def exact_iaqi(item: str, c: float, on: date) -> int:
    """HJ 633 in fractions, without any float."""
    rows = sorted(builtin().table("hj633.breakpoint", on, item=item), key=lambda r: r.number)
    value = Fraction(repr(gb8170.round_half_even(round(c, 9), hj633.decimals(item))))
    for low, high in pairwise(rows):
        b, t = Fraction(repr(low.number)), Fraction(repr(high.number))
        if value <= t:
            i, k = int(low.key["iaqi"]), int(high.key["iaqi"])
            return math.ceil(Fraction(k - i) / (t - b) * (value - b) + i)
    raise AssertionError("above the table")


@given(st.sampled_from(ITEMS), st.floats(0, 1), st.sampled_from([OLD, date(2026, 3, 1), ON]))
@settings(max_examples=300)
def test_iaqi_equals_exact_arithmetic(item, share, on) -> None:
    top = max(r.number for r in builtin().table("hj633.breakpoint", on, item=item))
    c = share * top
    assert hj633.iaqi(item, c, on) == exact_iaqi(item, c, on)


@pytest.mark.parametrize(
    ("item", "c", "on", "index"),
    [
        ("PM25_24h", 35.4, ON, 50), ("PM25_24h", 35.5, ON, 52), ("PM25_24h", 36, ON, 52), ("PM25_24h", 60.5, ON, 100),
        ("PM25_24h", 500, ON, 500), ("PM25_24h", 501, ON, 500), ("PM10_24h", 120, ON, 100), ("PM10_24h", 121, ON, 101),
        ("PM10_24h", 9e9, ON, 500), ("SO2_1h", 800, ON, 200), ("SO2_1h", 801, ON, 200), ("O3_8h", 800, ON, 300),
        ("O3_8h", 801, ON, 300), ("O3_1h", 1300, ON, 500), ("CO_24h", 3.35, ON, 85), ("CO_24h", 3.45, ON, 85),
        ("PM25_24h", 60, OLD, 82), ("PM10_24h", 120, OLD, 85), ("PM25_24h", 0, ON, 0), ("CO_1h", 0.04, ON, 0),
    ],
)  # fmt: skip
def test_index_at_and_around_its_breakpoints(item, c, on, index) -> None:
    assert hj633.iaqi(item, [c], on)[0] == index


def test_what_the_old_edition_sends_to_another_item() -> None:
    assert math.isnan(hj633.iaqi("SO2_1h", 801, OLD))
    assert math.isnan(hj633.iaqi("O3_8h", 801, OLD))
    assert hj633.daily({**CLEAN, "O3_8h": 900, "O3_1h": 1000}, OLD).aqi == 400
    assert hj633.daily({**CLEAN, "O3_8h": 900}, ON).aqi == 300
    found = hj633.daily({**CLEAN, "O3_8h": 900}, OLD)
    assert (found.aqi, found.incomplete) == (None, ("O3_8h",))  # its 1 h value is unknown: so is the index


def test_ozone_1h_is_an_item_of_the_day_until_february_2026() -> None:
    values = {**CLEAN, "O3_1h": 220.0}
    assert hj633.daily(values, OLD).primary == ("O3_1h",)
    assert hj633.daily(values, OLD).primary_pollutants == ("O3",)
    assert hj633.daily(values, date(2026, 3, 1)).aqi == 45
    both = hj633.daily({**CLEAN, "O3_8h": 160.0, "O3_1h": 200.0}, OLD)
    assert (both.primary, both.primary_pollutants) == (("O3_8h", "O3_1h"), ("O3",))


def test_primary_only_above_fifty_and_ties_together() -> None:
    fifty = hj633.daily({**CLEAN, "PM25_24h": 35, "PM10_24h": 50}, ON)
    assert (fifty.aqi, fifty.grade, fifty.primary) == (50, 1, ())
    tied = hj633.daily({**CLEAN, "PM25_24h": 36, "NO2_24h": 41.6}, ON)
    assert (tied.aqi, tied.grade) == (53, 2)
    assert tied.primary == ("NO2_24h",)
    assert hj633.daily(dict.fromkeys(CLEAN, 0.0), ON).aqi == 1  # the published range begins at 1
    assert hj633.daily(dict.fromkeys(CLEAN, 0.0), OLD).aqi == 0
    assert fifty.confidence is Confidence.TWO_SOURCES


def test_missing_and_not_monitored_items() -> None:
    gone = {k: v for k, v in CLEAN.items() if k != "SO2_24h"}
    assert hj633.daily(gone, ON).aqi is None
    assert hj633.daily({**gone, "PM25_24h": 60}, ON).aqi is None  # 100 is not above 100
    assert hj633.daily({**gone, "PM25_24h": 61}, ON).aqi == 101
    planned = hj633.daily(gone, ON, not_monitored=["SO2_24h"])
    assert (planned.aqi, planned.incomplete) == (45, ())
    assert hj633.daily({}, ON).aqi is None
    with pytest.raises(ValueError, match="do not belong"):
        hj633.daily({"PM1_24h": 3}, ON)
    for bad in (-0.6, math.inf):
        with pytest.raises(ValueError, match="PM25_24h"):
            hj633.daily({**CLEAN, "PM25_24h": bad}, ON)
    assert hj633.daily({**CLEAN, "PM25_24h": -0.4}, ON).iaqi["PM25_24h"] == 0  # rounds to zero
    with pytest.raises(RuleNotInForce):
        hj633.daily(CLEAN, date(2015, 12, 31))
    for outside in (-1, 501):
        with pytest.raises(ValueError, match="an AQI lies in"):
            hj633.grade(outside)


@given(
    st.lists(st.fixed_dictionaries(dict.fromkeys((*CLEAN, "O3_1h"), gappy)), min_size=1, max_size=8),
    st.data(),
)
@settings(max_examples=60, deadline=None)
def test_series_equal_day_by_day_across_the_change_of_edition(days, data) -> None:
    dates = [data.draw(st.dates(date(2026, 2, 25), date(2026, 3, 4))) for _ in days]
    columns = {item: [day[item] for day in days] for item in days[0]}
    found = hj633.daily_series(columns, np.array(dates, dtype="datetime64[D]"))
    for i, (day, on) in enumerate(zip(days, dates, strict=True)):
        one = hj633.daily(day, on)
        assert (None if math.isnan(found.aqi[i]) else found.aqi[i]) == one.aqi
        assert found.grade[i] == (one.grade or 0)
        assert {n for n, top in zip(found.items, found.primary[:, i], strict=True) if top} == set(one.primary)
        assert {n for n, gone in zip(found.items, found.missing[:, i], strict=True) if gone} == set(
            one.incomplete
        )


def test_a_station_year_to_its_index() -> None:
    hours = np.full(48, 50.0)
    found = hj633.daily_concentrations({"PM2.5": hours, "O3": hours})
    assert {k: v.tolist() for k, v in found.items()} == {
        "PM25_24h": [50, 50], "O3_8h": [50, 50], "O3_1h": [50, 50],
    }  # fmt: skip
    with pytest.raises(RuleMissing, match="TSP"):
        hj633.daily_concentrations({"TSP": hours})


def test_a_local_index_is_marked() -> None:
    head = "rule,key,value,unit,sense,standard,clause,valid_from,valid_to,confidence,note\n"
    row = "hj633.breakpoint,item=PM25_24h;iaqi=100,55,ug/m3,,Trial,1,2026-10-01,,own_unverified,\n"
    local = builtin().overlay(RulePack.parse(head + row, "trial.csv"))
    assert hj633.daily({**CLEAN, "PM25_24h": 55}, ON, local).aqi == 100
    assert hj633.daily(CLEAN, ON, local).confidence is Confidence.OWN_UNVERIFIED


@given(
    st.lists(st.one_of(st.floats(0, 500), st.just(math.nan), st.just(math.inf)), min_size=1, max_size=40),
    st.integers(1, 13), st.data(),
)  # fmt: skip
def test_rolling_mean_equals_the_plain_loop(values, size, data) -> None:
    least = data.draw(st.integers(1, size))
    found = averaging.rolling_mean([values, values[::-1]], size, least)
    for row, series in zip(found, (values, values[::-1]), strict=True):
        for i, mean in enumerate(row):
            window = [v for v in series[max(0, i - size + 1) : i + 1] if math.isfinite(v)]
            if i + 1 >= size and len(window) >= least:
                assert mean == pytest.approx(sum(window) / len(window), rel=1e-9, abs=1e-9)
            else:
                assert math.isnan(mean)


def test_validity_of_an_hour_a_day_a_month_and_a_year() -> None:
    minutes = np.full(60, 10.0)
    minutes[:15] = math.nan
    assert gb3095.hourly_means(minutes).tolist() == [10.0]
    minutes[15] = math.nan
    assert np.isnan(gb3095.hourly_means(minutes)).all()
    hours = np.full(24, 10.0)
    hours[:4] = math.nan
    assert gb3095.daily_means(hours).tolist() == [10.0]
    hours[4] = math.nan
    assert np.isnan(gb3095.daily_means(hours)).all()
    days = np.full(28, 10.0)
    days[:3] = math.nan
    assert gb3095.monthly_mean(days, 2) == 10.0
    days[3] = math.nan
    assert math.isnan(gb3095.monthly_mean(days, 2))
    year = np.full(365, 10.0)
    year[::9] = math.nan  # 41 days, at most 4 a month: 324 valid days, but some months have fewer than 27
    year[:] = 10.0
    year[[d for m in range(12) for d in range(m * 30, m * 30 + 3)]] = math.nan
    assert gb3095.annual_mean(year, 2026) == 10.0
    year[4] = year[5] = math.nan
    assert math.isnan(gb3095.annual_mean(year, 2026))
    with pytest.raises(ValueError, match="366"):
        gb3095.annual_mean(year, 2028)


def test_eight_hour_ozone_rules() -> None:
    hours = np.full(24, 100.0)
    hours[10:18] = 180.0
    assert gb3095.daily_max_8h(hours).tolist() == [180.0]
    few = np.full(24, math.nan)
    few[:19] = 100.0  # means that end at 08:00 … 21:00 have 6 hours: 14 of 17
    assert gb3095.daily_max_8h(few).tolist() == [100.0]
    few[18] = math.nan
    assert np.isnan(gb3095.daily_max_8h(few)).all()
    few[:8] = 200.0  # above the limit it counts with fewer
    assert gb3095.daily_max_8h(few).tolist() == [200.0]
    night = np.full(48, 50.0)
    night[20:28] = 300.0  # no window reaches over midnight
    assert gb3095.daily_max_8h(night).max() < 300


def test_exceedance_by_the_averaging_of_the_limit() -> None:
    minutes = np.full(24 * 60, 55.0)
    found = gb3095.exceedance(minutes, 1, "PM2.5", "24h", ON)
    assert (found.exceeded.tolist(), found.judged) == ([False], 1)
    assert found.confidence is Confidence.ONE_SOURCE  # the 20 h rule is known from one source
    strict = gb3095.exceedance(minutes, 1, "PM2.5", "24h", ON, grade=1)
    assert (strict.exceeded.tolist(), strict.times_over[0]) == ([True], pytest.approx(55 / 35 - 1))
    ozone = np.full(24, 150.0)
    ozone[8:16] = 161.0
    assert gb3095.exceedance(ozone, 60, "O3", "MDA8", ON).exceeded.tolist() == [True]
    assert not gb3095.exceedance(ozone, 60, "O3", "1h", ON).exceeded.any()
    year = np.full(365 * 24, 30.4)
    assert gb3095.exceedance(year, 60, "PM2.5", "annual", date(2027, 1, 1)).exceeded.tolist() == [False]
    minutes[:] = math.nan
    gone = gb3095.exceedance(minutes, 1, "PM2.5", "24h", ON)
    assert (gone.judged, math.isnan(gone.rate)) == (0, True)
    with pytest.raises(RuleMissing):
        gb3095.exceedance(year, 60, "O3", "annual", date(2027, 1, 1))
    with pytest.raises(ValueError, match="judge each part"):
        gb3095.exceedance(np.ones(48), 60, "PM2.5", "24h", date(2030, 12, 31))
    with pytest.raises(ValueError, match="divide an hour"):
        gb3095.exceedance(minutes, 7, "PM2.5", "24h", ON)


def test_five_minute_values_need_as_many_minutes() -> None:
    values = np.full(12, 20.0)
    values[:3] = math.nan
    assert gb3095.exceedance(values, 5, "SO2", "1h", ON).judged == 1
    values[3] = math.nan
    assert gb3095.exceedance(values, 5, "SO2", "1h", ON).judged == 0


@pytest.mark.parametrize(
    ("pollutant", "period", "mean", "over"),
    [
        ("Pb", "annual", 0.504, False), ("Pb", "annual", 0.506, True), ("CO", "24h", 4.05, False),
        ("CO", "24h", 4.06, True), ("BaP", "24h", 0.00254, False), ("NO2", "24h", 80.5, False), ("NO2", "24h", 80.51, True),
    ],
)  # fmt: skip
def test_a_mean_is_rounded_before_it_is_judged(pollutant, period, mean, over) -> None:
    assert gb3095.compliance([mean], pollutant, period, ON).exceeded.tolist() == [over]


def test_percentile_and_composite_index() -> None:
    assert hj663.percentile([1, 2, 3, 4, 5, math.nan], 90) == pytest.approx(4.6)
    found, rule = hj663.annual_percentile(np.arange(1, 102), "O3", ON)
    assert (found, rule.number) == (pytest.approx(91), 90)
    assert hj663.annual_percentile(np.arange(1, 102), "SO2", ON)[0] == pytest.approx(99)
    with pytest.raises(RuleMissing):
        hj663.annual_percentile([1.0], "TSP", ON)
    with pytest.raises(ValueError, match="no valid"):
        hj663.percentile([math.nan], 95)
    annual = {"SO2": 60.0, "NO2": 40.0, "PM10": 60.0, "PM2.5": 30.0, "CO": 4.0, "O3": 160.0}
    index, used = hj663.composite_index(annual, ON)
    assert index == pytest.approx(10)
    assert any(not rule.verified for rule in used)
    with pytest.raises(RuleMissing, match="O3"):
        hj663.composite_index({k: v for k, v in annual.items() if k != "O3"}, ON)


def test_real_time_series_equal_hour_by_hour() -> None:
    hours = {item: [10.0, 900.0, math.nan] for item in hj633.REALTIME}
    hours["CO_1h"] = [1.0, 2.0, 3.0]
    found = hj633.realtime_series(hours, ON)
    for i in range(3):
        one = hj633.realtime({item: values[i] for item, values in hours.items()}, ON)
        assert (None if math.isnan(found.aqi[i]) else int(found.aqi[i])) == one.aqi
    assert found.grade.tolist()[2] == 0
    with pytest.raises(ValueError, match="needs its day"):
        hj633.realtime_series(hours, np.array(["2026-11-01", "NaT", "2026-11-01"], dtype="datetime64[D]"))


def test_largest_hour_of_a_day_needs_its_hours() -> None:
    hours = np.arange(24.0)
    assert gb3095.daily_max_1h(hours).tolist() == [23]
    hours[:5] = math.nan
    assert np.isnan(gb3095.daily_max_1h(hours)).all()


def test_blocks_against_a_number() -> None:
    means, over = averaging.exceeds([1.0, 3.0, 5.0, math.nan, 9.0], 2.0, 2, 2)
    assert means.tolist() == pytest.approx([2, math.nan], nan_ok=True)
    assert over.tolist() == [False, False]
    assert averaging.valid_count([1.0, 3.0, 5.0, math.nan, 9.0], 2).tolist() == [2, 1]
    with pytest.raises(ValueError, match="finite number"):
        averaging.exceeds([1.0], math.nan, 1, 1)
    for size, least in ((0, 1), (2, 3), (2, 0)):
        with pytest.raises(ValueError, match="least"):
            averaging.block_mean([1.0], size, least)


def test_rounding_up() -> None:
    assert [gb8170.round_up(x) for x in (1.0, 1.01, -1.5, math.inf)] == [1, 2, -1, math.inf]
    assert gb8170.round_up(2.341, 2) == 2.35
