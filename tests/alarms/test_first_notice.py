"""Who hears of a new alarm at once: the desk on duty when no post answers, all levels of a grave one; nobody twice."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from tests.alarms.kit import START, Watch, step

from parksight.alarms.models import Group, Reaction, Rule
from parksight.duty.models import Desk, Shift, ShiftPerson
from parksight.kernel.identity.models import Assignment, Department, Organisation, Post, User
from parksight.kernel.settings import AlarmSettings, NotificationSettings
from parksight.notifications.models import InboxItem, NoticeRow

ON_WATCH, OFF_WATCH, OFFICER, LEADER, ELSEWHERE = 20, 21, 22, 23, 24
ROLES_OF = {
    ON_WATCH: "duty_operator", OFF_WATCH: "duty_operator", OFFICER: "safety_officer", LEADER: "zone_leader",
    ELSEWHERE: "duty_operator",
}  # fmt: skip


@pytest.fixture
def zone(tmp_path: Path) -> Iterator[Watch]:
    """People 20 and 21 are operators, 20 is on duty; 24 is on duty too, at enterprise 2's own desk."""
    url = f"sqlite:///{tmp_path / 'records.sqlite'}"
    watch = Watch(url, AlarmSettings(grace_s=0), NotificationSettings())
    watch.furnish()
    stamp = {"created_at": START, "updated_at": START}
    with watch.db.session() as session:
        session.add(Organisation(id=1, code="ZONE", name="管委会", kind="zone"))
        session.flush()
        session.add(Department(id=1, organisation_id=1, code="SAFE", name="应急局"))
        session.flush()
        for i, code in ((1, "WATCH"), (2, "CHIEF"), (3, "HSE")):
            session.add(Post(id=i, department_id=1, code=code, name=code))
        session.flush()
        for i, role in ROLES_OF.items():
            session.add(
                User(id=i, username=f"u{i}", username_key=f"u{i}", name=f"人员{i}", post_id=3 if i == OFFICER else None, **stamp)
            )  # fmt: skip
            session.flush()
            scope = ("enterprises", [2]) if i == ELSEWHERE else ("zone", [])
            session.add(Assignment(user_id=i, role=role, scope=scope[0], scope_ids=scope[1]))
        for desk, post, user in ((1, 1, ON_WATCH), (2, 2, ELSEWHERE)):
            session.add(Desk(id=desk, code=f"D{desk}", name=f"值班席{desk}", post_id=post, **stamp))
            session.flush()
            session.add(
                Shift(id=desk, desk_id=desk, code="day", name="白班", starts_at=START, ends_at=START + timedelta(hours=8))
            )  # fmt: skip
            session.flush()
            session.add(ShiftPerson(shift_id=desk, user_id=user, leads=True, added_at=START))
    watch.service.start()
    yield watch
    watch.close()


def told(zone: Watch, kind: str = "alarms.opened") -> list[tuple[int, str]]:
    """Everybody who was told something of a kind, with the reason's key, in order."""
    zone.alarms()
    with zone.db.read() as session:
        rows = session.execute(
            select(InboxItem.user_id, InboxItem.why)
            .join(NoticeRow, NoticeRow.id == InboxItem.notice_id)
            .where(NoticeRow.kind == kind)
            .order_by(InboxItem.id)
        )
        return [(user, why["key"]) for user, why in rows]


def raise_(zone: Watch, *points: int) -> None:
    zone.clock.advance(1)
    now = (zone.clock.now() - START).total_seconds()
    zone.feed(*((p, now, 50.0) for p in points))
    zone.alarms()


def settled(zone: Watch) -> None:
    """Wait until the worker has carried out every reaction."""
    for _ in range(200):
        with zone.db.read() as session:
            states = set(session.scalars(select(Reaction.state)))
        if states == {"done"}:
            return
        threading.Event().wait(0.05)
    raise AssertionError(states)


def test_the_desk_on_duty_hears_of_an_alarm_no_post_answers_for(zone: Watch) -> None:
    zone.rule(1, h=step(40, priority=2))
    raise_(zone, 1)
    assert told(zone) == [(ON_WATCH, "alarms.why.opened")], "at once, before any rung of the ladder"
    with zone.db.read() as session:
        [notice] = session.scalars(select(NoticeRow))
        [group] = session.scalars(select(Group))
    assert (notice.priority, notice.enterprise_id, notice.times) == (2, 1, 1)
    assert (notice.subject_kind, notice.subject_id) == ("alarm_group", str(group.id))
    assert notice.page == f"/alarms/{group.root_alarm_id}"


def test_a_post_that_answers_is_told_instead_and_one_nobody_holds_is_not_left_alone(zone: Watch) -> None:
    rules = {zone.rule(1, h=step(40, priority=2)): "HSE", zone.rule(3, h=step(40, priority=2)): "CHIEF"}
    with zone.db.session() as session:
        for rule_id, post in rules.items():
            session.get_one(Rule, rule_id).post = post
        session.get_one(ShiftPerson, 2).removed_at = START
    raise_(zone, 1)
    assert told(zone, "cases.tell.assigned") == [(OFFICER, "cases.why.owner")]
    assert told(zone) == []
    raise_(zone, 3)
    assert told(zone) == [(ON_WATCH, "alarms.why.opened")], "nobody holds that post now"


def test_nobody_on_duty_means_every_operator_who_may_see_it(zone: Watch) -> None:
    zone.rule(1, h=step(40, priority=3))
    zone.clock.advance(9 * 3600)
    raise_(zone, 1)
    assert {user for user, _ in told(zone)} == {ON_WATCH, OFF_WATCH}, "24 may not see enterprise 1"


def test_a_grave_one_is_told_to_all_levels_at_once_and_nobody_hears_of_it_twice(zone: Watch) -> None:
    zone.rule(1, h=step(40, priority=1))
    raise_(zone, 1)
    assert {user for user, _ in told(zone, "alarms.grave")} == {ON_WATCH, OFF_WATCH, OFFICER, LEADER}
    assert told(zone) == []
    with zone.db.read() as session:
        assert max(Counter(session.scalars(select(InboxItem.user_id))).values()) == 1


def test_many_at_once_are_one_message_per_enterprise(zone: Watch) -> None:
    for point in range(1, 13):
        zone.rule(point, h=step(40, priority=2 if point == 5 else 3))
    raise_(zone, *range(1, 13))
    with zone.db.read() as session:
        notices = {n.enterprise_id: n for n in session.scalars(select(NoticeRow))}
    assert set(notices) == {1, 2}
    assert {n.title["params"]["count"] for n in notices.values()} == {6}
    assert (notices[1].priority, notices[2].priority) == (2, 3)
    assert notices[1].title["params"]["named"].startswith("点5")


def test_a_restart_and_more_of_the_same_tell_nobody_again(zone: Watch) -> None:
    zone.rule(1, h=step(40, priority=2), hh=step(60, priority=2))
    raise_(zone, 1)
    zone.service.stop()
    zone.service = zone.make_service()
    zone.service.start()
    zone.clock.advance(5)
    zone.feed((1, 6, 70.0))
    assert len(zone.alarms()) == 2
    assert told(zone) == [(ON_WATCH, "alarms.why.opened")]


def test_linkage_without_posts_tells_the_desk_on_duty(zone: Watch) -> None:
    body = {
        "code": "L1",
        "name": "联动",
        "definition": {"match": {}, "actions": [{"kind": "notify", "text": "查看"}]},
    }
    assert zone.http.post("/api/v1/alarms/linkages", json=body).status_code == 201
    zone.rule(1, h=step(40, priority=2))
    raise_(zone, 1)
    settled(zone)
    assert told(zone, "alarms.linkage") == [(ON_WATCH, "alarms.why.linkage")]
    zone.service.stop()
    zone.service = zone.make_service()
    zone.service.start()
    settled(zone)
    assert told(zone, "alarms.linkage") == [(ON_WATCH, "alarms.why.linkage")]
