"""What the alarm tests share: records, points with things, a running service, rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from fastapi import FastAPI, Request
from sqlalchemy import select
from starlette.testclient import TestClient
from tests.alarms.desk import case_engine

from parksight.alarms.api import router
from parksight.alarms.models import Alarm, JournalEntry
from parksight.alarms.rules import RuleService
from parksight.alarms.service import AlarmService
from parksight.alarms.workflow import HANDLING
from parksight.cases.neighbours import DutyPresence, NoticeTeller
from parksight.cases.providers import Outside
from parksight.kernel.bus import Bus, Event
from parksight.kernel.clock import SimulatedClock
from parksight.kernel.db import Database
from parksight.kernel.http.problems import add_handlers
from parksight.kernel.identity.models import User
from parksight.kernel.permissions import ROLES, SYSTEM, Caller
from parksight.kernel.settings import AlarmSettings, NotificationSettings, ZoneSettings
from parksight.notifications.chains import Chains
from parksight.notifications.service import Notifier
from parksight.registry.models import Enterprise, Equipment, Unit
from parksight.telemetry.models import Point
from parksight.telemetry.protocols import Columns

START = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
NOW = int(START.timestamp() * 1000)
GOOD, SUSPECT, SIMULATED = 0, 2, 0x80


def step(limit: float, **more: Any) -> dict[str, Any]:
    return {"limit": limit, "deadband": 0.0, "on_delay_s": 0.0, "off_delay_s": 0.0, "priority": 2, **more}


def columns(rows: Sequence[tuple[int, int, float, int]]) -> Columns:
    """Columns from (point, observed_at, value, quality)."""
    p, o, v, q = zip(*rows, strict=True) if rows else ((), (), (), ())
    observed = np.array(o, np.int64)
    return Columns(
        np.array(p, np.int32), observed, np.array(v, np.float64), np.array(q, np.uint8), observed.copy()
    )


def caller(role: str, *enterprises: int, name: str | None = None) -> Caller:
    return Caller(
        id=7, name=name or role, grants=ROLES[role], roles=(role,),
        enterprises=frozenset(enterprises) if enterprises else None,
    )  # fmt: skip


class Hub:
    """Keeps what would go to browsers (the real hub is used in one test)."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, Any, int | None]] = []

    def register_topic(self, name: str, permission: str) -> None:
        self.topic = (name, permission)

    def publish_topic(self, topic: str, data: Any, enterprise_id: int | None = None) -> None:
        self.posts.append((topic, data, enterprise_id))

    def has_subscribers(self, topic: str) -> bool:
        return True


class Watch:
    """A zone of two enterprises with ten points each, watched by a running service; ``notify``: people are told."""

    def __init__(
        self, url: str, settings: AlarmSettings | None = None, notify: NotificationSettings | None = None
    ) -> None:
        self.url = url
        self.bus = Bus()
        self.events: list[Event] = []
        self.bus.subscribe("alarms.>", self.events.append)
        self.clock = SimulatedClock(START)
        self.db = Database(url, self.bus, self.clock)
        self.db.create_all()
        self.hub = Hub()
        self.settings = settings or AlarmSettings(grace_s=0)
        self.rules = RuleService(self.clock)
        chains = Chains(notify, ZoneInfo("Asia/Shanghai")) if notify else None
        self.notifier = Notifier(self.clock, notify, chains) if notify and chains else None
        told = None if self.notifier is None else Outside(DutyPresence(), NoticeTeller(self.notifier))
        self.cases = case_engine(self.settings, told)
        self.service = self.make_service()
        self.who: Caller = SYSTEM
        self.http = TestClient(self._app())

    def make_service(self) -> AlarmService:
        """A service on these records, as a process that starts anew makes it."""
        service = AlarmService(
            self.db, self.clock, self.settings, self.hub, cases=self.cases, notifier=self.notifier
        )
        assert service.desk is not None
        self.cases.room.outside.followers.clear()
        self.cases.room.outside.follow(HANDLING, service.desk.followed)
        return service

    def _app(self) -> FastAPI:
        app = FastAPI()
        add_handlers(app)
        app.include_router(router)
        state = app.state
        state.db, state.clock, state.alarms, state.alarm_rules = self.db, self.clock, self.service, self.rules
        state.settings = SimpleNamespace(zone=ZoneSettings(), language="zh-CN")

        @app.middleware("http")
        async def _sign_in(request: Request, proceed):  # type: ignore[no-untyped-def]
            request.state.caller = self.who
            return await proceed(request)

        return app

    def furnish(self, points: int = 20) -> None:
        """Enterprises 1 and 2, unit 1, tank 1 at a known position; odd points belong to 1, even ones to 2."""
        stamp = {"created_at": START, "updated_at": START}
        with self.db.session() as session:
            session.add(User(id=7, username="li", username_key="li", name="李值班", **stamp))
            for i in (1, 2):
                session.add(Enterprise(id=i, code=f"E{i}", name=f"企业{i}", **stamp))
            session.flush()
            session.add(Unit(id=1, code="U1", name="罐区", enterprise_id=1, **stamp))
            session.flush()
            session.add(
                Equipment(
                    id=1, code="T1", name="苯储罐", kind="tank", enterprise_id=1, unit_id=1,
                    geometry={"type": "Point", "coordinates": [120.77, 41.8]}, min_lon=120.77, max_lon=120.77,
                    min_lat=41.8, max_lat=41.8, **stamp,
                )
            )  # fmt: skip
            for i in range(1, points + 1):
                session.add(
                    Point(
                        id=i, code=f"P{i:03d}", name=f"点{i}", name_en=f"point {i}", quantity="temperature",
                        unit="degC", period_s=10.0, enterprise_id=2 - i % 2, thing_id=1 if i == 1 else None, **stamp,
                    )
                )  # fmt: skip

    def rule(self, point: int, **definition: Any) -> int:
        body = {
            "code": f"R{point}-{len(definition)}-{self.clock.now_ms()}",
            "point_id": point,
            "definition": definition,
        }
        answer = self.http.post("/api/v1/alarm-rules", json=body)
        assert answer.status_code == 201, answer.text
        self.service.recompile()
        return int(answer.json()["id"])

    def feed(self, *rows: tuple[int, float, float] | tuple[int, float, float, int]) -> None:
        """Rows (point, seconds after START, value[, quality]); the clock stands where it stands."""
        full = [(r[0], NOW + round(r[1] * 1000), r[2], r[3] if len(r) > 3 else GOOD) for r in rows]
        self.service.on_tick(columns(full), self.clock.now_ms())

    def second(self, seconds: float = 1.0) -> None:
        """What the service's own thread does each second, at a moment of the test's choosing."""
        self.clock.advance(seconds)
        self.service.on_second(self.clock.now_ms())
        self.service.recorder.tidy()
        assert self.service.recorder.flush()

    def alarms(self) -> list[Alarm]:
        assert self.service.recorder.flush()
        with self.db.read() as session:
            return list(session.scalars(select(Alarm).order_by(Alarm.id)))

    def journal(self) -> list[tuple[int, str]]:
        assert self.service.recorder.flush()
        with self.db.read() as session:
            return [
                (e.alarm_id, e.what) for e in session.scalars(select(JournalEntry).order_by(JournalEntry.id))
            ]

    def close(self) -> None:
        self.service.stop()
        self.http.close()
        self.db.close()


def seconds(alarm: Alarm) -> float:
    """When it was raised, in seconds after START."""
    return (alarm.raised_at - START).total_seconds()
