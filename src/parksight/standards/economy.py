"""Per-mu evaluation of land (亩均评价) and grades of work-safety accidents (国务院令第493号)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from parksight.standards.rulepack import RuleMissing, RulePack, builtin


@dataclass(frozen=True, slots=True)
class MuScore:
    """Score with its parts; ``parts`` maps item to points. Every item at its benchmark gives exactly 100."""

    score: float
    parts: Mapping[str, float]


def mu_score(
    values: Mapping[str, float],
    size: str,
    on: date,
    *,
    cap: float | None = None,
    rules: RulePack | None = None,
) -> MuScore:
    """``sum(value / benchmark * weight)``.

    Args:
        values: every item of the table (``tax_per_mu`` …) in its unit.
        size: ``large`` (规上) or ``small`` (规下).
        cap: most that an item may reach, as a multiple of its weight (often 1.5); local, None for no cap. Negative
            values count 0.

    Raises RuleMissing when an item is missing or no benchmarks hold on the date: benchmarks are set every year.
    """
    pack = rules or builtin()
    weights = {r.key["item"]: r.number for r in pack.table("mu.weight", on, size=size)}
    missing = set(weights) - set(values)
    if missing:
        raise RuleMissing(f"no value for {', '.join(sorted(missing))}: the score needs every item")
    unknown = set(values) - set(weights)
    if unknown:
        raise ValueError(f"{', '.join(sorted(unknown))} are not items of the {size} table")
    parts = {}
    for item, weight in weights.items():
        ratio = max(0.0, values[item] / pack.number("mu.benchmark", on, size=size, item=item))
        parts[item] = weight * (ratio if cap is None else min(ratio, cap))
    return MuScore(sum(parts.values()), parts)


#: Accident grades from the gravest on.
ACCIDENT_GRADES = ("特别重大", "重大", "较大", "一般")


def accident_grade(
    dead: int, seriously_injured: int, direct_loss_yuan: float, on: date, rules: RulePack | None = None
) -> str:
    """Grade of an accident; any one criterion is enough. Decree 493, article 3."""
    if dead < 0 or seriously_injured < 0 or not direct_loss_yuan >= 0:
        raise ValueError("casualties and loss must be 0 or more")
    pack = rules or builtin()
    found = {"dead": dead, "seriously_injured": seriously_injured, "direct_loss": direct_loss_yuan}
    for grade in ACCIDENT_GRADES[:-1]:
        if any(
            value >= pack.number("accident.grade", on, grade=grade, criterion=name)
            for name, value in found.items()
        ):
            return grade
    return ACCIDENT_GRADES[-1]
