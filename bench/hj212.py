"""HJ 212 decoding: naive, regular expressions, the lenient codec, whole batches; one core, one run.

    python -m bench.hj212 [--seconds 2]

Prints one JSON line per decoder with frames/s and points/s; ``ratio`` is against the naive decoder (split, CRC bit
by bit). Frames carry 24 factors, as performance.md measures them; floor 4x, aim 20x.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import time
from collections.abc import Callable, Sequence

import numpy as np

from parksight.gateways.hj212.batch.decoder import Decoder, place, spans
from parksight.gateways.hj212.batch.tables import Known, Tables
from parksight.gateways.hj212.codec import builder
from parksight.gateways.hj212.codec.commands import Version
from parksight.gateways.hj212.codec.crc import crc, crc_bitwise
from parksight.gateways.hj212.codec.frame import Framer, crc_error
from parksight.gateways.hj212.codec.readings import read
from parksight.gateways.hj212.codec.segment import Segment, parse_segment
from parksight.gateways.hj212.codec.times import ZoneTable

FACTORS = tuple(f"a{21_000 + i}" for i in range(24))
RECEIVED = 1_767_225_605_000
_ZONE = ZoneTable("Asia/Shanghai")
_PAIR = re.compile(rb"([A-Za-z0-9]+)-Rtd=([0-9.\-]+),\1-Flag=([A-Z])")
_HEAD = re.compile(
    rb"QN=(\d{17});ST=(\d\d);CN=(\d{4});PW=([^;]*);MN=([^;]*);Flag=(\d+);CP=&&DataTime=(\d{14});"
)


def mn_of(station: int) -> str:
    """A station's identity: 24 hexadecimal characters."""
    return f"BE0C{station:020X}"


def frames(count: int, stations: int) -> list[bytes]:
    """Real-time uploads of 24 factors with flags, answer wanted."""
    rng = random.Random(1)
    out = []
    for n in range(count):
        items = (
            (("DataTime", f"20260101{n // stations % 24:02d}0000"),),
            *(((f"{f}-Rtd", f"{rng.random() * 1000:.2f}"), (f"{f}-Flag", "N")) for f in FACTORS),
        )
        out.append(
            builder.build(
                Segment(f"20260101000000{n % 1000:03d}", "31", 2011, "123456", mn_of(n % stations), 5,
                        Version.V2017, items=items)
            )
        )  # fmt: skip
    return out


def tables(stations: int) -> Tables:
    return Tables(
        [
            Known(s + 1, mn_of(s), {f"{f}-Rtd": (s * 24 + k, 1.0, 0.0, 10.0) for k, f in enumerate(FACTORS)})
            for s in range(stations)
        ]
    )


def split(frame: bytes, checksum: Callable[[bytes], int]) -> list[tuple[str, float, str]]:
    """The way most integrations do it: split at the separators, objects for everything."""
    length = int(frame[2:6])
    segment = frame[6 : 6 + length]
    if int(frame[6 + length : 10 + length], 16) != checksum(segment):
        raise ValueError("CRC")
    head, _, body = segment.decode().partition("CP=&&")
    header = dict(part.split("=", 1) for part in head.rstrip(";").split(";"))
    if header["CN"] != "2011":
        raise ValueError("CN")
    out = []
    for item in body[:-2].split(";"):
        pairs = dict(pair.split("=", 1) for pair in item.split(","))
        for name, value in pairs.items():
            if name.endswith("-Rtd"):
                out.append((name, float(value), pairs.get(name[:-3] + "Flag", "")))
    return out


def by_regex(frame: bytes) -> list[tuple[bytes, float, bytes]]:
    length = int(frame[2:6])
    segment = frame[6 : 6 + length]
    if int(frame[6 + length : 10 + length], 16) != crc(segment) or _HEAD.match(segment) is None:
        raise ValueError("frame")
    return [(name, float(value), flag) for name, value, flag in _PAIR.findall(segment)]


def lenient(frame: bytes, known: Tables) -> int:
    """Everything the lenient codec does, rows placed."""
    (framed,) = Framer().feed(frame)
    if crc_error(framed.segment, framed.crc) is not None:
        raise ValueError("CRC")
    segment = parse_segment(framed.segment)
    device = known.row_of[segment.mn or ""]
    content = read(segment, _ZONE, known.flag_tables[0])
    return len(place(known, device, segment, content, RECEIVED).point)


def rate(work: Callable[[int], int], seconds: float) -> float:
    """Frames per CPU-second; ``work(i)`` says how many frames it did."""
    work(0)
    done, i, spent = 0, 1, 0.0
    while spent < seconds:
        began = time.thread_time()
        done += work(i)
        spent += time.thread_time() - began
        i += 1
    return done / spent


def each(prepared: Sequence[bytes], decode: Callable[[bytes], object]) -> Callable[[int], int]:
    def work(i: int) -> int:
        for k in range(20):
            decode(prepared[(i * 20 + k) % len(prepared)])
        return 20

    return work


def measure(seconds: float, stations: int = 200) -> dict[str, float]:
    """Frames per CPU-second by decoder."""
    prepared = frames(4_000, stations)
    known = tables(stations)
    decoder = Decoder(_ZONE)
    parts = [b"".join(prepared[s::stations]) for s in range(stations)]
    data, starts, ends = spans(parts)
    expect = np.zeros(stations, np.uint8)

    def batch(_i: int) -> int:
        out = decoder.decode(known, data, starts, ends, expect, RECEIVED)
        if len(out.point) != len(prepared) * len(FACTORS):
            raise SystemExit("the batch decoder lost rows")
        return len(out.cn)

    one = [(n, v) for n, v, _ in split(prepared[0], crc)]
    first = decoder.decode(known, prepared[0], starts[:1], np.array([len(prepared[0])]), expect[:1], RECEIVED)
    if [v for _, v in one] != first.value.tolist():
        raise SystemExit("the decoders disagree")
    return {
        "naive": rate(each(prepared, lambda f: split(f, crc_bitwise)), min(seconds, 2.0)),
        "split_table": rate(each(prepared, lambda f: split(f, crc)), seconds),
        "regex_table": rate(each(prepared, by_regex), seconds),
        "lenient": rate(each(prepared, lambda f: lenient(f, known)), seconds),
        "batch": rate(batch, seconds),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0)
    args = parser.parse_args()
    figures = measure(args.seconds)
    for name, value in figures.items():
        line = {
            "bench": f"hj212.{name}", "value": round(value), "unit": "frames/s", "per": "core",
            "points_s": round(value * len(FACTORS)), "reference": "hj212.naive",
            "ratio": round(value / figures["naive"], 1),
        }  # fmt: skip
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
