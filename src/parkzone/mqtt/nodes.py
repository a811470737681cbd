"""MQTT publishers: one client for all plain JSON gateways, one for the Sparkplug B edge node."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence

import aiomqtt

from parkzone.addresses import GROUP
from parkzone.catalogue.specs import Device, Point
from parkzone.engine import Engine
from parkzone.mqtt import sparkplug
from parkzone.mqtt.sparkplug import DOUBLE, INT64, Metric

#: Topics: ``park/<firm>/<gateway>/data`` and ``park/weather/<station>/data``.
TOPIC = "park/{key}/data"
RECONNECT_S = 2.0


def topic(device: Device) -> str:
    """Topic of a JSON gateway."""
    return TOPIC.format(key=device.key)


def node_of(device: Device) -> tuple[str, str]:
    """Sparkplug node and device ids of a gateway key ``E001/GW01``."""
    node, _, leaf = device.key.partition("/")
    return node, leaf


class JsonNodes:
    """All JSON gateways of the zone, each publishing its values with its own period.

    Payload: ``{"ts": ms, "simulated": true, "values": {"<address>": number}}``; messages kept during a cut and
    delivered later carry ``"historical": true``.
    """

    def __init__(self, devices: Sequence[Device], engine: Engine, host: str, port: int) -> None:
        self.devices = [d for d in devices if not d.dead]
        self.engine = engine
        self.host, self.port = host, port
        self.counters: Counter[str] = Counter()
        self._points = engine.points
        self._sent: dict[str, int] = {}
        self._held: dict[str, list[bytes]] = {}

    async def run(self) -> None:
        """Publish every tick what is due, reconnecting when the broker goes."""
        while True:
            try:
                async with aiomqtt.Client(
                    self.host, self.port, identifier="parkzone-gateways", keepalive=30
                ) as client:
                    while True:
                        await self._publish(client)
                        await asyncio.sleep(1.0 - (self.engine.clock_ms() % 1000) / 1000.0 + 0.05)
            except aiomqtt.MqttError:
                self.counters["reconnects"] += 1
                await asyncio.sleep(RECONNECT_S)

    async def _publish(self, client: aiomqtt.Client) -> None:
        at = self.engine.at_ms
        for i, device in enumerate(self.devices):
            period = int(device.period_s * 1000)
            due = (at - i * 1000) // period
            if self._sent.get(device.code) == due:
                continue
            self._sent[device.code] = due
            if device.code in self.engine.offline:
                self._hold(device.code, self.message(device, historical=True))
                continue
            for old in self._held.pop(device.code, []):
                await client.publish(topic(device), old, qos=1)
                self.counters["backfilled"] += 1
            await client.publish(topic(device), self.message(device), qos=0)
            self.counters["published"] += 1

    def _hold(self, code: str, body: bytes) -> None:
        """A gateway keeps a day of messages while it is cut off."""
        held = self._held.setdefault(code, [])
        if len(held) < 20_000:
            held.append(body)
        else:
            self.counters["lost"] += 1

    def message(self, device: Device, *, historical: bool = False) -> bytes:
        """The JSON message of a gateway for the present snapshot; missing sensors are left out."""
        engine = self.engine
        values = {}
        for row in engine.rows_of[device.code]:
            if not engine.missing[row]:
                values[self._points[row].address] = float(engine.text(row, float(engine.values[row])))
        stamp = engine.device_ms(device.code)
        body: dict[str, object] = {"ts": stamp, "simulated": True, "values": values}
        if historical:
            body["historical"] = True
        return json.dumps(body, separators=(",", ":")).encode()


class SparkplugNode:
    """One Sparkplug B edge node with one device: births, data by alias, rebirth on command, death as will."""

    def __init__(self, device: Device, points: Sequence[Point], engine: Engine, host: str, port: int) -> None:
        self.device = device
        self.points = points
        self.engine = engine
        self.host, self.port = host, port
        self.rows = engine.rows_of[device.code]
        self.node, self.leaf = node_of(device)
        self.counters: Counter[str] = Counter()
        self._bd_seq = -1
        self._seq = 0
        self._last: dict[int, float | None] = {}

    def _topic(self, kind: str, leaf: bool) -> str:
        return f"spBv1.0/{GROUP}/{kind}/{self.node}" + (f"/{self.leaf}" if leaf else "")

    async def run(self) -> None:
        while True:
            self._bd_seq = (self._bd_seq + 1) % 256
            will = aiomqtt.Will(
                self._topic("NDEATH", False), sparkplug.death(self._bd_seq, self.engine.clock_ms()), qos=1
            )
            try:
                async with aiomqtt.Client(
                    self.host, self.port, identifier=f"parkzone-{self.node}", keepalive=30, will=will
                ) as client:
                    await client.subscribe(self._topic("NCMD", False), qos=1)
                    await self.birth(client)
                    commands = asyncio.create_task(self._commands(client))
                    try:
                        await self._data(client)
                    finally:
                        commands.cancel()
                        await asyncio.gather(commands, return_exceptions=True)
            except aiomqtt.MqttError:
                self.counters["reconnects"] += 1
                await asyncio.sleep(RECONNECT_S)

    async def _commands(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            body = message.payload if isinstance(message.payload, bytes) else b""
            if b"Node Control/Rebirth" in body:
                self.counters["rebirths"] += 1
                await self.birth(client)

    async def birth(self, client: aiomqtt.Client) -> None:
        """NBIRTH (sequence 0) and DBIRTH with names, aliases and present values."""
        now = self.engine.device_ms(self.device.code)
        self._seq = 0
        node = [
            Metric(None, now, INT64, self._bd_seq, "bdSeq"),
            Metric(None, now, sparkplug.BOOLEAN, False, "Node Control/Rebirth"),
        ]
        await client.publish(self._topic("NBIRTH", False), sparkplug.payload(now, node, 0), qos=0)
        born = [
            Metric(alias, now, DOUBLE, self._value(row), self.points[alias].address)
            for alias, row in enumerate(self.rows)
        ]
        self._last = {alias: m.value for alias, m in enumerate(born) if not isinstance(m.value, bool)}
        await client.publish(self._topic("DBIRTH", True), sparkplug.payload(now, born, self._next()), qos=0)
        self.counters["births"] += 1

    def _next(self) -> int:
        self._seq = (self._seq + 1) % 256
        return self._seq

    def _value(self, row: int) -> float | None:
        return (
            None if self.engine.missing[row] else float(self.engine.text(row, float(self.engine.values[row])))
        )

    async def _data(self, client: aiomqtt.Client) -> None:
        """All values every period: report by exception would make a quiet detector look dead."""
        while True:
            period = self.device.period_s
            await asyncio.sleep(period - (self.engine.clock_ms() / 1000.0) % period + 0.05)
            if self.device.code in self.engine.offline:
                continue
            now = self.engine.device_ms(self.device.code)
            metrics = [
                Metric(alias, now, DOUBLE, value)
                for alias, row in enumerate(self.rows)
                if (value := self._value(row)) is not None
            ]
            await client.publish(
                self._topic("DDATA", True), sparkplug.payload(now, metrics, self._next()), qos=0
            )
            self.counters["published"] += 1
