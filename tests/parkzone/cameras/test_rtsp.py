"""RTSP with ffmpeg as peer, and what a hostile or broken client can do."""

from __future__ import annotations

import asyncio
import time

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parkzone.cameras.digest import Digest
from parkzone.cameras.encoder import Encoder, read_truth, split, truth_sei
from parkzone.cameras.house import PASSWORD, USERNAME, House
from parkzone.cameras.rtsp.messages import transport
from parkzone.cameras.rtsp.packets import MTU, Packetiser
from parkzone.cameras.source import Picture, direction


def _watch(url: str, transport_: str, count: int) -> list[tuple[np.ndarray, tuple[float, ...] | None]]:
    """Decoded pictures and their truths, by ffmpeg."""
    seen: list[tuple[np.ndarray, tuple[float, ...] | None]] = []
    with av.open(
        url, options={"rtsp_transport": transport_, "analyzeduration": "300000"}, timeout=60
    ) as opened:
        for packet in opened.demux(video=0):
            truths = [t for t in map(read_truth, split(bytes(packet))) if t]
            truth = truths[0] if truths else None
            seen.extend((frame.to_ndarray(format="rgb24"), truth) for frame in packet.decode())
            if len(seen) >= count:
                return seen
    return seen


@pytest.mark.parametrize(
    ("way", "stream", "size"), [("tcp", "main", (720, 1280)), ("udp", "sub", (360, 640))]
)
@pytest.mark.anyio
async def test_ffmpeg_sees_live_pictures_with_their_truth(
    house: House, way: str, stream: str, size: tuple[int, int]
) -> None:
    url = f"rtsp://{USERNAME}:{PASSWORD}@127.0.0.1:{house.rtsp_port}/T09/{stream}"
    began = time.time()
    seen = await asyncio.to_thread(_watch, url, way, 5)
    assert len(seen) >= 5
    source = house.studio.sources["T09"]
    azimuth, elevation, roll = direction(source.camera(), source.head.true(source.clock()))
    for picture, truth in seen:
        assert picture.shape[:2] == size
        assert 5 < picture.mean() < 250
        assert truth is not None
        assert began * 1000 - 1000 <= truth[0] <= time.time() * 1000
        assert truth[1:4] == pytest.approx((azimuth, elevation, roll), abs=1e-6)
        assert truth[4] == pytest.approx(source.filmer.truth.focal_at(1.0) * size[1] / 1280)
    assert house.rtsp.counters["pictures"] >= 5


@pytest.mark.anyio
async def test_wrong_password_and_unknown_camera_are_refused(house: House) -> None:
    for user, path in (("viewer:wrong", "T09/main"), (f"{USERNAME}:{PASSWORD}", "T99/main")):
        with pytest.raises(av.error.FFmpegError):
            await asyncio.to_thread(_watch, f"rtsp://{user}@127.0.0.1:{house.rtsp_port}/{path}", "tcp", 1)


@pytest.mark.anyio
async def test_a_cut_camera_takes_nobody_and_others_go_on(house: House) -> None:
    house.studio.sources["T01"].turn_knobs({"cut": True})
    with pytest.raises(av.error.FFmpegError):
        await asyncio.to_thread(
            _watch, f"rtsp://{USERNAME}:{PASSWORD}@127.0.0.1:{house.rtsp_port}/T01/main", "tcp", 1
        )


@settings(max_examples=25, deadline=None)
@given(st.binary(max_size=300))
def test_rubbish_ends_the_connection_only(data: bytes) -> None:
    async def main() -> None:
        house = House(20261123, "t")
        house.rtsp_port = await house.rtsp.start("127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", house.rtsp_port)
        writer.write(data + b"\r\n\r\n")
        writer.write_eof()
        async with asyncio.timeout(5):
            while await reader.read(4096):
                pass
        writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", house.rtsp_port)
        writer.write(b"OPTIONS * RTSP/1.0\r\nCSeq: 7\r\n\r\n")
        async with asyncio.timeout(5):
            assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
        writer.close()
        await house.rtsp.stop()

    asyncio.run(main())


@given(st.lists(st.binary(min_size=1, max_size=5000), min_size=1, max_size=4))
@settings(max_examples=60)
def test_packets_put_together_are_the_units(units: list[bytes]) -> None:
    units = [bytes([0x65]) + u for u in units]
    packetiser = Packetiser(100.0)
    packets = packetiser.packets_of(units, 101.0)
    assert all(len(p) <= 12 + MTU for p in packets)
    assert [bool(p[1] & 0x80) for p in packets] == [False] * (len(packets) - 1) + [True]
    assert len({p[4:8] for p in packets}) == 1
    got: list[bytes] = []
    for packet in packets:
        body = packet[12:]
        if body[0] & 31 == 28:
            if body[1] & 0x80:
                got.append(bytes([(body[0] & 0xE0) | (body[1] & 31)]))
            got[-1] += body[2:]
        else:
            got.append(body)
    assert got == units


def test_the_report_ties_both_clocks() -> None:
    packetiser = Packetiser(1_800_000_000.0)
    report = packetiser.report(1_800_000_001.25, -3600.0)
    seconds, fraction, stamp = (int.from_bytes(report[i : i + 4], "big") for i in (8, 12, 16))
    assert seconds + fraction / 2**32 - 2_208_988_800 == pytest.approx(1_799_996_401.25, abs=1e-3)
    assert (stamp - packetiser.stamp(1_800_000_000.0)) % 2**32 == 112_500
    assert len(report) % 4 == 0


@given(st.floats(allow_nan=False), st.floats(0, 360), st.floats(-90, 90), st.floats(-5, 5), st.floats(1, 1e5))
def test_the_truth_survives_its_journey(wall: float, az: float, el: float, roll: float, focal: float) -> None:
    unit = truth_sei(wall, az, el, roll, focal)
    assert b"\0\0\0" not in unit
    assert b"\0\0\1" not in unit
    assert read_truth(unit) == (wall, az, el, roll, focal)


def test_a_frame_comes_out_at_once_and_keys_on_demand() -> None:
    encoder = Encoder((640, 360), 12)
    rng = np.random.default_rng(1)
    kinds = []
    for i in range(6):
        units = encoder.encode(rng.integers(0, 255, (360, 640, 3), np.uint8), key=i == 3)
        kinds.append({u[0] & 31 for u in units})
    assert kinds[0] >= {5, 7, 8}
    assert kinds[3] >= {5, 7, 8}
    assert all(k == {1} for i, k in enumerate(kinds) if i not in (0, 3))


def test_digest_by_hand() -> None:
    import hashlib

    digest = Digest("r", "u", "p")
    nonce = digest.challenge().split('nonce="')[1].split('"')[0]

    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    answer = md5(f"{md5('u:r:p')}:{nonce}:{md5('PLAY:rtsp://x/y')}")
    header = f'Digest username="u", realm="r", nonce="{nonce}", uri="rtsp://x/y", response="{answer}"'
    assert digest.check("PLAY", header) is True
    assert digest.check("SETUP", header) is False
    assert digest.check("PLAY", header.replace(answer, "0" * 32)) is False
    strange = md5(f"{md5('u:r:p')}:zz:{md5('PLAY:a')}")
    assert (
        digest.check("PLAY", f'Digest username="u", realm="r", nonce="zz", uri="a", response="{strange}"')
        is None
    )


@given(st.text(max_size=120))
def test_transport_never_raises(header: str) -> None:
    transport(header)


def test_transports() -> None:
    assert transport("RTP/AVP/TCP;unicast;interleaved=2-3").channels == (2, 3)  # type: ignore[union-attr]
    assert transport("RTP/AVP;multicast, RTP/AVP;unicast;client_port=5000").ports == (5000, 5001)  # type: ignore[union-attr]
    assert transport("RTP/AVP;unicast;client_port=99999-1") is None


@pytest.mark.anyio
async def test_a_slow_client_loses_pictures_not_the_server(house: House) -> None:
    source = house.studio.sources["T02"]
    taken: list[Picture] = []
    source.watch("main", taken.append)
    source.deliver("main", Picture((b"\x65",), True, 1.0))
    source.leave("main", taken.append)
    source.deliver("main", Picture((b"\x65",), True, 2.0))
    assert [p.wall_ms for p in taken] == [1.0]
