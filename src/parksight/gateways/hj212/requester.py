"""Requests of the platform: one outstanding per device, re-sent on silence, ended by the device's result.

Read-only towards plants: of the 3xxx range only information is asked for (3017, 3018, 3019, 3020); commands that
make a device calibrate, sample, clean or change its parameters do not exist here.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from parksight.gateways.context import GatewayContext
from parksight.gateways.hj212.codec import builder
from parksight.gateways.hj212.codec.commands import HISTORY, NOTIFICATIONS, Cn, ExeRtn, QnRtn
from parksight.gateways.hj212.codec.segment import Item, Segment
from parksight.gateways.hj212.codec.times import ZoneTable
from parksight.kernel.errors import ProblemError

if TYPE_CHECKING:
    from parksight.gateways.hj212.devices import DeviceState

#: Everything this platform may ever send unasked: time, intervals, data, information.
ALLOWED = frozenset(
    {
        Cn.SET_TIMEOUT, Cn.GET_TIME, Cn.SET_TIME, Cn.GET_REALTIME_INTERVAL, Cn.SET_REALTIME_INTERVAL,
        Cn.GET_MINUTE_INTERVAL, Cn.SET_MINUTE_INTERVAL, Cn.REALTIME, Cn.STOP_REALTIME, Cn.STATUS,
        Cn.STOP_STATUS, Cn.DAY, Cn.RUN_TIME, Cn.MINUTE, Cn.HOUR, Cn.SAMPLING_CYCLE, Cn.SAMPLE_OUT_TIME,
        Cn.INSTRUMENT_ID, Cn.INFORMATION,
    }
)  # fmt: skip
#: Answered by one frame that repeats the request's QN (and, by some devices, a 9012 behind it).
SINGLE = frozenset(
    {Cn.GET_TIME, Cn.GET_REALTIME_INTERVAL, Cn.GET_MINUTE_INTERVAL, Cn.SAMPLING_CYCLE, Cn.SAMPLE_OUT_TIME,
     Cn.INSTRUMENT_ID, Cn.INFORMATION}
)  # fmt: skip
#: Requests that may wait for their turn per device.
MAX_WAITING = 16
_MAX_DATA = 64


@dataclass(slots=True)
class Outcome:
    """How a request ended.

    Attributes:
        qn: its id.
        ready: QnRtn, None when the device sent no 9011.
        result: ExeRtn, None when the device sent no 9012 (single answers and notifications need none).
        fields: what a single answer said.
        frames: data frames that came for it.
        attempts: how often it was sent.
    """

    qn: str
    ready: int | None = None
    result: int | None = None
    fields: dict[str, str] = field(default_factory=dict)
    frames: int = 0
    attempts: int = 0


@dataclass(slots=True)
class _Pending:
    cn: int
    outcome: Outcome
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    notified: bool = False
    answered: bool = False


class Requester:
    """Sends requests and hears the answers.

    Args:
        context: shared parts.
        zone: where the devices' clocks live.
        counters: shared counters of the gateway.
    """

    def __init__(self, context: GatewayContext, zone: ZoneTable, counters: Counter[str]) -> None:
        self._context = context
        self._zone = zone
        self._counters = counters
        self._pending: dict[int, _Pending] = {}
        self._locks: dict[int, asyncio.Lock] = {}
        self._waiting: Counter[int] = Counter()
        self._last_qn = 0
        self._tasks: set[asyncio.Task[None]] = set()

    # -- asking ----------------------------------------------------------------------------------------

    async def request(
        self, state: DeviceState, cn: int, fields: Sequence[tuple[str, str]] = (), *, joined: bool = False
    ) -> Outcome:
        """Send a request and wait for its end.

        Args:
            state: the device.
            cn: one of :data:`ALLOWED`.
            fields: its CP.
            joined: write the fields in one item.

        Raises:
            ValueError: a command this platform never sends.
            ProblemError: 409 not connected, or too many requests waiting; 502 refused or failed; 504 silent.
        """
        if cn not in ALLOWED:
            raise ValueError(f"command {cn} is not one this platform sends")
        if self._waiting[state.id] >= MAX_WAITING:
            raise ProblemError("gateways.hj212.too_many_requests", HTTPStatus.CONFLICT, _named(state))
        lock = self._locks.setdefault(state.id, asyncio.Lock())
        self._waiting[state.id] += 1
        try:
            async with lock:
                return await self._ask(state, cn, fields, joined)
        finally:
            self._waiting[state.id] -= 1
            if not self._waiting[state.id]:
                del self._waiting[state.id]
                self._locks.pop(state.id, None)

    async def _ask(
        self, state: DeviceState, cn: int, fields: Sequence[tuple[str, str]], joined: bool
    ) -> Outcome:
        outcome = Outcome(self._qn())
        pending = self._pending[state.id] = _Pending(cn, outcome)
        self._counters["requests"] += 1
        try:
            await self._until_taken(state, pending, fields, joined)
            await self._until_done(state, pending)
        except ProblemError:
            self._counters["requests_failed"] += 1
            raise
        finally:
            del self._pending[state.id]
        return outcome

    async def _until_taken(
        self, state: DeviceState, pending: _Pending, fields: Sequence[tuple[str, str]], joined: bool
    ) -> None:
        """Send, and again on silence, until the device says anything about it."""
        policy, outcome = state.policy, pending.outcome
        while outcome.attempts <= policy.request_retries:
            outcome.attempts += 1
            self._send(state, pending, fields, joined)
            if await _moves(pending, policy.request_timeout_s, lambda: _heard(pending)):
                if outcome.ready not in (None, QnRtn.READY):
                    raise ProblemError(
                        "gateways.hj212.request_refused", HTTPStatus.BAD_GATEWAY,
                        {**_named(state), "command": pending.cn, "code": outcome.ready},
                    )  # fmt: skip
                return
        raise ProblemError(
            "gateways.hj212.no_answer", HTTPStatus.GATEWAY_TIMEOUT,
            {**_named(state), "command": pending.cn, "attempts": outcome.attempts},
        )  # fmt: skip

    async def _until_done(self, state: DeviceState, pending: _Pending) -> None:
        """Wait for the result; data that keeps coming keeps the request alive."""
        outcome = pending.outcome
        if pending.cn in NOTIFICATIONS:
            return
        while not (outcome.result is not None or (pending.cn in SINGLE and pending.answered)):
            before = outcome.frames
            done = await _moves(
                pending,
                state.policy.execution_timeout_s,
                lambda: outcome.result is not None or pending.answered or outcome.frames > before,  # noqa: B023
            )
            if not done:
                raise ProblemError(
                    "gateways.hj212.no_result", HTTPStatus.GATEWAY_TIMEOUT,
                    {**_named(state), "command": pending.cn, "seconds": state.policy.execution_timeout_s},
                )  # fmt: skip
        if outcome.result not in (None, ExeRtn.DONE, ExeRtn.NO_DATA):
            raise ProblemError(
                "gateways.hj212.request_failed", HTTPStatus.BAD_GATEWAY,
                {**_named(state), "command": pending.cn, "code": outcome.result},
            )  # fmt: skip

    def _send(
        self, state: DeviceState, pending: _Pending, fields: Sequence[tuple[str, str]], joined: bool
    ) -> None:
        session = state.owner
        data = builder.command(
            pending.cn, qn=pending.outcome.qn, st=state.st or "32", pw=state.password or "",
            mn=state.record.address, version=state.version, fields=fields, joined=joined, key=state.key,
        )  # fmt: skip
        if session is None or not session.write(data):
            raise ProblemError("gateways.hj212.not_connected", HTTPStatus.CONFLICT, _named(state))
        self._counters["requests_sent"] += 1
        self._context.frames.add(
            state.id, self._context.clock.now_ms(), data, peer=session.peer, direction="out"
        )

    def _qn(self) -> str:
        """Request id: our clock to the millisecond, never the same twice."""
        self._last_qn = max(self._last_qn + 1, self._context.clock.now_ms())
        return self._zone.to_text(self._last_qn, 17)

    # -- hearing ---------------------------------------------------------------------------------------

    def heard(self, state: DeviceState, segment: Segment) -> bool:
        """Take a frame that may answer a request; True when it is used up by it."""
        pending = self._pending.get(state.id)
        if segment.cn >= 9000:
            if pending is None or segment.qn != pending.outcome.qn:
                self._counters["unexpected_answers"] += 1
                return True
            self._answer(pending, segment)
            pending.moved.set()
            return True
        if pending is None or segment.cn != pending.cn or segment.qn != pending.outcome.qn:
            return False
        pending.answered = True
        pending.outcome.frames += 1
        for item in segment.items[:_MAX_DATA]:
            _collect(pending.outcome.fields, item)
        pending.moved.set()
        # Information is data too and is kept; parameters end here.
        return segment.cn < 2000

    @staticmethod
    def _answer(pending: _Pending, segment: Segment) -> None:
        if segment.cn == Cn.REQUEST_ANSWER:
            pending.outcome.ready = _code(segment.get("QnRtn"), QnRtn.UNKNOWN)
        elif segment.cn == Cn.RESULT:
            pending.outcome.result = _code(segment.get("ExeRtn"), ExeRtn.FAILED)
        elif segment.cn == Cn.NOTIFY_ANSWER:
            pending.notified = True

    def history_frames(self, device_id: int, cn: int, number: int) -> None:
        """Data of this command came; it may be what was asked for."""
        pending = self._pending.get(device_id)
        if pending is not None and pending.cn == cn:
            pending.outcome.frames += number
            pending.moved.set()

    def now_text(self) -> str:
        """Our time as devices want it."""
        return self._zone.to_text(self._context.clock.now_ms())

    # -- what is asked ---------------------------------------------------------------------------------

    async def set_time(self, state: DeviceState, factor: str | None = None) -> Outcome:
        """Set the clock of a device (or of one of its instruments) to ours."""
        fields = [("SystemTime", self.now_text())]
        return await self.request(state, Cn.SET_TIME, [("PolId", factor), *fields] if factor else fields)

    async def get_time(self, state: DeviceState) -> int | None:
        """The device's clock, UTC ms; None when what it says is no time."""
        outcome = await self.request(state, Cn.GET_TIME)
        moment = self._zone.to_ms(outcome.fields.get("SystemTime", ""))
        return moment if moment >= 0 else None

    async def request_history(self, state: DeviceState, cn: int, begin: int, end: int) -> Outcome:
        """Ask for stored data of a span; they arrive as uploads of their own and are stored like those.

        Args:
            cn: 2031, 2041, 2051 or 2061.
            begin: UTC ms, inclusive.
            end: UTC ms, inclusive.
        """
        if cn not in HISTORY or end < begin:
            raise ValueError("history needs one of 2031, 2041, 2051, 2061 and an end not before its begin")
        fields = [("BeginTime", self._zone.to_text(begin)), ("EndTime", self._zone.to_text(end))]
        return await self.request(state, cn, fields, joined=state.policy.joined_history)

    def time_wanted(self, state: DeviceState, factor: str | None) -> None:
        """The device asked for the time (1013): after the 9013 it gets a 1012."""
        if state.policy.set_time_on_request:
            self.spawn(self._quietly(self.set_time(state, factor)))

    # -- tasks -----------------------------------------------------------------------------------------

    async def _quietly(self, work: Coroutine[Any, Any, object]) -> None:
        try:
            await work
        except ProblemError as problem:
            self._counters[f"unasked_{problem.code.rpartition('.')[2]}"] += 1

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine on our own initiative; it ends with the gateway."""
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """End what runs on our own initiative."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _moves(pending: _Pending, timeout_s: float, done: Callable[[], bool]) -> bool:
    """Wait until ``done()``; False when it takes longer than the timeout."""
    try:
        async with asyncio.timeout(timeout_s):
            while not done():
                pending.moved.clear()
                await pending.moved.wait()
    except TimeoutError:
        return False
    return True


def _heard(pending: _Pending) -> bool:
    outcome = pending.outcome
    return (
        outcome.ready is not None
        or outcome.result is not None
        or pending.answered
        or pending.notified
        or outcome.frames > 0
    )


def _code(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 3 else int(otherwise)


def _collect(fields: dict[str, str], item: Item) -> None:
    for name, value in item:
        fields.setdefault(name, value)


def _named(state: DeviceState) -> dict[str, object]:
    return {"device": state.record.code}
