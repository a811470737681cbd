"""A zone with cameras whose pictures are pushed by the test, behind the real routes; ``site.who`` asks next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
from fastapi import APIRouter, FastAPI, Request

from parksight.cases.assembly import Cases
from parksight.cases.providers import Outside
from parksight.gateways.cameras.models import CameraLink
from parksight.gateways.cameras.protocols import AccessUnit, CameraError, FramePose, Stream
from parksight.kernel.bus import Bus
from parksight.kernel.clock import SystemClock
from parksight.kernel.db import Database
from parksight.kernel.files.service import Files
from parksight.kernel.http.problems import add_handlers
from parksight.kernel.identity.models import User
from parksight.kernel.permissions import ROLES, Caller
from parksight.kernel.settings import LookoutSettings, Settings, ZoneSettings
from parksight.lookout.decoding import Pool
from parksight.lookout.recording.api import router as recording_router
from parksight.lookout.recording.retention import Retention
from parksight.lookout.recording.service import Recorder
from parksight.registry.models import Camera, Enterprise

START = datetime(2026, 11, 20, tzinfo=UTC)
ZONE_CAMERA, FIRM_CAMERA, DEAD_CAMERA = 1, 2, 3


def caller(role: str, *enterprises: int) -> Caller:
    return Caller(
        id=7, name=role, grants=ROLES[role], roles=(role,),
        enterprises=frozenset(enterprises) if enterprises else None,
    )  # fmt: skip


class Relays:
    """Stands where the video room stands: hands on what the test pushes."""

    def __init__(self) -> None:
        self.listeners: dict[int, list[Callable[[AccessUnit], None]]] = {}

    def subscribe(
        self, camera_id: int, stream: Stream, callback: Callable[[AccessUnit], None]
    ) -> Callable[[], None]:
        if camera_id == DEAD_CAMERA:
            raise CameraError("unreachable")
        self.listeners.setdefault(camera_id, []).append(callback)
        return lambda: self.listeners[camera_id].remove(callback)

    def push(self, camera_id: int, units: Iterable[AccessUnit]) -> None:
        for unit in units:
            for listener in list(self.listeners.get(camera_id, ())):
                listener(unit)


class Heads:
    """Heads that turn one degree a second from the first picture on."""

    def __init__(self, origin_ms: float) -> None:
        self.origin = origin_ms

    def at(self, camera_id: int, wall_ms: float) -> FramePose | None:
        return FramePose((wall_ms - self.origin) / 1000, -3.0, 1.5)


class Says:
    def state(self, camera_id: int) -> dict[str, Any]:
        return {"alarms": [camera_id * 10], "values": []}


class Versions:
    def version(self, camera_id: int) -> int | None:
        return 4


class EyeSite:
    """Camera 1 is the zone's, 2 enterprise 1's, 3 cannot be reached."""

    def __init__(self, folder: Path, settings: LookoutSettings, origin_ms: float) -> None:
        self.bus = Bus()
        self.clock = SystemClock()
        self.db = Database(f"sqlite:///{folder / 'records.sqlite'}", self.bus, self.clock)
        self.db.create_all()
        self.files = Files(Settings(data_dir=folder), self.clock)
        self.settings = settings
        self.pool = Pool(1)
        self.relays = Relays()
        self.recorder = Recorder(
            self.db, self.clock, self.files, settings, self.pool, pictures=self.relays, poses=Heads(origin_ms),
            labels=Says(), calibrations=Versions(),
        )  # fmt: skip
        self.retention = Retention(self.db, self.clock, self.files, settings)
        cases = Cases(self.db, self.clock, Settings(data_dir=folder), Outside())
        cases.room.files = self.files
        self.cases = cases.service
        self.who = caller("duty_operator")
        self._furnish()
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(self._app()), base_url="http://park")

    def _furnish(self) -> None:
        stamp = {"created_at": START, "updated_at": START}
        with self.db.session() as session:
            session.add(User(id=7, username="li", username_key="li", name="李值班", **stamp))
            for i in (1, 2):
                session.add(Enterprise(id=i, code=f"E{i}", name=f"企业{i}", **stamp))
            session.flush()
            for i, firm in ((ZONE_CAMERA, None), (FIRM_CAMERA, 1), (DEAD_CAMERA, None)):
                session.add(
                    Camera(id=i, code=f"T{i:02}", name=f"塔{i}", kind="lookout", enterprise_id=firm, **stamp)
                )
                session.flush()
                session.add(CameraLink(camera_id=i, protocol="rtsp", simulated=True, **stamp))

    def _app(self) -> FastAPI:
        app = FastAPI()
        add_handlers(app)
        lookout = APIRouter(prefix="/api/v1/lookout")
        lookout.include_router(recording_router)
        app.include_router(lookout)
        state = app.state
        state.db, state.clock, state.files = self.db, self.clock, self.files
        state.lookout_recorder, state.lookout_retention = self.recorder, self.retention
        state.settings = SimpleNamespace(zone=ZoneSettings(), language="zh-CN")

        @app.middleware("http")
        async def _sign_in(request: Request, proceed):  # type: ignore[no-untyped-def]
            request.state.caller = self.who
            return await proceed(request)

        return app

    async def ok(self, method: str, path: str, **more: Any) -> Any:
        answer = await self.http.request(method, f"/api/v1/lookout{path}", **more)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def refused(self, method: str, path: str, **more: Any) -> tuple[int, str]:
        answer = await self.http.request(method, f"/api/v1/lookout{path}", **more)
        return answer.status_code, answer.json()["code"]

    async def until(self, recording_id: int, seconds: float = 15.0) -> dict[str, Any]:
        """The recording once it is over."""
        await self.recorder.finished(recording_id, seconds)
        found: dict[str, Any] = await self.ok("GET", f"/recordings/{recording_id}")
        return found

    async def close(self) -> None:
        await self.recorder.stop()
        await self.http.aclose()
        await asyncio.to_thread(self.pool.close)
        self.db.close()
