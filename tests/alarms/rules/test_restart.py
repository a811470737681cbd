"""What a process that ends, orderly or not, hands on to the next: delays, windows, baselines; and no alarm twice."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select
from tests.alarms.kit import NOW
from tests.alarms.rules.kit import STEP, Desk, person

from parksight.alarms.models import Alarm, JournalEntry
from parksight.alarms.service import AlarmService
from parksight.telemetry.protocols import Columns


def told(desk: Desk, service: AlarmService) -> list[tuple[str, float, str]]:
    assert service.recorder.flush()
    with desk.watch.db.read() as session:
        found = session.scalars(select(Alarm).order_by(Alarm.id))
        return [(a.step, a.raised_at.timestamp() - NOW / 1000, a.condition) for a in found]


def give(service: AlarmService, rows: Columns) -> None:
    service.on_tick(rows, int(rows.received_at[-1]))


def crash(service: AlarmService) -> None:
    """End the threads without the orderly end: no snapshot, nothing further written."""
    service._stop.set()
    assert service._thread is not None
    service._thread.join(10)
    service._thread = None
    service.recorder.stop()
    service.reactions.stop()


@pytest.fixture
def fresh(desk: Desk) -> Desk:
    desk.watch.service.stop()
    return desk


DELAYED = {"h": {**STEP, "limit": 40, "priority": 2, "on_delay_s": 30}}
COUNT = {
    "signal": {"kind": "count", "when": "self > 40", "least": 3, "window_s": 600, "every_reading": True},
    "on": {"on_delay_s": 0, "off_delay_s": 0, "priority": 2},
}  # fmt: skip


def start(desk: Desk, *definitions: dict[str, Any]) -> AlarmService:
    for i, definition in enumerate(definitions):
        body = {"point_id": 1, "code": f"R{i}", "definition": definition}
        desk.ask(person(1), "POST", "", body, 201)
    service = desk.service()
    service.start()
    return service


def test_a_pending_delay_and_a_window_survive_an_orderly_end(fresh: Desk) -> None:
    service = start(fresh, DELAYED, COUNT)
    give(service, fresh.keep(1, 0, 10, [50.0, 50.0]))
    service.stop()
    fresh.clock.advance(20)
    after = fresh.service()
    after.start()
    give(after, fresh.keep(1, 20, 10, [50.0, 50.0]))
    assert told(fresh, after) == [("ON", 20.0, "active"), ("H", 30.0, "active")]
    after.stop()


def test_after_a_crash_the_stored_readings_since_the_snapshot_are_judged(fresh: Desk) -> None:
    service = start(fresh, DELAYED, COUNT)
    fresh.clock.advance(10)
    give(service, fresh.keep(1, 0, 10, [50.0, 50.0]))
    service.watch.stop()  # the snapshot of this moment
    fresh.clock.advance(20)
    fresh.keep(1, 20, 10, [50.0, 50.0])  # durable, but the process dies before it is judged
    crash(service)
    fresh.clock.advance(5)
    after = fresh.service()
    after.start()
    assert told(fresh, after) == [("ON", 20.0, "active"), ("H", 30.0, "active")]
    assert after.stats()["caught_up"] == 2
    after.stop()


def test_what_was_recorded_before_the_crash_is_not_raised_again(fresh: Desk) -> None:
    service = start(fresh, DELAYED, COUNT)
    service.watch.stop()
    fresh.clock.advance(60)
    give(service, fresh.keep(1, 0, 10, [50.0, 50.0, 50.0, 50.0, 10.0]))
    before = told(fresh, service)
    assert before == [("ON", 20.0, "active"), ("H", 30.0, "cleared")]
    crash(service)
    after = fresh.service()
    after.start()
    assert told(fresh, after) == before
    with fresh.watch.db.read() as session:
        raised = session.scalar(select(func.count()).where(JournalEntry.what == "raised"))
    assert raised == 2
    after.stop()


def test_without_a_readable_snapshot_the_records_are_taken_over(fresh: Desk) -> None:
    service = start(fresh, {"h": {**STEP, "limit": 40, "priority": 2}})
    give(service, fresh.keep(1, 0, 10, [50.0]))
    assert told(fresh, service) == [("H", 0.0, "active")]
    service.stop()
    (fresh.folder / "alarms" / "evaluation.npz").write_bytes(b"not a snapshot")
    after = fresh.service()
    after.start()
    assert after.stats()["snapshots_unreadable"] == 1
    give(after, fresh.keep(1, 10, 10, [50.0, 10.0]))
    assert told(fresh, after) == [("H", 0.0, "cleared")]
    after.stop()
