"""The gateway over real sockets: pymodbus as a well-behaved peer, and peers that are not."""

from __future__ import annotations

import asyncio
import contextlib
import math
import struct
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from tests.gateways.modbus.peers import pymodbus_server, raw_server
from tests.gateways.support import RecordingIngest, add_device, add_point

from parksight.gateways.context import GatewayContext
from parksight.gateways.modbus.codec import crc16
from parksight.gateways.modbus.gateway import ModbusGateway
from parksight.gateways.modbus.templates import TemplateLibrary
from parksight.kernel.db import Database
from parksight.kernel.settings import ModbusSettings
from parksight.telemetry.quality import Quality, QualityFlag

pytestmark = pytest.mark.anyio

FAST = {"timeout_s": 0.1, "retries": 0, "backoff_top_s": 1.0}
ROW = {"key": "a", "address": 0, "group": "g"}


@contextlib.asynccontextmanager
async def running(context: GatewayContext, **settings: Any) -> AsyncIterator[ModbusGateway]:
    context.directory.load()
    gateway = ModbusGateway(context, ModbusSettings(connect_timeout_s=0.5, **settings), TemplateLibrary())
    await gateway.start()
    try:
        yield gateway
    finally:
        await gateway.stop()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


def ingest_of(context: GatewayContext) -> RecordingIngest:
    assert isinstance(context.ingest, RecordingIngest)
    return context.ingest


def device(
    db: Database, port: int, unit: int = 1, mappings: dict[str, int] | None = None, **more: Any
) -> int:
    config = more.pop("config", {"registers": [ROW], "periods": {"g": 0.05}})
    return add_device(
        db, f"D{port}.{unit}", "modbus", f"127.0.0.1:{port}/{unit}", mappings, config=config,
        policy=more.pop("policy", FAST), **more,
    )  # fmt: skip


def words(value: float) -> tuple[int, int]:
    high, low = struct.unpack(">HH", struct.pack(">f", value))
    return int(high), int(low)


@pytest.mark.parametrize("framing", ["tcp", "rtu"])
async def test_reads_a_meter_by_template(context: GatewayContext, db: Database, framing: str) -> None:
    rows: dict[int, int] = {}
    for at, value in (
        (0, 5.9),
        (2, 120.5),
        (4, 5.8),
        (6, 119.0),
        (8, 5.85),
        (10, 118.0),
        (12, 2300.0),
        (14, 400.0),
    ):
        rows[at], rows[at + 1] = words(value)
    rows[16], rows[17] = words(math.nan)
    rows[18], rows[19] = 0x0001, 0x0002
    points = {k: add_point(db, k, "voltage", "kV") for k in ("UA", "PF", "EP")}
    async with pymodbus_server({7: rows}, framing) as port:
        found = device(
            db, port, 7, points, simulated=True,
            config={"template": "energy-meter-3p", "framing": framing, "periods": {"fast": 0.05}},
            policy={"timeout_s": 2.0},
        )  # fmt: skip
        async with running(context) as gateway:
            await until(lambda: len(ingest_of(context).batches) >= 2)
            status = gateway.status()
    got = {p: v for p, _, v, _ in ingest_of(context).rows()}
    assert got[points["UA"]] == pytest.approx(5.9, abs=1e-6)
    assert math.isnan(got[points["PF"]])
    assert got[points["EP"]] == 65_538
    assert {b.source for b in ingest_of(context).batches} == {found}
    assert {q for *_, q in ingest_of(context).rows()} == {Quality.UNKNOWN | QualityFlag.SIMULATED}
    assert status.counters["lines"] == 1
    assert status.counters["replies"] >= 2
    assert status.rejected == {}
    activity = context.activity.of(found)
    assert activity.connected
    assert activity.stored == activity.readings
    newest = context.frames.read(found)
    assert {f.direction for f in newest} == {"in", "out"}


async def test_status_register_decides_quality(context: GatewayContext, db: Database) -> None:
    # Controller addresses count from 1: channel 1 value at 101, its state at 102.
    units = {1: {100: 0x0085, 101: 4, 102: 0x8000, 103: 0}}
    config = {
        "zero_based": False,
        "periods": {"g": 0.05},
        "registers": [
            {"key": "CH1", "address": 101, "type": "int16", "scale": 0.1, "group": "g", "no_value": ["0x8000"],
             "status": {"key": "S1", "codes": {"0": "good", "4": "calibration"}}},
            {"key": "S1", "address": 102, "group": "g"},
            {"key": "CH2", "address": 103, "type": "int16", "scale": 0.1, "group": "g", "no_value": ["0x8000"],
             "status": {"key": "S2", "codes": {"0": "good"}}},
            {"key": "S2", "address": 104, "group": "g"},
        ],
    }  # fmt: skip
    points = {k: add_point(db, k) for k in ("CH1", "CH2")}
    async with pymodbus_server(units) as port:
        device(db, port, 1, points, config=config, policy={"timeout_s": 2.0})
        async with running(context):
            await until(lambda: ingest_of(context).batches)
    rows = {p: (v, q) for p, _, v, q in ingest_of(context).rows()}
    assert rows[points["CH1"]] == (pytest.approx(13.3), Quality.CALIBRATION)
    assert math.isnan(rows[points["CH2"]][0])
    assert rows[points["CH2"]][1] == Quality.GOOD


async def test_a_dead_unit_does_not_stop_its_neighbours(context: GatewayContext, db: Database) -> None:
    one, two = add_point(db, "P1"), add_point(db, "P2")
    async with pymodbus_server({1: {0: 11}, 2: {0: 22}, 3: {0: 33}}, "rtu", frozenset({2})) as port:
        config = {"framing": "rtu", "registers": [ROW], "periods": {"g": 0.05}}
        policy = {**FAST, "timeout_s": 0.3}
        device(db, port, 1, {"a": one}, config=config, policy=policy)
        dead = device(db, port, 2, {"a": one}, config=config, policy=policy)
        device(db, port, 3, {"a": two}, config=config, policy=policy)
        async with running(context) as gateway:
            await until(lambda: context.activity.of(dead).errors["modbus_timeout"] >= 2)
            await until(lambda: {p for p, *_ in ingest_of(context).rows()} == {one, two})
            before = len(ingest_of(context).batches)
            await until(lambda: len(ingest_of(context).batches) > before + 4)
            assert gateway.status().counters["units_silent"] == 1
            assert len(gateway.connections()) == 2
    activity = context.activity.of(dead)
    assert activity.connected is False
    assert activity.refusal == "modbus_timeout"
    assert {(p, v) for p, _, v, _ in ingest_of(context).rows()} == {(one, 11.0), (two, 33.0)}


async def test_a_register_that_does_not_exist_is_put_aside(context: GatewayContext, db: Database) -> None:
    points = {k: add_point(db, k) for k in ("a", "b", "c")}
    rows = [{"key": k, "address": a, "group": "g"} for k, a in (("a", 0), ("b", 1), ("c", 2))]
    async with pymodbus_server({1: {0: 10, 2: 12}}) as port:
        found = device(
            db, port, 1, points, config={"registers": rows, "periods": {"g": 0.05}}, policy={"timeout_s": 2.0}
        )
        async with running(context) as gateway:
            await until(lambda: len({p for p, *_ in ingest_of(context).rows()}) == 2)
            await until(lambda: gateway.status().rejected.get("exception_illegal_address", 0) >= 2)
            before = gateway.status().rejected["exception_illegal_address"]
            polls = len(ingest_of(context).batches)
            await until(lambda: len(ingest_of(context).batches) > polls + 6)
            assert gateway.status().rejected["exception_illegal_address"] == before, "not asked again so soon"
    assert {(p, v) for p, _, v, _ in ingest_of(context).rows()} == {(points["a"], 10.0), (points["c"], 12.0)}
    assert context.activity.of(found).unmapped["b"] == 1


def tcp_reply(request: bytes, pdu: bytes, **change: int) -> bytes:
    transaction, _, _, unit = struct.unpack(">HHHB", request[:7])
    transaction, unit = change.get("transaction", transaction), change.get("unit", unit)
    return struct.pack(">HHHB", transaction, change.get("protocol", 0), len(pdu) + 1, unit) + pdu


GOOD = struct.pack(">BBH", 3, 2, 42)


@pytest.mark.parametrize(
    ("code", "reason"), [(1, "illegal_function"), (4, "device_failure"), (6, "device_busy"), (0x0B, "gateway_target"), (99, "exception_other")]
)  # fmt: skip
async def test_exceptions_are_counted_and_polling_goes_on(
    context: GatewayContext, db: Database, code: int, reason: str
) -> None:
    asked = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        while True:
            request = await reader.readexactly(12)
            asked += 1
            pdu = bytes((0x83, code)) if request[6] == 1 else GOOD
            writer.write(tcp_reply(request, pdu))

    point = add_point(db, "P")
    async with raw_server(handler) as port:
        bad = device(db, port, 1, {"a": point}, policy={**FAST, "busy_wait_s": 0.02, "recheck_s": 1})
        device(db, port, 2, {"a": point})
        async with running(context) as gateway:
            await until(lambda: gateway.status().rejected.get(f"exception_{reason}", 0) >= 1)
            await until(lambda: len(ingest_of(context).batches) >= 3)
    assert context.activity.of(bad).errors[f"modbus_{reason}"] >= 1
    assert {v for _, _, v, _ in ingest_of(context).rows()} == {42.0}


async def hostile(
    context: GatewayContext,
    db: Database,
    answer: Callable[[bytes], bytes],
    counter: str,
    framing: str = "tcp",
) -> None:
    """The peer answers the first two requests with ``answer`` and then behaves; the gateway counts and recovers."""
    asked = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        while True:
            request = await reader.readexactly(12 if framing == "tcp" else 8)
            asked += 1
            good = tcp_reply(request, GOOD) if framing == "tcp" else rtu(b"\x01" + GOOD)
            writer.write(answer(request) if asked <= 2 else good)

    point = add_point(db, "P")
    async with raw_server(handler) as port:
        device(
            db, port, 1, {"a": point}, config={"framing": framing, "registers": [ROW], "periods": {"g": 0.05}}
        )
        async with running(context) as gateway:
            await until(lambda: len(ingest_of(context).batches) >= 2)
            status = gateway.status()
    assert status.rejected.get(counter, status.counters.get(counter, 0)) >= 1, status
    assert {v for _, _, v, _ in ingest_of(context).rows()} == {42.0}


def rtu(body: bytes) -> bytes:
    return body + struct.pack("<H", crc16(body))


@pytest.mark.parametrize(
    ("answer", "counter"),
    [
        (lambda r: b"HTTP/1.1 400 Bad Request\r\n\r\n", "bad_mbap"),
        (lambda r: tcp_reply(r, GOOD, protocol=7), "bad_mbap"),
        (lambda r: tcp_reply(r, GOOD, transaction=60_000), "late_reply"),
        (lambda r: tcp_reply(r, GOOD, unit=9), "wrong_unit"),
        (lambda r: tcp_reply(r, GOOD)[:-1], "timeouts"),
        (lambda r: tcp_reply(r, struct.pack(">BBHH", 3, 4, 1, 2)), "wrong_length"),
        (lambda r: tcp_reply(r, b"\x03"), "wrong_length"),
        (lambda r: tcp_reply(r, struct.pack(">BBH", 4, 2, 1)), "wrong_function"),
        (lambda r: tcp_reply(r, b"\x83"), "short_reply"),
        (lambda r: b"", "timeouts"),
    ],
)  # fmt: skip
async def test_hostile_tcp_peers(
    context: GatewayContext, db: Database, answer: Callable[[bytes], bytes], counter: str
) -> None:
    await hostile(context, db, answer, counter)


@pytest.mark.parametrize(
    ("answer", "counter"),
    [
        (lambda r: rtu(b"\x01" + GOOD)[:-1] + b"\x00", "bad_crc"),
        (lambda r: rtu(b"\x09" + GOOD), "wrong_unit"),
        (lambda r: b"\x5a" * 3_000, "garbage"),
        (lambda r: rtu(b"\x01" + GOOD)[:4], "timeouts"),
        (lambda r: rtu(b"\x01" + struct.pack(">BBH", 4, 2, 1)), "wrong_function"),
    ],
)  # fmt: skip
async def test_hostile_rtu_peers(
    context: GatewayContext, db: Database, answer: Callable[[bytes], bytes], counter: str
) -> None:
    await hostile(context, db, answer, counter, "rtu")


async def test_noise_before_a_good_rtu_reply_is_skipped(context: GatewayContext, db: Database) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await reader.readexactly(8)
            writer.write(b"\xff\x00\xff" + rtu(b"\x01" + GOOD))

    point = add_point(db, "P")
    async with raw_server(handler) as port:
        device(
            db, port, 1, {"a": point}, config={"framing": "rtu", "registers": [ROW], "periods": {"g": 0.05}}
        )
        async with running(context):
            await until(lambda: len(ingest_of(context).batches) >= 2)


async def test_a_slow_peer_is_understood(context: GatewayContext, db: Database) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            request = await reader.readexactly(12)
            for byte in tcp_reply(request, GOOD):
                writer.write(bytes((byte,)))
                await writer.drain()
                await asyncio.sleep(0.001)

    point = add_point(db, "P")
    async with raw_server(handler) as port:
        device(db, port, 1, {"a": point}, policy={**FAST, "timeout_s": 2.0})
        async with running(context):
            await until(lambda: len(ingest_of(context).batches) >= 2)


async def test_reconnects_when_the_peer_hangs_up(context: GatewayContext, db: Database) -> None:
    connections = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        writer.write(tcp_reply(await reader.readexactly(12), GOOD))
        await writer.drain()

    point = add_point(db, "P")
    async with raw_server(handler) as port:
        device(db, port, 1, {"a": point})
        async with running(context) as gateway:
            await until(lambda: len(ingest_of(context).batches) >= 3)
            assert gateway.status().counters["connection_closed"] >= 1
    assert connections >= 3


async def test_nobody_listens(context: GatewayContext, db: Database) -> None:
    async with raw_server(lambda r, w: asyncio.sleep(0)) as port:
        pass
    found = device(db, port, 1, {"a": add_point(db, "P")})
    async with running(context) as gateway:
        await until(lambda: context.activity.of(found).refusal == "connect_refused")
        assert gateway.status().connections == 0


async def test_follows_the_device_list(context: GatewayContext, db: Database) -> None:
    point = add_point(db, "P")
    async with pymodbus_server({1: {0: 1}, 2: {0: 2}}) as port, pymodbus_server({1: {0: 3}}) as other:
        device(db, port, 1, {"a": point}, policy={"timeout_s": 2.0})
        async with running(context, max_lines=2) as gateway:
            await until(lambda: {v for _, _, v, _ in ingest_of(context).rows()} == {1.0})
            added = device(db, port, 2, {"a": point}, policy={"timeout_s": 2.0})
            device(db, other, 1, {"a": point}, policy={"timeout_s": 2.0})
            conflicting = device(db, other, 5, {"a": point}, config={"framing": "rtu"})
            missing = device(db, other, 6, {"a": point}, config={"template": "no-such"})
            too_many = device(db, 1, 1, {"a": point})
            context.directory.load()
            gateway.reload_devices()
            await until(lambda: {v for _, _, v, _ in ingest_of(context).rows()} == {1.0, 2.0, 3.0})
            assert context.activity.of(conflicting).refusal == "framing_conflict"
            assert context.activity.of(missing).refusal == "template_missing"
            assert context.activity.of(too_many).refusal == "too_many_lines"
            with db.session() as session:
                from parksight.gateways.models import Device

                for row in session.query(Device).filter(Device.id != added):
                    row.enabled = False
            context.directory.load()
            gateway.reload_devices()
            await until(lambda: gateway.status().counters["units"] == 1)
            assert gateway.status().counters["lines"] == 1


async def test_a_full_pipeline_pauses_polling(
    context: GatewayContext, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("parksight.gateways.modbus.gateway._MAX_WAITING", 5)
    point = add_point(db, "P")
    ingest_of(context).full = True
    async with pymodbus_server({1: {0: 1}}) as port:
        device(
            db,
            port,
            1,
            {"a": point},
            config={"registers": [ROW], "periods": {"g": 0.01}},
            policy={"timeout_s": 2.0},
        )
        async with running(context) as gateway:
            await until(lambda: gateway.status().counters.get("paused_full", 0) >= 1)
            replies = gateway.status().counters["replies"]
            await asyncio.sleep(0.3)
            assert gateway.status().counters["replies"] <= replies + 1
            ingest_of(context).full = False
            await until(lambda: gateway.status().counters["replies"] > replies + 5)
    assert len(ingest_of(context).batches) >= 6
