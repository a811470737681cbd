"""Synthetic H.264 as a camera would send it: access units from an encoder, without a network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

import av
import cv2
import numpy as np
import numpy.typing as npt

from parksight.gateways.cameras.protocols import AccessUnit

Image = npt.NDArray[np.uint8]
WALL = 1_795_000_000_000.0


def landscape(seed: int = 1, size: tuple[int, int] = (640, 360)) -> Image:
    """A still picture with structure at all scales, BGR."""
    rng = np.random.default_rng(seed)
    w, h = size
    out = np.zeros((h, w, 3), np.float32)
    for scale, weight in ((2, 25), (8, 45), (40, 60)):
        noise = cv2.GaussianBlur(rng.normal(0, 1, (h, w, 3)).astype(np.float32), (0, 0), scale)
        out += weight * noise / noise.std()
    return np.clip(out + 120, 0, 255).astype(np.uint8)


def nals_of(data: bytes) -> tuple[bytes, ...]:
    parts = data.replace(b"\x00\x00\x00\x01", b"\x00\x00\x01").split(b"\x00\x00\x01")
    return tuple(p.rstrip(b"\x00") if i < len(parts) - 1 else p for i, p in enumerate(parts) if p)


def encode(
    pictures: Iterable[Image],
    *,
    fps: int = 25,
    group: int = 10,
    codec: str = "libx264",
    start_ms: float = WALL,
) -> list[AccessUnit]:
    """Pictures as access units with a key picture every ``group``."""
    pictures = list(pictures)
    height, width = pictures[0].shape[:2]
    context = av.CodecContext.create(codec, "w")
    context.width, context.height, context.pix_fmt = width, height, "yuv420p"
    context.time_base = Fraction(1, fps)
    context.framerate = Fraction(fps, 1)
    context.options = {"preset": "ultrafast", "tune": "zerolatency", "threads": "1", "g": str(group)}
    if codec == "libx264":
        context.options |= {"x264-params": f"keyint={group}:scenecut=0:repeat-headers=1"}
    else:
        context.options |= {"x265-params": f"keyint={group}:scenecut=0:repeat-headers=1:log-level=none"}
    units: list[AccessUnit] = []
    for i, picture in enumerate([*pictures, None]):
        frame = None
        if picture is not None:
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts = i
        for packet in context.encode(frame):
            n = len(units)
            wall = start_ms + n * 1000 / fps
            units.append(
                AccessUnit(
                    "h264" if codec == "libx264" else "h265", nals_of(bytes(packet)), bool(packet.is_keyframe),
                    n * 90_000 // fps, wall, True, wall + 40,
                )
            )  # fmt: skip
    return units


def moving(count: int, seed: int = 1, size: tuple[int, int] = (320, 180)) -> Sequence[Image]:
    still = landscape(seed, size)
    return [np.roll(still, 2 * i, axis=1) for i in range(count)]
