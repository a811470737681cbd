"""Greenhouse gas emissions of an enterprise: fuels, process, electricity and heat, t CO2.

``E = sum(AD NCV CC OF 44/12) + process - recovered + electricity EF + heat EF`` (工业其他行业 guide of the national
accounting guides; sector guides differ: overlay their factors).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date

from parksight.standards.rulepack import Confidence, Rule, RuleMissing, RulePack, builtin, weakest

#: Mass of CO2 per mass of carbon.
CO2_PER_C = 44.0 / 12.0


@dataclass(frozen=True, slots=True)
class Emission:
    """t CO2 with the factors it was made of; ``supplied`` names inputs that no pack vouches for."""

    tco2: float
    factors: tuple[Rule, ...]
    supplied: tuple[str, ...] = ()

    @property
    def confidence(self) -> Confidence:
        """The weakest mark among the factors; a supplied factor is unverified to us."""
        return weakest(self.factors, *([Confidence.OWN_UNVERIFIED] if self.supplied else []))


def fuel(
    name: str, amount: float, on: date, *, ncv_gj: float | None = None, rules: RulePack | None = None
) -> Emission:
    """Emission of burning a fuel.

    Args:
        name: English or Chinese name of the fuel table.
        amount: in the table's unit (t; 1e4 Nm3 for gases), >= 0.
        ncv_gj: measured net calorific value per unit, before the default.
    """
    if not (amount >= 0 and math.isfinite(amount)):
        raise ValueError(f"{name}: the amount must be 0 or more, not {amount}")
    pack = rules or builtin()
    ncv = _factor(pack, "carbon.ncv", name, on)
    content = _factor(pack, "carbon.content", name, on)
    oxidation = _factor(pack, "carbon.oxidation", name, on)
    if ncv_gj is not None and not ncv_gj > 0:
        raise ValueError(f"{name}: a measured heat value must be above 0 GJ, not {ncv_gj}")
    heat = ncv.number if ncv_gj is None else ncv_gj
    tco2 = amount * heat * content.number * oxidation.number / 100.0 * CO2_PER_C
    if ncv_gj is not None:
        return Emission(tco2, (content, oxidation), (f"{name}: measured net calorific value",))
    return Emission(tco2, (ncv, content, oxidation))


def electricity(
    mwh: float, on: date, *, factor_year: int, scope: str = "national", green_mwh: float = 0.0,
    rules: RulePack | None = None,
) -> Emission:  # fmt: skip
    """Indirect emission of bought electricity by a published grid factor.

    The latest published year is rarely the reporting year: the caller says which year's factor it takes, and a
    year that was not published raises RuleMissing. ``green_mwh`` counts zero and only market-based, with
    certificates.
    """
    if not math.isfinite(mwh) or not 0 <= green_mwh <= mwh:
        raise ValueError(f"green electricity must lie in 0..{mwh} MWh, not {green_mwh}")
    pack = rules or builtin()
    try:
        rule = pack.get("carbon.grid", on, scope=scope, year=factor_year)
    except RuleMissing:
        named = [r for r in pack.table("carbon.grid", on, year=factor_year) if r.note == scope]
        if len(named) != 1:
            raise
        rule = named[0]
    return Emission((mwh - green_mwh) * rule.number, (rule,))


def heat(
    gj: float, factor_t_per_gj: float | None = None, *, on: date | None = None, rules: RulePack | None = None
) -> Emission:
    """Indirect emission of bought heat.

    Args:
        factor_t_per_gj: t CO2/GJ of the supplier; without it the guide's default (unverified) of the day ``on``.

    Raises ValueError for a negative or unknown amount or factor, or when neither factor nor day is given.
    """
    if not (gj >= 0 and math.isfinite(gj)):
        raise ValueError(f"heat must be known and 0 GJ or more, not {gj}")
    if factor_t_per_gj is not None:
        if not (factor_t_per_gj >= 0 and math.isfinite(factor_t_per_gj)):
            raise ValueError(f"a heat factor must be known and 0 or more, not {factor_t_per_gj}")
        return Emission(gj * factor_t_per_gj, (), ("heat: factor of the supplier",))
    if on is None:
        raise ValueError("give the supplier's heat factor, or the day whose default applies")
    rule = (rules or builtin()).get("carbon.heat", on, scope="national")
    return Emission(gj * rule.number, (rule,))


def total(*parts: Emission, process: float = 0.0, recovered: float = 0.0) -> Emission:
    """Sum of the parts plus process emissions minus recovered CO2, t."""
    if not all(x >= 0 and math.isfinite(x) for x in (process, recovered)):
        raise ValueError("process and recovered CO2 must be known and 0 or more")
    supplied = [name for part in parts for name in part.supplied]
    supplied += [name for name, x in (("process", process), ("recovered", recovered)) if x]
    factors = {id(f): f for part in parts for f in part.factors}
    return Emission(
        math.fsum(part.tco2 for part in parts) + process - recovered, tuple(factors.values()), tuple(supplied)
    )


def _factor(pack: RulePack, rule: str, name: str, on: date) -> Rule:
    try:
        return pack.get(rule, on, fuel=name)
    except RuleMissing:
        for row in pack.table(rule, on):
            if row.note == name:
                return row
        raise
