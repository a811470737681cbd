"""What the platform asks: one request at a time, re-sent on silence, ended by the device."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.gateways.hj212.cases import MN, SHANGHAI
from tests.gateways.hj212.conftest import Starter, Station
from tests.gateways.hj212.peer import Faults, Peer

from parksight.gateways.hj212.codec.commands import Cn, ExeRtn, QnRtn, Version
from parksight.gateways.hj212.codec.sm4 import Sm4
from parksight.gateways.hj212.requester import ALLOWED, MAX_WAITING
from parksight.kernel.errors import ProblemError
from parksight.telemetry.quality import Quality, QualityFlag

pytestmark = pytest.mark.anyio

T0 = 1_767_225_600_000
QUICK = {"request_timeout_s": 0.15, "request_retries": 2, "execution_timeout_s": 0.3}


async def until(condition: Any, timeout: float = 5.0) -> None:
    async with asyncio.timeout(timeout):
        while not condition():
            await asyncio.sleep(0.005)


async def connected(station: Station, peer: Peer, at: int = T0, **values: Any) -> None:
    await peer.upload(peer.segment(2011, peer.content(at, {"a21026-Rtd": "1", **values})))


@pytest.fixture
async def quick(start: Starter) -> Station:
    station: Station = await start()
    station.device(policy=QUICK)
    return station


def state(station: Station, device: int = 1) -> Any:
    return station.gateway.device(device)


@pytest.mark.parametrize("version", [Version.V2017, Version.V2025])
async def test_time_is_read_and_set_in_the_devices_version(quick: Station, version: Version) -> None:
    async with Peer(quick.port, version=version) as peer:
        await connected(quick, peer)
        assert await quick.gateway.requester.get_time(state(quick)) == peer.clock_ms
        outcome = await quick.gateway.requester.set_time(state(quick))
        assert (outcome.ready, outcome.result, outcome.attempts) == (1, 1, 1)
        asked = await peer.wait_for(Cn.SET_TIME)
        assert (asked.flag, asked.pw, asked.mn, asked.st) == (version << 2 | 1, "123456", MN, "31")
        assert SHANGHAI.to_ms(asked.get("SystemTime") or "") == peer.clock_ms


async def test_an_interval_is_read(quick: Station) -> None:
    async with Peer(quick.port) as peer:
        await connected(quick, peer)
        outcome = await quick.gateway.requester.request(state(quick), Cn.GET_REALTIME_INTERVAL)
        assert outcome.fields == {"RtdInterval": "30"}


async def test_a_notification_ends_with_9013(quick: Station) -> None:
    async with Peer(quick.port) as peer:
        await connected(quick, peer)
        outcome = await quick.gateway.requester.request(state(quick), Cn.STOP_REALTIME)
        assert (outcome.ready, outcome.result) == (None, None)
        assert peer.seen[Cn.STOP_REALTIME] == 1


async def test_silence_is_met_by_sending_again_then_an_error(quick: Station) -> None:
    async with Peer(quick.port, faults=Faults(silent=2)) as peer:
        await connected(quick, peer)
        outcome = await quick.gateway.requester.set_time(state(quick))
        assert outcome.attempts == 3
        assert len({s.qn for s in peer.heard if s.cn == Cn.SET_TIME}) == 1
        peer.faults.silent = 3
        with pytest.raises(ProblemError, match="no_answer"):
            await quick.gateway.requester.set_time(state(quick))


async def test_refusals_and_failures_say_their_code(quick: Station) -> None:
    async with Peer(quick.port, faults=Faults(refuse=QnRtn.PW_WRONG)) as peer:
        await connected(quick, peer)
        with pytest.raises(ProblemError, match=r"request_refused.*'code'=3|request_refused.*code=3"):
            await quick.gateway.requester.set_time(state(quick))
        peer.faults = Faults(result=ExeRtn.BUSY)
        with pytest.raises(ProblemError, match=r"request_failed.*code=5"):
            await quick.gateway.requester.set_time(state(quick))
        peer.faults = Faults(result=None)
        with pytest.raises(ProblemError, match="no_result"):
            await quick.gateway.requester.set_time(state(quick))
    assert quick.gateway.counters["requests_failed"] == 3


async def test_a_device_without_9011_is_understood(quick: Station) -> None:
    async with Peer(quick.port, faults=Faults(no_ready=True)) as peer:
        await connected(quick, peer)
        outcome = await quick.gateway.requester.set_time(state(quick))
        assert (outcome.ready, outcome.result) == (None, 1)


async def test_one_request_at_a_time_and_a_bounded_queue(quick: Station) -> None:
    async with Peer(quick.port, answers=False) as peer:
        await connected(quick, peer)
        tasks = [
            asyncio.create_task(quick.gateway.requester.set_time(state(quick)))
            for _ in range(MAX_WAITING + 1)
        ]
        await peer.wait_for(Cn.SET_TIME)
        await asyncio.sleep(0.02)
        assert peer.seen[Cn.SET_TIME] == 1
        with pytest.raises(ProblemError, match="too_many_requests"):
            await tasks[-1]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_without_a_connection_nothing_is_asked(quick: Station) -> None:
    with pytest.raises(ProblemError, match="not_connected"):
        await quick.gateway.requester.set_time(state(quick))
    with pytest.raises(ProblemError, match="no_device"):
        quick.gateway.device(99)


async def test_control_commands_do_not_exist(quick: Station) -> None:
    assert not {3011, 3012, 3013, 3014, 3015, 3016, 3021, 3022, 3024, 1002, 1072} & ALLOWED
    with pytest.raises(ValueError, match="not one"):
        await quick.gateway.requester.request(state(quick), 3011)


async def test_history_is_asked_stored_and_counted(quick: Station) -> None:
    async with Peer(quick.port) as peer:
        await connected(quick, peer)
        for minute in range(10):
            at = T0 - (minute + 1) * 60_000
            peer.history[at] = peer.content(at, {"a21026-Avg": str(minute)})[0:]
        outcome = await quick.gateway.requester.request_history(state(quick), 2051, T0 - 600_000, T0 - 1)
        assert (outcome.frames, outcome.result) == (10, 1)
        empty = await quick.gateway.requester.request_history(state(quick), 2031, T0 + 1000, T0 + 2000)
        assert (empty.frames, empty.result) == (0, ExeRtn.NO_DATA)
        asked = await peer.wait_for(2051)
        assert [dict(i) for i in asked.items] == [
            {"BeginTime": "20260101075000"}, {"EndTime": "20260101075959"},
        ]  # fmt: skip
    history = [b for b in quick.ingest.batches if b.backfill]
    assert sum(len(b) for b in history) == 10
    with pytest.raises(ValueError, match="history needs"):
        await quick.gateway.requester.request_history(state(quick), 2011, 0, 1)


async def test_encrypted_history_requests(start: Starter) -> None:
    station = await start()
    key = "0123456789abcdeffedcba9876543210"
    station.device(config={"sm4_key": f"sealed:{key}"}, policy={**QUICK, "joined_history": True})
    async with Peer(station.port, version=Version.V2025, key=Sm4(bytes.fromhex(key))) as peer:
        await connected(station, peer)
        peer.history[T0] = peer.content(T0, {"a21026-Avg": "1"})
        outcome = await station.gateway.requester.request_history(state(station), 2051, T0, T0)
        assert outcome.frames == 1
        asked = await peer.wait_for(2051)
        assert len(asked.items) == 1


async def test_first_connect_runs_once_per_connection_in_order(start: Starter) -> None:
    station = await start()
    greeting = {
        "enabled": True, "over_time_s": 10, "retries": 3, "realtime_interval_s": 30, "minute_interval": 10,
        "realtime": True, "status": False,
    }  # fmt: skip
    station.device(policy={**QUICK, "first_connect": greeting})
    async with Peer(station.port) as peer:
        await connected(station, peer)
        await until(lambda: station.gateway.counters["first_connects"] == 1)
        asked = [s for s in peer.heard if s.cn < 9000]
        assert [s.cn for s in asked] == [1012, 1000, 1062, 1064, 2011, 2022]
        assert asked[1].get("OverTime") == "10"
        assert asked[1].get("ReCount") == "3"
        await connected(station, peer, T0 + 1000)
    assert station.gateway.counters["requests"] == 6


async def test_by_default_a_device_is_left_alone(station: Station) -> None:
    async with Peer(station.port) as peer:
        await connected(station, peer)
        await connected(station, peer, T0 + 3_600_000)
        await asyncio.sleep(0.05)
        assert {s.cn for s in peer.heard} == {9014}


async def test_a_gap_is_backfilled_by_policy(start: Starter) -> None:
    station = await start()
    policy = {**QUICK, "backfill": {"enabled": True, "commands": [2051], "min_gap_s": 60, "span_minutes": 10}}
    station.device(policy=policy)
    now = station.context.clock.now_ms() // 60_000 * 60_000
    async with Peer(station.port) as peer:
        await connected(station, peer, now - 1_200_000)
    async with Peer(station.port) as peer:
        for minute in range(1, 20):
            at = now - 1_200_000 + minute * 60_000
            peer.history[at] = peer.content(at, {"a21026-Avg": str(minute)})
        await connected(station, peer, now)
        await until(lambda: station.gateway.counters["backfill_requests"] == 2)
        assert station.gateway.counters["gaps"] == 1
        begins = [s.get("BeginTime") for s in peer.heard if s.cn == 2051]
        assert begins == sorted(begins, reverse=True)
    filled = sorted({t for p, t, _, _ in station.ingest.rows() if p > 0})
    assert filled == [now - 1_200_000 + m * 60_000 for m in range(21)]
    assert station.gateway.initiative.waiting(1) == []


async def test_minute_means_fill_a_gap_of_real_time_data(start: Starter) -> None:
    station = await start()
    device = station.device()
    async with Peer(station.port) as peer:
        await connected(station, peer, T0)
        outside = peer.content(T0 - 600_000, {"a21026-Avg": "9", "a21026-Max": "9"})
        await peer.upload(peer.segment(2051, outside))
        await connected(station, peer, T0 + 600_000)
        for _ in range(2):
            inside = peer.content(T0 + 300_000, {"a21026-Min": "1", "a21026-Avg": "2", "zz-Max": "3"})
            await peer.upload(peer.segment(2051, inside))
    point = station.context.directory.resolve(device, "a21026-Rtd")
    rows = station.ingest.rows()
    assert [(t, v, q) for p, t, v, q in rows if p == point] == [
        (T0, 1.0, 0), (T0 + 600_000, 1.0, 0), (T0 + 300_000, 2.0, Quality.GOOD | QualityFlag.RESENT),
        (T0 + 300_000, 2.0, QualityFlag.RESENT),
    ]  # fmt: skip
    assert [v for p, _, v, _ in rows if p == -1] == [9.0, 9.0, 3.0, 3.0]
    assert station.gateway.counters["filled"] == 2
    assert station.gateway.counters["passed_over"] == 2


async def test_a_restart_of_the_platform_leaves_a_known_gap(start: Starter) -> None:
    station = await start(newest=lambda device: T0 - 600_000)
    station.device()
    async with Peer(station.port) as peer:
        await connected(station, peer, T0)
        await peer.upload(peer.segment(2051, peer.content(T0 - 300_000, {"a21026-Avg": "2"})))
    assert station.gateway.counters["gaps"] == 1
    assert station.ingest.rows()[-1][1:3] == (T0 - 300_000, 2.0)
