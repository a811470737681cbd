"""GB 12348-2008 noise at the boundary of industrial enterprises, and equivalent sound levels."""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt

from parksight.standards.averaging import Exceedance, by_slabs, judge
from parksight.standards.gb8170 import round_half_even
from parksight.standards.rulepack import Rule, RuleMissing, RulePack, builtin

#: ln(10)/10: exp is several times faster than 10**x and equal to the last digits.
_NEPER = np.log(10.0) / 10.0


def leq(levels: npt.ArrayLike, axis: int = -1) -> npt.NDArray[np.float64]:
    """Equivalent continuous level ``10 lg(mean(10^(L/10)))``, dB(A); NaN samples are left out.

    All-NaN gives NaN. Source: GB 12348-2008, 3.1.
    """
    x = np.asarray(levels, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        energy = np.exp(x * _NEPER)
        total, count = energy.sum(axis=axis), np.asarray(x.shape[axis] if x.ndim else 1)
        if not np.isfinite(total).all():  # gaps: only then pay for counting
            valid = np.isfinite(x)
            total, count = np.where(valid, energy, 0.0).sum(axis=axis), valid.sum(axis=axis)
        out: npt.NDArray[np.float64] = np.where(count > 0, 10.0 * np.log10(total / count), np.nan)
    return out


def leq_blocks(levels: npt.ArrayLike, size: int, least: int = 1) -> npt.NDArray[np.float64]:
    """Leq of consecutive blocks of ``size`` samples, (…, n) to (…, n // size); NaN with fewer than ``least`` valid."""
    if not 1 <= least <= size:
        raise ValueError(f"least must lie in 1..{size}, not {least}")

    def levels_of(blocks: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        out = leq(blocks)
        if least == 1:
            return out
        return np.where(np.count_nonzero(np.isfinite(blocks), axis=-1) >= least, out, np.nan)

    return by_slabs(levels, size, levels_of)


def day_and_night(hourly: npt.ArrayLike) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Ld (06-22 h) and Ln (22-06 h) of calendar days given as hourly Leq, shape (…, 24) with hour 0 first.

    The night of a calendar day is its first six and last two hours; :func:`days_and_nights` keeps a night whole.
    """
    x = np.asarray(hourly, dtype=np.float64)
    if x.shape[-1] != 24:
        raise ValueError(f"a day has 24 hourly levels, not {x.shape[-1]}")
    return leq(x[..., 6:22]), leq(np.concatenate([x[..., :6], x[..., 22:]], axis=-1))


def days_and_nights(
    levels: npt.ArrayLike, per_hour: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Ld and Ln of a continuous series that begins at 00:00, shape (…, 24 per_hour n) to (…, n) each.

    The night belongs to the day on which it begins (22:00 to 06:00 of the next day); the last one is NaN, its morning
    lies beyond the series.
    """
    if per_hour < 1:
        raise ValueError(f"an hour has at least 1 sample, not {per_hour}")
    x = np.asarray(levels, dtype=np.float64)
    days = x.shape[-1] // (24 * per_hour)
    blocks = x[..., : days * 24 * per_hour].reshape(*x.shape[:-1], days, 24 * per_hour)
    late, early = blocks[..., :-1, 22 * per_hour :], blocks[..., 1:, : 6 * per_hour]
    night = np.full(blocks.shape[:-1], np.nan)
    night[..., :-1] = leq(np.concatenate([late, early], axis=-1))
    return leq(blocks[..., 6 * per_hour : 22 * per_hour]), night


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


def compliance(
    levels: npt.ArrayLike, zone_class: int, period: str, on: date, rules: RulePack | None = None
) -> Exceedance:
    """Judge levels (Ld for ``day``, Ln for ``night``), dB(A); a level equal to its limit complies. 4.1."""
    return judge(levels, limit(zone_class, period, on, rules))


def corrected_for_background(
    measured: float, background: float, on: date, rules: RulePack | None = None
) -> float:
    """Source level after background correction, dB(A), by Table 4.

    Raises ValueError when the difference is below 3 dB: the measurement is not valid, measure again.
    """
    if not np.isfinite(measured - background):
        raise ValueError("both levels must be known to correct for the background")
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
