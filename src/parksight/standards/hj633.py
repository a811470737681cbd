"""HJ 633: air quality index, editions 2012 and 2026 chosen by date.

``IAQI = (Ih-Il)/(Bh-Bl) * (C-Bl) + Il`` with C rounded first (GB/T 8170: integer ug/m3; CO one decimal
mg/m3); IAQI is rounded up; the AQI is the largest.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from parksight.standards.gb8170 import round_half_even_array
from parksight.standards.rulepack import RuleMissing, RulePack, builtin

#: Items of the daily report.
DAILY = ("SO2_24h", "NO2_24h", "PM10_24h", "PM25_24h", "CO_24h", "O3_8h")
#: Items of the real-time report; particles take 1 h means on the daily column.
REALTIME = ("SO2_1h", "NO2_1h", "CO_1h", "O3_1h", "PM10_24h", "PM25_24h")

#: Upper AQI of each class, Chinese word, English word, colour of HJ 633 Table 3.
CLASSES = (
    (50, "优", "excellent", "#00e400"),
    (100, "良", "good", "#ffff00"),
    (150, "轻度污染", "lightly polluted", "#ff7e00"),
    (200, "中度污染", "moderately polluted", "#ff0000"),
    (300, "重度污染", "heavily polluted", "#99004c"),
    (500, "严重污染", "severely polluted", "#7e0023"),
)


@dataclass(frozen=True, slots=True)
class AirQuality:
    """An AQI with what it was made of.

    Attributes:
        aqi: 0…500, or None when it may not be published.
        grade: 1…6, None with it.
        primary: pollutants with the largest IAQI, ties together; empty when the AQI is 50 or less.
        iaqi: per item; None where the concentration is missing.
        incomplete: items that are missing.
    """

    aqi: int | None
    grade: int | None
    primary: tuple[str, ...]
    iaqi: Mapping[str, int | None]
    incomplete: tuple[str, ...]


def decimals(item: str) -> int:
    """Decimal places of the concentration before indexing: 1 for CO (mg/m3), 0 else (ug/m3)."""
    return 1 if item.startswith("CO_") else 0


def iaqi(
    item: str, concentration: npt.ArrayLike, on: date, rules: RulePack | None = None
) -> npt.NDArray[np.float64]:
    """Individual index of an item, elementwise, same shape; NaN where the concentration is NaN.

    A value the 2012 edition sends to another item (SO2 1 h or O3 8 h above 800) is NaN: index the other item.

    Raises:
        ValueError: a concentration is negative.
        RuleMissing / RuleNotInForce: no breakpoints for the item or the date.

    Source: HJ 633, 4.2 and Table 1.
    """
    pack = rules or builtin()
    points, index, above = _breakpoints(item, on, pack)
    c = round_half_even_array(concentration, decimals(item))
    if np.any(c < 0):
        raise ValueError(f"{item}: a concentration below zero has no index; mark it missing or invalid first")
    raw = np.interp(c, points, index)
    # 76.0000000001 is 76 computed in binary; only a real remainder is rounded up.
    out: npt.NDArray[np.float64] = np.ceil(np.round(raw, 9))
    out[np.isnan(c)] = np.nan
    out[c > points[-1]] = above
    return out


def daily(concentrations: Mapping[str, float], on: date, rules: RulePack | None = None) -> AirQuality:
    """AQI of a day from daily means (O3: largest 8 h mean); missing items are NaN or absent. HJ 633, 4.3."""
    return _report(DAILY, concentrations, on, rules or builtin())


def realtime(concentrations: Mapping[str, float], on: date, rules: RulePack | None = None) -> AirQuality:
    """AQI of an hour from 1 h means; missing items are NaN or left out. HJ 633, 4.3."""
    return _report(REALTIME, concentrations, on, rules or builtin())


def grade(aqi: int) -> int:
    """Class 1…6 of an AQI. HJ 633, Table 3."""
    if aqi < 0:
        raise ValueError(f"an AQI cannot be negative: {aqi}")
    return next((i for i, row in enumerate(CLASSES, start=1) if aqi <= row[0]), len(CLASSES))


def _report(
    items: tuple[str, ...], concentrations: Mapping[str, float], on: date, pack: RulePack
) -> AirQuality:
    unknown = set(concentrations) - set(items) - {"SO2_24h", "O3_1h"}
    if unknown:
        raise ValueError(
            f"{', '.join(sorted(unknown))} do not belong to this report; it takes {', '.join(items)}"
        )
    found: dict[str, int | None] = {}
    for item in items:
        c = float(concentrations.get(item, math.nan))
        value = float(iaqi(item, [c], on, pack)[0])
        if math.isnan(value) and not math.isnan(c):
            other = str(pack.get("hj633.above_table", on, item=item).value)
            fallback = float(concentrations.get(other, math.nan))
            value = float(iaqi(other, [fallback], on, pack)[0])
        found[item] = None if math.isnan(value) else int(value)
    missing = tuple(item for item, value in found.items() if value is None)
    known = {item: value for item, value in found.items() if value is not None}
    top = max(known.values(), default=None)
    if top is None or (missing and top <= 100):
        return AirQuality(None, None, (), found, missing)
    primary = tuple(item for item, value in known.items() if value == top) if top > 50 else ()
    return AirQuality(top, grade(top), primary, found, missing)


@lru_cache(maxsize=256)
def _breakpoints(
    item: str, on: date, pack: RulePack
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], float]:
    rows = sorted(pack.table("hj633.breakpoint", on, item=item), key=lambda r: float(r.key["iaqi"]))
    points = np.array([r.number for r in rows])
    index = np.array([float(r.key["iaqi"]) for r in rows])
    try:
        rule = pack.get("hj633.above_table", on, item=item)
    except RuleMissing:
        return points, index, float(index[-1])
    return points, index, math.nan if isinstance(rule.value, str) else rule.value
