"""Major hazard sources: identified by GB 18218, never guessed, recomputable from their export, private to their firm."""

from __future__ import annotations

import csv
import io
import math
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError
from tests.safety.kit import SafeZone, caller

from parksight.kernel.audit import AuditEntry, verify
from parksight.safety.models import Chemical
from parksight.safety.service.identifying import identify
from parksight.standards import gb18218

BENZENE = {"substance": "71-43-2", "tonnes": 500.0, "as_of": "2026-01-01", "origin": "安全评价报告"}
AMMONIA = {"substance": "7664-41-7", "tonnes": 60.0, "as_of": "2026-01-01"}


def made(site: SafeZone, unit: int = 1, **more: Any) -> Any:
    body = {"unit_id": unit, "kind": "tank_farm", "persons": 120, "chemicals": [BENZENE, AMMONIA], **more}
    return site.ok("POST", "/hazards", json=body)


def test_a_source_is_identified_with_every_line_of_the_way(site: SafeZone) -> None:
    found = made(site)
    lines = found["identification"]["lines"]
    alpha = found["identification"]["alpha"]["value"]
    expected = gb18218.identify(
        [gb18218.Inventory(gb18218.find("71-43-2"), 500.0), gb18218.Inventory(gb18218.find("7664-41-7"), 60.0)],
        120, date(2026, 3, 2),
    )  # fmt: skip
    assert found["s"] == pytest.approx(sum(x["tonnes"] / x["threshold"]["value"] for x in lines))
    assert found["r"] == pytest.approx(
        alpha * sum(x["beta"]["value"] * x["tonnes"] / x["threshold"]["value"] for x in lines)
    )
    assert (found["s"], found["r"]) == (pytest.approx(expected.s), pytest.approx(expected.r))
    assert found["state"] == "major"
    assert gb18218.LEVELS[found["level"] - 1] == expected.level
    assert all(x["threshold"]["standard"] and x["threshold"]["clause"] for x in lines)
    assert [e.subject() for e in site.events] == ["safety.hazard.identified"]


def test_what_nobody_knows_is_unknown_and_says_why(site: SafeZone) -> None:
    nobody_counted = made(site, persons=None)
    assert (nobody_counted["state"], nobody_counted["level"], nobody_counted["r"]) == ("unknown", None, None)
    assert nobody_counted["problem"] == "safety.hazard.no_persons"
    assert "500" in nobody_counted["problem_text"]
    empty = made(site, 2, chemicals=[])
    assert (empty["state"], empty["problem"]) == ("unknown", "safety.hazard.no_chemicals")
    counted = site.ok("PATCH", f"/hazards/{nobody_counted['id']}", json={"version": 1, "persons": 0})
    assert counted["state"] == "major"
    history = site.ok("GET", f"/hazards/{nobody_counted['id']}/identifications")["items"]
    assert [h["state"] for h in history] == ["major", "unknown"]
    summary = site.ok("GET", "/hazards/summary")
    assert (summary["unknown"], sum(summary["by_level"].values())) == (1, 1)
    assert summary["watch"]["online_share"] is None  # nothing watches them: that is not "all well"


def test_a_condition_of_the_standard_needs_a_person_who_confirms_it(site: SafeZone) -> None:
    conditional = next(s for s in gb18218.substances() if s.condition)
    row = {"substance": conditional.name_zh, "tonnes": 10.0, "as_of": "2026-01-01"}
    open_question = made(site, chemicals=[row])
    assert (open_question["state"], open_question["problem"]) == ("unknown", "safety.hazard.condition")
    assert open_question["chemicals"][0]["condition"] == conditional.condition
    confirmed = {**row, "condition_confirmed": True}
    answered = site.ok(
        "PATCH", f"/hazards/{open_question['id']}", json={"version": 1, "chemicals": [confirmed]}
    )
    assert answered["problem"] != "safety.hazard.condition"


def test_a_changed_inventory_is_identified_anew_and_other_changes_are_not(site: SafeZone) -> None:
    found = made(site)
    path = f"/hazards/{found['id']}"
    assert site.ok("PATCH", path, json={"version": 1, "record_no": "BA-1"})["version"] == 2
    assert site.ok("PATCH", path, json={"version": 2, "record_no": "BA-1"})["version"] == 2
    smaller = site.ok("PATCH", path, json={"version": 2, "chemicals": [{**BENZENE, "tonnes": 1.0}]})
    assert (smaller["state"], smaller["level"]) == ("below", None)
    assert len(site.ok("GET", f"{path}/identifications")["items"]) == 2
    assert site.refused("PATCH", path, json={"version": 2, "persons": 1}) == (409, "safety.changed")
    with site.db.session() as session:
        actions = list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.seq)))
        assert actions == ["safety.hazard.create", "safety.hazard.update", "safety.hazard.update"]
        assert verify(session).ok
    with pytest.raises(DatabaseError, match="append-only"), site.db.session() as session:
        session.execute(text("UPDATE safety_identification SET level = 4"))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"chemicals": [{**BENZENE, "substance": "不存在的物质"}]}, "safety.hazard.substance"),
        ({"chemicals": [{**BENZENE, "hazard_classes": ["J9"]}]}, "safety.hazard.class_unknown"),
        ({"chemicals": [{**BENZENE, "as_of": "2030-01-01"}]}, "safety.hazard.future"),
        ({"assessed_on": "2026-01-02", "assessment_ends_on": "2026-01-01"}, "safety.hazard.dates"),
        ({"points": [{"point_id": 1, "parameter": "level"}] * 2}, "safety.hazard.point_twice"),
    ],
)
def test_what_is_wrong_is_refused_and_nothing_is_kept(
    site: SafeZone, change: dict[str, Any], code: str
) -> None:
    body = {"unit_id": 1, "kind": "tank_farm", "persons": 1, "chemicals": [BENZENE], **change}
    assert site.refused("POST", "/hazards", json=body) == (422, code)
    assert site.ok("GET", "/hazards")["total"] == 0


def test_a_source_is_registered_once_and_watched_by_its_own_points(site: SafeZone) -> None:
    found = made(site, points=[{"point_id": 1, "parameter": "temperature", "interlock": True}])
    assert (found["watch"]["points"], found["watch"]["unknown"], found["watch"]["online_share"]) == (
        1,
        1,
        0.0,
    )
    assert found["points"][0]["interlock"] is True
    assert site.refused("POST", "/hazards", json={"unit_id": 1, "kind": "production"}) == (
        409,
        "safety.hazard.taken",
    )
    foreign = {"version": 1, "points": [{"point_id": 5, "parameter": "level"}]}
    assert site.refused("PATCH", f"/hazards/{found['id']}", json=foreign)[0] == 404


def test_another_enterprise_gets_nothing(site: SafeZone) -> None:
    mine, theirs = made(site), made(site, 3)
    site.who = caller("enterprise_manager", 1)
    assert [h["id"] for h in site.ok("GET", "/hazards")["items"]] == [mine["id"]]
    for method, path, body in (
        ("GET", f"/hazards/{theirs['id']}", None),
        ("GET", f"/hazards/{theirs['id']}/identifications", None),
        ("PATCH", f"/hazards/{theirs['id']}", {"version": 1, "persons": 1}),
        ("POST", "/hazards", {"unit_id": 3, "kind": "tank_farm"}),
    ):
        assert site.refused(method, path, json=body)[0] == 404, path
    assert sum(site.ok("GET", "/hazards/summary")["by_level"].values()) == 1
    exported = site.http.get("/api/v1/safety/hazards/export", params={"format": "csv"}).content.decode(
        "utf-8-sig"
    )
    assert {r["enterprise_code"] for r in csv.DictReader(io.StringIO(exported))} == {"E1"}
    site.who = caller("energy_manager")
    assert site.refused("GET", "/hazards")[0] == 403


def test_the_export_recomputes_to_the_same_level(site: SafeZone) -> None:
    found = made(site)
    exported = site.http.get("/api/v1/safety/hazards/export", params={"format": "csv"}).content.decode(
        "utf-8-sig"
    )
    rows = list(csv.DictReader(io.StringIO(exported)))
    s = math.fsum(float(r["tonnes"]) / float(r["threshold_t"]) for r in rows)
    r = float(rows[0]["alpha"]) * math.fsum(
        float(x["beta"]) * float(x["tonnes"]) / float(x["threshold_t"]) for x in rows
    )
    assert (found["s"], found["r"]) == (pytest.approx(s), pytest.approx(r))
    assert len(rows) == 2


def test_an_import_by_codes_is_repeatable_and_names_its_bad_rows(site: SafeZone) -> None:
    good = {
        "unit_code": "U1", "kind": "tank_farm", "persons": 5, "chemicals": [BENZENE], "points": [["P1", "level", False]],
        "simulated": True,
    }  # fmt: skip
    rows = [
        good,
        {**good, "unit_code": "NOPE"},
        {**good, "unit_code": "U2", "points": [["P9", "level", False]]},
    ]
    first = site.ok("POST", "/hazards/import", json={"rows": rows})
    assert (first["accepted"], first["refused"]) == (1, 2)
    assert [p["row"] for p in first["problems"]] == [1, 2]
    again = site.ok("POST", "/hazards/import", json={"rows": rows})
    assert (again["accepted"], again["updated"], again["unchanged"]) == (0, 0, 1)
    assert site.ok("GET", "/hazards")["items"][0]["simulated"] is True


def test_a_new_start_identifies_again_only_what_has_changed(site: SafeZone) -> None:
    found = made(site)
    site.service.start()
    assert len(site.ok("GET", f"/hazards/{found['id']}/identifications")["items"]) == 1
    with site.db.session() as session:
        session.execute(text("UPDATE safety_hazard SET r = 1, level = 4"))
    site.service.start()
    assert site.ok("GET", f"/hazards/{found['id']}")["level"] == found["level"]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    masses=st.lists(st.floats(0, 1e5, allow_nan=False), min_size=1, max_size=6),
    persons=st.integers(0, 5000),
)
def test_more_of_anything_is_never_less_dangerous(masses: list[float], persons: int) -> None:
    def row(tonnes: float) -> Chemical:
        return Chemical(
            substance="71-43-2", name="苯", tonnes=tonnes, hazard_classes=[], condition_confirmed=True, as_of=date(2026, 1, 1)
        )  # fmt: skip

    on = date(2026, 3, 2)
    less = identify([row(m) for m in masses], persons, on)
    more = identify([*(row(m) for m in masses), row(1.0)], persons + 10, on)
    assert less.r is not None
    assert more.r is not None
    assert more.r >= less.r
    assert (more.level or 5) <= (less.level or 5)


def test_substances_are_found_by_any_name(site: SafeZone) -> None:
    assert (
        site.ok("GET", "/substances", params={"q": "7664-41-7"})[0]["name_en"].lower().startswith("ammonia")
    )
    assert len(site.ok("GET", "/substances")) == 85 + 24
