"""GB 18218-2018: identification and levels of major hazard installations (重大危险源辨识).

``s = sum(q/Q)``; a unit is a major hazard when ``s >= 1``. ``R = alpha * sum(beta * q/Q)`` gives the level.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources

from parksight.standards.rulepack import Confidence, Rule, RuleMissing, RulePack, builtin

#: Levels from the gravest on, as the standard writes them.
LEVELS = ("一级", "二级", "三级", "四级")


@dataclass(frozen=True, slots=True)
class Substance:
    """A row of Table 1 (85 substances) or Table 2 (24 hazard classes)."""

    table: str
    entry: str
    name_zh: str
    name_en: str
    cas: str
    aliases: tuple[str, ...]
    beta_basis: str


@dataclass(frozen=True, slots=True)
class Inventory:
    """What a unit holds.

    Attributes:
        substance: row of the tables, from :func:`find`.
        tonnes: design maximum of the unit (not today's stock), t, finite and >= 0.
        hazard_classes: Table 2 symbols (``J5``, ``W2`` …) of a Table 1 substance without a beta of its own.
    """

    substance: Substance
    tonnes: float
    hazard_classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Contribution:
    """One line of the derivation."""

    substance: Substance
    tonnes: float
    threshold: Rule
    beta: Rule
    ratio: float
    weighted: float


@dataclass(frozen=True, slots=True)
class Identification:
    """The verdict with its derivation.

    ``level`` is None when ``s < 1``: such a unit is no major hazard (it is not level four).
    """

    s: float
    alpha: Rule
    r: float
    level: str | None
    contributions: tuple[Contribution, ...]

    @property
    def major_hazard(self) -> bool:
        return self.level is not None

    @property
    def confidence(self) -> Confidence:
        """The weakest mark among the values used."""
        order = list(Confidence)
        rules = [
            self.alpha,
            *(c.threshold for c in self.contributions),
            *(c.beta for c in self.contributions),
        ]
        return max((r.confidence for r in rules), key=order.index)


@cache
def substances() -> tuple[Substance, ...]:
    """All 85 + 24 rows in the order of the standard."""
    file = resources.files("parksight.standards") / "data" / "lookup" / "gb18218_substances.csv"
    with file.open(encoding="utf-8") as handle:
        return tuple(
            Substance(
                row["table"], row["entry"], row["name_zh"], row["name_en"], row["cas"],
                tuple(filter(None, row["aliases"].split("|"))), row["beta_basis"],
            )
            for row in csv.DictReader(handle)
        )  # fmt: skip


def find(text: str) -> Substance:
    """The row for a CAS number, a Table 2 symbol, or a Chinese or English name or alias (case-insensitive).

    Raises RuleMissing when nothing, or more than one row, answers to the text.
    """
    wanted = text.strip().casefold()
    hits = [s for s in substances() if wanted in _names(s)]
    if not hits:
        hits = [s for s in substances() if any(n.split("(")[0].split("（")[0] == wanted for n in _names(s))]
    if len(hits) == 1:
        return hits[0]
    if not hits:
        raise RuleMissing(
            f"GB 18218-2018 Table 1 has no {text!r}: give its hazard class of Table 2 (J1…J5, W1.1…W11)"
        )
    raise RuleMissing(
        f"{text!r} means several rows: {', '.join(h.name_zh for h in hits)}; give the CAS number"
    )


def identify(
    items: Sequence[Inventory], persons_within_500m: int, on: date, rules: RulePack | None = None
) -> Identification:
    """Identify a unit and derive its level.

    Args:
        items: everything the unit holds; a substance may stand several times. A mixture of the same hazard class
            as its pure substance is entered whole under that substance, otherwise under its own class.
        persons_within_500m: people living within 500 m outside the plant boundary, >= 0.
        on: the day whose rules apply.
        rules: pack to use; ours by default.

    Raises:
        ValueError: a mass or head count is negative or not finite, or nothing is given.
        RuleMissing: a threshold or beta is not known (give ``hazard_classes``).

    Source: GB 18218-2018, 4.2 and 4.3, Tables 1 to 6.
    """
    pack = rules or builtin()
    if not items:
        raise ValueError("a unit without substances cannot be identified: give at least one")
    if persons_within_500m < 0:
        raise ValueError(f"persons within 500 m must be 0 or more, not {persons_within_500m}")
    lines = tuple(_contribution(item, on, pack) for item in items)
    s = math.fsum(line.ratio for line in lines)
    alpha = _alpha(persons_within_500m, on, pack)
    r = alpha.number * math.fsum(line.weighted for line in lines)
    return Identification(s, alpha, r, _level(r, on, pack) if s >= 1 else None, lines)


def _contribution(item: Inventory, on: date, pack: RulePack) -> Contribution:
    if not math.isfinite(item.tonnes) or item.tonnes < 0:
        raise ValueError(f"the mass of {item.substance.name_zh} must be 0 t or more, not {item.tonnes}")
    row = item.substance
    threshold = pack.get("gb18218.threshold", on, table=row.table, entry=row.entry)
    beta = _beta(item, on, pack)
    ratio = item.tonnes / threshold.number
    return Contribution(row, item.tonnes, threshold, beta, ratio, beta.number * ratio)


def _beta(item: Inventory, on: date, pack: RulePack) -> Rule:
    row = item.substance
    try:
        return pack.get("gb18218.beta", on, table=row.table, entry=row.entry)
    except RuleMissing:
        if not item.hazard_classes:
            raise RuleMissing(
                f"beta of {row.name_zh} is not in Table 3: give its hazard classes (Table 4, e.g. W2)"
            ) from None
    found = [pack.get("gb18218.beta", on, table="2", entry=c) for c in item.hazard_classes]
    return max(found, key=lambda rule: rule.number)


def _alpha(persons: int, on: date, pack: RulePack) -> Rule:
    rows = pack.table("gb18218.alpha", on)
    return max(
        (r for r in rows if int(r.key["persons_from"]) <= persons), key=lambda r: int(r.key["persons_from"])
    )


def _level(r: float, on: date, pack: RulePack) -> str:
    rows = sorted(pack.table("gb18218.level", on), key=lambda row: -row.number)
    # R is a sum of quotients: 99.99999999999999 is 100 written in binary.
    return next(
        row.key["level"] for row in rows if r >= row.number or math.isclose(r, row.number, rel_tol=1e-12)
    )


@cache
def _names(substance: Substance) -> frozenset[str]:
    words = (substance.cas, substance.name_zh, substance.name_en, *substance.aliases)
    names = {w.casefold() for w in words if w}
    if substance.table == "2":
        names.add(substance.entry.casefold())
    return frozenset(names)
