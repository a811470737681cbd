"""What a camera's health is, what is not known about it, and what is offered to the ingest (a door that keeps the batches)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select
from tests.lookout.kit import DEAD_CAMERA, FIRM_CAMERA, ZONE_CAMERA, EyeSite
from tests.lookout.pictures import WALL, encode, landscape

from parksight.kernel.settings import LookoutSettings
from parksight.lookout.health.judge import KINDS
from parksight.lookout.health.looker import Looker
from parksight.lookout.health.points import Watched, watched
from parksight.telemetry.catalogue import Catalogue
from parksight.telemetry.live_table import LiveTable
from parksight.telemetry.models import Point
from parksight.telemetry.points.service import PointService
from parksight.telemetry.protocols import ReadingBatch, Receipt
from parksight.telemetry.quality import Quality, QualityFlag

pytestmark = pytest.mark.anyio


class Door:
    def __init__(self) -> None:
        self.batches: list[ReadingBatch] = []

    async def submit(self, batch: ReadingBatch) -> Receipt:
        self.batches.append(batch)
        return Receipt(len(batch))


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[EyeSite]:
    site = EyeSite(tmp_path, LookoutSettings(look_cpu_percent=50), WALL)
    yield site
    await site.close()


def noisy(seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 3, (360, 640, 3))
    return np.clip(landscape(1) + noise, 0, 255).astype(np.uint8)


async def test_each_linked_camera_gets_its_points_once(site: EyeSite) -> None:
    points = PointService(site.db, site.clock, LiveTable(Catalogue(site.db)))
    first = watched(site.db, points, 30.0)
    again = watched(site.db, points, 30.0)
    assert first == again
    with site.db.read() as session:
        rows = session.scalars(select(Point)).all()
    assert len(rows) == 3 * len(KINDS)
    assert {r.enterprise_id for r in rows if r.code.startswith("CAM.T02.")} == {1}
    assert all(r.quantity == "state" and r.simulated for r in rows)


async def test_a_round_tells_what_is_and_leaves_open_what_is_not_known(
    site: EyeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("parksight.lookout.health.looker._PICTURE_S", 0.4)
    door = Door()
    cameras = [
        Watched(i, f"T{i:02}", None, i != FIRM_CAMERA, {k: 10 * i + n for n, k in enumerate(KINDS)})
        for i in (ZONE_CAMERA, FIRM_CAMERA, DEAD_CAMERA)
    ]
    looker = Looker(site.clock, site.settings, site.pool, door, site.relays, lambda: cameras)
    units = encode([noisy(i) for i in range(4)], group=1)

    async def play() -> None:
        while True:
            for unit in units:
                site.relays.push(ZONE_CAMERA, [unit])
                await asyncio.sleep(0.03)

    playing = asyncio.create_task(play())
    for _ in range(3):
        await looker.round()
    playing.cancel()
    last = {i: b for b in door.batches for i in [int(b.point[0]) // 10]}
    good = dict(zip(KINDS, zip(last[ZONE_CAMERA].value, last[ZONE_CAMERA].quality, strict=True), strict=True))
    assert [good[k][0] for k in ("lost", "dark", "blurred")] == [0.0, 0.0, 0.0]
    assert good["lost"][1] == Quality.GOOD | QualityFlag.SIMULATED
    assert np.isnan(good["shifted"][0])
    assert good["shifted"][1] == Quality.BAD | QualityFlag.SIMULATED, "not known is never good"
    for silent in (FIRM_CAMERA, DEAD_CAMERA):
        assert all(np.isnan(v) for v in last[silent].value[1:])
    assert last[FIRM_CAMERA].quality[1] == Quality.BAD
    assert looker.counters["refused_unreachable"] == 3
    assert site.relays.listeners[ZONE_CAMERA] == [], "nobody listens between the looks"
