"""Boilers, furnaces, reactors, cold stores, aeration basins: what a plant's PLC shows to the zone, read only."""

from __future__ import annotations

from dataclasses import dataclass

from parkzone.catalogue.specs import Catalogue, Device, Equipment, Limits, Point, Signal
from parkzone.firms.enterprises import Enterprise
from parkzone.seeds import stream

PLC_PERIOD = 10.0


@dataclass(frozen=True)
class Tag:
    """One PLC value: ``value + prod * production + cycle * batch position``, noise as a share of ``span``."""

    suffix: str
    name: str
    name_en: str
    quantity: str
    unit: str
    resolution: float
    low: float
    high: float
    value: float
    span: float
    prod: float = 0.0
    cycle: float = 0.0
    limit_high: float | None = None
    limit_low: float | None = None


PLANTS: dict[str, tuple[str, str, str, str, tuple[Tag, ...]]] = {
    # kind: name, English name, registry kind, class tag, tags
    "boiler": ("锅炉", "boiler", "boiler", "process.boiler", (
        Tag("PSTEAM", "主汽压力", "steam pressure", "pressure", "MPa", 0.001, 0, 4, 1.18, 0.03, 0.06, limit_high=1.45, limit_low=0.9),
        Tag("TSTEAM", "主汽温度", "steam temperature", "temperature", "degC", 0.1, 0, 400, 188, 3.0, 6.0, limit_high=225),
        Tag("LDRUM", "汽包水位", "drum level", "level", "mm", 0.1, -300, 300, 0, 14, limit_high=75, limit_low=-75),
        Tag("TFURN", "炉膛温度", "furnace temperature", "temperature", "degC", 1, 0, 1400, 780, 22, 130, limit_high=1050),
        Tag("PFURN", "炉膛负压", "furnace draught", "pressure", "Pa", 1, -400, 400, -60, 14, limit_high=30, limit_low=-190),
        Tag("FFEED", "给水流量", "feed water flow", "flow.mass", "t/h", 0.01, 0, 120, 6, 0.5, 22),
    )),
    "furnace": ("熔炼炉", "furnace", "furnace", "process.furnace", (
        Tag("T1", "炉温一区", "zone 1 temperature", "temperature", "degC", 1, 0, 1600, 980, 12, 120, limit_high=1200),
        Tag("T2", "炉温二区", "zone 2 temperature", "temperature", "degC", 1, 0, 1600, 940, 12, 130, limit_high=1180),
        Tag("TCOOL", "冷却水回水温度", "cooling water return", "temperature", "degC", 0.1, 0, 100, 28, 1.2, 9, limit_high=48),
        Tag("PCOOL", "冷却水压力", "cooling water pressure", "pressure", "MPa", 0.001, 0, 1, 0.36, 0.008, -0.02, limit_low=0.27),
    )),
    "reactor": ("反应釜", "reactor", "reactor", "process.reactor", (
        Tag("T", "釜温", "temperature", "temperature", "degC", 0.1, -20, 320, 62, 1.0, 0, 88, limit_high=165),
        Tag("P", "釜压", "pressure", "pressure", "MPa", 0.001, -0.1, 6, 0.18, 0.01, 0, 0.9, limit_high=1.35),
        Tag("TJ", "夹套温度", "jacket temperature", "temperature", "degC", 0.1, -20, 320, 55, 1.6, 0, 92, limit_high=175),
        Tag("SPEED", "搅拌转速", "stirrer speed", "rotation", "1/min", 0.1, 0, 300, 84, 0.4, 6, limit_low=60),
        Tag("FCOOL", "循环水流量", "cooling water flow", "flow", "m3/h", 0.1, 0, 400, 68, 2.4, 0, 70, limit_low=40),
    )),
    "cold": ("氨制冷系统", "ammonia refrigeration", "compressor", "process.refrigeration", (
        Tag("PSUC", "吸气压力", "suction pressure", "pressure", "kPa", 0.1, -50, 600, 118, 5, 10, limit_high=180),
        Tag("PDIS", "排气压力", "discharge pressure", "pressure", "kPa", 1, 0, 3000, 1080, 28, 90, limit_high=1450),
        Tag("TROOM", "库温", "store temperature", "temperature", "degC", 0.1, -60, 40, -20.5, 0.6, 1.2, limit_high=-15),
        Tag("LREC", "贮氨器液位", "receiver level", "ratio", "%", 0.1, 0, 100, 46, 3.0, -6, limit_high=80, limit_low=20),
    )),
    "aeration": ("生化池", "aeration basin", "treatment", "process.treatment", (
        Tag("DO", "溶解氧", "dissolved oxygen", "concentration.water", "mg/L", 0.01, 0, 20, 2.4, 0.35, 0, limit_low=0.6),
        Tag("MLSS", "污泥浓度", "sludge concentration", "concentration.water", "mg/L", 1, 0, 12000, 3900, 130),
        Tag("FIN", "进水流量", "inflow", "flow", "m3/h", 1, 0, 4000, 620, 30, 640, limit_high=1900),
        Tag("PBLOW", "鼓风机出口压力", "blower pressure", "pressure", "kPa", 0.1, 0, 120, 58, 1.2, 3, limit_high=75),
        Tag("ORP", "氧化还原电位", "redox potential", "voltage", "mV", 1, -600, 600, 95, 16),
    )),
}  # fmt: skip


def plant(
    catalogue: Catalogue, firm: Enterprise, thing: Equipment, device: Device, kind: str, seed: int
) -> None:
    """The values of one main plant behind its PLC."""
    rng = stream(seed, "plant", firm.code, thing.code)
    _, _, _, class_tag, tags = PLANTS[kind]
    batch_h = float(rng.uniform(5, 11))
    for tag in tags:
        n = tag.span * float(rng.uniform(0.8, 1.2))
        signal = Signal(
            tag.value, tag.prod, {}, (0.30 * n, 0.5 * n, 0.5 * n, 0.3 * n), 0.08 * n, cycle=tag.cycle,
            cycle_kind="batch", cycle_h=batch_h, floor=tag.low, ceiling=tag.high,
            group=thing.code if tag.cycle else "",
        )  # fmt: skip
        limits = None
        if tag.limit_high is not None or tag.limit_low is not None:
            limits = Limits(tag.limit_high, None, tag.limit_low, None, round(abs(n) * 0.5, 3), 30, 60, 2,
                            "企业工艺卡 (演示参数)")  # fmt: skip
        catalogue.points.append(Point(
            f"{thing.code}.{tag.suffix}", f"{thing.name} {tag.name}", f"{thing.name_en} {tag.name_en}", tag.quantity,
            tag.unit, PLC_PERIOD, tag.resolution, tag.low, tag.high, class_tag, firm, thing, device.code, tag.suffix,
            signal, limits, 1,
        ))  # fmt: skip
