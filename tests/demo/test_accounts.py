"""The people of the demo zone: every role, public passwords, shown to this machine only."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import select
from tests.kernel.site import make_app, make_settings, serve, sign_in

from parksight.demo import accounts, watch
from parksight.duty import presence
from parksight.duty.rotas import Rotas
from parksight.kernel.bus import Bus
from parksight.kernel.clock import SimulatedClock, SystemClock
from parksight.kernel.db import Database
from parksight.kernel.identity.models import Department, User
from parksight.kernel.identity.services import IdentityServices
from parksight.kernel.permissions import ENTERPRISE_ROLES, ROLES
from parksight.registry.models import Enterprise


def test_there_is_somebody_for_every_role(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, zone={"demo": True})
    clock = SystemClock()
    db = Database(settings.records_url, Bus(), clock)
    db.create_all()
    identity = IdentityServices.build(settings, db, clock)
    with db.session() as session:
        assert not accounts.seeded(session)
        accounts.seed(session, identity)
        session.flush()
        first = accounts.zone_token(session, identity)
    with db.session() as session:
        assert accounts.seeded(session)
        kinds = [d.kind for d in session.scalars(select(Department))]
        assert (kinds.count("bureau"), kinds.count("city_department")) == (5, 11)
        accounts.seed_enterprise_people(session, identity)
        assert session.scalar(select(User.id).where(User.username == "firm")) is None  # no enterprise yet
        now = clock.now()
        for code in ("E001", "E002"):
            session.add(
                Enterprise(code=code, name=code, industry="food_processing", created_at=now, updated_at=now)
            )
        session.flush()
        accounts.seed_enterprise_people(session, identity)
        accounts.seed_enterprise_people(session, identity)
        token = accounts.zone_token(session, identity)
    app = make_app(settings, db, clock)
    app.state.demo_accounts = accounts.listed()
    with serve(app) as address, httpx.Client(base_url=address, trust_env=False, timeout=60) as client:
        shown = client.get("/api/v1/meta").json()["demo_accounts"]
        assert {a["role"] for a in shown} == set(ROLES)
        assert (
            client.get("/api/v1/meta", headers={"X-Forwarded-For": "203.0.113.5"}).json()["demo_accounts"]
            is None
        )
        for account in shown:
            me = sign_in(client, account["username"], account["password"]).json()
            assert (me["roles"], me["must_change_password"]) == ([account["role"]], False)
            assert (me["enterprises"] is not None) == (account["role"] in ENTERPRISE_ROLES)
            client.delete("/api/v1/session")
        assert (
            client.get("/api/v1/session", headers={"Authorization": f"Bearer {token}"}).json()["kind"]
            == "token"
        )
        assert client.get("/api/v1/session", headers={"Authorization": f"Bearer {first}"}).status_code == 401
    identity.callers.close()
    db.close()


@pytest.mark.parametrize("hour", [0, 8, 16, 23])
def test_the_first_duty_operator_has_the_watch_whenever_the_demo_starts(tmp_path: Path, hour: int) -> None:
    settings = make_settings(tmp_path, zone={"demo": True})
    zone = ZoneInfo("Asia/Shanghai")
    clock = SimulatedClock(datetime(2026, 11, 27, hour, 30, tzinfo=zone))
    db = Database(settings.records_url, Bus(), clock)
    db.create_all()
    identity = IdentityServices.build(settings, db, clock)
    with db.session() as session:
        accounts.seed(session, identity)
        session.flush()
        watch.seed(session, Rotas(clock, zone, settings.duty), clock.now(), zone)
    with db.read() as session:
        names = []
        for later in (0, 8):
            there = presence.on_duty(session, clock.now() + timedelta(hours=later), desk_code=watch.DESK)
            names += [session.get(User, one.user_id).username for one in there]
    assert names[0] == "duty"
    assert len(names) == 2
    assert names[1] in {"duty-b", "duty-c", "duty-d"}  # somebody else takes over
    identity.callers.close()
    db.close()
