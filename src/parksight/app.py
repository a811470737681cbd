"""The composition root: builds every service once, mounts the modules, and owns their life.

Order of life: records, store, telemetry (the door), alarms, gateways; at the end the reverse, so that nothing that was
taken in is lost on the way out.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from parksight import __version__
from parksight.alarms import assembly as alarm_assembly
from parksight.alarms import panel as alarms_panel
from parksight.alarms.api import router as alarms_router
from parksight.alarms.assembly import DeviceSources
from parksight.alarms.evaluation.watch import Keeping
from parksight.alarms.handover import AlarmItems
from parksight.alarms.providers import Providers
from parksight.alarms.rules import RuleService
from parksight.alarms.service import AlarmService
from parksight.alarms.tuning import TuningService
from parksight.alarms.workflow import HANDLING
from parksight.cases import assembly as case_assembly
from parksight.cases import neighbours
from parksight.cases import panel as case_panel
from parksight.cases.handover import CaseItems
from parksight.cases.providers import Outside
from parksight.command.api import router as command_router
from parksight.command.handover import DataItems
from parksight.command.service import CommandService
from parksight.demo.api import router as demo_router
from parksight.demo.service import DemoService
from parksight.duty.api import router as duty_router
from parksight.duty.service import DutyService
from parksight.gateways import assembly as gateway_assembly
from parksight.gateways import room
from parksight.gateways.activity import ActivityBook
from parksight.gateways.cameras.links import CameraLinks
from parksight.gateways.context import GatewayContext
from parksight.gateways.directory import DeviceDirectory
from parksight.gateways.events import SourceDied
from parksight.gateways.frames import FrameLog
from parksight.gateways.metrics import GatewayCollector
from parksight.gateways.sources import sources_of
from parksight.gateways.unknown import UnknownDevices
from parksight.kernel import api as kernel_api
from parksight.kernel import http
from parksight.kernel.bus import Bus
from parksight.kernel.clock import Clock, SystemClock
from parksight.kernel.db import Database
from parksight.kernel.http.description import describe_problems
from parksight.kernel.identity.callers import CallerDirectory
from parksight.kernel.sealing import Sealer
from parksight.kernel.settings import Settings
from parksight.notifications.from_duty import DutyNotices
from parksight.notifications.room import Notifications
from parksight.registry import assembly as registry_assembly
from parksight.registry.api import router as registry_router
from parksight.registry.layers import LayerCache
from parksight.registry.panel import EnterpriseTabs
from parksight.registry.picking import Picker
from parksight.registry.service import RegistryService
from parksight.safety import assembly as safety_assembly
from parksight.telemetry.assembly import BODY_LIMITS, Telemetry
from parksight.telemetry.observations_api import router as observations_router
from parksight.telemetry.queries.service import ObservationQueries
from parksight.telemetry.store import DuckDbStore
from parksight.web import STATIC, built
from parksight.web.site import Site


class Platform:
    """All services of one installation; built without side effects on the network, started by the application.

    Args:
        settings: effective settings; ``data_dir`` must exist and the records must be migrated.
        clock: the platform's time.
    """

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock: Clock = clock or SystemClock()
        self.bus = Bus()
        self.db = Database(settings.records_url, self.bus, self.clock)
        self.store = DuckDbStore(
            settings.data_dir / "observations", settings.store, settings.zone.timezone, self.clock
        )
        self.telemetry = Telemetry(settings, self.db, self.clock, self.store)
        self.duty = DutyService(
            self.db,
            self.clock,
            settings.duty,
            settings.zone.timezone,
        )
        self.notifications = Notifications(settings, self.db, self.clock, self.telemetry.hub)
        DutyNotices(self.notifications.notifier).attach(self.duty.hooks)
        self.cases = case_assembly.Cases(
            self.db, self.clock, settings,
            Outside(
                neighbours.DutyPresence(), neighbours.NoticeTeller(self.notifications.notifier),
                neighbours.StoreReadings(self.store),
            ),
            self.telemetry.hub,
        )  # fmt: skip
        self.activity = ActivityBook(self.telemetry.pipeline.link_changed)
        alarm_assembly.declare(self.cases.service, settings.alarms)
        self.alarms = AlarmService(
            self.db, self.clock, settings.alarms, self.telemetry.hub, live=self.telemetry.live,
            providers=Providers(sources=DeviceSources(sources_of, self.activity.connected)), cases=self.cases.service,
            notifier=self.notifications.notifier, timezone=settings.zone.timezone,
            keeping=Keeping(settings.data_dir / "alarms", self.store),
        )  # fmt: skip
        alarm_assembly.follow(self.cases.service, self.alarms)
        alarm_assembly.heed(self.bus, SourceDied.subject(), self.alarms)
        self.alarm_rules = RuleService(self.clock, settings.alarms)
        self.alarm_tuning = TuningService(
            self.db, self.store, self.alarm_rules, self.clock, settings.alarms, settings.zone.timezone
        )
        self.registry = RegistryService(self.db, self.clock)
        self.safety = safety_assembly.SafetyService(
            self.db, self.clock, self.telemetry.live, settings.zone.timezone
        )
        self.gateways = self._build_gateways()
        self.command = CommandService(
            self.db, self.clock, settings.zone, self.telemetry.live, self.store, self.telemetry.pipeline,
            self.gateways.manager, self.cases.service,
        )  # fmt: skip
        for contributor in (
            AlarmItems(self.alarms.providers),
            CaseItems(self.cases.service, [HANDLING]),
            DataItems(self.telemetry.live, self.gateways.manager, self.clock),
        ):
            self.duty.contribute_with(contributor)
        zone = settings.zone
        self.observations = ObservationQueries(
            self.db, self.store, self.telemetry.live, self.clock, settings.queries, zone.timezone,
            (zone.name, zone.name_en),
        )  # fmt: skip

    def _build_gateways(self) -> room.Gateways:
        settings = self.settings
        context = GatewayContext(
            ingest=self.telemetry.pipeline,
            directory=DeviceDirectory(self.db),
            frames=FrameLog(settings.data_dir / "frames.sqlite"),
            activity=self.activity,
            unknown=UnknownDevices(self.db),
            clock=self.clock,
            bus=self.bus,
        )
        return room.build(
            context, gateway_assembly.gateways(context, settings, self.db, self.telemetry.live), gateway_assembly.SPECS,
            self.telemetry.points,
            live=self.telemetry.live, books=self.telemetry.pipeline.books, clock_skew_s=settings.ingest.clock_skew_s,
        )  # fmt: skip

    def install(self, app: FastAPI) -> None:
        """Middleware, routes and ``app.state``."""
        limits = {
            **BODY_LIMITS,
            **registry_assembly.body_limits(self.settings),
            **gateway_assembly.body_limits(self.settings),
            **case_assembly.body_limits(self.settings),
        }
        http.install(app, self.settings, db=self.db, clock=self.clock, body_limits=limits)
        state = app.state
        state.platform = self
        self._callers: CallerDirectory = state.callers
        state.ingest_counters = self.telemetry.pipeline.ingest_counters
        state.history_verifiers = (case_assembly.verify,)
        state.health_checks = {"store": lambda: bool(self.store.health()["ok"])}
        app.include_router(kernel_api.router)
        state.registry = self.registry
        state.registry_importer = registry_assembly.make_importer(self.db, self.clock, self.settings)
        state.registry_layers, state.registry_picker = LayerCache(), Picker()
        state.enterprise_tabs = EnterpriseTabs()
        state.enterprise_tabs.register(alarms_panel.TAB)
        state.enterprise_tabs.register(case_panel.TAB)
        app.include_router(registry_router)
        self.telemetry.install(app)
        state.store, state.observations = self.store, self.observations
        app.include_router(observations_router)
        state.duty = self.duty
        app.include_router(duty_router)
        self.notifications.install(app)
        self.cases.install(app)
        state.alarms, state.alarm_rules, state.alarm_tuning = self.alarms, self.alarm_rules, self.alarm_tuning
        app.include_router(alarms_router)
        state.gateways = self.gateways
        state.camera_links = CameraLinks(self.clock, Sealer(self.settings.data_dir))
        state.metrics.register(GatewayCollector(self.gateways.manager))
        for router in gateway_assembly.ROUTERS:
            app.include_router(router)
        safety_assembly.install(app, self.safety)
        state.command = self.command
        app.include_router(command_router)

    async def start(self) -> None:
        """Open everything, the doors last."""
        self.bus.attach(asyncio.get_running_loop())
        await asyncio.to_thread(self.store.start)
        self.registry.start()
        await self.telemetry.start()
        self.duty.start()
        self.cases.start()
        self.notifications.start()
        self.alarms.start()
        self.alarm_tuning.prepare()
        await asyncio.to_thread(self.safety.start)
        self.telemetry.pipeline.add_listener(self.alarms)
        await self.gateways.manager.start()
        gc.collect()
        gc.freeze()  # what lives as long as the process need not be searched again and again

    async def stop(self) -> None:
        """Close the doors first, finish what is in flight, then the rest."""
        gc.unfreeze()
        await self.gateways.manager.stop()
        await self.telemetry.stop()
        await asyncio.to_thread(self.alarm_tuning.close)
        await asyncio.to_thread(self.alarms.stop)
        await asyncio.to_thread(self.cases.stop)
        await asyncio.to_thread(self.duty.stop)
        await asyncio.to_thread(self.notifications.stop)
        self.bus.detach()
        await asyncio.to_thread(self._callers.close)
        await asyncio.to_thread(self.observations.close)
        await asyncio.to_thread(self.command.close)
        await asyncio.to_thread(self.store.close)
        self.db.close()


def create_app(settings: Settings, clock: Clock | None = None, *, demo: DemoService | None = None) -> FastAPI:
    """The application with all its modules; services start with its lifespan.

    Args:
        demo: the switchboard of the demo zone; its routes exist only with it.
    """
    platform = Platform(settings, clock)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await platform.start()
        try:
            yield
        finally:
            await platform.stop()

    app = FastAPI(
        title="ParkSight", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )  # fmt: skip
    platform.install(app)
    if demo is not None:
        app.state.demo, app.state.demo_accounts = demo, demo.accounts
        app.include_router(demo_router)
    describe_problems(app)
    if built():
        app.mount("/", Site(directory=STATIC, html=True), name="site")
    return app


def openapi_document() -> dict[str, Any]:
    """The OpenAPI description, made without touching any data of an installation."""
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        platform_settings = Settings(data_dir=Path(folder))
        app = create_app(platform_settings)
        document: dict[str, Any] = app.openapi()
        platform: Platform = app.state.platform
        platform.store.close()
        platform.db.close()
    return document
