"""What a picture says about its camera. Pure: grey pictures of one size in, figures out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Grey = npt.NDArray[np.uint8]

#: Below this spread of grey levels nothing can be said of sharpness or shift.
FLAT = 6.0


@dataclass(frozen=True, slots=True)
class Figures:
    """
    Attributes:
        mean, bright: mean grey level and the level 5 % of the picture exceed, 0..255.
        spread: standard deviation of the grey levels.
        sharpness: share of the finest detail in all detail, 0..1; None for a picture without detail.
    """

    mean: float
    bright: float
    spread: float
    sharpness: float | None


def grey(picture: npt.NDArray[np.uint8]) -> Grey:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)


def figures(picture: Grey) -> Figures:
    values = picture.astype(np.float32)
    mean, spread = float(values.mean()), float(values.std())
    bright = float(np.percentile(picture, 95))
    if spread < FLAT:
        return Figures(mean, bright, spread, None)
    # noise of a dark sensor is the finest detail of all; a light smoothing keeps it from passing for sharpness
    calm = cv2.GaussianBlur(values, (0, 0), 0.8)
    fine = float((calm - cv2.GaussianBlur(calm, (0, 0), 1.6)).std())
    coarse = float((calm - cv2.GaussianBlur(calm, (0, 0), 8.0)).std())
    return Figures(mean, bright, spread, fine / coarse if coarse > 0.5 else None)


def dark(found: Figures) -> bool:
    """Hardly anything is light enough to be made out: night without lamps, a covered lens."""
    return found.mean < 22.0 and found.bright < 50.0


def blurred(found: Figures, usual: float | None) -> bool | None:
    """Out of focus or a dirty lens: much less fine detail than this camera usually has.

    Args:
        usual: sharpness the camera is known for; None judges by a limit that any lens exceeds.

    Returns:
        None when the picture has nothing to judge by.
    """
    if found.sharpness is None or dark(found):
        return None
    return found.sharpness < (0.16 if usual is None else max(0.10, 0.5 * usual))


def same(first: Grey, second: Grey) -> bool:
    """Whether two pictures are one and the same; a live sensor never gives that, an encoder that hangs does."""
    return first.shape == second.shape and float(cv2.absdiff(first, second).mean()) < 0.02


@dataclass(frozen=True, slots=True)
class Shift:
    """How far the second picture lies from the first, px, and how sure that is, 0..1."""

    dx: float
    dy: float
    response: float

    @property
    def length(self) -> float:
        return math.hypot(self.dx, self.dy)


def shift(reference: Grey, picture: Grey) -> Shift | None:
    """Displacement by phase correlation under a Hann window; None where either has no detail.

    The exposure of the two may differ: both are brought to the same mean and spread before.
    """
    if reference.shape != picture.shape:
        return None
    a, b = _levelled(reference), _levelled(picture)
    if a is None or b is None:
        return None
    window = cv2.createHanningWindow((a.shape[1], a.shape[0]), cv2.CV_32F)
    (dx, dy), response = cv2.phaseCorrelate(a, b, window)
    return Shift(float(dx), float(dy), float(min(max(response, 0.0), 1.0)))


def _levelled(picture: Grey) -> npt.NDArray[np.float32] | None:
    values = picture.astype(np.float32)
    spread = float(values.std())
    if spread < FLAT:
        return None
    return np.asarray((values - values.mean()) / spread, np.float32)
