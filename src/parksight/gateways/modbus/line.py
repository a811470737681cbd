"""One line: a connection, its units, and the order in which they are asked.

One task per line. A unit that does not answer is left alone for a growing while and then probed with a single
request, so that a dead child costs the living ones next to nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from parksight.gateways.activity import Activity
from parksight.gateways.context import GatewayContext
from parksight.gateways.manager import backoff
from parksight.gateways.modbus.blocks import Block
from parksight.gateways.modbus.codec import ExceptionReplyError, Framing
from parksight.gateways.modbus.link import Link, LinkLostError, NoReplyError
from parksight.gateways.modbus.plan import UnitPlan
from parksight.gateways.modbus.policy import meaning
from parksight.gateways.protocols import ConnectionView

log = structlog.get_logger(__name__)

_CONNECT_TOP_S = 60.0
_IDLE_S = 1.0
#: First polls of a line are spread over this long.
_SPREAD_S = 1.0
#: Other devices of a unit's network keep the line when it fails this often in a row.
_BUSY_TRIES = 3


class Sink(Protocol):
    """Where replies go: the gateway."""

    def deliver(self, unit: UnitState, block: Block, data: bytes, link: Link) -> None: ...

    async def ready(self) -> None:
        """Return once the ingest takes more."""
        ...


@dataclass(slots=True)
class Job:
    """A block that is due again and again; ``period`` and ``due`` in seconds of the monotonic clock."""

    block: Block
    period: float
    due: float


@dataclass(slots=True)
class UnitState:
    """A unit as the line remembers it."""

    plan: UnitPlan
    activity: Activity
    jobs: list[Job]
    failures: int = 0
    retry_at: float = 0.0
    busy: int = 0
    last: dict[str, float] = field(default_factory=dict)
    view: ConnectionView | None = None

    @property
    def due(self) -> float:
        first = min((j.due for j in self.jobs), default=float("inf"))
        return max(first, self.retry_at)


class Line:
    """A TCP connection with the units behind it.

    Args:
        context: clock, activity, frame log.
        address: host, port, framing.
        sink: takes the replies.
        connect_timeout_s: patience with the connection.
    """

    def __init__(
        self,
        context: GatewayContext,
        address: tuple[str, int, Framing],
        sink: Sink,
        connect_timeout_s: float,
    ) -> None:
        self._context = context
        self.host, self.port, self.framing = address
        self._sink = sink
        self._connect_timeout = connect_timeout_s
        self.units: dict[int, UnitState] = {}
        self.counters: Counter[str] = Counter()
        self.connected = False
        self._attempt = 0
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        name = f"modbus-{self.host}:{self.port}"
        self._task = asyncio.create_task(self._run(), name=name)

    async def stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    @property
    def alive(self) -> bool:
        return self._task is not None and not self._task.done()

    def set_units(self, plans: Iterable[UnitPlan]) -> None:
        """Take the present plans; units whose plan did not change keep their state and rhythm."""
        now = self._context.clock.monotonic()
        fresh: dict[int, UnitState] = {}
        for plan in plans:
            old = self.units.get(plan.unit)
            if old is not None and (old.plan is plan or old.plan == plan):
                fresh[plan.unit] = old
                continue
            jobs = [
                Job(block, period, now + random.random() * min(_SPREAD_S, period))  # noqa: S311 - spreading load
                for block, period in plan.blocks
            ]
            fresh[plan.unit] = UnitState(plan, self._context.activity.of(plan.device.id), jobs)
            if old is not None:
                fresh[plan.unit].failures, fresh[plan.unit].retry_at = old.failures, old.retry_at
        self.units = fresh
        self._wake.set()

    # -- the task ----------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            try:
                link = await Link.open(
                    self.host, self.port, self.framing, self._connect_timeout, self.counters
                )
            except LinkLostError as error:
                self._lost(error.reason, connected=False)
                await asyncio.sleep(backoff(self._attempt, top=_CONNECT_TOP_S))
                self._attempt += 1
                continue
            self.connected = True
            self.counters["connects"] += 1
            try:
                await self._poll(link)
            except LinkLostError as error:
                self._lost(error.reason, connected=True)
            except Exception:
                self.counters["internal_error"] += 1
                log.exception("modbus_line_failed", host=self.host, port=self.port)
                self._lost("internal_error", connected=True)
            finally:
                self.connected = False
                await link.close()
            await asyncio.sleep(backoff(self._attempt, base=0.2, top=_CONNECT_TOP_S))
            self._attempt += 1

    def _lost(self, reason: str, *, connected: bool) -> None:
        self.counters[reason] += 1
        now_ms = self._context.clock.now_ms()
        for unit in self.units.values():
            if connected and unit.activity.connected:
                unit.activity.disconnect(now_ms)
            unit.activity.refuse(now_ms, reason)
            unit.view = None

    async def _poll(self, link: Link) -> None:
        clock = self._context.clock
        while True:
            unit = min(self.units.values(), key=lambda u: u.due, default=None)
            now = clock.monotonic()
            if unit is None or unit.due > now:
                self._wake.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_IDLE_S if unit is None else min(_IDLE_S, unit.due - now)):
                        await self._wake.wait()
                continue
            await self._sink.ready()
            job = min(unit.jobs, key=lambda j: j.due)
            await self._ask(link, unit, job)
            if unit.plan.policy.turnaround_s:
                await asyncio.sleep(unit.plan.policy.turnaround_s)

    async def _ask(self, link: Link, unit: UnitState, job: Job) -> None:
        policy, block = unit.plan.policy, job.block
        tries = 1 + (policy.retries if not unit.failures else 0)
        reason = "timeout"
        for attempt in range(tries):
            try:
                data = await link.read(
                    unit.plan.unit, block.function, block.address, block.count, policy.timeout_s
                )
            except NoReplyError as error:
                reason = error.reason
                unit.activity.error(f"modbus_{reason}")
                self._log_frames(unit, link, reason)
                self.counters["retries"] += attempt + 1 < tries
                continue
            except ExceptionReplyError as error:
                self._attempt = 0
                self._log_frames(unit, link, meaning(error.code).reason)
                self._exception(unit, job, error.code)
                return
            self._attempt = 0
            self._answered(unit, job)
            self._log_frames(unit, link)
            self._sink.deliver(unit, block, data, link)
            return
        self._silent(unit, reason)

    # -- what follows from an answer ---------------------------------------------------------------

    def _answered(self, unit: UnitState, job: Job) -> None:
        clock = self._context.clock
        if not unit.activity.connected:
            unit.activity.connect(clock.now_ms())
            peer = f"{self.host}:{self.port}/{unit.plan.unit}"
            unit.view = ConnectionView(peer, unit.plan.device.id, peer, clock.now_ms(), None)
        unit.failures = unit.busy = 0
        unit.retry_at = 0.0
        self._next(job)

    def _next(self, job: Job) -> None:
        now = self._context.clock.monotonic()
        job.due += job.period
        if job.due <= now:
            self.counters["overrun"] += 1
            job.due = now + job.period

    def _silent(self, unit: UnitState, reason: str) -> None:
        """No answer: only this unit waits."""
        self.counters["unit_silent"] += 1
        period = min((j.period for j in unit.jobs), default=1.0)
        unit.retry_at = self._context.clock.monotonic() + backoff(
            unit.failures, base=max(0.1, period), top=max(period, unit.plan.policy.backoff_top_s)
        )
        unit.failures += 1
        now_ms = self._context.clock.now_ms()
        if unit.activity.connected:
            unit.activity.disconnect(now_ms)
        unit.activity.refuse(now_ms, f"modbus_{reason}")
        unit.view = None

    def _exception(self, unit: UnitState, job: Job, code: int) -> None:
        found = meaning(code)
        self.counters[f"exception_{found.reason}"] += 1
        unit.activity.error(f"modbus_{found.reason}")
        if found.action == "dead":
            self._silent(unit, found.reason)
            return
        if found.action == "busy" and unit.busy < _BUSY_TRIES:
            unit.busy += 1
            unit.retry_at = self._context.clock.monotonic() + unit.plan.policy.busy_wait_s
            return
        self._answered(unit, job)
        if found.action != "split":
            return
        now = self._context.clock.monotonic()
        if len(job.block.slots) == 1:
            job.due = now + unit.plan.policy.recheck_s
            unit.activity.miss(job.block.slots[0].register.key)
            return
        unit.jobs.remove(job)
        unit.jobs.extend(Job(part, job.period, now) for part in job.block.parts())
        self.counters["splits"] += 1

    def _log_frames(self, unit: UnitState, link: Link, deviation: str | None = None) -> None:
        frames, at = self._context.frames, self._context.clock.now_ms()
        device = unit.plan.device.id
        if deviation is None and not frames.due(device, at):
            return
        peer = f"{self.host}:{self.port}/{unit.plan.unit}"
        frames.add(device, at, link.sent, peer=peer, direction="out")
        frames.add(device, at, link.received, peer=peer, deviations=(deviation,) if deviation else ())
