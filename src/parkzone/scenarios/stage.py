"""The stage: all scenarios, which of them run, and when they end."""

from __future__ import annotations

from typing import Any

from parkzone.engine import Engine
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
from parkzone.texts import text

LONGEST_S = 24 * 3600.0


class UnknownScenarioError(LookupError):
    """No scenario of that name."""


class Stage:
    """Starts and ends scenarios.

    Args:
        engine: the zone's present.
        drop: cuts the connections of some devices.
    """

    def __init__(self, engine: Engine, drop: Dropper) -> None:
        self.engine = engine
        kinds: tuple[Scenario, ...] = (
            TankLeak(), EmissionExceedance(), DeadSensor(), FrozenValue(), FalsifiedData(), NetworkCut(drop=drop),
            AlarmFlood(), ClockJump(),
        )  # fmt: skip
        self._drop = drop
        self.scenarios: dict[str, Scenario] = {s.name: s for s in kinds}

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
        kind = type(self.scenarios[name])
        scenario = NetworkCut(drop=self._drop) if kind is NetworkCut else kind()
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
