"""What the tests of cases share: a zone with people, a running engine, a small type to try things on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import FastAPI, Request
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from parksight.cases.api import router
from parksight.cases.declaration import (
    Allowance,
    CaseType,
    Deadline,
    Exits,
    Field,
    State,
    Step,
    Transition,
    Who,
)
from parksight.cases.escalation import Escalator
from parksight.cases.models import Case, CaseEvent, Escalation, Span
from parksight.cases.neighbours import DutyPresence
from parksight.cases.providers import Message, Outside
from parksight.cases.service import CaseService
from parksight.cases.service.room import Room
from parksight.cases.timing import Timing
from parksight.cases.types import CaseTypes
from parksight.cases.verifying import verify
from parksight.cases.workflow import TYPES
from parksight.duty.models import Absence
from parksight.kernel.audit.verifiers import Verdict
from parksight.kernel.bus import Bus, Event
from parksight.kernel.calendar import ZoneCalendar
from parksight.kernel.clock import SimulatedClock
from parksight.kernel.db import Database
from parksight.kernel.files.service import Files
from parksight.kernel.http.problems import add_handlers
from parksight.kernel.identity.callers import caller_of
from parksight.kernel.identity.models import Assignment, Department, Organisation, Post, User
from parksight.kernel.permissions import Caller
from parksight.kernel.settings import Settings, ZoneSettings
from parksight.registry.models import Enterprise

#: A Monday, 09:00 in the zone.
START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
CHINA = ZoneInfo("Asia/Shanghai")

#: Every way the engine has, on few states; texts are those of ``cases.report``, whose words it uses.
TRIAL = CaseType(
    code="cases.report", prefix="TR", initial="reported", opened_by=Who(anyone=True, system=True),
    fields=(Field("place", maximum=40),),
    states=(
        State("reported", holder="role:duty_operator"), State("assigned"), State("fixing"),
        State("fixed", "waiting", holder="reporter"), State("closed", "final"),
    ),
    transitions=(
        Transition("assign", ("reported",), "assigned", Who(roles=("duty_operator",)), assign="fields",
                   fields=(Field("to_user", "user"), Field("to_enterprise", "enterprise"), Field("to_post", "post"))),
        Transition("accept", ("assigned",), "fixing", Who(owner=True), assign="actor", late=True),
        Transition("fix", ("fixing",), "fixed", Who(owner=True), late=True,
                   fields=(Field("measure", required=True, minimum=2, maximum=200),)),
        Transition("verify", ("fixed",), "closed", Who(permissions=("cases.case.verify",), owner=True), not_by=("fix",),
                   result="done"),
        Transition("reject", ("fixed",), "fixing", Who(permissions=("cases.case.verify",)), not_by=("fix",),
                   comment="required", returned=True),
    ),
    clocks=(Deadline("fix", Allowance(minutes=100), paused_in=("fixed",)),),
    starts=("fix",),
    escalation=(
        Step(("owner",), share=0.8), Step(("owner", "role:duty_operator"), share=1.0, priority=2),
        Step(("role:zone_leader",), overdue=50, priority=1),
    ),
    exits=Exits(reopen_to="fixing", reopen_starts=("fix",), return_from=("assigned", "fixing")),
    columns=("place",),
)  # fmt: skip


class Teller:
    """Keeps what people would be told (the real notifications are used in one test)."""

    def __init__(self) -> None:
        self.said: list[Message] = []

    def tell(self, session: Session, message: Message) -> None:
        self.said.append(message)

    def to(self, user_id: int, text: str = "") -> list[Message]:
        return [m for m in self.said if user_id in m.recipients and m.text.startswith(text)]


class Zone:
    """Two enterprises and the zone's people; :meth:`who` gives each as a caller."""

    PEOPLE = (
        # name, role, enterprise, post
        ("operator", "duty_operator", None, "P-DUTY"), ("safety", "safety_officer", None, "P-SAFE"),
        ("safety2", "safety_officer", None, None), ("leader", "zone_leader", None, None),
        ("planner", "planner", None, None), ("auditor", "auditor", None, None),
        ("boss1", "enterprise_manager", 1, None), ("worker1", "enterprise_user", 1, None),
        ("boss2", "enterprise_manager", 2, None),
    )  # fmt: skip

    def __init__(self, url: str, folder: Path, *types: CaseType) -> None:
        self.url, self.folder = url, folder
        self.bus = Bus()
        self.events: list[Event] = []
        self.bus.subscribe("cases.>", self.events.append)
        self.clock = SimulatedClock(START)
        self.db = Database(url, self.bus, self.clock)
        self.teller = Teller()
        self.outside = Outside(DutyPresence(), self.teller)
        self.types = CaseTypes(*(types or TYPES))
        self.files = Files(Settings(data_dir=folder), self.clock)
        self.room = Room(self.types, Timing(ZoneCalendar(), CHINA), self.files, self.outside)
        self.service = CaseService(self.room)
        self.escalator = Escalator(self.db, self.clock, self.room)
        self.ids: dict[str, int] = {}
        self.caller: Caller | None = None
        self.http = TestClient(self._app())

    def furnish(self) -> None:
        self.db.create_all()
        stamp = {"created_at": START, "updated_at": START}
        with self.db.session() as session:
            for i in (1, 2):
                session.add(Enterprise(id=i, code=f"E{i}", name=f"企业{i}", **stamp))
            session.add(Organisation(id=1, code="ZONE", name="管委会", kind="zone"))
            session.flush()
            for i in (1, 2):
                session.add(
                    Organisation(id=10 + i, code=f"O{i}", name=f"企业{i}", kind="enterprise", enterprise_id=i)
                )
            session.flush()
            session.add(Department(id=1, organisation_id=1, code="D1", name="安监部"))
            session.flush()
            for n, code in enumerate(("P-DUTY", "P-SAFE"), 1):
                session.add(Post(id=n, department_id=1, code=code, name=code))
            session.flush()
            posts = {"P-DUTY": 1, "P-SAFE": 2, None: None}
            for number, (name, role, enterprise, post) in enumerate(self.PEOPLE, 1):
                self.ids[name] = number
                session.add(
                    User(
                        id=number, username=name, username_key=name, name=name, post_id=posts[post],
                        organisation_id=1 if enterprise is None else 10 + enterprise, **stamp,
                    )
                )  # fmt: skip
                session.flush()
                scope = ("zone", []) if enterprise is None else ("enterprises", [enterprise])
                session.add(Assignment(user_id=number, role=role, scope=scope[0], scope_ids=scope[1]))

    def who(self, name: str) -> Caller:
        with self.db.read() as session:
            user = session.scalars(select(User).where(User.username == name)).one()
            return caller_of(
                user, list(session.scalars(select(Assignment).where(Assignment.user_id == user.id)))
            )

    def absent(self, name: str, deputy: str, days: float = 5) -> None:
        now = self.clock.now()
        with self.db.session() as session:
            session.add(
                Absence(
                    user_id=self.ids[name], deputy_id=self.ids[deputy], starts_at=now, ends_at=now + timedelta(days=days),
                    kind="leave", state="accepted", requested_at=now,
                )
            )  # fmt: skip

    def _app(self) -> FastAPI:
        app = FastAPI()
        add_handlers(app)
        app.include_router(router)
        state = app.state
        state.db, state.clock, state.cases, state.files = self.db, self.clock, self.service, self.files
        state.settings = SimpleNamespace(zone=ZoneSettings(), language="zh-CN")

        @app.middleware("http")
        async def _sign_in(request: Request, proceed):  # type: ignore[no-untyped-def]
            request.state.caller = self.caller
            return await proceed(request)

        return app

    # --- short ways -----------------------------------------------------------------------------------

    def open(self, name: str = "planner", **more: Any) -> int:
        with self.db.session() as session:
            return self.service.open(
                session, self.who(name), "cases.report", **{"title": "井盖缺失", **more}
            ).id

    def act(self, name: str, case_id: int, transition: str, **more: Any) -> Case:
        with self.db.session() as session:
            return self.service.act(session, self.who(name), case_id, transition, **more)

    def case(self, case_id: int) -> Case:
        with self.db.read() as session:
            return session.get_one(Case, case_id)

    def history(self, case_id: int) -> Sequence[CaseEvent]:
        with self.db.read() as session:
            return session.scalars(
                select(CaseEvent).where(CaseEvent.case_id == case_id).order_by(CaseEvent.seq)
            ).all()

    def spans(self, case_id: int) -> Sequence[Span]:
        with self.db.read() as session:
            return session.scalars(select(Span).where(Span.case_id == case_id).order_by(Span.id)).all()

    def rungs(self, case_id: int) -> Sequence[Escalation]:
        with self.db.read() as session:
            return session.scalars(
                select(Escalation).where(Escalation.case_id == case_id).order_by(Escalation.id)
            ).all()

    def offers(self, name: str, case_id: int) -> dict[str, bool]:
        with self.db.read() as session:
            caller = self.who(name)
            case = self.service.find(session, caller, case_id)
            return {
                o.transition.code: o.allowed and not o.missing
                for o in self.service.available(session, caller, case)
            }

    def verdict(self) -> Verdict:
        with self.db.read() as session:
            return verify(session)

    def minutes(self, minutes: float) -> None:
        self.clock.advance(minutes * 60)

    def as_(self, name: str) -> TestClient:
        self.caller = self.who(name)
        return self.http

    def close(self) -> None:
        self.http.close()
        self.db.close()


PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360000000000400012"
    "73427950000000049454e44ae426082"
)
