"""Each check of the pipeline: what is stored, flagged, rejected, and with which reason."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path

import numpy as np
import pytest
from tests.telemetry.kit import NOW, START, Bench, add_points, batch

from parksight.kernel.clock import SimulatedClock
from parksight.telemetry.events import PointsChanged
from parksight.telemetry.ingest import kernels
from parksight.telemetry.ingest.reasons import Note, Reason
from parksight.telemetry.models import Point
from parksight.telemetry.quality import Quality, QualityFlag


def test_kernel_constants_equal_the_vocabularies() -> None:
    reasons = {
        f"_{r.name.removesuffix('_POINT')}" if r.name != "UNMAPPED" else "_UNMAPPED": r for r in Reason if r
    }
    for name, reason in reasons.items():
        assert getattr(kernels, name) == reason
    assert len(Reason) == kernels.REASON_COUNT
    for note in Note:
        assert getattr(kernels, "_SKEW" if note is Note.CLOCK_SKEW else f"_{note.name}") == note
    assert len(Note) == kernels.NOTE_COUNT
    for code in ("UNKNOWN", "SUSPECT", "BAD", "SUBSTITUTED", "MAINTENANCE"):
        assert getattr(kernels, f"_Q_{code}") == Quality[code]
    assert (kernels._F_SKEW, kernels._F_LATE) == (QualityFlag.CLOCK_SKEW, QualityFlag.LATE)
    assert max(Quality) == Quality.MAINTENANCE


async def test_every_row_gets_its_reason(tmp_path: Path) -> None:
    async with Bench(tmp_path) as b:
        add_points(b.db, 1, first=20, active=False)
        b.catalogue.invalidate(None)
        receipt = await b.pipeline.submit(
            batch(
                [-1, 999_999, 15, 20, 1, 1, 2, 3, 4, 5, 6, 7],
                [NOW, NOW, NOW, NOW, NOW, NOW, NOW, NOW, NOW, NOW + 90_000_000, 5, NOW],
                [1, 1, 1, 1, 20, 20, math.nan, math.inf, -300.0, 1, 1, 1],
                [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9],
            )
        )
        assert receipt.stored == 1
        assert receipt.rejected == {
            "unmapped": 1, "unknown_point": 2, "inactive_point": 1, "duplicate": 1, "no_value": 1,
            "not_finite": 1, "impossible": 1, "far_future": 1, "bad_time": 1, "bad_quality": 1,
        }  # fmt: skip
        assert len(b.store) == 1
        assert b.pipeline.books.total().balanced


async def test_missing_value_is_stored_only_when_the_device_says_why(tmp_path: Path) -> None:
    async with Bench(tmp_path) as b:
        receipt = await b.pipeline.submit(batch([1, 2], NOW, math.nan, [Quality.BAD, Quality.GOOD]))
        assert (receipt.stored, receipt.rejected) == (1, {"no_value": 1})
        assert math.isnan(b.store.all().value[0])
        again = await b.pipeline.submit(batch([1], NOW, math.nan, Quality.BAD))
        assert again.rejected == {"duplicate": 1}


async def test_declared_bad_values_keep_what_the_device_said(tmp_path: Path) -> None:
    async with Bench(tmp_path) as b:
        receipt = await b.pipeline.submit(batch([1], values=-9999.0, quality=Quality.BAD))
        assert receipt.stored == 1
        assert b.store.all().value[0] == -9999.0


async def test_units_scale_and_conversion_are_applied_once(tmp_path: Path) -> None:
    async with Bench(tmp_path) as b:
        add_points(b.db, 1, first=50, source_unit="degF", scale=0.1, shift=2.0)
        b.catalogue.invalidate([50])
        await b.pipeline.submit(batch([50], values=2100.0))  # 2100 * 0.1 + 2 = 212 degF
        assert b.store.all().value[0] == pytest.approx(100.0, abs=1e-9)


async def test_implausible_is_kept_as_suspect_and_counted(tmp_path: Path) -> None:
    async with Bench(tmp_path) as b:
        add_points(b.db, 1, first=50, plausible_low=0.0, plausible_high=100.0)
        b.catalogue.invalidate([50])
        await b.pipeline.submit(
            batch(
                [50] * 4, [NOW - 3, NOW - 2, NOW - 1, NOW], [50, 150, 150, -1], [0, 0, Quality.CALIBRATION, 1]
            )
        )
        assert b.store.all().quality.tolist() == [0, Quality.SUSPECT, Quality.CALIBRATION, Quality.SUSPECT]
        assert b.pipeline.books.notes() == {"suspect": 2}


async def test_late_skewed_and_out_of_order_rows_are_flagged(tmp_path: Path) -> None:
    async with Bench(tmp_path) as b:
        await b.pipeline.submit(batch([1, 2, 3], [NOW, NOW - 301_000, NOW + 121_000]))
        rows = b.store.all()
        assert rows.quality.tolist() == [0, QualityFlag.LATE, QualityFlag.CLOCK_SKEW]
        # After the clock of point 3 is right again its rows are in order and shown.
        await b.pipeline.submit(batch([1, 3], [NOW - 1000, NOW + 1000], 21.0, received=NOW + 1000))
        assert b.pipeline.books.notes() == {"late": 1, "clock_skew": 1, "out_of_order": 1}
        live = b.live.rows([1, 3], NOW + 1000)
        assert live.observed_at.tolist() == [NOW, NOW + 1000]


async def test_history_is_not_judged_for_lateness(tmp_path: Path) -> None:
    async with Bench(tmp_path) as b:
        await b.pipeline.submit(batch([1], NOW))
        await b.pipeline.submit(batch([1, 2], NOW - 86_400_000, 5.0, backfill=True))
        assert b.store.all().quality.tolist() == [0, 0, 0]
        assert b.pipeline.books.notes() == {"backfill": 2}


async def test_correction_is_stored_and_repetition_is_not(tmp_path: Path) -> None:
    async with Bench(tmp_path) as b:
        await b.pipeline.submit(batch([1], NOW, 20.0))
        assert (await b.pipeline.submit(batch([1], NOW, 20.0))).rejected == {"duplicate": 1}
        assert (await b.pipeline.submit(batch([1], NOW, 21.0))).stored == 1
        assert (await b.pipeline.submit(batch([1], NOW, 21.0))).rejected == {"duplicate": 1}
        assert b.pipeline.books.notes() == {"correction": 1}
        assert b.live.rows([1], NOW).value[0] == 21.0


async def test_repetition_is_known_after_a_restart(tmp_path: Path) -> None:
    async with Bench(tmp_path) as first:
        await first.pipeline.submit(batch([1, 2], NOW))
    (tmp_path / "second").mkdir()
    async with Bench(tmp_path / "second", store=first.store) as b:
        assert b.live.rows([1], NOW).value[0] == 20.0
        assert (await b.pipeline.submit(batch([1, 2, 3], NOW))).rejected == {"duplicate": 2}


async def test_rows_the_store_refused_are_no_duplicates_when_sent_again(tmp_path: Path) -> None:
    from parksight.telemetry.ingest import IngestFailed

    async with Bench(tmp_path) as b:
        b.store.refuse = OSError("disk full")
        with pytest.raises(IngestFailed, match="disk full"):
            await b.pipeline.submit(batch([1, 2], NOW))
        total = b.pipeline.books.total()
        assert total.rejected == {"store_failed": 2}
        assert total.balanced
        assert b.pipeline.figures()["last_failure"] is not None
        b.store.refuse = None
        assert (await b.pipeline.submit(batch([1, 2], NOW))).stored == 2
        assert b.pipeline.figures()["last_failure"] is None


async def test_simulated_points_say_so(tmp_path: Path) -> None:
    async with Bench(tmp_path) as b:
        add_points(b.db, 1, first=50, simulated=True)
        b.catalogue.invalidate([50])
        await b.pipeline.submit(batch([1, 50], NOW, 20.0, [0, Quality.BAD]))
        assert b.store.all().quality.tolist() == [0, Quality.BAD | QualityFlag.SIMULATED]


async def test_a_change_of_a_point_meets_the_rows_after_it(tmp_path: Path) -> None:
    async with Bench(tmp_path) as b:
        assert (await b.pipeline.submit(batch([1], NOW))).stored == 1
        with b.db.session() as session:
            session.get_one(Point, 1).active = False
        b.db.bus.publish(PointsChanged(ids=(1,)))
        assert (await b.pipeline.submit(batch([1], NOW + 1))).rejected == {"inactive_point": 1}
        with b.db.session() as session:
            session.delete(session.get_one(Point, 2))
        b.db.bus.publish(PointsChanged(ids=(2,)))
        assert (await b.pipeline.submit(batch([2], NOW))).rejected == {"unknown_point": 1}


async def test_toggling_state_is_seen_as_flapping(tmp_path: Path) -> None:
    async with Bench(tmp_path, flap_per_minute=5) as b:
        add_points(b.db, 1, first=50, quantity="state", unit="state")
        b.catalogue.invalidate([50])
        times = [NOW - 20_000 + i * 1000 for i in range(20)]
        await b.pipeline.submit(batch([50] * 20, times, [i % 2 for i in range(20)]))
        await b.pipeline.submit(
            batch([1] * 20, times, [i % 2 for i in range(20)])
        )  # an analogue value may move
        assert set(b.pipeline.figures()["flapping_points"]) == {50}
        b.clock.advance(600)
        assert b.pipeline.figures()["flapping_points"] == {}


async def test_links_that_come_and_go_are_flapping(tmp_path: Path) -> None:
    async with Bench(tmp_path, link_flaps=4) as b:
        for _ in range(4):
            b.pipeline.link_changed(7)
        b.pipeline.link_changed(8)
        assert b.pipeline.figures()["flapping_links"] == {7: 4}
        b.clock.advance(301)
        assert b.pipeline.figures()["flapping_links"] == {}


async def test_a_source_over_its_rate_is_throttled_visibly_and_alone(tmp_path: Path) -> None:
    async with Bench(tmp_path, source_rate_limit=10) as b:
        for i in range(3):  # bucket of 2 s = 20 readings, the third batch finds it in debt
            receipt = await b.pipeline.submit(
                batch([1] * 10, [NOW + i * 10 + k for k in range(10)], source=5)
            )
        assert receipt.rejected == {"rate_limited": 10}
        assert (await b.pipeline.submit(batch([2], source=6))).stored == 1
        assert b.pipeline.books.source(5).rejected == {"rate_limited": 10}
        assert b.pipeline.books.source(6).rejected == {}
        assert b.pipeline.figures()["throttled_sources"] == [5]
        b.clock.advance(1)
        assert (await b.pipeline.submit(batch([1], NOW + 99, source=5))).stored == 1


async def test_history_over_its_rate_waits_instead(tmp_path: Path) -> None:
    async with Bench(tmp_path, source_rate_limit=10) as b:
        await b.pipeline.submit(batch([1] * 21, [NOW - k for k in range(21)], source=5, backfill=True))
        waiting = asyncio.create_task(b.pipeline.submit(batch([1], NOW - 99, source=5, backfill=True)))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        b.clock.advance(1)
        assert (await waiting).stored == 1


async def test_rejected_frames_can_be_read_back(tmp_path: Path) -> None:
    async with Bench(tmp_path) as b:
        await b.pipeline.submit(batch([-1, 1], NOW, [3.5, 4.0], source=9, raw=b"##0101QN=..."))
        b.pipeline.reject(9, "bad_crc", raw=b"##garbage")
        newest = b.pipeline.rejects.recent()
        assert [(r.reason, r.source, r.count, r.raw) for r in newest] == [
            ("bad_crc", 9, 1, b"##garbage"), ("unmapped", 9, 1, b"##0101QN=..."),
        ]  # fmt: skip
        assert newest[1].rows == ((-1, NOW, 3.5, 0),)
        assert newest[1].at == NOW
        assert b.pipeline.books.total().rejected == {"unmapped": 1, "bad_crc": 1}


def test_simulated_clock_is_what_the_tests_think() -> None:
    assert SimulatedClock(START).now_ms() == NOW
    assert np.int64(NOW) > kernels.EARLIEST_MS
