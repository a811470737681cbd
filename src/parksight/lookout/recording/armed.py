"""One camera whose newest seconds are kept, and the clips being taken from it. Lives on the event loop."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import structlog

from parksight.gateways.cameras.protocols import AccessUnit
from parksight.lookout.decoding import UndecodableError
from parksight.lookout.recording.mp4 import NoParameterSetsError
from parksight.lookout.recording.ports import Labels
from parksight.lookout.recording.ring import TICKS, Ring
from parksight.lookout.recording.writer import ClipFullError, ClipWriter, CodingChangedError

log = structlog.get_logger(__name__)
#: Moments of the labels kept per camera; one comes with each key picture.
_MOST_STATES = 300


@dataclass(eq=False)
class Take:
    """A clip under way.

    Attributes:
        until: end on the ring's time line; ``patience_s`` of silence of the camera ends it too.
        stopped: why it ended before its time: ``full`` or ``changed``; the clip is kept as it is.
    """

    writer: ClipWriter
    until: int
    most: int
    done: asyncio.Event = field(default_factory=asyncio.Event)
    pending: list[AccessUnit] = field(default_factory=list)
    stopped: str | None = None
    failed: str | None = None
    ended: bool = False


class Armed:
    """
    Args:
        threads: one thread; keeps the groups of a clip in order and the loop free of the disk.
    """

    def __init__(
        self, camera_id: int, ring: Ring, labels: Labels | None, threads: ThreadPoolExecutor,
        unsubscribe: Callable[[], None],
    ) -> None:  # fmt: skip
        self.camera_id, self.ring = camera_id, ring
        self._labels, self._threads, self.unsubscribe = labels, threads, unsubscribe
        self._states: deque[tuple[float, Mapping[str, Any]]] = deque(maxlen=_MOST_STATES)
        self.takes: set[Take] = set()
        self.newest: AccessUnit | None = None

    def feed(self, unit: AccessUnit) -> None:
        """A picture from the relay."""
        placed = self.ring.add(unit)
        if placed is None:
            return
        self.newest = placed
        if placed.key and self._labels is not None:
            self._states.append((placed.wall_ms, self._labels.state(self.camera_id)))
        for take in list(self.takes):
            self._record(take, placed)

    def begin(self, writer: ClipWriter, pre_s: float, post_s: float, most_s: float) -> Take:
        """Start a clip with what the ring holds."""
        begin = self.ring.end - round(pre_s * TICKS)
        take = Take(writer, self.ring.end + round(post_s * TICKS), begin + round(most_s * TICKS))
        self.takes.add(take)
        for unit in self.ring.since(begin):
            self._record(take, unit)
        return take

    def _record(self, take: Take, unit: AccessUnit) -> None:
        if take.ended or not (unit.key or take.pending):
            return
        over = unit.dts > min(take.until, take.most)
        if take.pending and (unit.key or over):
            self._hand(take, unit.dts)
        if over:
            self.end(take)
        else:
            take.pending.append(unit)

    def _hand(self, take: Take, next_dts: int | None) -> None:
        units, take.pending = take.pending, []
        until = units[-1].wall_ms
        states = [s for s in self._states if units[0].wall_ms <= s[0] <= until]

        def write() -> None:
            if take.failed or take.stopped:
                return
            try:
                take.writer.group(units, next_dts, states)
            except ClipFullError:
                take.stopped = "full"
            except CodingChangedError:
                take.stopped = "changed"
            except (UndecodableError, NoParameterSetsError):
                take.failed = "undecodable"
            except OSError as error:
                log.warning("clip_not_written", camera=self.camera_id, error=str(error))
                take.failed = "disk"

        self._threads.submit(write)

    def end(self, take: Take) -> None:
        """No more pictures for it; what is complete is written."""
        if take.ended:
            return
        take.ended = True
        if take.pending:
            self._hand(take, None)
        self.takes.discard(take)
        loop = asyncio.get_running_loop()
        self._threads.submit(lambda: loop.call_soon_threadsafe(take.done.set))

    def close(self) -> None:
        for take in list(self.takes):
            self.end(take)
        self.unsubscribe()
