"""The 76 energy terminals and the water, steam, gas and photovoltaic meters."""

from __future__ import annotations

import math

from parkzone.catalogue.specs import Catalogue, Device, Equipment, Limits, Point, Signal, Unit
from parkzone.firms.enterprises import Enterprise
from parkzone.geometry.frame import Point as Place
from parkzone.seeds import stream

TERMINALS = 76
METER_PERIOD = 15.0
FLOW_PERIOD = 30.0


def _point(
    catalogue: Catalogue, thing: Equipment, device: Device, firm: Enterprise, suffix: str, zh: str, en: str,
    quantity: str, unit: str, resolution: float, low: float, high: float, kind: str, signal: Signal,
    limits: Limits | None = None, priority: int = 0,
) -> None:  # fmt: skip
    catalogue.points.append(Point(
        f"{thing.code}.{suffix}", f"{thing.name} {zh}", f"{thing.name_en} {en}", quantity, unit, device.period_s,
        resolution, low, high, kind, firm, thing, device.code, suffix, signal, limits, priority,
    ))  # fmt: skip


def terminal(
    catalogue: Catalogue, firm: Enterprise, at: Place, unit: Unit, device: Device, thing: Equipment, seed: int
) -> None:
    """A three-phase meter on the 10 kV side: voltages, currents, power, factor, energy.

    Power and energy follow the same production curve, so that the register is the integral of the power.
    """
    rng = stream(seed, "meter", firm.code)
    full = firm.load_mw * 1000.0
    pf = float(rng.uniform(0.93, 0.98))
    rated = full / (math.sqrt(3.0) * 10.0 * pf)
    kv = 10.0 * float(rng.uniform(1.0, 1.03))
    for phase, tag in enumerate("ABC"):
        signal = Signal(
            kv / math.sqrt(3.0),
            -0.05,
            {"activity": -0.03},
            (0.004, 0.008, 0.012, 0.008),
            0.002,
            group=thing.code,
        )
        _point(catalogue, thing, device, firm, f"U{tag}", f"{tag}相电压", f"voltage {tag}", "voltage", "kV", 0.001, 0.0, 8.0,
               "energy.voltage", signal)  # fmt: skip
        share = float(rng.uniform(0.97, 1.03))
        signal = Signal(0.0, rated * share, {}, (0.002 * rated, 0.002 * rated, 0.0, 0.0), 0.001 * rated, floor=0.0,
                        group=f"{thing.code}.{phase}")  # fmt: skip
        _point(catalogue, thing, device, firm, f"I{tag}", f"{tag}相电流", f"current {tag}", "current", "A", 0.1, 0.0,
               round(rated * 1.6), "energy.current", signal)  # fmt: skip
    _point(catalogue, thing, device, firm, "P", "有功功率", "active power", "power", "kW", 0.1, 0.0, round(full * 1.5),
           "energy.active_power", Signal(0.0, full, white=0.0005 * full, floor=0.0),
           Limits(round(full * 1.2), round(full * 1.35), deadband=round(full * 0.03), on_delay_s=60, off_delay_s=60,
                  source="供用电合同需量 (演示参数)"), 1)  # fmt: skip
    _point(catalogue, thing, device, firm, "Q", "无功功率", "reactive power", "power.reactive", "kvar", 0.1, -round(full),
           round(full), "energy.reactive_power",
           Signal(0.0, full * math.tan(math.acos(pf)), {}, (0.004 * full, 0.006 * full, 0.0, 0.0), 0.001 * full))  # fmt: skip
    _point(catalogue, thing, device, firm, "PF", "功率因数", "power factor", "power_factor", "1", 0.001, 0.0, 1.0,
           "energy.power_factor",
           Signal(pf - 0.03, 0.03, {}, (0.002, 0.004, 0.003, 0.002), 0.001, ceiling=1.0, floor=0.0),
           Limits(low=0.85, low_low=0.75, deadband=0.01, on_delay_s=900, off_delay_s=300, priority=4,
                  source="(83)水电财字第215号 (演示参数)"))  # fmt: skip
    _point(catalogue, thing, device, firm, "EP", "正向有功电能", "energy imported", "energy", "kWh", 1.0, 0.0, 4e9,
           "energy.energy", Signal(round(float(rng.uniform(2e6, 9e7))), count=full, floor=0.0))  # fmt: skip


def flow_meter(
    catalogue: Catalogue,
    firm: Enterprise,
    medium: str,
    unit: Unit,
    device: Device,
    thing: Equipment,
    seed: int,
) -> None:
    """Rate and total of water, steam or natural gas; the total is the integral of the rate."""
    rng = stream(seed, medium, firm.code)
    size = firm.share * float(rng.uniform(0.8, 1.25))
    if medium == "water":
        rate, quantity, unit_, total_q, total_u, res = 22.0 * size, "flow", "m3/h", "volume", "m3", 0.01
        zh, en, base = "新水", "fresh water", 0.15
    elif medium == "steam":
        rate, quantity, unit_, total_q, total_u, res = 7.5 * size, "flow.mass", "t/h", "mass", "t", 0.01
        zh, en, base = "蒸汽", "steam", 0.2
    else:
        rate, quantity, unit_, total_q, total_u, res = (
            420.0 * size,
            "flow.normal",
            "Nm3/h",
            "volume.normal",
            "Nm3",
            0.1,
        )
        zh, en, base = "天然气", "natural gas", 0.1
    if firm.industry in ("fertiliser", "metals_recycling"):
        rate *= 1.8
    n = 0.0006 * rate
    _point(catalogue, thing, device, firm, "RATE", f"{zh}流量", f"{en} rate", quantity, unit_, res, 0.0, round(rate * 3, 1),
           f"energy.{medium}", Signal(base * rate, (1 - base) * rate, {}, (n, n, 0.0, 0.0), 2 * n, floor=0.0),
           Limits(round(rate * 1.5, 1), deadband=round(rate * 0.05, 2), on_delay_s=120, off_delay_s=120, priority=4,
                  source="用能计划 (演示参数)"))  # fmt: skip
    _point(catalogue, thing, device, firm, "TOTAL", f"{zh}累计", f"{en} total", total_q, total_u, 0.1, 0.0, 1e9,
           f"energy.{medium}_total",
           Signal(round(float(rng.uniform(2e3, 4e5))), count=(1 - base) * rate, count_base=base * rate, floor=0.0))  # fmt: skip
    if medium == "steam":
        p = 0.85
        _point(catalogue, thing, device, firm, "PRES", f"{zh}压力", f"{en} pressure", "pressure", "MPa", 0.001, 0.0, p * 3,
               f"energy.{medium}_pressure", Signal(p, -0.03 * p, {}, (0.006 * p, 0.01 * p, 0.01 * p, 0.01 * p), 0.002 * p),
               Limits(high=round(p * 1.25, 2), low=round(p * 0.75, 2), deadband=round(p * 0.03, 3), on_delay_s=60,
                      off_delay_s=60, source="供汽协议 (演示参数)"))  # fmt: skip


def photovoltaic(
    catalogue: Catalogue, firm: Enterprise, rated_kw: float, unit: Unit, device: Device, thing: Equipment
) -> None:
    """A photovoltaic feeder: power follows the sun, with the array's own losses."""
    _point(catalogue, thing, device, firm, "P", "光伏功率", "PV power", "power", "kW", 0.1, 0.0, rated_kw * 1.2, "energy.pv",
           Signal(0.0, 0.0, {"sun": rated_kw * 0.92}, white=0.0, floor=0.0), None, 1)  # fmt: skip
    _point(catalogue, thing, device, firm, "TMOD", "组件温度", "module temperature", "temperature", "degC", 0.1, -45.0, 110.0,
           "energy.pv_temperature", Signal(0.0, 0.0, {"temperature": 1.0, "sun": 26.0}, (0.2, 0.4, 0.3, 0.0), 0.1),
           Limits(85.0, deadband=2.0, on_delay_s=300, off_delay_s=300, priority=4, source="组件手册 (演示参数)"))  # fmt: skip
