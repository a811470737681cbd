"""From reading to record: service, recorder, restart, bursts, overflow, live push."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError
from tests.alarms.kit import SIMULATED, SUSPECT, Watch, caller, seconds, step

from parksight.alarms.events import AlarmsCleared, AlarmsDoubted, AlarmsRaised
from parksight.alarms.service import AlarmService
from parksight.kernel.settings import AlarmSettings, LiveSettings
from parksight.telemetry.catalogue import Catalogue
from parksight.telemetry.live.client import LiveClient
from parksight.telemetry.live.hub import LiveHub
from parksight.telemetry.live_table import LiveTable


def test_a_reading_beyond_its_limit_becomes_a_record_with_place_and_time(watch: Watch) -> None:
    rule = watch.rule(1, h=step(40, priority=2), hh=step(50, priority=1))
    watch.clock.advance(10)
    watch.feed((1, 3, 45.0, SIMULATED))
    watch.feed((1, 6, 55.0), (2, 6, 99.0))
    high, high_high = watch.alarms()
    assert (high.step, high.priority, high.value, high.limit, high.rule_id, high.rule_version) == (
        "H",
        2,
        45.0,
        40.0,
        rule,
        1,
    )
    assert (high.enterprise_id, high.thing_id, high.unit_id, high.simulated) == (1, 1, 1, True)
    assert (seconds(high), (high.recorded_at - high.raised_at).total_seconds()) == (3.0, 7.0)
    assert (high_high.step, high_high.priority, high_high.simulated) == ("HH", 1, False)
    watch.feed((1, 8, 20.0))
    assert [a.condition for a in watch.alarms()] == ["cleared", "cleared"]
    assert watch.journal() == [(1, "raised"), (2, "raised"), (2, "cleared"), (1, "cleared")]
    assert [a.handling for a in watch.alarms()] == ["new", "new"], "clearing acknowledges nothing"


def test_raised_and_cleared_within_one_burst_is_one_closed_record(watch: Watch) -> None:
    watch.rule(1, h=step(40))
    watch.clock.advance(10)
    watch.feed((1, 1, 50.0), (1, 2, 50.0, SUSPECT), (1, 3, 50.0), (1, 4, 1.0), (1, 5, 50.0))
    first, second = watch.alarms()
    assert (first.condition, first.cleared_reason, second.condition) == ("cleared", "returned", "active")
    assert watch.journal() == [(1, "raised"), (1, "unknown"), (1, "known"), (1, "cleared"), (2, "raised")]


def test_events_and_live_messages_name_each_enterprise_its_own(watch: Watch) -> None:
    for point in (1, 2, 3):
        watch.rule(point, h=step(40))
    watch.clock.advance(1)
    watch.feed((1, 0, 50.0), (2, 0, 50.0), (3, 0, 50.0))
    watch.feed((3, 1, 0.0), (2, 1, 50.0, SUSPECT))
    watch.alarms()
    raised = [e for e in watch.events if isinstance(e, AlarmsRaised)]
    assert [n.point_code for e in raised for n in e.alarms] == ["P001", "P002", "P003"]
    assert [n.condition for e in watch.events if isinstance(e, AlarmsCleared) for n in e.alarms] == [
        "cleared"
    ]
    assert [n.condition for e in watch.events if isinstance(e, AlarmsDoubted) for n in e.alarms] == [
        "unknown"
    ]
    told = {(d["what"], owner): [a["point_code"] for a in d["alarms"]] for _, d, owner in watch.hub.posts}
    assert told == {
        ("raised", 1): ["P001", "P003"],
        ("raised", 2): ["P002"],
        ("cleared", 1): ["P003"],
        ("doubted", 2): ["P002"],
    }


def test_browsers_are_given_what_their_lists_show(watch: Watch) -> None:
    """The message holds what the lists would answer; no group that an enterprise may only see in part."""
    for point in (1, 2):
        watch.rule(point, h=step(40))
    watch.clock.advance(1)
    watch.feed((1, 0, 50.0), (2, 0, 50.0))
    watch.alarms()
    raised = {owner: data for _, data, owner in watch.hub.posts if data["what"] == "raised"}
    for owner, data in raised.items():
        assert (
            data["rows"] == watch.http.get("/api/v1/alarms", params={"enterprise_id": owner}).json()["items"]
        )
        listed = watch.http.get("/api/v1/alarms/groups", params={"enterprise_id": owner}).json()["items"]
        assert data["groups"] == listed
    one, other = (raised[owner]["groups"][0]["id"] for owner in (1, 2))
    merged = watch.http.post(
        f"/api/v1/alarms/groups/{one}/merge", json={"group_ids": [other], "reason": "one leak"}
    )
    assert merged.status_code == 200, merged.text
    watch.hub.posts.clear()
    watch.feed((1, 1, 50.0, SUSPECT), (2, 1, 50.0, SUSPECT))
    watch.alarms()
    doubted = {owner: data for _, data, owner in watch.hub.posts if data["what"] == "doubted"}
    assert {owner: [r["condition"] for r in d["rows"]] for owner, d in doubted.items()} == {
        1: ["unknown"],
        2: ["unknown"],
    }
    assert all(d["groups"] == [] for d in doubted.values())


def test_a_restart_takes_over_what_stands(watch: Watch) -> None:
    watch.rule(1, h=step(40, deadband=5), stale={"factor": 3, "priority": 4})
    watch.rule(3, h=step(40))
    doomed = watch.rule(5, h=step(40))
    watch.feed((1, 0, 50.0), (3, 0, 50.0), (5, 0, 50.0))
    watch.second(31)
    assert sorted((a.point_id, a.step, a.condition) for a in watch.alarms()) == [
        (1, "H", "unknown"), (1, "STALE", "active"), (3, "H", "unknown"), (5, "H", "unknown"),
    ]  # fmt: skip
    watch.service.stop()
    with watch.db.session() as session:
        session.execute(text("UPDATE alarms_rule SET enabled = 0 WHERE id = :id"), {"id": doomed})
    again = AlarmService(watch.db, watch.clock, watch.settings)
    again.start()
    watch.service, old = again, watch.service
    try:
        watch.feed((1, 31, 39.0), (3, 31, 45.0))
        watch.second(1)
        shown = {(a.point_id, a.step): (a.condition, a.cleared_reason) for a in watch.alarms()}
        assert shown == {
            (1, "H"): ("active", None), (1, "STALE"): ("cleared", "returned"), (3, "H"): ("active", None),
            (5, "H"): ("cleared", "withdrawn"),
        }  # fmt: skip
        assert again.recorder.counters["unmatched"] == 0
    finally:
        old.stop()


def test_a_changed_rule_withdraws_what_it_no_longer_watches(watch: Watch) -> None:
    rule = watch.rule(1, h=step(40), hh=step(50))
    watch.feed((1, 0, 60.0))
    watch.alarms()
    answer = watch.http.patch(
        f"/api/v1/alarm-rules/{rule}", json={"version": 1, "definition": {"h": step(40)}}
    )
    assert answer.json()["version"] == 2
    watch.service.recompile()
    assert {a.step: (a.condition, a.cleared_reason) for a in watch.alarms()} == {
        "H": ("active", None), "HH": ("cleared", "withdrawn"),
    }  # fmt: skip


def test_a_flood_is_written_in_one_transaction_and_loses_nothing(tmp_path: Path) -> None:
    watch = Watch(f"sqlite:///{tmp_path / 'records.sqlite'}")
    try:
        watch.furnish(1000)
        rows = [{"point": f"P{i:03d}", "high": 40.0, "priority": 1 + i % 4} for i in range(1, 1001)]
        assert watch.http.post("/api/v1/alarm-rules/import", json={"rules": rows}).json()["accepted"] == 1000
        watch.service.start()
        watch.clock.advance(1)
        watch.feed(*((i, 0, 50.0) for i in range(1, 1001)))
        assert len(watch.alarms()) == 1000
        assert [len(e.alarms) for e in watch.events if isinstance(e, AlarmsRaised)] == [1000]
        told = [d for _, d, _ in watch.hub.posts if d["what"] == "raised"]
        assert [(d["total"], len(d["alarms"])) for d in told] == [(500, 50), (500, 50)]
        watch.feed(*((i, 1, 0.0) for i in range(1, 1001)))
        assert {a.condition for a in watch.alarms()} == {"cleared"}
    finally:
        watch.close()


def test_a_full_queue_is_counted_and_the_records_are_put_right(tmp_path: Path) -> None:
    watch = Watch(f"sqlite:///{tmp_path / 'records.sqlite'}", AlarmSettings(queue_transitions=1000))
    try:
        watch.furnish(1600)
        rows = [{"point": f"P{i:03d}", "high": 40.0} for i in range(1, 1601)]
        watch.http.post("/api/v1/alarm-rules/import", json={"rules": rows})
        watch.service.start()
        watch.clock.advance(60)
        held, go = threading.Event(), threading.Event()

        def hold() -> None:
            with watch.db.session():  # somebody else is writing: the recorder has to wait
                held.set()
                go.wait(30)

        other = threading.Thread(target=hold)
        other.start()
        assert held.wait(10)
        watch.feed((1, 0, 50.0))  # the recorder is now stuck with this one
        for second in range(1, 4):
            watch.feed(*((i, second, 50.0 if second % 2 else 0.0) for i in range(2, 901)))
        watch.feed(*((i, 10, 50.0) for i in range(901, 1601)))
        watch.feed((1, 11, 0.0))
        assert watch.service.stats()["given_up"] > 0
        go.set()
        other.join()
        standing = {a.point_id for a in watch.alarms() if a.condition != "cleared"}
        assert standing == set(range(2, 1601))
        assert watch.service.stats()["reconciled"] >= 1
        watch.feed(*((i, 20, 0.0) for i in range(2, 1601)))
        assert {a.condition for a in watch.alarms()} == {"cleared"}
    finally:
        watch.close()


def test_a_database_that_refuses_for_a_while_loses_nothing(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch.rule(1, h=step(40))
    real, refusals = watch.db.session, []

    def refusing():  # type: ignore[no-untyped-def]
        if len(refusals) < 2:
            refusals.append(1)
            raise OperationalError("disk full", {}, Exception("disk full"))
        return real()

    monkeypatch.setattr(watch.db, "session", refusing)
    watch.feed((1, 0, 50.0))
    assert [a.condition for a in watch.alarms()] == ["active"]
    assert watch.service.stats()["write_failures"] == 2


def test_the_journal_cannot_be_rewritten(watch: Watch) -> None:
    watch.rule(1, h=step(40))
    watch.feed((1, 0, 50.0))
    assert watch.journal() == [(1, "raised")]
    for statement in (
        "UPDATE alarms_journal SET what = 'cleared'",
        "DELETE FROM alarms_journal",
        "DELETE FROM alarms_rule_version",
    ):
        with pytest.raises(DBAPIError, match="append-only"), watch.db.session() as session:
            session.execute(text(statement))


def test_points_that_change_their_period_change_their_silence(watch: Watch) -> None:
    watch.rule(1, stale={"factor": 3, "priority": 4})
    watch.feed((1, 0, 1.0))
    with watch.db.session() as session:
        session.execute(text("UPDATE telemetry_point SET period_s = 60 WHERE id = 1"))
    watch.service.recompile()
    watch.second(100)
    assert watch.alarms() == []
    watch.second(81)
    (stale,) = watch.alarms()
    assert (stale.step, stale.value, stale.limit, seconds(stale)) == ("STALE", None, 180.0, 180.0)


def test_the_real_live_hub_takes_the_topic(watch: Watch) -> None:
    catalogue = Catalogue(watch.db)
    hub = LiveHub(LiveSettings(), watch.clock, LiveTable(catalogue), catalogue)
    service = AlarmService(watch.db, watch.clock, watch.settings, hub)
    client = hub.join(caller("duty_operator"))
    outsider = hub.join(caller("enterprise_user", 2))
    assert client is not None
    assert outsider is not None
    hub.subscribe(client, [], ["alarms"])
    hub.subscribe(outsider, [], ["alarms"])
    watch.rule(1, h=step(40))
    service.start()
    old, watch.service = watch.service, service
    old.stop()
    watch.feed((1, 0, 50.0), (2, 0, 50.0))
    watch.rule(2, h=step(40))
    watch.feed((2, 1, 60.0))
    watch.alarms()

    async def messages(one: LiveClient, count: int) -> str:
        return "".join([str(await asyncio.wait_for(one.next(), 5)) for _ in range(count)])

    async def both() -> tuple[str, str]:
        hub.tick()
        return await messages(client, 2), await messages(outsider, 1)

    everything, own = asyncio.run(both())
    assert everything.count('"topic":"alarms"') == 2
    assert "P001" in everything
    assert "P002" in own
    assert "P001" not in own
