"""Risk grading of dual prevention: LEC (``D = L E C``) and the LS matrix (``R = L S``), boundaries configurable.

The boundaries belong to the company or province: overlay ``risk.lec_grade`` / ``risk.ls_grade`` rows to change them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date

from parksight.standards.rulepack import Rule, RulePack, builtin


@dataclass(frozen=True, slots=True)
class Grade:
    """Score, grade word and colour of the four-colour map."""

    score: float
    grade: str
    colour: str
    rule: Rule


def lec(
    likelihood: float, exposure: float, consequence: float, on: date, rules: RulePack | None = None
) -> Grade:
    """LEC grade; each factor must be one of its table's scores. Boundaries count to the lower grade (320 is 高)."""
    pack = rules or builtin()
    for factor, value in (("L", likelihood), ("E", exposure), ("C", consequence)):
        allowed = sorted(r.number for r in pack.table("risk.lec_score", on, factor=factor))
        if not any(math.isclose(value, score) for score in allowed):
            raise ValueError(f"{factor} must be one of {', '.join(f'{s:g}' for s in allowed)}, not {value}")
    d = likelihood * exposure * consequence
    grade = _above(pack, "risk.lec_grade", d, on)
    return Grade(d, str(grade.value), str(_above(pack, "risk.lec_colour", d, on).value), grade)


def ls(likelihood: int, severity: int, on: date, rules: RulePack | None = None) -> Grade:
    """LS grade of a 5x5 matrix; both 1…5."""
    for name, value in (("likelihood", likelihood), ("severity", severity)):
        if value not in (1, 2, 3, 4, 5):
            raise ValueError(f"{name} must be 1, 2, 3, 4 or 5, not {value}")
    pack = rules or builtin()
    r = likelihood * severity
    grade = _least(pack, "risk.ls_grade", r, on)
    return Grade(r, str(grade.value), str(_least(pack, "risk.ls_colour", r, on).value), grade)


def _above(pack: RulePack, rule: str, score: float, on: date) -> Rule:
    rows = [r for r in pack.table(rule, on) if score > float(r.key["above"])]
    return max(rows, key=lambda r: float(r.key["above"]))


def _least(pack: RulePack, rule: str, score: float, on: date) -> Rule:
    rows = [r for r in pack.table(rule, on) if score >= float(r.key["least"])]
    return max(rows, key=lambda r: float(r.key["least"]))
