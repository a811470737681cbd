"""国务院令第493号: grades of work-safety accidents, with the direct loss of GB 6721-2025."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date

from parksight.standards.rulepack import Confidence, Rule, RulePack, builtin, weakest

#: Accident grades from the gravest on.
ACCIDENT_GRADES = ("特别重大", "重大", "较大", "一般")


@dataclass(frozen=True, slots=True)
class Accident:
    """The grade with the criteria that were met; a ``一般`` accident meets none of the higher ones."""

    grade: str
    met: tuple[Rule, ...]

    @property
    def confidence(self) -> Confidence:
        """The weakest mark among the criteria; the decree's text was read, so it is official."""
        return weakest(self.met)


def accident(
    dead: int, seriously_injured: int, direct_loss_yuan: float, on: date, rules: RulePack | None = None
) -> Accident:
    """Grade of an accident; any one criterion is enough, "from … on" includes the number. Decree 493, article 3.

    Args:
        dead, seriously_injured: persons; acute industrial poisoning counts as serious injury.
        direct_loss_yuan: from :func:`direct_loss`.

    Raises ValueError for a number that is negative, not whole or not known.
    """
    for name, count in (("dead", dead), ("seriously_injured", seriously_injured)):
        if not (count >= 0 and count == int(count)):
            raise ValueError(f"{name} persons are counted: 0 or more, not {count}")
    if not (direct_loss_yuan >= 0 and math.isfinite(direct_loss_yuan)):
        raise ValueError(f"the direct loss must be known and 0 or more, not {direct_loss_yuan}")
    pack = rules or builtin()
    found = {"dead": dead, "seriously_injured": seriously_injured, "direct_loss": direct_loss_yuan}
    for grade in ACCIDENT_GRADES:
        rows = [(v, pack.get("accident.grade", on, grade=grade, criterion=name)) for name, v in found.items()]
        met = tuple(rule for value, rule in rows if value >= rule.number)
        if met:
            return Accident(grade, met)
    raise AssertionError("the lowest grade begins at 0")


def accident_grade(
    dead: int, seriously_injured: int, direct_loss_yuan: float, on: date, rules: RulePack | None = None
) -> str:
    """The grade word of :func:`accident`."""
    return accident(dead, seriously_injured, direct_loss_yuan, on, rules).grade


def direct_loss(
    *,
    casualties: float,
    property_damage: float,
    company_rescue: float,
    site_clearing: float,
    administrative: float,
) -> float:
    """Direct loss, yuan: the five parts of GB 6721-2025; rescue paid by the government is indirect and stays out."""
    parts = (casualties, property_damage, company_rescue, site_clearing, administrative)
    if not all(p >= 0 and math.isfinite(p) for p in parts):
        raise ValueError("every part of a loss must be known and 0 or more")
    return math.fsum(parts)
