"""GB/T 2589-2020: comprehensive energy consumption in standard coal, calorific (当量) and equivalent (等价) apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from parksight.standards.rulepack import Rule, RuleMissing, RulePack, builtin

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


def coefficient(
    carrier: str, on: date, method: Method = Method.CALORIFIC, rules: RulePack | None = None
) -> Rule:
    """Standard-coal coefficient of a carrier, kgce per unit.

    Electricity at equivalent value is a yearly figure of the supply: it stands in no table and must come from the
    zone's own pack (``gb2589.coefficient``, ``carrier=electricity, equivalent``); without it RuleMissing is raised.
    """
    pack = rules or builtin()
    if carrier in ("electricity", "电力"):
        name = "electricity, calorific" if method is Method.CALORIFIC else "electricity, equivalent"
        return pack.get("gb2589.coefficient", on, carrier=name)
    try:
        return pack.get("gb2589.coefficient", on, carrier=carrier)
    except RuleMissing:
        for rule in pack.table("gb2589.coefficient", on):
            if rule.note == carrier:
                return rule
        raise


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
        if not item.amount >= 0:
            raise ValueError(
                f"{item.carrier}: the amount must be 0 or more, not {item.amount}; use the flow's sign"
            )
        rule: Rule | None = None
        if item.measured_kj is not None:
            if not item.measured_kj > 0:
                raise ValueError(
                    f"{item.carrier}: a measured heat value must be above 0 kJ, not {item.measured_kj}"
                )
            factor = item.measured_kj / KJ_PER_KGCE
        else:
            rule = coefficient(item.carrier, on, method, rules)
            factor = rule.number
        lines.append(Line(item, factor, rule, _SIGN[item.flow] * item.amount * factor / 1000.0))
    return Energy(method, sum(line.tce for line in lines), tuple(lines))


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
