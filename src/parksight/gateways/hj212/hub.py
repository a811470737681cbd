"""The connections of the gateway: who may connect, for how long, and who is shown the door."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from parksight.gateways.hj212.session import Session
from parksight.kernel.clock import Clock
from parksight.kernel.settings import Hj212Settings

if TYPE_CHECKING:
    from parksight.gateways.hj212.intake import Intake

#: How often limits of time are looked at, seconds.
_WATCH_S = 1.0
#: Lateness of our own that is not worth mentioning, seconds.
_TOLERANCE_S = 0.25


class Hub:
    """All connections.

    Args:
        settings: limits.
        clock: arrival times.
        counters: shared counters of the gateway.
    """

    def __init__(self, settings: Hj212Settings, clock: Clock, counters: Counter[str]) -> None:
        self.settings = settings
        self.clock = clock
        self.counters = counters
        self.sessions: dict[str, Session] = {}
        self._per_host: Counter[str] = Counter()
        self._serial = 0
        self._throttled = False
        self._throttled_at = 0.0
        #: Seconds since the last sweep in which nothing was read.
        self._not_read_s = 0.0
        self.intake: Intake | None = None

    def monotonic(self) -> float:
        return self.clock.monotonic()

    # -- told by the sessions --------------------------------------------------------------------------

    def opened(self, session: Session) -> None:
        """A connection was accepted by the system: take it or refuse it."""
        self._serial += 1
        session.key = f"{session.peer}#{self._serial}"
        session.connected_at = self.clock.now_ms()
        session.connected_monotonic = session.last_data = self.monotonic()
        self.counters["connections_accepted"] += 1
        if len(self.sessions) >= self.settings.max_connections:
            session.close("connection_limit", abort=True)
            return
        if self._per_host[session.host] >= self.settings.max_connections_per_address:
            session.close("address_limit", abort=True)
            return
        self.sessions[session.key] = session
        self._per_host[session.host] += 1
        if self._throttled:
            session.throttle(True)

    def received(self, session: Session, size: int) -> None:
        session.last_data = self.monotonic()
        self.counters["bytes"] += size
        if self.intake is not None:
            self.intake.arrived(session, size)

    def lost(self, session: Session) -> None:
        """The connection is gone, from either side."""
        if self.sessions.pop(session.key, None) is None:
            return
        self._per_host[session.host] -= 1
        if not self._per_host[session.host]:
            del self._per_host[session.host]
        self.counters["connections_closed"] += 1
        if session.framer.pending:
            self.counters["cut_frames"] += 1
        if self.intake is not None:
            self.intake.left(session)

    # -- back-pressure ---------------------------------------------------------------------------------

    @property
    def throttled(self) -> bool:
        """Whether reading is paused because the pipeline is full."""
        return self._throttled

    def throttle(self, on: bool) -> None:
        """Stop or resume reading everywhere; the peers' own TCP then waits."""
        if on == self._throttled:
            return
        self._throttled = on
        now = self.monotonic()
        if on:
            self._throttled_at = now
        else:
            self._not_read_s += now - self._throttled_at
        self.counters["back_pressure"] += on
        for session in self.sessions.values():
            session.throttle(on)

    # -- limits of time --------------------------------------------------------------------------------

    async def watch(self) -> None:
        """Close who is idle, slow, silent or deaf; runs until cancelled."""
        while True:
            before = self.monotonic()
            await asyncio.sleep(_WATCH_S)
            self.sweep(max(0.0, self.monotonic() - before - _WATCH_S))

    def sweep(self, late: float = 0.0) -> None:
        """One round of :meth:`watch`; ``late`` seconds of it we were busy ourselves."""
        now, limits = self.monotonic(), self.settings
        # Nobody is to blame for what we do not read: the clocks stand still meanwhile.
        late += self._not_read_s
        self._not_read_s = 0.0
        if self._throttled:
            late += now - self._throttled_at
            self._throttled_at = now
        for session in list(self.sessions.values()):
            if late > _TOLERANCE_S:
                session.forgive(late)
            stalled = session.stalled_since
            if stalled is not None and now - stalled > limits.write_stall_seconds:
                session.close("not_reading", abort=True)
            elif (
                session.partial_since is not None
                and now - session.partial_since > limits.frame_seconds
                # Its rest may wait to be decoded, or unread while the peer does not read our answers.
                and not session.queued
                and stalled is None
            ):
                # Only once we looked at the connection again: its bytes may lie in the system's buffer.
                if session.overdue:
                    self._overdue(session)
                session.overdue = not session.overdue
            elif not session.frames and now - session.connected_monotonic > limits.first_frame_seconds:
                session.close("no_frame")
            elif now - session.last_data > limits.idle_seconds:
                session.close("idle")

    def _overdue(self, session: Session) -> None:
        """A frame did not complete in time: give its head up, and hang up on who has said nothing readable."""
        self.counters["slow_frames"] += 1
        if self.intake is not None:
            self.intake.give_up(session)
        if not session.frames:
            session.close("slow_frame")

    def close_all(self, reason: str) -> None:
        for session in list(self.sessions.values()):
            session.close(reason)
