"""What the platform asks of a device by itself: parameters on first connect, history after a gap.

Both are off unless an authorised person turned them on in the device's policy: many devices refuse.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator

import structlog

from parksight.gateways.hj212.codec.commands import Cn
from parksight.gateways.hj212.devices import DeviceBook, DeviceState
from parksight.gateways.hj212.requester import Requester
from parksight.kernel.clock import Clock
from parksight.kernel.errors import ProblemError

log = structlog.get_logger(__name__)


def first_connect(state: DeviceState, now_text: str) -> Iterator[tuple[int, list[tuple[str, str]]]]:
    """The requests of a first connection, in the order of the standard."""
    wanted = state.policy.first_connect
    if wanted.set_time:
        yield Cn.SET_TIME, [("SystemTime", now_text)]
    if wanted.over_time_s is not None or wanted.retries is not None:
        fields = [("OverTime", wanted.over_time_s), ("ReCount", wanted.retries)]
        yield Cn.SET_TIMEOUT, [(name, str(value)) for name, value in fields if value is not None]
    if wanted.realtime_interval_s is not None:
        yield Cn.SET_REALTIME_INTERVAL, [("RtdInterval", str(wanted.realtime_interval_s))]
    if wanted.minute_interval is not None:
        yield Cn.SET_MINUTE_INTERVAL, [("MinInterval", str(wanted.minute_interval))]
    if wanted.realtime is not None:
        yield (Cn.REALTIME if wanted.realtime else Cn.STOP_REALTIME), []
    if wanted.status is not None:
        yield (Cn.STATUS if wanted.status else Cn.STOP_STATUS), []


def spans(begin: int, end: int, width: int) -> Iterator[tuple[int, int]]:
    """A span in pieces, newest first (new data first is what 2025 asks of re-sends too)."""
    while end > begin:
        start = max(begin, end - width)
        yield start, end
        end = start


class Initiative:
    """Runs the policies' own requests, one device at a time each.

    Args:
        requester: sends.
        book: devices.
        clock: now.
        counters: shared counters of the gateway.
    """

    def __init__(self, requester: Requester, book: DeviceBook, clock: Clock, counters: Counter[str]) -> None:
        self._requester = requester
        self._book = book
        self._clock = clock
        self._counters = counters
        self._greeted: dict[int, object] = {}
        self._gaps: dict[int, deque[tuple[int, int]]] = {}
        self._busy: set[int] = set()

    def arrived(self, state: DeviceState) -> None:
        """A device connected."""
        if state.policy.first_connect.enabled and self._greeted.get(state.id) is not state.owner:
            self._greeted[state.id] = state.owner
            self._requester.spawn(self._greet(state))
        if self._gaps.get(state.id):
            self._start(state)

    async def _greet(self, state: DeviceState) -> None:
        requester = self._requester
        for cn, fields in first_connect(state, requester.now_text()):
            try:
                await requester.request(state, cn, fields)
            except ProblemError as problem:
                # One refusal says nothing of the next; a lost connection ends it.
                self._counters["first_connect_refused"] += 1
                log.info("hj212_first_connect", device=state.record.code, cn=cn, problem=problem.code)
                if problem.code == "gateways.hj212.not_connected":
                    return
        self._counters["first_connects"] += 1

    def gap(self, state: DeviceState, gap: tuple[int, int]) -> None:
        """A gap of real-time data became known."""
        policy = state.policy.backfill
        begin, end = gap
        if not policy.enabled or end - begin < policy.min_gap_s * 1000:
            return
        begin = max(begin, self._clock.now_ms() - policy.max_hours * 3_600_000)
        if begin >= end:
            return
        self._gaps.setdefault(state.id, deque(maxlen=32)).append((begin, end))
        self._start(state)

    def _start(self, state: DeviceState) -> None:
        if state.id not in self._busy:
            self._busy.add(state.id)
            self._requester.spawn(self._fill(state.id))

    async def _fill(self, device_id: int) -> None:
        try:
            while gaps := self._gaps.get(device_id):
                state = self._book.states.get(device_id)
                if state is None or not state.policy.backfill.enabled:
                    self._gaps.pop(device_id, None)
                    return
                begin, end = gaps[0]
                width = state.policy.backfill.span_minutes * 60_000
                for start, stop in spans(begin, end, width):
                    for cn in state.policy.backfill.commands:
                        if not await self._ask(state, cn, start, stop):
                            gaps[0] = (begin, stop)
                            return
                gaps.popleft()
                if not gaps:
                    self._gaps.pop(device_id, None)
        finally:
            self._busy.discard(device_id)

    async def _ask(self, state: DeviceState, cn: int, begin: int, end: int) -> bool:
        """False when the device is gone; what it merely refuses is not asked again."""
        try:
            outcome = await self._requester.request_history(state, cn, begin, end)
        except ProblemError as problem:
            self._counters["backfill_refused"] += 1
            log.info("hj212_backfill", device=state.record.code, cn=cn, problem=problem.code)
            return problem.code not in ("gateways.hj212.not_connected", "gateways.hj212.no_answer")
        self._counters["backfill_requests"] += 1
        self._counters["backfill_frames"] += outcome.frames
        return True

    def waiting(self, device_id: int) -> list[tuple[int, int]]:
        """Gaps of a device still to be asked for."""
        return list(self._gaps.get(device_id, ()))
