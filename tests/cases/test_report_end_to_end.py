"""The snap report (随手拍) over HTTP: photo from the phone → case → assigned → fixed → verified → closed."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cases.kit import PNG, Zone
from typer.testing import CliRunner

from parksight.cases import proof
from parksight.cli import app


def _open(zone: Zone, name: str = "planner", **more: object) -> dict:  # type: ignore[type-arg]
    body = {
        "type": "cases.report", "title": "罐区围堰开裂", "fields": {"category": "safety", "place": "3 号罐区"},
        "position": {"lon": 120.77, "lat": 41.8, "accuracy_m": 6}, "key": "phone-0001", "tags": ["罐区"], **more,
    }  # fmt: skip
    answer = zone.as_(name).post("/api/v1/cases", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


def _photo(zone: Zone, name: str, case_id: int, **form: object) -> dict:  # type: ignore[type-arg]
    answer = zone.as_(name).post(
        f"/api/v1/cases/{case_id}/evidence/upload", files={"file": ("IMG.png", PNG, "image/png")}, data=form
    )
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


def _act(zone: Zone, name: str, case_id: int, transition: str, status: int = 200, **more: object) -> dict:  # type: ignore[type-arg]
    answer = zone.as_(name).post(f"/api/v1/cases/{case_id}/act", json={"transition": transition, **more})
    assert answer.status_code == status, answer.text
    return answer.json()  # type: ignore[no-any-return]


def test_from_the_photo_to_the_closed_case(zone: Zone, tmp_path: Path) -> None:
    case = _open(zone, enterprise_id=1)
    assert case["number"] == "SP-20260302-0001"
    assert (case["state"], case["light"], case["tags"]) == ("reported", "green", ["罐区"])
    assert _open(zone, enterprise_id=1)["id"] == case["id"]  # the phone sent it twice
    key = case["id"]
    shown = _photo(zone, "planner", key, lon=120.77, lat=41.8, accuracy_m=6, taken_at="2026-03-02T00:58:00Z")
    assert shown["evidence"][0]["lon"] == 120.77
    waits = zone.as_("operator").get("/api/v1/cases?box=mine").json()
    assert waits["total"] == 1  # nobody owns it yet: the time runs on the duty operators
    assert (waits["items"][0]["owner"], waits["items"][0]["holder"]["key"]) == (None, "duty_operator")
    assert zone.as_("safety").get("/api/v1/cases?box=mine").json()["total"] == 0

    _act(zone, "operator", key, "assign", 422, fields={"grade": "urgent"})  # to whom?
    zone.minutes(10)
    _act(zone, "operator", key, "assign", fields={"grade": "urgent", "to_enterprise": 1})
    assert zone.as_("boss1").get("/api/v1/cases?box=mine").json()["total"] == 1
    assert zone.as_("boss2").get(f"/api/v1/cases/{key}").status_code == 404
    _act(zone, "boss2", key, "accept", 404)
    _act(zone, "boss1", key, "accept")
    refused = _act(zone, "boss1", key, "fix", 422, fields={"measure": "已灌浆修补"})
    assert refused["code"] == "cases.missing.evidence"
    photo = _photo(zone, "boss1", key)["evidence"][-1]["id"]
    fixed = _act(zone, "boss1", key, "fix", fields={"measure": "已灌浆修补"}, evidence_ids=[photo])
    assert {c["code"]: c["status"] for c in fixed["clocks"]} == {
        "triage": "stopped", "fix": "paused", "verify": "running",
    }  # fmt: skip
    assert zone.as_("planner").get("/api/v1/cases?box=waiting").json()["total"] == 1
    offers = {o["transition"]: o for o in zone.as_("boss1").get(f"/api/v1/cases/{key}").json()["available"]}
    assert offers["verify"]["refusals"][0]["code"] == "cases.refused.who"
    closed = _act(zone, "planner", key, "verify")
    assert (closed["state"], closed["result"], closed["light"], closed["due_at"]) == (
        "closed",
        "done",
        "none",
        None,
    )
    assert [m.text for m in zone.teller.to(zone.ids["boss1"])] == ["cases.tell.assigned"]

    export = zone.as_("safety").get(f"/api/v1/cases/{key}/export")
    file = tmp_path / "case.zip"
    file.write_bytes(export.content)
    finding = proof.verify(file)
    assert finding.ok, finding.text()
    assert (finding.entries, finding.evidence) == (7, 2)
    result = CliRunner().invoke(app, ["cases", "verify", str(file)])
    assert result.exit_code == 0, result.output
    assert zone.verdict().sound


def test_an_anonymous_report_hides_its_reporter_from_the_enterprise(zone: Zone) -> None:
    case = _open(zone, enterprise_id=1, anonymous=True)
    _photo(zone, "planner", case["id"])
    zone.as_("planner").post(f"/api/v1/cases/{case['id']}/comments", json={"text": "请尽快"})
    _act(zone, "operator", case["id"], "assign", fields={"grade": "ordinary", "to_enterprise": 1})
    seen = zone.as_("boss1").get(f"/api/v1/cases/{case['id']}")
    assert "planner" not in json.dumps(seen.json(), ensure_ascii=False)
    assert seen.json()["reporter"] == "匿名上报人"
    listed = zone.as_("boss1").get("/api/v1/cases").text
    assert "planner" not in listed
    assert zone.as_("boss1").get(f"/api/v1/cases/{case['id']}/export").status_code == 403
    assert zone.as_("safety").get(f"/api/v1/cases/{case['id']}").json()["reporter"] == "planner"


def test_types_are_shown_with_their_forms_and_drawing(zone: Zone) -> None:
    shown = zone.as_("planner").get("/api/v1/case-types/cases.report").json()
    assert shown["title"] == "随手拍"
    assert shown["may_open"]
    nodes = {n["state"]: n for n in shown["diagram"]["nodes"]}
    assert nodes["reported"]["x"] == 0
    assert nodes["closed"]["x"] == nodes["cancelled"]["x"]
    assert len({(n["x"], n["y"]) for n in nodes.values()}) == len(nodes)
    assert "[*] --> reported" in shown["diagram"]["mermaid"]
    assert {t["code"] for t in shown["transitions"]} >= {
        "cancel",
        "reopen",
        "return",
        "transfer",
        "ask-extension",
    }
    assert [t["code"] for t in zone.as_("boss1").get("/api/v1/case-types").json()] == ["cases.report"]


def test_lists_are_filtered_and_sorted(zone: Zone) -> None:
    for n in range(3):
        _open(zone, key=f"phone-100{n}", title=f"路灯 {n}", priority=n + 1, enterprise_id=None)
    http = zone.as_("planner")
    assert [c["title"] for c in http.get("/api/v1/cases?sort=priority").json()["items"]] == [
        "路灯 0", "路灯 1", "路灯 2",
    ]  # fmt: skip
    assert http.get("/api/v1/cases?q=路灯").json()["total"] == 3
    assert http.get("/api/v1/cases?tag=罐区&type=cases.report&state=reported&priority=2").json()["total"] == 1
    assert http.get("/api/v1/cases?sort=nonsense").status_code == 422
    zone.minutes(25)
    assert {c["light"] for c in http.get("/api/v1/cases").json()["items"]} == {"yellow"}
    zone.minutes(6)
    assert http.get("/api/v1/cases?light=red").json()["total"] == 3
    assert http.get("/api/v1/cases?light=green").json()["total"] == 0
    assert zone.as_("boss1").get("/api/v1/cases").json()["total"] == 0  # the zone's own
    counts = zone.as_("planner").get("/api/v1/cases/counts").json()
    assert counts == {"mine": 0, "waiting": 3, "watching": 0, "overdue": 3, "open": 3}
