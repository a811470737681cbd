"""GB 3095-2026 ambient air quality: compliance by pollutant, period and grade.

Industrial parks are class II areas: grade 2 applies. Gases refer to 298.15 K and 1013.25 hPa, particles to actual
conditions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from parksight.standards.averaging import block_mean, rolling_mean
from parksight.standards.gb8170 import round_half_even_array
from parksight.standards.rulepack import Rule, RulePack, builtin

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Compliance:
    """Verdict of a series against its limit.

    Attributes:
        limit: the rule applied.
        exceeded: per value; False where the value is missing.
        judged: values that count.
        times_over: value / limit - 1 where exceeded, NaN elsewhere (超标倍数).
    """

    limit: Rule
    exceeded: npt.NDArray[np.bool_]
    judged: int
    times_over: F64

    @property
    def rate(self) -> float:
        """Share of judged values within the limit; NaN when none was judged."""
        return 1.0 - float(self.exceeded.sum()) / self.judged if self.judged else float("nan")


def limit(pollutant: str, period: str, on: date, grade: int = 2, rules: RulePack | None = None) -> Rule:
    """The limit in force; periods ``1h``, ``24h``, ``MDA8``, ``annual`` … as in Tables 1 and 2."""
    return (rules or builtin()).get("gb3095.limit", on, pollutant=pollutant, period=period, grade=grade)


def compliance(
    means: npt.ArrayLike, pollutant: str, period: str, on: date, grade: int = 2, rules: RulePack | None = None
) -> Compliance:
    """Judge means of the limit's own period.

    Args:
        means: means over ``period`` in the limit's unit, any shape, NaN where not valid.
    """
    rule = limit(pollutant, period, on, grade, rules)
    x = round_half_even_array(means, _decimals(pollutant, rule.unit))
    with np.errstate(invalid="ignore"):
        over: npt.NDArray[np.bool_] = x > rule.number
    times: F64 = np.where(over, x / rule.number - 1.0, np.nan)
    return Compliance(rule, over, int(np.isfinite(x).sum()), times)


def hourly_means(minutes: npt.ArrayLike) -> F64:
    """1 h means of minute values, shape (…, 60 n) to (…, n); valid from 45 minutes on. GB 3095, Table 4."""
    return block_mean(minutes, 60, 45)


def daily_means(hours: npt.ArrayLike) -> F64:
    """24 h means of hourly values; valid from 20 hours on. GB 3095, Table 4."""
    return block_mean(hours, 24, 20)


def daily_max_8h(hours: npt.ArrayLike) -> F64:
    """Largest 8 h running mean of each day (MDA8), from hourly values (…, 24 n).

    The 8 h means that end at 08:00 … 24:00 of the day count; each needs 6 hours, and a day needs 14 of its 17
    means unless its maximum already exceeds 160 ug/m3. HJ 663-2013, Table 1 (O3).
    """
    x = np.asarray(hours, dtype=np.float64)
    running = rolling_mean(x, 8, 6)
    days = x.shape[-1] // 24
    blocks = running[..., : days * 24].reshape(*x.shape[:-1], days, 24)[..., 7:]
    valid = np.isfinite(blocks)
    top = np.where(valid, blocks, -np.inf).max(axis=-1)
    enough = (valid.sum(axis=-1) >= 14) | (top > 160.0)
    out: F64 = np.where(enough & np.isfinite(top), top, np.nan)
    return out


def percentile(values: npt.ArrayLike, p: float) -> float:
    """The p-th percentile of HJ 663 (linear between ranks k = 1 + (n-1) p/100); NaN values are left out.

    Raises ValueError when nothing is left.
    """
    x = np.asarray(values, dtype=np.float64).ravel()
    x = x[np.isfinite(x)]
    if x.size == 0:
        raise ValueError("no valid value: a percentile of nothing does not exist")
    return float(np.percentile(x, p, method="linear"))


def _decimals(pollutant: str, unit: str) -> int:
    """Decimals to which a mean is rounded before it is judged: as many as its limit is written with."""
    if pollutant == "BaP":
        return 4
    return 1 if unit == "mg/m3" or pollutant == "Pb" else 0
