"""Stacks, waste water and noise: validity, substitution, totals, levels."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parksight.standards import gb12348, hj75, hj356
from parksight.standards.rulepack import Confidence, RuleMissing, RulePack, builtin

ON = date(2026, 11, 1)
FAULT, OUT = hj75.Gap.FAULT_OR_MAINTENANCE, hj75.Gap.OUT_OF_CONTROL


@pytest.mark.parametrize(
    ("share", "hours", "look_back"),
    [
        (0.90, 24, 180),
        (0.90, 25, 720),
        (1.0, 1, 180),
        (0.8999, 1, 2160),
        (0.75, 800, 2160),
        (1971 / 2190, 24, 180),
    ],
)
def test_tiers_of_substitution(share: float, hours: int, look_back: int) -> None:
    history = np.concatenate([[999.0], np.zeros(2160 - 721), [700.0], np.zeros(539), [180.0], np.zeros(180)])
    found = hj75.substitute(history, hours, share, FAULT)
    assert found.look_back_hours == look_back
    assert found.values.shape == (hours,)
    assert (found.values == history[-look_back:].max()).all()
    assert found.rule.confidence is Confidence.TWO_SOURCES


def test_missing_hours_of_the_history_are_passed_over() -> None:
    history = np.full(400, math.nan)
    history[::2] = np.arange(200.0)
    assert hj75.substitute(history, 1, 0.95, FAULT).values[0] == 199
    for share in (0.7499, math.nan):
        with pytest.raises(ValueError, match="75 %"):
            hj75.substitute(history, 1, share, FAULT)


def test_emission_total_adds_measured_and_substituted_hours() -> None:
    rate = np.full(2184, 2.0)  # a quarter of 91 days
    rate[100] = 9.0
    rate[1000:1010] = math.nan
    stopped = np.zeros(2184, dtype=bool)
    stopped[500:600] = True
    rate[500:600] = math.nan
    found = hj75.emission_total(rate, stopped, [hj75.MissingSpan(1000, 10)])
    assert (found.measured_hours, found.substituted_hours, found.stopped_hours) == (2074, 10, 100)
    assert found.capture == pytest.approx(2074 / 2084)
    assert found.substituted_kg == 20  # the peak at hour 100 lies beyond 180 valid hours
    assert found.kg == pytest.approx(2 * 2074 + 7 + 20)
    assert found.confidence is Confidence.TWO_SOURCES


def test_out_of_control_looks_back_from_the_calibration() -> None:
    rate = np.concatenate([np.full(400, 3.0), np.full(100, 50.0), np.full(20, math.nan), np.full(1680, 3.0)])
    off = np.zeros(rate.size, dtype=bool)
    gap = hj75.MissingSpan(500, 20, OUT, calibrated=400)
    assert hj75.emission_total(rate, off, [gap]).substituted_kg == 60
    assert hj75.emission_total(rate, off, [hj75.MissingSpan(500, 20)]).substituted_kg == 1000
    with pytest.raises(ValueError, match="last calibrated"):
        hj75.emission_total(rate, off, [hj75.MissingSpan(500, 20, OUT)])
    early = np.concatenate([[math.nan], np.full(2000, 1.0)])
    none = np.zeros(early.size, dtype=bool)
    with pytest.raises(ValueError, match="valid hours before"):
        hj75.emission_total(early, none, [hj75.MissingSpan(0, 1)])
    before = np.full(180, 7.0)
    assert hj75.emission_total(early, none, [hj75.MissingSpan(0, 1)], history=before).substituted_kg == 7


@pytest.mark.parametrize(
    ("gaps", "words"),
    [
        ([], "must lie in one gap"),
        ([hj75.MissingSpan(10, 2), hj75.MissingSpan(11, 2)], "must lie in one gap"),
        ([hj75.MissingSpan(9, 5)], "was measured"),
        ([hj75.MissingSpan(10, 5000)], "outside"),
    ],
)
def test_every_missing_hour_is_explained_once(gaps: list[hj75.MissingSpan], words: str) -> None:
    rate = np.full(2000, 1.0)
    rate[10:13] = math.nan
    with pytest.raises(ValueError, match=words):
        hj75.emission_total(rate, np.zeros(2000, dtype=bool), gaps)


@given(st.integers(1, 3000), st.integers(0, 3000), st.integers(0, 3000))
def test_capture_is_a_share_or_refused(total, stopped, invalid) -> None:
    if stopped < total and invalid <= total - stopped:
        assert 0 <= hj75.capture(total, stopped, invalid) <= 1
    else:
        with pytest.raises(ValueError, match=r"capture|invalid"):
            hj75.capture(total, stopped, invalid)


def test_conversion_flow_and_rate_by_hand() -> None:
    assert hj75.converted([100, 100, math.nan], [11, 19, 11], 6).tolist() == pytest.approx(
        [150, math.nan, math.nan], nan_ok=True
    )
    assert float(hj75.converted(100, 19.5, 6, ceiling=20)) == pytest.approx(1000)
    assert hj75.reference_oxygen("coal_power", ON).number == 6
    assert not hj75.reference_oxygen("coal_power", ON).verified
    with pytest.raises(RuleMissing):
        hj75.reference_oxygen("volcano", ON)
    flow = hj75.dry_standard_flow(10.0, 2.0, 0.0, 0.0, 0.0)
    assert float(flow) == pytest.approx(72_000)
    assert float(hj75.dry_standard_flow(10.0, 2.0, 273.0, 0.0, 0.1)) == pytest.approx(32_400)
    assert float(hj75.emission_rate(100.0, 72_000)) == pytest.approx(7.2)
    assert float(hj75.nox_as_no2(30.0, 4.0)) == pytest.approx(50)
    assert float(hj75.dry(90.0, 0.1)) == pytest.approx(100)
    for wet in (-0.1, 1.0):
        with pytest.raises(ValueError, match="moisture"):
            hj75.dry_standard_flow(1.0, 1.0, 0.0, 0.0, wet)


def permit_limit() -> RulePack:
    head = "rule,key,value,unit,sense,standard,clause,valid_from,valid_to,confidence,note\n"
    row = "permit.limit,pollutant=SO2,35,mg/m3,max,Permit 7,1,2026-01-01,,official_text,\n"
    return RulePack.parse(head + row, "permit.csv")


def test_stack_verdict_is_on_valid_hours_of_the_converted_value() -> None:
    limit = permit_limit().get("permit.limit", ON, pollutant="SO2")
    minutes = np.full((2, 24 * 60), 35.0)
    minutes[0, :60] = 36.0
    minutes[1, 60:76] = math.nan  # 44 valid minutes
    found = hj75.exceedance(minutes, limit)
    assert found.exceeded.sum(axis=1).tolist() == [1, 0]
    assert not found.known[1, 1]
    excused = np.zeros((2, 24), dtype=bool)
    excused[0, 0] = True
    assert not hj75.exceedance(minutes, limit, excused=excused).exceeded.any()
    daily = hj75.exceedance(minutes, limit, period="24h")
    assert daily.means[0, 0] == pytest.approx(35 + 1 / 24)
    assert daily.confidence is Confidence.ONE_SOURCE
    with pytest.raises(ValueError, match="1h or 24h"):
        hj75.exceedance(minutes, limit, period="month")


@pytest.mark.parametrize(
    ("days", "month", "valid"), [(24, 3, False), (25, 3, True), (22, 2, False), (23, 2, True)]
)
def test_valid_months(days: int, month: int, valid: bool) -> None:
    assert hj75.month_valid(days, month) is valid


def test_transmission_is_a_product_with_a_marked_target() -> None:
    assert hj75.effective_transmission(95, 100, 90, 100) == pytest.approx((0.95, 0.9, 0.855))
    target = hj75.transmission_target(ON)
    assert (target.number, target.verified) == (0.9, False)
    for counts in ((101, 100, 1, 1), (1, 1, 2, 1), (-1, 1, 1, 1), (1, 1, 0, 0)):
        with pytest.raises(ValueError, match=r"must lie|not defined"):
            hj75.effective_transmission(*counts)


def test_waste_water_gaps_and_means() -> None:
    value, rule = hj356.replacement([9, 1, 2, 6], 3, "concentration", ON)
    assert (value, rule.verified) == (3, False)
    assert hj356.replacement([9, 1, 2, 6], 3, "ph", ON)[0] == 2
    with pytest.raises(ValueError, match="as many before"):
        hj356.replacement([1], 2, "flow", ON)
    with pytest.raises(RuleMissing):
        hj356.replacement([1], 1, "colour", ON)
    means = hj356.flow_weighted_means([10, 20, math.nan, 5, 5, 5], [1, 3, 9, 0, 0, 0], 3)
    assert means.tolist() == pytest.approx([17.5, math.nan], nan_ok=True)
    assert hj356.daily_medians([7, 9, math.nan, math.nan, math.nan, math.nan], 3).tolist() == pytest.approx(
        [8, math.nan], nan_ok=True
    )


@given(st.lists(st.one_of(st.floats(0, 140), st.just(math.nan)), min_size=1, max_size=40))
def test_leq_equals_the_plain_sum(levels) -> None:
    valid = [10 ** (x / 10) for x in levels if not math.isnan(x)]
    found = float(gb12348.leq(levels))
    if valid:
        assert found == pytest.approx(10 * math.log10(sum(valid) / len(valid)), abs=1e-9)
    else:
        assert math.isnan(found)


def test_leq_of_blocks_days_and_nights() -> None:
    levels = np.full(48, 50.0)
    levels[22:30] = 60.0
    day, night = gb12348.days_and_nights(levels, 1)
    assert day.tolist() == pytest.approx([50, 50])
    assert night.tolist() == pytest.approx([60, math.nan], nan_ok=True)
    per_minute, _ = gb12348.days_and_nights(np.repeat(levels, 60), 60)
    assert per_minute.tolist() == pytest.approx([50, 50])
    calendar_day = gb12348.day_and_night(levels[:24])
    assert [float(x) for x in calendar_day] == pytest.approx([50, 10 * math.log10((6 * 1e5 + 2 * 1e6) / 8)])
    assert float(gb12348.day_night_level(55, 45)) == pytest.approx(55)
    gaps = np.array([60.0, math.nan, math.nan, 60, 60, math.nan])
    assert gb12348.leq_blocks(gaps, 3, 2).tolist() == pytest.approx([math.nan, 60], nan_ok=True)


def test_noise_limits_are_inclusive_and_marked() -> None:
    found = gb12348.compliance([65.0, 65.1, math.nan], 3, "day", ON)
    assert found.exceeded.tolist() == [False, True, False]
    assert found.confidence is Confidence.TWO_SOURCES
    assert gb12348.compliance([50], 1, "night", ON).confidence is Confidence.OWN_UNVERIFIED
    assert gb12348.night_peak_allowed(3, "frequent", ON) == 65
    assert gb12348.night_peak_allowed(3, "single", ON) == 70
    for unknown in ({"zone_class": 5, "period": "day"}, {"zone_class": 3, "period": "dusk"}):
        with pytest.raises(RuleMissing):
            gb12348.limit(on=ON, **unknown)
    with pytest.raises(ValueError, match="known"):
        gb12348.corrected_for_background(math.nan, 50, ON)
    assert builtin().get("gb12348.background_correction", ON, difference=4).number == -2


def test_flags_decide_what_counts() -> None:
    values, stopped = hj75.by_flag([1.0, 2.0, 3.0, 4.0], ["N", "F", "C", "N"])
    assert values.tolist() == pytest.approx([1, math.nan, math.nan, 4], nan_ok=True)
    assert stopped.tolist() == [False, True, False, False]
    with pytest.raises(RuleMissing):
        hj75.by_flag([1.0], ["X"])
    with pytest.raises(ValueError, match="one shape"):
        hj75.by_flag([1.0, 2.0], ["N"])
    assert hj75.by_flag([], [])[0].size == 0
