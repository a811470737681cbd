"""The present moment of the zone: one snapshot of all values, refreshed every second, with scenarios laid over it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt

from parkzone.behaviour.drivers import ROW, drivers
from parkzone.behaviour.model import Model
from parkzone.behaviour.noise import F64
from parkzone.park import Park

TICK_S = 1.0


def system_ms() -> int:
    """Milliseconds since the epoch by the machine's clock."""
    return time.time_ns() // 1_000_000


class Overlay(Protocol):
    """Something that changes the snapshot while it is active."""

    def apply(self, engine: Engine) -> None:
        """Change ``engine.values``, ``engine.missing`` in place for the instant ``engine.at_ms``."""
        ...


class Engine:
    """Values of all points now.

    Attributes:
        at_ms: instant of the snapshot, whole seconds.
        values, quality: one entry per point of the catalogue.
        missing: points that deliver nothing (dead sensors).
        clock_offset_ms: per device code, how far its own clock is off.
        offline: devices that are cut from the network.
    """

    def __init__(self, park: Park, clock_ms: Callable[[], int] = system_ms) -> None:
        self.park = park
        self.clock_ms = clock_ms
        self.points = park.catalogue.points
        self.model = Model(self.points, park.firms, park.seed)
        self.row = {p.code: i for i, p in enumerate(self.points)}
        self.rows_of: dict[str, list[int]] = {d.code: [] for d in park.catalogue.devices}
        for i, p in enumerate(self.points):
            self.rows_of[p.device].append(i)
        self._dead = np.zeros(len(self.points), np.bool_)
        for d in park.catalogue.devices:
            if d.dead:
                self._dead[self.rows_of[d.code]] = True
        self.decimals = [max(0, round(-np.log10(p.resolution))) for p in self.points]
        self.overlays: list[Overlay] = []
        self.clock_offset_ms: dict[str, int] = {}
        self.offline: set[str] = set()
        self.at_ms = 0
        self.values: F64 = np.zeros(len(self.points))
        self.quality: npt.NDArray[np.uint8] = np.zeros(len(self.points), np.uint8)
        self.missing = self._dead.copy()
        self.tick()

    def tick(self) -> None:
        """Take a new snapshot; overlays work on fresh copies, so ending one leaves no trace."""
        self.at_ms = self.clock_ms() // 1000 * 1000
        at = np.array([self.at_ms], np.int64)
        self.values = self.model.values(at)[:, 0]
        self.quality = self.model.quality(at)[:, 0]
        self.missing = self._dead.copy()
        if self.overlays:
            for overlay in list(self.overlays):
                overlay.apply(self)
            low = np.array([p.low for p in self.points])
            self.values = self.model.rounded(np.maximum(self.values, low)[:, None])[:, 0]

    def device_ms(self, device: str) -> int:
        """The snapshot's instant as a device's own clock tells it."""
        return self.at_ms + self.clock_offset_ms.get(device, 0)

    def wind(self) -> tuple[float, float]:
        """Wind speed in m/s and the direction it comes from in degrees, zone-wide."""
        now = drivers(self.park.seed, np.array([self.at_ms / 1000.0]))[:, 0]
        return float(now[ROW["wind"]]), float(now[ROW["direction"]])

    def text(self, row: int, value: float) -> str:
        """A value with the decimals of its instrument."""
        return f"{value:.{self.decimals[row]}f}"
