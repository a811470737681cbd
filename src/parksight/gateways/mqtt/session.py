"""One broker connection: stays connected, reads messages in ticks, acknowledges what is durable.

Messages of a tick become one batch per device, handed to the ingest in one call; their QoS 1 acknowledgements
are sent, in the order of arrival, when the ingest says that the tick is durable. If it fails, nothing is
acknowledged and the connection is renewed, so that the broker sends again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import Sequence

import aiomqtt
import structlog

from parksight.gateways.context import GatewayContext
from parksight.gateways.directory import DeviceRecord
from parksight.gateways.events import SourceDied
from parksight.gateways.frames import NOBODY
from parksight.gateways.manager import backoff
from parksight.gateways.mqtt.client import BrokerClient, RawMessage
from parksight.gateways.mqtt.config import ConnectionConfig
from parksight.gateways.mqtt.routes import Routed, Router
from parksight.gateways.mqtt.samples import DeviceColumns, Sample
from parksight.gateways.mqtt.sparkplug.codec import rebirth
from parksight.gateways.mqtt.template import PayloadError
from parksight.gateways.mqtt.topics import TopicError, check_topic
from parksight.gateways.protocols import ConnectionView
from parksight.kernel.settings import MqttSettings
from parksight.telemetry.ingest import IngestClosed
from parksight.telemetry.protocols import UNMAPPED, ReadingBatch, Receipt

log = structlog.get_logger(__name__)

_TOP_S = 60.0
_RAW_KEPT = 4_096
_MAX_DEVICES_SHOWN = 10_000


class BrokerSession:
    """Keeps one connection to a broker.

    Args:
        context: shared parts of the gateways.
        settings: limits.
        name: of the connection; first part of its devices' addresses.
        config: where and how.
        password: in clear, None for none.
        router: reads the messages.
    """

    def __init__(
        self,
        context: GatewayContext,
        settings: MqttSettings,
        name: str,
        config: ConnectionConfig,
        password: str | None,
        router: Router,
    ) -> None:
        self._context = context
        self._settings = settings
        self.name = name
        self.config = config
        self._password = password
        self._router = router
        self._client: BrokerClient | None = None
        self._queue: list[RawMessage] = []
        self._unsettled = 0
        self._attempt = 0
        self._task: asyncio.Task[None] | None = None
        self._commands: list[str] = []
        self._renew = False
        self.connected = False
        self.last_error: str | None = None
        self.counters: Counter[str] = Counter()
        self.rejected: Counter[str] = Counter()
        self.views: dict[str, ConnectionView] = {}

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"mqtt-{self.name}")

    async def stop(self) -> None:
        """Take no more messages, let the ingest finish what it has, acknowledge it, disconnect."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    @property
    def alive(self) -> bool:
        return self._task is not None and not self._task.done()

    def figures(self) -> Counter[str]:
        """Counters with those of the Sparkplug hosts."""
        return self.counters + self._router.counters()

    # -- connection --------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            try:
                await self._session()
            except aiomqtt.MqttError as error:
                self._failed(str(error))
            except (OSError, ValueError) as error:
                self._failed(f"{type(error).__name__}: {error}")
            except Exception as error:
                log.exception("mqtt_session_failed", connection=self.name)
                self._failed(f"{type(error).__name__}: {error}")
            finally:
                self._lost()
            await asyncio.sleep(backoff(self._attempt, base=0.5, top=_TOP_S))
            self._attempt += 1

    def _failed(self, error: str) -> None:
        self.counters["connection_errors"] += 1
        self.last_error = error[:300]
        log.warning("mqtt_connection_failed", connection=self.name, error=self.last_error)

    def _lost(self) -> None:
        self.connected, self._client = False, None
        now = self._context.clock.now_ms()
        # Unacknowledged messages come again with the next connection; QoS 0 ones are in the ingest or gone.
        self.counters["dropped_on_disconnect"] += sum(m.qos == 0 for m in self._queue)
        self._queue.clear()
        self._router.lost()
        for device in self._devices():
            activity = self._context.activity.of(device.id)
            if activity.connected:
                activity.disconnect(now)
            if self.last_error is not None:
                activity.refuse(now, "mqtt_connection")
        self.views.clear()

    def _devices(self) -> list[DeviceRecord]:
        prefix = f"{self.name}|"
        return [d for d in self._context.directory.devices("mqtt") if d.address.startswith(prefix)]

    async def _session(self) -> None:
        client = BrokerClient(
            self.config, self.config.client_id or f"parksight-{self.name}", self._password,
            self._settings.max_payload_bytes, self._receive, self._will(),
        )  # fmt: skip
        async with client:
            self._client, self._renew = client, False
            granted = await client.subscribe([(f, 1) for f in self._router.filters])
            refused = [f for f, code in zip(self._router.filters, granted, strict=False) if _refused(code)]
            if refused:
                raise aiomqtt.MqttError(f"the broker refuses the subscription {refused[0]}")
            await self._say_online(client)
            self.connected, self.last_error = True, None
            self.counters["connects"] += 1
            try:
                await self._ticks(client)
            finally:
                await self._drain()
                if not client.gone.done() and self.config.host_id is not None:
                    with contextlib.suppress(aiomqtt.MqttError):
                        await client.publish(self._state_topic(), self._state(False), qos=1, retain=True)

    async def _ticks(self, client: BrokerClient) -> None:
        tick = self._settings.tick_ms / 1000
        while True:
            await asyncio.wait((client.gone,), timeout=tick)
            await self._tick()
            if self._renew:
                raise aiomqtt.MqttError(
                    "the ingest failed; reconnecting to be sent again what it did not take"
                )
            if client.gone.done():
                error = client.gone.exception()
                raise aiomqtt.MqttError(f"disconnected: {error or 'by the broker'}")
            while self._commands:
                topic = self._commands.pop()
                await client.publish(topic, rebirth(self._context.clock.now_ms()), qos=0)
            if len(self._queue) + self._unsettled < self._settings.max_pending // 2:
                client.resume()

    async def _drain(self) -> None:
        """Let the ingest answer for what it was given, so that it is acknowledged before we go."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5.0):
                while self._unsettled:
                    await asyncio.sleep(0.01)

    # -- Sparkplug host state ----------------------------------------------------------------------

    def _state_topic(self) -> str:
        return f"spBv1.0/STATE/{self.config.host_id}"

    def _state(self, online: bool) -> bytes:
        return json.dumps({"online": online, "timestamp": self._context.clock.now_ms()}).encode()

    def _will(self) -> aiomqtt.Will | None:
        if self.config.host_id is None:
            return None
        return aiomqtt.Will(self._state_topic(), self._state(False), qos=1, retain=True)

    async def _say_online(self, client: BrokerClient) -> None:
        if self.config.host_id is not None:
            await client.publish(self._state_topic(), self._state(True), qos=1, retain=True)

    # -- messages ----------------------------------------------------------------------------------

    def _receive(self, message: RawMessage) -> None:
        self.counters["messages"] += 1
        self.counters["bytes"] += len(message.payload)
        self._attempt = 0
        waiting = len(self._queue) + self._unsettled
        if waiting >= self._settings.max_pending:
            if self._client is not None:
                self._client.pause()
            self.counters["paused"] += 1
        self._queue.append(message)

    async def _tick(self) -> None:
        if not self._queue:
            return
        messages, self._queue = self._queue, []
        now = self._context.clock.now_ms()
        columns: dict[tuple[int, bool], DeviceColumns] = {}
        for message in messages:
            self._read(message, now, columns)
        acks = [m.mid for m in messages if m.qos]
        batches = [c.batch(now) for c in columns.values()]
        if not batches:
            self._acknowledge(acks)
            return
        self._unsettled += len(messages)
        done = _Done(self, self._client, acks, batches, len(messages))
        try:
            while not self._context.ingest.submit_nowait(batches, done):
                self.counters["paused_full"] += 1
                await self._context.ingest.room()
        except IngestClosed:
            self._unsettled -= len(messages)
            raise aiomqtt.MqttError("the ingest is closed") from None
        except BaseException:
            self._unsettled -= len(messages)
            raise

    def _read(self, message: RawMessage, now: int, columns: dict[tuple[int, bool], DeviceColumns]) -> None:
        topic = ""
        try:
            topic = check_topic(message.topic)
            if len(message.payload) > self._settings.max_payload_bytes:
                raise PayloadError("payload_large")
            routed = self._router.route(topic, message.payload, now)
        except (TopicError, PayloadError) as error:
            self._refuse(message, topic, error.reason, now)
            return
        except Exception:
            log.exception("mqtt_message_failed", connection=self.name, topic=topic)
            self._refuse(message, topic, "internal_error", now)
            return
        self._births_and_deaths(routed, now)
        if routed.rebirth is not None and routed.rebirth not in self._commands:
            self._commands.append(routed.rebirth)
        if routed.device is not None:
            self._take(message, routed.device, routed.samples, now, columns)

    def _take(
        self,
        message: RawMessage,
        key: str,
        samples: list[Sample],
        now: int,
        columns: dict[tuple[int, bool], DeviceColumns],
    ) -> None:
        address = f"{self.name}|{key}"
        device = self._context.directory.by_address("mqtt", address)
        if device is None:
            if samples:
                self._stranger(message, address, samples, now)
            return
        if not device.enabled:
            self.rejected["device_disabled"] += 1
            return
        activity = self._context.activity.of(device.id)
        activity.frame(now, len(samples))
        self._seen(device, key, now, len(samples))
        if self._context.frames.due(device.id, now):
            text = message.topic + b"\n" + message.payload
            self._context.frames.add(device.id, now, text, peer=self.name)
        mappings = self._context.directory.mappings(device.id)
        newest: int | None = None
        for sample in samples:
            if sample.at_ms is None and message.retain:
                self.rejected["retained_without_time"] += 1
                continue
            at = now if sample.at_ms is None else sample.at_ms
            rows = columns.get((device.id, sample.historical))
            if rows is None:
                raw = message.payload[:_RAW_KEPT]
                rows = columns[device.id, sample.historical] = DeviceColumns(device, sample.historical, raw)
            mapped = mappings.get(sample.address)
            if mapped is None:
                activity.miss(sample.address)
                rows.points.append(UNMAPPED)
                rows.values.append(sample.value)
            else:
                rows.points.append(mapped.point)
                rows.values.append(sample.value * mapped.factor + mapped.shift)
            rows.times.append(at)
            rows.qualities.append(sample.quality | device.quality_flags)
            if sample.at_ms is not None and not sample.historical and (newest is None or at > newest):
                newest = at
        if newest is not None and not message.retain:
            activity.clock_skew_ms = newest - now
        self.counters["readings"] += len(samples)

    def _seen(self, device: DeviceRecord, key: str, now: int, readings: int) -> None:
        activity = self._context.activity.of(device.id)
        if not activity.connected:
            activity.connect(now)
        view = self.views.get(key)
        if view is None:
            if len(self.views) >= _MAX_DEVICES_SHOWN:
                return
            view = self.views[key] = ConnectionView(f"{self.name}|{key}", device.id, self.name, now, None)
        view.last_frame_at = now
        view.frames += 1
        view.readings += readings

    def _stranger(self, message: RawMessage, address: str, samples: list[Sample], now: int) -> None:
        self.rejected["unknown_device"] += 1
        self._context.ingest.reject(
            NOBODY, "unknown_device", max(1, len(samples)), message.payload[:_RAW_KEPT]
        )
        fields = {s.address: f"{s.value:g}" for s in samples[:500]}
        self._context.unknown.seen(
            "mqtt", address, now, peer=self.name, frame=message.topic + b"\n" + message.payload, fields=fields
        )

    def _refuse(self, message: RawMessage, topic: str, reason: str, now: int) -> None:
        self.rejected[reason] += 1
        device = None
        if topic:
            key = self._router.device_of(topic)
            device = self._context.directory.by_address("mqtt", f"{self.name}|{key}") if key else None
        source = device.id if device is not None else NOBODY
        self._context.ingest.reject(source, f"mqtt_{reason}", 1, message.payload[:_RAW_KEPT])
        if device is not None:
            self._context.activity.of(source).error(f"mqtt_{reason}")
        text = message.topic[:1_024] + b"\n" + message.payload[:_RAW_KEPT]
        self._context.frames.add(source, now, text, peer=self.name, deviations=(reason,))

    def _births_and_deaths(self, routed: Routed, now: int) -> None:
        directory = self._context.directory
        for key in routed.born:
            device = directory.by_address("mqtt", f"{self.name}|{key}")
            if device is not None:
                activity = self._context.activity.of(device.id)
                activity.died_at = None
                activity.connect(now)
        for key in routed.died:
            device = directory.by_address("mqtt", f"{self.name}|{key}")
            if device is None:
                continue
            activity = self._context.activity.of(device.id)
            activity.frame(now)
            activity.died_at = now
            activity.disconnect(now)
            self.views.pop(key, None)
            points = tuple(directory.points_of(device.id))
            self._context.bus.publish(
                SourceDied(device_id=device.id, points=points, at_ms=now, reason="sparkplug.death")
            )

    # -- answers of the ingest ---------------------------------------------------------------------

    def _acknowledge(self, mids: Sequence[int]) -> None:
        if self._client is None:
            return
        for mid in mids:
            self._client.acknowledge(mid)
        self.counters["acknowledged"] += len(mids)

    def settled(
        self,
        client: BrokerClient | None,
        acks: Sequence[int],
        batches: Sequence[ReadingBatch],
        messages: int,
        receipts: Sequence[Receipt],
        error: BaseException | None,
    ) -> None:
        """The ingest has answered for a tick."""
        self._unsettled -= messages
        if error is not None:
            self.counters["not_durable"] += messages
            self._renew = client is not None and client is self._client
            return
        for batch, receipt in zip(batches, receipts, strict=True):
            self.counters["stored"] += receipt.stored
            self._context.activity.of(batch.source).receipt(receipt)
        # An acknowledgement belongs to the connection on which the message came.
        if client is self._client:
            self._acknowledge(acks)


def _refused(code: object) -> bool:
    """Whether a SUBACK code (3.1.1: a number, 5: a reason code) refuses."""
    value = getattr(code, "value", code)
    return isinstance(value, int) and value >= 0x80


class _Done:
    """Callback of one tick."""

    __slots__ = ("_acks", "_batches", "_client", "_messages", "_session")

    def __init__(
        self,
        session: BrokerSession,
        client: BrokerClient | None,
        acks: Sequence[int],
        batches: Sequence[ReadingBatch],
        messages: int,
    ) -> None:
        self._session = session
        self._client = client
        self._acks = acks
        self._batches = batches
        self._messages = messages

    def __call__(self, receipts: Sequence[Receipt], error: BaseException | None) -> None:
        self._session.settled(self._client, self._acks, self._batches, self._messages, receipts, error)
