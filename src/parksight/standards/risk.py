"""Risk grading of dual prevention: LEC (``D = L E C``) and the LS matrix (``R = L S``), boundaries configurable.

The boundaries belong to the company or province: a local pack with rows of ``risk.lec_grade``, ``risk.ls_grade`` (or
``…_colour``) replaces that scale whole, so boundaries can move either way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date

from parksight.standards.rulepack import Confidence, Rule, RuleMissing, RulePack, builtin, weakest


@dataclass(frozen=True, slots=True)
class Grade:
    """Score, grade word and colour of the four-colour map."""

    score: float
    grade: str
    colour: str
    rule: Rule
    rules: tuple[Rule, ...] = ()

    @property
    def confidence(self) -> Confidence:
        """The weakest mark among the scores, the grade and the colour."""
        return weakest(self.rules or (self.rule,))


def lec(
    likelihood: float, exposure: float, consequence: float, on: date, rules: RulePack | None = None
) -> Grade:
    """LEC grade; each factor must be one of its table's scores. Boundaries count to the lower grade (320 is 高)."""
    pack = rules or builtin()
    used = []
    for factor, value in (("L", likelihood), ("E", exposure), ("C", consequence)):
        allowed = sorted(pack.scale("risk.lec_score", on, factor=factor), key=lambda r: r.number)
        met = [r for r in allowed if math.isclose(value, r.number)]
        if not met:
            raise ValueError(
                f"{factor} must be one of {', '.join(f'{r.number:g}' for r in allowed)}, not {value}"
            )
        used.append(met[0])
    d = likelihood * exposure * consequence
    grade, colour = (_from(pack, f"risk.lec_{what}", "above", d, on) for what in ("grade", "colour"))
    return Grade(d, str(grade.value), str(colour.value), grade, (grade, colour, *used))


def ls(likelihood: int, severity: int, on: date, rules: RulePack | None = None) -> Grade:
    """LS grade of a 5x5 matrix; both 1…5."""
    for name, value in (("likelihood", likelihood), ("severity", severity)):
        if value not in (1, 2, 3, 4, 5):
            raise ValueError(f"{name} must be 1, 2, 3, 4 or 5, not {value}")
    pack = rules or builtin()
    r = likelihood * severity
    grade, colour = (_from(pack, f"risk.ls_{what}", "least", r, on) for what in ("grade", "colour"))
    return Grade(r, str(grade.value), str(colour.value), grade, (grade, colour))


def _from(pack: RulePack, rule: str, edge: str, score: float, on: date) -> Rule:
    """The row with the highest boundary below (``above``) or up to (``least``) the score."""
    rows = pack.scale(rule, on)
    # 6 x 0.5 x 7 may miss a boundary by the last binary digit
    near = {id(r): math.isclose(score, float(r.key[edge]), rel_tol=1e-12) for r in rows}
    fitting = [
        r for r in rows
        if (near[id(r)] if edge == "least" else False) or (score > float(r.key[edge]) and not near[id(r)])
    ]  # fmt: skip
    if not fitting:
        raise RuleMissing(f"the scale {rule} has no step for a score of {score:g}")
    return max(fitting, key=lambda r: float(r.key[edge]))
