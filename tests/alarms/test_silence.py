"""Shelves, out of service, chattering: kept silent, evaluated and journalled all the same, and over by themselves."""

from __future__ import annotations

from sqlalchemy import select
from tests.alarms.kit import NOW, Watch, caller, step
from tests.alarms.test_handling import post

from parksight.alarms.models import JournalEntry, Suppression
from parksight.alarms.view import state


def states(watch: Watch) -> list[str]:
    return [state(a) for a in watch.alarms()]


def tidy(watch: Watch, seconds: float) -> None:
    watch.clock.advance(seconds)
    watch.service.recorder.tidy()
    assert watch.service.recorder.flush()


def test_a_shelf_is_limited_owned_and_announces_again_when_it_runs_out(watch: Watch) -> None:
    watch.rule(1, h=step(40, priority=2))
    watch.clock.advance(10)
    watch.feed((1, 1, 50.0))
    watch.who = caller("duty_operator", name="李值班")
    assert post(watch, "1/shelve", 422, reason="检修", minutes=121)["code"] == "alarms.shelve_too_long"
    shown = post(watch, "1/shelve", reason="检修", minutes=120)
    assert (shown["state"], shown["handling"], shown["acknowledged_by"]) == (
        "SHLVD",
        "acknowledged",
        "李值班",
    )
    watch.feed((1, 2, 0.0), (1, 3, 50.0))
    assert [(a.condition, a.handling, a.annunciated_at is None) for a in watch.alarms()] == [
        ("cleared", "acknowledged", False), ("active", "suppressed", True),
    ], "kept silent, but there"  # fmt: skip
    tidy(watch, 7199)
    assert states(watch) == ["SHLVD", "SHLVD"]
    tidy(watch, 2)
    assert states(watch) == ["NORM", "UNACK"]
    assert [w for i, w in watch.journal() if i == 2 and w != "unknown"] == [
        "raised",
        "unshelved",
        "realarmed",
    ]
    listed = watch.http.get("/api/v1/alarms/suppressions").json()["items"]
    assert [(s["kind"], s["owner_name"], s["ended_reason"], s["kept_silent"]) for s in listed] == [
        ("shelved", "李值班", "expired", 1)
    ]


def test_unshelving_is_a_persons_act_and_the_alarm_is_new_again(watch: Watch) -> None:
    watch.rule(1, h=step(40, priority=2))
    watch.clock.advance(10)
    watch.feed((1, 1, 50.0))
    watch.who = caller("duty_operator")
    post(watch, "1/shelve", reason="检修", minutes=60)
    assert post(watch, "1/shelve", 409, reason="再次", minutes=60)["code"] == "alarms.shelved_already"
    shown = post(watch, "1/unshelve", comment="好了")
    assert (shown["state"], shown["handling"]) == ("UNACK", "new")
    assert watch.http.get("/api/v1/alarms/groups/1").json()["total"] == 1, (
        "counted once, however often announced"
    )
    assert post(watch, "1/unshelve", 409)["code"] == "alarms.not_shelved"


def test_out_of_service_covers_a_whole_unit_until_somebody_returns_it(watch: Watch) -> None:
    watch.rule(1, h=step(40, priority=1))
    watch.clock.advance(10)
    watch.who = caller("duty_operator")
    until = NOW + 3_600_000
    body = {"unit_id": 1, "reason": "大修", "reference": "MOC-7", "until": until}
    assert watch.http.post("/api/v1/alarms/suppressions", json=body).status_code == 403
    watch.who = caller("safety_officer", name="王安全")
    made = watch.http.post("/api/v1/alarms/suppressions", json=body)
    assert (made.status_code, made.json()["covers"], made.json()["enterprise_id"]) == (201, "unit", 1), (
        made.text
    )
    watch.feed((1, 1, 50.0))
    assert states(watch) == ["OOSRV"]
    assert watch.http.get("/api/v1/alarms/counts").json()["suppressed"] == {"out_of_service": 1}
    assert watch.http.get("/api/v1/alarms", params={"state": "suppressed"}).json()["total"] == 1
    assert watch.http.get("/api/v1/alarms/groups").json()["total"] == 0, "no case for what was not announced"
    ended = watch.http.post(f"/api/v1/alarms/suppressions/{made.json()['id']}/end", json={"comment": "完工"})
    assert ended.json()["ended_reason"] == "person"
    assert states(watch) == ["UNACK"]
    assert watch.http.get("/api/v1/alarms/groups").json()["total"] == 1


def test_suppressed_by_design_says_so_and_is_announced_when_the_condition_ends(watch: Watch) -> None:
    body = {
        "code": "DESIGN", "target": {"kind": "point", "point_id": 1}, "definition": {"h": step(40, priority=2)},
        "suppression": "[P003] < 1",
    }  # fmt: skip
    answer = watch.http.post("/api/v1/alarm-rules", json=body)
    assert answer.status_code == 201, answer.text
    watch.service.recompile()
    watch.clock.advance(10)
    watch.feed((3, 1, 0.0))
    watch.feed((1, 2, 50.0))
    assert states(watch) == ["DSUPR"]
    watch.feed((3, 3, 5.0))
    assert states(watch) == ["UNACK"]
    assert [w for _, w in watch.journal()] == ["raised", "unsuppressed", "realarmed"]


def test_a_chattering_alarm_is_one_row_with_every_repetition_in_the_journal(watch: Watch) -> None:
    watch.rule(1, h=step(40, priority=2))
    watch.clock.advance(60)
    watch.feed(*((1, 0.1 * i, 50.0 if i % 2 == 0 else 0.0) for i in range(200)))
    rows = watch.alarms()
    assert (len(rows), rows[2].suppressed, rows[2].repeats) == (3, "chattering", 97)
    whats = [w for _, w in watch.journal()]
    assert (whats.count("raised"), whats.count("repeated"), whats.count("cleared")) == (3, 97, 100)
    group = watch.http.get("/api/v1/alarms/groups").json()
    assert (group["total"], group["items"][0]["size"]) == (1, 3)
    assert watch.http.get("/api/v1/alarms/counts").json()["kept_silent"] == 97
    with watch.db.read() as session:
        record = session.scalars(select(Suppression)).one()
        assert (record.kind, record.kept_silent, record.ended_at) == ("chattering", 97, None)
    watch.feed((1, 21, 50.0))
    watch.feed((1, 22, 50.0))
    tidy(watch, 330)
    assert watch.alarms()[2].suppressed is None
    with watch.db.read() as session:
        assert session.scalars(select(Suppression)).one().ended_reason == "calm"
    assert [w for _, w in watch.journal()][-1] == "calmed"
    watch.feed((1, 340, 0.0), (1, 350, 50.0))
    assert len(watch.alarms()) == 4, "calm: the next one is an alarm like any other"


def test_a_restart_goes_on_with_a_chattering_alarm(watch: Watch) -> None:
    watch.rule(1, h=step(40, priority=2))
    watch.clock.advance(60)
    watch.feed(*((1, 0.1 * i, 50.0 if i % 2 == 0 else 0.0) for i in range(10)))
    watch.alarms()
    watch.service.stop()
    again = watch.make_service()
    again.start()
    watch.service, old = again, watch.service
    try:
        watch.feed((1, 5, 50.0))
        rows = watch.alarms()
        assert (len(rows), rows[2].repeats, rows[2].condition) == (3, 3, "active")
    finally:
        old.stop()


def test_announced_works_label_alarms_and_silence_none(watch: Watch) -> None:
    watch.rule(1, h=step(40, priority=2))
    watch.clock.advance(10)
    watch.who = caller("enterprise_manager", 1, name="张安环")
    body = {"kind": "calibration", "thing_id": 1, "start": NOW, "end": NOW + 3_600_000, "reason": "季度校准"}
    made = watch.http.post("/api/v1/alarms/windows", json=body)
    assert (made.status_code, made.json()["late"]) == (201, True), made.text
    other = {**body, "thing_id": None, "point_id": 2}
    assert watch.http.post("/api/v1/alarms/windows", json=other).status_code == 404
    watch.feed((1, 1, 50.0))
    watch.alarms()
    shown = watch.http.get("/api/v1/alarms/1").json()
    assert (shown["window_kind"], shown["state"], shown["window"]["alarms"]) == ("calibration", "UNACK", 1)
    assert watch.http.post(f"/api/v1/alarms/windows/{made.json()['id']}/end").json()["ended_by"] == "张安环"


def test_nothing_can_take_a_silence_out_of_the_journal(watch: Watch) -> None:
    watch.rule(1, h=step(40, priority=2))
    watch.clock.advance(10)
    watch.feed((1, 1, 50.0))
    watch.alarms()
    watch.who = caller("duty_operator", name="李值班")
    post(watch, "1/shelve", reason="检修", minutes=5)
    with watch.db.read() as session:
        entry = session.scalars(select(JournalEntry).where(JournalEntry.what == "shelved")).one()
    assert (entry.by_name, entry.comment) == ("李值班", "检修")


def test_pages_are_told_what_the_settings_allow(watch: Watch) -> None:
    """The longest shelf that is told is taken, a minute more is refused; readers of alarms may ask."""
    watch.rule(1, h=step(40, priority=3))
    watch.clock.advance(10)
    watch.feed((1, 1, 50.0))
    watch.alarms()
    watch.who = caller("enterprise_user", 1)
    told = watch.http.get("/api/v1/alarms/limits").json()
    assert told["priority_matrix"] == watch.settings.priority_matrix
    assert told["service_max_hours"] == watch.settings.service_max_hours
    longest = told["shelve_max_minutes"][3 - 1]
    watch.who = caller("duty_operator")
    assert (
        post(watch, "1/shelve", 422, reason="检修", minutes=longest + 1)["code"] == "alarms.shelve_too_long"
    )
    assert post(watch, "1/shelve", reason="检修", minutes=longest)["state"] == "SHLVD"
