"""Telemetry put together, in one place for the composition root and for tests."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import FastAPI

from parksight.kernel.clock import Clock
from parksight.kernel.db import Database
from parksight.kernel.settings import Settings
from parksight.telemetry.catalogue import Catalogue
from parksight.telemetry.forensics.api import router as forensics_router
from parksight.telemetry.forensics.service import ForensicsService
from parksight.telemetry.ingest.api import router as ingest_router
from parksight.telemetry.ingest.pipeline import IngestPipeline
from parksight.telemetry.live.api import router as live_router
from parksight.telemetry.live.hub import LiveHub
from parksight.telemetry.live_table import LiveTable
from parksight.telemetry.metrics import TelemetryCollector
from parksight.telemetry.points.api import router as points_router
from parksight.telemetry.points.service import PointService
from parksight.telemetry.points.transfer import PointImporter
from parksight.telemetry.protocols import Store, TickListener

#: Request bodies that may be larger than the house allows, for ``kernel.http.install(body_limits=…)``.
BODY_LIMITS = {"/api/v1/points/import": 64 * 1024 * 1024}
INGEST_TOPIC = "ingest"
_INGEST_EVERY_S = 1.0


class Telemetry:
    """Catalogue, live table, pipeline, hub, services; the store is handed in and not closed here.

    Args:
        settings: all settings; ``ingest``, ``live``, ``forensics`` and ``data_dir`` are used.
        db: records.
        clock: the platform's time.
        store: where observations live.
        listeners: told about each durable tick before the browsers (alarms); more with
            ``pipeline.add_listener``.
    """

    def __init__(
        self,
        settings: Settings,
        db: Database,
        clock: Clock,
        store: Store,
        listeners: Sequence[TickListener] = (),
    ) -> None:
        self.clock = clock
        self.catalogue = Catalogue(db)
        self.live = LiveTable(self.catalogue)
        self.hub = LiveHub(settings.live, clock, self.live, self.catalogue)
        self.pipeline = IngestPipeline(
            settings.ingest, clock, store, self.live, self.catalogue, settings.data_dir / "rejects",
            (*listeners, self.hub),
        )  # fmt: skip
        self.points = PointService(db, clock, self.live)
        self.importer = PointImporter(db, clock, self.points)
        self.forensics = ForensicsService(
            settings.forensics, db, clock, store, self.live, self.catalogue, self.hub.touch
        )
        self.hub.register_topic(INGEST_TOPIC, "telemetry.ingest.read")
        self.hub.before_tick(self._publish_ingest)
        self._published_at = -_INGEST_EVERY_S

    def _publish_ingest(self) -> None:
        now = self.clock.monotonic()
        if now - self._published_at >= _INGEST_EVERY_S and self.hub.has_subscribers(INGEST_TOPIC):
            self._published_at = now
            coverage = self.live.coverage(self.clock.now_ms(), refresh=False).as_dict()
            self.hub.publish_topic(INGEST_TOPIC, {**self.pipeline.ingest_counters(), "points": coverage})

    def install(self, app: FastAPI) -> None:
        """Routes, ``app.state`` and metrics; call after ``kernel.http.install``."""
        state = app.state
        state.telemetry = self
        state.ingest, state.live_table, state.live_hub = self.pipeline, self.live, self.hub
        state.points, state.point_importer = self.points, self.importer
        state.catalogue, state.forensics = self.catalogue, self.forensics
        state.metrics.register(TelemetryCollector(self.clock, self.pipeline, self.live, self.hub))
        for router in (points_router, ingest_router, live_router, forensics_router):
            app.include_router(router)

    async def start(self) -> None:
        """Load the newest values and open the door; on the event loop of the application."""
        self.pipeline.start()
        self.hub.start()
        self.forensics.start()

    async def stop(self) -> None:
        """Close the door, finish what is in flight, close the browsers. Idempotent."""
        await self.forensics.stop()
        await self.pipeline.stop()
        await self.hub.stop()
        self.catalogue.close()
