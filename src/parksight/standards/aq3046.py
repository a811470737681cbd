"""AQ/T 3046-2013: vulnerability in quantitative risk analysis: probits for heat, toxic load and over-pressure."""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt
from scipy.special import erf

from parksight.standards.rulepack import RulePack, builtin

F64 = npt.NDArray[np.float64]

#: First day of the 2013 edition: whose rules hold where no day is given.
IN_FORCE = date(2013, 10, 1)


def death_probability(probit: npt.ArrayLike) -> F64:
    """``P = 0.5 (1 + erf((Pr - 5) / sqrt 2))``, any shape."""
    out: F64 = 0.5 * (1.0 + erf((np.asarray(probit, dtype=np.float64) - 5.0) / np.sqrt(2.0)))
    return out


def heat_probit(
    flux_w_m2: npt.ArrayLike, seconds: npt.ArrayLike, on: date = IN_FORCE, rules: RulePack | None = None
) -> F64:
    """``Pr = -36.38 + 2.56 ln(Q^(4/3) t)``; exposure counts to 20 s at most. Zero flux or time gives -inf."""
    longest = (rules or builtin()).number("aq3046.heat", on, what="longest_exposure")
    q, t = _positive(flux_w_m2, "heat flux"), np.minimum(_positive(seconds, "exposure"), longest)
    with np.errstate(divide="ignore"):
        out: F64 = -36.38 + 2.56 * np.log(q ** (4.0 / 3.0) * t)
    return out


def heat_death(
    flux_w_m2: npt.ArrayLike, seconds: npt.ArrayLike, on: date = IN_FORCE, rules: RulePack | None = None
) -> F64:
    """Probability of death by thermal radiation outdoors; 1 from 37.5 kW/m2 on."""
    q = np.asarray(flux_w_m2, dtype=np.float64)
    certain = (rules or builtin()).number("aq3046.heat", on, what="certain_death")
    p = death_probability(heat_probit(q, seconds, on, rules))
    out: F64 = np.where(q >= certain, 1.0, p)
    return out


def toxic_probit(
    concentration_mg_m3: npt.ArrayLike, minutes: npt.ArrayLike, substance: str, on: date,
    rules: RulePack | None = None,
) -> F64:  # fmt: skip
    """``Pr = a + b ln(C^n t)``, C in mg/m3, t in minutes, at most 30; RuleMissing for an unknown substance."""
    pack = rules or builtin()
    a, b, n = (pack.number("toxic.probit", on, substance=substance, constant=k) for k in "abn")
    longest = pack.number("aq3046.toxic", on, what="longest_exposure")
    c, t = (
        _positive(concentration_mg_m3, "concentration"),
        np.minimum(_positive(minutes, "exposure"), longest),
    )
    with np.errstate(divide="ignore"):
        out: F64 = a + b * (n * np.log(c) + np.log(t))
    return out


def social_death(
    probability: npt.ArrayLike, effect: str, on: date = IN_FORCE, rules: RulePack | None = None
) -> F64:
    """Probability of death for social risk, which counts people behind walls and clothes.

    Args:
        probability: outdoors, from the functions above; individual risk always takes it as it is.
        effect: ``heat`` (factor 0.14 below certain death) or ``toxic`` (0.1 indoors).

    Raises ValueError for another effect.
    """
    p = _positive(probability, "probability")
    what = {"heat": "social_factor", "toxic": "social_factor_indoors"}
    if effect not in what:
        raise ValueError(f"social factors are known for {', '.join(what)}, not {effect!r}")
    factor = (rules or builtin()).number(f"aq3046.{effect}", on, what=what[effect])
    out: F64 = np.where((effect == "heat") & (p >= 1.0), 1.0, p * factor)
    return out


def potential_loss_of_life(frequencies: npt.ArrayLike, deaths: npt.ArrayLike) -> float:
    """``PLL = sum(f N)``, deaths per year, over scenarios of one shape. AQ/T 3046-2013."""
    f, n = _positive(frequencies, "frequency"), _positive(deaths, "deaths")
    return float((f * n).sum())


def fn_curve(frequencies: npt.ArrayLike, deaths: npt.ArrayLike, at: npt.ArrayLike) -> F64:
    """Societal risk ``F(N)``: yearly frequency of N or more deaths at each N of ``at``. AQ/T 3046-2013."""
    f, n = _positive(frequencies, "frequency").ravel(), _positive(deaths, "deaths").ravel()
    if f.shape != n.shape:
        raise ValueError("every scenario needs a frequency and its deaths")
    order = np.argsort(n)
    tail = np.concatenate([np.cumsum(f[order][::-1])[::-1], [0.0]])
    out: F64 = tail[np.searchsorted(n[order], np.asarray(at, dtype=np.float64), side="left")]
    return out


def toxic_load(concentration: npt.ArrayLike, step: float, exponent: float, axis: int = -1) -> F64:
    """Toxic load ``integral C^n dt`` of a series along an axis (rectangles of ``step``); NaN is refused."""
    c = np.asarray(concentration, dtype=np.float64)
    if np.isnan(c).any():
        raise ValueError("a toxic load needs every concentration; a missing one is not zero")
    out: F64 = (np.maximum(c, 0.0) ** exponent).sum(axis=axis) * step
    return out


def overpressure_death(
    pressure_pa: npt.ArrayLike, *, indoors: bool = False, on: date = IN_FORCE, rules: RulePack | None = None
) -> F64:
    """Explosion: 1 from 0.03 MPa on, 0 up to 0.01 MPa, between them 0 outdoors and 0.025 indoors. AQ/T 3046, I."""
    p = _positive(pressure_pa, "over-pressure")
    certain, none, between = (
        (rules or builtin()).number("aq3046.overpressure", on, what=w)
        for w in ("certain_death", "no_death", "indoors_between")
    )
    out: F64 = np.where(p >= certain, 1.0, np.where(p <= none, 0.0, between if indoors else 0.0))
    return out


def flash_fire_death(concentration: npt.ArrayLike, lower_flammable_limit: float) -> F64:
    """1 inside the lower flammable limit, 0 outside; NaN stays NaN."""
    if not lower_flammable_limit > 0:
        raise ValueError("a lower flammable limit is above 0")
    c = np.asarray(concentration, dtype=np.float64)
    out: F64 = np.where(np.isnan(c), np.nan, (c >= lower_flammable_limit).astype(np.float64))
    return out


def _positive(values: npt.ArrayLike, name: str) -> F64:
    x = np.asarray(values, dtype=np.float64)
    if np.isnan(x).any() or np.any(x < 0):
        raise ValueError(f"{name} must be known and 0 or more")
    return x
