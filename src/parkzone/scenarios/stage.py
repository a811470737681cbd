"""The stage: all scenarios, which of them run, and when they end."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from parkzone.engine import Engine
from parkzone.props import Props
from parkzone.scenarios.base import Scenario
from parkzone.scenarios.faults import (
    ClockJump,
    DeadSensor,
    Dropper,
    FalsifiedData,
    FrozenValue,
    NetworkCut,
)
from parkzone.scenarios.process import AlarmFlood, EmissionExceedance, TankLeak
from parkzone.scenarios.sights import CameraFaults, LookoutNudged, TankFire
from parkzone.texts import text

LONGEST_S = 24 * 3600.0


class UnknownScenarioError(LookupError):
    """No scenario of that name."""


class Stage:
    """Starts and ends scenarios.

    Args:
        engine: the zone's present.
        drop: cuts the connections of some devices.
        props: what the cameras see; None: no cameras.
    """

    def __init__(self, engine: Engine, drop: Dropper, props: Props | None = None) -> None:
        self.engine = engine
        seen = props or Props()
        makers: tuple[Callable[[], Scenario], ...] = (
            partial(TankLeak, props=seen), partial(EmissionExceedance, props=seen), DeadSensor, FrozenValue,
            FalsifiedData, partial(NetworkCut, drop=drop), AlarmFlood, ClockJump, partial(TankFire, props=seen),
            partial(CameraFaults, props=seen), partial(LookoutNudged, props=seen),
        )  # fmt: skip
        self._makers = {make().name: make for make in makers}
        self.scenarios: dict[str, Scenario] = {name: make() for name, make in self._makers.items()}

    def start(self, name: str, duration_s: float | None = None) -> Scenario:
        """Start a scenario; one that runs starts anew.

        Raises:
            UnknownScenarioError: no such scenario.
            ValueError: a duration outside 1 s … 24 h.
        """
        if name not in self.scenarios:
            raise UnknownScenarioError(name)
        length = self.scenarios[name].duration_s if duration_s is None else duration_s
        if not 1.0 <= length <= LONGEST_S:
            raise ValueError(f"duration must be 1 to {LONGEST_S:.0f} seconds, got {length:g}")
        if self.scenarios[name].running:
            self.stop(name)
        scenario = self._makers[name]()
        self.scenarios[name] = scenario
        scenario.prepare(self.engine)
        scenario.started_ms = self.engine.at_ms
        scenario.ends_ms = self.engine.at_ms + round(length * 1000)
        scenario.begin(self.engine)
        self.engine.overlays.append(scenario)
        return scenario

    def stop(self, name: str) -> Scenario:
        """End a scenario; ending one that does not run changes nothing."""
        if name not in self.scenarios:
            raise UnknownScenarioError(name)
        scenario = self.scenarios[name]
        if scenario.running:
            scenario.end(self.engine)
            scenario.started_ms = scenario.ends_ms = None
            if scenario in self.engine.overlays:
                self.engine.overlays.remove(scenario)
        return scenario

    def expire(self) -> list[str]:
        """End what has lasted long enough; returns the names."""
        over = [
            s.name
            for s in self.scenarios.values()
            if s.ends_ms is not None and self.engine.at_ms >= s.ends_ms
        ]
        for name in over:
            self.stop(name)
        return over

    def stop_all(self) -> None:
        for name in self.scenarios:
            self.stop(name)

    def view(self, language: str) -> list[dict[str, Any]]:
        """All scenarios as the control route shows them."""
        return [
            {
                "name": s.name,
                "title": text(language, f"scenario.{s.name}.title"),
                "description": text(language, f"scenario.{s.name}.description"),
                "duration_s": s.duration_s,
                "running": s.running,
                "started_at": s.started_ms,
                "ends_at": s.ends_ms,
                "touched": s.touched[:50] if s.running else [],
            }
            for s in self.scenarios.values()
        ]
