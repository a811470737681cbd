"""Behind the real door: pipeline and DuckDB; what was answered is in the store, what was sent again is there once."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.gateways.hj212.cases import SHANGHAI
from tests.gateways.hj212.peer import Peer
from tests.gateways.support import add_device, add_point

from parksight.gateways.activity import ActivityBook
from parksight.gateways.context import GatewayContext
from parksight.gateways.directory import DeviceDirectory
from parksight.gateways.frames import FrameLog
from parksight.gateways.hj212.codec import builder
from parksight.gateways.hj212.gateway import Hj212Gateway
from parksight.gateways.unknown import UnknownDevices
from parksight.kernel.clock import SystemClock
from parksight.kernel.db import Database
from parksight.kernel.settings import Hj212Settings, IngestSettings, StoreSettings
from parksight.telemetry.catalogue import Catalogue
from parksight.telemetry.ingest import IngestPipeline
from parksight.telemetry.live_table import LiveTable
from parksight.telemetry.store import DuckDbStore

pytestmark = pytest.mark.anyio

DEVICES, FACTORS = 8, ("a21026", "a21002", "a34013")


def mn(device: int) -> str:
    return f"{device:024d}"


@dataclass
class House:
    gateway: Hj212Gateway
    pipeline: IngestPipeline
    store: DuckDbStore
    context: GatewayContext


@pytest.fixture
async def house(db: Database, tmp_path: Path) -> AsyncIterator[House]:
    for d in range(DEVICES):
        points = {f"{f}-Rtd": add_point(db, f"D{d}.{f}", "concentration", "mg/m3") for f in FACTORS}
        add_device(db, f"D{d}", "hj212", mn(d), dict(points))
    clock = SystemClock()
    store = DuckDbStore(tmp_path / "store", StoreSettings(memory_limit_mb=256), "Asia/Shanghai", clock)
    catalogue = Catalogue(db)
    pipeline = IngestPipeline(
        IngestSettings(tick_ms=20), clock, store, LiveTable(catalogue), catalogue, tmp_path / "rejects"
    )
    pipeline.start()
    directory = DeviceDirectory(db)
    directory.load()
    context = GatewayContext(
        pipeline,
        directory,
        FrameLog(tmp_path / "frames.sqlite"),
        ActivityBook(),
        UnknownDevices(db),
        clock,
        db.bus,
    )
    gateway = Hj212Gateway(context, Hj212Settings(port=0, flush_ms=2), db)
    await gateway.start()
    while not gateway.decoder.ready:
        await asyncio.sleep(0.01)
    yield House(gateway, pipeline, store, context)
    await gateway.stop()
    await pipeline.stop()
    store.close()
    context.frames.close()
    directory.close()


async def test_what_is_answered_is_stored_exactly_once(house: House) -> None:
    now = house.context.clock.now_ms() // 1000 * 1000
    answered: Counter[int] = Counter()

    async def station(device: int) -> None:
        rng = random.Random(device)
        async with Peer(house.gateway.port, mn(device)) as peer:
            for i in range(40):
                values: dict[str, float | str] = {f"{f}-Rtd": f"{rng.random() * 100:.2f}" for f in FACTORS}
                segment = peer.segment(2011, peer.content(now - (40 - i) * 1000, values))
                raw = builder.build(segment)
                match rng.randrange(6):
                    case 0:  # half frames
                        peer.send(raw[:100])
                        await asyncio.sleep(0.005)
                        peer.send(raw[100:])
                    case 1:  # sent again at once, as after a lost answer
                        peer.send(raw + raw)
                    case 2:  # an odd form that the compiled path leaves
                        peer.send(builder.frame(raw[6:-8] + b";&&"))
                    case 3:  # junk before, no line end
                        peer.send(b"\x00\xff##" + raw[:-2])
                    case 4:  # a damaged frame before
                        peer.send(raw[:-6] + b"0000\r\n" + raw)
                    case _:
                        peer.send(raw)
                answer = await peer.answer_to(segment.qn)
                assert answer.cn == 9014
                answered[device] += 1

    await asyncio.gather(*(station(d) for d in range(DEVICES)))
    assert set(answered.values()) == {40}
    ids = [i + 1 for i in range(DEVICES * len(FACTORS))]
    rows = house.store.raw(ids, now - 3_600_000, now + 3_600_000)
    assert len(rows) == DEVICES * 40 * len(FACTORS)
    assert len({(p, t) for p, t in zip(rows.point.tolist(), rows.observed_at.tolist(), strict=True)}) == len(
        rows
    )
    total = house.pipeline.books.total()
    assert total.balanced
    assert total.stored == len(rows)
    assert total.rejected["duplicate"] % len(FACTORS) == 0
    assert total.rejected["hj212_bad_crc"] == house.gateway.rejected["bad_crc"] > 0
    activity = house.context.activity.of(1)
    assert activity.stored == 40 * len(FACTORS)


async def test_a_device_over_its_rate_is_not_answered_and_may_come_again(house: House) -> None:
    house.pipeline._guard.rate, house.pipeline._guard.burst = 3.0, 3.0
    now = house.context.clock.now_ms() // 1000 * 1000
    async with Peer(house.gateway.port, mn(0)) as peer:
        values: dict[str, float | str] = {f"{f}-Rtd": "1" for f in FACTORS}
        sent = [peer.segment(2011, peer.content(now - i * 1000, values)) for i in range(4)]
        for segment in sent:
            peer.send(builder.build(segment))
            await asyncio.sleep(0.05)
        await peer.answer_to(sent[0].qn)
        late = sent[-1]
        with pytest.raises(TimeoutError):
            await peer.answer_to(late.qn, timeout=0.2)
        assert house.gateway.counters["throttled"] >= 1
        house.pipeline._guard.rate, house.pipeline._guard.burst = 1e6, 1e6
        await asyncio.sleep(0.05)
        assert (await peer.upload(late)).qn == late.qn


async def test_history_of_all_devices_goes_in_beside_live_data(house: House) -> None:
    now = house.context.clock.now_ms() // 60_000 * 60_000
    async with Peer(house.gateway.port, mn(3)) as peer:
        for minute in range(30):
            content = peer.content(now - minute * 60_000, {"a21026-Rtd": str(minute)})
            await peer.upload(replace(peer.segment(2011, content), resent=False))
    rows = house.store.raw([10], now - 3_600_000, now + 1)
    assert rows.value.tolist() == [float(m) for m in reversed(range(30))]
    assert SHANGHAI.to_text(int(rows.observed_at[-1])) == SHANGHAI.to_text(now)
