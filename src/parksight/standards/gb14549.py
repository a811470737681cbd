"""GB/T 14549-1993: harmonics in public supply: voltage distortion and allowed harmonic currents."""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt

from parksight.standards.averaging import Exceedance, judge
from parksight.standards.rulepack import Rule, RuleMissing, RulePack, builtin

F64 = npt.NDArray[np.float64]

#: Harmonic orders of the tables.
ORDERS = range(2, 26)


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


def current_limits(
    kv: float, on: date, *, short_circuit_mva: float, user_mva: float | None = None, supply_mva: float | None = None,
    rules: RulePack | None = None,
) -> F64:  # fmt: skip
    """Allowed harmonic currents of the orders 2 to 25, A, shape (24,); as :func:`current_limit`."""
    return np.array([
        current_limit(
            kv, order, on, short_circuit_mva=short_circuit_mva, user_mva=user_mva, supply_mva=supply_mva, rules=rules
        )
        for order in ORDERS
    ])  # fmt: skip


def voltage_compliance(
    ratios: npt.ArrayLike, kv: float, on: date, rules: RulePack | None = None
) -> tuple[Exceedance, Exceedance, Exceedance]:
    """Judge harmonic voltages: total distortion, odd and even orders against their limits.

    Args:
        ratios: per cent of the fundamental of the orders 2 to 25, shape (…, 24), NaN where not measured.

    Returns:
        THDu, shape (…); odd orders, shape (…, 12); even orders, shape (…, 12). THDu is NaN where an order is missing.
    """
    x = np.asarray(ratios, dtype=np.float64)
    if x.shape[-1] != len(ORDERS):
        raise ValueError(f"harmonics are given for the orders 2 to 25, not {x.shape[-1]} of them")
    thd, odd, even = (voltage_limit(kv, kind, on, rules) for kind in ("THDu", "odd", "even"))
    return (
        judge(np.sqrt((x**2).sum(axis=-1)), thd),
        judge(x[..., 1::2], odd),
        judge(x[..., 0::2], even),
    )


def _level(kv: float) -> str:
    return f"{kv:g}"
