"""A reading through the real door of telemetry becomes an alarm, and only once it is durable."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sqlalchemy import select
from tests.telemetry.kit import NOW, Bench, MemoryStore, batch

from parksight.alarms.models import Alarm
from parksight.alarms.rules import RuleService
from parksight.alarms.schemas import RuleRow
from parksight.alarms.service import AlarmService
from parksight.kernel.permissions import SYSTEM
from parksight.kernel.settings import AlarmSettings


def test_what_the_door_stores_is_judged(tmp_path: Path) -> None:
    store = MemoryStore()

    async def scene() -> None:
        async with Bench(tmp_path, store, points=3) as bench:
            with bench.db.session() as session:
                row = RuleRow(point="P00001", high=40.0, deadband=5.0, stale_s=30)
                RuleService(bench.clock).create(session, SYSTEM, row.nested())
            service = AlarmService(bench.db, bench.clock, AlarmSettings(grace_s=0))
            service.start()
            bench.pipeline.add_listener(service)

            def shown() -> list[tuple[str, float | None, str]]:
                assert service.recorder.flush()
                with bench.db.read() as session:
                    found = session.scalars(select(Alarm).order_by(Alarm.id))
                    return [(a.step, a.value, a.condition) for a in found]

            try:
                store.gate.clear()
                waiting = asyncio.create_task(bench.pipeline.submit(batch([1, 2], NOW, [50.0, 50.0])))
                await asyncio.sleep(0.2)
                assert shown() == [], "not durable, not judged"
                store.gate.set()
                assert (await waiting).stored == 2
                await asyncio.sleep(0.1)
                assert shown() == [("H", 50.0, "active")]
                await bench.pipeline.submit(batch([1], NOW + 1000, [36.0], received=NOW + 1000))
                await bench.pipeline.submit(batch([1], NOW + 2000, [34.0], received=NOW + 2000))
                await asyncio.sleep(0.1)
                assert shown() == [("H", 50.0, "cleared")]
            finally:
                await asyncio.to_thread(service.stop)

    asyncio.run(scene())
