"""How old a head's telemetry is: the delay at which its turning agrees with the turning that the picture shows.

The picture's instants are good (sender reports); a device that does not stamp its telemetry answers with a position of some
moment before. Consecutive small pictures give the rate by phase correlation, in pixels; telemetry gives it in degrees; what
lies between them is a factor (the focal length) and a delay. Both are found together: for every delay the best factor has
a closed form, and the delay with the smallest rest is the answer. One slew of some seconds with a start and an end is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from parksight.gateways.cameras.protocols import PtzSample

F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]

#: Pictures are compared at this size.
WIDTH, HEIGHT = 320, 180
#: Delays looked at, ms; and the steps of the search.
LEAST, MOST, COARSE, FINE = -100.0, 600.0, 10.0, 1.0
#: Below this correlation peak a shift is not believed.
PEAK = 0.08
#: Fewer shifts, or telemetry over a smaller turn (degrees), say nothing.
NEEDED_SHIFTS, NEEDED_TURN = 20, 5.0
#: Share of the movement that the best delay explains, at least; and how clearly better than 60 ms beside it.
EXPLAINED, CLEARER = 0.8, 1.15


@dataclass(frozen=True, slots=True)
class Estimate:
    """The delay found.

    Attributes:
        delay_ms: subtract it from the middle of a request.
        explained: share of the picture's movement it explains, 0..1.
        degrees_per_pixel: the factor found along with it (of the small picture).
        shifts: pairs of pictures used.
    """

    delay_ms: float
    explained: float
    degrees_per_pixel: float
    shifts: int


class DelayError(Exception):
    """No estimate; ``reason``: ``too_few_pictures``, ``too_little_turn``, ``no_agreement`` or ``not_clear``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Shifts:
    """Takes pictures and keeps how far each moved sideways since the one before; bounded.

    Args:
        most: pairs kept.
    """

    def __init__(self, most: int = 2000) -> None:
        self._most = most
        self._window = cv2.createHanningWindow((WIDTH, HEIGHT), cv2.CV_32F)
        self._last: tuple[float, npt.NDArray[np.float32]] | None = None
        self.rejected = 0
        self.begin: list[float] = []
        self.end: list[float] = []
        self.pixels: list[float] = []

    def add(self, wall_ms: float, picture: U8) -> None:
        """A picture (grey or BGR, any size) taken at ``wall_ms``."""
        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) if picture.ndim == 3 else picture
        if grey.shape != (HEIGHT, WIDTH):
            grey = cv2.resize(grey, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        small = np.asarray(grey, np.float32)
        previous, self._last = self._last, (wall_ms, small)
        if previous is None or not 5 <= wall_ms - previous[0] <= 250 or len(self.pixels) >= self._most:
            return
        (shift, _), peak = cv2.phaseCorrelate(previous[1], small, self._window)
        if peak < PEAK:
            self.rejected += 1
            return
        self.begin.append(previous[0])
        self.end.append(wall_ms)
        self.pixels.append(float(shift))


def estimate(shifts: Shifts, telemetry: Sequence[PtzSample]) -> Estimate:
    """The delay of telemetry stamped with the middle of its request (delay 0) against the pictures.

    Raises:
        DelayError: the two do not say it clearly.
    """
    at = np.array([s.at_ms for s in telemetry])
    pan = np.degrees(np.unwrap(np.radians([s.pan for s in telemetry])))
    if len(shifts.pixels) < NEEDED_SHIFTS:
        raise DelayError("too_few_pictures")
    if len(at) < 5 or float(np.ptp(pan)) < NEEDED_TURN:
        raise DelayError("too_little_turn")
    begin, end, moved = np.array(shifts.begin), np.array(shifts.end), np.array(shifts.pixels)

    def rest(delay: float) -> tuple[float, float]:
        """Share of the movement left unexplained, and the factor (pixels for a degree)."""
        inside = (begin + delay >= at[0]) & (end + delay <= at[-1])
        if np.count_nonzero(inside) < NEEDED_SHIFTS:
            return 1.0, 0.0
        turned = np.interp(end[inside] + delay, at, pan) - np.interp(begin[inside] + delay, at, pan)
        seen = moved[inside]
        power, movement = float(turned @ turned), float(seen @ seen)
        if power == 0.0 or movement == 0.0:
            return 1.0, 0.0
        factor = float(turned @ seen) / power
        return float(np.sum((seen - factor * turned) ** 2)) / movement, factor

    coarse = np.arange(LEAST, MOST + COARSE / 2, COARSE)
    start = coarse[int(np.argmin([rest(d)[0] for d in coarse]))]
    fine = np.arange(start - COARSE, start + COARSE + FINE / 2, FINE)
    left = np.array([rest(d)[0] for d in fine])
    best = int(np.argmin(left))
    delay = float(fine[best]) + _vertex(left, best) * FINE
    unexplained, factor = rest(delay)
    if 1 - unexplained < EXPLAINED or factor == 0.0 or start in (coarse[0], coarse[-1]):
        raise DelayError("no_agreement")
    if min(rest(delay - 60)[0], rest(delay + 60)[0]) < CLEARER * unexplained:
        raise DelayError("not_clear")
    return Estimate(delay, 1 - unexplained, 1 / abs(factor), len(shifts.pixels))


def _vertex(values: F64, at: int) -> float:
    """Where the parabola through three neighbours is lowest, in steps from the middle one."""
    if not 0 < at < len(values) - 1:
        return 0.0
    a, b, c = values[at - 1 : at + 2]
    bend = a - 2 * b + c
    return float(np.clip(0.5 * (a - c) / bend, -0.5, 0.5)) if bend > 0 else 0.0
