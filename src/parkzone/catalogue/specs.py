"""The nouns of the catalogue: equipment, device, point, limits, signal."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from parkzone.firms.enterprises import Enterprise
from parkzone.geometry.frame import Point as Place


@dataclass(frozen=True)
class Signal:
    """How a value behaves; :mod:`parkzone.behaviour.model` computes all points at once from these numbers.

    ``x = base + prod * production + sum(drivers) + noise + cycle * cycle_position + count * hours`` and, when
    ``log``, the exponential of it; then clipped to ``floor``..``ceiling`` and rounded to the resolution.

    Attributes:
        prod: gain on the firm's production, 0..about 1.05.
        drivers: gains on zone-wide drivers (see ``behaviour.drivers.DRIVERS``).
        noise: standard deviations of smooth noise at time scales 5 min, 45 min, 6 h, 2 d.
        white: standard deviation of the measuring noise, new every second.
        cycle: gain on the cycle position (tank filling, batch); 0 for none.
        cycle_kind: ``tank`` or ``batch``.
        cycle_h: length of a cycle in hours.
        count: gain on the firm's full-load hours since the epoch of the zone (energy and volume totals).
        count_base: share of ``count`` that runs independent of production.
        calibration: minutes from local midnight at which the daily calibration starts; -1 for none.
        wrap: values are taken modulo this (wind direction); 0 for none.
        group: points of one group share part of their smooth noise (same stack, same tank).
    """

    base: float
    prod: float = 0.0
    drivers: dict[str, float] = field(default_factory=dict)
    noise: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    white: float = 0.0
    log: bool = False
    cycle: float = 0.0
    cycle_kind: str = "tank"
    cycle_h: float = 24.0
    count: float = 0.0
    count_base: float = 0.0
    floor: float = float("-inf")
    ceiling: float = float("inf")
    calibration: int = -1
    wrap: float = 0.0
    group: str = ""


@dataclass(frozen=True)
class Limits:
    """Alarm limits in the unit of the point; None where there is none. ``source`` names where they come from."""

    high: float | None = None
    high_high: float | None = None
    low: float | None = None
    low_low: float | None = None
    deadband: float = 0.0
    on_delay_s: float = 0.0
    off_delay_s: float = 0.0
    priority: int = 3
    source: str = ""


@dataclass
class Equipment:
    """A thing of the registry."""

    code: str
    name: str
    name_en: str
    kind: str
    enterprise: Enterprise | None
    unit: str | None
    at: Place
    height_m: float | None = None
    properties: dict[str, Any] = field(default_factory=dict)


@dataclass
class Unit:
    """A process unit of an enterprise."""

    code: str
    name: str
    name_en: str
    enterprise: Enterprise


@dataclass
class Point:
    """One measured stream.

    Attributes:
        low, high: plausible range.
        kind: dotted class tag.
        device: code of the device that sends it.
        address: its address in that device.
        substance: what a gas detector or a tank has to do with, for scenarios.
    """

    code: str
    name: str
    name_en: str
    quantity: str
    unit: str
    period_s: float
    resolution: float
    low: float
    high: float
    kind: str
    enterprise: Enterprise | None
    equipment: Equipment
    device: str
    address: str
    signal: Signal
    limits: Limits | None = None
    priority: int = 0
    substance: str = ""


@dataclass
class Device:
    """A field device as it will be known to the gateways.

    Attributes:
        protocol: ``hj212``, ``modbus`` or ``mqtt``.
        kind: ``station`` (hj212), ``meter``/``gas``/``plc`` (modbus), ``json``/``sparkplug`` (mqtt).
        key: MN, or ``line/unit`` (modbus), or the topic or node.
        version: HJ 212 version, 2005, 2017 or 2025.
        dead: never sends anything: the standing fault of the calm zone.
    """

    code: str
    name: str
    name_en: str
    protocol: str
    kind: str
    key: str
    enterprise: Enterprise | None
    equipment: Equipment | None = None
    system_type: str = ""
    version: int = 2017
    line: int = 0
    unit: int = 0
    period_s: float = 60.0
    dead: bool = False


@dataclass
class Catalogue:
    """All of it, in stable order."""

    units: list[Unit] = field(default_factory=list)
    equipment: list[Equipment] = field(default_factory=list)
    devices: list[Device] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)

    def add(self, equipment: Equipment) -> Equipment:
        self.equipment.append(equipment)
        return equipment

    def of_device(self) -> dict[str, list[Point]]:
        """Points per device code, in order."""
        out: dict[str, list[Point]] = {d.code: [] for d in self.devices}
        for p in self.points:
            out[p.device].append(p)
        return out
