"""One stream of one camera for everybody who wants it: started on demand, stopped a little after the last one left."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

import structlog

from parksight.gateways.cameras.protocols import AccessUnit, PoseTrack, Stream
from parksight.gateways.cameras.video.packing import Form, Packer, Picture
from parksight.gateways.cameras.video.sources import Source
from parksight.gateways.cameras.video.viewer import Viewer
from parksight.kernel.settings import CameraSettings

log = structlog.get_logger(__name__)

Take = Callable[[AccessUnit], None]
#: Span over which frame and bit rate are told, s.
_RATE_S = 5.0
#: A consumer that takes longer for a picture holds up everybody's pictures; counted, ms.
SLOW_MS = 5.0


class Relay:
    """A stream and those who want it.

    Args:
        camera_id, stream: what it relays.
        source: where the pictures come from.
        settings: limits.
        simulated: a camera of the demo zone.
        pose: where the head's telemetry is, asked for each picture.
    """

    def __init__(
        self, camera_id: int, stream: Stream, source: Source, settings: CameraSettings, *, simulated: bool,
        pose: Callable[[], PoseTrack | None],
    ) -> None:  # fmt: skip
        self.camera_id, self.stream = camera_id, stream
        self.simulated = simulated
        self.source = source
        self.viewers: set[Viewer] = set()
        self.counters: Counter[str] = Counter()
        self._settings = settings
        self._pose = pose
        self._packer = Packer(simulated)
        self._group: list[Picture] = []
        self._group_bytes = 0
        self._takers: dict[int, Take] = {}
        self._next_taker = 0
        self._task: asyncio.Task[None] | None = None
        self._stop_handle: asyncio.TimerHandle | None = None
        self._recent: deque[tuple[float, int]] = deque(maxlen=1000)
        self._unplayable = False

    # -- life ------------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        return self._task is not None and not self._task.done()

    @property
    def wanted(self) -> bool:
        return bool(self.viewers or self._takers)

    @property
    def group(self) -> tuple[AccessUnit, ...]:
        """Units since the newest key picture."""
        return tuple(p.unit for p in self._group)

    @property
    def takers(self) -> int:
        return len(self._takers)

    def _wake(self) -> None:
        if self._stop_handle is not None:
            self._stop_handle.cancel()
            self._stop_handle = None
        if not self.running:
            self._task = asyncio.create_task(self._run(), name=f"camera-{self.camera_id}-{self.stream}")

    async def _run(self) -> None:
        try:
            await self.source.run(self._deliver, self._changed)
        except asyncio.CancelledError:
            raise
        except Exception:
            self.counters["source_failed"] += 1
            log.exception("camera_source_failed", camera=self.camera_id, stream=self.stream)

    def _rest(self) -> None:
        if self.wanted or self._stop_handle is not None:
            return
        loop = asyncio.get_running_loop()
        self._stop_handle = loop.call_later(self._settings.linger_s, self._sleep)

    def _sleep(self) -> None:
        self._stop_handle = None
        if not self.wanted and self._task is not None:
            self._task.cancel()
            self._task = None
            self._group.clear()
            self._group_bytes = 0
            self._recent.clear()

    async def renew(self, source: Source) -> None:
        """Another source from now on; viewers and consumers stay."""
        self._packer = Packer(self.simulated)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        source.state.counters.update(self.source.state.counters)
        self.source = source
        self._group, self._group_bytes = [], 0
        for viewer in self.viewers:
            viewer.restart()
            viewer.generation = 0
        if self.wanted:
            self._wake()

    async def stop(self) -> None:
        """End the source and every viewer."""
        if self._stop_handle is not None:
            self._stop_handle.cancel()
            self._stop_handle = None
        for viewer in list(self.viewers):
            viewer.close(1001, "the stream was closed")
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        self._group.clear()
        self._group_bytes = 0

    # -- who wants pictures ----------------------------------------------------------------------------

    def join(self, viewer: Viewer) -> None:
        """A browser: INIT and the cached group at once, if there is one, then every picture."""
        self.viewers.add(viewer)
        self._wake()
        if self._group and self._init(viewer):
            pose = self._pose()
            for picture in self._group:
                viewer.offer(picture.again(viewer.form, pose.at if pose else None), picture.unit.key)
        else:
            viewer.state(self.told())

    def leave(self, viewer: Viewer) -> None:
        if viewer in self.viewers:
            self.viewers.discard(viewer)
            self.counters["viewer_dropped"] += viewer.dropped
            self._rest()

    def subscribe(self, take: Take) -> Callable[[], None]:
        """Every unit from now on, the cached group first. What it returns ends that.

        ``take`` runs on the event loop after the viewers had their picture; it must hand work on instead of doing it.
        """
        number = self._next_taker = self._next_taker + 1
        self._wake()
        for unit in self.group:
            self._hand(take, unit)
        self._takers[number] = take

        def end() -> None:
            if self._takers.pop(number, None) is not None:
                self._rest()

        return end

    # -- pictures --------------------------------------------------------------------------------------

    def _deliver(self, unit: AccessUnit) -> None:
        pose = self._pose()
        generation = self._packer.generation
        picture = self._packer.pack(unit, pose.at if pose else None)
        size = sum(map(len, unit.nals))
        self._recent.append((time.monotonic(), size))
        self.counters["pictures"] += 1
        self._cache(picture, size)
        if self._packer.generation != generation:
            self._unplayable = self._packer.init("mse") is None
            if self._unplayable:
                self._changed()
        if not self._unplayable:
            for viewer in self.viewers:
                if viewer.generation != self._packer.generation and not self._init(viewer):
                    continue
                viewer.offer(picture.message(viewer.form), unit.key)
        for take in tuple(self._takers.values()):
            self._hand(take, unit)

    def _init(self, viewer: Viewer) -> bool:
        message = self._packer.init(viewer.form)
        if message is None:
            return False
        viewer.restart()
        viewer.tell(message)
        viewer.generation = self._packer.generation
        return True

    def _cache(self, picture: Picture, size: int) -> None:
        if picture.unit.key:
            self._group = [picture]
            self._group_bytes = size
        elif self._group:
            self._group.append(picture)
            self._group_bytes += size
            if (
                self._group_bytes > self._settings.group_mb * 2**20
                or len(self._group) > self._settings.group_pictures
            ):
                # a camera that sends key pictures too rarely: whoever joins must wait for the next one
                self._group = []
                self.counters["group_too_long"] += 1

    def _hand(self, take: Take, unit: AccessUnit) -> None:
        begun = time.perf_counter()
        try:
            take(unit)
        except Exception:
            self.counters["consumer_failed"] += 1
            log.exception("camera_consumer_failed", camera=self.camera_id)
        if (time.perf_counter() - begun) * 1000 > SLOW_MS:
            self.counters["consumer_slow"] += 1

    def _changed(self) -> None:
        told = self.told()
        lost = self.source.state.state == "lost"
        for viewer in self.viewers:
            if lost:
                # what comes after the loss may not be predicted from what came before
                viewer.restart()
                viewer.generation = 0
            viewer.state(told)
        if lost:
            self._group = []
            self._group_bytes = 0

    # -- what it tells ---------------------------------------------------------------------------------

    def told(self) -> dict[str, Any]:
        """State for viewers: ``state`` and ``reason``; texts are the page's, by ``gateways.cameras.error.<reason>``."""
        state = self.source.state
        if self._unplayable and state.state == "playing":
            found = self._packer.format
            return {
                "state": "unsupported",
                "reason": "h265_in_browser",
                "detail": found.codec if found else "",
            }
        if state.error is not None and state.state == "lost":
            return {
                "state": "lost",
                "reason": state.error.reason,
                "detail": state.error.detail,
                "tries": state.tries,
            }
        if not self.running:
            return {"state": "idle", "reason": None, "detail": ""}
        return {"state": state.state, "reason": None, "detail": ""}

    def rates(self) -> tuple[float, float]:
        """(pictures per second, bits per second) of the newest seconds."""
        since = time.monotonic() - _RATE_S
        recent = [size for at, size in self._recent if at >= since]
        return len(recent) / _RATE_S, 8 * sum(recent) / _RATE_S

    def figures(self) -> dict[str, Any]:
        """For the status route and the collector."""
        state = self.source.state
        fps, bps = self.rates()
        found = self._packer.format
        forms: Counter[Form] = Counter(v.form for v in self.viewers)
        return {
            **self.told(), "stream": self.stream, "running": self.running, "transport": state.transport,
            "since_ms": state.since_ms, "viewers": len(self.viewers), "viewers_mse": forms["mse"],
            "viewers_raw": forms["raw"], "consumers": len(self._takers), "fps": round(fps, 2), "bit_rate": round(bps),
            "codec": found.codec if found else None, "width": found.width if found else None,
            "height": found.height if found else None, "delay_ms": state.delay_ms, "skew_ms": state.skew_ms,
            "wall_exact": state.exact, "cached_pictures": len(self._group),
            "counters": {**state.counters, **{f"relay_{k}": n for k, n in self.counters.items()}},
            "viewer_dropped": self.counters["viewer_dropped"] + sum(v.dropped for v in self.viewers),
        }  # fmt: skip
