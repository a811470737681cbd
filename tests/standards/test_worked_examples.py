"""Every worked example of the fact tables (origin: shared/tables/worked_examples.json), within its digits."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from parksight.standards import (
    aq3046,
    carbon,
    concentration,
    economy,
    gb2589,
    gb12348,
    gb15543,
    gb18218,
    gb30871,
    hj75,
    hj633,
    iso22400,
    power,
    risk,
)
from parksight.standards.calendar import PUBLISHED
from parksight.standards.rulepack import builtin

ON = date(2026, 11, 1)
EXAMPLES = json.loads((Path(__file__).parent / "data" / "worked_examples.json").read_text(encoding="utf-8"))


def hazard(i: dict[str, Any]) -> dict[str, Any]:
    items = [gb18218.Inventory(gb18218.find(name), mass) for name, mass in i["items"]]
    found = gb18218.identify(items, i["population"], ON)
    return {"s": found.s, "R": found.r, "level": found.level}


def iaqi(on: date) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda i: {"iaqi": float(hj633.iaqi(i["key"], [i["c"]], on)[0])}


def fuel(i: dict[str, Any]) -> dict[str, Any]:
    return {"tCO2": carbon.fuel(i["fuel"], i.get("amount_1e4Nm3", i.get("amount_t")), ON).tco2}


def coal(i: dict[str, Any]) -> dict[str, Any]:
    item = (
        gb2589.Quantity("electricity", i["kWh"])
        if "kWh" in i
        else gb2589.Quantity("diesel", i["diesel_t"] * 1000.0)
    )
    return {"tce": gb2589.comprehensive([item], ON).tce}


def oee(i: dict[str, Any]) -> dict[str, Any]:
    found = iso22400.oee(i["PBT"], i["APT"], i["PRI"], i["PQ"], i["GQ"])
    return {"A": found.availability, "E": found.effectiveness, "Q": found.quality, "OEE": found.oee}


def lec(i: dict[str, Any]) -> dict[str, Any]:
    found = risk.lec(i["L"], i["E"], i["C"], ON)
    return {"D": found.score, "grade": {"高": "160-320 high"}[found.grade]}


def heat(i: dict[str, Any]) -> dict[str, Any]:
    flux = i["kW_m2"] * 1000.0
    return {"Pr": float(aq3046.heat_probit(flux, i["s"])), "P": float(aq3046.heat_death(flux, i["s"]))}


def mu(i: dict[str, Any]) -> dict[str, Any]:
    assert i["all_equal_benchmark"]
    on = date(2022, 6, 1)
    benchmark = {r.key["item"]: r.number for r in builtin().table("mu.benchmark", on, size="large")}
    return {"score": economy.mu_score(benchmark, "large", on).score}


def chlorine(i: dict[str, Any]) -> dict[str, Any]:
    assert i["substance"] == "氯"
    mass = builtin().number("substance.molar_mass", ON, substance="chlorine")
    return {"mg_m3": float(concentration.ppm_to_mg_m3(i["ppm"], mass))}


def gas(i: dict[str, Any]) -> dict[str, Any]:
    start = datetime(2026, 11, 1, 9)
    known = {"sampled_at": start - timedelta(minutes=10), "calibrated_until": start + timedelta(days=30)}
    if i["type"] == "hot work":
        test = gb30871.GasTest(flammable=((i["measured_vol_percent"], i["LEL_percent"]),), **known)
        return {"ok": gb30871.gas_test(gb30871.Work.HOT_WORK, test, start).ok}
    test = gb30871.GasTest(flammable=((0.0, 4.0),), oxygen=i["O2_percent"], **known)
    return {
        "ok": gb30871.gas_test(gb30871.Work.CONFINED_SPACE, test, start, oxygen_enriched=i["enriched"]).ok
    }


COMPUTE: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "gb18218": hazard,
    "iaqi_2026": iaqi(ON),
    "iaqi_2012": iaqi(date(2025, 6, 1)),
    "cems_fold": lambda i: {"folded": float(hj75.converted(i["c"], i["o2"], i["ref"]))},
    "power_factor": lambda i: {"percent": power.adjustment(i["std"], i["pf"], ON).number},
    "carbon_fuel": fuel,
    "carbon_electricity": lambda i: {
        "tCO2": carbon.electricity(i["MWh"], ON, factor_year=i["year_factor"]).tco2 * 1.0
    },
    "coal_equivalent": coal,
    "oee": oee,
    "lec": lec,
    "probit_heat": heat,
    "unbalance": lambda i: {"percent": float(gb15543.voltage_unbalance(i["Uab"], i["Ubc"], i["Uca"]))},
    "leq": lambda i: {"dBA": float(gb12348.leq(i["levels"]))},
    "mu_score": mu,
    "workdays": lambda i: {
        "due": PUBLISHED.add_working_days(date.fromisoformat(i["accepted"]), i["n"]).isoformat()
    },
    "ppm_to_mg_m3": chlorine,
    "permit_gas": gas,
    "permit_retest": lambda i: {
        "retest": gb30871.retest_needed(
            gb30871.Work.HOT_WORK, i["level"].removesuffix("动火"), timedelta(minutes=i["break_min"]), ON
        )
    },
    "height_level": lambda i: {"level": gb30871.height_level(i["h"], int(i["factor"]), ON)},
    "lifting_level": lambda i: {"level": gb30871.lifting_level(i["t"], ON)},
}


@pytest.mark.parametrize(
    "example", EXAMPLES, ids=lambda e: f"{e['rule']}-{json.dumps(e['input'], ensure_ascii=False)}"
)
def test_worked_example(example: dict[str, Any]) -> None:
    found = COMPUTE[example["rule"]](example["input"])
    for name, expected in example["expected"].items():
        if name == "why":
            continue
        if isinstance(expected, float):
            assert found[name] == pytest.approx(expected, rel=1e-3, abs=1e-6)
        else:
            assert found[name] == expected or found[name] == pytest.approx(expected)
