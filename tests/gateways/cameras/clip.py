"""A short H.264 or H.265 film, encoded once with PyAV: a moving pattern with the picture's number in its brightness."""

from __future__ import annotations

from fractions import Fraction
from functools import cache

import av
import numpy as np

from parksight.gateways.cameras.video.nal import split_annex_b

FPS = 25


@cache
def film(
    pictures: int = 50,
    size: tuple[int, int] = (320, 180),
    group: int = 25,
    codec: str = "libx264",
    kbit: int = 0,
) -> tuple[tuple[tuple[bytes, ...], bool], ...]:
    """(NAL units, is a key picture) of each picture, parameter sets with each key picture."""
    made = av.CodecContext.create(codec, "w")
    made.width, made.height = size
    made.pix_fmt = "yuv420p"
    made.time_base = Fraction(1, FPS)
    made.thread_count = 1
    made.gop_size = group
    options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "x264-params": f"keyint={group}:min-keyint={group}:scenecut=0:annexb=1:repeat-headers=1",
    }
    if codec == "libx265":
        options = {
            "preset": "ultrafast",
            "tune": "zerolatency",
            "x265-params": f"keyint={group}:min-keyint={group}:scenecut=0:repeat-headers=1:log-level=none:pools=none:frame-threads=1",
        }
    if kbit:
        made.bit_rate = kbit * 1000
        options["x264-params"] += f":vbv-maxrate={kbit}:vbv-bufsize={kbit // 4}:nal-hrd=cbr"
    made.options = options
    out: list[tuple[tuple[bytes, ...], bool]] = []
    rng = np.random.default_rng(1)
    noise = rng.integers(0, 255, (size[1] // 8, size[0] // 8, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    canvas = np.zeros((size[1], size[0], 3), np.uint8)
    canvas[: noise.shape[0], : noise.shape[1]] = noise
    for number in range(pictures):
        picture = np.roll(canvas, 3 * number, axis=1)
        picture[:32, :32] = 5 * (number % 50)
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts = number
        out.extend(_picture(packet) for packet in made.encode(frame))
    out.extend(_picture(packet) for packet in made.encode(None))
    assert len(out) == pictures
    return tuple(out)


def _picture(packet: av.Packet) -> tuple[tuple[bytes, ...], bool]:
    return tuple(split_annex_b(bytes(packet))), bool(packet.is_keyframe)
