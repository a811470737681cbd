"""Power quality: GB/T 14549-1993 harmonics and GB/T 15543-2008 three-phase voltage unbalance."""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt

from parksight.standards.rulepack import Rule, RuleMissing, RulePack, builtin

F64 = npt.NDArray[np.float64]


def voltage_limit(kv: float, kind: str, on: date, rules: RulePack | None = None) -> Rule:
    """Voltage distortion limit, per cent: kind ``THDu``, ``odd`` or ``even``. GB/T 14549-1993, Table 1."""
    return (rules or builtin()).get("gb14549.voltage", on, kv=_level(kv), kind=kind)


def total_distortion(harmonics: npt.ArrayLike, fundamental: npt.ArrayLike) -> F64:
    """THD in per cent from harmonic magnitudes, shape (…, orders), and the fundamental, shape (…)."""
    h = np.asarray(harmonics, dtype=np.float64)
    f = np.asarray(fundamental, dtype=np.float64)
    if np.any(f <= 0):
        raise ValueError("the fundamental must be above 0")
    out: F64 = np.sqrt((h**2).sum(axis=-1)) / f * 100.0
    return out


def current_limit(
    kv: float, order: int, on: date, *, short_circuit_mva: float, user_mva: float | None = None,
    supply_mva: float | None = None, rules: RulePack | None = None,
) -> float:  # fmt: skip
    """Allowed harmonic current at the point of common coupling, A.

    Scaled from the table's base short-circuit capacity by ``Sk/Sbase``; with ``user_mva`` and ``supply_mva`` the
    user's share ``(Si/St)^(1/alpha)`` of it. GB/T 14549-1993, Table 2, Annexes B and C.
    """
    pack = rules or builtin()
    level = _level(kv)
    if not short_circuit_mva > 0:
        raise ValueError(f"the short-circuit capacity must be above 0 MVA, not {short_circuit_mva}")
    table = pack.number("gb14549.current", on, kv=level, order=order)
    allowed = table * short_circuit_mva / pack.number("gb14549.base_short_circuit", on, kv=level)
    if user_mva is None and supply_mva is None:
        return allowed
    if user_mva is None or supply_mva is None or not 0 < user_mva <= supply_mva:
        raise ValueError("a user's share needs user_mva and supply_mva with 0 < user <= supply")
    try:
        exponent = pack.number("gb14549.phase_exponent", on, order=order)
    except RuleMissing:
        exponent = pack.number("gb14549.phase_exponent", on, order="other")
    return float(allowed * (user_mva / supply_mva) ** (1.0 / exponent))


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


def _level(kv: float) -> str:
    return f"{kv:g}"
