"""A pan-tilt-zoom head: bounded speed and acceleration, an encoder with steps, gears with play.

It is advanced in small fixed steps only while it moves; a head at rest costs nothing. Degrees; pan clockwise.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import deque
from dataclasses import dataclass

from parkzone.cameras.cast import HIGHEST_TILT, LOWEST_TILT, MOST_ZOOM

PAN, TILT, ZOOM = range(3)
#: Highest speed and acceleration of pan, tilt (degrees) and of the logarithm of zoom, per second.
SPEED = (60.0, 40.0, 1.2)
ACCELERATION = (120.0, 120.0, 4.0)
STEP_S = 0.004
#: How long the past is kept for delayed telemetry, s.
MEMORY_S = 6.0
#: A head that was not asked for this long is not followed step by step through what it did meanwhile, s.
_LONGEST_S = 60.0


@dataclass(frozen=True, slots=True)
class Attitude:
    """Pan, tilt (degrees), zoom, and whether the head moves."""

    pan: float
    tilt: float
    zoom: float
    moving: bool = False


class Head:
    """One head; times are seconds of any one clock, rising.

    Args:
        rest: pan, tilt, zoom at the start.
        now: the clock at the start.
    """

    def __init__(self, rest: tuple[float, float, float], now: float) -> None:
        # zoom is moved in its logarithm: a lens runs through equal factors in equal times
        self._at = [rest[0], rest[1], math.log(rest[2])]
        self._speed = [0.0, 0.0, 0.0]
        self._seat = [rest[0], rest[1]]
        self._target: list[float] | None = None
        self._top = list(SPEED)
        self._drive: list[float] | None = None
        self._drive_ends = math.inf
        self._now = now
        self.encoder_step_deg = 0.01
        self.backlash_deg = 0.0
        #: Moment, pan, tilt, logarithm of zoom, moving; pan not wrapped while it moves.
        self._past: deque[tuple[float, float, float, float, bool]] = deque()
        self._note()

    # -- commands ------------------------------------------------------------------------------------------

    def _wrap(self) -> None:
        """Take whole turns off a resting head, and off what is kept of its past."""
        turns = math.floor(self._at[PAN] / 360.0) * 360.0
        if turns and not self._under_way():
            self._at[PAN] -= turns
            self._seat[0] -= turns
            self._past.clear()
            self._note()

    def absolute(
        self, now: float, pan: float | None, tilt: float | None, zoom: float | None, speed: float = 1.0
    ) -> None:
        """Go to a position; None leaves an axis where it is going. Positions beyond the stops end at them."""
        self._advance(now)
        self._wrap()
        goal = list(self._target or self._at)
        if pan is not None:
            goal[PAN] = self._at[PAN] + (pan - self._at[PAN] + 180.0) % 360.0 - 180.0
        if tilt is not None:
            goal[TILT] = min(max(tilt, LOWEST_TILT), HIGHEST_TILT)
        if zoom is not None:
            goal[ZOOM] = math.log(min(max(zoom, 1.0), MOST_ZOOM))
        share = min(max(speed, 0.02), 1.0)
        self._top = [v * share for v in SPEED]
        self._target, self._drive = goal, None
        self._note()

    def continuous(
        self, now: float, pan: float, tilt: float, zoom: float, timeout_s: float | None = None
    ) -> None:
        """Move with shares -1..1 of the highest speeds until stopped or for a time."""
        self._advance(now)
        shares = [min(max(v, -1.0), 1.0) for v in (pan, tilt, zoom)]
        self._drive = [share * top for share, top in zip(shares, SPEED, strict=True)]
        self._drive_ends = math.inf if timeout_s is None else now + timeout_s
        self._target = None
        self._note()

    def stop(self, now: float) -> None:
        """Brake as fast as the head can."""
        self._advance(now)
        self._drive, self._drive_ends, self._target = [0.0, 0.0, 0.0], math.inf, None

    # -- what it is and says -------------------------------------------------------------------------------

    def true(self, now: float) -> Attitude:
        """Where the optics point."""
        self._advance(now)
        at = self._reached(now)
        half = self.backlash_deg / 2
        pan, tilt = (min(max(s, a - half), a + half) for s, a in zip(self._seat, at[:2], strict=True))
        return Attitude(pan % 360.0, tilt, math.exp(at[ZOOM]), self.moving)

    def told(self, now: float, delay_s: float = 0.0) -> tuple[float, Attitude]:
        """Moment and attitude as the encoder told it ``delay_s`` ago."""
        self._advance(now)
        if delay_s <= 0.0:
            pan, tilt, zoom = self._reached(now)
            return now, self._encoded(pan, tilt, zoom, self.moving)
        wanted = now - delay_s
        index = bisect_right(self._past, wanted, key=lambda p: p[0]) - 1
        if index < 0:
            return self._past[0][0], self._encoded(*self._past[0][1:])
        before = self._past[index]
        if not before[4] or index + 1 == len(self._past):
            return wanted, self._encoded(*before[1:])
        after = self._past[index + 1]
        share = min(1.0, (wanted - before[0]) / max(after[0] - before[0], 1e-9))
        pan, tilt, zoom = (a + (b - a) * share for a, b in zip(before[1:4], after[1:4], strict=True))
        return wanted, self._encoded(pan, tilt, zoom, True)

    @property
    def moving(self) -> bool:
        return self._under_way()

    def _under_way(self) -> bool:
        return self._target is not None or self._drive is not None

    # -- mechanics -----------------------------------------------------------------------------------------

    def _advance(self, now: float) -> None:
        self._now = max(self._now, now - _LONGEST_S)
        while self._under_way() and self._now + STEP_S <= now:
            self._now += STEP_S
            self._step()
            self._note()
        if not self._under_way():
            self._now = max(self._now, now)

    def _step(self) -> None:
        if self._now >= self._drive_ends:
            self._drive, self._drive_ends = [0.0, 0.0, 0.0], math.inf
        for axis in (PAN, TILT, ZOOM):
            limit = ACCELERATION[axis] * STEP_S
            wish = self._wish(axis)
            self._speed[axis] += min(max(wish - self._speed[axis], -limit), limit)
            self._at[axis] += self._speed[axis] * STEP_S
            if self._target is not None:
                # arrived: within what one step of braking takes
                left = self._target[axis] - self._at[axis]
                if abs(left) <= 0.5 * limit * STEP_S + 1e-9 and abs(self._speed[axis]) <= limit:
                    self._at[axis], self._speed[axis] = self._target[axis], 0.0
        self._stops()
        self._follow()
        if not any(self._speed):
            if self._target is not None and all(a == t for a, t in zip(self._at, self._target, strict=True)):
                self._target = None
            elif self._drive is not None and not any(self._drive):
                self._drive = None

    def _wish(self, axis: int) -> float:
        """The speed an axis should have now."""
        if self._target is None:
            return 0.0 if self._drive is None else self._drive[axis]
        left = self._target[axis] - self._at[axis]
        # the speed from which it can still brake in time, one step ahead of itself
        a = ACCELERATION[axis]
        reach = math.sqrt(2.0 * a * abs(left) + (a * STEP_S / 2) ** 2) - a * STEP_S / 2
        return math.copysign(min(self._top[axis], max(reach, 0.0)), left)

    def _stops(self) -> None:
        for axis, low, high in ((TILT, LOWEST_TILT, HIGHEST_TILT), (ZOOM, 0.0, math.log(MOST_ZOOM))):
            if not low <= self._at[axis] <= high:
                self._at[axis] = min(max(self._at[axis], low), high)
                self._speed[axis] = 0.0
                if self._drive is not None:
                    self._drive[axis] = 0.0

    def _follow(self) -> None:
        """The optics sit on the gears with play: they follow once the play is used up."""
        half = self.backlash_deg / 2
        for axis in (PAN, TILT):
            self._seat[axis] = min(max(self._seat[axis], self._at[axis] - half), self._at[axis] + half)

    def _reached(self, now: float) -> list[float]:
        """Pan, tilt and zoom's logarithm between two steps: at 60 degrees a second a step is a quarter of a degree."""
        rest = min(max(now - self._now, 0.0), STEP_S) if self._under_way() else 0.0
        return [a + v * rest for a, v in zip(self._at, self._speed, strict=True)]

    def _encoded(self, pan: float, tilt: float, zoom: float, moving: bool) -> Attitude:
        step = self.encoder_step_deg
        if step > 0:
            pan, tilt = round(pan / step) * step, round(tilt / step) * step
        return Attitude(pan % 360.0, tilt, math.exp(zoom), moving)

    def _note(self) -> None:
        self._past.append((self._now, self._at[PAN], self._at[TILT], self._at[ZOOM], self._under_way()))
        while len(self._past) > 2 and self._past[1][0] < self._now - MEMORY_S:
            self._past.popleft()
