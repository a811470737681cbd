"""GB 3095-2026 ambient air quality: compliance by pollutant, period and grade.

Industrial parks are class II areas: grade 2 applies. Gases refer to 298.15 K and 1013.25 hPa, particles to actual
conditions.
"""

from __future__ import annotations

import calendar
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from parksight.standards.averaging import Exceedance, block_mean, judge, rolling_mean
from parksight.standards.gb8170 import round_mean_array
from parksight.standards.rulepack import Rule, RulePack, builtin

F64 = npt.NDArray[np.float64]

#: A verdict against a limit of this standard.
Compliance = Exceedance

#: First day of the 2026 edition: whose rules of validity hold where no day is given.
IN_FORCE = date(2026, 3, 1)


def limit(pollutant: str, period: str, on: date, grade: int = 2, rules: RulePack | None = None) -> Rule:
    """The limit in force; periods ``1h``, ``24h``, ``MDA8``, ``annual`` … as in Tables 1 and 2."""
    return (rules or builtin()).get("gb3095.limit", on, pollutant=pollutant, period=period, grade=grade)


def compliance(
    means: npt.ArrayLike, pollutant: str, period: str, on: date, grade: int = 2, rules: RulePack | None = None
) -> Compliance:
    """Judge means of the limit's own period; a mean equal to its limit complies.

    Args:
        means: means over ``period`` in the limit's unit, any shape, NaN where not valid. They are rounded
            (GB/T 8170) to the decimals of their pollutant before they are compared.

    Raises:
        RuleMissing: the standard has no limit for this pollutant and period, or none in force on the day.
    """
    pack = rules or builtin()
    rule = limit(pollutant, period, on, grade, pack)
    places = pack.get("gb3095.decimals", on, pollutant=pollutant)
    return judge(round_mean_array(means, int(places.number)), rule, places)


def exceedance(
    values: npt.ArrayLike, step_minutes: int, pollutant: str, period: str, on: date, grade: int = 2,
    rules: RulePack | None = None,
) -> Compliance:  # fmt: skip
    """Judge raw values by the averaging that the limit demands: 1 h, 24 h, MDA8 or annual.

    Args:
        values: shape (…, n), one value per ``step_minutes`` (1…60, a divisor of 60), from 00:00 of the day ``on``.
        period: ``1h``, ``24h``, ``MDA8``, or ``annual`` (whole years beginning on ``on``, a 1 January).

    Daily and longer means are made of valid hours, as the standard counts validity in hours and days.

    Raises:
        ValueError: a step that does not divide an hour, a series over which the limit changes, or a period that cannot
            be made of it.
        RuleMissing: no such limit.
    """
    if not 1 <= step_minutes <= 60 or 60 % step_minutes:
        raise ValueError(f"the step must divide an hour, not {step_minutes} min")
    pack = rules or builtin()
    x = np.asarray(values, dtype=np.float64)
    last = on + timedelta(minutes=max(0, x.shape[-1] - 1) * step_minutes)
    if limit(pollutant, period, on, grade, pack) != limit(pollutant, period, last, grade, pack):
        raise ValueError(
            f"the limit of {pollutant} changes between {on} and {last}: judge each part by itself"
        )
    used = [validity("1h", on, pack)]
    hours = x if step_minutes == 60 else _hourly(x, 60 // step_minutes, used[0])
    if period == "1h":
        means = hours
    elif period == "24h":
        used.append(validity("24h", on, pack))
        means = block_mean(hours, 24, int(used[-1].number))
    elif period == "MDA8":
        used += [validity("8h", on, pack), pack.get("hj663.mda8_means", on, what="least")]
        means = daily_max_8h(hours, limit(pollutant, period, on, grade, pack).number)
    elif period == "annual" and (on.month, on.day) == (1, 1):
        used += [validity(p, on, pack) for p in ("24h", "month", "february", "annual")]
        means = annual_mean(block_mean(hours, 24, int(used[1].number)), on.year, pack)[..., None]
    else:
        raise ValueError(f"values from {on} on cannot be averaged to {period}")
    found = compliance(means, pollutant, period, on, grade, pack)
    return judge(found.means, found.limit, *found.rules[1:], *used)


def validity(period: str, on: date, rules: RulePack | None = None) -> Rule:
    """How many valid values a mean needs: ``1h`` min, ``8h`` and ``24h`` h, ``month``, ``february``, ``annual`` d."""
    return (rules or builtin()).get("gb3095.validity", on, period=period)


def hourly_means(minutes: npt.ArrayLike, on: date = IN_FORCE, rules: RulePack | None = None) -> F64:
    """1 h means of minute values, shape (…, 60 n) to (…, n); valid from 45 minutes on. GB 3095, Table 4."""
    return block_mean(minutes, 60, int(validity("1h", on, rules).number))


def daily_means(hours: npt.ArrayLike, on: date = IN_FORCE, rules: RulePack | None = None) -> F64:
    """24 h means of hourly values; valid from 20 hours on. GB 3095, Table 4."""
    return block_mean(hours, 24, int(validity("24h", on, rules).number))


def daily_max_8h(
    hours: npt.ArrayLike, limit_value: float = 160.0, on: date = IN_FORCE, rules: RulePack | None = None
) -> F64:
    """Largest 8 h running mean of each day (MDA8), from hourly values (…, 24 n).

    The 8 h means that end at 08:00 … 24:00 of the day count; each needs 6 hours, and a day needs 14 of its 17
    means unless its maximum already exceeds the limit (160 ug/m3, grade 2). HJ 663-2013, Table 1 (O3).
    """
    pack = rules or builtin()
    x = np.asarray(hours, dtype=np.float64)
    days = x.shape[-1] // 24
    blocks = x[..., : days * 24].reshape(*x.shape[:-1], days, 24)
    running = rolling_mean(blocks, 8, int(validity("8h", on, pack).number))[..., 7:]
    valid = np.isfinite(running)
    top = np.where(valid, running, -np.inf).max(axis=-1)
    least = pack.number("hj663.mda8_means", on, what="least")
    enough = (valid.sum(axis=-1) >= least) | (top > limit_value)
    out: F64 = np.where(enough & np.isfinite(top), top, np.nan)
    return out


def daily_max_1h(hours: npt.ArrayLike, on: date = IN_FORCE, rules: RulePack | None = None) -> F64:
    """Largest hourly mean of each day (…, 24 n) to (…, n); a day needs 20 valid hours."""
    x = np.asarray(hours, dtype=np.float64)
    days = x.shape[-1] // 24
    blocks = x[..., : days * 24].reshape(*x.shape[:-1], days, 24)
    valid = np.isfinite(blocks)
    top = np.where(valid, blocks, -np.inf).max(axis=-1)
    out: F64 = np.where(valid.sum(axis=-1) >= validity("24h", on, rules).number, top, np.nan)
    return out


def monthly_mean(days: npt.ArrayLike, month: int, rules: RulePack | None = None, on: date = IN_FORCE) -> F64:
    """Mean of the daily values of one month, shape (…, days) to (…); 27 valid days, 25 in February. Table 4."""
    if not 1 <= month <= 12:
        raise ValueError(f"there is no month {month}")
    least = int(validity("february" if month == 2 else "month", on, rules).number)
    x = np.asarray(days, dtype=np.float64)
    if not least <= x.shape[-1] <= 31:
        raise ValueError(f"month {month} does not have {x.shape[-1]} days")
    return block_mean(x, x.shape[-1], least)[..., 0]


def annual_mean(days: npt.ArrayLike, year: int, rules: RulePack | None = None) -> F64:
    """Mean of the daily values of one year, shape (…, 365 or 366) to (…).

    Needs 324 valid days, and 27 in each month (25 in February). GB 3095, Table 4.
    """
    pack, on = rules or builtin(), date(year, 12, 31)
    x = np.asarray(days, dtype=np.float64)
    length = 366 if calendar.isleap(year) else 365
    if x.shape[-1] != length:
        raise ValueError(f"{year} has {length} days, not {x.shape[-1]}")
    edges = np.cumsum([0, *(calendar.monthrange(year, m)[1] for m in range(1, 12))])
    valid = np.isfinite(x)
    per_month = np.add.reduceat(valid.astype(np.int64), edges, axis=-1)
    month, february = (validity(p, on, pack).number for p in ("month", "february"))
    least = np.where(np.arange(12) == 1, february, month)
    enough = (per_month >= least).all(axis=-1) & (valid.sum(axis=-1) >= validity("annual", on, pack).number)
    out: F64 = np.where(enough, block_mean(x, length, 1)[..., 0], np.nan)
    return out


def _hourly(x: F64, per_hour: int, rule: Rule) -> F64:
    """Hourly means of ``per_hour`` values; as many must be valid as cover the minutes the standard asks for."""
    return block_mean(x, per_hour, max(1, int(np.ceil(per_hour * rule.number / 60.0))))
