"""One TCP connection: bytes in, answers out, and every way of being a bad guest.

A bare ``asyncio.Protocol`` that does next to nothing per read: bytes are gathered and decoded for all
connections at once by the :class:`~parksight.gateways.hj212.intake.Intake`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, cast

from parksight.gateways.hj212.codec.frame import Framer

if TYPE_CHECKING:
    from parksight.gateways.hj212.devices import DeviceState
    from parksight.gateways.hj212.hub import Hub


class Session(asyncio.Protocol):
    """A connection of one device, or of a relay that speaks for several.

    Attributes:
        chunks: bytes that arrived and are not decoded yet.
        overdue: its frame was overdue when it was last looked at.
        partial_since: monotonic time since which a frame has been incomplete, None when none is.
        devices: device ids that spoke here.
        bad_in_row: unreadable frames since the last readable one.
        ended: why we hung up, None when the peer did.
    """

    __slots__ = (
        "_hub",
        "_stalled_since",
        "_throttled",
        "bad_in_row",
        "chunks",
        "closed",
        "connected_at",
        "connected_monotonic",
        "deviations",
        "devices",
        "ended",
        "framer",
        "frames",
        "host",
        "key",
        "last_data",
        "last_frame_at",
        "overdue",
        "partial_since",
        "peer",
        "queued",
        "readings",
        "transport",
    )  # fmt: skip

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.framer = Framer(hub.settings.max_frame_bytes)
        self.chunks: list[bytes] = []
        self.queued = False
        self.transport: asyncio.Transport | None = None
        self.peer = self.host = self.key = ""
        self.connected_at = 0
        self.connected_monotonic = self.last_data = 0.0
        self.last_frame_at: int | None = None
        self.partial_since: float | None = None
        self.devices: dict[int, DeviceState] = {}
        self.frames = self.readings = self.bad_in_row = 0
        self.deviations: Counter[str] = Counter()
        self.overdue = False
        self.closed = False
        self.ended: str | None = None
        self._stalled_since: float | None = None
        self._throttled = False

    # -- asyncio.Protocol ------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        name = transport.get_extra_info("peername")
        self.host = str(name[0]) if isinstance(name, tuple) else "?"
        self.peer = f"{self.host}:{name[1]}" if isinstance(name, tuple) else "?"
        self.transport.set_write_buffer_limits(high=self._hub.settings.max_unread_kb * 1024)
        self._hub.opened(self)

    def data_received(self, data: bytes) -> None:
        self.chunks.append(data)
        self._hub.received(self, len(data))

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        self._hub.lost(self)

    def pause_writing(self) -> None:
        """The peer does not read our answers: take no more from it until it does."""
        self._stalled_since = self._hub.monotonic()
        self._hub.counters["paused_not_reading"] += 1
        self._apply()

    def resume_writing(self) -> None:
        self._stalled_since = None
        self._apply()

    # -- what the gateway does with it -----------------------------------------------------------------

    @property
    def open(self) -> bool:
        return not self.closed and self.transport is not None and not self.transport.is_closing()

    @property
    def stalled_since(self) -> float | None:
        """Monotonic time since which the peer has not read our answers."""
        return self._stalled_since

    def forgive(self, seconds: float) -> None:
        """Time during which we did not listen does not count against the peer."""
        now = self._hub.monotonic()
        self.last_data = min(now, self.last_data + seconds)
        self.connected_monotonic = min(now, self.connected_monotonic + seconds)
        if self.partial_since is not None:
            self.partial_since = min(now, self.partial_since + seconds)

    def throttle(self, on: bool) -> None:
        """Back-pressure: stop or resume reading."""
        self._throttled = on
        self._apply()

    def _apply(self) -> None:
        if not self.open or self.transport is None:
            return
        if self._throttled or self._stalled_since is not None:
            if self.transport.is_reading():
                self.transport.pause_reading()
        elif not self.transport.is_reading():
            self.transport.resume_reading()

    def write(self, data: bytes) -> bool:
        """Send; False when the connection is gone."""
        if not self.open or self.transport is None:
            return False
        self.transport.write(data)
        return True

    def close(self, reason: str, *, abort: bool = False) -> None:
        """Hang up for a reason that is counted."""
        if self.closed or self.ended is not None or self.transport is None:
            return
        self.ended = reason
        self._hub.counters[f"closed_{reason}"] += 1
        if abort:
            self.transport.abort()
        else:
            self.transport.close()
