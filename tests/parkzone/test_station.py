"""The data logger against a real socket; time is the engine's clock, run fast."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager

import numpy as np
import pytest

from parkzone.catalogue.specs import Device
from parkzone.engine import Engine
from parkzone.hj212.codec import Message
from parkzone.hj212.station import Station, parse_stamp
from parkzone.park import Park

from .conftest import MIDNIGHT_MS
from .platform import Platform


class FastClock:
    """Engine clock: ``rate`` times as fast as the wall."""

    def __init__(self, start_ms: int, rate: float) -> None:
        self._start, self._rate, self._real = start_ms, rate, time.monotonic()

    def __call__(self) -> int:
        return self._start + int((time.monotonic() - self._real) * 1000 * self._rate)


@pytest.fixture(scope="module")
def engine(park: Park) -> Engine:
    return Engine(park, lambda: MIDNIGHT_MS)


def device(park: Park, version: int, system_type: str = "31") -> Device:
    return next(
        d for d in park.catalogue.devices
        if d.protocol == "hj212" and d.version == version and d.system_type == system_type
    )  # fmt: skip


@asynccontextmanager
async def running(engine: Engine, d: Device, port: int, period_s: float = 0.2):  # type: ignore[no-untyped-def]  # test helper
    """A station that reports five times a second, with the engine ticking along."""
    engine.clock_ms = FastClock(MIDNIGHT_MS, 1.0)
    engine.offline.clear()
    engine.clock_offset_ms.clear()
    quick = Device(**{**d.__dict__, "period_s": period_s})
    station = Station(quick, engine.park.catalogue.of_device()[d.code], engine, "127.0.0.1", port)
    station.ack_timeout_s = 0.3

    async def tick() -> None:
        while True:
            engine.tick()
            await asyncio.sleep(0.1)

    tasks = [asyncio.create_task(tick()), asyncio.create_task(station.run())]
    try:
        yield station
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize(("version", "flag", "mn"), [(2005, 1, 14), (2017, 5, 24), (2025, 9, 24)])
def test_uploads_are_acknowledged_in_each_version(
    park: Park, engine: Engine, version: int, flag: int, mn: int
) -> None:
    async def scenario() -> tuple[list[Message], Station]:
        async with Platform() as platform, running(engine, device(park, version), platform.port) as station:
            await platform.wait(lambda got: len(got) >= 3)
            return list(platform.got), station

    got, station = asyncio.run(scenario())
    first = got[0]
    assert first.cn == "2011"
    assert first.flag == flag
    assert len(first.fields["MN"]) == mn
    assert len({m.qn for m in got}) == len(got)
    assert abs(parse_stamp(first.cp["DataTime"]) - MIDNIGHT_MS) <= 10_000
    for p in station.reports.points:
        name = p.address
        value = float(first.cp[name])
        assert p.low <= value <= p.high
        assert first.cp[name.replace("-Rtd", "-Flag")] == "N"
    assert station.counters["acknowledged"] >= 2
    assert station.counters["resent"] == 0


def test_no_acknowledgement_means_the_same_frame_again_then_a_new_connection(
    park: Park, engine: Engine
) -> None:
    async def scenario() -> tuple[Platform, Station]:
        async with (
            Platform(accept=lambda _m: False) as platform,
            running(engine, device(park, 2025), platform.port) as station,
        ):
            await platform.wait(lambda got: len(got) >= 4)
            return platform, station

    platform, station = asyncio.run(scenario())
    first, second, third, fourth = platform.got[:4]
    assert first.qn == second.qn == third.qn != fourth.qn
    assert first.cp == second.cp
    assert "RF" not in first.fields
    assert second.fields["RF"] == "1"  # 2025 marks what is sent again
    assert station.counters["resent"] >= 2
    assert len(platform.writers) >= 2


def test_a_cut_is_filled_with_minute_data_after_new_data(park: Park, engine: Engine) -> None:
    d = device(park, 2017)

    async def scenario() -> list[Message]:
        async with Platform() as platform, running(engine, d, platform.port) as station:
            await platform.wait(lambda got: len(got) >= 2)
            engine.offline.add(d.code)
            station.drop()
            await asyncio.sleep(0.3)
            silent = len(platform.got)
            await asyncio.sleep(0.5)
            assert len(platform.got) == silent
            # six minutes pass while nobody listens
            engine.clock_ms = FastClock(engine.clock_ms() + 6 * 60_000, 1.0)
            engine.offline.clear()
            await platform.wait(lambda got: sum(m.cn == "2051" for m in got) >= 5)
            await asyncio.sleep(0.3)
            return platform.got[silent:]

    after = asyncio.run(scenario())
    assert after[0].cn == "2011"
    minutes = [parse_stamp(m.cp["DataTime"]) for m in after if m.cn == "2051"]
    assert minutes == [minutes[0] + k * 60_000 for k in range(len(minutes))]
    assert minutes[0] - MIDNIGHT_MS in (0, 60_000)
    assert 5 <= len(minutes) <= 7
    assert len({m.qn for m in after}) == len(after)


def test_backfill_goes_on_where_a_second_cut_stopped_it(park: Park, engine: Engine) -> None:
    d = device(park, 2017)
    refused: list[bool] = []

    def accept(m: Message) -> bool:
        if m.cn == "2051" and not refused and parse_stamp(m.cp["DataTime"]) >= MIDNIGHT_MS + 4 * 60_000:
            refused.append(True)
            platform_writers[-1].transport.abort()
            return False
        return True

    platform_writers: list[asyncio.StreamWriter] = []

    async def scenario() -> list[Message]:
        async with Platform(accept) as platform, running(engine, d, platform.port) as station:
            nonlocal platform_writers
            platform_writers = platform.writers
            await platform.wait(lambda got: len(got) >= 2)
            engine.offline.add(d.code)
            station.drop()
            await asyncio.sleep(0.2)
            engine.clock_ms = FastClock(engine.clock_ms() + 8 * 60_000, 1.0)
            engine.offline.clear()
            await platform.wait(lambda got: len({m.cp["DataTime"] for m in got if m.cn == "2051"}) >= 7)
            return platform.of("2051")

    sent = [parse_stamp(m.cp["DataTime"]) for m in asyncio.run(scenario())]
    wanted = [min(sent) + k * 60_000 for k in range(7)]
    assert min(sent) - MIDNIGHT_MS in (0, 60_000)
    assert sorted(set(sent))[:7] == wanted
    assert refused
    assert sent.count(wanted[0]) == 1  # what was acknowledged is not sent again


def test_history_request_is_answered_in_the_standard_sequence(park: Park, engine: Engine) -> None:
    d = device(park, 2017)

    async def scenario() -> list[Message]:
        async with Platform() as platform, running(engine, d, platform.port):
            await platform.wait(lambda got: len(got) >= 1)
            platform.send(
                f"QN=20261124000001000;ST=31;CN=2051;PW=123456;MN={d.key};Flag=5;"
                "CP=&&BeginTime=20261123230000,EndTime=20261123231000&&"
            )
            await platform.wait(lambda got: any(m.cn == "9012" for m in got))
            return [m for m in platform.got if m.cn != "2011"]

    answer = asyncio.run(scenario())
    assert answer[0].cn == "9011"
    assert answer[0].qn == "20261124000001000"
    assert answer[0].cp == {"QnRtn": "1"}
    assert answer[-1].cn == "9012"
    assert answer[-1].qn == "20261124000001000"
    assert answer[-1].cp == {"ExeRtn": "1"}
    data = answer[1:-1]
    assert [m.cp["DataTime"] for m in data] == [f"202611232{3}{k:02d}00" for k in range(10)]
    factor = engine.park.catalogue.of_device()[d.code][0].address.removesuffix("-Rtd")
    for m in data:
        low, mean, high = (float(m.cp[f"{factor}-{k}"]) for k in ("Min", "Avg", "Max"))
        assert low <= mean <= high


def test_minute_means_come_from_the_same_curve_as_live_values(park: Park, engine: Engine) -> None:
    d = device(park, 2017)
    points = park.catalogue.of_device()[d.code]
    station = Station(d, points, engine, "127.0.0.1", 1)
    start = MIDNIGHT_MS - 600_000
    (_, content), *_ = list(station.reports.periods("2051", start, start + 60_000))
    cp = dict(item.split("=") for part in content.split(";") for item in part.split(","))
    at = start + np.array([0, 20_000, 40_000], np.int64)
    live = engine.model.values(at)[engine.row[points[0].code]]
    factor = points[0].address.removesuffix("-Rtd")
    assert float(cp[f"{factor}-Avg"]) == pytest.approx(live.mean(), abs=points[0].resolution)
    assert float(cp[f"{factor}-Max"]) == pytest.approx(live.max())


@pytest.mark.parametrize(
    ("cn", "extra", "expected"),
    [
        ("1011", "", [("9011", "1"), ("1011", None), ("9012", "1")]),
        ("1061", "", [("9011", "1"), ("1061", None), ("9012", "1")]),
        ("1062", "RtdInterval=30", [("9011", "1"), ("9012", "1")]),
        ("4711", "", [("9011", "8")]),
        ("2012", "", [("9013", None)]),
        ("2061", "BeginTime=oops,EndTime=20261123231000", [("9011", "1"), ("9012", "3")]),
    ],
)
def test_requests(
    park: Park, engine: Engine, cn: str, extra: str, expected: list[tuple[str, str | None]]
) -> None:
    d = device(park, 2017)

    async def scenario() -> list[Message]:
        async with Platform() as platform, running(engine, d, platform.port):
            await platform.wait(lambda got: len(got) >= 1)
            platform.send(f"QN=20261124000002000;ST=31;CN={cn};PW=123456;MN={d.key};Flag=5;CP=&&{extra}&&")
            want = len(expected)
            await platform.wait(lambda got: sum(m.cn != "2011" for m in got) >= want)
            return [m for m in platform.got if m.cn != "2011"]

    got = asyncio.run(scenario())
    assert [m.cn for m in got] == [cn for cn, _ in expected]
    for m, (_, code) in zip(got, expected, strict=True):
        assert m.qn == "20261124000002000"
        if code is not None:
            assert code in (m.cp.get("QnRtn"), m.cp.get("ExeRtn"))


def test_a_jumped_clock_is_healed_by_setting_the_time(park: Park, engine: Engine) -> None:
    d = device(park, 2017)

    async def scenario() -> list[Message]:
        async with Platform() as platform, running(engine, d, platform.port):
            engine.clock_offset_ms[d.code] = -3 * 3_600_000
            await platform.wait(lambda got: len(got) >= 1)
            platform.send(
                f"QN=20261124000003000;ST=31;CN=1012;PW=123456;MN={d.key};Flag=5;CP=&&SystemTime=20261124000003&&"
            )
            await platform.wait(lambda got: any(m.cn == "9012" for m in got))
            before = len(platform.got)
            await platform.wait(lambda got: len(got) >= before + 2)
            return platform.of("2011")

    got = asyncio.run(scenario())
    assert parse_stamp(got[0].cp["DataTime"]) < MIDNIGHT_MS - 2 * 3_600_000
    assert abs(parse_stamp(got[-1].cp["DataTime"]) - MIDNIGHT_MS) < 60_000
