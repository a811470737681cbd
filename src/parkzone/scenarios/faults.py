"""Scenarios of instruments and networks: dead, frozen and falsified values, cuts, jumping clocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from parkzone.behaviour.noise import F64
from parkzone.engine import Engine
from parkzone.scenarios.base import Scenario

#: Cuts connections of the devices with these codes.
Dropper = Callable[[set[str]], None]


@dataclass
class DeadSensor(Scenario):
    """One gas detector falls silent while its gateway goes on sending everything else."""

    name: str = "dead-sensor"
    duration_s: float = 900.0
    _row: int = -1

    def prepare(self, engine: Engine) -> None:
        self._row = next(
            i for i, p in enumerate(engine.points)
            if p.kind.startswith("gas.") and p.address.startswith("gas/") and len(engine.rows_of[p.device]) > 5
        )  # fmt: skip
        self.touched = [engine.points[self._row].code]

    def apply(self, engine: Engine) -> None:
        engine.missing[self._row] = True


@dataclass
class FrozenValue(Scenario):
    """A CEMS analyser hangs: its value stays exactly the same while flow and temperature move on."""

    name: str = "frozen-value"
    duration_s: float = 1800.0
    _row: int = -1
    _value: float = 0.0

    def prepare(self, engine: Engine) -> None:
        firm = next(f for f in engine.park.firms if f.trade.code == "copper")
        self._row = engine.row[f"{firm.code}.DA001.NOX"]
        self._value = float(engine.values[self._row])
        self.touched = [engine.points[self._row].code]

    def apply(self, engine: Engine) -> None:
        engine.values[self._row] = self._value


@dataclass
class FalsifiedData(Scenario):
    """A discharger cheats: COD pinned in a narrow band under its limit, ammonia a copied block that repeats."""

    name: str = "falsified-data"
    duration_s: float = 3600.0
    block_s: int = 600
    _cod: int = -1
    _ammonia: int = -1
    _block: F64 = field(default_factory=lambda: np.zeros(0))

    def prepare(self, engine: Engine) -> None:
        firm = next(f for f in engine.park.firms if f.trade.code == "agro")
        self._cod, self._ammonia = (engine.row[f"{firm.code}.DW001.{s}"] for s in ("COD", "NH3N"))
        self.touched = [engine.points[r].code for r in (self._cod, self._ammonia)]
        at = engine.at_ms - self.block_s * 1000 + np.arange(0, self.block_s, 10, dtype=np.int64) * 1000
        self._block = engine.model.part([self._ammonia]).values(at)[0]

    def apply(self, engine: Engine) -> None:
        limits = engine.points[self._cod].limits
        assert limits is not None
        assert limits.high is not None
        # real water scatters by ten per cent; this does by a third of one
        scatter = 0.0033 * np.sin(engine.at_ms / 1000.0 * 1.7)
        engine.values[self._cod] = 0.62 * limits.high * (1.0 + scatter)
        engine.values[self._ammonia] = self._block[int(self.elapsed_s(engine)) % self.block_s // 10]


@dataclass
class NetworkCut(Scenario):
    """The fibre to part of the zone is cut: stations and gateways fall silent, then deliver what they kept."""

    name: str = "network-cut"
    duration_s: float = 300.0
    stations: int = 16
    gateways: int = 6
    drop: Dropper = field(default=lambda _codes: None)

    def prepare(self, engine: Engine) -> None:
        park = engine.park
        logger = [d for d in park.catalogue.devices if d.protocol == "hj212" and d.enterprise and not d.dead]
        nodes = [
            d for d in park.catalogue.devices if d.protocol == "mqtt" and d.kind == "json" and d.enterprise
        ]
        near = sorted(
            logger, key=lambda d: (d.enterprise is not None and d.enterprise.parcel.centre[0], d.code)
        )
        near_nodes = sorted(
            nodes, key=lambda d: (d.enterprise is not None and d.enterprise.parcel.centre[0], d.code)
        )
        self.touched = [d.code for d in near[: self.stations] + near_nodes[: self.gateways]]

    def begin(self, engine: Engine) -> None:
        engine.offline |= set(self.touched)
        self.drop(set(self.touched))

    def end(self, engine: Engine) -> None:
        engine.offline -= set(self.touched)


@dataclass
class ClockJump(Scenario):
    """The clocks of three devices jump: one 37 minutes ahead, one three hours and one a day behind."""

    name: str = "clock-jump"
    duration_s: float = 600.0
    jumps_ms: tuple[int, ...] = (37 * 60_000, -3 * 3_600_000, -86_400_000)

    def prepare(self, engine: Engine) -> None:
        stations = [
            d.code for d in engine.park.catalogue.devices if d.protocol == "hj212" and d.system_type == "31"
        ]
        nodes = [
            d.code for d in engine.park.catalogue.devices
            if d.protocol == "mqtt" and d.kind == "json" and d.enterprise
        ]  # fmt: skip
        self.touched = [stations[3], stations[11], nodes[1]]

    def begin(self, engine: Engine) -> None:
        for code, jump in zip(self.touched, self.jumps_ms, strict=True):
            engine.clock_offset_ms[code] = jump

    def end(self, engine: Engine) -> None:
        for code in self.touched:
            engine.clock_offset_ms.pop(code, None)
