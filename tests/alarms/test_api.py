"""Routes of alarms and rules: filters, acknowledging, journal, export, versions, import, scope."""

from __future__ import annotations

import csv
import io
import threading
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook
from sqlalchemy import select
from tests.alarms.kit import NOW, Watch, caller, step

from parksight.alarms import panel
from parksight.alarms.events import AlarmAcknowledged
from parksight.kernel.audit.models import AuditEntry
from parksight.registry.panel import EnterpriseTabs


def listed(watch: Watch, **query: Any) -> list[dict[str, Any]]:
    assert watch.service.recorder.flush()
    answer = watch.http.get("/api/v1/alarms", params=query)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def ids(watch: Watch, **query: Any) -> list[int]:
    return [a["id"] for a in listed(watch, **query)]


def trouble(watch: Watch) -> None:
    """Alarm 1: active, point 1 (enterprise 1); 2: cleared, point 2 (enterprise 2); 3: unknown, point 3."""
    watch.rule(1, h=step(40, priority=1))
    watch.rule(2, h=step(40, priority=2))
    watch.rule(3, h=step(40, priority=3))
    watch.clock.advance(10)
    watch.feed((1, 1, 50.0), (2, 2, 50.0), (3, 3, 50.0), (2, 4, 0.0), (3, 5, 50.0, 3))


def test_the_list_shows_what_is_open_with_its_place(watch: Watch) -> None:
    trouble(watch)
    assert ids(watch) == [3, 2, 1]
    first = listed(watch, sort="raised_at")[0]
    assert first["point"] == {
        "id": 1,
        "code": "P001",
        "name": "点1",
        "name_en": "point 1",
        "unit": "degC",
        "kind": "",
    }
    assert (first["position"], first["thing"]["code"], first["enterprise"]["code"]) == (
        [120.77, 41.8],
        "T1",
        "E1",
    )
    assert (first["raised_at"], first["recorded_at"], first["open"]) == (NOW + 1000, NOW + 10_000, True)


def test_filters(watch: Watch) -> None:
    trouble(watch)
    assert ids(watch, state="active") == [1]
    assert ids(watch, state="unknown") == [3]
    assert ids(watch, state="cleared") == [2]
    assert ids(watch, priority=[1, 2]) == [2, 1]
    assert ids(watch, enterprise_id=1) == [3, 1]
    assert ids(watch, point_id=2) == [2]
    assert ids(watch, unit_id=1) == [1]
    assert ids(watch, thing_id=1, step="H") == [1]
    assert ids(watch, q="苯储") == [1]
    assert ids(watch, q="企业2") == [2]
    assert ids(watch, q="%") == []
    assert ids(watch, sort="priority") == [1, 2, 3]
    for wrong in ({"sort": "secret"}, {"state": "odd"}, {"priority": 9}, {"colour": 1}, {"point_id": 2**40}):
        assert watch.http.get("/api/v1/alarms", params=wrong).status_code == 422


def test_a_window_never_hides_an_open_alarm(watch: Watch) -> None:
    trouble(watch)
    watch.http.post("/api/v1/alarms/2/acknowledge", json={})
    assert ids(watch, state="all", start=NOW + 100_000) == [3, 2, 1], (
        "cleared and acknowledged, but without a cause"
    )
    watch.http.post("/api/v1/alarms/2/close", json={"cause": "nuisance"})
    assert ids(watch, state="all") == [3, 2, 1]
    assert ids(watch, state="all", start=NOW + 100_000) == [3, 1]
    assert ids(watch, state="all", start=NOW + 1500, end=NOW + 2500) == [3, 2, 1]


def test_acknowledging_names_who_and_changes_no_condition(watch: Watch) -> None:
    trouble(watch)
    watch.service.recorder.flush()
    watch.who = caller("duty_operator", name="李值班")
    answer = watch.http.post("/api/v1/alarms/1/acknowledge", json={"comment": " 已派人 "})
    shown = answer.json()
    assert (shown["handling"], shown["acknowledged_by"], shown["comment"], shown["condition"]) == (
        "acknowledged",
        "李值班",
        "已派人",
        "active",
    )
    again = watch.http.post("/api/v1/alarms/1/acknowledge", json={})
    assert (again.status_code, again.json()["code"], again.json()["params"]["by"]) == (
        409,
        "alarms.already_acknowledged",
        "李值班",
    )
    assert ids(watch) == [3, 2, 1], "still active, so still listed"
    watch.feed((1, 8, 0.0))
    assert ids(watch) == [3, 2, 1], "cleared and acknowledged, but nobody said what it was"
    closed = watch.http.post("/api/v1/alarms/1/close", json={"cause": "test"})
    assert (closed.status_code, closed.json()["state"], closed.json()["cause"]) == (200, "NORM", "test"), (
        closed.text
    )
    assert ids(watch) == [3, 2]
    assert ids(watch, state="closed") == [1]
    assert next(e for e in watch.events if isinstance(e, AlarmAcknowledged)).by_name == "李值班"
    assert (
        "alarms",
        {"what": "acknowledged", "ids": [1], "by": "李值班", "at": NOW + 10_000},
        1,
    ) in watch.hub.posts
    entry = watch.http.get("/api/v1/alarms/journal", params={"alarm_id": 1, "what": "acknowledged"}).json()[
        "items"
    ]
    assert [(e["by_name"], e["comment"]) for e in entry] == [("李值班", "已派人")]
    with watch.db.read() as session:
        actions = list(session.scalars(select(AuditEntry.action)))
    assert actions.count("alarms.alarm.acknowledge") == 1


def test_of_two_people_one_is_first(watch: Watch) -> None:
    trouble(watch)
    watch.service.recorder.flush()
    answers: list[int] = []
    both = threading.Barrier(2)

    def press() -> None:
        both.wait()
        answers.append(watch.http.post("/api/v1/alarms/1/acknowledge", json={}).status_code)

    people = [threading.Thread(target=press) for _ in range(2)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert sorted(answers) == [200, 409]


def test_an_enterprise_sees_its_own_alarms_only(watch: Watch) -> None:
    trouble(watch)
    watch.service.recorder.flush()
    watch.who = caller("enterprise_manager", 2)
    assert ids(watch) == [2]
    assert watch.http.get("/api/v1/alarms/1").status_code == 404
    assert watch.http.post("/api/v1/alarms/1/acknowledge", json={}).status_code == 404
    assert {e["alarm_id"] for e in watch.http.get("/api/v1/alarms/journal").json()["items"]} == {2}
    assert watch.http.get("/api/v1/alarms/counts").json()["open"] == 1
    rows = list(
        csv.DictReader(io.StringIO(watch.http.get("/api/v1/alarms/export").content.decode("utf-8-sig")))
    )
    assert [r["id"] for r in rows] == ["2"]
    assert watch.http.get("/api/v1/alarm-rules").json()["total"] == 1
    assert (
        watch.http.post("/api/v1/alarm-rules", json={"point_id": 2, "definition": {"h": step(1)}}).status_code
        == 403
    )
    watch.who = caller("enterprise_user", 2)
    assert watch.http.post("/api/v1/alarms/2/acknowledge", json={}).status_code == 403


def test_counts_say_how_many_and_how_fast(watch: Watch) -> None:
    trouble(watch)
    watch.service.recorder.flush()
    counts = watch.http.get("/api/v1/alarms/counts").json()
    assert counts["priorities"][0] == {
        "priority": 1,
        "open": 1,
        "active": 1,
        "unknown": 0,
        "unacknowledged": 1,
    }
    assert counts["priorities"][2] == {
        "priority": 3,
        "open": 1,
        "active": 0,
        "unknown": 1,
        "unacknowledged": 1,
    }
    assert (counts["open"], counts["raised_10_min"], counts["rate_per_hour"]) == (3, 3, 3 / 24)
    watch.clock.advance(601)
    assert watch.http.get("/api/v1/alarms/counts").json()["raised_10_min"] == 0
    with watch.db.read() as session:
        worst = panel.worst(session, watch.who, 2)
    assert [a.id for a in worst] == [1, 3]
    tabs = EnterpriseTabs()
    tabs.register(panel.TAB)
    assert tabs.of(watch.who)[0].key == "alarms"


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_exports_are_safe_and_in_civil_time(watch: Watch, form: str) -> None:
    trouble(watch)
    watch.service.recorder.flush()
    watch.http.post("/api/v1/alarms/1/acknowledge", json={"comment": "=HYPERLINK(1)"})
    content = watch.http.get("/api/v1/alarms/export", params={"format": form, "sort": "id"}).content
    if form == "csv":
        rows: list[dict[str, Any]] = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
        assert rows[0]["comment"] == "'=HYPERLINK(1)"
    else:
        sheet = load_workbook(io.BytesIO(content)).active
        assert sheet is not None
        heads, *lines = sheet.iter_rows(values_only=True)
        rows = [dict(zip(map(str, heads), line, strict=True)) for line in lines]
        assert rows[0]["comment"] == "=HYPERLINK(1)"
        assert {
            c.data_type for row in sheet.iter_rows(min_row=2) for c in row if isinstance(c.value, str)
        } == {"s"}
    assert len(rows) == 3
    assert rows[0]["raised_at"] == "2026-03-01T12:00:01.000+08:00"
    assert float(rows[0]["value"]) == 50.0


def test_rules_are_versioned_and_old_versions_stay(watch: Watch) -> None:
    rule = watch.rule(1, h=step(40))
    address = f"/api/v1/alarm-rules/{rule}"
    second = watch.http.patch(
        address, json={"version": 1, "definition": {"h": step(45)}, "basis": "GB 12345 4.2"}
    ).json()
    assert (second["version"], second["definition"]["h"]["limit"], second["basis"]) == (2, 45, "GB 12345 4.2")
    late = watch.http.patch(address, json={"version": 1, "enabled": False})
    assert (late.status_code, late.json()["code"]) == (409, "alarms.rule.changed_meanwhile")
    assert watch.http.patch(address, json={"version": 2, "basis": "GB 12345 4.2"}).json()["version"] == 2
    assert watch.http.patch(address, json={"version": 2, "enabled": False}).json()["enabled"] is False
    versions = watch.http.get(f"{address}/versions").json()
    assert [(v["version"], v["definition"]["h"]["limit"], v["enabled"]) for v in versions] == [
        (3, 45, False),
        (2, 45, True),
        (1, 40, True),
    ]


@pytest.mark.parametrize(
    ("definition", "reason"),
    [
        ({}, "no_step"),
        ({"h": step(40), "hh": step(40)}, "order"),
        ({"h": step(10), "l": step(20)}, "order"),
        ({"ll": step(5), "hh": step(4)}, "order"),
        ({"stale": {"priority": 4}}, "stale_one_of"),
        ({"stale": {"factor": 3, "after_s": 3, "priority": 4}}, "stale_one_of"),
        ({"h": step(40, priority=5)}, "less_than_equal"),
        ({"h": step(40, deadband=-1)}, "greater_than_equal"),
        ({"h": step(40, on_delay_s=1e9)}, "less_than_equal"),
        ({"x": step(1)}, "extra_forbidden"),
    ],
)  # fmt: skip
def test_rules_that_make_no_sense_are_refused(watch: Watch, definition: dict[str, Any], reason: str) -> None:
    answer = watch.http.post("/api/v1/alarm-rules", json={"point_id": 1, "definition": definition})
    assert answer.status_code == 422
    assert reason in answer.text


def test_a_rule_needs_a_point_and_a_free_code(watch: Watch) -> None:
    body = {"code": "R", "point": "P001", "definition": {"h": step(1)}}
    assert (
        watch.http.post("/api/v1/alarm-rules", json=body | {"point": "P999"}).json()["code"]
        == "alarms.rule.point_unknown"
    )
    assert watch.http.post("/api/v1/alarm-rules", json=body).json()["point"]["id"] == 1
    assert watch.http.post("/api/v1/alarm-rules", json=body).json()["code"] == "alarms.rule.taken"


def test_bulk_import_takes_both_shapes_and_reports_each_row(watch: Watch) -> None:
    flat = {
        "code": "AR.P001",
        "point": "P001",
        "stale_s": 40.0,
        "high": 40.0,
        "high_high": 50.0,
        "low": None,
        "low_low": None,
        "deadband": 2.0,
        "on_delay_s": 0,
        "off_delay_s": 30,
        "priority": 2,
        "priority_outer": 1,
        "source": "GB 12345",
    }
    spelt = {"point_id": 2, "definition": {"l": step(0)}}
    rows = [
        flat,
        spelt,
        {"point": "P404", "high": 1},
        {**flat, "point": "P003"},
        {"point": "P005", "high": 1, "high_high": 0},
        {"point": "P006"},
        {"odd": 1},
    ]
    answer = watch.http.post(
        "/api/v1/alarm-rules/import", json={"rules": rows}, headers={"accept-language": "en"}
    ).json()
    assert (answer["accepted"], answer["updated"], answer["unchanged"], answer["refused"]) == (2, 0, 0, 5)
    assert [(p["index"], p["reason"]) for p in answer["problems"]] == [
        (2, "alarms.rule.point_unknown"), (3, "alarms.rule.code_twice"), (4, "alarms.rule.order"),
        (5, "alarms.rule.no_step"), (6, "alarms.rule.invalid"),
    ]  # fmt: skip
    assert "P404" in answer["problems"][0]["text"]
    rule = watch.http.get("/api/v1/alarm-rules", params={"q": "AR.P001"}).json()["items"][0]
    assert rule["definition"]["hh"] == {
        "consequence": None,
        "respond_within": None,
        "limit": 50,
        "deadband": 2,
        "on_delay_s": 0,
        "off_delay_s": 30,
        "priority": 1,
    }
    assert rule["definition"]["stale"] == {"factor": None, "after_s": 40, "priority": 4}
    again = watch.http.post(
        "/api/v1/alarm-rules/import",
        json={"rules": [{**flat, "high": 41}, {**spelt}, {**flat, "code": "P002"}]},
    ).json()
    assert (again["accepted"], again["updated"], again["unchanged"], again["problems"][0]["reason"]) == (
        0,
        1,
        1,
        "alarms.rule.code_twice",
    )
    other = watch.http.post(
        "/api/v1/alarm-rules/import", json={"rules": [spelt, {**flat, "code": "P002"}]}
    ).json()
    assert (other["unchanged"], other["problems"][0]["reason"]) == (1, "alarms.rule.code_twice")
    moved = watch.http.post("/api/v1/alarm-rules/import", json={"rules": [{**flat, "point": "P007"}]}).json()
    assert moved["problems"][0]["reason"] == "alarms.rule.other_point"
    assert [v["version"] for v in watch.http.get(f"/api/v1/alarm-rules/{rule['id']}/versions").json()] == [
        2,
        1,
    ]


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=6)),
    lambda inner: st.dictionaries(st.sampled_from(("point", "point_id", "code", "definition", "h", "l", "stale", "limit", "priority", "high", "low", "stale_s")), inner, max_size=5),
    max_leaves=10,
)  # fmt: skip


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rules=st.lists(
        st.dictionaries(
            st.sampled_from(
                (
                    "point",
                    "point_id",
                    "code",
                    "definition",
                    "high",
                    "low_low",
                    "priority",
                    "stale_s",
                    "source",
                )
            ),
            JSON,
            max_size=5,
        ),
        min_size=1,
        max_size=4,
    )
)
def test_rules_of_nonsense_are_reported_never_raised(watch: Watch, rules: list[dict[str, Any]]) -> None:
    answer = watch.http.post("/api/v1/alarm-rules/import", json={"rules": rules})
    assert answer.status_code == 200, answer.text
    report = answer.json()
    assert report["accepted"] + report["updated"] + report["unchanged"] + report["refused"] == len(rules)


def test_the_status_counts_every_door(watch: Watch) -> None:
    trouble(watch)
    watch.service.recorder.flush()
    status = watch.http.get("/api/v1/alarms/status").json()
    assert (
        status["evaluated"],
        status["offered"],
        status["written"],
        status["waiting"],
        status["raised"],
    ) == (5, 5, 5, 0, 3)
