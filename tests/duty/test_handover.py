"""Handover: drafted, remarked, signed twice; late, stale, refused and forged ones are seen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from tests.duty.kit import PASSWORD, Watch

from parksight.duty.contributors import Item, Section
from parksight.kernel.permissions import Caller

SIGN = {"password": PASSWORD}


@pytest.fixture
def desk(watch: Watch) -> int:
    desk = watch.desk()
    watch.rota(desk)
    return desk


def draft(watch: Watch, desk: int, who: int = 1) -> dict:
    return watch.call("POST", f"desks/{desk}/handovers", who, 201, json={})


def may(watch: Watch, made: dict, who: int) -> list[str]:
    """What the page may offer somebody."""
    return watch.call("GET", f"handovers/{made['id']}", who)["may"]


def test_three_calls_hand_a_shift_over(watch: Watch, desk: int) -> None:
    watch.call("POST", f"desks/{desk}/log", 1, 201, json={"text": "3号储罐巡检", "category": "equipment"})
    watch.clock.advance(8 * 3600 - 300)  # 15:55, crew A leaves, D comes
    made = draft(watch, desk)
    sections = {s["code"]: s for s in made["sections"]}
    assert [i["text"] for i in sections["log"]["items"]] == ["3号储罐巡检 (人员1)"]
    assert made["from_shift"]["handover"] == "draft"
    key = f"log/{sections['log']['items'][0]['key']}"
    remarked = watch.call("POST", f"handovers/{made['id']}/remarks", 1, json={"item": key, "text": "看液位"})
    assert remarked["hash"] != made["hash"]
    assert remarked["snapshot_hash"] == made["snapshot_hash"]
    assert remarked["sections"][0]["items"][0]["remark"] == "看液位"
    assert (remarked["may"], may(watch, made, 4), may(watch, made, 2)) == (["remark", "sign"], [], [])
    signed = watch.call("POST", f"handovers/{made['id']}/sign", 1, json={**SIGN, "hash": remarked["hash"]})
    answers = [may(watch, made, who) for who in (1, 2, 4, 8)]
    assert answers == [[], [], ["accept", "refuse"], []], "only who comes may answer, not any third person"
    assert (signed["state"], signed["left"]["method"]) == ("signed", "password")
    done = watch.call("POST", f"handovers/{made['id']}/accept", 4, json={**SIGN, "hash": signed["hash"]})
    assert done["state"] == "handed_over"
    assert done["from_shift"]["handover"] == "done"
    assert [type(e).__name__ for e in watch.events][-1] == "ShiftHandedOver"
    shown = watch.call("GET", f"desks/{desk}", 8)
    assert shown["handover_due"] is None


def test_only_the_right_people_sign_and_nobody_twice(watch: Watch, desk: int) -> None:
    watch.clock.advance(8 * 3600 - 60)
    watch.call("POST", f"desks/{desk}/handovers", 2, 409, json={})
    made = draft(watch, desk)
    path = f"handovers/{made['id']}"
    watch.call("POST", f"{path}/accept", 4, 409, json=SIGN)  # not signed yet
    assert watch.call("POST", f"{path}/sign", 4, 409, json=SIGN)["code"] == "duty.handover.not_on_shift"
    assert (
        watch.call("POST", f"{path}/sign", 1, 422, json={"password": "no"})["code"] == "kernel.password.wrong"
    )
    assert (
        watch.call("POST", f"{path}/sign", 1, 409, json={**SIGN, "hash": "0" * 64})["code"]
        == "duty.handover.changed"
    )
    watch.call("POST", f"{path}/sign", 1, json=SIGN)
    assert watch.call("POST", f"{path}/accept", 1, 409, json=SIGN)["code"] == "duty.handover.same_person"
    watch.call("POST", f"{path}/remarks", 1, 409, json={"item": "*", "text": "late"})
    watch.call("POST", f"{path}/accept", 4, json=SIGN)
    watch.call("POST", f"{path}/accept", 4, 409, json=SIGN)


def test_a_signature_is_guessed_only_a_few_times(watch: Watch, desk: int) -> None:
    """And whoever guesses locks the account, for signatures as for signing in."""
    made = draft(watch, desk)
    for _ in range(5):
        watch.call("POST", f"handovers/{made['id']}/sign", 1, 422, json={"password": "guess"})
    watch.call("POST", f"handovers/{made['id']}/sign", 1, 429, json=SIGN)


def test_an_old_draft_is_made_anew_and_keeps_its_remarks(watch: Watch, desk: int) -> None:
    first = draft(watch, desk)
    watch.call("POST", f"handovers/{first['id']}/remarks", 1, json={"item": "*", "text": "平稳"})
    watch.clock.advance(31 * 60)
    assert may(watch, first, 1) == ["remark"]
    assert (
        watch.call("POST", f"handovers/{first['id']}/sign", 1, 409, json=SIGN)["code"]
        == "duty.handover.stale"
    )
    second = draft(watch, desk)
    assert second["remark"] == "平稳"
    assert watch.call("GET", f"handovers/{first['id']}", 8)["state"] == "replaced"


def test_a_refused_handover_starts_anew(watch: Watch, desk: int) -> None:
    watch.clock.advance(8 * 3600)
    made = draft(watch, desk)
    watch.call("POST", f"handovers/{made['id']}/sign", 1, json=SIGN)
    refused = watch.call("POST", f"handovers/{made['id']}/refuse", 4, json={"reason": "2号罐报警未说明"})
    assert (refused["state"], refused["refusal"]) == ("refused", "2号罐报警未说明")
    assert refused["refused"]["person"]["id"] == 4
    assert draft(watch, desk)["state"] == "draft"


def test_late_and_missing_handovers_are_seen(watch: Watch, desk: int) -> None:
    watch.clock.advance(8 * 3600 + 60)
    assert watch.call("GET", f"desks/{desk}")["handover_due"] is None
    watch.clock.advance(15 * 60)
    due = watch.call("GET", f"desks/{desk}")["handover_due"]
    assert (due["code"], due["handover"]) == ("day", "late")
    span = {"from": "2026-03-01T00:00:00Z", "until": "2026-03-03T00:00:00Z"}
    watch.clock.advance(8 * 3600)
    states = {s["code"]: s["handover"] for s in watch.call("GET", f"desks/{desk}/calendar", params=span)["shifts"]
              if s["starts_at"].startswith("2026-03-02T0")}  # fmt: skip
    assert states == {"day": "missing", "eve": "late"}


def test_a_deputy_signs_for_the_absent(watch: Watch, desk: int) -> None:
    body = {"deputy_id": 5, "starts_at": "2026-03-02T00:00:00Z", "ends_at": "2026-03-03T00:00:00Z"}
    absence = watch.call("POST", "absences", 1, 201, json=body)
    watch.call("POST", f"desks/{desk}/handovers", 5, 409, json={})
    watch.call("POST", f"absences/{absence['id']}/decide", 5, json={"accept": True})
    made = draft(watch, desk, 5)
    assert (made["state"], made["may"], may(watch, made, 1)) == ("draft", ["remark", "sign"], [])
    assert (
        watch.call("POST", f"handovers/{made['id']}/sign", 1, 409, json=SIGN)["code"]
        == "duty.handover.not_on_shift"
    )
    watch.call("POST", f"handovers/{made['id']}/sign", 5, json=SIGN)


class Broken:
    name = "broken"

    def contribute(
        self, session: Session, caller: Caller, since: datetime, until: datetime
    ) -> Sequence[Section]:
        session.execute(text("SELECT * FROM no_such_table"))
        return []


class Open:
    name = "open"

    def contribute(
        self, session: Session, caller: Caller, since: datetime, until: datetime
    ) -> Sequence[Section]:
        item = Item(
            "x:1",
            "duty.item.log",
            {"text": "阀门", "author": "甲"},
            ("equipment", "1"),
            "/x",
            "critical",
            since,
        )
        return [Section("things", "duty.section.log", [item], total=7)]


def test_rooms_contribute_and_a_broken_one_is_shown_as_missing(watch: Watch, desk: int) -> None:
    watch.duty.contribute_with(Broken())
    watch.duty.contribute_with(Open())
    sections = {s["code"]: s for s in draft(watch, desk)["sections"]}
    assert sections["failed-broken"]["items"][0]["severity"] == "warning"
    assert "broken" in sections["failed-broken"]["items"][0]["text"]
    assert sections["things"]["total"] == 7
    assert sections["things"]["items"][0]["subject"] == {"kind": "equipment", "id": "1"}


def test_what_was_handed_over_cannot_be_changed(watch: Watch, desk: int) -> None:
    made = draft(watch, desk)
    with pytest.raises(DBAPIError, match="append-only"), watch.db.session() as session:
        session.execute(text("UPDATE duty_handover_snapshot SET body='{}'"))
    with watch.db.session() as session:
        session.execute(text("DROP TRIGGER duty_handover_snapshot_no_update"))
        session.execute(text("UPDATE duty_handover_snapshot SET body='{}'"))
    assert watch.call("GET", f"handovers/{made['id']}", 8, 500)["code"] == "duty.handover.forged"


def test_strangers_see_no_handover(watch: Watch, desk: int) -> None:
    made = draft(watch, desk)
    watch.call("GET", f"handovers/{made['id']}", 9, 404)
    assert watch.call("GET", "handovers", 9)["total"] == 0
