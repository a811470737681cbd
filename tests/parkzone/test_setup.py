"""The whole introduction against the real platform over real HTTP: twice, and with ports that changed hands."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
import uvicorn

from parksight.app import create_app
from parksight.demo import accounts
from parksight.kernel.clock import SystemClock
from parksight.kernel.identity.services import IdentityServices
from parksight.kernel.settings import load_settings
from parksight.serve import prepare, records
from parkzone import hazards, rulebook
from parkzone.addresses import Endpoints
from parkzone.api import Api, ApiError
from parkzone.mqtt.broker import free_port
from parkzone.park import Park
from parkzone.setup import HISTORY_DEVICES, setup


@dataclass
class Site:
    url: str
    token: str

    def run(self, park: Park, endpoints: Endpoints) -> tuple[dict[str, int], list[str]]:
        steps: list[str] = []

        async def introduce() -> dict[str, int]:
            api = Api(self.url, self.token)
            try:
                await api.wait_ready()
                return await setup(api, park, endpoints, lambda step, _done, _total: steps.append(step))
            finally:
                await api.close()

        return asyncio.run(introduce()), steps

    def get(self, path: str) -> httpx.Response:
        return httpx.get(
            f"{self.url}/api/v1{path}", headers={"authorization": f"Bearer {self.token}"}, timeout=30
        )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    port = free_port("127.0.0.1")
    flags = {
        "data_dir": str(tmp_path_factory.mktemp("site")),
        "server.port": port,
        "hj212.port": free_port("127.0.0.1"),
    }
    # nobody answers on the Modbus lines here; polling them would only burn the clock
    settings = load_settings(None, {**flags, "zone.demo": True, "modbus.enabled": False}, {})
    prepare(settings)
    db = records(settings)
    identity = IdentityServices.build(settings, db, SystemClock())
    with db.session() as session:
        accounts.seed(session, identity)
        session.flush()
        token = accounts.zone_token(session, identity)
    identity.callers.close()
    db.close()
    config = uvicorn.Config(
        create_app(settings), host="127.0.0.1", port=port, log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 60
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.05)
    assert server.started
    yield Site(f"http://127.0.0.1:{port}", token)
    server.should_exit = True
    thread.join(30)


def ports(park: Park, first: int) -> Endpoints:
    return Endpoints(tuple(range(first, first + len(park.lines))), 1884)


@pytest.mark.slow
def test_the_zone_is_introduced_once_and_follows_its_ports(park: Park, site: Site) -> None:
    counts, steps = site.run(park, ports(park, 15_000))
    assert counts["points"] == len(park.catalogue.points)
    assert counts["devices"] == len(park.catalogue.devices) + len(HISTORY_DEVICES)
    assert counts["alarm-rules"] == len(park.catalogue.points) + len(rulebook.rules(park))
    assert counts["linkages"] == len(rulebook.linkages())
    assert counts["hazards"] == len(hazards.rows(park)) >= 25
    found = site.get("/safety/hazards/summary").json()
    assert all(found["by_level"][level] for level in "1234"), "all four levels of major hazard sources"
    assert (found["unknown"], found["disagreeing"]) == (1, 1)
    assert counts["broker"] == 1
    assert steps[-1] == "done"
    for path, total in (("/enterprises", 90), ("/cameras", 25), ("/points", len(park.catalogue.points))):
        assert site.get(f"{path}?limit=1").json()["total"] == total
    again, _ = site.run(park, ports(park, 15_000))
    assert sum(again.values()) == 0, again
    # every line now listens where its neighbour did
    shifted = Endpoints((*range(15_001, 15_000 + len(park.lines)), 15_000), 1885)
    counts, _ = site.run(park, shifted)
    assert counts["broker"] == 1
    modbus = [d for d in park.catalogue.devices if d.protocol == "modbus"]
    assert counts["devices"] == len(modbus)
    device = modbus[0]
    found = site.get(f"/devices?q={device.code}").json()["items"][0]
    assert found["address"] == f"127.0.0.1:{shifted.modbus[device.line]}/{device.unit}"
    assert found["enabled"] is True
    assert found["simulated"] is True
    (broker,) = site.get("/gateways/mqtt/connections").json()
    assert broker["config"]["port"] == 1885


@pytest.mark.slow
def test_a_wrong_token_is_told_in_the_platforms_words(park: Park, site: Site) -> None:
    with pytest.raises(ApiError, match="401"):
        Site(site.url, "pst_wrong").run(park, ports(park, 15_000))
