"""HJ 663: evaluation of ambient air over a year: percentiles and the composite index. The 2026 text was not obtained."""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt

from parksight.standards import gb3095
from parksight.standards.rulepack import Rule, RuleMissing, RulePack, builtin


def percentile(values: npt.ArrayLike, p: float) -> float:
    """The p-th percentile of HJ 663 (linear between ranks k = 1 + (n-1) p/100); NaN values are left out.

    Raises ValueError when nothing is left or p lies outside 0…100.
    """
    x = np.asarray(values, dtype=np.float64).ravel()
    x = x[np.isfinite(x)]
    if x.size == 0:
        raise ValueError("no valid value: a percentile of nothing does not exist")
    return float(np.percentile(x, p, method="linear"))


def annual_percentile(
    daily: npt.ArrayLike, pollutant: str, on: date, rules: RulePack | None = None
) -> tuple[float, Rule]:
    """The percentile of a year's daily values that the pollutant is judged by, with its rule: SO2 and NO2 98th,
    particles and CO 95th, O3 (MDA8) 90th. RuleMissing for any other pollutant."""
    rule = (rules or builtin()).get("hj663.percentile", on, pollutant=pollutant)
    return percentile(daily, rule.number), rule


def composite_index(
    values: dict[str, float], on: date, rules: RulePack | None = None
) -> tuple[float, tuple[Rule, ...]]:
    """``sum(w Ci/Si)`` over the six pollutants with the rules used; its weights of 2026 are unverified. HJ 663.

    Args:
        values: annual means of SO2, NO2, PM10, PM2.5, the 95th percentile of CO days and the 90th of O3 MDA8.

    Raises RuleMissing when a pollutant is missing.
    """
    pack = rules or builtin()
    weights = pack.scale("hj663.weight", on)
    used: list[Rule] = []
    total = 0.0
    for weight in weights:
        name = weight.key["pollutant"]
        if name not in values or not np.isfinite(values[name]):
            raise RuleMissing(f"the composite index needs {name}")
        period = {"CO": "24h", "O3": "MDA8"}.get(name, "annual")
        rule = gb3095.limit(name, period, on, 2, pack)
        total += weight.number * values[name] / rule.number
        used += [weight, rule]
    return total, tuple(used)
