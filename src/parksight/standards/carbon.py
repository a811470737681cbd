"""Greenhouse gas emissions of an enterprise: fuels, process, electricity and heat, t CO2.

``E = sum(AD NCV CC OF 44/12) + process - recovered + electricity EF + heat EF`` (工业其他行业 guide of the national
accounting guides; sector guides differ: overlay their factors).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from parksight.standards.rulepack import Confidence, Rule, RuleMissing, RulePack, builtin

#: Mass of CO2 per mass of carbon.
CO2_PER_C = 44.0 / 12.0


@dataclass(frozen=True, slots=True)
class Emission:
    """t CO2 with the factors it was made of."""

    tco2: float
    factors: tuple[Rule, ...]

    @property
    def confidence(self) -> Confidence:
        order = list(Confidence)
        return max((f.confidence for f in self.factors), key=order.index, default=Confidence.OFFICIAL_TEXT)


def fuel(
    name: str, amount: float, on: date, *, ncv_gj: float | None = None, rules: RulePack | None = None
) -> Emission:
    """Emission of burning a fuel.

    Args:
        name: English or Chinese name of the fuel table.
        amount: in the table's unit (t; 1e4 Nm3 for gases), >= 0.
        ncv_gj: measured net calorific value per unit, before the default.
    """
    if not amount >= 0:
        raise ValueError(f"{name}: the amount must be 0 or more, not {amount}")
    pack = rules or builtin()
    ncv = _factor(pack, "carbon.ncv", name, on)
    content = _factor(pack, "carbon.content", name, on)
    oxidation = _factor(pack, "carbon.oxidation", name, on)
    if ncv_gj is not None and not ncv_gj > 0:
        raise ValueError(f"{name}: a measured heat value must be above 0 GJ, not {ncv_gj}")
    heat = ncv.number if ncv_gj is None else ncv_gj
    tco2 = amount * heat * content.number * oxidation.number / 100.0 * CO2_PER_C
    return Emission(tco2, (content, oxidation) if ncv_gj is not None else (ncv, content, oxidation))


def electricity(
    mwh: float, on: date, *, factor_year: int, scope: str = "national", green_mwh: float = 0.0,
    rules: RulePack | None = None,
) -> Emission:  # fmt: skip
    """Indirect emission of bought electricity by a published grid factor.

    The latest published year is rarely the reporting year: the caller says which year's factor it takes, and a
    year that was not published raises RuleMissing. ``green_mwh`` counts zero and only market-based, with
    certificates.
    """
    if not 0 <= green_mwh <= mwh:
        raise ValueError(f"green electricity must lie in 0..{mwh} MWh, not {green_mwh}")
    rule = (rules or builtin()).get("carbon.grid", on, scope=scope, year=factor_year)
    return Emission((mwh - green_mwh) * rule.number, (rule,))


def heat(gj: float, factor_t_per_gj: float) -> Emission:
    """Indirect emission of bought heat; the factor (t CO2/GJ) comes from the supplier or the sector guide."""
    if not gj >= 0 or not factor_t_per_gj >= 0:
        raise ValueError("heat and its factor must be 0 or more")
    return Emission(gj * factor_t_per_gj, ())


def total(*parts: Emission, process: float = 0.0, recovered: float = 0.0) -> Emission:
    """Sum of the parts plus process emissions minus recovered CO2, t."""
    if process < 0 or recovered < 0:
        raise ValueError("process and recovered CO2 must be 0 or more")
    factors = tuple(f for part in parts for f in part.factors)
    return Emission(sum(part.tco2 for part in parts) + process - recovered, factors)


def _factor(pack: RulePack, rule: str, name: str, on: date) -> Rule:
    try:
        return pack.get(rule, on, fuel=name)
    except RuleMissing:
        for row in pack.table(rule, on):
            if row.note == name:
                return row
        raise
