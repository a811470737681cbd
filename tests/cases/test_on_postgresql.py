"""The engine on PostgreSQL: bursts, moves, escalation by two processes, append-only history, proof."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from tests.cases.kit import TRIAL, Zone
from tests.kernel.postgres import postgres_server, postgres_url  # noqa: F401 - fixtures

from parksight.cases.models import CaseEvent
from parksight.cases.requests import NewCase, Owner
from parksight.kernel.errors import ProblemError
from parksight.kernel.permissions import SYSTEM

pytestmark = pytest.mark.postgres


@pytest.fixture
def pg(postgres_url: str, tmp_path: Path) -> Iterator[Zone]:  # noqa: F811 - the fixture of that name
    zone = Zone(postgres_url, tmp_path, TRIAL)
    zone.furnish()
    with zone.db.session() as session:  # ids were given by hand
        session.execute(text("SELECT setval('kernel_user_id_seq', 100)"))
    yield zone
    zone.close()


def test_a_case_from_opening_to_proof(pg: Zone) -> None:
    case_id = pg.open(enterprise_id=1)
    pg.act("operator", case_id, "assign", fields={"to_enterprise": 1})
    pg.act("boss1", case_id, "accept", request_id="phone-00001")
    pg.act("boss1", case_id, "accept", request_id="phone-00001")
    pg.act("boss1", case_id, "ask-extension", fields={"clock": "fix", "minutes": 30}, comment="等配件")
    pg.act("leader", case_id, "grant-extension", fields={"extension": 1}, comment="同意")
    pg.act("boss1", case_id, "fix", fields={"measure": "已修复"})
    pg.act("safety", case_id, "reject", comment="没修好")
    pg.act("boss1", case_id, "fix", fields={"measure": "再次修复"})
    assert pg.act("safety", case_id, "verify").state == "closed"
    page = pg.as_("boss1").get(f"/api/v1/cases/{case_id}").json()
    assert [e["transition"] for e in page["history"]][-2:] == ["fix", "verify"]
    assert pg.as_("boss2").get("/api/v1/cases").json()["total"] == 0
    for box in ("mine", "waiting", "watching", "overdue"):
        assert pg.as_("boss1").get(f"/api/v1/cases?box={box}&sort=due_at").json()["total"] == 0
    assert pg.verdict().sound, pg.verdict().text
    with pytest.raises(DBAPIError, match="append-only"), pg.db.session() as session:
        session.execute(text("DELETE FROM cases_event"))


def test_of_two_who_act_at_once_one_is_told_that_it_changed(pg: Zone) -> None:
    case_id = pg.open()
    pg.act("operator", case_id, "assign", fields={"to_post": 2})
    version = pg.case(case_id).version
    gate = threading.Barrier(2)

    def accept(_n: int) -> str:
        gate.wait()
        try:
            pg.act("safety", case_id, "accept", version=version)
        except ProblemError as error:
            return error.code
        return "done"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(accept, range(2))) == ["cases.changed", "done"]
    assert pg.verdict().sound


def test_bursts_of_many_processes_share_no_number_and_rungs_fire_once(pg: Zone, tmp_path: Path) -> None:
    def burst(n: int) -> list[str]:
        wishes = [
            NewCase("cases.report", f"报警 {i}", key=f"k{i}", owner=Owner(post_id=2))
            for i in range(n * 50, n * 50 + 50)
        ]
        with pg.db.session() as session:
            return [c.number for c in pg.service.open_many(session, SYSTEM, wishes)]

    with ThreadPoolExecutor(4) as pool:
        numbers = [number for part in pool.map(burst, range(4)) for number in part]
    assert len(set(numbers)) == 200
    pg.minutes(101)
    other = Zone(pg.url, tmp_path, TRIAL)
    other.clock.advance(101 * 60)

    def look(zone: Zone) -> None:
        for _ in range(20):
            zone.escalator.run_once()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(look, (pg, other)))
    with pg.db.read() as session:
        fired = session.scalar(
            select(func.count()).select_from(CaseEvent).where(CaseEvent.what == "escalated")
        )
    assert fired == 400  # yellow and red of each
    told = [c for z in (pg, other) for m in z.teller.to(1) for c in m.cases]
    assert len(told) == len(set(told)) == 200  # yellow and red of a case in one message
    assert pg.verdict().sound, pg.verdict().text
    other.close()
