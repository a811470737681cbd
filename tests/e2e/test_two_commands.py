"""Start, stop, start again: what ``make run`` does, as a newcomer sees it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tests.living import living_park

pytestmark = pytest.mark.slow


@pytest.mark.timeout(300)
def test_the_park_lives_ends_cleanly_and_keeps_its_data(tmp_path: Path) -> None:
    with living_park(tmp_path, days=0.02) as site:
        with site.client() as api:
            deadline = time.monotonic() + 90
            while time.monotonic() < deadline:
                gateways = {g["name"]: g for g in api.get("/api/v1/gateways").json()}
                stored = site.health()["ingest"]["stored"]  # type: ignore[index]
                if stored > 20_000 and all(
                    gateways[n]["connections"] > 0 for n in ("hj212", "modbus", "mqtt")
                ):
                    break
                time.sleep(1)
            assert stored > 20_000
            for name in ("hj212", "modbus", "mqtt"):
                assert gateways[name]["running"], name
                assert gateways[name]["connections"] > 0, name
            assert api.get("/api/v1/enterprises?limit=1").json()["total"] == 90
            points = api.get("/api/v1/points?limit=1").json()["total"]
            assert 2_800 <= points <= 3_000
            books = site.health()["ingest"]
            assert books["received"] == books["stored"] + sum(books["rejected"].values()) + books["in_flight"]  # type: ignore[index,call-overload]
        assert site.stop() == 0
    with living_park(tmp_path, days=0.02) as again:
        with again.client("firm") as firm:
            mine = firm.get("/api/v1/enterprises?limit=100").json()
            assert mine["total"] == 1
            everyones = firm.get("/api/v1/points?limit=1000").json()
            assert {p["enterprise_id"] for p in everyones["items"]} == {mine["items"][0]["id"]}
        with again.client() as api:
            assert api.get("/api/v1/audit/verify").json()["sound"] is True
        assert again.stop() == 0
