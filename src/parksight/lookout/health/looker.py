"""Looks at every camera now and then, within a share of one core, and hands what it finds to the ingest."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from typing import Protocol

import structlog

from parksight.gateways.cameras.protocols import AccessUnit, CameraError
from parksight.kernel.clock import Clock
from parksight.kernel.settings import LookoutSettings
from parksight.lookout.decoding import Pool, UndecodableError, decode, small
from parksight.lookout.health.judge import Judge, Look
from parksight.lookout.health.measures import Grey, grey
from parksight.lookout.health.points import Watched, batch
from parksight.lookout.recording.ports import Pictures
from parksight.telemetry.protocols import IngestPort

log = structlog.get_logger(__name__)
#: A camera from which no key picture comes in this time gave none.
_PICTURE_S = 6.0
_PAUSE_S = 0.2


class Clocks(Protocol):
    """What the video room knows of a camera's clock."""

    def skew_ms(self, camera_id: int) -> float | None:
        """Camera less ours where that is insane, else None."""
        ...

    def exact(self, camera_id: int) -> bool:
        """Whether it tells its time at all."""
        ...


class Looker:
    """
    Args:
        cameras: who is watched now; reads records, called in a thread.

    Attributes:
        share: share of one core used by looking, of the newest round.
    """

    def __init__(
        self, clock: Clock, settings: LookoutSettings, pool: Pool, ingest: IngestPort, pictures: Pictures,
        cameras: Callable[[], list[Watched]], clocks: Clocks | None = None,
    ) -> None:  # fmt: skip
        self.clock, self.settings, self.pool = clock, settings, pool
        self._ingest, self._pictures, self._cameras, self._clocks = ingest, pictures, cameras, clocks
        self._judges: dict[int, Judge] = {}
        self._silent_since: dict[int, float] = {}
        self._task: asyncio.Task[None] | None = None
        self.counters: Counter[str] = Counter()
        self.share = 0.0

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="lookout-looker")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _run(self) -> None:
        while True:
            begun = self.clock.monotonic()
            try:
                await self.round()
            except Exception:
                self.counters["rounds_failed"] += 1
                log.exception("looking_failed")
            spent = self.clock.monotonic() - begun
            await asyncio.sleep(max(_PAUSE_S, self.settings.look_every_s - spent))

    async def round(self) -> None:
        """Look at every camera once, slowly enough to stay within the share."""
        cameras = await asyncio.to_thread(self._cameras)
        begun, used = self.clock.monotonic(), self.pool.cpu_s
        for camera in cameras:
            before, at = self.pool.cpu_s, self.clock.monotonic()
            await self._one(camera)
            cost = self.pool.cpu_s - before
            took = self.clock.monotonic() - at
            await asyncio.sleep(max(0.0, cost * 100 / self.settings.look_cpu_percent - took))
        elapsed = self.clock.monotonic() - begun
        self.share = (self.pool.cpu_s - used) / elapsed if elapsed > 0 else 0.0
        for gone in self._judges.keys() - {c.camera_id for c in cameras}:
            del self._judges[gone]
            self._silent_since.pop(gone, None)
        self.counters["rounds"] += 1

    async def _one(self, camera: Watched) -> None:
        judge = self._judges.setdefault(camera.camera_id, Judge())
        look = await self._look(camera.camera_id)
        verdicts = judge.add(look)
        self.counters["looks"] += 1
        receipt = await self._ingest.submit(batch(camera, verdicts, self.clock.now_ms()))
        self.counters["readings"] += receipt.stored

    async def _look(self, camera_id: int) -> Look:
        skew = self._clocks.skew_ms(camera_id) if self._clocks is not None else None
        exact = self._clocks.exact(camera_id) if self._clocks is not None else False
        picture: Grey | None = None
        unit = await self._key(camera_id)
        if unit is not None:
            try:
                picture = await self.pool.run(_seen, unit)
            except UndecodableError:
                self.counters["undecodable"] += 1
        now = self.clock.monotonic()
        if picture is not None:
            self._silent_since.pop(camera_id, None)
            return Look(picture, 0.0, skew, exact)
        since = self._silent_since.setdefault(camera_id, now - _PICTURE_S)
        return Look(None, now - since, skew, exact)

    async def _key(self, camera_id: int) -> AccessUnit | None:
        """The next key picture of the small stream, None when none comes in time."""
        found: asyncio.Future[AccessUnit] = asyncio.get_running_loop().create_future()

        def take(unit: AccessUnit) -> None:
            if unit.key and not unit.lost and not found.done():
                found.set_result(unit)

        try:
            leave = self._pictures.subscribe(camera_id, "sub", take)
        except CameraError as error:
            self.counters[f"refused_{error.reason}"] += 1
            return None
        try:
            async with asyncio.timeout(_PICTURE_S):
                return await found
        except TimeoutError:
            return None
        finally:
            leave()


def _seen(unit: AccessUnit) -> Grey:
    return grey(small(decode([unit])[0]))
