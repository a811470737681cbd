"""Framing does not depend on how the stream was cut, and no bytes whatever disturb it."""

from __future__ import annotations

import itertools
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.gateways.hj212.cases import SHANGHAI, VECTORS, segments

from parksight.gateways.hj212.codec import builder
from parksight.gateways.hj212.codec.flags import flag_table
from parksight.gateways.hj212.codec.frame import Framed, Framer
from parksight.gateways.hj212.codec.readings import read
from parksight.gateways.hj212.codec.reasons import Deviation, FrameError
from parksight.gateways.hj212.codec.segment import SegmentError, parse_segment
from parksight.gateways.hj212.codec.sm4 import Sm4

FRAMES = [v["text"].encode() for v in VECTORS]
GOOD = [v["text"].encode() for v in VECTORS if v["expected"]["length_ok"]]
FLAGS = flag_table()


def feed(chunks: list[bytes]) -> tuple[list[Framed], Counter[Deviation], int]:
    framer = Framer()
    out = [f for chunk in chunks for f in framer.feed(chunk)]
    assert len(framer.pending) <= 9_999 + 10
    return out, framer.deviations, framer.junk_bytes


def cut(data: bytes, at: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(a % (len(data) + 1) for a in at)})
    return [data[a:b] for a, b in itertools.pairwise(edges)]


pieces = st.lists(
    st.one_of(
        st.sampled_from(FRAMES),
        st.sampled_from(FRAMES).map(lambda f: f[:-2]),
        st.sampled_from(FRAMES).map(lambda f: f[:-1]),
        segments().map(builder.build),
        segments().map(lambda s: builder.build(s, Sm4(b"0123456789abcdef"))),
        st.binary(max_size=40),
        st.sampled_from([b"##", b"#", b"\r\n", b"##9999", b"##0010", b"###0101", b"\n", b"\r", b"##00x1"]),
    ),
    max_size=8,
)


@given(pieces, st.lists(st.integers(0, 5_000), max_size=12))
def test_any_cutting_gives_the_same(parts: list[bytes], at: list[int]) -> None:
    data = b"".join(parts)
    assert feed([data]) == feed(cut(data, at)) == feed([data[i : i + 1] for i in range(len(data))])


def test_many_frames_in_one_read_and_halves() -> None:
    data = b"".join(GOOD)
    out, deviations, junk = feed([data])
    assert [f.raw + b"\r\n" for f in out] == GOOD
    assert (deviations, junk) == (Counter(), 0)


def test_missing_line_ends_and_junk_are_noted() -> None:
    out, deviations, junk = feed([GOOD[0][:-2] + GOOD[1][:-2] + b"\r\n" + b"hello" + GOOD[2]])
    assert [f.error for f in out] == [None] * 3
    assert deviations == {Deviation.MISSING_CRLF: 1, Deviation.JUNK: 1}
    assert junk == 5


def test_after_a_bad_length_the_next_frames_are_found() -> None:
    bad = next(v["text"].encode() for v in VECTORS if v["name"] == "bad_length")
    too_long = b"##9000" + GOOD[0][6:]
    framer = Framer()
    out = framer.feed(bad + GOOD[0] + GOOD[1])
    assert [f.error for f in out] == [FrameError.BAD_LENGTH, None, None]
    # A length that reaches beyond what was sent is given up after a while, losing nothing behind it.
    assert framer.feed(too_long + GOOD[2]) == []
    out = framer.give_up()
    assert [f.error for f in out] == [FrameError.BAD_LENGTH, None]
    assert out[1].raw + b"\r\n" == GOOD[2]


def test_a_frame_above_the_limit_is_refused_at_its_head() -> None:
    framer = Framer(max_segment=2_000)
    out = framer.feed(b"##2001" + b"x" * 100)
    assert [f.error for f in out] == [FrameError.TOO_LONG]
    assert framer.pending == b""


def consume(data: bytes) -> Counter[str]:
    """Everything a gateway does with bytes, counting what came of them."""
    seen: Counter[str] = Counter()
    sm4 = Sm4(b"0123456789abcdef")
    for framed in Framer().feed(data):
        seen[str(framed.error)] += 1
        for segment in (framed.segment, sm4.decrypt_segment(framed.segment)):
            try:
                parsed = parse_segment(segment)
            except SegmentError as problem:
                seen[problem.reason] += 1
                continue
            content = read(parsed, SHANGHAI, FLAGS)
            assert len(content.names) == len(content.values) == len(content.quality)
            assert len(set(content.names)) == len(content.names)
            builder.data_answer(parsed)
    return seen


@given(st.binary(max_size=4_000))
def test_random_bytes_never_raise(data: bytes) -> None:
    consume(data)


@given(st.binary(max_size=1_500))
def test_random_segments_never_raise(data: bytes) -> None:
    consume(builder.frame(data))
    consume(builder.frame(b"CN=2011;Flag=5;CP=&&" + data + b"&&"))


@pytest.mark.parametrize("seed", range(6))
def test_mutations_of_real_frames_never_raise(seed: int) -> None:
    rng = random.Random(seed)
    reasons: Counter[str] = Counter()
    for _ in range(400):
        data = bytearray(rng.choice(FRAMES))
        for _ in range(rng.randint(1, 6)):
            where = rng.randrange(len(data))
            match rng.randrange(4):
                case 0:
                    data[where] = rng.randrange(256)
                case 1:
                    del data[where]
                case 2:
                    data.insert(where, rng.choice(b";,=&#- 0\r\n\x00\xff"))
                case 3:
                    data[where:where] = data[max(0, where - 20) : where]
        reasons += consume(bytes(data) + rng.choice(FRAMES))
        # The same text with a right CRC reaches the parser.
        reasons += consume(builder.frame(bytes(data[6:-6])[:9_000]))
    assert {"None", "bad_length"} <= set(reasons)
