"""Fragmented MP4 (ISO 14496-12, -15) written by hand: an init segment, then one fragment for each picture, at once.

``tfdt`` is the picture's ``dts``, so that a browser finds the head of the picture on screen by ``mediaTime * 90000``.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

TIMESCALE = 90_000
_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_KEY, _PREDICTED = 0x02000000, 0x01010000
# moof(mfhd, traf(tfhd, tfdt, trun)) and the head of mdat, all of fixed size
_FRAGMENT = struct.Struct(">I4s I4sII I4s I4sII I4sIQ I4sIIiIII I4s")
_MOOF, _TRAF, _TRUN = 100, 76, 32
#: What a fragment adds to the picture, bytes.
OVERHEAD = _FRAGMENT.size


def _box(name: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), name) + body


def _full(name: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    return _box(name, struct.pack(">I", version << 24 | flags), *parts)


def avcc(sps: Sequence[bytes], pps: Sequence[bytes]) -> bytes:
    """AVCDecoderConfigurationRecord, the description WebCodecs wants too."""
    first = sps[0]
    out = bytes((1, first[1], first[2], first[3], 0xFF, 0xE0 | len(sps)))
    out += b"".join(struct.pack(">H", len(s)) + s for s in sps)
    return out + bytes((len(pps),)) + b"".join(struct.pack(">H", len(p)) + p for p in pps)


def init_segment(config: bytes, width: int, height: int) -> bytes:
    """ftyp and moov of one H.264 track without samples of its own."""
    entry = _box(
        b"avc1", bytes(6), struct.pack(">H", 1), bytes(16),
        struct.pack(">HHIIIH", width, height, 0x480000, 0x480000, 0, 1), bytes(32), struct.pack(">Hh", 24, -1),
        _box(b"avcC", config),
    )  # fmt: skip
    tables = _box(
        b"stbl", _full(b"stsd", 0, 0, struct.pack(">I", 1), entry), _full(b"stts", 0, 0, bytes(4)),
        _full(b"stsc", 0, 0, bytes(4)), _full(b"stsz", 0, 0, bytes(8)), _full(b"stco", 0, 0, bytes(4)),
    )  # fmt: skip
    data = _box(b"dinf", _full(b"dref", 0, 0, struct.pack(">I", 1), _full(b"url ", 0, 1)))
    media = _box(
        b"mdia", _full(b"mdhd", 0, 0, struct.pack(">IIIIHH", 0, 0, TIMESCALE, 0, 0x55C4, 0)),
        _full(b"hdlr", 0, 0, bytes(4), b"vide", bytes(12), b"video\x00"),
        _box(b"minf", _full(b"vmhd", 0, 1, bytes(8)), data, tables),
    )  # fmt: skip
    track = _box(
        b"trak", _full(
            b"tkhd", 0, 3, struct.pack(">IIIII", 0, 0, 1, 0, 0), bytes(8), bytes(8), _MATRIX,
            struct.pack(">II", width << 16, height << 16),
        ), media,
    )  # fmt: skip
    header = _full(
        b"mvhd", 0, 0, struct.pack(">IIII", 0, 0, 1000, 0), struct.pack(">IH", 0x10000, 0x100), bytes(10), _MATRIX,
        bytes(24), struct.pack(">I", 2),
    )  # fmt: skip
    extends = _box(b"mvex", _full(b"trex", 0, 0, struct.pack(">IIIII", 1, 1, 0, 0, 0)))
    return _box(b"ftyp", b"iso5\x00\x00\x02\x00iso5iso6mp41") + _box(b"moov", header, track, extends)


def fragment_head(sequence: int, dts: int, duration: int, key: bool, size: int) -> bytes:
    """moof and the head of mdat; ``size`` bytes of length-prefixed NAL units follow."""
    return _FRAGMENT.pack(
        _MOOF, b"moof", 16, b"mfhd", 0, sequence & 0xFFFFFFFF, _TRAF, b"traf", 16, b"tfhd", 0x020000, 1,
        20, b"tfdt", 0x01000000, dts, _TRUN, b"trun", 0x000701, 1, _MOOF + 8, duration, size,
        _KEY if key else _PREDICTED, 8 + size, b"mdat",
    )  # fmt: skip
