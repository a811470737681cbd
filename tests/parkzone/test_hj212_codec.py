from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parkzone.hj212.codec import Deframer, crc, frame, parse

FRAMES = json.loads((Path(__file__).parent / "data" / "hj212_frames.json").read_text("utf-8"))["vectors"]


def bitwise(segment: bytes) -> int:
    """The algorithm as the standard prints it, bit by bit."""
    reg = 0xFFFF
    for byte in segment:
        reg = (reg >> 8) ^ byte
        for _ in range(8):
            low = reg & 1
            reg >>= 1
            if low:
                reg ^= 0xA001
    return reg


@pytest.mark.parametrize("vector", FRAMES, ids=[v["name"] for v in FRAMES])
def test_check_values_of_published_frames(vector: dict[str, object]) -> None:
    text = str(vector["text"]).encode()
    expected = vector["expected"]
    assert isinstance(expected, dict)
    if expected["length_ok"]:
        segment = text[6 : 6 + int(text[2:6])]
        assert f"{crc(segment):04X}" == expected["crc_computed"]
    segments = Deframer().feed(text)
    assert bool(segments) == bool(expected["crc_ok"] and expected["length_ok"])


@given(st.binary(max_size=300))
def test_table_and_bits_agree(data: bytes) -> None:
    assert crc(data) == bitwise(data)


@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=80), max_size=5),
    st.integers(1, 7),
)
def test_frames_survive_any_packeting(texts: list[str], size: int) -> None:
    wire = b"".join(frame(t) for t in texts)
    deframer = Deframer()
    got = [s for i in range(0, len(wire), size) for s in deframer.feed(wire[i : i + size])]
    assert got == [t.encode() for t in texts]
    assert deframer.bad == 0


@given(st.binary(max_size=400))
def test_garbage_never_stops_the_next_good_frame(junk: bytes) -> None:
    deframer = Deframer()
    deframer.feed(junk.replace(b"#", b"x"))
    assert deframer.feed(frame("QN=1;CN=9014;CP=&&&&")) == [b"QN=1;CN=9014;CP=&&&&"]


def test_one_wrong_byte_is_noticed_and_counted() -> None:
    wire = bytearray(frame("QN=20261124000000000;CN=9014;Flag=4;CP=&&&&"))
    wire[12] ^= 0x04
    deframer = Deframer()
    assert deframer.feed(bytes(wire)) == []
    assert deframer.bad >= 1


def test_parse_takes_header_and_content_apart() -> None:
    m = parse(
        b"QN=20261124000000000;ST=31;CN=2051;PW=123456;MN=AB;Flag=5;CP=&&BeginTime=20261123000000,EndTime=20261123010000&&"
    )
    assert (m.cn, m.flag, m.wants_answer) == ("2051", 5, True)
    assert m.cp == {"BeginTime": "20261123000000", "EndTime": "20261123010000"}


def test_parse_refuses_what_has_no_content() -> None:
    with pytest.raises(ValueError, match="CP"):
        parse(b"QN=1;CN=9014")


def test_a_segment_longer_than_four_digits_is_refused() -> None:
    with pytest.raises(ValueError, match="longer"):
        frame("x" * 10_000)
