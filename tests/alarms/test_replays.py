"""What really happened elsewhere, replayed through real protocols: nothing is lost, and a flood is one readable list."""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sqlalchemy import func, select
from tests.alarms.desk import case_engine
from tests.alarms.kit import step
from tests.gateways.conftest import context, db, directory
from tests.gateways.modbus.peers import pymodbus_server
from tests.gateways.support import add_device, add_point
from tests.gateways.test_whole_way import House, house, until

from parksight.alarms.assembly import DeviceSources, follow, heed
from parksight.alarms.models import Alarm, Group, JournalEntry
from parksight.alarms.providers import Providers
from parksight.alarms.rules import RuleService
from parksight.alarms.schemas import RuleIn
from parksight.alarms.service import AlarmService
from parksight.gateways.context import GatewayContext
from parksight.gateways.events import SourceDied
from parksight.gateways.http.gateway import PATH
from parksight.gateways.sources import sources_of
from parksight.kernel.db import Database
from parksight.kernel.permissions import SYSTEM
from parksight.kernel.settings import AlarmSettings
from parksight.telemetry.live_table import State

__all__ = ["context", "db", "directory"]
pytestmark = pytest.mark.anyio
ARROW = {"content-type": "application/vnd.apache.arrow.stream"}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def rule(db: Database, context: GatewayContext, code: str, **definition: Any) -> None:
    data = RuleIn.model_validate(
        {"code": f"R.{code}", "target": {"kind": "point", "point": code}, "definition": definition}
    )
    with db.session() as session:
        RuleService(context.clock, AlarmSettings()).create(session, SYSTEM, data)


@contextlib.asynccontextmanager
async def watched(
    context: GatewayContext, db: Database, tmp_path: Path
) -> AsyncIterator[tuple[House, AlarmService]]:
    """The platform from the gateways to the alarms, with cases."""
    settings = AlarmSettings(grace_s=0)
    cases = case_engine(settings)
    async with house(context, db, tmp_path) as h:
        alarms = AlarmService(
            db, context.clock, settings, live=h.telemetry.live, providers=Providers(sources=DeviceSources(sources_of)),
            cases=cases,
        )  # fmt: skip
        follow(cases, alarms)
        heed(db.bus, SourceDied.subject(), alarms)
        alarms.start()
        h.telemetry.pipeline.add_listener(alarms)
        try:
            yield h, alarms
        finally:
            await asyncio.to_thread(alarms.stop)


async def push(h: House, codes: list[str], at: Any, values: Any, **params: str) -> dict[str, Any]:
    table = pa.table(
        {"point_code": pa.array(codes).dictionary_encode(), "observed_at": pa.array(at, pa.timestamp("ms", tz="UTC")),
         "value": np.asarray(values, np.float64)}
    )  # fmt: skip
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    answer = await h.client.post(PATH, content=sink.getvalue(), params=params, headers=ARROW)
    assert answer.status_code == 200, answer.text
    out: dict[str, Any] = answer.json()
    return out


def count(db: Database, *whats: str) -> int:
    with db.read() as session:
        return session.scalar(select(func.count(JournalEntry.id)).where(JournalEntry.what.in_(whats))) or 0


async def flushed(alarms: AlarmService) -> None:
    assert await asyncio.to_thread(alarms.recorder.flush, 120)


async def test_187_000_events_from_one_source_lose_nothing_and_stay_one_readable_list(
    context: GatewayContext, db: Database, tmp_path: Path
) -> None:
    n, points = 187_000, 20
    for i in range(points):
        add_point(db, f"P{i:02d}", period_s=1.0)
        rule(db, context, f"P{i:02d}", h=step(40, priority=3))
    async with watched(context, db, tmp_path) as (h, alarms):
        end = context.clock.now_ms()
        at = end - 300_000 + (np.arange(n) * 300_000) // n
        which = np.arange(n) % points
        values = np.where((np.arange(n) // points) % 2 == 0, 50.0, 0.0)
        stored = 0
        for start in range(0, n, 17_000):
            part = slice(start, start + 17_000)
            answer = await push(h, [f"P{i:02d}" for i in which[part]], at[part], values[part])
            stored += answer["stored"]
            assert answer["rejected"] == {}, answer
        assert stored == n
        await flushed(alarms)
        came = int((values == 50.0).sum())
        assert count(db, "raised", "repeated") == came, "every one of them is in the journal"
        assert alarms.stats()["unmatched"] == 0
        with db.read() as session:
            rows, groups = (
                session.scalar(select(func.count(Alarm.id))) or 0,
                session.scalar(select(func.count(Group.id))) or 0,
            )
            repeats = session.scalar(select(func.sum(Alarm.repeats))) or 0
        assert (groups, rows, repeats) == (points, 3 * points, came - 3 * points), (
            "one line per point, with its number"
        )


async def test_two_publishers_that_fight_over_one_value_are_one_chattering_alarm(
    context: GatewayContext, db: Database, tmp_path: Path
) -> None:
    point = add_point(db, "HALL.TEMP", period_s=1.0)
    rule(db, context, "HALL.TEMP", h=step(40, priority=2))
    device = add_device(db, "D1", "http", "D1", {"a": point, "b": point})
    async with watched(context, db, tmp_path) as (h, alarms):
        now = context.clock.now_ms() - 60_000
        for i in range(40):  # one says 55, the other 21, every second, of the same thing
            readings = [
                {"address": "a", "t": now + i * 1000, "v": 55.0},
                {"address": "b", "t": now + i * 1000 + 500, "v": 21.0},
            ]
            answer = await h.client.post(PATH, json={"device": "D1", "readings": readings})
            assert answer.json()["stored"] == 2
        await flushed(alarms)
        assert count(db, "raised") == 3
        assert count(db, "repeated") == 37
        with db.read() as session:
            [group] = session.scalars(select(Group))
            worst = session.scalars(select(Alarm).order_by(Alarm.id.desc())).first()
        assert (group.size, worst.suppressed if worst else None, worst.repeats if worst else 0) == (
            3,
            "chattering",
            37,
        )
        assert h.telemetry.pipeline.books.source(device).balanced


async def test_children_that_died_behind_a_connected_gateway_go_grey_by_their_own_periods(
    context: GatewayContext, db: Database, tmp_path: Path
) -> None:
    alive, quick, slow = (add_point(db, c, period_s=p) for c, p in (("A", 0.5), ("Q", 0.5), ("S", 300.0)))
    for code in ("A", "Q", "S"):
        rule(db, context, code, stale={"factor": 3, "priority": 4})
    rows = [{"key": "a", "address": 0}, {"key": "q", "address": 50}, {"key": "s", "address": 51}]
    config = {"registers": rows, "periods": {"normal": 0.1}}
    async with pymodbus_server({1: {0: 215}}) as port:
        add_device(
            db, "PLC1", "modbus", f"127.0.0.1:{port}/1", {"a": alive, "q": quick, "s": slow}, config=config
        )
        async with watched(context, db, tmp_path) as (h, alarms):
            await push(h, ["Q", "S"], [context.clock.now_ms()] * 2, [1.0, 1.0])
            await until(lambda: count(db, "raised"))
            await flushed(alarms)
            with db.read() as session:
                silent = {a.point_id: a.step for a in session.scalars(select(Alarm))}
                groups = {g.kind for g in session.scalars(select(Group))}
            assert silent == {quick: "STALE"}, "the live one speaks, the slow one has its time"
            assert groups == {"source"}
            state = h.telemetry.live.rows([alive, quick, slow], context.clock.now_ms()).state
            assert list(state) == [State.ONLINE, State.STALE, State.ONLINE]


async def test_a_clock_that_goes_backwards_and_frames_twice_or_out_of_order(
    context: GatewayContext, db: Database, tmp_path: Path
) -> None:
    add_point(db, "P", period_s=1.0)
    rule(db, context, "P", h=step(40, priority=2))
    async with watched(context, db, tmp_path) as (h, alarms):
        now = context.clock.now_ms() - 120_000
        await push(h, ["P"] * 3, [now, now + 1000, now + 2000], [0.0, 50.0, 50.0])
        await flushed(alarms)
        assert count(db, "raised") == 1
        again = await push(h, ["P"] * 3, [now, now + 1000, now + 2000], [0.0, 50.0, 50.0])
        assert again["stored"] + sum(again["rejected"].values()) == 3, "duplicates are counted, not lost"
        await push(h, ["P"] * 2, [now + 1500, now - 3_600_000], [0.0, 0.0])
        await flushed(alarms)
        assert (count(db, "raised"), count(db, "cleared")) == (1, 0), (
            "old news clear nothing and raise nothing"
        )
        await push(h, ["P"], [now + 3000], [0.0])
        await flushed(alarms)
        assert (count(db, "raised"), count(db, "cleared")) == (1, 1)
