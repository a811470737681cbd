"""The same over a real broker and over HJ 212: fighting publishers, a death, frames twice and out of order."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import aiomqtt
import pytest
from sqlalchemy import select
from tests.alarms.kit import step
from tests.alarms.test_replays import count, flushed, rule, watched
from tests.gateways.conftest import context, db, directory
from tests.gateways.hj212.cases import MN
from tests.gateways.hj212.peer import Peer
from tests.gateways.mqtt.brokers import nats
from tests.gateways.mqtt.test_gateway import body, publisher, running
from tests.gateways.mqtt.test_sparkplug import bd_seq, metric, payload
from tests.gateways.support import add_device, add_point
from tests.gateways.test_whole_way import House, until

from parksight.alarms.models import Alarm, Group, JournalEntry
from parksight.gateways.context import GatewayContext
from parksight.gateways.hj212.gateway import Hj212Gateway
from parksight.kernel.db import Database
from parksight.kernel.settings import Hj212Settings

__all__ = ["context", "db", "directory"]
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def into(h: House, context: GatewayContext) -> GatewayContext:
    """What a gateway needs, with the real door of the house."""
    return dataclasses.replace(context, ingest=h.telemetry.pipeline)


def stored(h: House, device: int) -> int:
    books = h.telemetry.pipeline.books.source(device)
    return books.stored if books.balanced else -1


async def test_two_publishers_on_a_broker_that_fight_over_one_value(
    context: GatewayContext, db: Database, tmp_path: Path
) -> None:
    point = add_point(db, "HALL.TEMP", period_s=1.0)
    rule(db, context, "HALL.TEMP", h=step(40, priority=2))
    device = add_device(db, "D1", "mqtt", "plant|E1/GW1", {"t": point})
    async with (
        watched(context, db, tmp_path) as (h, alarms),
        nats(tmp_path) as broker,
        running(into(h, context), db, tmp_path, broker.port),
        publisher(broker.port, "3.1.1", identifier="one") as one,
        publisher(broker.port, "3.1.1", identifier="other") as other,
    ):
        now = context.clock.now_ms() - 60_000
        for i in range(40):  # one says 55, the other 21, every second, of the same topic
            await one.publish("park/E1/GW1/data", body(now + i * 1000, t=55.0), qos=1)
            await other.publish("park/E1/GW1/data", body(now + i * 1000 + 500, t=21.0), qos=1)
            await until(lambda n=2 * i + 2: stored(h, device) >= n)  # type: ignore[misc]  # bound at once
        await flushed(alarms)
        assert (count(db, "raised"), count(db, "repeated")) == (3, 37), "every one is in the journal"
        with db.read() as session:
            [group] = session.scalars(select(Group))
            newest = session.scalars(select(Alarm).order_by(Alarm.id.desc())).first()
        assert newest is not None
        assert (group.size, newest.suppressed, newest.repeats) == (3, "chattering", 37)


async def test_a_source_whose_broker_says_it_is_dead_is_unknown_at_once(
    context: GatewayContext, db: Database, tmp_path: Path
) -> None:
    level, temp = (add_point(db, c, period_s=600.0) for c in ("L", "T"))
    for code in ("L", "T"):
        rule(db, context, code, h=step(40, priority=2))
    device = add_device(db, "D", "mqtt", "plant|E001/GW01", {"level": level, "temp": temp})
    root = "spBv1.0/qingyuan"
    will = aiomqtt.Will(f"{root}/NDEATH/E001", payload(None, bd_seq(0)), qos=1)
    sparkplug = [{"group": "qingyuan", "host_id": "parksight"}]
    async with (
        watched(context, db, tmp_path) as (h, alarms),
        nats(tmp_path) as broker,
        running(into(h, context), db, tmp_path, broker.port, sparkplug=sparkplug) as gateway,
    ):
        await until(lambda: gateway.sessions["plant"].connected)
        node = publisher(broker.port, "3.1.1", will=will)
        await node.__aenter__()
        await node.publish(f"{root}/NBIRTH/E001", payload(0, bd_seq(0)), qos=0)
        at = context.clock.now_ms() - 1000
        birth = payload(1, metric("level", 0, 50.0), metric("temp", 1, 20.0), at=at)
        await node.publish(f"{root}/DBIRTH/E001/GW01", birth, qos=0)
        await until(lambda: count(db, "raised"))
        sock = node._client.socket()
        assert sock is not None
        sock.shutdown(2)  # it dies without a word: the broker sends its will
        await until(lambda: count(db, "unknown"))
        with contextlib.suppress(aiomqtt.MqttError):
            await node.__aexit__(None, None, None)
        await flushed(alarms)
        with db.read() as session:
            [alarm] = session.scalars(select(Alarm))
            [entry] = session.scalars(select(JournalEntry).where(JournalEntry.what == "unknown"))
        assert (alarm.point_id, alarm.condition, alarm.cleared_at) == (level, "unknown", None)
        assert entry.detail == {"reason": "source_died", "source": device, "said": "sparkplug.death"}
        async with publisher(broker.port, "3.1.1") as again:  # it is born anew and still beyond its limit
            await again.publish(f"{root}/NBIRTH/E001", payload(0, bd_seq(0)), qos=0)
            birth = payload(1, metric("level", 0, 51.0), metric("temp", 1, 20.0), at=context.clock.now_ms())
            await again.publish(f"{root}/DBIRTH/E001/GW01", birth, qos=0)
            await until(lambda: count(db, "known"))
        assert count(db, "raised", "cleared") == 1


@contextlib.asynccontextmanager
async def hj212(h: House, context: GatewayContext, db: Database) -> AsyncIterator[Hj212Gateway]:
    gateway = Hj212Gateway(into(h, context), Hj212Settings(port=0, flush_ms=1), db, newest=None, unseal=str)
    await gateway.start()
    try:
        while not gateway.decoder.ready:
            await asyncio.sleep(0.01)
        yield gateway
    finally:
        await gateway.stop()


async def test_hj212_frames_twice_and_out_of_order_raise_once_and_clear_once(
    context: GatewayContext, db: Database, tmp_path: Path
) -> None:
    point = add_point(db, "SO2", "concentration", "mg/m3", period_s=30.0)
    rule(db, context, "SO2", h=step(40, priority=2))
    device = add_device(db, "CEMS", "hj212", MN, {"a21026-Rtd": point})
    context.directory.load()
    async with (
        watched(context, db, tmp_path) as (h, alarms),
        hj212(h, context, db) as gateway,
        Peer(gateway.port) as peer,
    ):
        begin = (context.clock.now_ms() - 300_000) // 1000 * 1000

        async def say(second: int, value: float) -> None:
            answer = await peer.upload(
                peer.segment(2011, peer.content(begin + second * 1000, {"a21026-Rtd": value}))
            )
            assert answer.cn == 9014, "taken in, whatever its order"

        for second, value in ((0, 10.0), (30, 50.0), (60, 55.0)):
            await say(second, value)
        await until(lambda: count(db, "raised"))
        for second, value in ((0, 10.0), (30, 50.0), (60, 55.0)):  # the logger did not hear our answers
            await say(second, value)
        await say(45, 5.0)  # came by another way, later
        await say(15, 70.0)
        await flushed(alarms)
        assert (count(db, "raised"), count(db, "cleared")) == (1, 0), (
            "old news clear nothing and raise nothing"
        )
        await say(90, 8.0)
        await until(lambda: count(db, "cleared"))
        await flushed(alarms)
        assert (count(db, "raised"), count(db, "cleared"), count(db, "repeated")) == (1, 1, 0)
        with db.read() as session:
            [alarm] = session.scalars(select(Alarm))
        assert round(alarm.raised_at.timestamp() * 1000) == begin + 30_000
        assert h.telemetry.pipeline.books.source(device).balanced
