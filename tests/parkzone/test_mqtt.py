"""The zone's own broker and publishers, seen by an independent subscriber."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import aiomqtt
import pytest

from parkzone.addresses import GROUP
from parkzone.engine import Engine, system_ms
from parkzone.mqtt import sparkplug
from parkzone.mqtt.broker import Broker, BrokerError, executable, free_port
from parkzone.mqtt.nodes import JsonNodes, SparkplugNode, topic
from parkzone.park import Park
from parkzone.seeds import key


@pytest.fixture(scope="module")
def engine(park: Park) -> Engine:
    return Engine(park, system_ms)


def test_json_gateways_publish_every_value_with_its_time(park: Park, engine: Engine, tmp_path: Path) -> None:
    devices = [d for d in park.catalogue.devices if d.kind == "json"]

    async def scenario() -> dict[str, dict[str, object]]:
        broker = Broker(folder=tmp_path)
        port = await broker.start()
        got: dict[str, dict[str, object]] = {}
        nodes = JsonNodes(devices, engine, "127.0.0.1", port)
        try:
            async with aiomqtt.Client("127.0.0.1", port, identifier="judge") as judge:
                await judge.subscribe("park/#", qos=1)
                task = asyncio.create_task(nodes.run())

                async def listen() -> None:
                    async for message in judge.messages:
                        assert isinstance(message.payload, bytes)
                        got[str(message.topic)] = json.loads(message.payload)
                        if len(got) == len(devices):
                            return

                await asyncio.wait_for(listen(), 30)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        finally:
            await broker.stop()
        return got

    got = asyncio.run(scenario())
    assert set(got) == {topic(d) for d in devices}
    of_device = park.catalogue.of_device()
    for d in devices:
        message = got[topic(d)]
        assert message["simulated"] is True
        assert message["ts"] == engine.at_ms
        values = message["values"]
        assert isinstance(values, dict)
        assert set(values) == {p.address for p in of_device[d.code]}
        for p in of_device[d.code]:
            assert values[p.address] == pytest.approx(float(engine.values[engine.row[p.code]]), abs=1e-9)


def test_messages_of_a_cut_are_delivered_afterwards(park: Park, engine: Engine, tmp_path: Path) -> None:
    device = next(d for d in park.catalogue.devices if d.kind == "json" and d.enterprise)
    quick = type(device)(**{**device.__dict__, "period_s": 1.0})
    clock = {"ms": 1_795_449_600_000}
    moving = Engine(park, lambda: clock["ms"])

    async def scenario() -> list[int]:
        broker = Broker(folder=tmp_path)
        port = await broker.start()
        nodes = JsonNodes([quick], moving, "127.0.0.1", port)
        stamps: list[int] = []
        try:
            async with (
                aiomqtt.Client("127.0.0.1", port, identifier="judge") as judge,
                aiomqtt.Client("127.0.0.1", port, identifier="gateway") as client,
            ):
                await judge.subscribe(topic(device), qos=1)
                for second in range(6):
                    if second == 2:
                        moving.offline.add(device.code)
                    if second == 4:
                        moving.offline.clear()
                    moving.tick()
                    await nodes._publish(client)
                    clock["ms"] += 1000
                async for message in judge.messages:
                    assert isinstance(message.payload, bytes)
                    body = json.loads(message.payload)
                    second = (body["ts"] - 1_795_449_600_000) // 1000
                    assert body.get("historical", False) == (second in (2, 3))
                    stamps.append(second)
                    if len(stamps) == 6:
                        break
        finally:
            await broker.stop()
        return stamps

    assert sorted(asyncio.run(scenario())) == [0, 1, 2, 3, 4, 5]


def test_sparkplug_births_data_rebirth_and_death(park: Park, engine: Engine, tmp_path: Path) -> None:
    device = next(d for d in park.catalogue.devices if d.kind == "sparkplug")
    quick = type(device)(**{**device.__dict__, "period_s": 0.3})
    points = park.catalogue.of_device()[device.code]

    async def scenario() -> list[tuple[str, bytes]]:
        broker = Broker(folder=tmp_path)
        port = await broker.start()
        node = SparkplugNode(quick, points, engine, "127.0.0.1", port)
        got: list[tuple[str, bytes]] = []
        try:
            async with aiomqtt.Client("127.0.0.1", port, identifier="judge") as judge:
                await judge.subscribe(f"spBv1.0/{GROUP}/#", qos=1)
                task = asyncio.create_task(node.run())

                async def listen(until: str, count: int) -> None:
                    async for message in judge.messages:
                        assert isinstance(message.payload, bytes)
                        got.append((str(message.topic).split("/")[2], message.payload))
                        if sum(kind == until for kind, _ in got) >= count:
                            return

                await asyncio.wait_for(listen("DDATA", 2), 20)
                command = sparkplug.payload(
                    1, [sparkplug.Metric(None, 1, sparkplug.BOOLEAN, True, "Node Control/Rebirth")], None
                )
                await judge.publish(f"spBv1.0/{GROUP}/NCMD/{node.node}", command, qos=1)
                await asyncio.wait_for(listen("DBIRTH", 2), 20)
                # the connection breaks without a goodbye: the broker publishes the will
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        finally:
            await broker.stop()
        return got

    got = asyncio.run(scenario())
    kinds = [kind for kind, _ in got]
    assert kinds[:2] == ["NBIRTH", "DBIRTH"]
    assert kinds.count("NBIRTH") == 2
    birth = next(body for kind, body in got if kind == "DBIRTH")
    data = next(body for kind, body in got if kind == "DDATA")
    for p in points:
        assert p.address.encode() in birth
        assert p.address.encode() not in data
    sequence = [body[-1] for kind, body in got]  # seq is the last field, below 128 here
    assert sequence[:4] == [0, 1, 2, 3]


def test_payload_equals_a_captured_death() -> None:
    # sparkplug_ndeath of the project's vectors, captured from pysparkplug 0.6.1
    captured = bytes.fromhex("08dec1bdcaa03412120a056264536571188eb2bdcaa03420045801")
    metric = sparkplug.Metric(None, 1_795_452_524_814, sparkplug.INT64, 1, "bdSeq")
    assert sparkplug.payload(1_795_452_526_814, [metric], None) == captured


def test_broker_says_when_its_port_is_taken(tmp_path: Path) -> None:
    async def scenario() -> None:
        first = Broker(folder=tmp_path / "a")
        port = await first.start()
        try:
            # the first broker would answer in place of the second
            with pytest.raises(BrokerError, match=str(port)):
                await Broker(port=port, folder=tmp_path / "b").start()
        finally:
            await first.stop()

    asyncio.run(scenario())


def test_broker_leaves_nothing_behind(tmp_path: Path) -> None:
    async def scenario() -> tuple[int, Path]:
        broker = Broker()
        port = await broker.start()
        home = broker._temporary
        assert home is not None
        await broker.stop()
        return port, home

    port, home = asyncio.run(scenario())
    assert not home.exists()
    with pytest.raises(OSError):
        asyncio.run(asyncio.open_connection("127.0.0.1", port))


def test_tools() -> None:
    assert Path(executable()).exists()
    assert 1024 < free_port("127.0.0.1") < 65536
    assert key(1, "a") == key(1, "a") != key(2, "a")
