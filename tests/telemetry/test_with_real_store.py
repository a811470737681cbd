"""Ingest, restart and forensics on the real store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tests.telemetry.kit import NOW, START, Bench, batch

from parksight.kernel.clock import SimulatedClock
from parksight.kernel.permissions import SYSTEM
from parksight.kernel.settings import ForensicsSettings, StoreSettings
from parksight.telemetry.forensics.service import ForensicsService
from parksight.telemetry.models import Finding, Point
from parksight.telemetry.protocols import I32
from parksight.telemetry.quality import Quality, QualityFlag
from parksight.telemetry.store import DuckDbStore


def open_store(tmp_path: Path) -> DuckDbStore:
    return DuckDbStore(tmp_path / "observations", StoreSettings(), "Asia/Shanghai", SimulatedClock(START))


async def test_restart_keeps_newest_values_and_knows_repetitions(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    async with Bench(tmp_path, store=store) as b:
        await b.pipeline.submit(batch([1, 2], NOW, [1.0, 2.0]))
        await b.pipeline.submit(batch([2], NOW, 2.5))  # a correction
    store.close()
    store = open_store(tmp_path)
    (tmp_path / "again").mkdir()
    async with Bench(tmp_path / "again", store=store) as b:
        assert b.live.rows([1, 2, 3], NOW).value[:2].tolist() == [1.0, 2.5]
        assert (await b.pipeline.submit(batch([1, 2, 3], NOW, [1.0, 2.5, 9.0]))).rejected == {"duplicate": 2}
    assert store.raw([1, 2, 3], NOW, NOW + 1).value.tolist() == [1.0, 2.5, 9.0]
    store.close()


async def test_findings_mark_and_dismissing_gives_the_quality_back(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    touched: list[int] = []

    def touch(ids: I32) -> None:
        touched.extend(ids.tolist())

    async with Bench(tmp_path, store=store) as b:
        rng = np.random.default_rng(3)
        values = np.round(20 + rng.normal(0, 1, 600), 1)
        values[480:] = values[480]
        quality = np.zeros(600, np.uint8)
        quality[500:510] = Quality.CALIBRATION
        quality[510:] = Quality.UNKNOWN
        times = NOW - (599 - np.arange(600)) * 60_000
        with b.db.session() as session:
            session.get_one(Point, 1).simulated = True
        b.catalogue.invalidate([1])
        rows = batch([1] * 600, times.tolist(), values.tolist(), quality.tolist(), backfill=True)
        assert (await b.pipeline.submit(rows)).stored == 600
        forensics = ForensicsService(ForensicsSettings(), b.db, b.clock, store, b.live, b.catalogue, touch)
        assert forensics.run_next() == 1
        assert forensics.run_next() == 0
        before = quality | QualityFlag.SIMULATED
        marked = store.raw([1], int(times[0]), NOW + 1).quality
        flat = np.arange(600) >= 479
        calibrating = (np.arange(600) >= 500) & (np.arange(600) < 510)
        assert (marked[flat & ~calibrating & (np.arange(600) >= 480)] == (Quality.SUSPECT | 0x80)).all()
        assert (marked[calibrating] == before[calibrating]).all(), "what the device disowned stays as it said"
        assert (marked[:478] == before[:478]).all()
        assert b.live.rows([1], NOW).quality[0] == Quality.SUSPECT | 0x80
        assert touched == [1]
        with b.db.session() as session:
            finding = session.query(Finding).one()
            assert (finding.kind, finding.marked) == ("flat_line", 110)
            forensics.review(session, SYSTEM, finding.id, finding.version, "dismissed", None)
        assert (store.raw([1], int(times[0]), NOW + 1).quality == before).all()
        assert b.live.rows([1], NOW).quality[0] == Quality.UNKNOWN | 0x80
        await forensics.stop()
    store.close()
