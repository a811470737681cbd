"""Schema, layers, scales and the way a rule is shown."""

from __future__ import annotations

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parksight.standards import risk
from parksight.standards.rulepack import (
    Confidence,
    PackError,
    RuleMissing,
    RulePack,
    Schema,
    builtin,
    schema,
    weakest,
)  # fmt: skip

HEAD = "rule,key,value,unit,sense,standard,clause,valid_from,valid_to,confidence,note\n"
ON = date(2026, 11, 1)
LIMIT = "gb3095.limit,pollutant=SO2;period=24h;grade=2,{},ug/m3,max,{},1,2026-03-01,2030-12-31,official_text,"


def pack(*rows: str, origin: str = "zone.csv") -> RulePack:
    return RulePack.parse(HEAD + "\n".join(rows) + "\n", origin)


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (LIMIT.format(100, "Zone").replace("gb3095.limit", "gb3095.limits"), "rule"),
        (LIMIT.format(100, "Zone").replace("pollutant", "polutant"), "key"),
        (LIMIT.format(100, "Zone").replace("ug/m3", "ppm"), "unit"),
        (LIMIT.format("plenty", "Zone").replace("max", ""), "value"),
        (LIMIT.format(-1, "Zone"), "value"),
        (LIMIT.format(160, "Zone"), "value"),
    ],
)
def test_a_local_row_of_another_shape_names_file_row_and_column(row: str, column: str) -> None:
    good = LIMIT.format(100, "Zone").replace("SO2", "NOx").replace("100", "90")
    with pytest.raises(PackError) as caught:
        builtin().overlay(pack(good, "", row))
    assert (caught.value.origin, caught.value.row, caught.value.column) == ("zone.csv", 4, column)


def test_a_row_given_twice_names_its_line() -> None:
    with pytest.raises(PackError, match="row 2") as caught:
        pack(LIMIT.format(100, "Zone"), LIMIT.format(90, "Zone"))
    assert (caught.value.row, caught.value.column) == (3, "valid_from")


def test_a_plant_may_not_relax_what_the_zone_tightened() -> None:
    zone = builtin().overlay(pack(LIMIT.format(100, "Zone")))
    plant = zone.overlay(pack(LIMIT.format(80, "Plant"), origin="plant.csv"))
    key = {"pollutant": "SO2", "period": "24h", "grade": 2}
    assert [p.number("gb3095.limit", ON, **key) for p in (builtin(), zone, plant)] == [150, 100, 80]
    with pytest.raises(PackError, match="laxer than 100"):
        zone.overlay(pack(LIMIT.format(120, "Plant"), origin="plant.csv"))
    with pytest.raises(PackError, match="laxer than 80"):
        plant.overlay(pack(LIMIT.format(90, "Unit")))
    relaxed = zone.overlay(pack(LIMIT.format(120, "Plant")), may_relax=True)
    assert relaxed.number("gb3095.limit", ON, **key) == 120


def test_a_layered_pack_keeps_its_layers_when_it_is_laid_on_top() -> None:
    upper = pack(LIMIT.format(100, "A")).overlay(pack(LIMIT.format(90, "B")))
    both = builtin().overlay(upper)
    assert both.number("gb3095.limit", ON, pollutant="SO2", period="24h", grade=2) == 90
    assert len(both) == len(builtin()) + 2


def test_boundaries_of_a_local_scale_replace_ours_whole() -> None:
    row = "risk.lec_grade,above={},{},,,Company rule 3,1,2026-01-01,,official_text,"
    local = builtin().overlay(pack(row.format(400, "极高"), row.format(200, "高"), row.format(0, "低")))
    assert risk.lec(10, 2, 15, ON).grade == "高"  # D = 300, ours
    assert risk.lec(3, 3, 40, ON).grade == "极高"  # D = 360, ours
    assert risk.lec(3, 3, 40, ON, local).grade == "高"
    assert risk.lec(10, 10, 1, ON, local).grade == "低"


def test_a_rule_is_shown_with_its_mark() -> None:
    rule = builtin().get("gb12348.limit", ON, zone_class=1, period="day")
    shown = json.loads(json.dumps(rule.cited()))
    assert (shown["confidence"], shown["verified"], shown["standard"]) == (
        "own_unverified",
        False,
        "GB 12348-2008",
    )
    assert shown["valid_to"] is None


@given(st.lists(st.sampled_from(list(Confidence)), max_size=5))
def test_a_result_is_no_surer_than_its_least_sure_input(marks: list[Confidence]) -> None:
    found = weakest([], *marks)
    order = list(Confidence)
    assert found == (max(marks, key=order.index) if marks else Confidence.OWN_UNVERIFIED)


def test_changes_are_the_days_on_which_answers_change() -> None:
    assert date(2031, 1, 1) in builtin().changes("gb3095.limit")
    assert builtin().changes("hj633.breakpoint") == (date(2016, 1, 1), date(2026, 3, 1))


def test_every_described_rule_is_shipped_or_left_to_local_packs() -> None:
    shipped = {rule.rule for rule in builtin()}
    assert set(schema().shapes) - shipped == {"tariff.period", "tariff.price"}
    assert all(shape.meaning for shape in schema().shapes.values())
    with pytest.raises(RuleMissing):
        builtin().scale("tariff.price", ON)


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("rule,keys,kind,units,least,most,meaning\na.b,k,text,,,,m\n", "kind"),
        ("rule,keys,kind,units,least,most,meaning\na.b,k,word,,x,,m\n", "least"),
        ("rule,keys,kind,units,least,most,meaning\na.b,k,word,,,,m\na.b,k,word,,,,m\n", "rule"),
        ("rule,keys\na.b,k\n", "kind"),
    ],
)
def test_a_faulty_schema_names_its_column(text: str, column: str) -> None:
    with pytest.raises(PackError) as caught:
        Schema.parse(text, "schema.csv")
    assert caught.value.column == column


def test_an_empty_pack_knows_nothing_and_is_not_replaced_by_ours() -> None:
    with pytest.raises(RuleMissing):
        risk.lec(6, 3, 15, ON, RulePack([]))
