"""Clips as fragmented MP4 (ISO/IEC 14496-12): one fragment per group of pictures, playable while it grows.

Unlike the live path, which sends a fragment per picture for latency, a clip is written for size and for players.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from parksight.gateways.cameras.protocols import AccessUnit, Codec

TIMESCALE = 90_000
_SYNC, _DELTA = 0x02000000, 0x01010000
_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
#: NAL unit types of parameter sets: SPS and PPS; VPS, SPS and PPS.
_SETS: dict[str, tuple[int, ...]] = {"h264": (7, 8), "h265": (32, 33, 34)}


class NoParameterSetsError(ValueError):
    """The first picture does not say how it is coded."""


def nal_type(codec: Codec, nal: bytes) -> int:
    return nal[0] & 31 if codec == "h264" else nal[0] >> 1 & 63


def parameter_sets(unit: AccessUnit) -> dict[int, bytes]:
    """Type to the first parameter set of it that came with a picture."""
    found: dict[int, bytes] = {}
    for nal in unit.nals:
        if nal and (kind := nal_type(unit.codec, nal)) in _SETS[unit.codec]:
            found.setdefault(kind, nal)
    return found


def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", len(body) + 8) + kind + body


def _full(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    return _box(kind, struct.pack(">I", version << 24 | flags), *parts)


def _avcc(sets: dict[int, bytes]) -> bytes:
    sps, pps = sets[7], sets[8]
    return _box(
        b"avcC", bytes([1, sps[1], sps[2], sps[3], 0xFF, 0xE1]), struct.pack(">H", len(sps)), sps, b"\x01",
        struct.pack(">H", len(pps)), pps,
    )  # fmt: skip


def _unescaped(nal: bytes) -> bytes:
    return nal.replace(b"\x00\x00\x03", b"\x00\x00")


def _hvcc(sets: dict[int, bytes]) -> bytes:
    profile = _unescaped(sets[33])[3:15]  # general_profile_space … general_level_idc
    arrays = b"".join(
        bytes([0x80 | kind]) + struct.pack(">HH", 1, len(sets[kind])) + sets[kind] for kind in _SETS["h265"]
    )
    return _box(
        b"hvcC", b"\x01", profile, struct.pack(">HBBBBHB", 0xF000, 0xFC, 0xFD, 0xF8, 0xF8, 0, 0x0F), bytes([3]), arrays
    )  # fmt: skip


def initial(unit: AccessUnit, width: int, height: int) -> bytes:
    """``ftyp`` and ``moov`` for a stream that begins with this key picture.

    Raises:
        NoParameterSetsError: they did not come with it.
    """
    sets = parameter_sets(unit)
    if set(sets) != set(_SETS[unit.codec]) or any(len(s) < (4 if k in (7,) else 2) for k, s in sets.items()):
        raise NoParameterSetsError("the key picture came without its parameter sets")
    if unit.codec == "h265" and len(_unescaped(sets[33])) < 15:
        raise NoParameterSetsError("the sequence parameter set is too short")
    name, config = (b"avc1", _avcc(sets)) if unit.codec == "h264" else (b"hvc1", _hvcc(sets))
    entry = _box(
        name, bytes(6), struct.pack(">H", 1), bytes(16), struct.pack(">HH", width, height),
        struct.pack(">IIIH", 0x480000, 0x480000, 0, 1), bytes(32), struct.pack(">Hh", 24, -1), config,
    )  # fmt: skip
    empty = struct.pack(">I", 0)
    stbl = _box(
        b"stbl", _full(b"stsd", 0, 0, struct.pack(">I", 1), entry), _full(b"stts", 0, 0, empty),
        _full(b"stsc", 0, 0, empty), _full(b"stsz", 0, 0, empty, empty), _full(b"stco", 0, 0, empty),
    )  # fmt: skip
    minf = _box(
        b"minf", _full(b"vmhd", 0, 1, bytes(8)),
        _box(b"dinf", _full(b"dref", 0, 0, struct.pack(">I", 1), _full(b"url ", 0, 1))), stbl,
    )  # fmt: skip
    mdia = _box(
        b"mdia", _full(b"mdhd", 0, 0, struct.pack(">IIIIHH", 0, 0, TIMESCALE, 0, 0x55C4, 0)),
        _full(b"hdlr", 0, 0, bytes(4), b"vide", bytes(12), b"ParkSight\0"), minf,
    )  # fmt: skip
    tkhd = _full(
        b"tkhd", 0, 3, struct.pack(">IIIII", 0, 0, 1, 0, 0), bytes(8), struct.pack(">hhhh", 0, 0, 0, 0), _MATRIX,
        struct.pack(">II", width << 16, height << 16),
    )  # fmt: skip
    mvhd = _full(
        b"mvhd", 0, 0, struct.pack(">IIII", 0, 0, TIMESCALE, 0), struct.pack(">IH", 0x10000, 0x100), bytes(10), _MATRIX,
        bytes(24), struct.pack(">I", 2),
    )  # fmt: skip
    mvex = _box(b"mvex", _full(b"trex", 0, 0, struct.pack(">IIIII", 1, 1, 0, 0, 0)))
    return _box(b"ftyp", b"iso6", struct.pack(">I", 1), b"iso6iso5mp41") + _box(
        b"moov", mvhd, _box(b"trak", tkhd, mdia), mvex
    )


def fragment(sequence: int, begin: int, units: Sequence[AccessUnit], durations: Sequence[int]) -> bytes:
    """One ``moof`` with its ``mdat``; ``begin`` is the time of the first unit on the clip's line."""
    samples = []
    for unit in units:
        out = _SETS[unit.codec]
        samples.append(
            b"".join(
                struct.pack(">I", len(n)) + n for n in unit.nals if n and nal_type(unit.codec, n) not in out
            )
        )
    rows = b"".join(
        struct.pack(">III", duration, len(data), _SYNC if unit.key else _DELTA)
        for unit, data, duration in zip(units, samples, durations, strict=True)
    )

    def moof(offset: int) -> bytes:
        return _box(
            b"moof", _full(b"mfhd", 0, 0, struct.pack(">I", sequence)),
            _box(
                b"traf", _full(b"tfhd", 0, 0x020000, struct.pack(">I", 1)), _full(b"tfdt", 1, 0, struct.pack(">Q", begin)),
                _full(b"trun", 0, 0x701, struct.pack(">Ii", len(units), offset), rows),
            ),
        )  # fmt: skip

    size = len(moof(0))
    return moof(size + 8) + _box(b"mdat", *samples)
