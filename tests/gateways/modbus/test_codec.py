"""Codec against published vectors (data/vectors.json: Modbus.org examples, specification), properties, fuzz."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parksight.gateways.modbus.codec import (
    CodecError,
    ExceptionReplyError,
    Frame,
    RtuDeframer,
    TcpDeframer,
    bits,
    crc16,
    encode,
    parse_read_reply,
    parse_read_request,
    read_request,
    registers,
)
from parksight.gateways.modbus.values import decode, ordered

VECTORS: dict[str, dict[str, Any]] = {
    v["name"]: v for v in json.loads((Path(__file__).parent / "data" / "vectors.json").read_text())["vectors"]
}


@pytest.mark.parametrize("name", ["rtu_read_holding_request", "rtu_read_holding_request_2"])
def test_rtu_request_vectors(name: str) -> None:
    wire, want = bytes.fromhex(VECTORS[name]["hex"]), VECTORS[name]["expected"]
    assert struct.unpack("<H", wire[-2:])[0] == crc16(wire[:-2])
    assert wire[0] == want["unit"]
    assert parse_read_request(wire[1:-2]) == (want["function"], want["address"], want["count"])
    pdu = read_request(want["function"], want["address"], want["count"])
    assert encode("rtu", Frame(want["unit"], pdu)) == wire


def test_rtu_reply_vector() -> None:
    vector = VECTORS["rtu_read_holding_reply"]
    (frame,) = RtuDeframer().feed(bytes.fromhex(vector["hex"]))
    assert frame.unit == vector["expected"]["unit"]
    assert list(registers(parse_read_reply(frame.pdu, 3, 3))) == vector["expected"]["registers"]


def test_tcp_request_vector() -> None:
    wire, want = (
        bytes.fromhex(VECTORS["tcp_read_holding_request"]["hex"]),
        VECTORS["tcp_read_holding_request"]["expected"],
    )
    (frame,) = TcpDeframer().feed(wire)
    assert (frame.transaction, frame.unit) == (want["transaction"], want["unit"])
    assert parse_read_request(frame.pdu) == (want["function"], want["address"], want["count"])
    assert encode("tcp", frame) == wire


def test_tcp_reply_vector() -> None:
    vector = VECTORS["tcp_read_holding_reply"]
    (frame,) = TcpDeframer().feed(bytes.fromhex(vector["hex"]))
    assert (frame.transaction, frame.unit) == (vector["expected"]["transaction"], vector["expected"]["unit"])
    assert list(registers(parse_read_reply(frame.pdu, 3, 3))) == vector["expected"]["registers"]


def test_tcp_exception_vector() -> None:
    vector = VECTORS["tcp_exception"]
    (frame,) = TcpDeframer().feed(bytes.fromhex(vector["hex"]))
    assert frame.pdu[0] == vector["expected"]["function"]
    with pytest.raises(ExceptionReplyError) as caught:
        parse_read_reply(frame.pdu, 3, 3)
    assert caught.value.code == vector["expected"]["exception"]


@pytest.mark.parametrize("order", ["ABCD", "CDAB", "BADC", "DCBA"])
def test_word_order_vector(order: Any) -> None:
    want = VECTORS["float32_word_orders"]["expected"]
    words = struct.unpack(">2H", bytes.fromhex(want[order]))
    assert decode(words, "float32", order) == want["value"]
    assert ordered(words, order).hex() == VECTORS["float32_word_orders"]["hex"]


units = st.integers(0, 255)
replies = st.one_of(
    st.tuples(st.sampled_from([3, 4]), st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=125)).map(
        lambda t: struct.pack(f">BB{len(t[1])}H", t[0], 2 * len(t[1]), *t[1])
    ),
    st.tuples(st.sampled_from([1, 2]), st.binary(min_size=1, max_size=250)).map(
        lambda t: bytes((t[0], len(t[1]))) + t[1]
    ),
    st.tuples(st.sampled_from([0x81, 0x82, 0x83, 0x84]), st.integers(1, 11)).map(bytes),
)


@given(st.lists(st.tuples(units, replies, st.integers(0, 0xFFFF)), min_size=1, max_size=4), st.data())
def test_tcp_frames_survive_any_splitting(rows: list[tuple[int, bytes, int]], data: st.DataObject) -> None:
    frames = [Frame(u, p, t) for u, p, t in rows]
    wire = b"".join(encode("tcp", f) for f in frames)
    deframer, out = TcpDeframer(), []
    while wire:
        cut = data.draw(st.integers(1, len(wire)))
        out += deframer.feed(wire[:cut])
        wire = wire[cut:]
    assert out == frames


@given(units, replies, st.data())
def test_rtu_frame_survives_any_splitting(unit: int, pdu: bytes, data: st.DataObject) -> None:
    wire = encode("rtu", Frame(unit, pdu))
    deframer, out = RtuDeframer(), []
    while wire:
        cut = data.draw(st.integers(1, len(wire)))
        out += deframer.feed(wire[:cut])
        wire = wire[cut:]
    assert out == [Frame(unit, pdu)]


@given(units, replies, st.binary(max_size=40))
def test_rtu_frame_is_found_behind_noise(unit: int, pdu: bytes, noise: bytes) -> None:
    frames = RtuDeframer().feed(noise + encode("rtu", Frame(unit, pdu)))
    # Noise may by chance announce a longer frame that swallows ours, never bend it.
    assert all(f == Frame(unit, pdu) or crc16(bytes((f.unit,)) + f.pdu) for f in frames)


def test_noise_of_no_function_is_skipped() -> None:
    deframer = RtuDeframer()
    good = encode("rtu", Frame(17, bytes.fromhex("0306ae4156524340")))
    assert deframer.feed(b"\xff\xfe\xfd\xfc" + good) == [Frame(17, bytes.fromhex("0306ae4156524340"))]
    assert deframer.skipped == 4


@given(units, replies, st.data())
def test_a_flipped_bit_never_passes_the_crc(unit: int, pdu: bytes, data: st.DataObject) -> None:
    wire = bytearray(encode("rtu", Frame(unit, pdu)))
    at = data.draw(st.integers(0, 8 * len(wire) - 1))
    wire[at // 8] ^= 1 << at % 8
    assert Frame(unit, pdu) not in RtuDeframer().feed(bytes(wire))


@settings(max_examples=300)
@given(st.lists(st.binary(max_size=200), max_size=12))
def test_garbage_is_refused_or_waited_for_within_bounds(chunks: list[bytes]) -> None:
    for deframer in (TcpDeframer(), RtuDeframer(limit=400)):
        try:
            for chunk in chunks:
                for frame in deframer.feed(chunk):
                    assert len(frame.pdu) <= 255
        except CodecError as error:
            assert error.reason in ("bad_mbap", "garbage")
        assert len(deframer._buffer) <= 600


@given(st.binary(max_size=260), st.sampled_from([1, 2, 3, 4]), st.integers(1, 125))
def test_any_pdu_is_read_or_refused(pdu: bytes, function: int, count: int) -> None:
    try:
        data = parse_read_reply(pdu, function, count)
    except (CodecError, ExceptionReplyError):
        return
    assert pdu[0] == function
    assert len(data) == ((count + 7) // 8 if function < 3 else 2 * count)


@pytest.mark.parametrize(
    ("function", "address", "count"),
    [(5, 0, 1), (3, 0, 126), (3, 0, 0), (1, 0, 2001), (3, 65_535, 2), (3, -1, 1)],
)
def test_requests_beyond_the_standard_are_not_made(function: int, address: int, count: int) -> None:
    with pytest.raises(CodecError):
        read_request(function, address, count)


def test_only_reading_functions_can_be_encoded() -> None:
    for function in range(256):
        if function not in (1, 2, 3, 4):
            with pytest.raises(CodecError):
                read_request(function, 0, 1)


def test_bits_come_lowest_first() -> None:
    # Modbus Application Protocol V1.1b3, 6.1: coils 20-38 read as CD 6B 05.
    data = bytes.fromhex("cd6b05")
    on = [20 + i for i, b in enumerate(bits(data, 19)) if b]
    assert on == [20, 22, 23, 26, 27, 28, 29, 31, 33, 34, 36, 38]
