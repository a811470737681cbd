"""Stacks (CEMS), outfalls, fence and ambient air stations, boundary noise: everything that speaks HJ 212."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from parkzone.catalogue.specs import Catalogue, Device, Equipment, Limits, Point, Signal, Unit
from parkzone.firms.enterprises import Enterprise
from parkzone.geometry.frame import Point as Place
from parkzone.seeds import key, stream

#: Readings of a stack or outfall, of an air station, of a noise meter: seconds.
CEMS_PERIOD, WATER_PERIOD, AIR_PERIOD, NOISE_PERIOD = 30.0, 60.0, 60.0, 60.0


@dataclass(frozen=True)
class Factor:
    """One measured factor.

    Attributes:
        typical: usual value at full production, as a share of ``limit`` where there is one.
        limit: emission limit in ``unit``; a demo parameter in the range of current Chinese standards.
        spread: relative noise; absolute where the factor is not ``log``.
    """

    code: str
    suffix: str
    name: str
    name_en: str
    quantity: str
    unit: str
    resolution: float
    low: float
    high: float
    typical: float
    limit: float | None = None
    spread: float = 0.12
    log: bool = True
    prod: float = 0.2
    calibrated: bool = False
    source: str = ""


_C, _G = "concentration", "mg/m3"
_BOILER = "GB 13271-2014 表3 (演示参数)"
_FURNACE = "GB 31574-2015 表3 (演示参数)"
_VOC = "GB 37822-2019 (演示参数)"


def _gas(code: str, suffix: str, zh: str, en: str, limit: float, share: float, source: str) -> Factor:
    return Factor(code, suffix, zh, en, _C, _G, 0.1 if limit > 15 else 0.01, 0.0, limit * 6, share, limit,
                  calibrated=True, source=source)  # fmt: skip


def _conditions(oxygen: float, flow: float, temperature: float, moisture: float) -> tuple[Factor, ...]:
    return (
        Factor("a19001", "O2", "含氧量", "oxygen", "ratio", "%", 0.01, 0.0, 25.0, oxygen, None, 0.35, False, -0.8, True),
        Factor("a00000", "FLOW", "烟气流量", "flue gas flow", "flow", "m3/s", 0.01, 0.0, flow * 3, flow, None, 0.05, True, 0.9),
        Factor("a01012", "TEMP", "烟气温度", "flue gas temperature", "temperature", "degC", 0.1, -10.0, 400.0, temperature, None, 2.5, False, 12.0),
        Factor("a01013", "PRES", "烟气静压", "flue gas pressure", "pressure", "kPa", 0.001, -3.0, 3.0, -0.18, None, 0.025, False, -0.06),
        Factor("a01014", "MOIST", "烟气湿度", "flue gas moisture", "ratio", "%", 0.1, 0.0, 40.0, moisture, None, 0.4, False, 1.0),
    )  # fmt: skip


#: Stacks with a factor that 2005 had no code for.
NO_LEGACY = ("voc", "process")
STACKS: dict[str, tuple[str, str, tuple[Factor, ...]]] = {
    "boiler": ("锅炉烟囱", "boiler stack", (
        _gas("a21026", "SO2", "二氧化硫", "sulphur dioxide", 50.0, 0.42, _BOILER),
        _gas("a21002", "NOX", "氮氧化物", "nitrogen oxides", 150.0, 0.55, _BOILER),
        _gas("a34013", "DUST", "颗粒物", "particulate matter", 20.0, 0.30, _BOILER),
        *_conditions(6.2, 18.0, 82.0, 9.5))),
    "furnace": ("熔炼炉烟囱", "furnace stack", (
        _gas("a21026", "SO2", "二氧化硫", "sulphur dioxide", 100.0, 0.38, _FURNACE),
        _gas("a21002", "NOX", "氮氧化物", "nitrogen oxides", 100.0, 0.50, _FURNACE),
        _gas("a34013", "DUST", "颗粒物", "particulate matter", 10.0, 0.35, _FURNACE),
        *_conditions(13.4, 12.0, 74.0, 6.0))),
    "process": ("工艺尾气烟囱", "process stack", (
        _gas("a21026", "SO2", "二氧化硫", "sulphur dioxide", 100.0, 0.30, "GB 31571-2015 (演示参数)"),
        _gas("a21002", "NOX", "氮氧化物", "nitrogen oxides", 100.0, 0.45, "GB 31571-2015 (演示参数)"),
        _gas("a24088", "NMHC", "非甲烷总烃", "non-methane hydrocarbons", 120.0, 0.25, "GB 31571-2015 (演示参数)"),
        *_conditions(11.0, 8.0, 58.0, 7.0))),
    "voc": ("有机废气排放口", "VOC stack", (
        _gas("a24088", "NMHC", "非甲烷总烃", "non-methane hydrocarbons", 60.0, 0.35, _VOC),
        *_conditions(20.6, 6.0, 36.0, 3.0)[1:3])),
    "dust": ("除尘排放口", "dust stack", (
        _gas("a34013", "DUST", "颗粒物", "particulate matter", 20.0, 0.30, "GB 16297-1996 (演示参数)"),
        *_conditions(20.8, 9.0, 32.0, 2.5)[1:3])),
}  # fmt: skip

_W, _L = "concentration.water", "mg/L"
_WATER = "GB 18918-2002 一级A / 园区纳管协议 (演示参数)"
OUTFALL: tuple[Factor, ...] = (
    Factor("w00000", "FLOW", "流量", "flow", "flow", "L/s", 0.01, 0.0, 400.0, 12.0, None, 0.12, True, 0.8),
    Factor("w01001", "PH", "pH 值", "pH", "ph", "pH", 0.01, 0.0, 14.0, 7.4, None, 0.09, False, 0.0),
    Factor("w01018", "COD", "化学需氧量", "COD", _W, _L, 0.1, 0.0, 500.0, 0.48, 50.0, 0.10, True, 0.15, source=_WATER),
    Factor("w21003", "NH3N", "氨氮", "ammonia nitrogen", _W, _L, 0.01, 0.0, 60.0, 0.36, 5.0, 0.13, True, 0.15, source=_WATER),
    Factor("w21001", "TN", "总氮", "total nitrogen", _W, _L, 0.01, 0.0, 150.0, 0.52, 15.0, 0.09, True, 0.1, source=_WATER),
    Factor("w21011", "TP", "总磷", "total phosphorus", _W, _L, 0.001, 0.0, 8.0, 0.40, 0.5, 0.10, True, 0.1, source=_WATER),
)  # fmt: skip


@dataclass(frozen=True)
class Ambient:
    """A factor of the open air: logarithmic around a zone-wide driver."""

    code: str
    suffix: str
    name: str
    name_en: str
    unit: str
    resolution: float
    high: float
    base: float
    drivers: tuple[tuple[str, float], ...]
    spread: float
    limit: float | None
    source: str = "GB 3095 二级 (演示参数)"


_U = "ug/m3"
AMBIENT: dict[str, Ambient] = {
    a.suffix: a
    for a in (
        Ambient("a34004", "PM25", "PM2.5", "PM2.5", _U, 1.0, 1000, 28, (("haze", 0.42),), 0.10, None),
        Ambient("a34002", "PM10", "PM10", "PM10", _U, 1.0, 2000, 52, (("haze", 0.36), ("dry", 0.1)), 0.12, None),
        Ambient("a21026", "SO2", "二氧化硫", "sulphur dioxide", _U, 1.0, 1000, 9, (("haze", 0.25),), 0.15, 500),
        Ambient("a21004", "NO2", "二氧化氮", "nitrogen dioxide", _U, 1.0, 1000, 26, (("haze", 0.2), ("rush", 0.3)), 0.12, 200),
        Ambient("a05024", "O3", "臭氧", "ozone", _U, 1.0, 600, 58, (("sun", 0.5), ("haze", -0.1)), 0.08, 200),
        Ambient("a21005", "CO", "一氧化碳", "carbon monoxide", _G, 0.01, 50, 0.7, (("haze", 0.2), ("rush", 0.1)), 0.10, 10),
        Ambient("a24088", "NMHC", "非甲烷总烃", "non-methane hydrocarbons", _G, 0.01, 60, 1.1, (("calm", 0.25),), 0.14, 4.0, "GB 16297-1996 无组织 (演示参数)"),
        Ambient("a21028", "H2S", "硫化氢", "hydrogen sulphide", _G, 0.001, 2, 0.008, (("calm", 0.3),), 0.20, 0.06, "GB 14554-93 二级 (演示参数)"),
        Ambient("a21001", "NH3", "氨", "ammonia", _G, 0.001, 20, 0.12, (("calm", 0.3),), 0.18, 1.5, "GB 14554-93 二级 (演示参数)"),
    )
}  # fmt: skip
FENCE_FACTORS = ("PM10", "SO2", "NO2", "NMHC", "H2S", "NH3")
STATION_FACTORS = ("PM25", "PM10", "SO2", "NO2", "O3", "CO")
#: Fence stations around the chemical park and the zone, ambient stations, noise meters: zone axes in metres.
FENCES: tuple[Place, ...] = (
    (-1990, 735), (-700, 735), (-100, 700), (1805, -20), (1805, -1450), (820, -1470), (-120, -2175), (-1060, -2190),
    (-2000, -1450), (-2000, -100),
)  # fmt: skip
STATIONS: tuple[tuple[str, str, Place], ...] = (
    ("综合服务区空气站", "Service centre air station", (420.0, 1080.0)),
    ("上风向对照站", "Upwind reference station", (-4700.0, 1700.0)),
    ("下风向敏感点站", "Downwind receptor station", (4560.0, -1200.0)),
    ("化工园区站", "Chemical park station", (-120.0, -720.0)),
)
NOISES: tuple[Place, ...] = ((-4740, 360), (-2950, 2860), (840, 2180), (3700, 1490), (4640, -690), (2760, -2860), (-1060, -2860), (-3900, -1440))  # fmt: skip


#: Factor codes of HJ/T 212-2005, which old loggers still send.
LEGACY = {
    "a21026": "02", "a21002": "03", "a34013": "01", "a19001": "S01", "a00000": "B02", "a01012": "S03",
    "a01013": "S08", "a01014": "S05", "w00000": "B01", "w01001": "001", "w01018": "011", "w21003": "060",
    "w21001": "065", "w21011": "101",
}  # fmt: skip


def equipment_id(seed: int, serial: int) -> str:
    """A device identity (MN) of 24 hexadecimal characters (2005: its last 14)."""
    return f"{0xD0E0:04X}{serial:04X}{key(seed, 'mn', serial) & 0xFFFF_FFFF_FFFF_FFFF:016X}"


def factor_point(
    factor: Factor, thing: Equipment, device: Device, firm: Enterprise, kind: str, rng: np.random.Generator
) -> Point:
    """A point of a stack or outfall, its typical value varied from plant to plant."""
    k = float(rng.uniform(0.8, 1.15))
    typical = factor.typical * (factor.limit or 1.0)
    group = thing.code
    cal = int(rng.integers(8 * 60, 11 * 60)) if factor.calibrated else -1
    if factor.log:
        level = float(np.log(typical * k)) - factor.prod
        s = factor.spread
        signal = Signal(level, factor.prod, {}, (0.35 * s, 0.5 * s, 0.6 * s, 0.5 * s), 0.015, True, floor=0.0,
                        ceiling=factor.high, calibration=cal, group=group)  # fmt: skip
    else:
        s = factor.spread
        signal = Signal(typical, factor.prod, {}, (0.3 * s, 0.5 * s, 0.6 * s, 0.5 * s), 0.1 * s, floor=factor.low,
                        ceiling=factor.high, calibration=cal, group=group)  # fmt: skip
    limits = None
    if factor.limit is not None:
        limits = Limits(factor.limit, factor.limit * 1.5, deadband=factor.limit * 0.04, on_delay_s=60,
                        off_delay_s=60, priority=2, source=factor.source)  # fmt: skip
    elif factor.suffix == "PH":
        limits = Limits(9.0, None, 6.0, None, 0.1, 60, 60, 2, _WATER)
    return Point(
        f"{thing.code}.{factor.suffix}", f"{thing.name} {factor.name}", f"{thing.name_en} {factor.name_en}",
        factor.quantity, factor.unit, device.period_s, factor.resolution, factor.low, factor.high, kind, firm, thing,
        device.code, f"{LEGACY[factor.code] if device.version == 2005 else factor.code}-Rtd", signal, limits,
        1 if factor.limit else 0,
    )  # fmt: skip


class Stations:
    """Numbers and makes the HJ 212 stations of the zone."""

    def __init__(self, catalogue: Catalogue, seed: int) -> None:
        self.catalogue = catalogue
        self.seed = seed
        self.count = 0

    def station(self, thing: Equipment, firm: Enterprise | None, system_type: str, period: float) -> Device:
        self.count += 1
        # Most of the installed base is 2017; some old loggers at plants and some new ones.
        version = {5: 2005, 9: 2025}.get(self.count % 12, 2017)
        if version == 2005 and (
            system_type not in ("31", "32") or thing.properties.get("stack_kind") in NO_LEGACY
        ):
            version = 2017
        mn = equipment_id(self.seed, self.count)
        device = Device(
            f"{thing.code}.DTU", f"{thing.name} 数采仪", f"{thing.name_en} data logger", "hj212", "station",
            mn[-14:] if version == 2005 else mn, firm, thing, system_type, version, period_s=period,
        )  # fmt: skip
        self.catalogue.devices.append(device)
        return device

    def stack(self, firm: Enterprise, number: int, kind: str, at: Place, height: float, unit: Unit) -> None:
        """A monitored stack with its logger and factors."""
        rng = stream(self.seed, "stack", firm.code, number)
        zh, en, factors = STACKS[kind]
        thing = self.catalogue.add(Equipment(
            f"{firm.code}.DA{number:03d}", f"DA{number:03d} {zh}", f"DA{number:03d} {en}", "stack", firm, unit.code,
            at, height, {"stack_kind": kind},
        ))  # fmt: skip
        device = self.station(thing, firm, "31", CEMS_PERIOD)
        for factor in factors:
            self.catalogue.points.append(factor_point(factor, thing, device, firm, "emission.stack", rng))

    def outfall(self, firm: Enterprise, number: int, at: Place, unit: Unit) -> None:
        rng = stream(self.seed, "outfall", firm.code, number)
        thing = self.catalogue.add(Equipment(
            f"{firm.code}.DW{number:03d}", f"DW{number:03d} 废水总排口", f"DW{number:03d} wastewater outfall",
            "outfall", firm, unit.code, at,
        ))  # fmt: skip
        device = self.station(thing, firm, "32", WATER_PERIOD)
        nutrients = firm.industry in ("food_processing", "fertiliser") or firm.trade.code == "sewage"
        for factor in OUTFALL if nutrients else OUTFALL[:4]:
            self.catalogue.points.append(factor_point(factor, thing, device, firm, "emission.outfall", rng))

    def air(self) -> None:
        """Fence, ambient and noise stations, the zone's own."""
        for i, at in enumerate(FENCES, 1):
            thing = self.catalogue.add(
                Equipment(
                    f"ZONE.FL{i:02d}",
                    f"厂界站 {i:02d}",
                    f"Fence station {i:02d}",
                    "air_station",
                    None,
                    None,
                    at,
                    4.0,
                )
            )
            self._air_station(thing, FENCE_FACTORS, "air.fence")
        for i, (zh, en, at) in enumerate(STATIONS, 1):
            thing = self.catalogue.add(
                Equipment(f"ZONE.AQ{i:02d}", zh, en, "air_station", None, None, at, 15.0)
            )
            self._air_station(thing, STATION_FACTORS, "air.ambient")
        for i, at in enumerate(NOISES, 1):
            thing = self.catalogue.add(
                Equipment(
                    f"ZONE.NS{i:02d}",
                    f"厂界噪声 {i:02d}",
                    f"Boundary noise {i:02d}",
                    "noise_station",
                    None,
                    None,
                    at,
                    4.0,
                )
            )
            device = self.station(thing, None, "23", NOISE_PERIOD)
            loud = 9.0 if i == 2 else 0.0  # beside the freight railway: crosses its limit on busy days
            signal = Signal(46.0 + loud, 0.0, {"activity": 7.0, "rush": 2.0}, (0.7, 0.5, 0.4, 0.2), 0.8, floor=25.0,
                            ceiling=120.0, group=thing.code)  # fmt: skip
            limits = Limits(
                65.0,
                75.0,
                deadband=1.0,
                on_delay_s=120,
                off_delay_s=300,
                source="GB 12348-2008 3类 (演示参数)",
            )
            self.catalogue.points.append(Point(
                f"{thing.code}.LEQ", f"{thing.name} 等效声级", f"{thing.name_en} Leq", "sound", "dB(A)", NOISE_PERIOD,
                0.1, 20.0, 130.0, "noise.boundary", None, thing, device.code, "Leq-Rtd", signal, limits,
            ))  # fmt: skip

    def _air_station(self, thing: Equipment, suffixes: tuple[str, ...], kind: str) -> None:
        device = self.station(thing, None, "22", AIR_PERIOD)
        rng = stream(self.seed, "air", thing.code)
        for suffix in suffixes:
            a = AMBIENT[suffix]
            s = a.spread
            base = float(np.log(a.base * rng.uniform(0.85, 1.15)))
            signal = Signal(base, 0.0, dict(a.drivers), (0.4 * s, 0.6 * s, 0.6 * s, 0.3 * s), 0.02, True, floor=0.0,
                            ceiling=a.high, group=thing.code)  # fmt: skip
            limits = a.limit and Limits(a.limit, a.limit * 1.5, deadband=a.limit * 0.04, on_delay_s=60, off_delay_s=60,
                                        priority=2, source=a.source)  # fmt: skip
            self.catalogue.points.append(Point(
                f"{thing.code}.{suffix}", f"{thing.name} {a.name}", f"{thing.name_en} {a.name_en}", _C, a.unit,
                AIR_PERIOD, a.resolution, 0.0, a.high, kind, None, thing, device.code, f"{a.code}-Rtd", signal,
                limits or None, 1,
            ))  # fmt: skip
