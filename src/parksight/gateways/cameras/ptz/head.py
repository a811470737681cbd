"""One head: its device, its telemetry, and how often it is asked."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator

import structlog

from parksight.gateways.cameras.protocols import CameraError, FramePose, PtzAbilities, PtzDevice, PtzSample
from parksight.gateways.cameras.ptz.limits import PtzLimits
from parksight.gateways.cameras.ptz.track import Track
from parksight.kernel.clock import Clock

log = structlog.get_logger(__name__)

#: Faults that asking again soon does not mend, and how they are waited out.
_LASTING = frozenset({"no_ptz", "not_supported", "no_position", "other_space"})


class Head:
    """Keeps a head's track filled: 10 Hz while it moves or somebody watches, 1 Hz otherwise.

    Args:
        camera_id: record of the camera.
        device: speaks with it; closed with the head.
        clock: ours.
        limits: rates and pauses.
        simulated: a camera of the demo zone.
    """

    def __init__(
        self, camera_id: int, device: PtzDevice, clock: Clock, limits: PtzLimits, *, simulated: bool = False
    ) -> None:
        self.camera_id, self.device, self.simulated = camera_id, device, simulated
        self.track = Track()
        self.counters: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.error: CameraError | None = None
        self.abilities: PtzAbilities | None = None
        self.heard_ms: int | None = None
        self._clock, self._limits = clock, limits
        self._watchers = 0
        self._fast_until = 0.0
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"head-{self.camera_id}")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        await self.device.close()

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Ask at the fast rate as long as somebody sees the picture."""
        self._watchers += 1
        self._wake.set()
        try:
            yield
        finally:
            self._watchers -= 1

    def hurry(self) -> None:
        """A command was sent: where the head goes is wanted now."""
        self._fast_until = self._clock.monotonic() + self._limits.fast_after_command_s
        self._wake.set()

    @property
    def watchers(self) -> int:
        return self._watchers

    @property
    def fast(self) -> bool:
        newest = self.track.newest
        return (
            self._watchers > 0
            or self._clock.monotonic() < self._fast_until
            or (newest is not None and bool(newest.moving))
        )

    def now(self) -> PtzSample | None:
        """The newest sample, unless it is too old to say where the head points."""
        newest = self.track.newest
        oldest = self._clock.now_ms() - 3 * self._limits.idle_ms
        return newest if newest is not None and newest.at_ms >= oldest else None

    def at(self, wall_ms: float) -> FramePose | None:
        return self.track.at(wall_ms)

    async def able(self) -> PtzAbilities:
        if self.abilities is None:
            self.abilities = await self.device.abilities()
        return self.abilities

    async def _run(self) -> None:
        failed = 0
        while True:
            # Before asking: a wake-up from here on is for the pause that follows.
            self._wake.clear()
            began = self._clock.monotonic()
            try:
                await self._ask()
            except CameraError as error:
                failed += 1
                self._failed(error)
                await asyncio.sleep(self._back_off(error, failed))
            except Exception as error:
                failed += 1
                self._failed(CameraError("internal", repr(error)[:200]))
                log.exception("head_poll_failed", camera=self.camera_id)
                await asyncio.sleep(self._limits.back_off_s)
            else:
                failed = 0
                await self._rest(began)

    async def _rest(self, began: float) -> None:
        """Until the next question is due, or sooner when somebody begins to watch or to turn."""
        if not self.fast:
            left = began + self._limits.idle_ms / 1000 - self._clock.monotonic()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), max(left, 0.0))
        if self.fast:
            left = began + self._limits.fast_ms / 1000 - self._clock.monotonic()
            await asyncio.sleep(max(left, 0.0))

    async def _ask(self) -> None:
        if not (await self.able()).position:
            raise CameraError("no_position", "the device reports none")
        sample = await self.device.status()
        self.counters["samples"] += 1
        if sample.exact:
            self.counters["stamped"] += 1
        self.heard_ms = self._clock.now_ms()
        if self.error is not None:
            log.info("head_back", camera=self.camera_id)
            self.error = None
        self.track.add(sample)

    def _failed(self, error: CameraError) -> None:
        self.failures[error.reason] += 1
        if self.error is None or self.error.reason != error.reason:
            log.warning("head_failed", camera=self.camera_id, reason=error.reason, detail=error.detail)
        self.error = error

    def _back_off(self, error: CameraError, failed: int) -> float:
        if error.reason == "credentials":
            return self._limits.locked_out_s
        if error.reason in _LASTING:
            return self._limits.back_off_s * 10
        return float(min(0.5 * 2 ** min(failed - 1, 16), self._limits.back_off_s))
