"""Alarms on PostgreSQL: bursts, append-only journal, acknowledging, rules."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from tests.alarms.kit import Watch
from tests.kernel.postgres import postgres_server, postgres_url  # noqa: F401 - fixtures

pytestmark = pytest.mark.postgres


@pytest.fixture
def pg(postgres_url: str) -> Iterator[Watch]:  # noqa: F811 - the fixture of that name
    watch = Watch(postgres_url)
    watch.furnish(600)
    watch.service.start()
    yield watch
    watch.close()


def test_a_burst_its_clearing_and_its_history(pg: Watch) -> None:
    rows = [{"point": f"P{i:03d}", "high": 40.0, "priority": 1 + i % 4} for i in range(1, 601)]
    assert pg.http.post("/api/v1/alarm-rules/import", json={"rules": rows}).json()["accepted"] == 600
    pg.service.recompile()
    pg.clock.advance(2)
    pg.feed(*((i, 1, 50.0) for i in range(1, 601)))
    assert len(pg.alarms()) == 600
    assert (
        pg.http.post("/api/v1/alarms/1/acknowledge", json={"comment": "看过"}).json()["handling"]
        == "acknowledged"
    )
    assert pg.http.post("/api/v1/alarms/1/acknowledge", json={}).status_code == 409
    pg.feed(*((i, 2, 0.0) for i in range(1, 601)))
    assert {a.condition for a in pg.alarms()} == {"cleared"}
    assert pg.http.get("/api/v1/alarms").json()["total"] == 600, "cleared, but nobody said what they were"
    assert pg.http.post("/api/v1/alarms/1/close", json={"cause": "test"}).json()["open"] is False
    assert pg.http.get("/api/v1/alarms").json()["total"] == 599
    assert pg.http.get("/api/v1/alarms/counts").json()["raised_10_min"] == 600
    assert pg.http.get("/api/v1/alarms/journal").json()["total"] == 1202
    with pytest.raises(DBAPIError, match="append-only"), pg.db.session() as session:
        session.execute(text("DELETE FROM alarms_journal"))
