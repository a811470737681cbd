"""The registry on PostgreSQL: import, upsert, search without trigrams, layers, conflicts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.kernel.postgres import postgres_server, postgres_url  # noqa: F401 - fixtures
from tests.registry.kit import Park, caller
from tests.registry.test_import import outcome, table

pytestmark = pytest.mark.postgres


@pytest.fixture
def pg(postgres_url: str) -> Iterator[Park]:  # noqa: F811 - the fixture of that name
    park = Park(postgres_url)
    yield park
    park.http.close()
    park.db.close()


def test_import_search_layers_and_scope(pg: Park) -> None:
    mine = pg.make("enterprises", code="E001", name="青原食品一厂", industry="food_processing")
    pg.make("enterprises", code="E002", name="再生金属厂")
    report = pg.load(
        "equipment", table(*(f"T{i},苯储罐{i},tank,E00{1 + i % 2},120.77,41.80,5,{i}" for i in range(1200)))
    )
    assert outcome(report) == (1200, 0, 0, 0)
    again = pg.load(
        "equipment", table("T1,苯储罐1,tank,E002,120.77,41.80,5,1", "T2,新名,tank,E001,120.77,41.80,5,2")
    )
    assert outcome(again) == (0, 1, 1, 0)
    hits = pg.http.get("/api/v1/search", params={"q": "苯储罐1199"}).json()
    assert [h["code"] for h in hits] == ["T1199"]
    assert [h["code"] for h in pg.http.get("/api/v1/search", params={"q": "食品"}).json()] == ["E001"]
    assert len(pg.http.get("/api/v1/map/layers/equipment").json()["features"]) == 1200
    assert len(pg.http.get("/api/v1/map/pick", params={"lon": 120.77, "lat": 41.8}).json()) == 50
    assert pg.http.get("/api/v1/equipment", params={"sort": "-code", "limit": 1}).json()["total"] == 1200
    taken = pg.http.post("/api/v1/enterprises", json={"code": "E001", "name": "x"})
    assert taken.status_code == 409
    pg.who = caller("enterprise_user", int(str(mine["id"])))
    assert len(pg.http.get("/api/v1/map/layers/equipment").json()["features"]) == 600
    assert pg.http.get(f"/api/v1/enterprises/{mine['id']}/summary").json()["counts"]["equipment"] == 600


def test_a_rehearsal_leaves_nothing(pg: Park) -> None:
    pg.make("enterprises", code="E001")
    report = pg.load("equipment", table("T1,n,tank,E001,,,,", "T2,n,x,E001,,,,"), dry_run=True)
    assert outcome(report) == (1, 0, 0, 1)
    assert pg.http.get("/api/v1/equipment").json()["total"] == 0
