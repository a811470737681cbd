"""Tanks and gas detectors.

Detector limits follow GB/T 50493-2019 in kind (two steps; combustible 25 and 50 %LEL, toxic around the
occupational exposure limit of GBZ 2.1); all are parameters of the demo zone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from parkzone.catalogue.specs import Catalogue, Device, Equipment, Limits, Point, Signal, Unit
from parkzone.firms.enterprises import Enterprise
from parkzone.firms.trades import SUBSTANCES, Substance
from parkzone.geometry.buildings import Building
from parkzone.geometry.frame import Point as Place
from parkzone.seeds import stream

TANK_PERIOD = 10.0
GAS_PERIOD = 5.0


@dataclass(frozen=True)
class Species:
    """What a gas detector measures; ``noise`` is the zero-point noise in ``unit``."""

    name: str
    name_en: str
    quantity: str
    unit: str
    resolution: float
    high: float
    alarm: float
    alarm_high: float
    noise: float
    source: str


_REACH = "GB/T 50493-2019 5.5.2 (演示参数)"
SPECIES: dict[str, Species] = {
    "combustible": Species("可燃气体", "combustible gas", "gas.lel", "%LEL", 0.1, 100.0, 25.0, 50.0, 0.5, _REACH),
    "voc": Species("VOCs", "VOC", "gas.fraction", "ppm", 0.1, 200.0, 10.0, 25.0, 0.25, _REACH),
    "h2s": Species("硫化氢", "hydrogen sulphide", "gas.fraction", "ppm", 0.1, 100.0, 6.6, 13.2, 0.15, _REACH),
    "cl2": Species("氯气", "chlorine", "gas.fraction", "ppm", 0.01, 20.0, 0.35, 0.7, 0.01, _REACH),
    "nh3": Species("氨气", "ammonia", "gas.fraction", "ppm", 0.1, 200.0, 26.0, 52.0, 0.6, _REACH),
}  # fmt: skip


def tank(
    catalogue: Catalogue, firm: Enterprise, number: int, substance: Substance, body: Building, unit: Unit,
    device: Device, address: str, seed: int,
) -> Equipment:  # fmt: skip
    """A tank with level, temperature and, where it holds something dangerous, pressure."""
    rng = stream(seed, "tank", firm.code, number)
    tag = f"T-{number:02d}"
    volume = round(math.pi * body.radius**2 * body.height * 0.9)
    thing = catalogue.add(Equipment(
        f"{firm.code}.TK{number:02d}", f"{tag} {substance.name}储罐", f"{tag} {substance.name_en} tank", "tank", firm,
        unit.code, (body.u, body.v), body.height,
        {"substance": substance.name, "substance_en": substance.name_en, "volume_m3": volume, "radius_m": body.radius},
    ))  # fmt: skip
    h = body.height
    # Nobody fills above 85 %; the limits lie above what operation reaches, except where a tank waits for shipping.
    low, span = float(rng.uniform(0.16, 0.30)), float(rng.uniform(0.30, 0.48))
    cycle = float(rng.uniform(14, 90))
    level = Signal(low * h, 0.0, {}, (0.0, 0.001 * h, 0.002 * h, 0.0), 0.0008 * h, cycle=span * h, cycle_kind="tank",
                   cycle_h=cycle, floor=0.0, ceiling=h, group=thing.code)  # fmt: skip
    limits = Limits(round(0.85 * h, 1), round(0.92 * h, 1), round(0.10 * h, 1), round(0.05 * h, 1), round(0.01 * h, 2), 30, 30, 2,
                    "GB/T 37243 / 企业工艺卡 (演示参数)")  # fmt: skip

    def add(
        suffix: str, zh: str, en: str, quantity: str, unit_: str, resolution: float, lo: float, hi: float, kind: str,
        signal: Signal, lim: Limits | None,
    ) -> None:  # fmt: skip
        catalogue.points.append(Point(
            f"{thing.code}.{suffix}", f"{thing.name} {zh}", f"{thing.name_en} {en}", quantity, unit_, TANK_PERIOD,
            resolution, lo, hi, kind, firm, thing, device.code, f"{address}{suffix}", signal, lim,
            2 if substance.hazardous else 0, substance.gas or "",
        ))  # fmt: skip

    add("LEVEL", "液位", "level", "level", "m", 0.001, 0.0, h, "tank.level", level, limits)
    if substance.temperature is None:
        warm = Signal(
            2.0, 0.0, {"temperature": 0.75, "sun": 3.0}, (0.05, 0.15, 0.3, 0.3), 0.03, group=thing.code
        )
        top = 40.0
    else:
        warm = Signal(
            substance.temperature, 0.0, {"temperature": 0.03}, (0.1, 0.3, 0.3, 0.2), 0.03, group=thing.code
        )
        top = substance.temperature + 12.0
    add("TEMP", "温度", "temperature", "temperature", "degC", 0.1, -45.0, 120.0, "tank.temperature", warm,
        Limits(top, top + 8, deadband=0.5, on_delay_s=60, off_delay_s=60, source="企业工艺卡 (演示参数)"))  # fmt: skip
    if substance.hazardous and substance.pressure > 0.5:
        p = substance.pressure
        press = Signal(p, 0.0, {"temperature": p * 0.004, "sun": 0.1}, (0.01 * p, 0.01 * p, 0.02 * p, 0.02 * p),
                       0.002 * p + 0.005, floor=-1.0, group=thing.code)  # fmt: skip
        add("PRES", "压力", "pressure", "pressure", "kPa", 0.1 if p > 50 else 0.01, -5.0, p * 3, "tank.pressure", press,
            Limits(round(p * 1.35, 1), round(p * 1.6, 1), deadband=round(p * 0.03, 2), on_delay_s=30, off_delay_s=30,
                   priority=2, source="企业工艺卡 (演示参数)"))  # fmt: skip
    return thing


def detector(
    catalogue: Catalogue, firm: Enterprise, number: int, species: str, at: Place, unit: Unit, device: Device,
    address: str, seed: int,
) -> Point:  # fmt: skip
    """A fixed gas detector: almost zero on a calm day, with the slow drift of its sensor."""
    sp = SPECIES[species]
    rng = stream(seed, "detector", firm.code, number)
    thing = catalogue.add(Equipment(
        f"{firm.code}.GD{number:02d}", f"GD-{number:02d} {sp.name}探测器", f"GD-{number:02d} {sp.name_en} detector",
        "gas_detector", firm, unit.code, at, 0.5 if species in ("voc", "cl2", "combustible") else 1.8,
        {"species": species},
    ))  # fmt: skip
    n = sp.noise
    signal = Signal(float(rng.uniform(0.2, 1.2)) * n, 0.3 * n, {"calm": 0.4 * n}, (0.4 * n, 0.4 * n, 0.5 * n, 0.3 * n),
                    0.15 * n, floor=0.0, ceiling=sp.high)  # fmt: skip
    point = Point(
        f"{thing.code}.GAS", f"{thing.name}", f"{thing.name_en}", sp.quantity, sp.unit, GAS_PERIOD, sp.resolution, 0.0,
        sp.high, f"gas.{species}", firm, thing, device.code, address, signal,
        Limits(sp.alarm, sp.alarm_high, deadband=sp.alarm * 0.06, on_delay_s=0, off_delay_s=30, priority=1,
               source=sp.source), 3, species,
    )  # fmt: skip
    catalogue.points.append(point)
    return point


def substance(code: str) -> Substance:
    return SUBSTANCES[code]
