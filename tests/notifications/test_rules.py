"""Who is told, when, how often and by what; in the caller's unit of work; and never twice after a crash."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from datetime import time as civil
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest
from sqlalchemy import select, update
from tests.notifications.kit import Bell

from parksight.kernel.permissions import Caller
from parksight.notifications.models import Delivery, NoticeRow
from parksight.notifications.notice import Notice, Text, person, post, role
from parksight.notifications.quiet import quiet_until
from parksight.telemetry.live.client import LiveClient

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")


def test_what_is_rolled_back_tells_nobody(bell: Bell) -> None:
    bell.channel("email")
    notice = Notice(kind="x", priority=1, recipients=[person(1)], title=Text("notifications.test.title"))

    def fail() -> None:
        with bell.db.session() as session:
            bell.room.notifier.notify(session, notice)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert bell.run() == 0
    assert bell.inbox(1) == []
    assert not [e for e in bell.watch.events if type(e).__name__ == "NoticePosted"]


def test_a_post_means_who_is_on_duty_and_says_so(bell: Bell) -> None:
    assert bell.tell(post("WATCH"))
    assert [i["why"] for i in bell.inbox(7)] == ["Your post is 值班员, and nobody is on duty for it"]
    bell.watch.rota(bell.watch.desk())
    bell.tell(post("WATCH"))
    assert [i["why"] for i in bell.inbox(1)] == ["You are on duty at Command centre"]
    assert len(bell.inbox(7)) == 1


def test_the_accepted_deputy_is_told_too(bell: Bell) -> None:
    span = {"starts_at": "2026-03-02T00:00:00Z", "ends_at": "2026-03-04T00:00:00Z"}
    absence = bell.watch.call("POST", "absences", 1, 201, json={"deputy_id": 5, **span})
    assert [i["title"] for i in bell.inbox(5)] == ["人员1 asks you to act for them"]
    bell.tell(person(1))
    assert len(bell.inbox(5)) == 1
    bell.watch.call("POST", f"absences/{absence['id']}/decide", 5, json={"accept": True})
    bell.tell(person(1))
    assert bell.inbox(5)[0]["why"] == "You act for 人员1"
    assert {i["title"] for i in bell.inbox(1)} == {"ParkSight test message", "人员5 accepts to act for you"}


def test_roles_are_told_within_their_scope(bell: Bell) -> None:
    bell.tell(role("enterprise_manager"), enterprise_id=1)
    assert (len(bell.inbox(9)), len(bell.inbox(11))) == (1, 0)
    bell.tell(role("enterprise_manager"), post("WATCH"))
    assert (len(bell.inbox(9)), len(bell.inbox(7))) == (1, 1)
    bell.tell(person(11), enterprise_id=1)  # addressed by mistake
    assert bell.inbox(11) == []


def test_a_person_sees_only_what_they_still_may(bell: Bell) -> None:
    bell.tell(person(9), enterprise_id=1)
    assert bell.call("GET", "inbox/count", 9)["unread"] == 1
    with bell.db.session() as session:
        session.execute(
            update(NoticeRow).values(enterprise_id=2)
        )  # as if the person had moved to another firm
    assert bell.inbox(9) == []
    assert bell.call("GET", "inbox/count", 9)["unread"] == 0


def test_nobody_reads_for_others(bell: Bell) -> None:
    bell.tell(person(1))
    item = bell.inbox(1)[0]["id"]
    assert bell.call("POST", "inbox/read", 2, json={"ids": [item]})["changed"] == 0
    bell.call("POST", f"inbox/{item}/unread", 2, 404)
    assert bell.call("POST", "inbox/read", 1, json={"ids": [item]}) == {"changed": 1, "unread": 0}
    assert bell.call("POST", f"inbox/{item}/unread", 1)["unread"] == 1
    bell.call("POST", "inbox/read", 1, 422, json={})


def test_the_same_again_is_counted_not_sent(bell: Bell) -> None:
    bell.channel("sms")
    bell.prefer(1, "sms")
    for _ in range(3):
        bell.tell(person(1), dedupe_key="alarm:7")
    bell.tell(person(1), dedupe_key="alarm:7", priority=1)  # more urgent: news
    bell.tell(person(1), dedupe_key="alarm:8")
    bell.run()
    assert len(bell.web.asked) == 3
    assert sorted(i["times"] for i in bell.inbox(1)) == [1, 1, 3]
    bell.clock.advance(601)
    bell.tell(person(1), dedupe_key="alarm:7")
    bell.run()
    assert len(bell.web.asked) == 4


def test_unread_falls_back_and_read_does_not(bell: Bell) -> None:
    bell.channel("email")
    bell.channel("sms")
    for who in (1, 2):
        bell.prefer(who, "email", "sms")
        bell.tell(person(who), priority=1)
    bell.run()
    bell.call("POST", "inbox/read", 2, json={"ids": [bell.inbox(2)[0]["id"]]})
    bell.clock.advance(119)
    bell.run()
    assert len(bell.web.asked) == 0
    bell.clock.advance(2)
    bell.run()
    assert [s["to"] for s in bell.sent_json()] == ["13800000001"]
    assert len(bell.mail.mails) == 2


def test_quiet_hours_wait_and_priority_one_pierces(bell: Bell) -> None:
    bell.channel("sms")
    bell.prefer(1, "sms", quiet_from="22:00", quiet_until="07:00")
    bell.clock.advance(15 * 3600)  # 23:00
    bell.tell(person(1), dedupe_key="a")
    bell.tell(person(1), expires_at=bell.clock.now() + timedelta(hours=2))
    assert bell.run() == 0
    assert bell.deliveries() == [("sms", "queued", "quiet_hours"), ("sms", "suppressed", "quiet_hours")]
    bell.tell(person(1), priority=1)
    assert bell.run() == 1
    bell.clock.advance(8 * 3600)
    assert bell.run() == 1


def test_somebody_on_duty_has_no_quiet_hours(bell: Bell) -> None:
    bell.channel("sms")
    bell.watch.rota(bell.watch.desk())
    bell.prefer(1, "sms", quiet_from="00:00", quiet_until="23:59")
    bell.tell(person(1))
    assert bell.run() == 1


@given(
    now=st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),
    start=st.times().map(lambda t: t.replace(second=0, microsecond=0)),
    end=st.times().map(lambda t: t.replace(second=0, microsecond=0)),
    zone=st.sampled_from([SHANGHAI, BERLIN]),
)
def test_quiet_hours_are_what_the_clock_on_the_wall_says(
    now: datetime, start: civil, end: civil, zone: ZoneInfo
) -> None:
    wall = now.astimezone(zone).time().replace(tzinfo=None)
    inside = start != end and (start <= wall < end if start < end else wall >= start or wall < end)
    until = quiet_until(now, start, end, zone)
    assert (until is not None) == inside
    if until is not None:
        assert now < until <= now + timedelta(hours=25)


def test_a_person_is_not_flooded(tmp_path: Path) -> None:
    bell = Bell(tmp_path, rate_per_hour=2)
    try:
        bell.channel("sms")
        bell.prefer(1, "sms")
        for _ in range(4):
            bell.tell(person(1))
        bell.run()
        assert [d[1:] for d in bell.deliveries()] == [("sent", None)] * 2 + [
            ("suppressed", "rate_limited")
        ] * 2
        assert len(bell.inbox(1)) == 4
        bell.clock.advance(3601)
        bell.tell(person(1))
        assert bell.run() == 1
    finally:
        bell.close()


def test_the_queue_is_bounded_and_the_most_urgent_has_room(tmp_path: Path) -> None:
    bell = Bell(tmp_path, max_queued=100, rate_per_hour=1000)
    try:
        bell.channel("sms")
        bell.prefer(1, "sms")
        for _ in range(102):
            bell.tell(person(1))
        bell.tell(person(1), priority=1)
        states = bell.call("GET", "status")["states"]
        assert states == {"queued": 101, "suppressed": 2}
        assert (
            bell.call("GET", "deliveries", params={"state": "suppressed"})["items"][0]["reason_text"]
            == "the queue is full"
        )
        text = generate_latest(bell.http.app.state.metrics).decode()
        assert 'parksight_notifications_waiting{channel="sms",state="queued"} 101.0' in text
    finally:
        bell.close()


def test_without_an_address_the_next_channel_is_used(bell: Bell) -> None:
    bell.channel("web_push")
    bell.channel("email")
    bell.tell(person(1))
    bell.run()
    assert bell.deliveries() == [("web_push", "suppressed", "no_address"), ("email", "sent", None)]


def test_somebody_can_try_the_way_they_chose(bell: Bell) -> None:
    bell.channel("email")
    bell.channel("feishu", {"token": "t"})
    bell.prefer(1, "email")
    made = bell.call("POST", "preferences/test", 1, 201, json={"priority": 4})
    assert bell.run() == 1
    [item] = bell.inbox(1)
    assert (item["notice_id"], item["priority"], item["why"]) == (
        made["notice_id"], 4, "You asked for a test yourself"
    )  # fmt: skip
    assert [(d["kind"], d["state"]) for d in item["deliveries"]] == [("email", "sent")]
    assert bell.inbox(2) == []
    assert [kind for kind, *_ in bell.deliveries()] == ["email"], "no group hears of it"


def test_what_expired_is_not_sent(bell: Bell) -> None:
    bell.channel("sms")
    bell.prefer(1, "sms")
    bell.tell(person(1), expires_at=bell.clock.now() + timedelta(seconds=5))
    bell.clock.advance(6)
    assert bell.run() == 0
    assert bell.deliveries() == [("sms", "suppressed", "expired")]


def test_pages_of_the_person_hear_at_once_and_no_others(bell: Bell) -> None:
    clients = {}
    for who in (1, 2):
        client = bell.hub.join(bell.watch.caller(who))
        assert isinstance(client, LiveClient)
        assert bell.hub.subscribe(client, [], ["notifications"])[2] == ["notifications"]
        clients[who] = client
    device = bell.hub.join(Caller(id=1, name="device", kind="device", grants=("*",), enterprises=None))
    assert device is not None
    bell.hub.subscribe(device, [], ["notifications"])
    bell.tell(person(1))
    bell.hub.tick()
    assert len(clients[1]._ready) == 1
    assert "园视测试消息" in clients[1]._ready[0]
    assert not clients[2]._ready
    assert not device._ready


def test_preferences_are_guarded_against_two_windows(bell: Bell) -> None:
    bell.prefer(1, "email")
    bell.call("PUT", "preferences", 1, 409, json={"version": 0, "channels": {}})
    bell.call("PUT", "preferences", 1, 422, json={"version": 1, "channels": {}, "quiet_from": "22:00"})
    shown = bell.call("GET", "preferences", 1)
    assert shown["channels"]["3"] == ["email"]
    assert shown["available"] == []


def test_old_read_notices_are_forgotten(bell: Bell) -> None:
    bell.tell(person(1))
    bell.tell(person(2))
    bell.call("POST", "inbox/read", 1, json={"up_to": 100})
    bell.clock.advance(181 * 86_400)
    assert bell.room.worker.tidy() == 1
    assert len(bell.inbox(2)) == 1


def test_a_claim_whose_sender_is_silent_is_tried_again_with_the_same_key(bell: Bell) -> None:
    bell.channel("sms")
    bell.prefer(1, "sms")
    bell.tell(person(1))
    [first] = bell.room.worker.claim(5)
    assert bell.room.worker.claim(5) == []
    bell.clock.advance(121)
    [second] = bell.room.worker.claim(5)
    assert first.message.key == second.message.key
    bell.room.worker.work(second)
    bell.room.worker.work(first)  # it was not dead, only slow: its record no longer counts
    assert bell.deliveries() == [("sms", "sent", None)]


_CHILD = """
import sys, time
from pathlib import Path
from tests.notifications.restart import send_until_killed
send_until_killed(Path(sys.argv[1]), int(sys.argv[2]))
"""


@pytest.mark.slow
def test_after_a_kill_nothing_recorded_as_sent_goes_out_again(bell: Bell) -> None:
    """20 messages, the sending process killed in the middle, then finished by another."""
    bell.channel("sms")
    bell.prefer(1, "sms")
    with bell.db.session() as session:
        for _ in range(20):
            bell.room.notifier.notify(
                session,
                Notice(kind="x", priority=2, recipients=[person(1)], title=Text("notifications.test.title")),
            )
    slow = bell.web.answer

    def answer(path: str) -> tuple[int, bytes]:
        time.sleep(0.02)
        return slow(path)

    bell.web.answer = answer
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(bell.folder), str(bell.clock.now_ms())],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    deadline = time.monotonic() + 60
    while len(bell.web.asked) < 5:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    child.send_signal(signal.SIGKILL)
    child.wait()
    time.sleep(0.1)  # what was under way has arrived
    with bell.db.read() as session:
        sent = set(session.scalars(select(Delivery.idempotency_key).where(Delivery.state == "sent")))
    mark = len(bell.web.asked)
    bell.room.start()
    deadline = time.monotonic() + 60
    while any(state in ("queued", "sending") for _k, state, _r in bell.deliveries()):
        assert time.monotonic() < deadline, bell.deliveries()
        time.sleep(0.02)
    bell.room.stop()
    resent = {h["idempotency-key"] for _p, h, _b in bell.web.asked[mark:]}
    assert not resent & sent
    keys = [h["idempotency-key"] for _p, h, _b in bell.web.asked]
    assert len(set(keys)) == 20
    # At least once: only what was on its way at a kill may have gone out twice, and under the same key.
    assert len(keys) <= 20 + bell.settings.notifications.senders
    assert {state for _k, state, _r in bell.deliveries()} == {"sent"}
    assert len(bell.items()) == 20
