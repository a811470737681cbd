"""What the cloud eye does by itself, put together for the composition root: recording, looks, health, suspicions."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import structlog
from fastapi import APIRouter, FastAPI

from parksight.alarms.events import CameraRequested
from parksight.cases.service import CaseService
from parksight.kernel.clock import Clock
from parksight.kernel.db import Database
from parksight.kernel.files.service import Files
from parksight.kernel.settings import LookoutSettings
from parksight.lookout.decoding import Pool
from parksight.lookout.health.looker import Clocks, Looker
from parksight.lookout.health.points import watched
from parksight.lookout.linkage.api import router as looks_router
from parksight.lookout.linkage.ports import Chooser, Heads
from parksight.lookout.linkage.service import Lookouts
from parksight.lookout.recording.api import router as recordings_router
from parksight.lookout.recording.ports import Calibrations, Labels, Pictures, Poses
from parksight.lookout.recording.retention import Retention
from parksight.lookout.recording.service import Recorder
from parksight.lookout.suspicion.service import Suspicions
from parksight.lookout.workflow import SUSPICION, TYPES
from parksight.telemetry.points.service import PointService
from parksight.telemetry.protocols import IngestPort

log = structlog.get_logger(__name__)
_RETENTION_S = 600.0
#: Below ``/api/v1/lookout``.
ROUTERS: tuple[APIRouter, ...] = (recordings_router, looks_router)


class Eye:
    """
    Args:
        chooser, heads, poses, labels, calibrations: of the register and the heads; None: that part answers so.
    """

    def __init__(
        self, db: Database, clock: Clock, files: Files, settings: LookoutSettings, *, pictures: Pictures,
        ingest: IngestPort, points: PointService, cases: CaseService, poses: Poses | None = None,
        labels: Labels | None = None, calibrations: Calibrations | None = None, chooser: Chooser | None = None,
        heads: Heads | None = None, clocks: Clocks | None = None,
    ) -> None:  # fmt: skip
        self.db = db
        self.pool = Pool(1)
        self.recorder = Recorder(
            db, clock, files, settings, self.pool, pictures=pictures, poses=poses, labels=labels, calibrations=calibrations
        )  # fmt: skip
        self.retention = Retention(db, clock, files, settings)
        self.looks = Lookouts(db, clock, self.recorder, chooser=chooser, heads=heads, cases=cases)
        self.suspicions = Suspicions(clock, cases)
        cases.types.register(*TYPES)
        cases.room.outside.follow(SUSPICION, self.suspicions.followed)
        self.looker = Looker(
            clock, settings, self.pool, ingest, pictures, lambda: watched(db, points, 3 * settings.look_every_s), clocks
        )  # fmt: skip
        self._task: asyncio.Task[None] | None = None
        db.bus.subscribe(CameraRequested.subject(), self.looks.on_request)

    def install(self, app: FastAPI) -> None:
        """Routes and what they ask for."""
        state: Any = app.state
        state.lookout_recorder, state.lookout_retention, state.lookout_looks = (
            self.recorder,
            self.retention,
            self.looks,
        )
        lookout = APIRouter(prefix="/api/v1/lookout", tags=["lookout"])
        for router in ROUTERS:
            lookout.include_router(router)
        app.include_router(lookout)

    async def start(self) -> None:
        """After the cameras' gateway."""
        await asyncio.to_thread(self.recorder.recover)
        await asyncio.to_thread(self.looks.recover)
        self.looker.start()
        self._task = asyncio.create_task(self._clear(), name="lookout-retention")

    async def stop(self) -> None:
        """Before the cameras' gateway."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self.looks.stop()
        await self.looker.stop()
        await self.recorder.stop()
        await asyncio.to_thread(self.pool.close)

    async def _clear(self) -> None:
        while True:
            try:
                await asyncio.to_thread(self.retention.run)
            except Exception:
                log.exception("retention_failed")
            await asyncio.sleep(_RETENTION_S)
