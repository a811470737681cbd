"""From what a unit may hold to its level, with every line of the way. GB 18218-2018."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from parksight.kernel.errors import ProblemError, invalid
from parksight.safety.models import Chemical
from parksight.standards import gb18218
from parksight.standards.rulepack import Rule, RuleMissing


@dataclass(frozen=True, slots=True)
class Verdict:
    """``state`` ``major``, ``below`` or ``unknown``; figures are None and ``problem`` says why while it is unknown."""

    state: str
    s: float | None = None
    r: float | None = None
    level: int | None = None
    problem: str | None = None
    problem_text: str = ""
    alpha: dict[str, Any] = field(default_factory=dict)
    lines: list[dict[str, Any]] = field(default_factory=list)


def identify(chemicals: Sequence[Chemical], persons: int | None, on: date) -> Verdict:
    """The verdict for a day; whatever is missing makes it unknown, never guessed."""
    if not chemicals:
        return Verdict("unknown", problem="safety.hazard.no_chemicals")
    if persons is None:
        return Verdict("unknown", problem="safety.hazard.no_persons")
    unconfirmed = [c.name for c in chemicals if not c.condition_confirmed and row_of(c.substance).condition]
    if unconfirmed:
        return Verdict("unknown", problem="safety.hazard.condition", problem_text=", ".join(unconfirmed))
    items = [gb18218.Inventory(row_of(c.substance), c.tonnes, tuple(c.hazard_classes)) for c in chemicals]
    try:
        found = gb18218.identify(items, persons, on)
    except RuleMissing as missing:
        return Verdict("unknown", problem="safety.hazard.rule_missing", problem_text=str(missing))
    lines = [
        {
            "substance": c.substance, "name": c.name, "tonnes": part.tonnes, "threshold": factor(part.threshold),
            "beta": factor(part.beta), "ratio": part.ratio, "weighted": part.weighted,
        }
        for c, part in zip(chemicals, found.contributions, strict=True)
    ]  # fmt: skip
    level = None if found.level is None else gb18218.LEVELS.index(found.level) + 1
    state = "below" if level is None else "major"
    return Verdict(state, found.s, found.r, level, alpha=factor(found.alpha), lines=lines)


def row_of(substance: str) -> gb18218.Substance:
    """The row of the standard; 422 when there is none or the name is ambiguous."""
    try:
        return gb18218.find(substance)
    except RuleMissing as missing:
        raise invalid("safety.hazard.substance", "/chemicals", value=substance, reason=str(missing)) from None


def classes_known(symbols: Sequence[str]) -> None:
    """Refuse symbols Table 2 does not have."""
    for symbol in symbols:
        try:
            known = gb18218.find(symbol).table == "2"
        except RuleMissing:
            known = False
        if not known:
            raise ProblemError("safety.hazard.class_unknown", 422, {"value": symbol}, "/chemicals")


def factor(rule: Rule) -> dict[str, Any]:
    """A value of the law as it is kept with a verdict."""
    return {
        "value": rule.number, "unit": rule.unit, "standard": rule.standard, "clause": rule.clause,
        "confidence": rule.confidence.value, "verified": rule.verified,
    }  # fmt: skip
