"""H.264 by libx264, one picture in, its NAL units out at once."""

from __future__ import annotations

import struct
from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt
from av.video.frame import PictureType

U8 = npt.NDArray[np.uint8]
#: Marks the truth that rides in every picture.
TRUTH_UUID = bytes.fromhex("7061726b7369676874706f7365000001")
_TRUTH = struct.Struct("<ddddd")
SEI, SPS, PPS, IDR = 6, 7, 8, 5
#: Bits per second and picture of streams by height.
_RATE = {720: 3_000_000, 360: 700_000}


class Encoder:
    """One stream; threads would hold pictures back, so there is one, and no look-ahead."""

    def __init__(self, size: tuple[int, int], fps: int) -> None:
        rate = _RATE.get(size[1], 2_000_000)
        context = av.CodecContext.create("libx264", "w")
        context.width, context.height = size
        context.pix_fmt = "yuv420p"
        context.time_base = Fraction(1, fps)
        context.framerate = Fraction(fps, 1)
        context.bit_rate = rate
        context.options = {
            "preset": "ultrafast", "tune": "zerolatency", "profile": "baseline", "forced-idr": "1",
            "x264-params": f"annexb=1:repeat-headers=1:sliced-threads=0:threads=1:keyint={fps * 2}:min-keyint=1:"
            f"scenecut=0:vbv-maxrate={rate // 1000}:vbv-bufsize={rate // 2000}",
        }  # fmt: skip
        self._context = context
        self._count = 0

    def encode(self, picture: U8, *, key: bool) -> list[bytes]:
        """NAL units of an RGB picture, without start codes; with parameter sets where decoding may begin."""
        return self.encode_frame(frame_of(picture), key=key)

    def encode_frame(self, frame: av.VideoFrame, *, key: bool) -> list[bytes]:
        """The same of a frame made by :func:`frame_of`, which may be used again."""
        frame.pts = self._count
        frame.time_base = self._context.time_base
        frame.pict_type = PictureType.I if key else PictureType.NONE
        self._count += 1
        data = b"".join(bytes(packet) for packet in self._context.encode(frame))
        # x264 introduces itself in an SEI of its own, which nobody needs
        return [unit for unit in split(data) if unit[0] & 31 != SEI]


def frame_of(picture: U8) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24").reformat(
        format="yuv420p"
    )


def split(data: bytes) -> list[bytes]:
    """NAL units of an Annex B byte stream."""
    units = []
    at = data.find(b"\0\0\1")
    while at >= 0:
        following = data.find(b"\0\0\1", at + 3)
        unit = data[at + 3 : following if following >= 0 else len(data)]
        if following >= 0:
            unit = unit.rstrip(b"\0")
        if unit:
            units.append(unit)
        at = following
    return units


def truth_sei(
    wall_ms: float, azimuth_deg: float, elevation_deg: float, roll_deg: float, focal_px: float
) -> bytes:
    """SEI user_data_unregistered with the truth of a picture, emulation prevention applied."""
    body = TRUTH_UUID + _TRUTH.pack(wall_ms, azimuth_deg, elevation_deg, roll_deg, focal_px)
    raw = bytes([SEI, 5, len(body)]) + body + b"\x80"
    out = bytearray()
    zeros = 0
    for byte in raw:
        if zeros >= 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(out)


def read_truth(unit: bytes) -> tuple[float, float, float, float, float] | None:
    """What :func:`truth_sei` wrote; None for any other unit."""
    raw = unit.replace(b"\0\0\3", b"\0\0")
    if len(raw) < 3 + 16 + _TRUTH.size or raw[0] & 31 != SEI or raw[1] != 5 or raw[3:19] != TRUTH_UUID:
        return None
    wall, azimuth, elevation, roll, focal = _TRUTH.unpack_from(raw, 19)
    return wall, azimuth, elevation, roll, focal


def is_key(units: list[bytes]) -> bool:
    return any(unit[0] & 31 == IDR for unit in units)
