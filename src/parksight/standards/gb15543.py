"""GB/T 15543-2008: three-phase voltage unbalance."""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt

from parksight.standards.averaging import Exceedance, judge
from parksight.standards.rulepack import Rule, RulePack, builtin

F64 = npt.NDArray[np.float64]


def voltage_unbalance(uab: npt.ArrayLike, ubc: npt.ArrayLike, uca: npt.ArrayLike) -> F64:
    """Negative-sequence unbalance in per cent from the three line voltages. GB/T 15543-2008, Annex A.

    ``L = (a^4+b^4+c^4)/(a^2+b^2+c^2)^2``, ``eps = sqrt((1-sqrt(3-6L))/(1+sqrt(3-6L)))``. NaN where the three
    voltages form no triangle (a broken measurement).
    """
    a, b, c = (np.asarray(u, dtype=np.float64) for u in (uab, ubc, uca))
    if np.any(a < 0) or np.any(b < 0) or np.any(c < 0):
        raise ValueError("line voltages are magnitudes: 0 or more")
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (a**4 + b**4 + c**4) / (a**2 + b**2 + c**2) ** 2
        # equal voltages give exactly 1/3, which binary rounding may overshoot
        root = np.sqrt(np.where(ratio < 1.0 / 3.0, 1.0, 3.0 - 6.0 * ratio))
        out: F64 = np.sqrt(np.clip((1.0 - root) / (1.0 + root), 0.0, None)) * 100.0
    return out


def unbalance_limit(kind: str, on: date, rules: RulePack | None = None) -> Rule:
    """``normal``, ``short``, ``user_normal`` or ``user_short``, per cent."""
    return (rules or builtin()).get("gb15543.unbalance", on, kind=kind)


def compliance(unbalance: npt.ArrayLike, kind: str, on: date, rules: RulePack | None = None) -> Exceedance:
    """Judge unbalances, per cent, against a limit of :func:`unbalance_limit`; equal complies."""
    return judge(unbalance, unbalance_limit(kind, on, rules))
