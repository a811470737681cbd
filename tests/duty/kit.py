"""A zone with people, a desk and its rota behind real routes; ``watch.who`` makes the next request."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
from argon2 import PasswordHasher
from fastapi import FastAPI, Request
from starlette.testclient import TestClient

from parksight.duty.api import router
from parksight.duty.service import DutyService
from parksight.kernel.bus import Bus, Event
from parksight.kernel.clock import SimulatedClock
from parksight.kernel.db import Database
from parksight.kernel.http.problems import add_handlers
from parksight.kernel.identity.callers import CallerDirectory
from parksight.kernel.identity.models import Assignment, Department, Organisation, Post, User
from parksight.kernel.identity.passwords import Passwords
from parksight.kernel.identity.sessions import Sessions
from parksight.kernel.permissions import ROLES, Caller
from parksight.kernel.sealing import Sealer
from parksight.kernel.settings import DutySettings, Settings
from parksight.registry.models import Enterprise

#: Monday 2026-03-02, 08:00 in the zone.
START = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
PASSWORD = "copper-lantern-41-meadow"
HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
#: 四班三运转: three shifts a day, four crews, two of each and two days off.
FOUR_CREWS: dict[str, Any] = {
    "name": "四班三运转",
    "kinds": [
        {"code": "day", "name": "白班", "name_en": "Day", "start": "08:00", "end": "16:00"},
        {"code": "eve", "name": "中班", "name_en": "Evening", "start": "16:00", "end": "00:00"},
        {"code": "night", "name": "夜班", "name_en": "Night", "start": "00:00", "end": "08:00"},
    ],
    "days": [
        {"day": d, "eve": e, "night": n}
        for d, e, n in ("ADC", "ADC", "BAD", "BAD", "CBA", "CBA", "DCB", "DCB")
    ],
    "first_day": "2026-03-02",
}


class Watch:
    """People 1-8 belong to the zone (8 is the administrator), 9 and 10 to enterprise 1, 11 to enterprise 2."""

    def __init__(self, url: str, settings: DutySettings | None = None) -> None:
        self.bus = Bus()
        self.events: list[Event] = []
        self.bus.subscribe(">", self.events.append)
        self.clock = SimulatedClock(START)
        self.db = Database(url, self.bus, self.clock)
        self.db.create_all()
        self.settings = settings or DutySettings(horizon_days=10)
        self.duty = DutyService(self.db, self.clock, self.settings, "Asia/Shanghai")
        self._furnish()
        self.who = self.caller(8)
        self.http = TestClient(self._app())

    def _furnish(self) -> None:
        stamp = {"created_at": START, "updated_at": START}
        hashed = HASHER.hash(PASSWORD)
        with self.db.session() as session:
            session.add(Organisation(id=1, code="ZONE", name="管委会", kind="zone"))
            for i in (1, 2):
                session.add(Enterprise(id=i, code=f"E{i}", name=f"企业{i}", **stamp))
                session.add(
                    Organisation(id=1 + i, code=f"O{i}", name=f"企业{i}", kind="enterprise", enterprise_id=i)
                )
            session.flush()
            session.add(Department(id=1, organisation_id=1, code="SAFE", name="应急局"))
            session.flush()
            session.add(Post(id=1, department_id=1, code="WATCH", name="值班员"))
            session.add(Post(id=2, department_id=1, code="CHIEF", name="值班长"))
            session.flush()
            for i in range(1, 12):
                firm = 1 if i in (9, 10) else 2 if i == 11 else None
                session.add(
                    User(
                        id=i, username=f"u{i}", username_key=f"u{i}", name=f"人员{i}", name_en=f"Person {i}",
                        email=f"u{i}@zone.test", phone=f"1380000{i:04d}", password_hash=hashed,
                        organisation_id=1 + (firm or 0), post_id=1 if i == 7 else None, **stamp,
                    )
                )  # fmt: skip
            session.flush()
            for i in range(1, 12):
                role = {
                    8: "administrator",
                    9: "enterprise_manager",
                    10: "enterprise_user",
                    11: "enterprise_manager",
                }
                firm = 1 if i in (9, 10) else 2 if i == 11 else None
                session.add(
                    Assignment(
                        user_id=i, role=role.get(i, "duty_operator"), scope="enterprises" if firm else "zone",
                        scope_ids=[firm] if firm else [],
                    )
                )  # fmt: skip

    def caller(self, user_id: int) -> Caller:
        """The signed-in person."""
        role = {
            8: "administrator",
            9: "enterprise_manager",
            10: "enterprise_user",
            11: "enterprise_manager",
        }.get(user_id, "duty_operator")
        firm = {9: 1, 10: 1, 11: 2}.get(user_id)
        return Caller(
            id=user_id, name=f"人员{user_id}", grants=ROLES[role], roles=(role,),
            enterprises=frozenset({firm}) if firm else None,
        )  # fmt: skip

    def _app(self) -> FastAPI:
        app = FastAPI()
        add_handlers(app)
        app.include_router(router)
        state = app.state
        state.db, state.clock, state.duty = self.db, self.clock, self.duty
        state.settings = SimpleNamespace(language="zh-CN")
        rules = Settings()
        sealer = Sealer(Path(tempfile.gettempdir()))  # nobody here has a second factor to seal
        callers = CallerDirectory(self.db, self.clock, rules)
        sessions = Sessions(self.db, self.clock, rules, Passwords(10, HASHER), sealer, callers)
        state.identity = SimpleNamespace(sessions=sessions)

        @app.middleware("http")
        async def _sign_in(request: Request, proceed):  # type: ignore[no-untyped-def]
            request.state.caller = self.who
            return await proceed(request)

        return app

    def call(self, method: str, path: str, who: int = 8, status: int = 200, **more: Any) -> Any:
        """Ask as somebody; the answer's JSON."""
        self.who = self.caller(who)
        answer: httpx.Response = self.http.request(
            method, f"/api/v1/duty/{path}", headers={"accept-language": "en"}, **more
        )
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def desk(self, code: str = "CENTRE", **more: Any) -> int:
        body = {"code": code, "name": "指挥中心", "name_en": "Command centre", "post_id": 1, **more}
        return int(self.call("POST", "desks", status=201, json=body)["id"])

    def rota(self, desk_id: int, status: int = 201, **more: Any) -> Any:
        """四班三运转 with people 1 to 4, one per crew."""
        crews = [{"code": c, "name": f"{c}班", "members": [i]} for i, c in enumerate("ABCD", 1)]
        body = {**FOUR_CREWS, "crews": crews, **more}
        return self.call("POST", f"desks/{desk_id}/rotas", status=status, json=body)

    def close(self) -> None:
        self.duty.stop()
        self.http.close()
        self.db.close()
