"""HJ 633: air quality index, editions 2012 and 2026 chosen by date.

``IAQI = (Ih-Il)/(Bh-Bl) * (C-Bl) + Il`` with C rounded first (GB/T 8170: integer ug/m3; CO one decimal
mg/m3); IAQI is rounded up; the AQI is the largest.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from parksight.standards import gb3095
from parksight.standards.gb8170 import round_mean_array
from parksight.standards.rulepack import Confidence, Rule, RuleMissing, RulePack, builtin, weakest

F64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

#: Items of the daily report.
DAILY = ("SO2_24h", "NO2_24h", "PM10_24h", "PM25_24h", "CO_24h", "O3_8h")
#: Items of the real-time report; particles take 1 h means on the daily column.
REALTIME = ("SO2_1h", "NO2_1h", "CO_1h", "O3_1h", "PM10_24h", "PM25_24h")
#: Pollutants and their items of the daily report.
DAILY_ITEM = {
    "SO2": "SO2_24h", "NO2": "NO2_24h", "PM10": "PM10_24h", "PM2.5": "PM25_24h", "CO": "CO_24h", "O3": "O3_8h",
}  # fmt: skip

#: Upper AQI of each class, Chinese word, English word, colour of HJ 633 Table 3.
CLASSES = (
    (50, "优", "excellent", "#00e400"),
    (100, "良", "good", "#ffff00"),
    (150, "轻度污染", "lightly polluted", "#ff7e00"),
    (200, "中度污染", "moderately polluted", "#ff0000"),
    (300, "重度污染", "heavily polluted", "#99004c"),
    (500, "严重污染", "severely polluted", "#7e0023"),
)

_RULES = ("hj633.breakpoint", "hj633.above_table", "hj633.range", "hj633.optional")


@dataclass(frozen=True, slots=True)
class AirQuality:
    """An AQI with what it was made of.

    Attributes:
        aqi: 0…500, or None when it may not be published.
        grade: 1…6, None with it.
        primary: items with the largest IAQI, ties together; empty when the AQI is 50 or less.
        iaqi: per item; None where the concentration is missing.
        incomplete: items that are missing although they should be there.
        confidence: the weakest mark among the breakpoints used.
    """

    aqi: int | None
    grade: int | None
    primary: tuple[str, ...]
    iaqi: Mapping[str, int | None]
    incomplete: tuple[str, ...]
    confidence: Confidence = Confidence.OWN_UNVERIFIED

    @property
    def primary_pollutants(self) -> tuple[str, ...]:
        """The primary items as pollutants (``PM2.5``), each once."""
        return tuple(dict.fromkeys(pollutant(item) for item in self.primary))


@dataclass(frozen=True, slots=True)
class AirQualitySeries:
    """AQI of a series; the first axis of the tables is the item.

    Attributes:
        items: names of the first axis.
        aqi: NaN where it may not be published.
        grade: 1…6, 0 where there is no AQI.
        iaqi: (items, …), NaN where missing.
        primary: (items, …), the items that make the AQI where it is above 50.
        missing: (items, …), items that should be there and are not.
        confidence: the weakest mark among the breakpoints used.
    """

    items: tuple[str, ...]
    aqi: F64
    grade: npt.NDArray[np.int8]
    iaqi: F64
    primary: Bools
    missing: Bools
    confidence: Confidence


def decimals(item: str) -> int:
    """Decimal places of the concentration before indexing: 1 for CO (mg/m3), 0 else (ug/m3)."""
    return 1 if item.startswith("CO_") else 0


def pollutant(item: str) -> str:
    """Pollutant of an item: ``PM25_24h`` is ``PM2.5``."""
    name = item.partition("_")[0]
    return "PM2.5" if name == "PM25" else name


def iaqi(item: str, concentration: npt.ArrayLike, on: date, rules: RulePack | None = None) -> F64:
    """Individual index of an item, elementwise, same shape; NaN where the concentration is NaN.

    Above the last breakpoint the index is 500 (2026: SO2 1 h 200, O3 8 h 300). A value the 2012 edition sends to
    another item (SO2 1 h or O3 8 h above 800) is NaN: index the other item.

    Raises:
        ValueError: a concentration is negative (after rounding) or infinite.
        RuleMissing / RuleNotInForce: no breakpoints for the item or the date.

    Source: HJ 633, 4.2 and Table 1.
    """
    pack = rules or builtin()
    points, index, above, _ = _breakpoints(item, on, pack)
    c = round_mean_array(concentration, decimals(item))
    if np.any(c < 0):
        raise ValueError(f"{item}: a concentration below zero has no index; mark it missing or invalid first")
    if np.any(np.isinf(c)):
        raise ValueError(f"{item}: an infinite concentration is a fault, not a value; mark it invalid first")
    # 76.0000000001 is 76 computed in binary; only a real remainder is rounded up.
    out: F64 = np.ceil(np.round(np.interp(c, points, index), 9))
    out = np.where(c > points[-1], above, out)
    return np.where(np.isnan(c), np.nan, out)


def daily(
    concentrations: Mapping[str, float], on: date, rules: RulePack | None = None, *,
    not_monitored: Collection[str] = (),
) -> AirQuality:  # fmt: skip
    """AQI of a day from daily means (O3: largest 8 h mean); missing items are NaN or absent. HJ 633, 4.3.

    With an item missing the AQI is made of the rest and published only above 100, else None (NA).

    Args:
        concentrations: per item; until 2026-02-28 ``O3_1h`` (largest 1 h mean) is an item of its own when given.
        not_monitored: items left out by an approved plan: they neither count nor miss.
    """
    return _one(DAILY, "daily", concentrations, on, rules or builtin(), not_monitored)


def realtime(
    concentrations: Mapping[str, float], on: date, rules: RulePack | None = None, *,
    not_monitored: Collection[str] = (),
) -> AirQuality:  # fmt: skip
    """AQI of an hour from 1 h means; missing items are NaN or left out. HJ 633, 4.3; arguments as :func:`daily`."""
    return _one(REALTIME, "realtime", concentrations, on, rules or builtin(), not_monitored)


def daily_series(
    concentrations: Mapping[str, npt.ArrayLike], days: date | npt.ArrayLike, rules: RulePack | None = None, *,
    not_monitored: Collection[str] = (),
) -> AirQualitySeries:  # fmt: skip
    """:func:`daily` over arrays.

    Args:
        concentrations: per item, arrays of one shape (…, n).
        days: one day for all, or n days (``datetime64[D]``) along the last axis: the edition follows each day.
    """
    return _series(DAILY, "daily", concentrations, days, rules or builtin(), not_monitored)


def realtime_series(
    concentrations: Mapping[str, npt.ArrayLike], days: date | npt.ArrayLike, rules: RulePack | None = None, *,
    not_monitored: Collection[str] = (),
) -> AirQualitySeries:  # fmt: skip
    """:func:`realtime` over arrays; arguments as :func:`daily_series`, ``days`` being the day of each hour."""
    return _series(REALTIME, "realtime", concentrations, days, rules or builtin(), not_monitored)


def daily_concentrations(hourly: Mapping[str, npt.ArrayLike]) -> dict[str, F64]:
    """What :func:`daily_series` takes, from hourly means (…, 24 n) per pollutant (``PM2.5``, ``O3`` …).

    Daily means need 20 valid hours; O3 gives the largest 8 h mean and, for the 2012 edition, the largest 1 h mean.
    """
    unknown = set(hourly) - set(DAILY_ITEM)
    if unknown:
        raise RuleMissing(f"no item of HJ 633 for {', '.join(sorted(unknown))}")
    out: dict[str, F64] = {}
    for name, values in hourly.items():
        if name == "O3":
            out["O3_8h"] = gb3095.daily_max_8h(values)
            out["O3_1h"] = gb3095.daily_max_1h(values)
        else:
            out[DAILY_ITEM[name]] = gb3095.daily_means(values)
    return out


def grade(aqi: int) -> int:
    """Class 1…6 of an AQI. HJ 633, Table 3.

    Raises ValueError outside 0…500: no index lies there.
    """
    if not 0 <= aqi <= CLASSES[-1][0]:
        raise ValueError(f"an AQI lies in 0..{CLASSES[-1][0]}, not {aqi}")
    return next(i for i, row in enumerate(CLASSES, start=1) if aqi <= row[0])


def _one(
    items: tuple[str, ...], report: str, concentrations: Mapping[str, float], on: date, pack: RulePack,
    not_monitored: Collection[str],
) -> AirQuality:  # fmt: skip
    found = _series(items, report, concentrations, on, pack, not_monitored)
    values = {
        item: None if math.isnan(found.iaqi[i]) else int(found.iaqi[i]) for i, item in enumerate(found.items)
    }
    aqi = None if math.isnan(found.aqi) else int(found.aqi)
    return AirQuality(
        aqi, int(found.grade) or None,
        tuple(item for item, top in zip(found.items, found.primary, strict=True) if top), values,
        tuple(item for item, gone in zip(found.items, found.missing, strict=True) if gone), found.confidence,
    )  # fmt: skip


def _series(
    items: tuple[str, ...], report: str, concentrations: Mapping[str, npt.ArrayLike], days: date | npt.ArrayLike,
    pack: RulePack, not_monitored: Collection[str],
) -> AirQualitySeries:  # fmt: skip
    unknown = (set(concentrations) - set(items) - {"SO2_24h", "O3_1h"}) | (set(not_monitored) - set(items))
    if unknown:
        raise ValueError(
            f"{', '.join(sorted(unknown))} do not belong to this report; it takes {', '.join(items)}"
        )
    arrays = {name: np.asarray(c, dtype=np.float64) for name, c in concentrations.items()}
    shape = np.broadcast_shapes(*(c.shape for c in arrays.values()))
    arrays = {name: np.broadcast_to(c, shape) for name, c in arrays.items()}
    if report == "daily" and "O3_1h" in arrays:
        items = (*items, "O3_1h")
    nothing = np.full(shape, np.nan)
    index = np.full((len(items), *shape), np.nan)
    missing: Bools = np.zeros(index.shape, dtype=bool)
    low: F64 = np.zeros(shape)
    used: list[Rule] = []
    for on, part in _editions(days, shape, pack):
        for i, item in enumerate(items):
            if item in not_monitored:
                continue
            optional = item not in (DAILY if report == "daily" else REALTIME)
            if optional and not _optional(item, report, on, pack):
                continue
            c = arrays.get(item, nothing)[part]
            index[i, ...][part] = _with_fallback(item, c, arrays, part, on, pack)
            missing[i, ...][part] = False if optional else np.isnan(index[i, ...][part])
            used += _breakpoints(item, on, pack)[3]
        low[part] = pack.number("hj633.range", on, end="low")
    known = np.where(np.isnan(index), -1.0, index)
    top = known.max(axis=0)
    publish = (top >= 0) & ((top > 100) | ~missing.any(axis=0))
    aqi: F64 = np.where(publish, np.maximum(top, low), np.nan)
    primary: Bools = publish & (top > 50) & (known == top)
    edges = [row[0] for row in CLASSES]
    steps = np.where(publish, np.searchsorted(edges, np.where(publish, aqi, 0.0)) + 1, 0).astype(np.int8)
    return AirQualitySeries(items, aqi, steps, index, primary, missing, weakest(used))


def _with_fallback(
    item: str, c: F64, arrays: Mapping[str, F64], part: npt.NDArray[np.bool_], on: date, pack: RulePack
) -> F64:
    found = iaqi(item, c, on, pack)
    sent = np.isnan(found) & ~np.isnan(c)
    if sent.any():
        other = str(pack.get("hj633.above_table", on, item=item).value)
        if other in arrays:
            found = np.where(sent, iaqi(other, arrays[other][part], on, pack), found)
    return found


def _editions(
    days: date | npt.ArrayLike, shape: tuple[int, ...], pack: RulePack
) -> list[tuple[date, npt.NDArray[np.bool_]]]:
    """A day of each edition met, and where it applies."""
    if isinstance(days, date):
        return [(days, np.ones(shape, dtype=bool))]
    at = np.asarray(days, dtype="datetime64[D]")
    if np.isnat(at).any():
        raise ValueError("every value needs its day: which edition applies is decided by it")
    number = np.searchsorted(np.array(pack.changes(*_RULES), dtype="datetime64[D]"), at, side="right")
    return [
        (at[number == n].min().astype(date), np.broadcast_to(number == n, shape)) for n in np.unique(number)
    ]


def _optional(item: str, report: str, on: date, pack: RulePack) -> bool:
    try:
        pack.get("hj633.optional", on, report=report, item=item)
    except RuleMissing:
        return False
    return True


@lru_cache(maxsize=256)
def _breakpoints(item: str, on: date, pack: RulePack) -> tuple[F64, F64, float, tuple[Rule, ...]]:
    rows = sorted(pack.table("hj633.breakpoint", on, item=item), key=lambda r: float(r.key["iaqi"]))
    points = np.array([r.number for r in rows])
    index = np.array([float(r.key["iaqi"]) for r in rows])
    try:
        rule = pack.get("hj633.above_table", on, item=item)
    except RuleMissing:
        return points, index, float(index[-1]), tuple(rows)
    return points, index, math.nan if isinstance(rule.value, str) else rule.value, (*rows, rule)
