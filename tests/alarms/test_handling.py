"""People and alarms: the case and its alarms agree whichever page moves them, and nothing closes without a cause."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select
from tests.alarms.kit import START, Watch, caller, step

from parksight.alarms.confirmed import confirmed_events
from parksight.alarms.events import AlarmsHandled
from parksight.alarms.models import Group, JournalEntry
from parksight.cases.models import Case
from parksight.kernel.errors import ProblemError
from parksight.telemetry.models import Point


def post(watch: Watch, path: str, status: int = 200, **body: Any) -> dict[str, Any]:
    assert watch.service.recorder.flush()
    answer = watch.http.post(f"/api/v1/alarms/{path}", json=body)
    assert answer.status_code == status, answer.text
    out: dict[str, Any] = answer.json()
    return out


def handlings(watch: Watch) -> list[str]:
    return [a.handling for a in watch.alarms()]


def cases(watch: Watch) -> list[str]:
    with watch.db.read() as session:
        return list(session.scalars(select(Case.state).order_by(Case.id)))


@pytest.fixture
def trio(watch: Watch) -> Watch:
    """Three alarms of one thing in one group: points 1, 3 and 5 of tank 1; one alarm elsewhere: point 2."""
    with watch.db.session() as session:
        for point in (3, 5):
            session.get_one(Point, point).thing_id = 1
    for point in (1, 3, 5, 2):
        watch.rule(point, h=step(40, priority=2))
    watch.clock.advance(10)
    watch.feed((3, 1, 50.0), (1, 2, 50.0), (5, 3, 50.0), (2, 4, 50.0))
    watch.alarms()
    return watch


def test_one_cause_is_one_group_and_one_case_named_after_the_first_out(trio: Watch) -> None:
    page = trio.http.get("/api/v1/alarms/groups").json()
    assert [(g["kind"], g["size"], g["first_out"]["point"]["code"]) for g in page["items"]] == [
        ("single", 1, "P002"), ("unit", 3, "P003"),
    ]  # fmt: skip
    assert len(cases(trio)) == 2
    with trio.db.read() as session:
        case = session.scalars(select(Case).order_by(Case.id)).first()
    assert case is not None
    assert (case.title, case.enterprise_id, case.priority, case.origin_kind) == (
        "罐区 · 点3 H",
        1,
        2,
        "alarms.group",
    )


def test_acknowledging_one_alarm_takes_the_case_and_leaves_the_others_unseen(trio: Watch) -> None:
    trio.who = caller("duty_operator", name="李值班")
    post(trio, "1/acknowledge", comment="看到了")
    assert handlings(trio) == ["acknowledged", "new", "new", "new"]
    assert cases(trio) == ["acknowledged", "new"]
    group = trio.http.get("/api/v1/alarms/1").json()["group"]
    post(trio, f"groups/{group['id']}/acknowledge", comment="全组")
    assert handlings(trio) == ["acknowledged"] * 3 + ["new"]
    entries = trio.journal()
    assert [e for e in entries if e[1] == "acknowledged"] == [(i, "acknowledged") for i in (1, 2, 3)]


def test_the_case_page_moves_the_alarms(trio: Watch) -> None:
    who = caller("duty_operator", name="李值班")
    with trio.db.session() as session:
        case_id = session.scalar(select(Group.case_id).where(Group.size == 3))
        assert case_id is not None
        trio.cases.act(session, who, case_id, "acknowledge", comment="从处置单")
        trio.cases.act(session, who, case_id, "classify", fields={"cause": "sensor"})
    rows = trio.alarms()
    assert [(a.handling, a.cause, a.acknowledged_by) for a in rows[:3]] == [
        ("classified", "sensor", "李值班")
    ] * 3
    assert rows[0].comment == "从处置单"
    assert [e for e in trio.events if isinstance(e, AlarmsHandled)][-1].handling == "classified"


def test_closing_from_the_case_page_is_refused_while_it_stands(trio: Watch) -> None:
    who = caller("duty_operator")
    with trio.db.session() as session:
        case_id = session.scalar(select(Group.case_id).where(Group.size == 3)) or 0
        trio.cases.act(session, who, case_id, "acknowledge")
    with pytest.raises(ProblemError, match="close_standing"), trio.db.session() as session:
        trio.cases.act(session, who, case_id, "close", fields={"cause": "real"})
    assert cases(trio)[0] == "acknowledged"
    assert handlings(trio)[:3] == ["acknowledged"] * 3, "neither the case nor its alarms moved"


def test_clearing_never_closes_and_closing_needs_a_cause(trio: Watch) -> None:
    trio.who = caller("duty_operator")
    trio.feed((1, 5, 0.0), (3, 5, 0.0), (5, 5, 0.0))
    assert {a.condition for a in trio.alarms()[:3]} == {"cleared"}
    assert trio.http.get("/api/v1/alarms").json()["total"] == 4
    assert post(trio, "1/close", 409, cause="real")["code"] == "alarms.close_unacknowledged"
    post(trio, "acknowledge", ids=[1, 2, 3])
    assert post(trio, "1/close", 409)["code"] == "alarms.close_without_cause"
    post(trio, "1/verify", comment="去现场看")
    post(trio, "1/classify", cause="real", comment="法兰渗漏")
    post(trio, "1/respond", comment="堵漏")
    shown = post(trio, "1/close", comment="完成")
    assert (shown["handling"], shown["cause"], shown["state"], shown["open"]) == (
        "closed",
        "real",
        "NORM",
        False,
    )
    assert handlings(trio) == ["closed"] * 3 + ["new"]
    assert cases(trio) == ["closed", "new"]
    with trio.db.read() as session:
        found = confirmed_events(session, [1, 2, 3], START, trio.clock.now())
        assert [a.point_id for a in found] == [3, 1]
        entries = list(session.scalars(select(JournalEntry.what).where(JournalEntry.alarm_id == 2)))
    assert entries == ["raised", "cleared", "acknowledged", "verifying", "classified", "responding", "closed"]


def test_bulk_closing_is_for_what_is_safe(watch: Watch) -> None:
    watch.rule(1, h=step(40, priority=1))
    watch.rule(3, h=step(40, priority=3))
    watch.rule(5, h=step(40, priority=3))
    watch.clock.advance(10)
    watch.feed((1, 1, 50.0), (3, 1, 50.0), (5, 1, 50.0))
    watch.feed((1, 2, 0.0), (3, 2, 0.0))
    watch.alarms()
    watch.who = caller("duty_operator")
    assert post(watch, "acknowledge", ids=[1, 2, 3, 999])["done"] == [1, 2, 3]
    out = post(watch, "close", ids=[1, 2, 3], cause="nuisance")
    assert out["done"] == [2]
    assert {r["id"]: r["code"] for r in out["refused"]} == {
        1: "alarms.close_critical_alone", 3: "alarms.close_standing",
    }  # fmt: skip


def test_worse_news_makes_a_taken_case_new_again(trio: Watch) -> None:
    trio.who = caller("duty_operator")
    post(trio, "groups/1/acknowledge")
    with trio.db.session() as session:
        session.get_one(Point, 7).thing_id = 1
    trio.who = caller("administrator")
    trio.rule(7, h=step(40, priority=1))
    trio.feed((7, 8, 50.0))
    assert handlings(trio) == ["acknowledged", "acknowledged", "acknowledged", "new", "new"]
    assert cases(trio)[0] == "new"
    group = trio.http.get("/api/v1/alarms/groups/1").json()
    assert (group["priority"], group["total"], group["handling"], group["unacknowledged"]) == (1, 4, "new", 1)


def test_people_split_and_merge_groups_with_a_reason(trio: Watch) -> None:
    trio.who = caller("duty_operator", name="李值班")
    made = post(trio, "groups/1/split", 201, alarm_ids=[3], reason="另一台泵")
    assert ([m["id"] for m in made["members"]], made["kind"]) == ([3], "manual")
    assert len(cases(trio)) == 3
    assert post(trio, "groups/1/split", 409, alarm_ids=[1, 2], reason="x")["code"] == "alarms.split_all"
    whole = post(trio, "groups/1/merge", group_ids=[made["id"]], reason="同一原因")
    assert [m["id"] for m in whole["members"]] == [1, 2, 3]
    assert sorted(cases(trio)) == ["merged", "new", "new"]
    moves = [e for e in trio.journal() if e[1] == "moved"]
    assert moves == [(3, "moved"), (3, "moved")]
    with trio.db.read() as session:
        reasons = list(session.scalars(select(JournalEntry.comment).where(JournalEntry.what == "moved")))
    assert reasons == ["另一台泵", "同一原因"]


def test_an_enterprise_handles_its_own_group_and_not_the_zones(trio: Watch) -> None:
    trio.who = caller("enterprise_manager", 2)
    assert trio.http.get("/api/v1/alarms/groups/1").status_code == 404
    assert post(trio, "1/classify", 404, cause="real")["code"] == "kernel.not_found"
    post(trio, "4/acknowledge")
    trio.who = caller("safety_officer")
    post(trio, "groups/1/merge", group_ids=[2], reason="同一气云")
    trio.who = caller("enterprise_manager", 2)
    shown = trio.http.get("/api/v1/alarms/groups/1").json()
    assert (shown["size"], shown["total"], [m["id"] for m in shown["members"]]) == (1, 4, [4])
    assert post(trio, "4/classify", 409, cause="real")["code"] == "alarms.group_of_the_zone"


def test_the_page_of_one_alarm_says_what_is_known_around_it(trio: Watch) -> None:
    trio.who = caller("safety_officer")
    page = trio.http.get("/api/v1/alarms/1").json()
    assert [m["point"]["code"] for m in page["members"]] == ["P003", "P001", "P005"]
    assert {n["point"]["code"]: n["open_priority"] for n in page["neighbours"]} == {"P001": 2, "P005": 2}
    assert page["history"]["occurrences"] == 1
    assert [e["what"] for e in page["journal"]] == ["raised"]
    assert page["actions"] == ["acknowledge", "shelve", "out-of-service", "split"]
    assert page["rule"]["version"] == 1
