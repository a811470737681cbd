"""Electricity bills and loads: power-factor adjustment, demand, time of use, load rate.

Power-factor table: 水电财字〔1983〕215号. Tariffs are the province's and change by the month: they come from a local
rule pack, none is shipped.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from parksight.standards.gb8170 import round_half_even
from parksight.standards.rulepack import Rule, RulePack, builtin

F64 = npt.NDArray[np.float64]


def power_factor(
    active_kwh: float, reactive_forward_kvarh: float, reactive_reverse_kvarh: float = 0.0
) -> float:
    """Monthly mean power factor ``P / sqrt(P^2 + Q^2)``, Q = |Q+| + |Q-|, rounded to two decimals.

    Raises ValueError when no active energy was used: then there is no power factor.
    """
    if not active_kwh > 0:
        raise ValueError(f"a power factor needs active energy above 0 kWh, not {active_kwh}")
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
    return (rules or builtin()).get(
        "power_factor.adjustment", on,
        standard=f"{standard:.2f}", actual=f"{round_half_even(actual, 2):.2f}",
    )  # fmt: skip


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


def quarter_hour_means(minutes_kw: npt.ArrayLike, least: int = 12) -> F64:
    """15-minute means (…, 15 n) to (…, n) from minute values; ``least`` valid minutes needed."""
    from parksight.standards.averaging import block_mean

    return block_mean(minutes_kw, 15, least)


def demand_charge(
    demand_kw: float, contracted_kw: float, price: float, *, free_over: float = 1.05, over_factor: float = 2.0
) -> float:
    """Basic charge by contracted demand, yuan: the part above ``free_over`` x contract costs ``over_factor`` times."""
    if not contracted_kw > 0 or not price >= 0:
        raise ValueError("contracted demand must be above 0 kW and the price 0 or more")
    over = max(0.0, demand_kw - contracted_kw * free_over)
    return contracted_kw * price + over * price * over_factor


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
    unknown = set(np.unique(p)) - set(prices)
    if unknown:
        raise ValueError(f"no price for {', '.join(sorted(map(str, unknown)))}")
    return {name: float(e[p == name].sum() * price) for name, price in prices.items()}


def load_rate(power_kw: npt.ArrayLike) -> float:
    """Mean / maximum of a load curve, 0…1; NaN left out. ValueError for an empty or non-positive curve."""
    x = np.asarray(power_kw, dtype=np.float64)
    x = x[np.isfinite(x)]
    if x.size == 0 or not x.max() > 0:
        raise ValueError("a load rate needs a load curve with a maximum above 0")
    return float(x.mean() / x.max())


def transformer_load(apparent_kva: npt.ArrayLike, rated_kva: float) -> F64:
    """Load rate S/SN of a transformer; long-term above 0.85 is too much (JGJ 16)."""
    if not rated_kva > 0:
        raise ValueError(f"the rating must be above 0 kVA, not {rated_kva}")
    return np.asarray(apparent_kva, dtype=np.float64) / rated_kva


def current_unbalance(ia: npt.ArrayLike, ib: npt.ArrayLike, ic: npt.ArrayLike) -> F64:
    """``(Imax - Imin) / Imax`` in per cent; NaN where no phase carries current or one is missing."""
    x = np.stack(np.broadcast_arrays(*(np.asarray(i, dtype=np.float64) for i in (ia, ib, ic))))
    top = x.max(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        out: F64 = np.where(top > 0, (top - x.min(axis=0)) / top * 100.0, np.nan)
    return out
