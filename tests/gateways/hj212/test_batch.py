"""The compiled decoder, with the lenient codec behind it, says what the lenient codec alone says."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.gateways.hj212.cases import MN, SHANGHAI, VECTORS, items, segments

from parksight.gateways.hj212.batch import kernel
from parksight.gateways.hj212.batch.decoder import NOTES, Decoder, deviations_of, place, spans
from parksight.gateways.hj212.batch.tables import MAX_MISSES, Known, Tables
from parksight.gateways.hj212.codec import builder
from parksight.gateways.hj212.codec.commands import Version
from parksight.gateways.hj212.codec.frame import Framed, Framer, crc_error
from parksight.gateways.hj212.codec.readings import read
from parksight.gateways.hj212.codec.reasons import Deviation
from parksight.gateways.hj212.codec.segment import Segment, SegmentError, is_answer, parse_segment
from parksight.telemetry.protocols import UNMAPPED
from parksight.telemetry.quality import Quality, QualityFlag

RECEIVED = 1_780_000_000_000
DECODER = Decoder(SHANGHAI)
FACTORS = ("a21026", "a21002", "a34013", "a19001", "w01018", "011", "SB1", "Leq")
KINDS = ("Rtd", "Min", "Avg", "Max", "ZsRtd", "ZsAvg", "Cou", "RS")


def make_tables() -> Tables:
    mappings: dict[str, tuple[int, float, float, float]] = {}
    for i, factor in enumerate(FACTORS):
        for k, kind in enumerate(KINDS):
            mappings[f"{factor}-{kind}"] = (i * 100 + k, 1.0 if k % 2 else 0.1, 0.0 if i % 2 else 2.5, 60.0)
            if k < 4:
                mappings[f"2061:{factor}-{kind}"] = (5_000 + i * 100 + k, 1.0, 0.0, 3600.0)
    vector_mns = {v["expected"]["header"].get("MN") for v in VECTORS} - {None, MN}
    return Tables(
        [
            Known(1, MN, mappings),
            Known(2, MN[:14], mappings, quality_flags=int(QualityFlag.SIMULATED)),
            *(Known(10 + i, mn, mappings) for i, mn in enumerate(sorted(vector_mns))),
        ]
    )


class Heard:
    """What came of a stream: rows, answers and deviations of its good frames, in order."""

    def __init__(self) -> None:
        self.rows: list[tuple[Any, ...]] = []
        self.answers: list[bytes] = []
        self.deviations: Counter[Deviation] = Counter()
        self.errors: Counter[str] = Counter()

    def add(self, point: Any, observed: Any, value: Any, quality: Any) -> None:
        # the bit pattern, so that NaN equals NaN and -0.0 differs from 0.0
        self.rows.append((int(point), int(observed), np.float64(value).tobytes(), int(quality)))

    def lenient(self, tables: Tables, framed: Framed) -> None:
        if framed.error is not None:
            self.errors[framed.error] += 1
            return
        if (wrong := crc_error(framed.segment, framed.crc)) is not None:
            self.errors[wrong] += 1
            return
        try:
            segment = parse_segment(framed.segment)
        except SegmentError as problem:
            self.errors[problem.reason] += 1
            return
        device = tables.row_of.get(segment.mn or "")
        if device is None:
            self.errors["unknown_mn"] += 1
            return
        content = read(segment, SHANGHAI, tables.flag_tables[tables.flag_table_of[device]])
        if framed.crc != framed.crc.upper():
            segment.note(Deviation.LOWER_CRC)
        self.deviations.update(segment.deviations)
        if 2000 <= segment.cn <= 2999 and content.observed_at is not None:
            rows = place(tables, device, segment, content, RECEIVED)
            for p, v, q in zip(rows.point, rows.value, rows.quality, strict=True):
                self.add(p, content.observed_at, v, q)
        if segment.wants_answer and not is_answer(segment):
            self.answers.append(builder.data_answer(segment))

    def known(self) -> tuple[Any, ...]:
        return self.rows, b"".join(self.answers), self.deviations, self.errors


def alone(tables: Tables, data: bytes) -> Heard:
    heard, framer = Heard(), Framer()
    for framed in framer.feed(data):
        heard.lenient(tables, framed)
    heard.deviations.update(framer.deviations)
    return heard


def together(tables: Tables, chunks: list[bytes]) -> tuple[Heard, int]:
    """Fast path first, lenient behind; as the gateway does it. Also how many frames went the fast way."""
    heard, framer, fast = Heard(), Framer(), 0
    for chunk in chunks:
        data = framer.pending + chunk
        if framer.in_junk:
            for framed in framer.feed(chunk):
                heard.lenient(tables, framed)
            continue
        buffer, starts, ends = spans([data])
        out = DECODER.decode(tables, buffer, starts, ends, np.array([framer.expect_crlf], np.uint8), RECEIVED)
        fast += len(out.cn)
        for row in zip(out.point, out.observed, out.value, out.quality, strict=True):
            heard.add(*row)
        for bits in out.notes:
            heard.deviations.update(deviations_of(int(bits)))
        if out.answers:
            heard.answers.append(out.answers)
        rest = data[int(out.consumed[0]) :]
        if out.irregular[0]:
            framer.restore(b"", bool(out.expect[0]))
            for framed in framer.feed(rest):
                heard.lenient(tables, framed)
        else:
            framer.restore(rest, bool(out.expect[0]))
    heard.deviations.update(framer.deviations)
    return heard, fast


def chunks_of(data: bytes, at: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(a % (len(data) + 1) for a in at)})
    return [data[a:b] for a, b in zip(edges, edges[1:], strict=False)]  # noqa: RUF007


def odd(text: bytes, how: int) -> bytes:
    """A frame of a segment changed in one of the ways that devices do."""
    changes = [
        (b"Flag=", b"FLAG="), (b";CP", b"CP"), (b"QN=", b"Q="), (b"-Rtd", b"-rtd"), (b"=", b"= "),
        (b"&&\r", b"\r"), (b",", b";"), (b";ST", b",ST"), (b"-Flag=N", b"-Flag=St"), (b"DataTime", b"datatime"),
        (b"Rtd=", b"Rtd=."), (b"Avg=", b"Avg=1"), (b"Min=", b"Min="), (b"PW=123456", b"PW=1"),
        (b";MN=", b";PNUM=1;PNO=1;MN="), (b"-Max", b"-EFlag"), (b"Rtd=", b"Rtd=//"), (b"-Cou", b"_x-Cou"),
        (b"Flag=", b"Flag=0"), (b"DataTime=2", b"DataTime=3"), (b"-Min", b"-Avg"), (b"a21002", b"a21026"),
    ]  # fmt: skip
    old, new = changes[how % len(changes)]
    return builder.frame(text.replace(old, new, 1))


streams = st.lists(
    st.one_of(
        segments().map(builder.build),
        segments().map(builder.build),
        segments().map(lambda s: builder.build(s)[:-2]),
        segments().map(lambda s: builder.build(s)[:-6] + builder.build(s)[-6:-2].lower() + b"\r\n"),
        st.builds(odd, segments().map(builder.segment_bytes), st.integers(0, 40)),
        st.sampled_from([v["text"].encode() for v in VECTORS]),
        st.binary(max_size=12),
    ),
    max_size=8,
)


@given(streams, st.lists(st.integers(0, 4_000), max_size=6))
def test_fast_and_lenient_together_equal_lenient_alone(parts: list[bytes], at: list[int]) -> None:
    data = b"".join(parts)
    one, two = make_tables_cached(), make_tables_cached()
    wanted = alone(one, data)
    # Twice, because the second time the fast path knows what was unmapped and what to pass over.
    for _ in range(2):
        got, _ = together(two, chunks_of(data, at))
        assert got.known() == wanted.known()


_TABLES: list[Tables] = []


def make_tables_cached() -> Tables:
    if not _TABLES:
        _TABLES.append(make_tables())
    return _TABLES[0]


def flag_last(item: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """The form of the standard's examples, with a letter that all versions define."""
    flags = tuple((name, "N") for name, _ in item if name.endswith("-Flag"))
    return tuple(pair for pair in item if not pair[0].endswith("-Flag")) + flags


@given(st.lists(segments(), min_size=1, max_size=5))
def test_regular_frames_take_the_fast_way(parts: list[Segment]) -> None:
    tables = make_tables_cached()
    plain = [
        replace(s, cn=c, flag=(s.flag or 0) & ~2, pnum=None, pno=None, items=tuple(map(flag_last, s.items)))
        for s, c in zip(parts, [2011, 2051, 2061, 2031, 2041], strict=False)
        if len(s.items) > 1
    ]
    data = b"".join(builder.build(s) for s in plain)
    together(tables, [data])
    _, fast = together(tables, [data])
    assert fast == len(plain)


@pytest.mark.parametrize("seed", range(4))
def test_mutations_agree(seed: int) -> None:
    rng = random.Random(seed)
    tables = make_tables_cached()
    base = [builder.build(s) for s in _examples()]
    fast = 0
    for _ in range(300):
        data = bytearray(rng.choice(base))
        for _ in range(rng.randint(1, 2)):
            where = rng.randrange(6, len(data) - 6)
            match rng.randrange(3):
                case 0:
                    data[where] = rng.choice(b"0123456789;,=-&#aRN. /")
                case 1:
                    del data[where]
                case 2:
                    data.insert(where, rng.choice(b"0;,=-.&N"))
        text = rng.choice(base) + builder.frame(bytes(data[6:-6])) + rng.choice(base)
        got, count = together(tables, [text])
        fast += count
        assert got.known() == alone(tables, text).known()
    assert fast > 300


def _examples() -> list[Segment]:
    pairs = tuple(((f"{f}-Rtd", "12.50"), (f"{f}-ZsRtd", "-3"), (f"{f}-Flag", "N")) for f in FACTORS[:4])
    body = ((("DataTime", "20260101000000"),), *pairs)
    return [
        Segment("20260101000000001", "31", cn, "123456", MN, flag, Version(flag >> 2), items=body)
        for cn in (2011, 2051, 2061)
        for flag in (4, 5, 9)
    ]


def test_many_streams_in_one_call_stay_apart() -> None:
    tables = make_tables_cached()
    frames = [builder.build(s) for s in _examples()]
    parts = [frames[0] + frames[1][:50], b"", frames[2] + b"x" + frames[3], frames[4][:3], frames[5] * 3]
    buffer, starts, ends = spans(parts)
    out = DECODER.decode(tables, buffer, starts, ends, np.zeros(5, np.uint8), RECEIVED)
    assert out.stream.tolist() == [0, 2, 4, 4, 4]
    assert out.irregular.tolist() == [0, 0, 1, 0, 0]
    left = [buffer[c:e] for c, e in zip(out.consumed, ends, strict=True)]
    assert left == [frames[1][:50], b"", b"x" + frames[3], frames[4][:3], b""]


def test_unmapped_addresses_are_learned_and_counted() -> None:
    tables = Tables([Known(7, MN, {"a21026-Rtd": (3, 1.0, 0.0, 60.0)})])
    frame = builder.build(_examples()[0])
    first, fast = together(tables, [frame])
    assert fast == 0
    again, fast = together(tables, [frame * 3])
    assert fast == 3
    assert again.rows == first.rows * 3
    assert [r[0] for r in first.rows] == [3] + [UNMAPPED] * 7
    told: Counter[tuple[int, str]] = Counter()
    tables.drain_misses(lambda device, name, count: told.update({(device, name): count}))
    assert set(told.values()) == {4}
    assert len(told) == 7
    tables.drain_misses(lambda *_: pytest.fail("drained twice"))


def test_unmapped_addresses_are_bounded() -> None:
    tables = Tables([Known(7, MN, {})])
    for i in range(MAX_MISSES + 50):
        tables.target(0, 2011, f"x{i}-Rtd")
    assert tables.count == MAX_MISSES
    assert tables.target(0, 2011, "y-Rtd").row == -1


def test_tables_grow_without_losing_an_address() -> None:
    devices = [
        Known(i, f"{i:024d}", {f"a{k}-Rtd": (i * 30 + k, 1, 0, 1) for k in range(30)}) for i in range(60)
    ]
    tables = Tables(devices)
    for device in range(60):
        for k in range(60):
            tables.target(device, 2011, f"b{k}-Rtd")
    for device in range(60):
        assert [tables.target(device, 2011, f"a{k}-Rtd").point for k in range(30)] == [
            device * 30 + k for k in range(30)
        ]
    frame = replace(
        _examples()[0], mn=f"{59:024d}", items=((("DataTime", "20260101000000"),), (("a7-Rtd", "1"),))
    )
    got, fast = together(tables, [builder.build(frame)])
    assert fast == 1
    assert got.rows[0][0] == 59 * 30 + 7


def test_period_data_is_late_only_after_its_period() -> None:
    tables = make_tables()
    body = (
        (("DataTime", SHANGHAI.to_text(RECEIVED - 3_000_000)),),
        (("a21026-Avg", "1"), ("a21026-Flag", "N")),
    )
    hour = replace(_examples()[0], cn=2061, items=body)
    got, fast = together(tables, [builder.build(hour)])
    assert (fast, got.rows[0][3]) == (1, Quality.GOOD)
    body = ((("DataTime", SHANGHAI.to_text(RECEIVED - 9_000_000)),), *body[1:])
    got, _ = together(tables, [builder.build(replace(hour, items=body))])
    assert got.rows[0][3] == QualityFlag.LATE
    resent = replace(hour, flag=9, version=Version.V2025, resent=True, items=body)
    got, fast = together(tables, [builder.build(resent)])
    assert (fast, got.rows[0][3]) == (1, QualityFlag.RESENT)


def test_own_letters_reach_the_fast_path() -> None:
    tables = Tables([Known(1, MN, {"a1-Rtd": (1, 1, 0, 1)}, letters={"z": "maintenance"})])
    body = ((("DataTime", "20260101000000"),), (("a1-Rtd", "1"), ("a1-Flag", "z")))
    got, fast = together(tables, [builder.build(replace(_examples()[0], items=body))])
    assert (fast, got.rows[0][3]) == (1, Quality.MAINTENANCE)


def test_devices_that_may_not_go_fast_do_not() -> None:
    tables = Tables([Known(1, MN, {"a21026-Rtd": (1, 1, 0, 1)}, fast=False)])
    _, fast = together(tables, [builder.build(_examples()[0]) * 2])
    assert fast == 0


def test_every_deviation_bit_has_a_name() -> None:
    bits = [kernel.D_LOWER_CRC, kernel.D_LONG, kernel.D_NO_QN, kernel.D_NO_FLAG, kernel.D_PW, kernel.D_MN]
    assert [bit for bit, _ in NOTES] == bits
    assert len(set(deviations_of(63))) == 6


@given(st.lists(items(), max_size=3), st.booleans())
def test_answers_equal_the_builder(bodies: list[Any], wanted: bool) -> None:
    tables = make_tables_cached()
    parts = [
        replace(s, items=b, flag=s.version << 2 | wanted) for s, b in zip(_examples(), bodies, strict=False)
    ]
    got, _ = together(tables, [b"".join(builder.build(p) for p in parts)])
    assert b"".join(got.answers) == b"".join(builder.data_answer(p) for p in parts if wanted)
