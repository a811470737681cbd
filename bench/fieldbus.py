"""The way in by push, Modbus and MQTT, each beside the plain way of doing the same.

    python -m bench.fieldbus [--seconds 3]

Prints one JSON line per measurement; ``ratio`` is against the named reference of the same run. Peers run in
this process, on loopback, so the figures are for both ends on one core.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import json
import struct
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import aiomqtt
import msgspec
import numpy as np
import pyarrow as pa
from pymodbus.client import AsyncModbusTcpClient

from parksight.gateways.activity import ActivityBook
from parksight.gateways.context import GatewayContext
from parksight.gateways.directory import DeviceDirectory
from parksight.gateways.frames import FrameLog
from parksight.gateways.http.columnar import parse_arrow
from parksight.gateways.http.textual import parse_json
from parksight.gateways.modbus.gateway import ModbusGateway
from parksight.gateways.modbus.templates import TemplateLibrary as ModbusTemplates
from parksight.gateways.models import Device, PointMapping
from parksight.gateways.mqtt.gateway import MqttGateway
from parksight.gateways.mqtt.models import MqttConnection
from parksight.gateways.mqtt.template import TemplateLibrary as MqttTemplates
from parksight.gateways.unknown import UnknownDevices
from parksight.kernel.bus import Bus
from parksight.kernel.clock import SystemClock
from parksight.kernel.db import Database
from parksight.kernel.sealing import Sealer
from parksight.kernel.settings import ModbusSettings, MqttSettings
from parksight.telemetry.models import Point
from parksight.telemetry.protocols import Callback, ReadingBatch, Receipt

T0 = 1_795_452_524_304


class Sinking:
    """An ingest that acknowledges on the next turn of the loop and keeps nothing."""

    def __init__(self) -> None:
        self.rows = 0

    async def submit(self, batch: ReadingBatch) -> Receipt:
        self.rows += len(batch)
        return Receipt(len(batch))

    def submit_nowait(self, batches: Sequence[ReadingBatch], done: Callback) -> bool:
        receipts = [Receipt(len(b)) for b in batches]
        self.rows += sum(r.stored for r in receipts)
        asyncio.get_running_loop().call_soon(lambda: done(receipts, None))
        return True

    async def room(self) -> None:
        return

    def reject(self, source: int, reason: str, count: int = 1, raw: bytes | None = None) -> None:
        return


def say(**figures: object) -> None:
    print(json.dumps(figures), flush=True)


def push(rows: int = 500_000) -> None:
    """Decoding of an Arrow push, beside the same rows as JSON through msgspec and a Python loop."""
    codes = [f"E{i % 90:03d}.TK{i}.LEVEL" for i in range(2_900)]
    index = (np.arange(rows) % len(codes)).astype(np.int32)
    table = pa.table(
        {
            "point_code": pa.DictionaryArray.from_arrays(pa.array(index), pa.array(codes)),
            "observed_at": pa.array(T0 + np.arange(rows), pa.timestamp("ms", tz="UTC")),
            "value": np.random.default_rng(1).random(rows),
        }
    )
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    body = sink.getvalue()
    parse_arrow(body, rows, 20)
    began = time.perf_counter()
    parse_arrow(body, rows, 20)
    arrow = rows / (time.perf_counter() - began)
    few = rows // 10
    document = {"readings": [{"point": codes[i % 2_900], "t": T0 + i, "v": i * 0.5} for i in range(few)]}
    text = msgspec.json.encode(document)
    began = time.perf_counter()
    parse_json(text, few, 20)
    plain = few / (time.perf_counter() - began)
    say(bench="push.arrow_decode", rows_per_s=round(arrow), reference="push.json_decode",
        reference_per_s=round(plain), ratio=round(arrow / plain, 1))  # fmt: skip


@contextlib.asynccontextmanager
async def modbus_peer() -> AsyncIterator[int]:
    """A server that answers every read with zeros, as cheaply as can be."""

    class Peer(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            self._transport = transport

        def data_received(self, data: bytes) -> None:
            for at in range(0, len(data), 12):
                transaction, unit, count = struct.unpack_from(">H4xB3xH", data, at)
                size = 2 * count
                self._transport.write(
                    struct.pack(">HHHBBB", transaction, 0, size + 3, unit, 3, size) + bytes(size)
                )

    server = await asyncio.get_running_loop().create_server(Peer, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def modbus(context: GatewayContext, db: Database, seconds: float, lines: int = 40) -> None:
    """Polls of 20 registers per second over 40 lines, decoded and handed over, beside pymodbus's client alone."""
    async with modbus_peer() as port:
        client = AsyncModbusTcpClient("127.0.0.1", port=port)
        await client.connect()
        began, reads = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            await client.read_holding_registers(0, count=20, device_id=1)
            reads += 1
        reference = reads / (time.perf_counter() - began)
        client.close()
        rows = [{"key": f"r{i}", "address": 2 * i, "type": "float32"} for i in range(10)]
        with db.session() as session:
            point = Point(code="M", name="M", quantity="level", unit="m", created_at=context.clock.now(),
                          updated_at=context.clock.now())  # fmt: skip
            session.add(point)
            session.flush()
            for i in range(lines):
                config = {"registers": rows, "periods": {"normal": 0.001}}
                # One line per loopback address: the same port, other hosts.
                device = Device(code=f"M{i}", name="M", protocol="modbus", address=f"127.0.0.{i + 1}:{port}/1",
                                config=config, created_at=context.clock.now(), updated_at=context.clock.now())  # fmt: skip
                session.add(device)
                session.flush()
                for row in rows:
                    session.add(PointMapping(device_id=device.id, address=str(row["key"]), point_id=point.id))
        context.directory.load()
        gateway = ModbusGateway(context, ModbusSettings(), ModbusTemplates())
        servers = [
            await asyncio.start_server(lambda r, w: _pipe(r, w, port), f"127.0.0.{i + 1}", port)
            for i in range(1, lines)
        ]
        await gateway.start()
        await asyncio.sleep(1.5)
        before, began = gateway.status().counters["replies"], time.perf_counter()
        await asyncio.sleep(seconds)
        polls = (gateway.status().counters["replies"] - before) / (time.perf_counter() - began)
        await gateway.stop()
        for server in servers:
            server.close()
    say(bench="modbus.polls", polls_per_s=round(polls), readings_per_s=round(polls * 10), lines=lines,
        reference="pymodbus.client", reference_per_s=round(reference), ratio=round(polls / reference, 2))  # fmt: skip


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _port: int) -> None:
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        while True:
            transaction, unit, count = struct.unpack(">H4xB3xH", await reader.readexactly(12))
            size = 2 * count
            writer.write(struct.pack(">HHHBBB", transaction, 0, size + 3, unit, 3, size) + bytes(size))


async def mqtt(context: GatewayContext, db: Database, folder: Path, messages: int = 6_000) -> None:
    """QoS 1 messages of 10 values through nats-server, durable before acknowledged, beside a bare aiomqtt client."""
    from tests.gateways.mqtt.brokers import nats

    values = {f"a{i}": i * 0.5 for i in range(10)}
    body = msgspec.json.encode({"ts": T0, "values": values})
    async with nats(folder) as broker:
        bare = await _bare(broker.port, body, messages)
        source = {"topic": "park/{site}/{node}/data", "device": "{site}/{node}", "template": "values-object"}
        now = context.clock.now()
        with db.session() as session:
            session.add(
                MqttConnection(
                    name="b", config={"host": "127.0.0.1", "port": broker.port, "sources": [source]}, created_at=now,
                    updated_at=now,
                )
            )  # fmt: skip
            device = Device(
                code="Q", name="Q", protocol="mqtt", address="b|E1/G1", created_at=now, updated_at=now
            )
            point = Point(code="Q", name="Q", quantity="level", unit="m", created_at=now, updated_at=now)
            session.add_all([device, point])
            session.flush()
            for address in values:
                session.add(PointMapping(device_id=device.id, address=address, point_id=point.id))
        context.directory.load()
        gateway = MqttGateway(context, MqttSettings(), db, Sealer(folder), MqttTemplates())
        await gateway.start()
        while not gateway.sessions["b"].connected:
            await asyncio.sleep(0.01)
        sender = asyncio.create_task(_send(broker.port, "park/E1/G1/data", body, messages))
        began = time.perf_counter()
        while gateway.status().counters.get("acknowledged", 0) < messages:
            await asyncio.sleep(0.02)
        ours = messages / (time.perf_counter() - began)
        await sender
        await gateway.stop()
    say(bench="mqtt.qos1", messages_per_s=round(ours), readings_per_s=round(ours * 10),
        reference="aiomqtt.receive_only", reference_per_s=round(bare), ratio=round(ours / bare, 2))  # fmt: skip


async def _send(port: int, topic: str, body: bytes, messages: int) -> None:
    async with aiomqtt.Client("127.0.0.1", port, max_inflight_messages=500) as client:
        client.pending_calls_threshold = 10_000
        for start in range(0, messages, 200):
            await asyncio.gather(*(client.publish(topic, body, qos=1) for _ in range(start, start + 200)))


async def _bare(port: int, body: bytes, messages: int) -> float:
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.subscribe("bare/x", qos=1)
        sender = asyncio.create_task(_send(port, "bare/x", body, messages))
        began, seen = time.perf_counter(), 0
        async for _ in client.messages:
            seen += 1
            if seen == messages:
                break
        rate = messages / (time.perf_counter() - began)
        await sender
        return rate


async def main(seconds: float) -> None:
    push()
    with tempfile.TemporaryDirectory(prefix="parksight-bench-") as name:
        folder = Path(name)
        db = Database(f"sqlite:///{folder / 'records.sqlite'}", Bus())
        db.create_all()
        context = GatewayContext(
            ingest=Sinking(), directory=DeviceDirectory(db), frames=FrameLog(folder / "frames.sqlite"),
            activity=ActivityBook(), unknown=UnknownDevices(db), clock=SystemClock(), bus=db.bus,
        )  # fmt: skip
        if sys.platform == "linux":  # all of 127/8 is loopback here
            await modbus(context, db, seconds)
        await mqtt(context, db, folder)
        context.frames.close()
        db.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=3.0)
    asyncio.run(main(parser.parse_args().seconds))
