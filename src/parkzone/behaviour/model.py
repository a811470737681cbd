"""All values of the zone at any instants, from the catalogue's signals; whole columns at a time.

The same function gives history (a day of minutes) and live data (one instant), so the curves join without a seam.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from parkzone.behaviour import cycles, noise
from parkzone.behaviour.drivers import DRIVERS, ROW, drivers, local_seconds
from parkzone.behaviour.noise import F64, I64, U64
from parkzone.behaviour.production import ORIGIN_S, Production
from parkzone.catalogue.specs import Point
from parkzone.firms.enterprises import Enterprise
from parkzone.seeds import key

#: Time scales of the smooth noise of a point, seconds (see ``Signal.noise``).
SCALES = (300.0, 2700.0, 21_600.0, 172_800.0)
#: Length of the daily calibration, s.
CALIBRATION_S = 600.0
#: Quality codes as ParkSight counts them (its decision 002).
GOOD, CALIBRATION = 0, 5


class Model:
    """Vectorised behaviour of a list of points.

    Args:
        points: rows of every result, in this order.
        firms: all firms of the zone; the zone's own points follow no firm's production.
        seed: of the zone.
    """

    def __init__(
        self,
        points: Sequence[Point],
        firms: Sequence[Enterprise],
        seed: int,
        production: Production | None = None,
    ) -> None:
        self.seed = seed
        self.points = points
        self.firms = firms
        self.size = len(points)
        self.production = production or Production(firms, seed)
        signals = [p.signal for p in points]

        def column(get: list[float]) -> F64:
            return np.array(get, np.float64)[:, None]

        self._base = column([s.base for s in signals])
        self._prod = column([s.prod for s in signals])
        self._firm = np.array([p.enterprise.index if p.enterprise else 0 for p in points])
        self._drivers = np.zeros((self.size, len(DRIVERS)))
        for i, s in enumerate(signals):
            for name, share in s.drivers.items():
                self._drivers[i, ROW[name]] = share
        self._noise = np.array([s.noise for s in signals])
        self._white = np.array([s.white for s in signals])
        self._log = np.flatnonzero([s.log for s in signals])
        self._floor = column([max(s.floor, p.low) for s, p in zip(signals, points, strict=True)])
        self._ceiling = column([min(s.ceiling, p.high) for s, p in zip(signals, points, strict=True)])
        self._count = np.flatnonzero([s.count != 0 for s in signals])
        self._count_gain = column([s.count for s in signals])[self._count]
        self._count_base = column([s.count_base for s in signals])[self._count]
        self._wrap = np.flatnonzero([s.wrap > 0 for s in signals])
        self._wrap_at = column([s.wrap for s in signals])[self._wrap]
        # resolutions are 1, 0.1, 0.01 …: dividing by the integer inverse gives clean decimals
        self._inverse = column([round(1.0 / p.resolution) for p in points])
        self._keys: U64 = np.array([key(seed, "point", p.code) for p in points], np.uint64)
        self._slow_keys: U64 = np.array(
            [key(seed, "group", s.group or p.code) for s, p in zip(signals, points, strict=True)], np.uint64
        )
        self._cycles: list[tuple[Callable[[U64, F64, F64], F64], I64, U64, F64, F64]] = []
        for kind, shape in (("tank", cycles.tank), ("batch", cycles.batch)):
            rows: I64 = np.flatnonzero([s.cycle != 0 and s.cycle_kind == kind for s in signals]).astype(
                np.int64
            )
            if len(rows):
                length = np.array([signals[i].cycle_h for i in rows])
                gain = column([signals[i].cycle for i in rows])
                self._cycles.append((shape, rows, self._slow_keys[rows], length, gain))
        self._calibrated = np.flatnonzero([s.calibration >= 0 for s in signals])
        self._calibration_s = column([s.calibration * 60.0 for s in signals])[self._calibrated]

    def values(self, at_ms: npt.NDArray[np.int64]) -> F64:
        """Values in the points' units at the given instants, shape (points, T)."""
        seconds = at_ms.astype(np.float64) / 1000.0
        out: F64 = self._base + self._drivers @ drivers(self.seed, seconds)
        level = self.production.level(seconds)
        out += self._prod * level[self._firm]
        for i, scale in enumerate(SCALES):
            rows = np.flatnonzero(self._noise[:, i])
            keys = (self._keys if i < 2 else self._slow_keys)[rows]
            with np.errstate(over="ignore"):
                out[rows] += self._noise[rows, i, None] * noise.smooth(keys + np.uint64(i), seconds, scale)
        for shape, rows, keys, length, gain in self._cycles:
            out[rows] += gain * shape(keys, seconds, length)
        noisy = np.flatnonzero(self._white)
        whole = np.floor(seconds).astype(np.int64)
        with np.errstate(over="ignore"):
            out[noisy] += self._white[noisy, None] * noise.normal(self._keys[noisy] + np.uint64(7), whole)
        out[self._log] = np.exp(out[self._log])
        if len(self._count):
            hours = self.production.hours(seconds)[self._firm[self._count]]
            out[self._count] += self._count_gain * hours + self._count_base * (seconds - ORIGIN_S) / 3600.0
        out[self._wrap] = np.mod(out[self._wrap], self._wrap_at)
        self._calibrate(out, seconds)
        np.clip(out, self._floor, self._ceiling, out=out)
        return self.rounded(out)

    def part(self, rows: Sequence[int]) -> Model:
        """A model of some of the points, sharing the production."""
        return Model([self.points[i] for i in rows], self.firms, self.seed, self.production)

    def rounded(self, values: F64) -> F64:
        """To the resolution of each instrument."""
        out: F64 = np.rint(values * self._inverse) / self._inverse
        return out

    def calibrating(self, seconds: F64) -> npt.NDArray[np.bool_]:
        """Where the analysers that calibrate daily do so, shape (calibrated points, T)."""
        since = np.mod(local_seconds(seconds)[None, :] - self._calibration_s, 86_400.0)
        out: npt.NDArray[np.bool_] = since < CALIBRATION_S
        return out

    def _calibrate(self, out: F64, seconds: F64) -> None:
        """During its daily calibration an analyser sees zero gas."""
        if len(self._calibrated):
            busy = self.calibrating(seconds)
            if busy.any():
                part = out[self._calibrated]
                out[self._calibrated] = np.where(busy, part * 0.01, part)

    def quality(self, at_ms: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """Quality codes, shape (points, T): good, or calibration during the daily one."""
        out = np.full((self.size, len(at_ms)), GOOD, np.uint8)
        if len(self._calibrated):
            out[self._calibrated] = np.where(
                self.calibrating(at_ms.astype(np.float64) / 1000.0), np.uint8(CALIBRATION), np.uint8(GOOD)
            )
        return out
