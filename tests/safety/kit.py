"""A zone with two enterprises, their units and points behind the real routes; ``site.who`` makes the next request."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from fastapi import FastAPI, Request
from starlette.testclient import TestClient

from parksight.kernel.bus import Bus, Event
from parksight.kernel.clock import SimulatedClock
from parksight.kernel.db import Database
from parksight.kernel.http.problems import add_handlers
from parksight.kernel.permissions import ROLES, Caller
from parksight.kernel.settings import ZoneSettings
from parksight.registry.models import Enterprise, Unit
from parksight.safety.api import router
from parksight.safety.service import SafetyService
from parksight.telemetry.models import Point

START = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)


def caller(role: str, *enterprises: int) -> Caller:
    return Caller(
        id=7, name=role, grants=ROLES[role], roles=(role,),
        enterprises=frozenset(enterprises) if enterprises else None,
    )  # fmt: skip


class SafeZone:
    """Units 1 and 2 belong to enterprise 1, unit 3 to enterprise 2; points 1..4 to enterprise 1, 5 to enterprise 2."""

    def __init__(self, url: str) -> None:
        self.bus = Bus()
        self.events: list[Event] = []
        self.bus.subscribe("safety.>", self.events.append)
        self.clock = SimulatedClock(START)
        self.db = Database(url, self.bus, self.clock)
        self.db.create_all()
        self.service = SafetyService(self.db, self.clock, None, "Asia/Shanghai")
        self.who = caller("safety_officer")
        self._furnish()
        self.http = TestClient(self._app())

    def _furnish(self) -> None:
        stamp = {"created_at": START, "updated_at": START}
        with self.db.session() as session:
            for i in (1, 2):
                session.add(Enterprise(id=i, code=f"E{i}", name=f"企业{i}", **stamp))
            session.flush()
            for i, firm in ((1, 1), (2, 1), (3, 2)):
                session.add(
                    Unit(id=i, code=f"U{i}", name=f"罐区{i}", enterprise_id=firm, min_lon=120.0, max_lon=120.2,
                         min_lat=41.0, max_lat=41.2, **stamp)
                )  # fmt: skip
            for i in range(1, 6):
                session.add(
                    Point(id=i, code=f"P{i}", name=f"点{i}", quantity="temperature", unit="degC", period_s=10.0,
                          enterprise_id=2 if i == 5 else 1, **stamp)
                )  # fmt: skip

    def _app(self) -> FastAPI:
        app = FastAPI()
        add_handlers(app)
        app.include_router(router)
        app.state.db, app.state.clock, app.state.safety = self.db, self.clock, self.service
        app.state.settings = SimpleNamespace(zone=ZoneSettings(), language="zh-CN")

        @app.middleware("http")
        async def _sign_in(request: Request, proceed):  # type: ignore[no-untyped-def]
            request.state.caller = self.who
            return await proceed(request)

        return app

    def ok(self, method: str, path: str, **more: Any) -> Any:
        answer = self.http.request(method, f"/api/v1/safety{path}", **more)
        assert answer.is_success, answer.text
        return answer.json()

    def refused(self, method: str, path: str, **more: Any) -> tuple[int, str]:
        answer = self.http.request(method, f"/api/v1/safety{path}", **more)
        return answer.status_code, answer.json()["code"]

    def close(self) -> None:
        self.http.close()
        self.db.close()
