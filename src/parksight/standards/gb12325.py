"""GB/T 12325-2008: deviation of the supply voltage. All limits unverified."""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt

from parksight.standards.averaging import Exceedance, judge
from parksight.standards.rulepack import RulePack, builtin

F64 = npt.NDArray[np.float64]


def deviation(voltage: npt.ArrayLike, nominal: float) -> F64:
    """``(U - Un) / Un`` in per cent, any shape, NaN stays NaN."""
    if not nominal > 0:
        raise ValueError(f"the nominal voltage must be above 0, not {nominal}")
    out: F64 = (np.asarray(voltage, dtype=np.float64) - nominal) * 100.0 / nominal
    return out


def compliance(
    deviations: npt.ArrayLike, level: str, on: date, rules: RulePack | None = None
) -> tuple[Exceedance, ...]:
    """Judge deviations, per cent, of one level, time along the last axis.

    Args:
        level: ``220V`` (single-phase) or ``up_to_20kV``: over- and under-voltage are judged sample by sample;
            ``from_35kV``: the band between the highest and the lowest deviation of the series, at most 10 %.
    """
    pack = rules or builtin()
    x = np.asarray(deviations, dtype=np.float64)
    if level == "from_35kV":
        valid = np.isfinite(x)
        some = valid.any(axis=-1)
        high = np.where(valid, x, -np.inf).max(axis=-1)
        low = np.where(valid, x, np.inf).min(axis=-1)
        band = np.where(some, np.maximum(high, 0.0) - np.minimum(low, 0.0), np.nan)
        return (judge(band, pack.get("gb12325.deviation", on, level=level, edge="band")),)
    over, under = (pack.get("gb12325.deviation", on, level=level, edge=e) for e in ("over", "under"))
    return judge(x, over), judge(-x, under)
