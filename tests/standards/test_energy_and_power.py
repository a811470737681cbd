"""Energy, carbon and electricity: names, ranges, table ends, charges, voltage quality."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parksight.standards import carbon, gb2589, gb12325, gb14549, gb15543, power
from parksight.standards.averaging import judge
from parksight.standards.rulepack import Confidence, RuleMissing, RuleNotInForce, RulePack, builtin

ON = date(2026, 11, 1)
HEAD = "rule,key,value,unit,sense,standard,clause,valid_from,valid_to,confidence,note\n"


def local(*rows: str) -> RulePack:
    return builtin().overlay(RulePack.parse(HEAD + "\n".join(rows) + "\n", "zone.csv"))


@pytest.mark.parametrize(
    ("name", "kgce"),
    [("焦炭", 0.9714), ("甲醇", 0.6794), ("hydrogen", 0.3329), ("热力", 0.03412), ("steam", 0.1286)],
)
def test_names_without_their_brackets(name: str, kgce: float) -> None:
    assert gb2589.coefficient(name, ON).number == kgce


@pytest.mark.parametrize("name", ["natural gas", "天然气", "沼气", "nitrogen", "煤泥", "木柴", "电"])
def test_ranges_and_unknown_carriers_are_asked_for(name: str) -> None:
    with pytest.raises(RuleMissing):
        gb2589.coefficient(name, ON)


def test_calorific_and_equivalent_are_kept_apart() -> None:
    rules = local(
        'gb2589.coefficient,"carrier=electricity, equivalent",0.302,kgce/kWh,,Statistics 2025,1,2026-01-01,2026-12-31,official_text,'
    )
    kwh = [gb2589.Quantity("电力", 10_000.0)]
    assert gb2589.comprehensive(kwh, ON, rules=rules).tce == pytest.approx(1.229)
    found = gb2589.comprehensive(kwh, ON, gb2589.Method.EQUIVALENT, rules)
    assert (found.tce, found.confidence) == (pytest.approx(3.02), Confidence.OFFICIAL_TEXT)
    with pytest.raises(RuleNotInForce):
        gb2589.comprehensive(kwh, date(2027, 1, 1), gb2589.Method.EQUIVALENT, rules)
    assert gb2589.coefficient("heat", ON, gb2589.Method.EQUIVALENT).number == 0.03412


def test_measured_heat_goes_first_and_stock_counts() -> None:
    flow = gb2589.Flow
    items = [
        gb2589.Quantity("natural gas", 1000.0, measured_kj=29_307.0), gb2589.Quantity("diesel", 10.0, flow.STOCK_DECREASE),
        gb2589.Quantity("diesel", 4.0, flow.STOCK_INCREASE), gb2589.Quantity("coal tar", 100.0, flow.SOLD),
    ]  # fmt: skip
    found = gb2589.comprehensive(items, ON)
    assert found.tce == pytest.approx(1.0 + 6 * 1.4571e-3 - 0.11429)
    assert found.confidence is Confidence.ONE_SOURCE
    assert gb2589.unit_product(found, 2.0) == pytest.approx(found.tce * 500)
    assert gb2589.per_output_value(found, 4.0) == pytest.approx(found.tce / 4)
    assert gb2589.balance_gap(100, 70, 28) == pytest.approx(0.02)
    assert gb2589.performance_index(100, 90) == pytest.approx(0.1)
    for wrong in (-1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="0 or more"):
            gb2589.comprehensive([gb2589.Quantity("diesel", wrong)], ON)


def test_series_of_carriers_keep_their_gaps() -> None:
    total, used = gb2589.series({"electricity": [1000, math.nan], "diesel": [10, 10]}, ON)
    assert total.tolist() == pytest.approx([0.1229 + 0.014571, math.nan], nan_ok=True)
    assert [rule.unit for rule in used] == ["kgce/kWh", "kgce/kg"]


def test_carbon_says_what_nobody_vouches_for() -> None:
    gas = carbon.fuel("天然气", 1.0, ON)
    measured = carbon.fuel("天然气", 1.0, ON, ncv_gj=389.31)
    assert measured.tco2 == pytest.approx(gas.tco2)
    assert (gas.confidence, measured.confidence) == (Confidence.ONE_SOURCE, Confidence.OWN_UNVERIFIED)
    power_used = carbon.electricity(100, ON, factor_year=2022, scope="山西", green_mwh=20)
    assert power_used.tco2 == pytest.approx(80 * 0.7096)
    assert carbon.heat(10, 0.06).confidence is Confidence.OWN_UNVERIFIED
    assert carbon.heat(10, on=ON).tco2 == pytest.approx(1.1)
    both = carbon.total(gas, power_used, process=5, recovered=1)
    assert both.tco2 == pytest.approx(gas.tco2 + power_used.tco2 + 4)
    assert both.supplied == ("process", "recovered")
    assert carbon.total(gas, gas).factors == gas.factors
    for call in (
        lambda: carbon.fuel("diesel", math.nan, ON), lambda: carbon.electricity(math.nan, ON, factor_year=2023),
        lambda: carbon.heat(math.nan, 0.1), lambda: carbon.heat(1), lambda: carbon.total(gas, process=-1),
        lambda: carbon.electricity(5, ON, factor_year=2023, green_mwh=6),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"\w"):
            call()
    for scope, year in (("national", 2024), ("Liaoning", 2022)):
        with pytest.raises(RuleMissing):
            carbon.electricity(1, ON, factor_year=year, scope=scope)


@pytest.mark.parametrize(
    ("standard", "actual", "percent"),
    [
        (0.90, 1.00, -0.75), (0.90, 0.95, -0.75), (0.90, 0.94, -0.60), (0.90, 0.90, 0), (0.90, 0.65, 15), (0.90, 0.45, 55),
        (0.90, 0.44, 57), (0.90, 0.0, 145), (0.85, 0.94, -1.10), (0.85, 1.0, -1.10), (0.85, 0.65, 10), (0.85, 0.40, 55),
        (0.80, 0.92, -1.30), (0.80, 1.0, -1.30), (0.80, 0.54, 17), (0.80, 0.44, 37), (0.90, 0.895, 0), (0.90, 0.8949, 0.5),
    ],
)  # fmt: skip
def test_power_factor_at_the_ends_of_its_table(standard, actual, percent) -> None:
    assert power.adjustment(standard, actual, ON).number == pytest.approx(percent)


@given(st.sampled_from([0.90, 0.85, 0.80]), st.integers(0, 99))
def test_each_hundredth_costs_more_all_the_way_down(standard, hundredth) -> None:
    lower, upper = (power.adjustment(standard, h / 100, ON).number for h in (hundredth, hundredth + 1))
    assert lower >= upper
    if hundredth < 0.45 * 100:
        assert lower - upper == pytest.approx(2)


def test_power_factor_refuses() -> None:
    for wrong in (-0.01, 1.01, math.nan):
        with pytest.raises(ValueError, match="power factor lies in"):
            power.adjustment(0.9, wrong, ON)
    with pytest.raises(RuleMissing):
        power.adjustment(0.95, 0.9, ON)
    with pytest.raises(RuleNotInForce):
        power.adjustment(0.90, 0.9, date(1980, 1, 1))
    assert power.power_factor(3.0, 2.0, -2.0) == 0.6
    assert power.adjustment_charge(10_000, 2.5) == 250
    for args in ((0.0, 1.0), (1.0, math.nan)):
        with pytest.raises(ValueError, match="active energy"):
            power.power_factor(*args)


@pytest.mark.parametrize(
    ("user", "kva", "factor"),
    [("industry", 160.5, 0.90), ("industry", 160, 0.85), ("industry", 100, 0.85), ("pumping", 3200, 0.90), ("pumping", 3199, 0.85),
     ("other", 100, 0.85), ("agriculture", 315, 0.80)],
)  # fmt: skip
def test_who_is_held_to_which_factor(user, kva, factor) -> None:
    assert power.standard_factor(user, kva, ON).number == factor


def test_small_and_unknown_users_have_no_factor() -> None:
    for user, kva in (("industry", 99), ("household", 500)):
        with pytest.raises(RuleMissing):
            power.standard_factor(user, kva, ON)


def test_demand_fixed_and_sliding() -> None:
    minutes = np.zeros(60)
    minutes[10:25] = 90.0
    assert power.maximum_demand(power.quarter_hour_means(minutes)).kw == 60
    assert np.nanmax(power.sliding_demand(minutes)) == 90
    kw, index = power.maximum_demands([[1, math.nan, 3], [math.nan] * 3])
    assert kw.tolist() == pytest.approx([3, math.nan], nan_ok=True)
    assert index.tolist() == [2, -1]
    assert power.demand_charge(105, 100, 40) == 4000
    assert power.demand_charge(110, 100, 40) == pytest.approx(4000 + 5 * 80)
    assert power.capacity_charge(1000, 26) == 26_000
    terms = power.demand_terms(ON)
    assert {name: rule.number for name, rule in terms.items()} == {
        "free_over": 1.05,
        "over_factor": 2,
        "least_contract": 0.4,
    }
    assert not any(rule.verified for rule in terms.values())
    assert power.demand_charge(1, 400, 1, capacity_kva=1000) == 400
    with pytest.raises(ValueError, match="40%"):
        power.demand_charge(1, 399, 1, capacity_kva=1000)
    with pytest.raises(ValueError, match="known"):
        power.demand_charge(math.nan, 400, 1)
    with pytest.raises(ValueError, match="at least one valid"):
        power.maximum_demand([math.nan])


def test_time_of_use_from_the_regions_own_pack() -> None:
    row = "tariff.period,region=here;month=11;from={},{},,,Province 2026/1,1,2026-01-01,,official_text,"
    price = "tariff.price,region=here;period={},{},yuan/kWh,,Province 2026/1,1,2026-01-01,,official_text,"
    rules = local(row.format("07:00", "flat"), row.format("17:00", "peak"), row.format("22:00", "valley"),
                  price.format("flat", 0.6), price.format("peak", 1.0), price.format("valley", 0.3))  # fmt: skip
    periods = power.tariff_periods([0, 419, 420, 1019, 1020, 1319, 1320, 1439], 11, "here", ON, rules)
    assert periods.tolist() == ["valley", "valley", "flat", "flat", "peak", "peak", "valley", "valley"]
    prices = {name: rule.number for name, rule in power.tariff_prices("here", ON, rules).items()}
    cost = power.time_of_use_cost(np.ones(8), periods, prices)
    assert cost == pytest.approx({"flat": 1.2, "peak": 2.0, "valley": 1.2})
    with pytest.raises(RuleMissing):
        power.tariff_periods([0], 7, "here", ON, rules)
    with pytest.raises(ValueError, match="minute of the day"):
        power.tariff_periods([1440], 11, "here", ON, rules)
    with pytest.raises(ValueError, match="no price"):
        power.time_of_use_cost([1.0], ["sharp"], prices)
    with pytest.raises(ValueError, match="no energy"):
        power.time_of_use_cost([math.nan], ["peak"], prices)
    assert power.time_of_use_cost([], [], prices) == {"flat": 0, "peak": 0, "valley": 0}


@given(st.lists(st.tuples(st.floats(0, 1e4), st.sampled_from(["peak", "flat", "valley"])), max_size=50))
def test_time_of_use_adds_up(items) -> None:
    energy, periods = [e for e, _ in items], [p for _, p in items]
    cost = power.time_of_use_cost(
        energy, np.array(periods, dtype=str), dict.fromkeys(["peak", "flat", "valley"], 2.0)
    )
    assert sum(cost.values()) == pytest.approx(2 * sum(energy))


def test_load_rates() -> None:
    assert power.load_rate([50, 100, math.nan]) == 0.75
    assert power.load_rates([[50, 100], [0, 0], [math.nan, math.nan]]).tolist() == pytest.approx(
        [0.75, math.nan, math.nan], nan_ok=True
    )
    assert power.economic_load(1.0, 4.0) == 0.5
    assert power.current_unbalance([100, 0, 50], [85, 0, math.nan], [90, 0, 50]).tolist() == pytest.approx(
        [15, math.nan, math.nan], nan_ok=True
    )


def test_voltage_quality_against_its_limits() -> None:
    ratios = np.zeros((2, 24))
    ratios[0, 3] = 3.3  # order 5 at 10 kV: odd limit 3.2
    ratios[1, 0] = 1.6  # order 2: even limit 1.6
    thd, odd, even = gb14549.voltage_compliance(ratios, 10, ON)
    assert thd.means.tolist() == pytest.approx([3.3, 1.6])
    assert not thd.exceeded.any()
    assert odd.exceeded[0].sum() == 1
    assert odd.exceeded[0, 1]
    assert not even.exceeded.any()
    ratios[0, 5] = math.nan
    assert not gb14549.voltage_compliance(ratios, 10, ON)[0].known[0]
    assert gb14549.current_limits(10, ON, short_circuit_mva=100)[3] == 20
    with pytest.raises(RuleMissing):
        gb14549.voltage_limit(20, "THDu", ON)
    assert gb15543.compliance([2.0, 2.01], "normal", ON).exceeded.tolist() == [False, True]
    assert gb15543.unbalance_limit("user_short", ON).number == 2.6
    assert math.isnan(gb15543.voltage_unbalance(100, 100, 300))


def test_supply_voltage() -> None:
    over, under = gb12325.compliance(gb12325.deviation([10_700, 9_290, math.nan], 10_000), "up_to_20kV", ON)
    assert over.exceeded.tolist() == [False, False, False]
    assert under.exceeded.tolist() == [False, True, False]
    (band,) = gb12325.compliance([[6.0, -4.0], [6.0, -4.1], [math.nan, math.nan]], "from_35kV", ON)
    assert band.exceeded.tolist() == [False, True, False]
    assert band.judged == 2
    assert not band.limit.verified
    with pytest.raises(RuleMissing):
        gb12325.compliance([0.0], "12V", ON)


def test_distortion_and_transformer() -> None:
    assert gb14549.total_distortion([[3.0, 4.0], [math.nan, 1.0]], [100.0, 100.0]).tolist() == pytest.approx(
        [5, math.nan], nan_ok=True
    )
    with pytest.raises(ValueError, match="fundamental"):
        gb14549.total_distortion([1.0], 0.0)
    load = judge(power.transformer_load([850, 851, math.nan], 1000), power.transformer_limit(ON))
    assert load.exceeded.tolist() == [False, True, False]
    assert load.confidence is Confidence.ONE_SOURCE
    assert not power.current_unbalance_limit(ON).verified
    with pytest.raises(ValueError, match="rating"):
        power.transformer_load([1.0], 0.0)


@given(st.floats(0.1, 5), st.floats(0.1, 5))
def test_a_users_share_grows_with_its_size(a: float, b: float) -> None:
    low, high = sorted((a, b))
    share = [
        gb14549.current_limits(10, ON, short_circuit_mva=100, user_mva=s, supply_mva=5) for s in (low, high)
    ]
    assert (share[0] <= share[1] + 1e-12).all()
