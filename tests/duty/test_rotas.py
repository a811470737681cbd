"""Desks, rotas made into shifts by the clock, changes by hand, and who sees what."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from tests.duty.kit import START, Watch

from parksight.duty import presence

SPAN = {"from": "2026-03-02T00:00:00Z", "until": "2026-03-10T00:00:00Z"}


@pytest.fixture
def desk(watch: Watch) -> int:
    desk = watch.desk()
    watch.rota(desk)
    return desk


def on_duty(watch: Watch, **hours: float) -> list[int]:
    with watch.db.read() as session:
        found = presence.on_duty(session, START + timedelta(**hours), post_code="WATCH")
        return [f.user_id for f in found]


def test_four_crews_work_three_shifts(watch: Watch, desk: int) -> None:
    assert [on_duty(watch, hours=h) for h in (0, 7.99, 8, 16, 24, 48)] == [[1], [1], [4], [3], [1], [2]]
    found = watch.call("GET", f"desks/{desk}/calendar", params=SPAN)
    assert [f for f in found["findings"] if f["kind"] in ("gap", "double", "short")] == []
    assert len(found["shifts"]) == 24


def test_the_clock_makes_shifts_ahead_and_none_twice(watch: Watch, desk: int) -> None:
    assert watch.duty.tick() == 0
    watch.clock.advance(86_400)
    assert watch.duty.tick() == 3
    assert watch.duty.tick() == 0
    watch.duty.start()
    watch.duty.stop()


def test_a_preview_stores_nothing_and_shows_gaps_and_people_twice(watch: Watch, desk: int) -> None:
    other = watch.desk("OTHER")
    body: dict[str, Any] = {
        "name": "x", "kinds": [{"code": "d", "name": "白班", "start": "08:00", "end": "16:00"}],
        "crews": [{"code": "A", "name": "A", "members": [1]}], "days": [{"d": "A"}], "first_day": "2026-03-02",
    }  # fmt: skip
    found = watch.call("POST", f"desks/{other}/rotas/preview", json=body, params={"days": 2})
    kinds = [f["kind"] for f in found["findings"]]
    assert kinds.count("gap") == 2
    assert "double" in kinds
    assert [p["people"][0]["id"] for p in found["shifts"]] == [1, 1]
    assert watch.call("GET", f"desks/{other}/rotas") == []
    body["days"] = [{"d": "Z"}]
    refused = watch.call("POST", f"desks/{other}/rotas/preview", status=422, json=body)
    assert refused["code"] == "duty.rota.unknown_code"


def test_a_rota_ends_and_another_follows(watch: Watch, desk: int) -> None:
    rota = watch.call("GET", f"desks/{desk}/rotas")[0]
    assert watch.rota(desk, 409)["code"] == "duty.rota.overlaps"
    body = {"version": 1, "last_day": "2026-03-03", "reason": "换成两班"}
    watch.call("POST", f"rotas/{rota['id']}/end", json=body)
    assert on_duty(watch, hours=49) == []
    watch.rota(desk, first_day="2026-03-04")
    assert on_duty(watch, hours=49) == [1]
    watch.call("POST", f"rotas/{rota['id']}/end", status=409, json=body)


def test_people_are_replaced_and_swapped_with_a_reason(watch: Watch, desk: int) -> None:
    shifts = watch.call("GET", "shifts", params=SPAN)
    first, second = (s["id"] for s in shifts[:2])
    changed = watch.call("POST", f"shifts/{first}/replace", json={"off": 1, "on": 5, "reason": "病假"})
    people = changed["people"]
    assert [(p["person"]["id"], p["removed_at"] is None) for p in people] == [(1, False), (5, True)]
    assert people[1]["replaces"]["id"] == 1
    assert on_duty(watch, hours=1) == [5]
    watch.call("POST", f"shifts/{first}/replace", status=409, json={"off": 1, "reason": "x"})
    watch.call("POST", f"shifts/{first}/replace", status=409, json={"on": 5, "reason": "x"})
    body = {"shift_id": first, "user_id": 5, "with_shift_id": second, "with_user_id": 4, "reason": "家事"}
    watch.call("POST", "shifts/swap", json=body)
    assert (on_duty(watch, hours=1), on_duty(watch, hours=9)) == ([4], [5])
    watch.clock.advance(9 * 3600)
    watch.call("POST", f"shifts/{first}/replace", status=409, json={"on": 6, "reason": "x"})
    assert [s["id"] for s in watch.call("GET", "shifts", params={**SPAN, "user_id": 5})] == [second]


def test_enterprises_have_desks_of_their_own_and_see_no_others(watch: Watch, desk: int) -> None:
    body = {"code": "FIRM", "name": "中控室", "post_id": 2, "enterprise_id": 1}
    own = watch.call("POST", "desks", 9, 201, json=body)["id"]
    assert [d["id"] for d in watch.call("GET", "desks", 9)["items"]] == [own]
    assert watch.call("GET", "desks", 11)["items"] == []
    for path in (f"desks/{desk}", f"desks/{desk}/rotas", f"desks/{desk}/log"):
        watch.call("GET", path, 9, 404)
    watch.call("POST", "desks", 9, 403, json={**body, "code": "X", "enterprise_id": 2})
    watch.call("POST", "desks", 9, 403, json={**body, "code": "X", "enterprise_id": None})
    assert watch.call("GET", "on-duty", 9) == []
    crews = [{"code": c, "name": c, "members": [1]} for c in "ABCD"]
    assert watch.rota(own, 422, crews=crews)["code"] == "duty.rota.other_house"
    assert {p["id"] for p in watch.call("GET", "people", 9)["items"]} == {9, 10}
    assert {p["id"] for p in watch.call("GET", "people", 1)["items"]} == set(range(1, 9))


def test_an_operator_does_not_plan(watch: Watch, desk: int) -> None:
    watch.call("POST", "desks", 1, 403, json={"code": "N", "name": "n", "post_id": 1})
    shift = watch.call("GET", "shifts", params=SPAN)[0]["id"]
    watch.call("POST", f"shifts/{shift}/replace", 1, 403, json={"on": 6, "reason": "x"})


def test_the_log_keeps_both_times_and_every_version(watch: Watch, desk: int) -> None:
    watch.clock.advance(3600)
    first = watch.call("POST", f"desks/{desk}/log", 1, 201, json={"text": "2号罐液位 3.1 m"})
    assert (first["late"], first["shift_id"] is not None) == (False, True)
    late = {
        "text": "巡检完成",
        "occurred_at": "2026-03-02T00:30:00Z",
        "links": [{"kind": "equipment", "id": "1"}],
    }
    assert watch.call("POST", f"desks/{desk}/log", 1, 201, json=late)["late"]
    future = {"text": "x", "occurred_at": "2026-03-02T02:00:00Z"}
    watch.call("POST", f"desks/{desk}/log", 1, 422, json=future)
    fixed = {"text": "2号罐液位 3.7 m", "corrects_id": first["id"]}
    second = watch.call("POST", f"desks/{desk}/log", 1, 201, json=fixed)
    shown = watch.call("GET", f"desks/{desk}/log", params={"q": "液位"})["items"]
    assert [(e["id"], e["corrected_by"]) for e in shown] == [
        (second["id"], []),
        (first["id"], [second["id"]]),
    ]
    with pytest.raises(Exception, match="append-only"), watch.db.session() as session:
        session.execute(text("UPDATE duty_log_entry SET text='x'"))


def absence(watch: Watch, who: int, deputy: int, start: int, end: int, status: int = 201) -> dict:
    at = [(START + timedelta(days=d)).isoformat() for d in (start, end)]
    body = {"deputy_id": deputy, "starts_at": at[0], "ends_at": at[1]}
    return watch.call("POST", "absences", who, status, json=body)


def accept(watch: Watch, found: dict, who: int, status: int = 200) -> dict:
    return watch.call("POST", f"absences/{found['id']}/decide", who, status, json={"accept": True})


def test_a_deputy_counts_once_they_accepted(watch: Watch, desk: int) -> None:
    asked = absence(watch, 1, 5, 0, 2)
    assert on_duty(watch, hours=1) == [1]
    accept(watch, asked, 9, 404)
    accept(watch, asked, 6, 403)
    accept(watch, asked, 1, 403)
    accept(watch, asked, 5)
    assert on_duty(watch, hours=1) == [5]
    with watch.db.read() as session:
        assert presence.deputy_of(session, 1, START) == 5
        assert presence.acting_for(session, 5, START) == {1}
        assert presence.deputy_of(session, 1, START + timedelta(days=2)) is None
    watch.clock.advance(3600)
    over = watch.call("POST", f"absences/{asked['id']}/end", 1, json={})
    assert (over["state"], over["standing"]) == ("ended", "over")
    assert on_duty(watch, hours=1) == [1]
    accept(watch, asked, 5, 409)


def test_deputies_form_chains_but_no_circles(watch: Watch, desk: int) -> None:
    accept(watch, absence(watch, 1, 5, 0, 4), 5)
    accept(watch, absence(watch, 5, 6, 2, 6), 6)
    assert on_duty(watch, hours=1) == [5]
    with watch.db.read() as session:
        assert presence.deputy_of(session, 1, START + timedelta(days=3)) == 6
        assert presence.acting_for(session, 6, START + timedelta(days=3)) == {1, 5}
    assert absence(watch, 6, 1, 3, 5, 409)["code"] == "duty.absence.circle"
    absence(watch, 6, 1, 4, 5)  # 1 is back by then
    assert absence(watch, 1, 7, 1, 2, 409)["code"] == "duty.absence.overlaps"
    assert absence(watch, 1, 1, 8, 9, 422)["code"] == "duty.absence.own_deputy"
    assert absence(watch, 9, 1, 0, 1, 422)["code"] == "duty.absence.other_house"


def test_two_requests_that_close_a_circle_cannot_both_be_accepted(watch: Watch) -> None:
    one, two = absence(watch, 1, 2, 0, 2), absence(watch, 2, 1, 1, 3)
    accept(watch, one, 2)
    assert accept(watch, two, 1, 409)["code"] == "duty.absence.circle"


def test_absences_are_seen_by_those_they_concern(watch: Watch) -> None:
    asked = absence(watch, 9, 10, 0, 2)
    assert asked["enterprise_id"] == 1
    assert watch.call("GET", "absences", 10, params={"show": "to_decide"})["total"] == 1
    assert watch.call("GET", "absences", 11)["total"] == 0
    assert watch.call("GET", "absences", 8)["total"] == 1
    watch.call("POST", f"absences/{asked['id']}/decide", 10, 422, json={"accept": False})
    declined = watch.call(
        "POST", f"absences/{asked['id']}/decide", 10, json={"accept": False, "reason": "出差"}
    )
    assert declined["standing"] == "declined"
    body = {
        "user_id": 9,
        "deputy_id": 10,
        "starts_at": "2026-03-02T00:00:00Z",
        "ends_at": "2026-03-03T00:00:00Z",
    }
    watch.call("POST", "absences", 11, 404, json=body)
    watch.call("POST", "absences", 1, 403, json=body)


def test_somebody_away_shows_in_the_calendar(watch: Watch, desk: int) -> None:
    asked = absence(watch, 1, 5, 0, 1)
    found = watch.call("GET", f"desks/{desk}/calendar", params=SPAN)["findings"]
    assert next(f for f in found if f["kind"] == "absent")["deputy"] is None
    accept(watch, asked, 5)
    found = watch.call("GET", f"desks/{desk}/calendar", params=SPAN)["findings"]
    assert next(f for f in found if f["kind"] == "absent")["text"] == "人员1 is away, 人员5 acts"


def test_every_change_is_in_the_chain(watch: Watch, desk: int) -> None:
    with watch.db.read() as session:
        actions = {row[0] for row in session.execute(text("SELECT action FROM kernel_audit"))}
    assert {"duty.desk.create", "duty.rota.create"} <= actions
