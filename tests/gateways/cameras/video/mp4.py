"""Reads fragmented MP4 box by box, for tests."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(name, payload) of each box; AssertionError where sizes do not add up."""
    at = 0
    while at < len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        assert 8 <= size <= len(data) - at, (name, size, len(data) - at)
        yield name, data[at + 8 : at + size]
        at += size
    assert at == len(data)


@dataclass
class Sample:
    sequence: int
    dts: int
    duration: int
    key: bool
    data: bytes


def fragment(data: bytes) -> Sample:
    """The one sample of a moof and mdat."""
    (name, moof), (last, mdat) = boxes(data)
    assert (name, last) == (b"moof", b"mdat")
    inner = dict(boxes(moof))
    track = dict(boxes(inner[b"traf"]))
    flags, track_id = struct.unpack(">II", track[b"tfhd"])
    assert (flags, track_id) == (0x020000, 1)
    version, dts = struct.unpack(">IQ", track[b"tfdt"])
    assert version == 0x01000000
    kind, count, offset, duration, size, sample = struct.unpack(">IIiIII", track[b"trun"])
    assert (kind, count, size) == (0x701, 1, len(mdat))
    assert data[offset:] == mdat
    return Sample(struct.unpack(">II", inner[b"mfhd"])[1], dts, duration, sample == 0x02000000, mdat)
