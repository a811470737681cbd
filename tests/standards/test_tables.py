"""Every row of the fact tables stands in a pack with its value, dates and mark (tables: shared/tables)."""

from __future__ import annotations

import csv
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from parksight.standards import carbon, gb2589, gb3095, gb14549, gb18218, gb30871, hj633, iso22400
from parksight.standards.calendar import NOTICES, PUBLISHED
from parksight.standards.rulepack import Confidence, RuleMissing, RuleNotInForce, builtin

TABLES = Path(__file__).parent / "data" / "tables"
ON = date(2026, 11, 1)
MARKS = {"one_source_official_text": "official_text"}


def rows(name: str) -> list[dict[str, str]]:
    with (TABLES / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def document(name: str) -> Any:
    return json.loads((TABLES / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "row", rows("air_limits_gb3095_2026.csv"), ids=lambda r: f"{r['pollutant']}-{r['period']}"
)
def test_air_limits(row: dict[str, str]) -> None:
    for grade in (1, 2):
        for on, column in (
            (date(2026, 3, 1), "until_2030"), (date(2030, 12, 31), "until_2030"), (date(2031, 1, 1), "from_2031"),
        ):  # fmt: skip
            rule = gb3095.limit(row["pollutant"], row["period"], on, grade)
            assert rule.number == float(row[f"grade{grade}_{column}"])
            assert rule.unit == row["unit"]
            assert rule.confidence == MARKS.get(row["confidence"], row["confidence"])
    with pytest.raises(RuleNotInForce):
        gb3095.limit(row["pollutant"], row["period"], date(2026, 2, 28))


@pytest.mark.parametrize(
    ("edition", "on"),
    [("HJ633-2026", date(2026, 3, 1)), ("HJ633-2026", ON), ("HJ633-2012", date(2026, 2, 28))],
)
def test_breakpoints_of_both_editions(edition: str, on: date) -> None:
    table = document("aqi_breakpoints.json")
    for item, points in table[edition]["breakpoints"].items():
        for index, point in zip(table["iaqi"], points, strict=True):
            if point is not None:
                assert builtin().number("hj633.breakpoint", on, item=item, iaqi=index) == point
                assert hj633.iaqi(item, [point], on)[0] == index
    assert [c[0] for c in hj633.CLASSES] == [level["max"] for level in table["levels"]]
    assert [c[1] for c in hj633.CLASSES] == [level["zh"] for level in table["levels"]]
    assert [c[3] for c in hj633.CLASSES] == [
        "#{:02x}{:02x}{:02x}".format(*level["rgb"]) for level in table["levels"]
    ]


@pytest.mark.parametrize(
    ("row", "substance"),
    list(zip(rows("gb18218_thresholds.csv"), gb18218.substances(), strict=True)),
    ids=[r["name_en"] for r in rows("gb18218_thresholds.csv")],
)
def test_major_hazard_rows(row: dict[str, str], substance: gb18218.Substance) -> None:
    assert (substance.table, substance.entry) == (row["table"], row["no_or_symbol"])
    assert (substance.name_zh, substance.name_en, substance.cas) == (
        row["name_zh"],
        row["name_en"],
        row["cas"],
    )
    quantity = float(row["Q_t"])
    threshold = builtin().get("gb18218.threshold", ON, table=substance.table, entry=substance.entry)
    assert (threshold.number, threshold.confidence) == (quantity, row["confidence"])
    item = gb18218.Inventory(substance, quantity)
    if row["beta"]:
        found = gb18218.identify([item], 1, ON)
        assert found.s == 1
        assert found.contributions[0].beta.number == float(row["beta"])
        assert found.contributions[0].beta.confidence == row["confidence_beta"]
        assert found.r == pytest.approx(float(row["beta"]))
        assert found.major_hazard
    else:
        with pytest.raises(RuleMissing, match="hazard classes"):
            gb18218.identify([item], 1, ON)


def test_alpha_and_levels() -> None:
    table = document("gb18218_rules.json")
    chlorine = gb18218.find("氯")
    for step in table["alpha_by_population_500m"]:
        for persons in (step["min"], step["max"] if step["max"] is not None else 10_000):
            assert (
                gb18218.identify([gb18218.Inventory(chlorine, 5)], persons, ON).alpha.number == step["alpha"]
            )
    for level in table["levels"]:
        lowest = max(level["R_min"], 4.0)
        found = gb18218.identify([gb18218.Inventory(chlorine, lowest * 5 / 4)], 1, ON)
        assert (found.r, found.level) == (pytest.approx(lowest), level["level"])
    for name, beta in table["beta_table3"].items():
        assert (
            gb18218.identify([gb18218.Inventory(gb18218.find(name), 1)], 1, ON).contributions[0].beta.number
            == beta
        )


@pytest.mark.parametrize("row", rows("standard_coal.csv"), ids=lambda r: r["name_en"])
def test_standard_coal(row: dict[str, str]) -> None:
    if not row["kgce_per_unit"]:
        with pytest.raises(RuleMissing):
            gb2589.coefficient(row["name_en"], ON)
        return
    for name in (row["name_en"], row["name_zh"]):
        rule = gb2589.coefficient(name, ON)
        assert (rule.number, rule.unit) == (float(row["kgce_per_unit"]), f"kgce/{row['unit']}")
        assert rule.confidence == row["confidence"]


@pytest.mark.parametrize("row", rows("fuel_carbon.csv"), ids=lambda r: r["name_en"])
def test_fuel_carbon(row: dict[str, str]) -> None:
    for name in (row["name_en"], row["name_zh"]):
        found = carbon.fuel(name, 1.0, ON)
        assert found.tco2 == pytest.approx(float(row["tCO2_per_unit_derived"]), abs=6e-5)
        assert found.confidence == row["confidence"]


@pytest.mark.parametrize("row", rows("grid_factor.csv"), ids=lambda r: f"{r['scope']}-{r['year']}")
def test_grid_factor(row: dict[str, str]) -> None:
    found = carbon.electricity(1000.0, ON, factor_year=int(row["year"]), scope=row["scope"])
    assert found.tco2 == pytest.approx(1000 * float(row["kgCO2_per_kWh"]))
    assert found.confidence == row["confidence"]


def test_harmonics() -> None:
    for row in rows("harmonics_gb14549.csv"):
        kv = float(row["nominal_kV"])
        if row["quantity"].startswith("voltage"):
            kind = row["quantity"].split("_")[1]
            rule = gb14549.voltage_limit(kv, kind, ON)
            assert (rule.number, rule.confidence) == (float(row["limit"]), row["confidence"])
        else:
            allowed = gb14549.current_limit(
                kv, int(row["harmonic_order"]), ON, short_circuit_mva=float(row["base_short_circuit_MVA"])
            )
            assert allowed == pytest.approx(float(row["limit"]))


def test_noise() -> None:
    for row in rows("noise_gb12348_2008.csv"):
        for period in ("day", "night"):
            rule = builtin().get("gb12348.limit", ON, zone_class=row["class"], period=period)
            assert (rule.number, rule.confidence) == (float(row[f"{period}_dBA"]), row["confidence"])


def test_power_factor() -> None:
    for row in rows("power_factor_1983_215.csv"):
        rule = builtin().get(
            "power_factor.adjustment", ON, standard=f"{float(row['standard_pf']):.2f}",
            actual=f"{float(row['actual_pf_rounded']):.2f}",
        )  # fmt: skip
        assert (rule.number, rule.confidence) == (
            float(row["adjust_percent_plus_is_surcharge"]), row["confidence"],
        )  # fmt: skip


def test_kpis() -> None:
    names = [
        "availability", "effectiveness", "quality_ratio", "oee", "nee", "teep", "first_pass_yield", "scrap_ratio",
        "rework_ratio", "utilisation_efficiency", "allocation_efficiency", "allocation_ratio", "technical_efficiency",
        "setup_ratio", "throughput_rate", "mean_time_between_failures", "mean_time_to_failure", "mean_time_to_repair",
        "corrective_maintenance_ratio",
    ]  # fmt: skip
    for name, row in zip(names, rows("iso22400_kpis.csv"), strict=True):
        rule = iso22400.definition(name, ON)
        assert str(rule.value).replace(" ", "") == row["formula"].replace(" ", "")
        assert rule.confidence == row["confidence"]


def test_permit_table() -> None:
    work = {
        "DH": gb30871.Work.HOT_WORK, "SX": gb30871.Work.CONFINED_SPACE, "MB": gb30871.Work.BLIND_PLATE,
        "GC": gb30871.Work.HEIGHT, "DZ": gb30871.Work.LIFTING, "LSYD": gb30871.Work.TEMPORARY_ELECTRICITY,
        "DT": gb30871.Work.EXCAVATION, "DL": gb30871.Work.ROAD_CLOSING,
    }  # fmt: skip
    for entry in document("gb30871.json")["types"]:
        kind = work[entry["code"]]
        if entry["code"] == "DH":
            for level in entry["levels"]:
                assert gb30871.validity(kind, level["level"], ON) == timedelta(hours=level["valid_max_h"])
                assert gb30871.approver(kind, level["level"], ON).value == level["approver"]
                needs = {r.key["what"] for r in gb30871.requirements(kind, level["level"], ON)}
                assert needs == {k for k in ("continuous_monitoring", "full_video") if level.get(k)}
                minutes = level["break_retest_min"]
                assert not gb30871.retest_needed(kind, level["level"], timedelta(minutes=minutes), ON)
                assert gb30871.retest_needed(kind, level["level"], timedelta(minutes=minutes, seconds=1), ON)
        elif isinstance(entry["approver"], dict):
            for level, who in entry["approver"].items():
                assert gb30871.approver(kind, level, ON).value == who
        else:
            assert gb30871.approver(kind, "none", ON).value == entry["approver"]
            days = entry.get("valid_max_d")
            hours = entry.get("valid_max_h") or (days * 24 if days else None)
            assert gb30871.validity(kind, "none", ON) == (None if hours is None else timedelta(hours=hours))
        if "wind_stop_level" in entry:
            stop = entry["wind_stop_level"]
            assert [gb30871.wind_stops(kind, f, ON) for f in (stop - 1, stop)] == [False, True]


def test_working_days_of_2026() -> None:
    table = document("workdays_2026.json")
    year = [date(2026, 1, 1) + timedelta(days=i) for i in range(365)]
    assert sum(map(PUBLISHED.is_working_day, year)) == table["workdays_in_year"]
    for span in table["holiday_ranges"]:
        first, last = map(date.fromisoformat, span.split(".."))
        assert all(not PUBLISHED.is_working_day(d) for d in year if first <= d <= last)
    assert all(PUBLISHED.is_working_day(date.fromisoformat(d)) for d in table["make_up_workdays"])
    for example in table["clock_examples_40_workdays_day1_is_next_workday"]:
        due = PUBLISHED.add_working_days(date.fromisoformat(example["accepted"]), 40)
        assert due.isoformat() == example["due"]
    assert [(n.year, n.confidence) for n in NOTICES] == [(2026, Confidence(table["confidence"]))]


def test_alarm_targets() -> None:
    by_name = {m["name"]: m for m in document("alarm_metrics.json")["metrics"]}
    for name, measure in (
        ("annunciated per day", "per_day"), ("annunciated per hour (average)", "per_hour"),
        ("annunciated per 10 min (average)", "per_10_min"),
    ):  # fmt: skip
        for kind, column in (("acceptable", "acceptable"), ("manageable", "max_manageable")):
            rule = builtin().get("isa18.rate", ON, measure=measure, kind=kind)
            assert (rule.number, rule.confidence) == (by_name[name][column], by_name[name]["confidence"])
