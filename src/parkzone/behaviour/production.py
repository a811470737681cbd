"""Production of each firm over the week, with its exact integral.

Level 1 is full production. The weekly shape is a table per minute, joined linearly; random variation is the slope
of smooth noise, so that the full-load hours are known in closed form and energy registers need no memory.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from parkzone.behaviour import noise
from parkzone.behaviour.drivers import week_minutes
from parkzone.behaviour.noise import F64
from parkzone.firms.enterprises import Enterprise
from parkzone.seeds import key, stream

MINUTES = 7 * 1440
#: Registers count from 2026-01-01T00:00 local time, in seconds since the epoch.
ORIGIN_S = 1_767_196_800.0
#: Time scales of the variation, seconds, and its size.
SCALES = (3 * 3600.0, 20 * 60.0)
SIZES = (0.016, 0.008)

#: Daily profiles as (hour, level); the day's last level runs into the next day's first.
_PROFILES: dict[str, tuple[tuple[float, float], ...]] = {
    "continuous": ((0, 0.93), (6, 0.93), (9, 0.985), (18, 0.985), (21, 0.94), (24, 0.93)),
    "three": ((0, 0.62), (0.7, 0.84), (7.6, 0.84), (8.0, 0.66), (8.6, 0.95), (11.8, 0.95), (12.2, 0.86), (13, 0.95),
              (15.7, 0.94), (16.0, 0.68), (16.6, 0.91), (23.3, 0.88), (24, 0.62)),
    "two": ((0, 0.14), (5.8, 0.13), (6.9, 0.84), (11.6, 0.93), (12.1, 0.7), (12.9, 0.92), (13.8, 0.7), (14.4, 0.92),
            (17.8, 0.84), (18.4, 0.88), (21.6, 0.8), (22.6, 0.16), (24, 0.14)),
    "one": ((0, 0.08), (7.2, 0.08), (8.4, 0.86), (11.6, 0.92), (12.1, 0.48), (13.1, 0.9), (16.7, 0.84), (17.8, 0.12),
            (24, 0.08)),
}  # fmt: skip
#: Share of the weekday level on Saturday and Sunday.
_WEEKEND = {"continuous": (1.0, 0.995), "three": (0.97, 0.88), "two": (0.82, 0.22), "one": (0.35, 0.12)}


def _week(shift: str) -> F64:
    hours = np.arange(1440) / 60.0
    profile = np.array(_PROFILES[shift])
    day = np.interp(hours, profile[:, 0], profile[:, 1])
    saturday, sunday = _WEEKEND[shift]
    base = day.min()
    return np.concatenate(
        [day] * 5 + [np.maximum(day * saturday, base * 0.9), np.maximum(day * sunday, base * 0.9)]
    )


class Production:
    """Production of all firms at once.

    Args:
        firms: in the order of the rows of every result.
        seed: of the zone.
    """

    def __init__(self, firms: Sequence[Enterprise], seed: int) -> None:
        rows = []
        for firm in firms:
            rng = stream(seed, "week", firm.code)
            week = np.roll(_week(firm.trade.shift), int(rng.integers(-25, 26))) * float(
                rng.uniform(0.94, 1.0)
            )
            window = np.ones(31) / 31.0
            rows.append(np.convolve(np.concatenate((week[-15:], week, week[:15])), window, mode="valid"))
        self.week = np.array(rows)
        following = np.roll(self.week, -1, axis=1)
        self._rise = following - self.week
        steps = (self.week + following) / 120.0  # hours of full load per minute
        self._cumulative = np.concatenate((np.zeros((len(rows), 1)), np.cumsum(steps, axis=1)), axis=1)
        self._keys = [
            np.array([key(seed, "production", s, f.code) for f in firms], np.uint64) for s in range(2)
        ]
        quiet = self.week.min(axis=1)
        self._sizes = [np.minimum(size, 0.14 * quiet)[:, None] for size in SIZES]

    def level(self, seconds: F64) -> F64:
        """Production 0..about 1.05, shape (firms, T)."""
        minute = week_minutes(seconds)
        at = np.minimum(minute.astype(np.int64), MINUTES - 1)
        out: F64 = self.week[:, at] + self._rise[:, at] * (minute - at)
        for keys, size, scale in zip(self._keys, self._sizes, SCALES, strict=True):
            out += size * noise.slope(keys, seconds, scale)
        return out

    def hours(self, seconds: F64) -> F64:
        """Full-load hours since :data:`ORIGIN_S`: the integral of :meth:`level`, shape (firms, T)."""
        return self._integral(seconds) - self._integral(np.array([ORIGIN_S]))

    def _integral(self, seconds: F64) -> F64:
        minute = week_minutes(seconds)
        weeks = np.round((seconds / 60.0 - minute) / MINUTES)
        weeks = weeks - np.floor(ORIGIN_S / 60.0 / MINUTES)  # small numbers keep their digits
        at = np.minimum(minute.astype(np.int64), MINUTES - 1)
        x = minute - at
        out: F64 = self._cumulative[:, -1:] * weeks + self._cumulative[:, at]
        out += (self.week[:, at] * x + self._rise[:, at] * x * x / 2.0) / 60.0
        for keys, size, scale in zip(self._keys, self._sizes, SCALES, strict=True):
            out += size * scale / 3600.0 * noise.smooth(keys, seconds, scale)
        return out
