"""The text burnt into every picture: that it is simulated, whose it is, and when."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

U8 = npt.NDArray[np.uint8]


def stamp(picture: U8, lines: tuple[str, ...]) -> None:
    """Write the lines into the upper left corner, in place."""
    size = max(12, picture.shape[0] // 30)
    x, y = size // 2, size // 2
    for line in lines:
        mask = _drawn(line, size)
        high, wide = min(mask.shape[0], picture.shape[0] - y), min(mask.shape[1], picture.shape[1] - x)
        if high <= 0 or wide <= 0:
            return
        under = picture[y : y + high, x : x + wide]
        shade = mask[:high, :wide, 1:2].astype(np.uint16)
        ink = mask[:high, :wide, 0:1].astype(np.uint16)
        darkened = under.astype(np.uint16) * (255 - shade * 3 // 4) // 255
        under[:] = (darkened * (255 - ink) // 255 + ink).astype(np.uint8)
        y += mask.shape[0]


@lru_cache(maxsize=256)
def _drawn(line: str, size: int) -> U8:
    """Ink and its dark rim, (height, width, 2)."""
    high, wide = round(size * 1.5), size * (len(line) + 4)
    ink = np.zeros((high, wide), np.uint8)
    face = _face()
    if face is not None:
        cv2.putText(ink, line, (4, round(size * 1.1)), (255,), face, size)
    else:
        plain = line.encode("ascii", "replace").decode()
        cv2.putText(
            ink, plain, (4, round(size * 1.1)), cv2.FONT_HERSHEY_SIMPLEX, size / 28.0, (255,), 1, cv2.LINE_AA
        )
    rim = cv2.dilate(ink, np.ones((5, 5), np.uint8))
    used = max(1, int(np.flatnonzero(rim.any(axis=0))[-1]) + 2) if rim.any() else 1
    return np.stack([ink[:, :used], rim[:, :used]], axis=-1)


@lru_cache(maxsize=1)
def _face() -> Any:
    """A typeface that has Chinese; None with an OpenCV that knows no outline fonts."""
    if not hasattr(cv2, "FontFace"):
        return None
    try:
        return cv2.FontFace(str(files("pylopdf_fonts_zh_cn") / "NotoSansSC-Regular.otf"))
    except (ModuleNotFoundError, cv2.error):
        return cv2.FontFace("uni")
