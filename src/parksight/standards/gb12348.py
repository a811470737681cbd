"""GB 12348-2008 noise at the boundary of industrial enterprises, and equivalent sound levels."""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt

from parksight.standards.gb8170 import round_half_even
from parksight.standards.rulepack import Rule, RuleMissing, RulePack, builtin


def leq(levels: npt.ArrayLike, axis: int = -1) -> npt.NDArray[np.float64]:
    """Equivalent continuous level ``10 lg(mean(10^(L/10)))``, dB(A); NaN samples are left out.

    All-NaN gives NaN. Source: GB 12348-2008, 3.1.
    """
    x = np.asarray(levels, dtype=np.float64)
    valid = np.isfinite(x)
    energy = np.where(valid, 10.0 ** (np.where(valid, x, 0.0) / 10.0), 0.0).sum(axis=axis)
    count = valid.sum(axis=axis)
    with np.errstate(divide="ignore", invalid="ignore"):
        out: npt.NDArray[np.float64] = np.where(count > 0, 10.0 * np.log10(energy / count), np.nan)
    return out


def day_and_night(hourly: npt.ArrayLike) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Ld (06-22 h) and Ln (22-06 h) of days given as hourly Leq, shape (…, 24) with hour 0 first."""
    x = np.asarray(hourly, dtype=np.float64)
    if x.shape[-1] != 24:
        raise ValueError(f"a day has 24 hourly levels, not {x.shape[-1]}")
    return leq(x[..., 6:22]), leq(np.concatenate([x[..., :6], x[..., 22:]], axis=-1))


def day_night_level(ld: npt.ArrayLike, ln: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Ldn: the night counts 10 dB more, ``10 lg((16*10^(Ld/10) + 8*10^((Ln+10)/10)) / 24)``."""
    d, n = np.asarray(ld, dtype=np.float64), np.asarray(ln, dtype=np.float64)
    out: npt.NDArray[np.float64] = 10.0 * np.log10(
        (16.0 * 10.0 ** (d / 10.0) + 8.0 * 10.0 ** ((n + 10.0) / 10.0)) / 24.0
    )
    return out


def limit(zone_class: int, period: str, on: date, rules: RulePack | None = None) -> Rule:
    """Limit of a functional zone class 0…4 for ``day`` or ``night``, dB(A). Table 1."""
    return (rules or builtin()).get("gb12348.limit", on, zone_class=zone_class, period=period)


def corrected_for_background(
    measured: float, background: float, on: date, rules: RulePack | None = None
) -> float:
    """Source level after background correction, dB(A), by Table 4.

    Raises ValueError when the difference is below 3 dB: the measurement is not valid, measure again.
    """
    difference = int(round_half_even(measured - background))
    if difference < 3:
        raise ValueError(
            f"measured and background differ by {difference} dB; below 3 dB the reading is invalid"
        )
    if difference > 10:
        return measured
    rule = (rules or builtin()).get("gb12348.background_correction", on, difference=difference)
    return measured + rule.number


def night_peak_allowed(zone_class: int, kind: str, on: date, rules: RulePack | None = None) -> float:
    """Largest night peak allowed: the night limit plus 10 dB (``frequent``) or 15 dB (``single``)."""
    pack = rules or builtin()
    if kind not in ("frequent", "single"):
        raise RuleMissing(f"night peaks are frequent or single, not {kind!r}")
    return limit(zone_class, "night", on, pack).number + pack.number("gb12348.night_peak", on, kind=kind)
