"""Sequences over real sockets: upload, answer, notify, refuse, limits."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select
from tests.gateways.hj212.cases import MN, SHANGHAI, VECTORS
from tests.gateways.hj212.conftest import Starter, Station
from tests.gateways.hj212.peer import Peer

from parksight.gateways.hj212.codec import builder
from parksight.gateways.hj212.codec.commands import Version
from parksight.gateways.hj212.codec.sm4 import Sm4
from parksight.gateways.hj212.models import Hj212Information
from parksight.telemetry.quality import Quality, QualityFlag

pytestmark = pytest.mark.anyio

T0 = 1_767_225_600_000  # 2026-01-01 08:00 +08:00
VALUES: dict[str, float | str] = {"a21026-Rtd": "12.5", "a21002-Rtd": "30"}


async def until(condition: Any, timeout: float = 5.0) -> None:
    async with asyncio.timeout(timeout):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("version", list(Version))
async def test_an_upload_is_stored_then_answered_in_its_version(start: Starter, version: Version) -> None:
    station = await start()
    mn = MN[:14] if version is Version.V2005 else MN
    device = station.device(mn)
    async with Peer(station.port, mn, version) as peer:
        for again in range(2):  # first the lenient, then the compiled path
            segment = peer.segment(2011, peer.content(T0 + again * 1000, VALUES))
            answer = await peer.upload(segment)
            assert (answer.cn, answer.st, answer.qn) == (9014, "91", segment.qn)
            assert (answer.flag, answer.mn, answer.pw) == (version << 2, mn, "123456")
            assert answer.items == ()
    rows = station.ingest.rows()
    assert [(t, v, q) for _, t, v, q in rows] == [
        (T0, 12.5, Quality.GOOD), (T0, 30.0, Quality.GOOD), (T0 + 1000, 12.5, Quality.GOOD),
        (T0 + 1000, 30.0, Quality.GOOD),
    ]  # fmt: skip
    assert {b.source for b in station.ingest.batches} == {device}
    activity = station.context.activity.of(device)
    assert (activity.frames, activity.readings, activity.stored) == (2, 4, 4)
    await until(lambda: activity.connected is False)


async def test_without_bit_0_nothing_is_sent(station: Station) -> None:
    async with Peer(station.port) as peer:
        for i in range(3):
            peer.send(builder.build(peer.segment(2011, peer.content(T0 + i, VALUES), answer=False)))
        last = peer.segment(2011, peer.content(T0 + 60_000, VALUES))
        await peer.upload(last)
        assert [s.qn for s in peer.heard] == [last.qn]


async def test_nothing_is_answered_that_is_not_durable(station: Station) -> None:
    station.ingest.fail = RuntimeError("disk full")
    async with Peer(station.port) as peer:
        segment = peer.segment(2011, peer.content(T0, VALUES))
        with pytest.raises(TimeoutError):
            await peer.upload(segment, timeout=0.3)
        assert station.gateway.counters["not_durable"] == 1
        station.ingest.fail = None
        assert (await peer.upload(segment)).cn == 9014


async def test_every_part_of_a_split_upload_is_stored_and_answered(station: Station) -> None:
    async with Peer(station.port) as peer:
        for part, name in enumerate(("a21026-Rtd", "a21002-Rtd"), 1):
            segment = peer.segment(2011, peer.content(T0, {name: part}), split=(2, part))
            assert (await peer.upload(segment)).qn == segment.qn
    assert [v for _, _, v, _ in station.ingest.rows()] == [1.0, 2.0]


async def test_encrypted_uploads(start: Starter) -> None:
    station = await start()
    key = "30303030303030303030303030303030"
    device = station.device(config={"sm4_key": f"sealed:{key}"})
    async with Peer(station.port, version=Version.V2025, key=Sm4(bytes.fromhex(key))) as peer:
        assert (await peer.upload(peer.segment(2011, peer.content(T0, VALUES)))).flag == 8
        activity = station.context.activity.of(device)
        assert not activity.deviations
        peer.key = None
        await peer.upload(peer.segment(2011, peer.content(T0 + 1, VALUES)))
        assert activity.deviations == {"clear_text_expected_cipher": 1}
        peer.key = Sm4(b"another key of16")
        with pytest.raises(TimeoutError):
            await peer.upload(peer.segment(2011, peer.content(T0 + 2, VALUES)), timeout=0.2)
        assert activity.errors["undecryptable"] + activity.errors["bad_crc"] == 1
    assert [t for _, t, _, _ in station.ingest.rows()] == [T0, T0, T0, T0]


async def test_resent_and_period_data_are_history(start: Starter) -> None:
    station = await start()
    from tests.gateways.support import add_point

    hour = add_point(station.db, "H", "concentration", "mg/m3")
    live = add_point(station.db, "L", "concentration", "mg/m3")
    station.device(addresses={"a21026-Rtd": live, "2061:a21026-Avg": hour})
    async with Peer(station.port, version=Version.V2025) as peer:
        await peer.upload(peer.segment(2061, peer.content(T0, {"a21026-Avg": "1"})))
        await peer.upload(peer.segment(2011, peer.content(T0, {"a21026-Rtd": "2"}), resent=True))
        await peer.upload(peer.segment(2011, peer.content(T0, {"a21026-Rtd": "3"})))
    assert [b.backfill for b in station.ingest.batches] == [True, True, False]
    rows = station.ingest.rows()
    assert [(p, v) for p, _, v, _ in rows] == [(hour, 1.0), (live, 2.0), (live, 3.0)]
    assert [q for *_, q in rows] == [QualityFlag.LATE, QualityFlag.RESENT, Quality.GOOD]


async def test_units_are_converted_and_simulated_is_flagged(start: Starter) -> None:
    from tests.gateways.support import add_point

    station = await start()
    point = add_point(station.db, "P", "concentration", "mg/m3")
    station.device(addresses={"a34004-Rtd": {"point_id": point, "source_unit": "ug/m3"}}, simulated=True)
    async with Peer(station.port) as peer:
        for i in range(2):
            await peer.upload(peer.segment(2011, peer.content(T0 + i * 1000, {"a34004-Rtd": "35"})))
    assert [(round(v, 12), q) for _, _, v, q in station.ingest.rows()] == [(0.035, QualityFlag.SIMULATED)] * 2


async def test_a_request_for_the_time_is_answered_and_then_served(station: Station) -> None:
    async with Peer(station.port) as peer:
        segment = peer.segment(1013, ((("PolId", "w01018"),),))
        assert (await peer.upload(segment)).cn == 9013
        order = await peer.wait_for(1012)
        assert order.get("PolId") == "w01018"
        assert order.wants_answer
        now = station.context.clock.now_ms()
        await until(lambda: abs(peer.clock_ms - now) < 5_000)
    assert station.gateway.counters["requests"] == 1


async def test_a_heartbeat_is_answered_with_9013(station: Station) -> None:
    async with Peer(station.port, version=Version.V2025) as peer:
        answer = await peer.upload(peer.segment(9015, ()))
        assert (answer.cn, answer.flag) == (9013, 8)


async def test_answers_are_never_answered(station: Station) -> None:
    async with Peer(station.port) as peer:
        for cn in (9011, 9012, 9013, 9014):
            peer.send(builder.build(peer.segment(cn, ())))
        last = peer.segment(2011, peer.content(T0, VALUES))
        await peer.upload(last)
        assert [s.qn for s in peer.heard] == [last.qn]
    assert station.gateway.counters["unexpected_answers"] == 4


async def test_log_lines_are_kept_before_they_are_answered(station: Station) -> None:
    text = next(v["text"] for v in VECTORS if v["name"] == "log_3020_utf8")
    async with Peer(station.port) as peer:
        peer.send(text.encode())
        assert (await peer.answer_to("20260101002000001")).cn == 9014
        boot = peer.segment(2081, ((("DataTime", "20260101000000"),), (("RestartTime", "20260101000001"),)))
        assert (await peer.upload(boot)).cn == 9014
    with station.db.read() as session:
        rows = session.scalars(select(Hj212Information).order_by(Hj212Information.id)).all()
        assert [(r.cn, r.name, r.text) for r in rows] == [
            (3020, "i11001-Info", "仪表校准完成"), (3020, "PolId", "w01018"), (2081, "RestartTime", "20260101000001"),
        ]  # fmt: skip
        assert rows[0].observed_at is not None


async def test_an_unknown_mn_is_kept_for_onboarding_and_never_answered(station: Station) -> None:
    stranger = "999999A8900016F000169DC0"
    async with Peer(station.port, stranger) as peer:
        with pytest.raises(TimeoutError):
            await peer.upload(peer.segment(2011, peer.content(T0, VALUES)), timeout=0.2)
        assert not peer.closed.is_set()
    assert station.ingest.rejected == {"hj212_unknown_mn": 2}
    assert station.gateway.rejected == {"unknown_mn": 2}
    station.context.unknown.flush()
    from parksight.gateways.models import UnknownDevice

    with station.db.read() as session:
        row = session.scalars(select(UnknownDevice)).one()
        assert (row.protocol, row.address, row.count) == ("hj212", stranger, 1)
        assert row.fields == {"a21026-Rtd": "12.5", "a21002-Rtd": "30"}
        assert row.sample.startswith(b"##")


async def test_unknown_may_be_shown_the_door(start: Starter) -> None:
    station = await start(unknown_mn="close")
    async with Peer(station.port) as peer:
        peer.send(builder.build(peer.segment(2011, peer.content(T0, VALUES))))
        await asyncio.wait_for(peer.closed.wait(), 5)
    assert station.gateway.counters["closed_unknown_mn"] == 1


async def test_a_disabled_device_and_a_foreign_address_are_refused(start: Starter) -> None:
    station = await start()
    off = station.device(MN, enabled=False)
    far = station.device(MN[::-1], policy={"addresses": ["10.0.0.0/8"]})
    async with Peer(station.port) as one, Peer(station.port, MN[::-1]) as two:
        for peer in (one, two):
            with pytest.raises(TimeoutError):
                await peer.upload(peer.segment(2011, peer.content(T0, VALUES)), timeout=0.2)
    assert station.context.activity.of(off).errors == {"disabled_mn": 1}
    assert station.context.activity.of(far).errors == {"wrong_address": 1}
    assert not station.ingest.batches


async def test_bad_frames_are_counted_by_reason_and_too_many_end_it(start: Starter) -> None:
    station = await start(bad_frames_limit=4)
    device = station.device()
    async with Peer(station.port) as peer:
        good = builder.build(peer.segment(2011, peer.content(T0, VALUES)))
        peer.send(good[:-3] + bytes([good[-3] ^ 1]) + good[-2:])
        peer.send(b"##00x0" + b"junk")
        peer.send(b"##0050" + good[6:])
        await until(lambda: station.gateway.rejected.total() >= 3)
        await peer.upload(peer.segment(2011, peer.content(T0 + 1, VALUES)))
        assert not peer.closed.is_set()
        for _ in range(4):
            peer.send(good[:-3] + bytes([good[-3] ^ 1]) + good[-2:])
        await asyncio.wait_for(peer.closed.wait(), 5)
    rejected = station.gateway.rejected
    assert rejected["bad_crc"] >= 5
    assert {"bad_header", "bad_length"} <= set(rejected)
    assert station.context.activity.of(device).errors["bad_crc"] >= 5
    assert station.gateway.counters["closed_bad_frames"] == 1
    logged = station.context.frames.read(device, deviating=True)
    assert any("bad_crc" in frame.deviations for frame in logged)


async def test_a_wrong_clock_text_is_refused_and_kept(station: Station) -> None:
    async with Peer(station.port) as peer:
        items = ((("DataTime", "20261301000000"),), (("a21026-Rtd", "1"), ("a21026-Flag", "N")))
        with pytest.raises(TimeoutError):
            await peer.upload(peer.segment(2011, items), timeout=0.2)
    assert station.ingest.rejected == {"hj212_bad_data_time": 1}


async def test_deviations_are_counted_and_their_frames_logged(station: Station) -> None:
    async with Peer(station.port) as peer:
        text = builder.segment_bytes(peer.segment(2011, peer.content(T0, VALUES)))
        peer.send(builder.frame(text.replace(b"PW=123456;", b"").replace(b"&&DataTime", b"&& DataTime")))
        peer.send(builder.frame(text[:-2] + b";&&"))
        await until(lambda: len(station.ingest.batches) == 2)
        (row,) = station.gateway.connections()
        assert row.deviations == {"missing_pw": 1, "spaces": 1, "trailing_separator": 1}
    device = station.context.directory.devices("hj212")[0].id
    assert station.context.activity.of(device).deviations["missing_pw"] == 1
    kinds = {k for f in station.context.frames.read(device) for k in f.deviations}
    assert kinds == {"missing_pw", "spaces", "trailing_separator"}


async def test_an_mn_from_two_addresses_is_noted(station: Station) -> None:
    async with Peer(station.port) as one:
        await one.upload(one.segment(2011, one.content(T0, VALUES)))
        async with Peer(station.port, host="127.0.0.2") as two:
            await two.upload(two.segment(2011, two.content(T0 + 1, VALUES)))
            (device,) = station.context.directory.devices("hj212")
            activity = station.context.activity.of(device.id)
            assert activity.deviations == {"mn_from_two_addresses": 1}
            assert not one.closed.is_set()
            await two.upload(two.segment(2011, two.content(T0 + 2, VALUES)))
            assert activity.deviations.total() == 1


async def test_the_newest_address_may_win(start: Starter) -> None:
    station = await start()
    station.device(policy={"two_addresses": "newest"})
    async with Peer(station.port) as one, Peer(station.port, host="127.0.0.2") as two:
        await one.upload(one.segment(2011, one.content(T0, VALUES)))
        await two.upload(two.segment(2011, two.content(T0 + 1, VALUES)))
        await asyncio.wait_for(one.closed.wait(), 5)
        assert station.context.activity.of(1).connected


async def test_a_relay_speaks_for_many(station: Station) -> None:
    other = station.device("1" * 24)
    async with Peer(station.port) as peer:
        await peer.upload(peer.segment(2011, peer.content(T0, VALUES)))
        peer.mn = "1" * 24
        await peer.upload(peer.segment(2011, peer.content(T0, VALUES)))
        assert {c.device_id for c in station.gateway.connections()} == {1, other}
    await until(lambda: station.context.activity.of(other).connected is False)


async def test_one_bad_guest_disturbs_nobody(start: Starter) -> None:
    station = await start(frame_seconds=0.3, max_connections=3)
    station.device()
    async with Peer(station.port) as good, Peer(station.port) as slow, Peer(station.port) as loud:
        slow.send(b"##0999QN=2026")
        loud.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
        for i in range(20):
            assert (await good.upload(good.segment(2011, good.content(T0 + i, VALUES)))).cn == 9014
        async with Peer(station.port) as fourth:
            await asyncio.wait_for(fourth.closed.wait(), 5)
        await asyncio.wait_for(slow.closed.wait(), 5)
        assert not good.closed.is_set()
    counters = station.gateway.counters
    assert counters["closed_connection_limit"] == 1
    assert counters["closed_slow_frame"] == 1


async def test_a_frame_is_not_late_while_we_do_not_read(start: Starter) -> None:
    """Under pressure reading stops and goes; the rest of a frame then waits with us, not with its sender."""
    station = await start(frame_seconds=1.0)
    station.device()
    hub = station.gateway._hub
    async with Peer(station.port) as peer:
        segment = peer.segment(2011, peer.content(T0, VALUES))
        frame = builder.build(segment)
        peer.send(frame[:100])
        await until(lambda: any(s.partial_since is not None for s in hub.sessions.values()))
        for _ in range(6):
            hub.throttle(True)
            await asyncio.sleep(0.4)
            hub.throttle(False)
            hub.sweep()
        peer.send(frame[100:])
        assert (await peer.answer_to(segment.qn)).cn == 9014
    assert station.gateway.counters["slow_frames"] == 0
    assert not station.gateway.rejected


async def test_idle_and_speechless_connections_are_closed(start: Starter) -> None:
    station = await start(first_frame_seconds=0.2)
    async with Peer(station.port) as peer:
        await asyncio.wait_for(peer.closed.wait(), 5)
    assert station.gateway.counters["closed_no_frame"] == 1


async def test_back_pressure_stops_reading_and_loses_nothing(start: Starter) -> None:
    station = await start(max_inbox_mb=1)
    station.device()
    async with Peer(station.port) as peer:
        await peer.upload(peer.segment(2011, peer.content(T0, VALUES)))
        station.ingest.full = True
        frames = [
            builder.build(peer.segment(2011, peer.content(T0 + i * 1000, VALUES))) for i in range(1, 30_001)
        ]
        writing = asyncio.create_task(_write(peer, frames))
        await until(lambda: station.gateway.status().counters["throttled_now"] == 1)
        assert station.gateway.connections()[0].state == "throttled"
        waiting = station.gateway.status().counters["waiting_bytes"]
        await asyncio.sleep(0.3)
        assert station.gateway.status().counters["waiting_bytes"] <= max(waiting, 2 * 2**20)
        stored = len(station.ingest.rows())
        station.ingest.full = False
        await writing
        await until(lambda: peer.seen[9014] == 30_001, timeout=30)
    assert stored < 2_000
    assert len(station.ingest.rows()) == 2 * 30_001
    assert station.gateway.counters["back_pressure"] >= 1


async def test_who_sends_faster_than_is_decoded_waits_for_the_inbox(start: Starter) -> None:
    """The inbox has a limit of its own, and decoding goes on in portions: all at once would hold up everybody."""
    station = await start(max_inbox_mb=1, flush_ms=200, receive_buffer_kb=2_048)
    station.device()
    async with Peer(station.port) as peer:
        await peer.upload(peer.segment(2011, peer.content(T0, VALUES)))
        frames = [
            builder.build(peer.segment(2011, peer.content(T0 + i * 1000, VALUES))) for i in range(1, 30_001)
        ]
        peer.writer.write(b"".join(frames))
        await until(lambda: station.gateway.status().counters["throttled_now"] == 1)
        assert station.ingest.full is False
        await until(lambda: peer.seen[9014] == 30_001, timeout=30)
        status = station.gateway.status().counters
        assert (status["throttled_now"], status["waiting_bytes"]) == (0, 0)
        assert len(station.ingest.rows()) == 2 * 30_001
        assert (await peer.upload(peer.segment(2011, peer.content(T0 - 1000, VALUES)))).cn == 9014


async def _write(peer: Peer, frames: list[bytes]) -> None:
    for i in range(0, len(frames), 500):
        peer.writer.write(b"".join(frames[i : i + 500]))
        await peer.writer.drain()


async def test_a_guest_that_does_not_read_is_paused_then_closed(start: Starter) -> None:
    station = await start(max_unread_kb=4, write_stall_seconds=0.3)
    station.device()
    reader, writer = await asyncio.open_connection("127.0.0.1", station.port, limit=1)
    peer = Peer(station.port)
    peer._serial = 0
    frame = builder.build(peer.segment(2011, peer.content(T0, {"a21026-Rtd": "1"})))

    async def push() -> None:
        with contextlib.suppress(OSError):
            while True:
                writer.write(frame * 200)
                await writer.drain()

    task = asyncio.create_task(push())
    await until(lambda: station.gateway.counters["closed_not_reading"] == 1, timeout=30)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    writer.close()
    assert station.gateway.counters["paused_not_reading"] >= 1
    assert reader is not None


async def test_stopping_answers_what_it_took(station: Station) -> None:
    async with Peer(station.port) as peer:
        segment = peer.segment(2011, peer.content(T0, VALUES))
        peer.send(builder.build(segment))
        await until(lambda: station.gateway.counters["bytes"] > 0)
        await station.gateway.stop()
        assert (await peer.answer_to(segment.qn)).cn == 9014
        await asyncio.wait_for(peer.closed.wait(), 5)
    await station.gateway.stop()
    assert not station.gateway.status().running
    await station.gateway.start()
    async with Peer(station.port) as peer:
        assert (await peer.upload(peer.segment(2011, peer.content(T0 + 1, VALUES)))).cn == 9014


async def test_changed_mappings_are_taken_over_while_running(station: Station) -> None:
    from tests.gateways.support import add_point

    from parksight.gateways.models import PointMapping

    point = add_point(station.db, "NEW", "concentration", "mg/m3")
    async with Peer(station.port) as peer:
        await peer.upload(peer.segment(2011, peer.content(T0, {"a34013-Rtd": "5"})))
        with station.db.session() as session:
            session.add(PointMapping(device_id=1, address="a34013-Rtd", point_id=point))
        station.context.directory.load()
        station.gateway.reload_devices()
        await until(lambda: station.gateway.counters["reloads"] >= 1)
        await peer.upload(peer.segment(2011, peer.content(T0 + 1, {"a34013-Rtd": "6"})))
    assert [(p, v) for p, _, v, _ in station.ingest.rows()] == [(-1, 5.0), (point, 6.0)]
    await until(lambda: station.context.activity.of(1).unmapped["a34013-Rtd"] == 1)


async def test_ignored_addresses_are_not_rejected(start: Starter) -> None:
    station = await start()
    station.device(policy={"ignore": ["*-Min", "2061:*"]})
    async with Peer(station.port) as peer:
        for i in range(2):
            values = {"a21026-Rtd": "1", "a21026-Min": "2", "a21026-Max": "3"}
            await peer.upload(peer.segment(2011, peer.content(T0 + i, values)))
            await peer.upload(peer.segment(2061, peer.content(T0 + i, {"a21026-Avg": "1"})))
    assert [(p > 0, v) for p, _, v, _ in station.ingest.rows()] == [(True, 1.0), (False, 3.0)] * 2


async def test_a_device_whose_record_is_wrong_is_named(start: Starter) -> None:
    station = await start()
    device = station.device(config={"sm4_key": "short"})
    assert "sm4_key" in station.gateway.book.broken[device]
    assert station.gateway.status().counters["devices_unusable"] == 1


async def test_frames_of_all_vectors_in_one_stream(station: Station) -> None:
    for v in VECTORS:
        mn = v["expected"]["header"].get("MN")
        if mn and not any(d.address == mn for d in station.context.directory.devices()):
            station.device(mn)
    async with Peer(station.port) as peer:
        peer.send(b"".join(v["text"].encode() for v in VECTORS))
        await peer.upload(replace(peer.segment(2011, peer.content(T0, VALUES)), qn="20260101000000999"))
    assert station.gateway.rejected["bad_crc"] == 4
    assert station.gateway.rejected["modbus_crc_sender"] == 1
    assert station.gateway.rejected["bad_length"] == 1
    assert SHANGHAI.to_ms("20191012133710") in {t for _, t, _, _ in station.ingest.rows()}
