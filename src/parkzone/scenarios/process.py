"""Scenarios of the plant: a leaking tank, a failing desulphuriser, a power dip that floods the alarm list."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from parkzone.behaviour.noise import F64, I64
from parkzone.engine import Engine
from parkzone.geometry.frame import lonlat_of, to_lonlat, to_xy
from parkzone.props import Props
from parkzone.scenarios.base import Scenario, ramp
from parkzone.scenarios.plume import concentration, ppm
from parkzone.scenarios.sights import drift
from parkzone.seeds import stream

#: Benzene: molar mass g/mol, lower explosive limit in ppm (GB/T 50493 annex A).
BENZENE, BENZENE_LEL_PPM = 78.11, 12_000.0
LEAK_G_S = 60.0
#: Distance of the leaking flange from the nearest detector, m.
UPWIND_M = 14.0


@dataclass
class TankLeak(Scenario):
    """A flange of a benzene tank leaks; detectors downwind see the plume of the present wind."""

    name: str = "tank-leak"
    duration_s: float = 900.0
    tank: str = ""
    source: tuple[float, float] = (0.0, 0.0)
    props: Props = field(default_factory=Props)
    _voc: list[int] = field(default_factory=list)
    _lel: list[int] = field(default_factory=list)
    _nmhc: list[int] = field(default_factory=list)
    _level: int = -1
    _places: dict[int, tuple[float, float, float]] = field(default_factory=dict)

    def prepare(self, engine: Engine) -> None:
        for i, p in enumerate(engine.points):
            group = {"gas.voc": self._voc, "gas.combustible": self._lel}.get(p.kind)
            if group is None and p.code.endswith(".NMHC") and p.kind == "air.fence":
                group = self._nmhc
            if group is not None:
                group.append(i)
                x, y = to_xy(*p.equipment.at)
                self._places[i] = (x, y, p.equipment.height_m or 1.5)
        tanks = [e for e in engine.park.catalogue.equipment if e.properties.get("substance_en") == "benzene"]
        # a flange a few metres upwind of a detector of the tank, and of all tanks the one whose cloud meets
        # most detectors in the present wind: the drill is about being seen
        places = [(self._flange(engine, to_xy(*t.at)), t.code) for t in tanks]
        self.source, self.tank = max(places, key=lambda p: (self._seen(engine, p[0]), p[1]))
        self._level = engine.row[f"{self.tank}.LEVEL"]
        self.touched = [self.tank]

    def begin(self, engine: Engine) -> None:
        # the vapour is cold enough to be seen as mist close to the flange
        lon, lat = lonlat_of(*self.source)
        self.props.burn(self.name, "smoke", (lon, lat, 1.0), 1.6, drift(engine))

    def end(self, engine: Engine) -> None:
        self.props.put_out(self.name)

    def _flange(self, engine: Engine, tank: tuple[float, float]) -> tuple[float, float]:
        _, from_deg = engine.wind()
        near = min(self._voc, key=lambda r: math.dist(self._places[r][:2], tank))
        x, y, _ = self._places[near]
        bearing = math.radians(from_deg)
        return x + UPWIND_M * math.sin(bearing), y + UPWIND_M * math.cos(bearing)

    def _seen(self, engine: Engine, source: tuple[float, float]) -> float:
        """How many detectors would alarm, and by how much, for a source."""
        wind, from_deg = engine.wind()
        at = np.array([self._places[r] for r in self._voc])
        c = ppm(concentration(at[:, 0], at[:, 1], at[:, 2], source, 0.8, LEAK_G_S, wind, from_deg), BENZENE)
        return float(np.minimum(c / 10.0, 3.0).sum())

    def _cloud(self, engine: Engine, rows: list[int]) -> F64:
        wind, from_deg = engine.wind()
        at = np.array([self._places[r] for r in rows])
        # the cloud swings a little around the mean wind
        swing = 6.0 * np.sin(engine.at_ms / 47_000.0) + 3.0 * np.sin(engine.at_ms / 13_000.0)
        rate = LEAK_G_S * ramp(self.elapsed_s(engine), 90.0)
        return concentration(
            at[:, 0], at[:, 1], at[:, 2], self.source, 0.8, rate, wind, from_deg + float(swing)
        )

    def apply(self, engine: Engine) -> None:
        high = np.array([engine.points[r].high for r in self._voc])
        engine.values[self._voc] = np.minimum(
            engine.values[self._voc] + ppm(self._cloud(engine, self._voc), BENZENE), high
        )
        lel = 100.0 * ppm(self._cloud(engine, self._lel), BENZENE) / BENZENE_LEL_PPM
        engine.values[self._lel] = np.minimum(engine.values[self._lel] + lel, 100.0)
        # NMHC is reported as carbon: 72 of benzene's 78 grams per mole
        engine.values[self._nmhc] += self._cloud(engine, self._nmhc) * 0.92
        engine.values[self._level] -= 0.0004 * self.elapsed_s(engine)


@dataclass
class EmissionExceedance(Scenario):
    """The desulphuriser of the heat plant trips: sulphur dioxide climbs over its limit within minutes."""

    name: str = "emission-exceedance"
    duration_s: float = 1800.0
    props: Props = field(default_factory=Props)
    _rows: list[int] = field(default_factory=list)
    _top: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def prepare(self, engine: Engine) -> None:
        firm = next(f for f in engine.park.firms if f.trade.code == "heat")
        self._rows = [engine.row[f"{firm.code}.DA001.{s}"] for s in ("SO2", "DUST")]
        self.touched = [engine.points[r].code for r in self._rows]
        stack = engine.points[self._rows[0]].equipment
        self._top = (*to_lonlat(*stack.at), stack.height_m or 80.0)

    def begin(self, engine: Engine) -> None:
        self.props.burn(self.name, "smoke", self._top, 6.0, drift(engine))

    def end(self, engine: Engine) -> None:
        self.props.put_out(self.name)

    def apply(self, engine: Engine) -> None:
        grown = ramp(self.elapsed_s(engine), 240.0)
        for row, factor in zip(self._rows, (4.2, 1.7), strict=True):
            engine.values[row] *= 1.0 + (factor - 1.0) * grown


@dataclass
class AlarmFlood(Scenario):
    """A voltage dip: hundreds of values of the chemical park cross their limits and swing back and forth."""

    name: str = "alarm-flood"
    duration_s: float = 600.0
    points: int = 320
    _rows: I64 = field(default_factory=lambda: np.zeros(0, np.int64))
    _onset: F64 = field(default_factory=lambda: np.zeros(0))
    _swing: F64 = field(default_factory=lambda: np.zeros(0))
    _target: F64 = field(default_factory=lambda: np.zeros(0))

    def prepare(self, engine: Engine) -> None:
        rng = stream(engine.park.seed, "alarm-flood")
        able = [
            i for i, p in enumerate(engine.points)
            if p.limits is not None and p.enterprise is not None and p.enterprise.chemical
            and not p.kind.startswith(("gas.", "emission."))
        ]  # fmt: skip
        chosen = sorted(int(i) for i in rng.permutation(able)[: self.points])
        targets = []
        for i in chosen:
            p, lim = engine.points[i], engine.points[i].limits
            assert lim is not None
            margin = max(lim.deadband * 2.0, p.resolution * 5)
            target = lim.high + margin if lim.high is not None else (lim.low or 0.0) - margin
            targets.append(min(max(target, p.low), p.high))
        self._rows = np.array(chosen, np.int64)
        self._target = np.array(targets)
        self._onset = rng.gamma(1.2, 30.0, len(chosen))
        self._swing = rng.uniform(50.0, 240.0, len(chosen))
        self.touched = [engine.points[i].code for i in chosen]

    def apply(self, engine: Engine) -> None:
        t = self.elapsed_s(engine)
        wave = np.sin(2 * np.pi * (t - self._onset) / self._swing)
        on = (t > self._onset) & (wave > -0.5)
        engine.values[self._rows] = np.where(on, self._target, engine.values[self._rows])
