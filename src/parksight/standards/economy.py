"""Per-mu evaluation of land (亩均评价): score, and grades A to D by rank. Weights, benchmarks and cuts are local."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from parksight.standards.rulepack import Confidence, Rule, RuleMissing, RulePack, builtin, weakest


@dataclass(frozen=True, slots=True)
class MuScore:
    """Score with its parts; ``parts`` maps item to points. Every item at its benchmark gives exactly 100."""

    score: float
    parts: Mapping[str, float]
    rules: tuple[Rule, ...] = ()

    @property
    def confidence(self) -> Confidence:
        """The weakest mark among weights and benchmarks."""
        return weakest(self.rules)


def mu_score(
    values: Mapping[str, float], size: str, on: date, *, cap: float | None = None,
    without: Mapping[str, float] | None = None, rules: RulePack | None = None,
) -> MuScore:  # fmt: skip
    """``sum(value / benchmark * weight)``.

    Args:
        values: every item of the table (``tax_per_mu`` …) in its unit; energy at equivalent value (等价).
        size: ``large`` (规上) or ``small`` (规下).
        on: a day of the year that is evaluated: a year's benchmarks hold for that year only.
        cap: most that an item may reach, as a multiple of its weight (often 1.5); local, None for no cap. Negative
            values count 0.
        without: points of items that do not apply: an enterprise without emissions gets the mean score of the others.
        rules: a local pack on top replaces weights and benchmarks whole.

    Raises:
        RuleMissing: an item is missing or no benchmarks hold on the date.
        ValueError: an item is unknown, given twice, or not a finite number.
    """
    pack = rules or builtin()
    weights = {r.key["item"]: r for r in pack.scale("mu.weight", on, size=size)}
    benchmarks = {r.key["item"]: r for r in pack.scale("mu.benchmark", on, size=size)}
    given = dict(without or {})
    if set(given) & set(values):
        raise ValueError(f"{', '.join(sorted(set(given) & set(values)))} cannot both apply and not apply")
    missing = set(weights) - set(values) - set(given) | set(weights) - set(benchmarks)
    if missing:
        raise RuleMissing(
            f"no value or benchmark for {', '.join(sorted(missing))}: the score needs every item"
        )
    unknown = (set(values) | set(given)) - set(weights)
    if unknown:
        raise ValueError(f"{', '.join(sorted(unknown))} are not items of the {size} table")
    if cap is not None and not cap > 0:
        raise ValueError(f"a cap is a multiple above 0, not {cap}")
    parts = {}
    for item, weight in weights.items():
        number = given[item] if item in given else values[item]
        if not math.isfinite(number):
            raise ValueError(f"{item} is not known: a missing figure is not zero")
        if item in given:
            parts[item] = number
            continue
        ratio = max(0.0, number / benchmarks[item].number)
        parts[item] = weight.number * (ratio if cap is None else min(ratio, cap))
    return MuScore(math.fsum(parts.values()), parts, (*weights.values(), *benchmarks.values()))


def mu_grades(scores: Mapping[str, float], on: date, rules: RulePack | None = None) -> dict[str, str]:
    """Grade A to D of every enterprise by its rank; equal scores share the better grade.

    An enterprise at rank k of n has grade A while ``k / n`` does not exceed A's cut (``mu.cut``, local), and so on.
    Which enterprises take part (utilities, start-ups, new land are often left out) is the caller's to decide.

    Raises ValueError for a score that is not known, or nobody to rank.
    """
    if not scores or not all(math.isfinite(s) for s in scores.values()):
        raise ValueError("every enterprise that is ranked needs a score")
    cuts = sorted((rules or builtin()).scale("mu.cut", on), key=lambda r: r.number)
    ordered = sorted(scores.values(), reverse=True)
    grades = {}
    for name, score in scores.items():
        share = (ordered.index(score) + 1) / len(ordered)
        fitting = [r for r in cuts if share <= r.number or math.isclose(share, r.number)]
        if not fitting:
            raise RuleMissing(f"the cuts end at {cuts[-1].number:.0%}: rank {share:.0%} has no grade")
        grades[name] = fitting[0].key["grade"]
    return grades
