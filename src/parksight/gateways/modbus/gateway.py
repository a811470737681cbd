"""The Modbus gateway: lines grown from the device list, replies handed to the ingest once per tick."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import structlog

from parksight.gateways.context import GatewayContext
from parksight.gateways.directory import DeviceRecord, Mapped
from parksight.gateways.modbus.blocks import Block
from parksight.gateways.modbus.codec import Framing
from parksight.gateways.modbus.line import Line, UnitState
from parksight.gateways.modbus.link import Link
from parksight.gateways.modbus.plan import PlanError, UnitPlan, plan
from parksight.gateways.modbus.templates import TemplateLibrary
from parksight.gateways.protocols import ConnectionView, GatewayStatus
from parksight.kernel.settings import ModbusSettings
from parksight.telemetry.ingest import IngestClosed
from parksight.telemetry.protocols import ReadingBatch, Receipt
from parksight.telemetry.quality import Quality

log = structlog.get_logger(__name__)

_TICK_S = 0.05
#: Replies waiting for the ingest; beyond it polling pauses.
_MAX_WAITING = 2_000
_REASONS = (
    "timeouts", "bad_crc", "bad_mbap", "garbage", "late_reply", "wrong_unit", "wrong_function", "wrong_length",
    "short_reply",
)  # fmt: skip


class ModbusGateway:
    """Implements :class:`parksight.gateways.protocols.Gateway`; reads only.

    Args:
        context: shared parts of the gateways.
        settings: limits.
        library: device templates.
    """

    name = "modbus"

    def __init__(self, context: GatewayContext, settings: ModbusSettings, library: TemplateLibrary) -> None:
        self._context = context
        self._settings = settings
        self.library = library
        self._lines: dict[tuple[str, int, Framing], Line] = {}
        self._plans: dict[int, tuple[DeviceRecord, Mapping[str, Mapped], UnitPlan]] = {}
        self._retired: Counter[str] = Counter()
        self._counters: Counter[str] = Counter()
        self._waiting: list[ReadingBatch] = []
        self._in_flight = 0
        self._task: asyncio.Task[None] | None = None
        self._stopping: set[asyncio.Task[None]] = set()
        self._room = asyncio.Event()
        self._room.set()

    async def start(self) -> None:
        self._task = asyncio.create_task(self._hand_over(), name="modbus-hand-over")
        self.reload_devices()

    async def stop(self) -> None:
        """Stop polling, hand over what was read, close every line."""
        lines, self._lines = list(self._lines.values()), {}
        await asyncio.gather(*(line.stop() for line in lines), *self._stopping, return_exceptions=True)
        for line in lines:
            self._retired.update(line.counters)
        task, self._task = self._task, None
        if task is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5.0):
                while self._waiting or self._in_flight:
                    await asyncio.sleep(_TICK_S)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    def status(self) -> GatewayStatus:
        total = Counter(self._retired)
        for line in self._lines.values():
            total.update(line.counters)
        total.update(self._counters)
        units = [u for line in self._lines.values() for u in line.units.values()]
        total["lines"], total["units"] = len(self._lines), len(units)
        total["units_silent"] = sum(u.failures > 0 for u in units)
        rejected = {r: n for r, n in total.items() if r in _REASONS or r.startswith("exception_")}
        counters = {k: n for k, n in total.items() if k not in rejected}
        running = self._task is not None and not self._task.done()
        connected = sum(line.connected for line in self._lines.values())
        limits = {
            "max_lines": self._settings.max_lines,
            "max_units_per_line": self._settings.max_units_per_line,
        }
        return GatewayStatus(self.name, running, None, connected, limits, counters, rejected)

    def connections(self, limit: int = 1000) -> list[ConnectionView]:
        """Units that answer, one entry each."""
        views = [u.view for line in self._lines.values() for u in line.units.values() if u.view is not None]
        return views[:limit]

    def reload_devices(self) -> None:
        """Bring lines and units in step with the device list."""
        if self._task is None:
            return
        wanted: dict[tuple[str, int, Framing], list[UnitPlan]] = {}
        framings: dict[tuple[str, int], Framing] = {}
        directory = self._context.directory
        for device in directory.devices(self.name, enabled_only=True):
            activity, now_ms = self._context.activity.of(device.id), self._context.clock.now_ms()
            try:
                made = self._plan(device, directory.mappings(device.id))
            except PlanError as error:
                activity.refuse(now_ms, error.reason)
                log.warning("modbus_device_unusable", device=device.code, error=str(error))
                continue
            for address in made.unknown:
                activity.miss(address)
            host, port, framing = made.line
            if framings.setdefault((host, port), framing) != framing:
                activity.refuse(now_ms, "framing_conflict")
                continue
            units = wanted.setdefault(made.line, [])
            if not units and len(wanted) > self._settings.max_lines:
                del wanted[made.line]
                activity.refuse(now_ms, "too_many_lines")
            elif len(units) >= self._settings.max_units_per_line:
                activity.refuse(now_ms, "too_many_units")
            elif made.blocks:
                units.append(made)
        self._plans = {k: v for k, v in self._plans.items() if directory.device(k) is not None}
        for key in [k for k in self._lines if not wanted.get(k)]:
            self._drop(self._lines.pop(key))
        for key, plans in wanted.items():
            if not plans:
                continue
            line = self._lines.get(key)
            if line is None or not line.alive:
                line = self._lines[key] = Line(self._context, key, self, self._settings.connect_timeout_s)
                line.set_units(plans)
                line.start()
            else:
                line.set_units(plans)

    def _plan(self, device: DeviceRecord, mappings: Mapping[str, Mapped]) -> UnitPlan:
        """The plan of a device; made anew only when its record or mappings were read anew."""
        known = self._plans.get(device.id)
        if known is not None and known[0] is device and known[1] is mappings:
            return known[2]
        made = plan(device, mappings, self.library)
        self._plans[device.id] = (device, mappings, made)
        return made

    def _drop(self, line: Line) -> None:
        async def stop() -> None:
            await line.stop()
            self._retired.update(line.counters)

        task = asyncio.get_running_loop().create_task(stop())
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)

    # -- from the lines to the ingest --------------------------------------------------------------

    async def ready(self) -> None:
        await self._room.wait()

    def deliver(self, unit: UnitState, block: Block, data: bytes, link: Link) -> None:
        """A reply: decode it and put its readings into the next tick."""
        plan_, now_ms = unit.plan, self._context.clock.now_ms()
        values = block.values(data)
        unit.last.update(values)
        points, numbers, qualities = [], [], []
        flags = plan_.device.quality_flags
        for key, value in values.items():
            target = plan_.targets.get(key)
            if target is None:
                continue
            status = plan_.registers[key].status
            code = (
                int(Quality.UNKNOWN)
                if status is None
                else status.quality(unit.last.get(status.key, float("nan")))
            )
            points.append(target.point)
            numbers.append(value * target.factor + target.shift)
            qualities.append(code | flags)
        unit.activity.frame(now_ms, len(points))
        if unit.view is not None:
            unit.view.last_frame_at = now_ms
            unit.view.frames += 1
            unit.view.readings += len(points)
        if not points:
            return
        self._counters["readings"] += len(points)
        self._waiting.append(
            ReadingBatch(
                np.array(points, np.int32), np.full(len(points), now_ms, np.int64), np.array(numbers, np.float64),
                np.array(qualities, np.uint8), now_ms, plan_.device.id, raw=link.received,
            )
        )  # fmt: skip
        if len(self._waiting) + self._in_flight >= _MAX_WAITING:
            self._counters["paused_full"] += 1
            self._room.clear()

    async def _hand_over(self) -> None:
        ingest = self._context.ingest
        while True:
            await asyncio.sleep(_TICK_S)
            if not self._waiting:
                continue
            batches = self._waiting
            try:
                if not ingest.submit_nowait(batches, self._done(batches)):
                    await ingest.room()
                    continue
            except IngestClosed:
                self._counters["ingest_closed"] += len(batches)
                self._waiting = []
                continue
            self._in_flight += len(batches)
            self._waiting = []

    def _done(self, batches: list[ReadingBatch]) -> _Done:
        return _Done(self, batches)

    def settled(
        self, batches: list[ReadingBatch], receipts: Sequence[Receipt], error: BaseException | None
    ) -> None:
        """The ingest has answered for a tick."""
        self._in_flight -= len(batches)
        if error is not None:
            self._counters["not_durable"] += sum(len(b) for b in batches)
        for batch, receipt in zip(batches, receipts, strict=False):
            self._counters["stored"] += receipt.stored
            self._context.activity.of(batch.source).receipt(receipt)
        if len(self._waiting) + self._in_flight < _MAX_WAITING // 2:
            self._room.set()


class _Done:
    """Callback of one tick."""

    __slots__ = ("_batches", "_gateway")

    def __init__(self, gateway: ModbusGateway, batches: list[ReadingBatch]) -> None:
        self._gateway = gateway
        self._batches = batches

    def __call__(self, receipts: Sequence[Receipt], error: BaseException | None) -> None:
        self._gateway.settled(self._batches, receipts, error)
