"""Classical vision on a still camera: two-rate background with illumination gain; smoke, flame, movers.

Pure: BGR pictures of one size, about five a second, in; what looks like something out. Not tuned on real fires: every
result needs a person or a second camera.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

Kind = Literal["smoke", "flame", "intrusion"]
F32 = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

#: Pictures from which the background is learnt before anything is said.
LEARN = 15
_SMOKE_WINDOW = 25


@dataclass(frozen=True, slots=True)
class Sighting:
    """``box``: x, y, width, height in pixels of the picture looked at; ``score`` 0..1, for ordering only."""

    kind: Kind
    box: tuple[int, int, int, int]
    score: float


@dataclass(slots=True)
class _Track:
    path: list[tuple[float, float]]
    box: tuple[int, int, int, int]


@dataclass(slots=True)
class _Background:
    slow: F32
    variance: F32
    chroma: F32
    detail: F32


@dataclass(slots=True)
class Detector:
    """One camera that stands still; begin anew whenever it has moved."""

    seen: int = 0
    _b: _Background | None = None
    _age: F32 | None = None
    _flicker: F32 | None = None
    _before: F32 | None = None
    _areas: list[float] = field(default_factory=list)
    _smoke: float = 0.0
    _flames: int = 0
    _tracks: list[_Track] = field(default_factory=list)

    def add(self, picture: npt.NDArray[np.uint8]) -> list[Sighting]:
        """Look at one more picture."""
        ycc = cv2.cvtColor(picture, cv2.COLOR_BGR2YCrCb).astype(np.float32)
        luma = np.asarray(cv2.GaussianBlur(ycc[..., 0], (5, 5), 0), np.float32)
        edges = np.abs(cv2.Laplacian(ycc[..., 0], cv2.CV_32F))
        detail = np.asarray(cv2.GaussianBlur(edges, (9, 9), 0), np.float32)
        chroma = np.ascontiguousarray(ycc[..., 1:])
        self.seen += 1
        if self._b is None or self._age is None or self._flicker is None or self._before is None:
            self._b = _Background(luma.copy(), np.full_like(luma, 16.0), chroma.copy(), detail.copy())
            self._age, self._flicker, self._before = np.zeros_like(luma), np.zeros_like(luma), luma
            return []
        background = self._b
        level = luma / float(np.median(luma / np.maximum(background.slow, 1.0)))
        off = level - background.slow
        changed: Mask = np.abs(off) > np.maximum(10.0, 3.5 * np.sqrt(background.variance))
        moving, crowded = self._local(level, background)
        self._learn(background, changed, off, chroma, detail)
        self._age = np.where(changed, self._age + 1, np.maximum(self._age - 2, 0)).astype(np.float32)
        fire = _fire_coloured(picture)
        self._flicker = (0.85 * self._flicker + 0.15 * (np.abs(luma - self._before) * fire)).astype(
            np.float32
        )
        self._before = luma
        if self.seen < LEARN:
            return []
        return [
            *self._flame(),
            *self._smoke_in(background, chroma, detail, fire, crowded),
            *self._movers(moving & changed & (self._age < 12), crowded),
        ]

    # -- background ---------------------------------------------------------------------------------

    @staticmethod
    def _local(level: F32, background: _Background) -> tuple[Mask, F32]:
        """Pixels that differ once a broad change of light (cloud, shadow) is taken off, and how much is changing around."""
        height, width = level.shape
        ratio = cv2.resize(level / np.maximum(background.slow, 1.0), (40, 23), interpolation=cv2.INTER_AREA)
        ratio = cv2.resize(cv2.medianBlur(ratio.astype(np.float32), 5), (width, height))
        off = level / np.maximum(ratio, 0.05) - background.slow
        moving = np.abs(off) > np.maximum(12.0, 4.0 * np.sqrt(background.variance))
        shadowed = np.abs(ratio - 1.0)
        return moving, np.asarray(shadowed, np.float32)

    def _learn(self, background: _Background, changed: Mask, off: F32, chroma: F32, detail: F32) -> None:
        rate = 0.02 if self.seen > LEARN else 0.2
        calm = ~changed
        background.slow[calm] += rate * off[calm]
        background.variance[calm] += rate * (off[calm] ** 2 - background.variance[calm])
        background.slow[changed] += 0.002 * off[changed]
        background.chroma[calm] += rate * (chroma - background.chroma)[calm]
        background.detail[calm] += rate * (detail - background.detail)[calm]

    # -- what it could be ---------------------------------------------------------------------------

    def _flame(self) -> list[Sighting]:
        """Bright, red before green before blue, and it flickers where nothing did before."""
        assert self._flicker is not None
        assert self._age is not None
        mask = ((self._flicker > 4.0) & (self._age > 3)).astype(np.uint8)
        # an edge that trembles with the mast lights up along a line; a flame is a spot
        spot = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
        box, area = _largest(np.asarray(spot, np.uint8))
        self._flames = self._flames + 1 if area >= 8 else 0
        return [Sighting("flame", box, min(1.0, area / 200))] if self._flames >= 3 and box is not None else []

    def _smoke_in(
        self, background: _Background, chroma: F32, detail: F32, fire: Mask, shadowed: F32
    ) -> list[Sighting]:  # fmt: skip
        """Lasting, colourless, hides the texture behind it, and grows."""
        assert self._age is not None
        grey = np.abs(chroma - 128.0).sum(2) < 22.0
        veiled = detail < background.detail * 0.9 + 1.0
        paler = np.abs(chroma - 128.0).sum(2) < np.abs(background.chroma - 128.0).sum(2) + 4.0
        mask = ((self._age > 10) & grey & veiled & paler & ~fire).astype(np.uint8)
        mask = np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)), np.uint8)
        box, area = _largest(mask)
        self._areas.append(float(mask.sum()))
        del self._areas[:-_SMOKE_WINDOW]
        before = float(np.mean(self._areas[:10])) if len(self._areas) == _SMOKE_WINDOW else np.inf
        # a cloud's shadow covers a large part of the picture at once; smoke begins small
        wide = box is not None and box[2] * box[3] > 0.35 * mask.size
        growing = box is not None and area > 120 and area > 1.25 * max(1.0, before) and not wide
        self._smoke = self._smoke + 1 if growing else max(0.0, self._smoke - 0.3)
        if self._smoke < 8 or box is None:
            return []
        return [Sighting("smoke", box, min(1.0, area / 4000))]

    def _movers(self, mask: Mask, shadowed: F32) -> list[Sighting]:
        """Small and steady: something that goes somewhere, not grass, rain or the edge of a shadow."""
        density = cv2.blur(mask.astype(np.float32), (81, 81))
        small = (mask & (density < 0.06) & (shadowed < 0.12)).astype(np.uint8)
        small = np.asarray(cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)), np.uint8)
        count, _, stats, centres = cv2.connectedComponentsWithStats(small)
        blobs = [i for i in range(1, count) if 6 <= stats[i, cv2.CC_STAT_AREA] < 4000]
        blobs = sorted(blobs, key=lambda i: -int(stats[i, cv2.CC_STAT_AREA]))[:20]
        old, self._tracks = self._tracks, []
        for i in blobs:
            x, y = float(centres[i][0]), float(centres[i][1])
            near = [t for t in old if np.hypot(t.path[-1][0] - x, t.path[-1][1] - y) < 14]
            box = (int(stats[i, 0]), int(stats[i, 1]), int(stats[i, 2]), int(stats[i, 3]))
            if near:
                best = min(near, key=lambda t: np.hypot(t.path[-1][0] - x, t.path[-1][1] - y))
                old.remove(best)
                self._tracks.append(_Track([*best.path, (x, y)][-12:], box))
            else:
                self._tracks.append(_Track([(x, y)], box))
        return [Sighting("intrusion", t.box, 0.5) for t in self._tracks if _goes_somewhere(t.path)]


def _fire_coloured(picture: npt.NDArray[np.uint8]) -> Mask:
    blue, green, red = (picture[..., i].astype(np.int16) for i in range(3))
    out: Mask = (red > 190) & (red > green + 25) & (green > blue + 15)
    return out


def _largest(mask: npt.NDArray[np.uint8]) -> tuple[tuple[int, int, int, int] | None, int]:
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask)
    if count < 2:
        return None, 0
    k = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    x, y, w, h, area = (int(v) for v in stats[k])
    return (x, y, w, h), area


def _goes_somewhere(path: list[tuple[float, float]]) -> bool:
    if len(path) < 8:
        return False
    last = np.array(path[-8:])
    straight = float(np.hypot(*(last[-1] - last[0])))
    walked = float(np.hypot(*np.diff(last, axis=0).T).sum())
    return straight > 10 and straight > 0.7 * walked
