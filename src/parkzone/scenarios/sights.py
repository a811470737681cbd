"""Scenarios for the eyes: what burns, and cameras that see badly."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from parkzone.engine import Engine
from parkzone.geometry.frame import to_lonlat
from parkzone.props import Props
from parkzone.scenarios.base import Scenario


def drift(engine: Engine) -> tuple[float, float]:
    """The present wind as m/s towards east and north."""
    speed, from_deg = engine.wind()
    bearing = math.radians(from_deg)
    return -speed * math.sin(bearing), -speed * math.cos(bearing)


@dataclass
class TankFire(Scenario):
    """A tank of the chemical park burns: flame on its roof, smoke with the present wind. No detector knows of it."""

    name: str = "tank-fire"
    duration_s: float = 600.0
    props: Props = field(default_factory=Props)

    _fires: list[tuple[str, tuple[float, float, float], float]] = field(default_factory=list)

    def prepare(self, engine: Engine) -> None:
        tanks = [e for e in engine.park.catalogue.equipment if e.properties.get("substance_en") == "benzene"]
        tank = min(tanks, key=lambda t: t.code)
        lon, lat = to_lonlat(*tank.at)
        top = tank.height_m or 12.0
        self.touched = [tank.code]
        self._fires = [("flame", (lon, lat, top), 5.0), ("smoke", (lon, lat, top + 4.0), 7.0)]

    def begin(self, engine: Engine) -> None:
        for kind, place, size in self._fires:
            self.props.burn(f"{self.name}-{kind}", kind, place, size, drift(engine))

    def end(self, engine: Engine) -> None:
        for kind, *_ in self._fires:
            self.props.put_out(f"{self.name}-{kind}")


@dataclass
class CameraFaults(Scenario):
    """Six cameras see badly, each in its own way."""

    name: str = "camera-faults"
    duration_s: float = 900.0
    props: Props = field(default_factory=Props)

    def prepare(self, engine: Engine) -> None:
        self.touched = list(FAULTS)

    def begin(self, engine: Engine) -> None:
        for code, knobs in FAULTS.items():
            self.props.turn(code, **knobs)

    def end(self, engine: Engine) -> None:
        for code in FAULTS:
            self.props.turn(code, reset=True)


FAULTS: dict[str, dict[str, float | bool]] = {
    "T02": {"frozen": True}, "T04": {"dark": True}, "T06": {"blurred": True}, "T07": {"clock_offset_s": 3600.0},
    "T12": {"cut": True}, "C03": {"packet_loss": 0.3},
}  # fmt: skip


@dataclass
class LookoutNudged(Scenario):
    """Somebody has bumped a lookout's mount: its head has turned in its clamp and leans a little."""

    name: str = "lookout-nudged"
    duration_s: float = 1800.0
    props: Props = field(default_factory=Props)

    def prepare(self, engine: Engine) -> None:
        self.touched = ["T09"]

    def begin(self, engine: Engine) -> None:
        self.props.turn("T09", heading_off_deg=0.8, mount_x_deg=0.3)

    def end(self, engine: Engine) -> None:
        self.props.turn("T09", reset=True)
