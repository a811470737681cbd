"""How a picture travels to a browser: one binary WebSocket message each, a fixed head, then the payload.

Little endian, 40 bytes: version, kind, flags, codec (u8 each), sequence (u32), dts (u64, 90 kHz), wall clock (f64, ms),
pan, tilt, zoom, roll (f32, as the camera reports them; NaN: unknown).
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from parksight.gateways.cameras.protocols import FramePose

VERSION = 1
HEAD = struct.Struct("<BBBBIQdffff")
SIZE = HEAD.size


class Kind(IntEnum):
    """INIT: JSON ``{codec, width, height, simulated}`` length-prefixed (u32), then what the player needs first:
    ftyp + moov (MSE) or avcC (WebCodecs). FRAME: moof + mdat, or length-prefixed NAL units. STATE: JSON."""

    INIT = 0
    FRAME = 1
    STATE = 2


class Flag(IntFlag):
    KEY = 1
    POSE = 2
    MOVING = 4
    EXTRAPOLATED = 8
    WALL_EXACT = 16


@dataclass(frozen=True, slots=True)
class Head:
    kind: Kind
    flags: Flag
    codec: int
    sequence: int
    dts: int
    wall_ms: float
    pose: FramePose | None


def pack(
    kind: Kind, *, key: bool = False, codec: int = 1, sequence: int = 0, dts: int = 0, wall_ms: float = math.nan,
    wall_exact: bool = False, pose: FramePose | None = None,
) -> bytes:  # fmt: skip
    """The head of a message; ``codec`` 1 is H.264, 2 is H.265."""
    flags = Flag.KEY * key | Flag.WALL_EXACT * wall_exact
    angles = (math.nan,) * 4
    if pose is not None:
        flags |= Flag.POSE | Flag.MOVING * pose.moving | Flag.EXTRAPOLATED * pose.extrapolated
        angles = (pose.pan, pose.tilt, pose.zoom, pose.roll)
    return HEAD.pack(VERSION, kind, flags, codec, sequence & 0xFFFFFFFF, dts, wall_ms, *angles)


def unpack(message: bytes) -> Head:
    """The head of a message; ValueError for one of another version or too short."""
    if len(message) < SIZE or message[0] != VERSION:
        raise ValueError("not a picture message of this version")
    _, kind, flags, codec, sequence, dts, wall, pan, tilt, zoom, roll = HEAD.unpack_from(message)
    found = Flag(flags)
    pose = None
    if found & Flag.POSE:
        pose = FramePose(pan, tilt, zoom, roll, bool(found & Flag.MOVING), bool(found & Flag.EXTRAPOLATED))
    return Head(Kind(kind), found, codec, sequence, dts, wall, pose)
