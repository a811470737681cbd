"""GB/T 2589-2020: comprehensive energy consumption in standard coal, calorific (当量) and equivalent (等价) apart."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from parksight.standards.rulepack import Confidence, Rule, RuleMissing, RulePack, builtin, weakest

#: Standard coal, kJ/kgce. GB/T 2589-2020, 3.
KJ_PER_KGCE = 29307.0


class Method(StrEnum):
    """How electricity and heat are counted: by their own heat, or by the fuel it took to make them."""

    CALORIFIC = "calorific"
    EQUIVALENT = "equivalent"


class Flow(StrEnum):
    """What happened to the carrier."""

    PURCHASED = "purchased"
    SOLD = "sold"
    STOCK_DECREASE = "stock_decrease"
    STOCK_INCREASE = "stock_increase"


_SIGN = {Flow.PURCHASED: 1.0, Flow.STOCK_DECREASE: 1.0, Flow.SOLD: -1.0, Flow.STOCK_INCREASE: -1.0}


@dataclass(frozen=True, slots=True)
class Quantity:
    """An amount of an energy carrier.

    Attributes:
        carrier: English or Chinese name of the coefficient table, or ``electricity``.
        amount: in the table's unit (kg, m3, kWh, MJ, t), >= 0.
        measured_kj: measured net heat value per unit; goes before the table's default.
    """

    carrier: str
    amount: float
    flow: Flow = Flow.PURCHASED
    measured_kj: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the derivation; ``coefficient`` in kgce per unit, ``rule`` None for a measured heat value."""

    quantity: Quantity
    coefficient: float
    rule: Rule | None
    tce: float


@dataclass(frozen=True, slots=True)
class Energy:
    """Comprehensive energy consumption with its derivation; never mix the two methods in one sum."""

    method: Method
    tce: float
    lines: tuple[Line, ...]

    @property
    def confidence(self) -> Confidence:
        """The weakest mark among the coefficients used; measured heat values are the caller's own."""
        marks = [line.rule for line in self.lines if line.rule is not None]
        return weakest(marks)


def coefficient(
    carrier: str, on: date, method: Method = Method.CALORIFIC, rules: RulePack | None = None
) -> Rule:
    """Standard-coal coefficient of a carrier, kgce per unit.

    Args:
        carrier: English or Chinese name of the table, with or without what stands in its brackets; ``electricity``
            and ``heat`` by method.

    Electricity at equivalent value is a yearly figure of the supply: it stands in no table and must come from the
    zone's own pack (``gb2589.coefficient``, ``carrier=electricity, equivalent``); without it RuleMissing is raised.
    Heat at equivalent value comes from the zone's pack likewise (``heat, equivalent``); without it the calorific
    coefficient stands in, as statistics do. The media's coefficients are made at 0.404 kgce/kWh.

    Raises RuleMissing for an unknown carrier, and for a name that covers a range (natural gas: low to high): then a
    measured heat value or one of its ends must be named.
    """
    pack = rules or builtin()
    name = carrier.strip()
    if name in ("electricity", "电力"):
        end = "calorific" if method is Method.CALORIFIC else "equivalent"
        return pack.get("gb2589.coefficient", on, carrier=f"electricity, {end}")
    if name in ("heat", "热力") and method is Method.EQUIVALENT:
        try:
            return pack.get("gb2589.coefficient", on, carrier="heat, equivalent")
        except RuleMissing:
            return pack.get("gb2589.coefficient", on, carrier="heat (calorific)")
    table = pack.table("gb2589.coefficient", on)
    exact = [r for r in table if name in (r.key["carrier"], r.note)]
    hits = exact or [r for r in table if name in (_base(r.key["carrier"]), _base(r.note))]
    if len(hits) == 1:
        return hits[0]
    if hits:
        ends = ", ".join(f"{r.key['carrier']} {r.number:g}" for r in hits)
        raise RuleMissing(f"{carrier} covers {ends} kgce: measure its heat value or name one of them")
    raise RuleMissing(f"GB/T 2589 has no coefficient of {carrier!r}; supply it in a local pack")


def _base(name: str) -> str:
    return name.split("(")[0].split(",")[0].strip()


def series(
    amounts: Mapping[str, npt.ArrayLike],
    on: date,
    method: Method = Method.CALORIFIC,
    rules: RulePack | None = None,
) -> tuple[npt.NDArray[np.float64], tuple[Rule, ...]]:
    """Standard coal of series, tce, with the coefficients used: carriers to arrays of one shape, in table units.

    NaN propagates: a sum with a missing carrier is missing. Amounts sold or stocked come with a minus sign.
    """
    if not amounts:
        raise ValueError("nothing to add up")
    used = tuple(coefficient(name, on, method, rules) for name in amounts)
    parts = [np.asarray(a, dtype=np.float64) * r.number for a, r in zip(amounts.values(), used, strict=True)]
    total: npt.NDArray[np.float64] = sum(parts[1:], start=parts[0]) / 1000.0
    return total, used


def comprehensive(
    quantities: Sequence[Quantity],
    on: date,
    method: Method = Method.CALORIFIC,
    rules: RulePack | None = None,
) -> Energy:
    """Comprehensive energy ``E = sum(e_i rho_i)`` = purchased - sold ± stock, tce. GB/T 2589-2020, 6.

    Energy-consuming media count only when bought in or sent across the boundary; the caller leaves own production
    out, or its fuel would count twice.

    Raises:
        ValueError: an amount is negative or no heat value makes sense.
        RuleMissing: a carrier has no coefficient.
    """
    lines = []
    for item in quantities:
        if not (item.amount >= 0 and math.isfinite(item.amount)):
            raise ValueError(
                f"{item.carrier}: the amount must be 0 or more, not {item.amount}; use the flow's sign"
            )
        rule: Rule | None = None
        if item.measured_kj is not None:
            if not (item.measured_kj > 0 and math.isfinite(item.measured_kj)):
                raise ValueError(
                    f"{item.carrier}: a measured heat value must be above 0 kJ, not {item.measured_kj}"
                )
            factor = item.measured_kj / KJ_PER_KGCE
        else:
            rule = coefficient(item.carrier, on, method, rules)
            factor = rule.number
        lines.append(Line(item, factor, rule, _SIGN[item.flow] * item.amount * factor / 1000.0))
    return Energy(method, math.fsum(line.tce for line in lines), tuple(lines))


def unit_product(energy: Energy, output: float) -> float:
    """Energy per unit of product, kgce per unit of output; ValueError when nothing was produced."""
    if not output > 0:
        raise ValueError(
            f"unit consumption needs an output above 0, not {output}; without output it is not defined"
        )
    return energy.tce * 1000.0 / output


def per_output_value(energy: Energy, output_value_10k_yuan: float) -> float:
    """单位产值能耗, tce per 10 000 yuan (constant prices)."""
    if not output_value_10k_yuan > 0:
        raise ValueError("energy per output value needs an output value above 0")
    return energy.tce / output_value_10k_yuan


def balance_gap(inputs: float, useful: float, losses: float) -> float:
    """Relative gap ``(input - useful - losses) / input`` of an energy balance (GB/T 3484)."""
    if not inputs > 0:
        raise ValueError("an energy balance needs an input above 0")
    return (inputs - useful - losses) / inputs


def performance_index(baseline: float, actual: float) -> float:
    """Energy performance against a baseline: ``(E_baseline - E) / E_baseline``, positive is a saving (GB/T 23331).

    The baseline is the regression on output and weather at the actual conditions.
    """
    if not (baseline > 0 and math.isfinite(baseline) and math.isfinite(actual)):
        raise ValueError("a performance index needs a baseline above 0 and a known consumption")
    return (baseline - actual) / baseline
