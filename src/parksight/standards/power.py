"""Electricity bills and loads: power-factor adjustment, demand, time of use, load rate.

Power-factor table: 水电财字〔1983〕215号. Tariffs are the province's and change by the month: they come from a local
rule pack, none is shipped.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from parksight.standards.averaging import block_mean, rolling_mean
from parksight.standards.gb8170 import round_half_even
from parksight.standards.rulepack import Rule, RuleMissing, RuleNotInForce, RulePack, builtin

F64 = npt.NDArray[np.float64]


def power_factor(
    active_kwh: float, reactive_forward_kvarh: float, reactive_reverse_kvarh: float = 0.0
) -> float:
    """Monthly mean power factor ``P / sqrt(P^2 + Q^2)``, Q = |Q+| + |Q-|, rounded to two decimals.

    Raises ValueError when no active energy was used: then there is no power factor.
    """
    if not (active_kwh > 0 and math.isfinite(reactive_forward_kvarh + reactive_reverse_kvarh)):
        raise ValueError(
            f"a power factor needs active energy above 0 kWh and known reactive energy, not {active_kwh}"
        )
    q = abs(reactive_forward_kvarh) + abs(reactive_reverse_kvarh)
    return round_half_even(active_kwh / float(np.hypot(active_kwh, q)), 2)


def adjustment(standard: float, actual: float, on: date, rules: RulePack | None = None) -> Rule:
    """Adjustment of the bill in per cent (plus = surcharge) for a power factor rounded to two decimals.

    Args:
        standard: 0.90, 0.85 or 0.80.
        actual: 0…1.
    """
    if not 0 <= actual <= 1:
        raise ValueError(f"a power factor lies in 0..1, not {actual}")
    pack, shown = rules or builtin(), f"{round_half_even(actual, 2):.2f}"
    key = {"standard": f"{standard:.2f}", "actual": shown}
    try:
        return pack.get("power_factor.adjustment", on, **key)
    except RuleNotInForce:
        raise
    except RuleMissing:
        # the printed table ends at 0.45; its last rule ("and below, 2 % per 0.01") goes on
        step = pack.get("power_factor.below_table", on, standard=key["standard"])
        last = min(
            pack.table("power_factor.adjustment", on, standard=key["standard"]), key=lambda r: r.key["actual"]
        )
        steps = round((float(last.key["actual"]) - float(shown)) * 100)
        if steps < 1:
            raise
        value = last.number + steps * step.number
        return replace(last, key=MappingProxyType(key), value=value, note="continued below the printed table")


def standard_factor(user: str, capacity_kva: float, on: date, rules: RulePack | None = None) -> Rule:
    """The power factor a user is held to: 0.90, 0.85 or 0.80.

    Args:
        user: ``industry`` (high-voltage supply), ``pumping``, ``agriculture`` or ``other``.
        capacity_kva: installed transformer capacity.

    Raises RuleMissing for another user or a capacity below the smallest the notice names: then no adjustment applies.
    """
    if not (capacity_kva >= 0 and math.isfinite(capacity_kva)):
        raise ValueError(f"the capacity must be known and 0 kVA or more, not {capacity_kva}")
    fitting = []
    for rule in (rules or builtin()).table("power_factor.standard", on, user=user):
        above, least = rule.key.get("above"), rule.key.get("from")
        if above is not None and capacity_kva > float(above):
            fitting.append((float(above), rule))
        if least is not None and capacity_kva >= float(least):
            fitting.append((float(least), rule))
    if not fitting:
        raise RuleMissing(f"no power-factor standard for {user} of {capacity_kva:g} kVA")
    return max(fitting, key=lambda pair: pair[0])[1]


def adjustment_charge(basic_and_energy_charge: float, percent: float) -> float:
    """Charge in yuan on basic plus energy charge (government funds left out); negative is a reward."""
    return basic_and_energy_charge * percent / 100.0


@dataclass(frozen=True, slots=True)
class Demand:
    """Maximum demand of a span: kW and the index of its 15-minute period."""

    kw: float
    index: int


def maximum_demand(quarter_hours_kw: npt.ArrayLike) -> Demand:
    """Largest 15-minute mean of one meter; NaN periods are left out, all-NaN raises."""
    x = np.asarray(quarter_hours_kw, dtype=np.float64)
    if x.ndim != 1 or not np.isfinite(x).any():
        raise ValueError("maximum demand needs at least one valid 15-minute mean of one meter")
    i = int(np.nanargmax(x))
    return Demand(float(x[i]), i)


def maximum_demands(quarter_hours_kw: npt.ArrayLike) -> tuple[F64, npt.NDArray[np.int64]]:
    """Largest demand of each of many meters and its index, shapes (…, n) to (…); NaN and -1 where none is valid."""
    x = np.asarray(quarter_hours_kw, dtype=np.float64)
    filled = np.where(np.isfinite(x), x, -np.inf)
    index = filled.argmax(axis=-1)
    top = np.take_along_axis(filled, index[..., None], axis=-1)[..., 0]
    none = np.isneginf(top)
    return np.where(none, np.nan, top), np.where(none, -1, index)


def quarter_hour_means(minutes_kw: npt.ArrayLike, least: int = 12) -> F64:
    """15-minute means (…, 15 n) to (…, n) from minute values; ``least`` valid minutes needed (12 is our choice)."""
    return block_mean(minutes_kw, 15, least)


def sliding_demand(minutes_kw: npt.ArrayLike, least: int = 12) -> F64:
    """15-minute means that end at each minute (滑差), shape as given; the first 14 are NaN."""
    return rolling_mean(minutes_kw, 15, least)


def demand_charge(
    demand_kw: float, contracted_kw: float, price: float, *, free_over: float = 1.05, over_factor: float = 2.0,
    capacity_kva: float | None = None, least_contract: float = 0.40,
) -> float:  # fmt: skip
    """Basic charge by contracted demand, yuan: the part above ``free_over`` x contract costs ``over_factor`` times.

    The terms are the pack's ``power.demand`` (unverified, :func:`demand_terms`); exactly 105 % costs nothing extra.

    Args:
        capacity_kva: installed capacity; then a contract below ``least_contract`` of it is refused.
    """
    if not (
        contracted_kw > 0
        and price >= 0
        and demand_kw >= 0
        and math.isfinite(contracted_kw + price + demand_kw)
    ):
        raise ValueError("contracted demand must be above 0 kW, demand and price known and 0 or more")
    if capacity_kva is not None and contracted_kw < least_contract * capacity_kva:
        raise ValueError(
            f"a contract of {contracted_kw:g} kW lies below {least_contract:.0%} of {capacity_kva:g} kVA"
        )
    over = max(0.0, demand_kw - contracted_kw * free_over)
    return contracted_kw * price + over * price * over_factor


def demand_terms(on: date, rules: RulePack | None = None) -> dict[str, Rule]:
    """``free_over``, ``over_factor`` and ``least_contract`` in force; all unverified."""
    return {r.key["term"]: r for r in (rules or builtin()).table("power.demand", on)}


def capacity_charge(kva: float, price: float) -> float:
    """Basic charge by installed capacity, or by actual demand in kW, yuan: ``quantity * price``."""
    if not (kva >= 0 and price >= 0 and math.isfinite(kva + price)):
        raise ValueError("quantity and price must be known and 0 or more")
    return kva * price


def tariff_periods(
    minute_of_day: npt.ArrayLike, month: int, region: str, on: date, rules: RulePack | None = None
) -> npt.NDArray[np.str_]:
    """Tariff period of each minute of the day (0…1439), e.g. ``peak``, from the region's own pack.

    Rows of ``tariff.period`` (``region``, ``month``, ``from=HH:MM``) name the period that begins at a time; the last
    one of a day goes on until the first of the next.

    Raises RuleMissing when the region has no table for the month on that day.
    """
    if not 1 <= month <= 12:
        raise ValueError(f"there is no month {month}")
    at = np.asarray(minute_of_day, dtype=np.int64)
    if np.any((at < 0) | (at >= 1440)):
        raise ValueError("a minute of the day lies in 0..1439")
    rows = sorted(
        (_minute(r.key["from"]), str(r.value))
        for r in (rules or builtin()).scale("tariff.period", on, region=region, month=month)
    )
    begins, names = np.array([m for m, _ in rows]), np.array([n for _, n in rows])
    found: npt.NDArray[np.str_] = names[np.searchsorted(begins, at, side="right") - 1]
    return found


def tariff_prices(region: str, on: date, rules: RulePack | None = None) -> dict[str, Rule]:
    """Price of each tariff period of a region in force, yuan/kWh; RuleMissing when its pack has none."""
    return {r.key["period"]: r for r in (rules or builtin()).scale("tariff.price", on, region=region)}


def time_of_use_cost(
    energy_kwh: npt.ArrayLike, period: npt.ArrayLike, prices: dict[str, float]
) -> dict[str, float]:
    """Cost per tariff period, yuan.

    Args:
        energy_kwh: shape (n,), NaN is refused: an unmetered interval has no price.
        period: shape (n,), names such as ``peak``; each must have a price.
        prices: yuan/kWh.
    """
    e, p = np.asarray(energy_kwh, dtype=np.float64), np.asarray(period)
    if e.shape != p.shape:
        raise ValueError(f"energy {e.shape} and period {p.shape} must have the same shape")
    if np.isnan(e).any():
        raise ValueError(
            f"{int(np.isnan(e).sum())} intervals have no energy: substitute them first, labelled"
        )
    names, which = np.unique(p, return_inverse=True)
    unknown = {str(n) for n in names} - set(prices)
    if unknown:
        raise ValueError(f"no price for {', '.join(sorted(unknown))}")
    sums = dict(zip(names.tolist(), np.bincount(which.ravel(), e.ravel()), strict=True))
    return {name: float(sums.get(name, 0.0)) * price for name, price in prices.items()}


def load_rate(power_kw: npt.ArrayLike) -> float:
    """Mean / maximum of a load curve, 0…1; NaN left out. ValueError for an empty or non-positive curve."""
    x = np.asarray(power_kw, dtype=np.float64)
    x = x[np.isfinite(x)]
    if x.size == 0 or not x.max() > 0:
        raise ValueError("a load rate needs a load curve with a maximum above 0")
    return float(x.mean() / x.max())


def load_rates(power_kw: npt.ArrayLike) -> F64:
    """:func:`load_rate` of many curves, shape (…, n) to (…); NaN where it is not defined."""
    x = np.asarray(power_kw, dtype=np.float64)
    valid = np.isfinite(x)
    count = valid.sum(axis=-1)
    top = np.where(valid, x, -np.inf).max(axis=-1)
    total = np.where(valid, x, 0.0).sum(axis=-1)
    good = (count > 0) & (top > 0)
    out: F64 = np.where(good, total / np.maximum(count, 1) / np.where(good, top, 1.0), np.nan)
    return out


def transformer_limit(on: date, rules: RulePack | None = None) -> Rule:
    """Largest long-term load rate of a transformer, 0.85 (one source)."""
    return (rules or builtin()).get("power.transformer_load", on)


def current_unbalance_limit(on: date, rules: RulePack | None = None) -> Rule:
    """Largest current unbalance in practice, 15 per cent (unverified)."""
    return (rules or builtin()).get("power.current_unbalance", on)


def transformer_load(apparent_kva: npt.ArrayLike, rated_kva: float) -> F64:
    """Load rate S/SN of a transformer; hold it against :func:`transformer_limit` with ``averaging.judge``."""
    if not rated_kva > 0:
        raise ValueError(f"the rating must be above 0 kVA, not {rated_kva}")
    return np.asarray(apparent_kva, dtype=np.float64) / rated_kva


def economic_load(no_load_kw: float, load_loss_kw: float) -> float:
    """Load rate of a transformer's best efficiency, ``sqrt(P0 / Pk)`` (own; unverified)."""
    if not (no_load_kw > 0 and load_loss_kw > 0):
        raise ValueError("both losses must be above 0 kW")
    return math.sqrt(no_load_kw / load_loss_kw)


def current_unbalance(ia: npt.ArrayLike, ib: npt.ArrayLike, ic: npt.ArrayLike) -> F64:
    """``(Imax - Imin) / Imax`` in per cent; NaN where no phase carries current or one is missing."""
    x = np.stack(np.broadcast_arrays(*(np.asarray(i, dtype=np.float64) for i in (ia, ib, ic))))
    top = x.max(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        out: F64 = np.where(top > 0, (top - x.min(axis=0)) / top * 100.0, np.nan)
    return out


def _minute(text: str) -> int:
    hour, _, minute = text.partition(":")
    try:
        at = int(hour) * 60 + int(minute)
    except ValueError:
        at = -1
    if not (0 <= at < 1440 and int(minute) < 60):
        raise ValueError(f"{text!r} is no time HH:MM of a day")
    return at
