"""How a rule comes into force: commissioning, a second person, an emergency; and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select
from tests.alarms.rules.kit import STEP, Desk, limit, person

from parksight.kernel.audit.models import AuditEntry

ANNA, BO = person(1), person(2)
MAY_PROPOSE = person(3, grants=("alarms.rule.read", "alarms.rule.write"))


def propose(
    desk: Desk,
    who: Any,
    rule: dict[str, Any] | None,
    definition: dict[str, Any],
    status: int = 201,
    **more: Any,
) -> Any:
    content = {"point_id": 1, "code": "R", "definition": definition, **more}
    body = {"rule": content, "reason": "误报太多"}
    if rule is not None:
        body |= {"rule_id": rule["id"], "base_version": rule["version"]}
    return desk.ask(who, "POST", "/proposals", body, status)


def test_a_change_is_in_force_only_once_a_second_person_has_approved_it(desk: Desk) -> None:
    rule = desk.rule(1, limit(40))
    asked = propose(desk, ANNA, rule, limit(60), name="更高")
    assert (asked["state"], asked["changed"], asked["may_decide"]) == ("open", ["name", "definition"], False)
    assert asked["before"]["definition"]["h"]["limit"] == 40
    desk.watch.service.recompile()
    desk.watch.feed((1, 0, 50.0))
    assert len(desk.watch.alarms()) == 1, "the old limit is still in force"
    assert desk.ask(ANNA, "GET", f"/{rule['id']}")["open_proposals"] == 1
    refused = desk.ask(ANNA, "POST", f"/proposals/{asked['id']}/approve", {"comment": ""}, 409)
    assert refused["code"] == "alarms.proposal.same_person"
    desk.ask(MAY_PROPOSE, "POST", f"/proposals/{asked['id']}/approve", {"comment": ""}, 403)
    done = desk.ask(BO, "POST", f"/proposals/{asked['id']}/approve", {"comment": "同意"})
    assert (done["state"], done["decided_by"]) == ("approved", "人2")
    desk.watch.second()
    versions = desk.ask(ANNA, "GET", f"/{rule['id']}/versions")
    newest = versions[0]
    assert [v["version"] for v in versions] == [2, 1]
    assert (newest["how"], newest["by_name"], newest["approved_by"], newest["proposal_id"], newest["reason"]) == (
        "approved", "人1", "人2", asked["id"], "误报太多",
    )  # fmt: skip
    assert versions[1]["how"] == "commissioning"
    desk.watch.feed((1, 0.5, 50.0))
    assert [a.condition for a in desk.watch.alarms()] == ["cleared"], "50 is below the new limit"
    again = desk.ask(BO, "POST", f"/proposals/{asked['id']}/reject", {"comment": "x"}, 409)
    assert again["code"] == "alarms.proposal.decided"
    with desk.watch.db.read() as session:
        actions = list(session.scalars(select(AuditEntry.action)))
    assert {"alarms.proposal.create", "alarms.proposal.approved", "alarms.rule.update"} <= set(actions)


def test_a_new_rule_can_be_proposed_rejected_and_withdrawn(desk: Desk) -> None:
    asked = propose(desk, MAY_PROPOSE, None, limit(60))
    assert (
        desk.ask(BO, "POST", f"/proposals/{asked['id']}/reject", {"comment": " "}, 422)["code"]
        == "alarms.proposal.comment_missing"
    )
    assert (
        desk.ask(BO, "POST", f"/proposals/{asked['id']}/reject", {"comment": "太高"})["state"] == "rejected"
    )
    assert desk.ask(BO, "GET", "")["total"] == 0
    asked = propose(desk, MAY_PROPOSE, None, limit(50))
    assert (
        desk.ask(BO, "POST", f"/proposals/{asked['id']}/withdraw", {}, 409)["code"]
        == "alarms.proposal.not_yours"
    )
    desk.ask(MAY_PROPOSE, "POST", f"/proposals/{asked['id']}/withdraw", {})
    asked = propose(desk, MAY_PROPOSE, None, limit(50))
    made = desk.ask(BO, "POST", f"/proposals/{asked['id']}/approve", {})
    rule = desk.ask(BO, "GET", f"/{made['rule_id']}")
    assert (rule["version"], rule["commissioning"]) == (1, False)
    states = [p["state"] for p in desk.ask(BO, "GET", "/proposals")["items"]]
    assert states == ["approved", "withdrawn", "rejected"]
    assert desk.ask(BO, "GET", "/proposals", state="rejected")["total"] == 1


def test_what_was_overtaken_cannot_be_approved(desk: Desk) -> None:
    rule = desk.rule(1, limit(40))
    one = propose(desk, ANNA, rule, limit(60))
    desk.ask(ANNA, "PATCH", f"/{rule['id']}", {"version": 1, "definition": limit(55)})
    assert (
        desk.ask(BO, "POST", f"/proposals/{one['id']}/approve", {}, 409)["code"] == "alarms.proposal.outdated"
    )
    assert propose(desk, ANNA, rule, limit(60), 409)["code"] == "alarms.rule.changed_meanwhile"
    assert (
        propose(desk, ANNA, {"id": rule["id"], "version": 2}, limit(55), 422)["code"]
        == "alarms.proposal.nothing_new"
    )


def test_an_emergency_is_recorded_as_one_and_ends_commissioning(desk: Desk) -> None:
    rule = desk.rule(1, limit(40))
    desk.ask(MAY_PROPOSE, "PATCH", f"/{rule['id']}", {"version": 1, "definition": limit(45)}, 409)
    desk.ask(
        MAY_PROPOSE, "PATCH", f"/{rule['id']}", {"version": 1, "definition": limit(45), "reason": "泄漏"}, 403
    )
    changed = desk.ask(
        ANNA, "PATCH", f"/{rule['id']}", {"version": 1, "definition": limit(45), "reason": "泄漏"}
    )
    assert (changed["version"], changed["commissioning"]) == (2, False)
    versions = desk.ask(ANNA, "GET", f"/{rule['id']}/versions")
    assert (versions[0]["how"], versions[0]["reason"]) == ("emergency", "泄漏")
    late = desk.ask(ANNA, "PATCH", f"/{rule['id']}", {"version": 2, "definition": limit(46)}, 409)
    assert late["code"] == "alarms.rule.needs_approval"


def test_commissioning_ends_by_itself(desk: Desk) -> None:
    rule = desk.rule(1, limit(40))
    desk.clock.advance(86_400 * 29)
    assert desk.ask(ANNA, "PATCH", f"/{rule['id']}", {"version": 1, "enabled": False})["version"] == 2
    desk.clock.advance(86_400 * 2)
    body = {"version": 2, "enabled": True}
    assert desk.ask(ANNA, "PATCH", f"/{rule['id']}", body, 409)["code"] == "alarms.rule.needs_approval"


def test_an_import_is_commissioning_once_and_a_batch_of_proposals_later(desk: Desk) -> None:
    rows = [{"code": f"AR.P00{i}", "point": f"P00{i}", "high": 40 + i, "priority": 3} for i in range(1, 5)]
    first = desk.ask(ANNA, "POST", "/import", {"rules": rows})
    assert (first["accepted"], first["proposed"], first["batch_id"]) == (4, 0, None)
    again = desk.ask(ANNA, "POST", "/import", {"rules": rows})
    assert (again["unchanged"], again["updated"]) == (4, 0)
    desk.clock.advance(86_400 * 31)
    for row in rows:
        row["high"] = 70
    later = desk.ask(
        ANNA, "POST", "/import", {"rules": [*rows, {"code": "AR.P005", "point": "P005", "high": 1}]}
    )
    assert (later["accepted"], later["updated"], later["proposed"]) == (1, 0, 4)
    batch = later["batch_id"]
    assert (
        desk.ask(ANNA, "POST", f"/proposals/batches/{batch}/approve", {}, 409)["code"]
        == "alarms.proposal.same_person"
    )
    waiting = desk.ask(BO, "GET", "/proposals", batch_id=batch)
    assert (waiting["total"], waiting["items"][0]["changed"]) == (4, ["definition"])
    one = desk.ask(ANNA, "GET", "", q="AR.P001")["items"][0]
    desk.ask(ANNA, "PATCH", f"/{one['id']}", {"version": 1, "enabled": False, "reason": "探头拆除"})
    done = desk.ask(BO, "POST", f"/proposals/batches/{batch}/approve", {"comment": "批准"})
    assert (done["decided"], done["outdated"]) == (3, 1)
    limits = [r["definition"]["h"]["limit"] for r in desk.ask(ANNA, "GET", "", limit=100)["items"]]
    assert limits == [41, 70, 70, 70, 1]
    only = desk.ask(
        MAY_PROPOSE, "POST", "/import", {"rules": [{"code": "N", "point": "P006", "high": 1}], "reason": "新"}
    )
    assert (only["accepted"], only["proposed"]) == (0, 1)


@pytest.mark.parametrize(
    ("step", "rationale", "expected"),
    [
        ({}, {"consequence": "severe", "respond_within": "prompt"}, 1),
        ({}, {"consequence": "minor", "respond_within": "later"}, 4),
        ({"consequence": "moderate"}, {"consequence": "severe", "respond_within": "prompt"}, 3),
        ({"priority": 2}, {"consequence": "severe", "respond_within": "prompt", "priority_reason": "两名值守"}, 2),
        ({"priority": 2}, {"consequence": "severe", "respond_within": "prompt"}, "alarms.rule.priority_reason"),
        ({}, {"consequence": "severe"}, "alarms.rule.priority_missing"),
    ],
)  # fmt: skip
def test_priority_follows_from_consequence_and_time(
    desk: Desk, step: dict[str, Any], rationale: dict[str, Any], expected: int | str
) -> None:
    body = {"point_id": 1, "definition": {"h": {**STEP, "limit": 40, **step}}, "rationale": rationale}
    if isinstance(expected, str):
        assert desk.ask(ANNA, "POST", "", body, 422)["code"] == expected
    else:
        assert desk.ask(ANNA, "POST", "", body, 201)["definition"]["h"]["priority"] == expected


def test_gas_leaks_and_trips_are_never_delayed(desk: Desk) -> None:
    late = {"h": {**STEP, "limit": 10, "priority": 1, "on_delay_s": 5}}
    body = {"point_id": 1, "definition": late, "never_delay": "trip"}
    desk.ask(ANNA, "POST", "", body, 422)
    desk.point(1, kind="gas.benzene")
    refused = desk.ask(ANNA, "POST", "", {"point_id": 1, "definition": late}, 422)
    assert refused["code"] == "alarms.rule.never_delay"
    report = desk.ask(ANNA, "POST", "/import", {"rules": [{"point": "P001", "high": 10, "on_delay_s": 5}]})
    assert report["problems"][0]["reason"] == "alarms.rule.never_delay"
    by_class = {"code": "G", "target": {"kind": "class", "point_kind": "gas"}, "definition": late}
    desk.ask(ANNA, "POST", "", by_class, 422)
    desk.ask(ANNA, "POST", "", {"point_id": 1, "definition": limit(10, 1)}, 201)


def test_everything_a_rule_says_is_kept_in_its_versions_and_its_export(desk: Desk) -> None:
    rationale = {
        "consequence": "major", "respond_within": "prompt", "causes": ["冷却水中断"], "causes_en": ["cooling lost"],
        "response": "开备用泵", "response_en": "start the spare pump", "decided_by": "HAZOP 小组", "decided_on": "2026-02-01",
    }  # fmt: skip
    body = {
        "point_id": 1, "code": "R", "name": "罐温高", "definition": {"h": {**STEP, "limit": 40}}, "rationale": rationale,
        "standard": "GB 17681-2024", "clause": "6.2", "suppression": "[P003] == 0", "post": "TANK-FARM", "latching": True,
    }  # fmt: skip
    made = desk.ask(ANNA, "POST", "", body, 201)
    assert made["rationale"]["causes"] == ["冷却水中断"]
    assert (made["suppression"], made["post"], made["latching"], made["clause"]) == (
        "[P003] == 0",
        "TANK-FARM",
        True,
        "6.2",
    )
    patched = desk.ask(ANNA, "PATCH", f"/{made['id']}", {"version": 1, "suppression": None, "name": "罐温"})
    assert (patched["suppression"], patched["name"], patched["post"]) == (None, "罐温", "TANK-FARM")
    old = desk.ask(ANNA, "GET", f"/{made['id']}/versions")[1]
    assert (old["suppression"], old["rationale"]["response"]) == ("[P003] == 0", "开备用泵")
    text = desk.ask(ANNA, "GET", "/export")
    assert "GB 17681-2024" in text
    assert "冷却水中断" in text
    desk.ask(ANNA, "GET", "/export", format="xlsx")


def test_mistakes_in_expressions_are_told_with_their_place_in_the_readers_language(desk: Desk) -> None:
    signal = {"kind": "expression", "text": "self > 1 and or"}
    rows = [{"point": "P001", "definition": {"signal": signal, "on": {"priority": 1}}}]
    report = desk.ask(ANNA, "POST", "/import", {"rules": rows})
    assert report["problems"][0]["reason"] == "alarms.expression.unexpected"
    assert "第 14 个字符" in report["problems"][0]["text"]
