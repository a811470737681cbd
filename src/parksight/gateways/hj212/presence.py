"""Which device speaks through which connection, what it does wrong, and where its data have gaps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from parksight.gateways.context import GatewayContext
from parksight.gateways.hj212.codec.reasons import Deviation
from parksight.gateways.hj212.codec.segment import Segment, SegmentError, parse_segment
from parksight.gateways.hj212.devices import DeviceBook, DeviceState
from parksight.gateways.hj212.session import Session

#: A deviation of the same kind and device is logged with its frame at most this often, ms.
_LOG_EVERY_MS = 10_000
_MAX_LOGGED = 50_000

GapListener = Callable[[DeviceState, tuple[int, int]], None]
ArrivalListener = Callable[[DeviceState], None]


class Presence:
    """Ties devices to connections.

    Args:
        context: shared parts.
        book: devices.
        counters: shared counters of the gateway.
        newest: newest stored instant (UTC ms) of a device's points, None when unknown: finds the gap that a
            restart of the platform made.
    """

    def __init__(
        self,
        context: GatewayContext,
        book: DeviceBook,
        counters: Counter[str],
        newest: Callable[[int], int | None] | None = None,
    ) -> None:
        self._context = context
        self._book = book
        self._counters = counters
        self._newest = newest
        self._logged: dict[tuple[int, str], int] = {}
        self.on_gap: list[GapListener] = []
        self.on_arrival: list[ArrivalListener] = []

    def arrived(self, session: Session, state: DeviceState, frame: bytes, now_ms: int) -> None:
        """A device speaks through a connection that was not its own so far."""
        before = state.owner
        first = before is None or not before.open
        if before is not None and not first:
            if before.host != session.host:
                self.deviate(session, state.id, Deviation.TWO_ADDRESSES)
                self.log(state.id, now_ms, frame, session.peer, [Deviation.TWO_ADDRESSES.value])
            if state.policy.two_addresses == "newest" and len(before.devices) <= 1:
                before.close("replaced")
        state.owner = session
        session.devices[state.id] = state
        if not first:
            return
        self._context.activity.of(state.id).connect(now_ms)
        self._learn(state, frame)
        for listener in self.on_arrival:
            listener(state)

    def _learn(self, state: DeviceState, frame: bytes) -> None:
        head, found, _ = frame[6:].partition(b"CP=&&")
        if not found:
            return
        # The header is all that is asked: a thousand stations may come back in one second.
        try:
            self.spoke(state, parse_segment(head + b"CP=&&&&"))
        except SegmentError:
            return

    @staticmethod
    def spoke(state: DeviceState, segment: Segment) -> None:
        """Remember how the device speaks, to speak to it likewise."""
        if segment.flag is not None:
            state.version = segment.version
        if state.config.password is None and segment.pw:
            state.password = segment.pw
        if state.config.st is None and segment.st and segment.st != "91":
            state.st = segment.st

    def left(self, session: Session, now_ms: int) -> None:
        """A connection is gone: the devices that have no other are disconnected."""
        for state in session.devices.values():
            current = self._book.states.get(state.id)
            if current is None or current.owner is not session:
                continue
            current.owner = None
            self._context.activity.of(state.id).disconnect(now_ms)

    def real_time(self, state: DeviceState, moments: Sequence[int], received: int) -> None:
        """Real-time frames with these DataTimes came."""
        self._context.activity.of(state.id).clock_skew_ms = moments[-1] - received
        gaps = state.gaps
        newest = gaps.newest
        if newest is not None and len(moments) == 1 and 0 < moments[0] - newest <= gaps.interval:
            gaps.newest = moments[0]
            return
        if newest is None and self._newest is not None:
            gaps.newest = self._newest(state.id)
        for moment in moments:
            gap = gaps.real_time(moment)
            if gap is not None:
                self._counters["gaps"] += 1
                self._book.refresh_fast(state)
                for listener in self.on_gap:
                    listener(state, gap)

    def deviate(self, session: Session, device_id: int | None, kind: Deviation, number: int = 1) -> None:
        """Count a deviation of a connection and, where it is known, of its device."""
        session.deviations[kind.value] += number
        self._counters["deviations"] += number
        if device_id is None and len(session.devices) == 1:
            device_id = next(iter(session.devices))
        if device_id is not None:
            self._context.activity.of(device_id).deviate(kind.value, number)

    def log(self, device_id: int, now_ms: int, frame: bytes, peer: str, kinds: Sequence[str]) -> None:
        """Put a frame into the raw-frame log; deviations known to be usual for the device are rationed."""
        fresh = [
            k for k in kinds if now_ms - self._logged.get((device_id, k), -_LOG_EVERY_MS) >= _LOG_EVERY_MS
        ]
        if len(self._logged) > _MAX_LOGGED:
            self._logged.clear()
        for kind in fresh:
            self._logged[device_id, kind] = now_ms
        if fresh or (not kinds and self._context.frames.due(device_id, now_ms)):
            self._context.frames.add(device_id, now_ms, frame, peer=peer, deviations=list(kinds))
