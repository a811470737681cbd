"""Major hazards, special work, risk grades: boundaries, upgrades, refusals."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parksight.standards import gb18218, gb30871, risk
from parksight.standards.calendar import PUBLISHED, CalendarNotPublished
from parksight.standards.gb18218 import Inventory, Unit, UnitKind, find, identify, mixture
from parksight.standards.gb30871 import Work
from parksight.standards.rulepack import Confidence, RuleMissing

ON = date(2026, 11, 1)
T0 = datetime(2026, 11, 3, 9)  # a Tuesday


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("74-82-8", "甲烷、天然气"), ("8006-14-2", "甲烷、天然气"), ("天然气", "甲烷、天然气"), ("丙烯腈", "2-丙烯腈(丙烯腈)"),
        ("106-97-8", "液化石油气(含丙烷、丁烷及其混合物)"), ("LPG", "液化石油气(含丙烷、丁烷及其混合物)"), ("Sulfur Dioxide", "二氧化硫"),
        ("氯化氢（无水）", "氯化氢(无水)"), ("液氯", "氯"), (" 光气 ", "碳酰氯(光气)"), ("w5.1", "易燃液体 类别1；类别2和3、工作温度高于沸点"),
        ("TNT", "2,4,6-三硝基甲苯"), ("黄磷", "白磷"), ("一氧化碳", "一氧化碳"), ("630-08-0", "一氧化碳"), ("7782\u201150\u20135", "氯"), ("1，3-丁二烯", "1,3-丁二烯"),
    ],
)  # fmt: skip
def test_lookup(text: str, name: str) -> None:
    assert find(text).name_zh == name


@pytest.mark.parametrize(
    "text", ["硝化纤维素", "9004-70-0", "硝酸铵", "6484-52-2", "水", "", "7732-18-5", "J9"]
)
def test_lookup_refuses_what_is_unknown_or_several(text: str) -> None:
    with pytest.raises(RuleMissing):
        find(text)


def test_a_row_says_what_it_asks_of_the_content() -> None:
    assert find("甲醛").condition == "含量>90%"
    assert find("硝酸铵(含可燃物≤0.2%)").condition == "含可燃物≤0.2%"
    assert [find(name).condition for name in ("氯", "碳酰氯(光气)", "J1")] == ["", "", ""]


def test_no_name_answers_for_two_rows_but_shared_cas_numbers() -> None:
    names: dict[str, set[str]] = {}
    for row in (*gb18218.substances(), find("一氧化碳")):
        for name in gb18218._names(row):
            names.setdefault(name, set()).add(row.entry + row.form)
    shared = {name for name, rows in names.items() if len(rows) > 1}
    assert shared == {"9004-70-0", "6484-52-2"}


def test_pure_carbon_monoxide_has_a_beta_of_its_own() -> None:
    pure = identify([Inventory(find("一氧化碳"), 20)], 1, ON)
    assert (pure.s, pure.r) == (1, 2)
    with pytest.raises(RuleMissing, match="hazard classes"):
        identify([Inventory(find("煤气"), 20)], 1, ON)
    assert identify([Inventory(find("煤气"), 20, ("W2", "J3"))], 1, ON).r == 2  # the largest beta


def test_given_classes_go_before_a_hint_but_not_before_table_3() -> None:
    benzene = find("苯")
    assert identify([Inventory(benzene, 50)], 1, ON).confidence is Confidence.OWN_UNVERIFIED
    hot = identify([Inventory(benzene, 50, ("W5.1",))], 1, ON)
    assert (hot.r, hot.confidence) == (1.5, Confidence.TWO_SOURCES)
    assert identify([Inventory(find("氯"), 5, ("J1", "W1.1"))], 1, ON).r == 4
    with pytest.raises(RuleMissing):
        identify([Inventory(benzene, 50, ("W99",))], 1, ON)


def test_several_classes_take_the_lowest_threshold() -> None:
    found = identify([Inventory(find("J5"), 10, ("W2",))], 1, ON)
    assert (found.s, found.r) == (1, 1.5)
    assert found.contributions[0].threshold.key["entry"] == "W2"


def test_mixtures_count_whole_or_by_their_own_class() -> None:
    whole = mixture(find("甲醇"), 500, ["W5.3"], ["W5.3"])
    assert (whole.substance.name_zh, identify([whole], 0, ON).s) == ("甲醇", 1)
    weaker = mixture(find("甲醇"), 500, ["W5.3"], ["W5.4"])
    assert (weaker.substance.entry, identify([weaker], 0, ON).s) == ("W5.4", 0.1)
    both = mixture(find("氯"), 10, ["J3"], ["W10", "J5"])
    assert identify([both], 0, ON).s == 10 / 200
    with pytest.raises(ValueError, match="not entered"):
        mixture(find("甲醇"), 500, ["W5.3"], [])
    with pytest.raises(RuleMissing):
        mixture(find("甲醇"), 500, ["W5.3"], ["氯"])


@pytest.mark.parametrize(
    ("persons", "alpha"),
    [(0, 0.5), (1, 1), (29, 1), (30, 1.2), (49, 1.2), (50, 1.5), (99, 1.5), (100, 2), (10**6, 2)],
)
def test_alpha_at_its_edges(persons: int, alpha: float) -> None:
    assert identify([Inventory(find("氯"), 5)], persons, ON).alpha.number == alpha


@pytest.mark.parametrize("persons", [-1, 29.5, math.nan])
def test_persons_are_counted(persons: float) -> None:
    with pytest.raises(ValueError, match="counted"):
        identify([Inventory(find("氯"), 5)], persons, ON)  # type: ignore[arg-type]  # what a careless caller sends


@settings(deadline=None)
@given(st.integers(1, 30), st.integers(1, 30))
def test_parts_that_make_one_threshold_make_a_major_hazard(parts: int, rows: int) -> None:
    found = identify([Inventory(find("氨"), 10 / parts / rows)] * (parts * rows), 1, ON)
    assert found.major_hazard
    assert found.level == "四级"


def test_units_are_judged_each_by_itself_gravest_first() -> None:
    units = [
        Unit("warehouse", UnitKind.WAREHOUSE, (Inventory(find("氯"), 4.9),)),
        Unit("tank farm", UnitKind.TANK_FARM, (Inventory(find("氯"), 250),)),
        Unit("plant", UnitKind.PRODUCTION, (Inventory(find("氯"), 5),)),
    ]
    found = gb18218.identify_units(units, 100, ON)
    assert [(u.name, f.level) for u, f in found.units] == [
        ("tank farm", "一级"), ("plant", "四级"), ("warehouse", None),
    ]  # fmt: skip
    assert (found.highest, len(found.major_hazards)) == ("一级", 2)
    assert gb18218.unit_boundary(UnitKind.TANK_FARM, ON).value == "dike"
    with pytest.raises(ValueError, match="twice"):
        gb18218.identify_units([units[0], units[0]], 100, ON)
    assert gb18218.identify_units([], 0, ON).highest is None


def test_worked_figures_of_the_text() -> None:
    gas = identify([Inventory(find("LPG"), 900)], 40, ON)
    assert (gas.r, gas.level) == (pytest.approx(32.4), "三级")
    assert identify([Inventory(find("氯"), 250)], 100, ON).r == 400


@pytest.mark.parametrize(
    ("begin", "hours", "rest", "holiday", "night"),
    [
        (datetime(2026, 11, 3, 9), 8, False, False, False),
        (datetime(2026, 11, 3, 14), 8, False, False, False),  # ends at 22:00 sharp
        (datetime(2026, 11, 3, 14, 1), 8, False, False, True),
        (datetime(2026, 11, 3, 6), 2, False, False, False),  # begins as the night ends
        (datetime(2026, 11, 3, 5, 59), 2, False, False, True),
        (datetime(2026, 11, 7, 9), 8, True, False, False),  # a Saturday
        (datetime(2026, 10, 1, 9), 8, False, True, False),
        (datetime(2026, 10, 10, 9), 8, False, False, False),  # a Saturday that is worked
        (datetime(2026, 11, 6, 20), 8, True, False, True),  # Friday evening into Saturday
        (datetime(2026, 9, 30, 20), 4, False, False, True),  # ends at midnight before the holiday
        (datetime(2026, 9, 30, 20), 5, False, True, True),
    ],
)
def test_circumstances_of_a_span(begin, hours, rest, holiday, night) -> None:
    found = gb30871.circumstances(begin, begin + timedelta(hours=hours), PUBLISHED)
    assert (found.rest_day, found.holiday, found.night) == (rest, holiday, night)
    assert found.upgrade("二级") == ("一级" if rest or holiday or night else "二级")
    assert not any(rule.verified for rule in found.rules)  # when night begins is not in the text


def test_upgrade_is_one_level_however_many_reasons() -> None:
    assert gb30871.upgraded("二级", night=True, holiday=True, special=True, wind_force=6) == "一级"
    assert gb30871.upgraded("二级", wind_force=4) == "二级"
    assert gb30871.upgraded("二级", wind_force=5) == "一级"
    assert gb30871.upgraded("二级", wind_force=9, open_air=False) == "二级"
    with pytest.raises(ValueError, match="none of"):
        gb30871.upgraded("三级", night=True)
    with pytest.raises(CalendarNotPublished):
        gb30871.circumstances(datetime(2026, 12, 31, 20), datetime(2027, 1, 1, 4), PUBLISHED)


@pytest.mark.parametrize(
    ("height", "factors", "level"),
    [(2, 0, "Ⅰ"), (5, 0, "Ⅰ"), (5.01, 0, "Ⅱ"), (15, 0, "Ⅱ"), (30, 0, "Ⅲ"), (30.1, 0, "Ⅳ"),
     (2, 1, "Ⅱ"), (5, 3, "Ⅱ"), (15, 1, "Ⅲ"), (30, 1, "Ⅳ"), (31, 1, "Ⅳ")],
)  # fmt: skip
def test_height_levels(height, factors, level) -> None:
    assert gb30871.height_level(height, factors, ON) == level


def test_height_conditions_raise_who_approves() -> None:
    assert gb30871.height_approval_level("Ⅰ", [], ON) == "Ⅰ"
    assert gb30871.height_approval_level("Ⅰ", ["no_platform"], ON) == "Ⅱ"
    assert gb30871.height_approval_level("Ⅲ", ["no_platform", "slope_over_45_deg"], ON) == "Ⅲ"
    assert gb30871.height_approval_level("Ⅱ", ["rain"], ON) == "Ⅳ"
    with pytest.raises(RuleMissing):
        gb30871.height_approval_level("Ⅱ", ["earthquake"], ON)
    for low in (1.99, math.nan):
        with pytest.raises(ValueError, match="2 m"):
            gb30871.height_level(low, 0, ON)


@pytest.mark.parametrize(("mass", "level"), [(100.01, "一级"), (100, "二级"), (40, "二级"), (39.9, "三级")])
def test_lifting_levels(mass, level) -> None:
    assert gb30871.lifting_level(mass, ON) == level


def test_terms_of_permits() -> None:
    hours = timedelta(hours=1)
    assert gb30871.term(Work.HOT_WORK, "一级", T0, T0 + 8 * hours).ok
    assert gb30871.term(Work.HOT_WORK, "一级", T0, T0 + 8.01 * hours).reasons == ("longer_than_allowed",)
    assert gb30871.term(Work.HOT_WORK, "二级", T0, T0 + 72 * hours).ok
    assert gb30871.term(Work.LIFTING, "三级", T0, T0 + 900 * hours).ok  # none stated
    assert gb30871.term(Work.HEIGHT, "Ⅱ", T0, T0).reasons == ("ends_before_begin",)
    power = Work.TEMPORARY_ELECTRICITY
    assert gb30871.validity(power, "none", ON) == timedelta(days=30)
    assert gb30871.usual_validity(power, "none", ON).number == 15 * 24
    assert gb30871.validity(power, "none", ON, served=8 * hours) == 8 * hours
    with pytest.raises(ValueError, match="serves"):
        gb30871.validity(Work.HEIGHT, "Ⅰ", ON, served=8 * hours)
    with pytest.raises(RuleMissing):
        gb30871.requirements(Work.HEIGHT, "Ⅴ", ON)


def gas(minutes: float = 10, **more) -> gb30871.GasTest:
    known = {"flammable": ((0.2, 3.9),), "oxygen": 20.9, "calibrated_until": T0 + timedelta(days=1)}
    return gb30871.GasTest(T0 - timedelta(minutes=minutes), **{**known, **more})


@pytest.mark.parametrize(
    ("work", "test", "enriched", "reasons"),
    [
        (Work.HOT_WORK, gas(30), False, ()),
        (Work.HOT_WORK, gas(30.1), False, ("sample_too_old",)),
        (Work.HOT_WORK, gas(-1), False, ("sample_after_start",)),
        (Work.HOT_WORK, gas(flammable=((0.5, 4.0),)), False, ()),
        (Work.HOT_WORK, gas(flammable=((0.5, 3.99),)), False, ("flammable_too_high",)),
        (Work.HOT_WORK, gas(flammable=((0.1, 5.0), (0.51, 5.0))), False, ("flammable_too_high",)),
        (Work.HOT_WORK, gas(flammable=((math.nan, 5.0),)), False, ("flammable_too_high",)),
        (Work.HOT_WORK, gas(flammable=()), False, ("flammable_not_measured",)),
        (Work.HOT_WORK, gas(distance_m=10), False, ()),
        (Work.HOT_WORK, gas(distance_m=10.5), False, ("sample_too_far",)),
        (Work.HOT_WORK, gas(oxygen=23.6), True, ("oxygen_too_high",)),
        (Work.HOT_WORK, gas(oxygen=23.5), True, ()),
        (Work.CONFINED_SPACE, gas(oxygen=19.5), False, ()),
        (Work.CONFINED_SPACE, gas(oxygen=19.4), False, ("oxygen_too_low",)),
        (Work.CONFINED_SPACE, gas(oxygen=21.0), False, ()),
        (Work.CONFINED_SPACE, gas(oxygen=21.1), False, ("oxygen_too_high",)),
        (Work.CONFINED_SPACE, gas(oxygen=23.5), True, ()),
        (Work.CONFINED_SPACE, gas(oxygen=None), False, ("oxygen_not_measured",)),
        (Work.CONFINED_SPACE, gas(toxic=((1.1, 1.0),)), False, ("toxic_too_high",)),
        (Work.CONFINED_SPACE, gas(toxic=((1.0, 1.0),)), False, ()),
        (Work.CONFINED_SPACE, gas(calibrated_until=None), False, ("instrument_not_calibrated",)),
        (Work.TEMPORARY_ELECTRICITY, gas(), False, ()),
    ],
)
def test_gas_before_work(work, test, enriched, reasons) -> None:
    found = gb30871.gas_test(work, test, T0, oxygen_enriched=enriched)
    assert (found.reasons, found.ok) == (reasons, not reasons)
    assert found.confidence is Confidence.TWO_SOURCES


def test_gas_is_tested_again_after_breaks_and_each_day() -> None:
    day, minute = date(2026, 11, 3), timedelta(minutes=1)
    assert not gb30871.retest_needed(Work.HOT_WORK, "二级", 60 * minute, day)
    assert gb30871.retest_needed(Work.HOT_WORK, "二级", 61 * minute, day)
    assert gb30871.retest_needed(Work.HOT_WORK, "二级", 0 * minute, day, last_test=date(2026, 11, 2))
    assert not gb30871.retest_needed(Work.HOT_WORK, "二级", 0 * minute, day, last_test=day)
    assert gb30871.retest_needed(Work.CONFINED_SPACE, "none", 61 * minute, day)
    for wrong in ({"interruption": -minute}, {"interruption": minute, "last_test": date(2026, 11, 4)}):
        with pytest.raises(ValueError, match=r"break|last test"):
            gb30871.retest_needed(Work.HOT_WORK, "二级", on=day, **wrong)
    with pytest.raises(RuleMissing):
        gb30871.retest_needed(Work.HOT_WORK, "三级", minute, day)
    assert not gb30871.record_overdue(Work.CONFINED_SPACE, T0, T0 + timedelta(hours=2), day)
    assert gb30871.record_overdue(Work.CONFINED_SPACE, T0, T0 + timedelta(hours=2, minutes=1), day)
    assert not gb30871.record_overdue(Work.HEIGHT, T0, T0 + timedelta(days=2), day)
    with pytest.raises(RuleMissing):
        gb30871.gas_test(Work.ROAD_CLOSING, gas(), T0)


def test_distances_and_tickets() -> None:
    assert gb30871.distance_kept("flammable_gas_release", 30, ON).ok
    assert gb30871.distance_kept("flammable_gas_release", 29.9, ON).reasons == ("flammable_gas_release",)
    assert gb30871.distance_kept("welder_to_fire_point", 10, ON).ok
    assert not gb30871.distance_kept("welder_to_fire_point", 10.1, ON).ok
    with pytest.raises(ValueError, match="distance"):
        gb30871.distance_kept("railway", math.nan, ON)
    assert gb30871.new_ticket_needed(["place"], ON)
    assert not gb30871.new_ticket_needed([], ON)
    with pytest.raises(RuleMissing):
        gb30871.new_ticket_needed(["weather"], ON)
    assert gb30871.excavation_as_confined_space(1.3, True, ON)
    assert not gb30871.excavation_as_confined_space(1.2, True, ON)
    assert not gb30871.excavation_as_confined_space(3, False, ON)


def permit(key, work, x=0.0, begin=0.0, hours=2.0, **more) -> gb30871.Permit:
    start = T0 + timedelta(hours=begin)
    return gb30871.Permit(key, work, x, 0.0, start, start + timedelta(hours=hours), **more)


def reasons(*permits: gb30871.Permit) -> list[str]:
    return [c.reason for c in gb30871.conflicts(permits, ON)]


def test_conflicts_at_their_edges() -> None:
    hot = permit("h", Work.HOT_WORK)
    assert reasons(hot, permit("a", Work.CONFINED_SPACE, 30.0, releases="flammable_gas")) == []
    assert reasons(hot, permit("a", Work.CONFINED_SPACE, 14.9, releases="flammable_liquid")) == [
        "flammable_liquid_release"
    ]
    assert reasons(hot, permit("a", Work.HEIGHT, 9.9, releases="combustible_dust")) == ["solvent_or_painting"]
    assert reasons(hot, permit("b", Work.BLIND_PLATE, 29.9)) == ["blind_plate_to_hot_work"]
    assert reasons(hot, permit("b", Work.BLIND_PLATE, 0.0, begin=2.0)) == []  # one begins as the other ends
    assert reasons(hot, permit("c", Work.CONFINED_SPACE, equipment="R1")) == []
    inside = permit("h", Work.HOT_WORK, equipment="R1")
    assert reasons(inside, permit("c", Work.CONFINED_SPACE, equipment="R1")) == ["same_equipment_not_linked"]
    assert reasons(inside, permit("c", Work.CONFINED_SPACE, equipment="R1", linked=frozenset({"h"}))) == []
    plates = [permit(k, Work.BLIND_PLATE, equipment="P-7", linked=frozenset({"x", "y"})) for k in "xy"]
    assert reasons(*plates) == ["blind_plates_on_one_pipe"]


@pytest.mark.parametrize(
    "wrong", [{"x": math.nan}, {"hours": 0.0}, {"releases": "steam"}], ids=["place", "time", "release"]
)
def test_a_permit_that_could_hide_a_conflict_is_refused(wrong) -> None:
    with pytest.raises(ValueError, match="permit p"):
        permit("p", Work.HOT_WORK, **wrong)


@given(
    st.lists(
        st.tuples(st.sampled_from(list(Work)), st.floats(-60, 60), st.floats(0, 20), st.floats(0.1, 9)),
        max_size=12,
    )
)
def test_conflicts_do_not_depend_on_the_order(items) -> None:
    permits = [permit(str(i), w, x, b, h, guardian="Li") for i, (w, x, b, h) in enumerate(items)]
    seen = [
        {(frozenset({c.first, c.second}), c.reason) for c in gb30871.conflicts(p, ON)}
        for p in (permits, permits[::-1])
    ]
    assert seen[0] == seen[1]
    meet = {
        frozenset({a.key, b.key}) for a in permits for b in permits
        if a is not b and a.begin < b.end and b.begin < a.end
    }  # fmt: skip
    assert {pair for pair, reason in seen[0] if reason == "same_guardian"} == meet


@pytest.mark.parametrize(
    ("factors", "grade", "colour"),
    [((10, 2, 15), "高", "orange"), ((3, 6, 15), "高", "orange"), ((10, 10, 7), "极高", "red"), ((10, 0.5, 40), "高", "orange"),
     ((1, 10, 7), "一般", "blue"), ((0.5, 1, 40), "低", "blue"), ((0.2, 10, 10 / 10), "低", "blue"), ((1, 3, 7), "一般", "blue")],
)  # fmt: skip
def test_lec(factors, grade, colour) -> None:
    found = risk.lec(*factors, ON)
    assert (found.grade, found.colour) == (grade, colour)
    assert found.confidence is Confidence.OWN_UNVERIFIED  # the scores and colours are


@pytest.mark.parametrize(
    ("score", "word"),
    [
        ((5, 4), "重大"),
        ((4, 4), "较大"),
        ((5, 3), "较大"),
        ((3, 4), "一般"),
        ((3, 3), "一般"),
        ((2, 4), "低"),
    ],
)
def test_ls(score, word) -> None:
    assert risk.ls(*score, ON).grade == word


@pytest.mark.parametrize("wrong", [(4, 3, 15), (6, 3, 16), (6, 0, 15), (math.nan, 3, 15)])
def test_lec_takes_its_scores_only(wrong) -> None:
    with pytest.raises(ValueError, match="must be one of"):
        risk.lec(*wrong, ON)


@pytest.mark.parametrize(("lel", "limit"), [(4.0, 0.5), (3.999, 0.2), (15.0, 0.5), (0.8, 0.2)])
def test_flammable_limit_by_the_explosive_limit(lel: float, limit: float) -> None:
    assert gb30871.flammable_limit(lel, ON).number == limit


@pytest.mark.parametrize("lel", [0.0, -1.0, 100.0, math.nan])
def test_an_impossible_explosive_limit_is_refused(lel: float) -> None:
    with pytest.raises(ValueError, match="explosive limit"):
        gb30871.flammable_limit(lel, ON)
