"""Codecs without I/O: round trips, vectors, and whatever bytes a broken camera may send."""

from __future__ import annotations

import itertools
import struct
from collections import Counter
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parksight.gateways.cameras.protocols import AccessUnit, CameraError, Codec
from parksight.gateways.cameras.rtsp import rtcp, rtp, sdp
from parksight.gateways.cameras.rtsp.depacketise import Depacketiser
from parksight.gateways.cameras.rtsp.messages import Message, NotRtspError, Parser
from parksight.gateways.cameras.rtsp.timing import Timing, signed
from parksight.gateways.cameras.rtsp.track import Track

CODECS = st.sampled_from(["h264", "h265"])
NAL = st.binary(min_size=3, max_size=3000)


def packet(
    payload: bytes, sequence: int, timestamp: int, *, marker: bool = False, ssrc: int = 7, extension: bytes | None = None,
    padding: int = 0, sources: int = 0,
) -> bytes:  # fmt: skip
    first = 0x80 | 0x20 * (padding > 0) | 0x10 * (extension is not None) | sources
    out = struct.pack(">BBHII", first, 0x80 * marker | 96, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc)
    out += bytes(4 * sources)
    if extension is not None:
        out += struct.pack(">HH", 0xBEDE, len(extension) // 4) + extension
    out += payload
    return out + bytes(padding - 1) + bytes([padding]) if padding else out


@given(
    st.binary(max_size=100), st.integers(0, 65535), st.integers(0, 2**32 - 1), st.booleans(),
    st.none() | st.integers(0, 10), st.integers(0, 20), st.integers(0, 15), st.binary(max_size=10),
)  # fmt: skip
def test_rtp_header_round_trip(
    payload: bytes, sequence: int, timestamp: int, marker: bool, words: int | None, padding: int, sources: int, before: bytes
) -> None:  # fmt: skip
    extension = None if words is None else bytes(4 * words)
    data = before + packet(
        payload, sequence, timestamp, marker=marker, extension=extension, padding=padding, sources=sources
    )
    found = rtp.parse(data + b"after", len(before), len(data))
    assert found is not None
    assert (found.marker, found.payload_type, found.sequence, found.timestamp, found.ssrc) == (
        marker, 96, sequence, timestamp, 7,
    )  # fmt: skip
    assert data[found.start : found.end] == payload


@given(st.binary(max_size=80))
def test_rtp_never_reads_beyond(data: bytes) -> None:
    found = rtp.parse(data)
    assert found is None or 12 <= found.start <= found.end <= len(data)


@given(st.integers(0, 65535), st.permutations(range(12)), st.sets(st.integers(1, 10), max_size=4))
def test_datagrams_come_out_in_order(start: int, order: list[int], missing: set[int]) -> None:
    reorder = rtp.Reorder(held=16, held_ms=50)
    numbers = [0, *(n for n in order if n not in missing and n != 0)]
    out: list[bytes] = []
    for at, number in enumerate(numbers):
        out += reorder.push(packet(b"", start + number, 0), float(at))
    out += reorder.push(packet(b"", start + 12, 0), 1000.0)
    seen = [(int.from_bytes(d[2:4], "big") - start) & 0xFFFF for d in out]
    assert seen == sorted(seen)
    assert len(seen) == len(set(seen))
    assert seen[-1] == 12
    assert len(seen) + reorder.late == len(numbers) + 1
    if not missing:
        assert reorder.late == 0


@given(st.lists(st.binary(max_size=40), max_size=60))
def test_reorder_survives_anything(datagrams: list[bytes]) -> None:
    reorder = rtp.Reorder(held=4, held_ms=10)
    for at, data in enumerate(datagrams):
        reorder.push(data, float(at))
    assert len(reorder._waiting) <= 4


@given(st.integers(0, 2**32 - 1), st.floats(9.4e11, 4e12), st.integers(0, 2**32 - 1))
def test_sender_report_round_trip(ssrc: int, wall_ms: float, timestamp: int) -> None:
    found = rtcp.parse(rtcp.sender_report(ssrc, wall_ms, timestamp) + rtcp.picture_loss(1, 2))
    [report] = found.reports
    assert not found.malformed
    assert (report.ssrc, report.timestamp) == (ssrc, timestamp)
    assert report.wall_ms == pytest.approx(wall_ms, abs=0.01)


@given(st.binary(max_size=200))
def test_rtcp_survives_anything(data: bytes) -> None:
    rtcp.parse(data)
    rtcp.parse(rtcp.sender_report(1, 1e12, 2) + data)


def test_receiver_report_is_as_the_standard_says() -> None:
    data = rtcp.receiver_report(1, 2, 0.5, 3, 4, 5, 6, 1.0)
    assert data[:8].hex() == "81c9000700000001"
    assert data[8:32].hex() == "00000002" + "80000003" + "00000004" + "00000005" + "00000006" + "00010000"
    assert not rtcp.parse(data).malformed


# -- depacketising: our own packetiser of the standards against it


def split(codec: Codec, nal: bytes, size: int) -> list[bytes]:
    """FU-A or FU packets of a NAL unit."""
    skip = 1 if codec == "h264" else 2
    body = nal[skip:]
    out = []
    for at in range(0, len(body), size):
        flags = 0x80 * (at == 0) | 0x40 * (at + size >= len(body))
        if codec == "h264":
            head = bytes([nal[0] & 0xE0 | 28, flags | nal[0] & 31])
        else:
            head = bytes([nal[0] & 0x81 | 49 << 1, nal[1], flags | nal[0] >> 1 & 63])
        out.append(head + body[at : at + size])
    return out


def real(codec: Codec, data: bytes) -> bytes:
    """With a head that says slice."""
    return (b"\x41" if codec == "h264" else b"\x02\x01") + data


@given(CODECS, st.lists(NAL, min_size=1, max_size=6), st.integers(1, 1400), st.booleans())
def test_nal_units_come_back_whole(codec: Codec, bodies: list[bytes], size: int, aggregate: bool) -> None:
    nals = [real(codec, b) for b in bodies]
    pieces = Depacketiser(codec)
    if aggregate:
        head = b"\x78" if codec == "h264" else b"\x60\x01"
        payload = head + b"".join(struct.pack(">H", len(n)) + n for n in nals)
        pieces.push(b"xx" + payload + b"yy", 2, 2 + len(payload))
    else:
        for nal in nals:
            for part in split(codec, nal, size) if len(nal) - 2 > size else [nal]:
                pieces.push(part, 0, len(part))
    assert pieces.take() == (nals, True)
    assert not pieces


@given(CODECS, st.binary(min_size=200, max_size=2000), st.data())
def test_a_missing_piece_is_never_papered_over(codec: Codec, body: bytes, data: st.DataObject) -> None:
    parts = split(codec, real(codec, body), 20)
    gone = data.draw(st.integers(0, len(parts) - 1))
    pieces = Depacketiser(codec)
    for number, part in enumerate(parts):
        if number == gone:
            pieces.gap()
        else:
            pieces.push(part, 0, len(part))
    nals, whole = pieces.take()
    assert not whole
    assert real(codec, body) not in nals


@given(CODECS, st.lists(st.binary(max_size=60), max_size=40))
def test_depacketiser_survives_anything(codec: Codec, payloads: list[bytes]) -> None:
    pieces = Depacketiser(codec)
    for payload in payloads:
        pieces.push(payload, 0, len(payload))
    nals, _ = pieces.take()
    assert all(nals)


@given(CODECS, st.lists(st.tuples(st.binary(max_size=60), st.integers(0, 65535), st.integers(0, 2**32 - 1), st.booleans(), st.integers(0, 2)), max_size=60))  # fmt: skip
def test_a_track_survives_anything(codec: Codec, packets: list[tuple[bytes, int, int, bool, int]]) -> None:
    track = Track(sdp.VideoTrack(codec, 96, 90_000, "", ()))
    units: list[AccessUnit] = []
    for at, (payload, sequence, timestamp, marker, ssrc) in enumerate(packets):
        data = packet(payload, sequence, timestamp, marker=marker, ssrc=ssrc)
        units += track.packet(data, 0, len(data), 1e12 + at)
        track.control(payload, 1e12 + at)
    assert all(b.dts > a.dts for a, b in itertools.pairwise(units))
    assert not units or units[0].key


# -- timing


@given(st.integers(-(2**31), 2**31 - 1), st.integers(0, 2**32 - 1))
def test_differences_of_counters_are_signed(difference: int, start: int) -> None:
    assert signed(((start + difference) & 0xFFFFFFFF) - start) == difference


@given(st.integers(0, 2**32 - 1), st.floats(0, 400), st.floats(-900, 900), st.integers(1, 40))
def test_wall_clock_by_reports_is_exact_across_the_wrap(
    base: int, delay: float, off: float, number: int
) -> None:
    timing = Timing()
    start = 1.7e12
    timing.report(rtcp.SenderReport(1, start + off, base, 0))
    for i in range(number):
        dts, wall, exact = timing.picture((base + 3600 * i) & 0xFFFFFFFF, start + 40 * i + delay)
        assert (dts, exact) == (3600 * i, True)
        assert wall == pytest.approx(start + off + 40 * i, abs=0.01)


@given(st.lists(st.floats(0, 300), min_size=2, max_size=60), st.floats(-1e8, 1e8))
def test_a_wrong_clock_leaves_the_least_delay_only(delays: list[float], off: float) -> None:
    timing = Timing()
    start = 1.7e12
    timing.report(rtcp.SenderReport(1, start + off, 0, 0))
    for i, delay in enumerate(delays):
        _, wall, exact = timing.picture(3600 * i, start + 40 * i + delay)
        if exact:
            assert abs(off) < 2500
        else:
            assert wall == pytest.approx(start + 40 * i + min(delays[: i + 1]), abs=0.01)


def test_a_new_beginning_of_the_counting_is_a_small_step() -> None:
    timing = Timing()
    for i in range(10):
        timing.picture(3600 * i, 1e12 + 40 * i)
    dts, wall, exact = timing.picture(3_000_000_000, 1e12 + 400)
    assert (dts, exact, timing.jumps) == (36_000, False, 1)
    assert wall == pytest.approx(1e12 + 400)
    assert timing.picture(3_000_003_600, 1e12 + 440)[0] == 39_600
    assert timing.picture(3_000_000_000, 1e12 + 480)[0] == 39_601  # B-frames: never back
    assert timing.backwards == 1


# -- RTSP and SDP


@given(st.data())
def test_messages_and_packets_however_the_bytes_are_cut(data: st.DataObject) -> None:
    packets = data.draw(st.lists(st.binary(max_size=300), min_size=1, max_size=8))
    stream, wanted = b"", []
    for number, body in enumerate(packets):
        stream += b"$" + bytes([number % 4]) + len(body).to_bytes(2, "big") + body
        wanted.append((number % 4, body))
        if number % 3 == 0:
            stream += b"RTSP/1.0 200 OK\r\nCSeq: %d\r\nContent-Length: 4\r\n\r\n$$\r\n" % number
            wanted.append((number, b"$$\r\n"))
    got: list[tuple[int, bytes]] = []
    parser, at = Parser(), 0
    while at < len(stream):
        size = data.draw(st.integers(1, 200))
        for found in parser.feed(stream[at : at + size]):
            if isinstance(found, Message):
                assert found.status == 200
                got.append((found.sequence, found.body))
            else:
                channel, whole, start, end = found
                got.append((channel, whole[start:end]))
        at += size
    assert got == wanted


@given(st.lists(st.binary(max_size=400), max_size=20))
def test_the_parser_survives_anything_and_finds_its_way_back(chunks: list[bytes]) -> None:
    parser = Parser(Counter())
    try:
        for chunk in chunks:
            for _ in parser.feed(chunk):
                pass
    except NotRtspError:
        return
    assert len(parser._rest) <= 4 + 65_535 + 400 + 256 * 1024


def test_limits_of_messages() -> None:
    with pytest.raises(NotRtspError):
        list(Parser().feed(b"RTSP/1.0 200 OK\r\nContent-Length: 99999999\r\n\r\n"))
    parser = Parser()
    with pytest.raises(NotRtspError):
        list(chain.from_iterable(parser.feed(b"x" * 60_000) for _ in range(100)))


@given(st.text(max_size=500))
def test_descriptions_survive_anything(text: str) -> None:
    for whole in (
        text,
        f"v=0\r\nm=video 0 RTP/AVP 96\r\n{text}\r\na=rtpmap:96 H264/90000\r\na=control:t\r\n{text}",
    ):
        sdp.parse(whole)
        try:
            sdp.video(whole, "rtsp://h/x")
        except CameraError as error:
            assert error.reason in ("no_video", "codec")
            assert error.detail


@pytest.mark.parametrize(
    ("session", "media", "url"),
    [
        ("*", "track1", "rtsp://h/x/track1"),
        ("", "rtsp://h/y/trackID=1", "rtsp://h/y/trackID=1"),
        ("rtsp://h/z/", "trackID=1", "rtsp://h/z/trackID=1"),
        ("*", "/abs?a=1", "rtsp://h/abs?a=1"),
        ("*", "", "rtsp://h/x"),
    ],
)
def test_control_addresses(session: str, media: str, url: str) -> None:
    text = f"a=control:{session}\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H265/90000\r\na=control:{media}\r\n"
    track = sdp.video(text, "rtsp://h/x")
    assert (track.codec, track.control, track.payload_type) == ("h265", url, 96)


def test_parameter_sets_of_the_description_are_read() -> None:
    text = "m=video 0 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\na=fmtp:97 packetization-mode=1; sprop-parameter-sets=Z0IAKeKQFAe2AtwEBAaQeJEV,aM48gA==\r\n"
    track = sdp.video(text, "rtsp://h/x")
    assert [n[0] & 31 for n in track.sets] == [7, 8]
