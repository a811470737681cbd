"""Rule packs answer by date, refuse what they do not know, and say where a file is wrong."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parksight.standards.rulepack import PackError, RuleMissing, RuleNotInForce, RulePack, builtin

HEAD = "rule,key,value,unit,sense,standard,clause,valid_from,valid_to,confidence,note\n"


def pack(*rows: str, origin: str = "test.csv") -> RulePack:
    return RulePack.parse(HEAD + "\n".join(rows) + "\n", origin)


OLD = "air.limit,pollutant=PM10;period=24h,150,ug/m3,max,GB 3095-2012,4,2016-01-01,2026-02-28,two_sources,"
NEW = "air.limit,pollutant=PM10;period=24h,120,ug/m3,max,GB 3095-2026,4,2026-03-01,,two_sources,"


def test_answers_by_date() -> None:
    rules = pack(OLD, NEW)
    assert rules.number("air.limit", date(2026, 2, 28), pollutant="PM10", period="24h") == 150
    assert rules.number("air.limit", date(2026, 3, 1), pollutant="PM10", period="24h") == 120


def test_refuses_outside_its_dates_and_names_the_dates_it_knows() -> None:
    with pytest.raises(RuleNotInForce, match="2016-01-01"):
        pack(OLD).get("air.limit", date(2015, 12, 31), pollutant="PM10", period="24h")


def test_refuses_what_it_does_not_have() -> None:
    with pytest.raises(RuleMissing, match="PM1"):
        pack(OLD).get("air.limit", date(2020, 1, 1), pollutant="PM1", period="24h")


def test_overlapping_rows_are_a_fault() -> None:
    with pytest.raises(PackError, match="twice"):
        pack(OLD, OLD)


def test_local_pack_may_tighten_but_not_relax() -> None:
    rules = pack(OLD, NEW)
    local = NEW.replace("120", "80").replace("GB 3095-2026", "Zone order 7")
    stricter = rules.overlay(pack(local, origin="zone.csv"))
    on = date(2026, 5, 1)
    assert stricter.get("air.limit", on, pollutant="PM10", period="24h").standard == "Zone order 7"
    assert rules.number("air.limit", on, pollutant="PM10", period="24h") == 120
    with pytest.raises(PackError, match="laxer"):
        rules.overlay(pack(NEW.replace("120", "130"), origin="zone.csv"))
    with pytest.raises(PackError, match="unit"):
        rules.overlay(pack(NEW.replace("ug/m3", "mg/m3"), origin="zone.csv"))


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (NEW.replace("2026-03-01", "2026-13-01"), "valid_from"),
        (NEW.replace("two_sources", "sure"), "confidence"),
        (NEW.replace("120", "nan"), "value"),
        (NEW.replace("120", "plenty"), "value"),
        (NEW.replace("max", "most"), "sense"),
        (NEW.replace("period=24h", "period"), "key"),
        (OLD.replace("2026-02-28", "2015-01-01"), "valid_to"),
    ],
)
def test_fault_names_file_row_and_column(row: str, column: str) -> None:
    with pytest.raises(PackError) as caught:
        pack(OLD.replace("PM10", "SO2"), row, origin="zone.csv")
    assert (caught.value.origin, caught.value.row, caught.value.column) == ("zone.csv", 3, column)


@given(st.text(max_size=400))
def test_parser_survives_any_text(text: str) -> None:
    for candidate in (text, HEAD + text):
        try:
            RulePack.parse(candidate, "fuzz.csv")
        except PackError as error:
            assert error.origin == "fuzz.csv"


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)))
def test_exactly_one_row_holds(on: date) -> None:
    rules = pack(OLD, NEW)
    held = [r for r in rules if r.holds_on(on)]
    assert len(held) == (1 if on >= date(2016, 1, 1) else 0)
    if held and held[0].valid_to is not None:
        after = rules.get("air.limit", held[0].valid_to + timedelta(days=1), pollutant="PM10", period="24h")
        assert after is not held[0]


def test_shipped_packs_load_and_every_row_names_its_standard() -> None:
    for item in builtin():
        assert item.standard
        assert item.clause
        assert item.confidence
