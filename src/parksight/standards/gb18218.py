"""GB 18218-2018: identification and levels of major hazard installations (重大危险源辨识).

``s = sum(q/Q)``; a unit is a major hazard when ``s >= 1``. ``R = alpha * sum(beta * q/Q)`` gives the level.
"""

from __future__ import annotations

import csv
import math
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from importlib import resources

from parksight.standards.rulepack import (
    Confidence,
    Rule,
    RuleMissing,
    RuleNotInForce,
    RulePack,
    builtin,
    weakest,
)

#: Levels from the gravest on, as the standard writes them.
LEVELS = ("一级", "二级", "三级", "四级")


@dataclass(frozen=True, slots=True)
class Substance:
    """A row of Table 1 (85 substances) or Table 2 (24 hazard classes).

    ``form`` names a form with a beta of its own inside one row (pure CO in the row of coal gas). ``cas`` lists several
    numbers joined by ``;`` where the row covers several substances.
    """

    table: str
    entry: str
    name_zh: str
    name_en: str
    cas: str
    aliases: tuple[str, ...]
    beta_basis: str
    form: str = ""

    @property
    def condition(self) -> str:
        """What the row asks of content or state (``含量>90%``), empty when nothing: whoever enters it must confirm it,
        a weaker mixture is not this row."""
        words = unicodedata.normalize("NFKC", self.name_zh)
        return (
            words.partition("(")[2].removesuffix(")")
            if self.table == "1" and set("<>≤≥") & set(words)
            else ""
        )


@dataclass(frozen=True, slots=True)
class Inventory:
    """What a unit holds.

    Attributes:
        substance: row of the tables, from :func:`find`.
        tonnes: design maximum of the unit (not today's stock), t, finite and >= 0.
        hazard_classes: Table 2 symbols (``J5``, ``W2`` …). For a Table 1 substance outside Table 3 they give beta, the
            largest counts, and go before our unverified class hint. For a Table 2 row they are further classes of the
            substance: the lowest threshold counts, with the largest beta. [The largest beta is our reading.]
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
    level_rule: Rule | None = None

    @property
    def major_hazard(self) -> bool:
        """Whether ``s >= 1``."""
        return self.level is not None

    @property
    def confidence(self) -> Confidence:
        """The weakest mark among the values used."""
        rules = [
            self.alpha,
            *(c.threshold for c in self.contributions),
            *(c.beta for c in self.contributions),
        ]
        return weakest(rules if self.level_rule is None else [*rules, self.level_rule])


class UnitKind(StrEnum):
    """What a unit is; what bounds it is told by :func:`unit_boundary`."""

    PRODUCTION = "production"
    TANK_FARM = "tank_farm"
    WAREHOUSE = "warehouse"


@dataclass(frozen=True, slots=True)
class Unit:
    """A production or storage unit; each is identified by itself, never the site as a whole."""

    name: str
    kind: UnitKind
    items: tuple[Inventory, ...]


@dataclass(frozen=True, slots=True)
class UnitList:
    """The units of an enterprise, gravest first: by level, then by R."""

    units: tuple[tuple[Unit, Identification], ...]

    @property
    def highest(self) -> str | None:
        """The gravest level; None when no unit is a major hazard."""
        return self.units[0][1].level if self.units else None

    @property
    def major_hazards(self) -> tuple[Unit, ...]:
        """The units that are major hazards, gravest first."""
        return tuple(unit for unit, found in self.units if found.major_hazard)


@cache
def substances() -> tuple[Substance, ...]:
    """All 85 + 24 rows in the order of the standard."""
    return tuple(row for row in _lookup() if not row.form)


@cache
def _lookup() -> tuple[Substance, ...]:
    file = resources.files("parksight.standards") / "data" / "lookup" / "gb18218_substances.csv"
    with file.open(encoding="utf-8") as handle:
        return tuple(
            Substance(
                row["table"], row["entry"], row["name_zh"], row["name_en"], row["cas"],
                tuple(filter(None, row["aliases"].split("|"))), row["beta_basis"], row["form"],
            )
            for row in csv.DictReader(handle)
        )  # fmt: skip


def find(text: str) -> Substance:
    """The row for a CAS number, a Table 2 symbol, or a Chinese or English name or alias (case-insensitive).

    Raises RuleMissing when nothing, or more than one row, answers to the text.
    """
    wanted = _plain(text)
    hits = [s for s in _lookup() if wanted in _names(s)]
    if not hits:
        hits = [s for s in _lookup() if any(n.split("(")[0] == wanted for n in _names(s))]
    if len(hits) == 1:
        return hits[0]
    if not hits:
        raise RuleMissing(
            f"GB 18218-2018 Table 1 has no {text!r}: give its hazard class of Table 2 (J1…J5, W1.1…W11)"
        )
    raise RuleMissing(
        f"{text!r} means several rows: {', '.join(h.name_zh for h in hits)}; give the full name"
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
    if not (persons_within_500m >= 0 and persons_within_500m == int(persons_within_500m)):
        raise ValueError(f"persons within 500 m are counted: 0 or more, not {persons_within_500m}")
    lines = tuple(_contribution(item, on, pack) for item in items)
    s = math.fsum(line.ratio for line in lines)
    alpha = _alpha(persons_within_500m, on, pack)
    r = alpha.number * math.fsum(line.weighted for line in lines)
    # s is a sum of quotients: 0.9999999999999999 is 1 written in binary
    if s < 1 and not math.isclose(s, 1.0, rel_tol=1e-12):
        return Identification(s, alpha, r, None, lines)
    rule = _level(r, on, pack)
    return Identification(s, alpha, r, rule.key["level"], lines, rule)


def identify_units(
    units: Sequence[Unit],
    persons_within_500m: int | Mapping[str, int],
    on: date,
    rules: RulePack | None = None,
) -> UnitList:
    """Identify every unit of an enterprise by itself, gravest first.

    Args:
        persons_within_500m: one number for the plant, or one per unit name.

    Raises as :func:`identify`; ValueError when a unit's name stands twice (a tank farm split in two would hide).
    """
    names = [unit.name for unit in units]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"units must have names of their own: {', '.join(sorted(twice))} stands twice")
    found = []
    for unit in units:
        persons = (
            persons_within_500m[unit.name]
            if isinstance(persons_within_500m, Mapping)
            else persons_within_500m
        )
        found.append((unit, identify(unit.items, persons, on, rules)))
    rank = {level: i for i, level in enumerate((*LEVELS, None))}
    return UnitList(tuple(sorted(found, key=lambda pair: (rank[pair[1].level], -pair[1].r))))


def unit_boundary(kind: UnitKind, on: date, rules: RulePack | None = None) -> Rule:
    """What bounds a unit of this kind: shut-off valves, the dike, or the independent building. 3.5 and 3.6."""
    return (rules or builtin()).get("gb18218.unit_boundary", on, kind=kind.value)


def mixture(
    pure: Substance, tonnes: float, pure_classes: Collection[str], mixture_classes: Collection[str]
) -> Inventory:
    """How a mixture (or solution) is entered. GB 18218-2018, 4.2.4.

    Of the same hazard class as its pure substance (one class in common is enough) it counts whole, under that
    substance; otherwise under the class the mixture itself has (with several, the lowest threshold).

    Args:
        tonnes: mass of the whole mixture.
        pure_classes, mixture_classes: Table 2 symbols.

    Raises:
        ValueError: the mixture has no class of Table 2: then it is not to be entered at all.
        RuleMissing: a symbol is unknown.
    """
    rows = {symbol: find(symbol) for symbol in mixture_classes}
    if any(row.table != "2" for row in rows.values()):
        raise RuleMissing("the classes of a mixture are symbols of Table 2 (J1…J5, W1.1…W11)")
    if not rows:
        raise ValueError("a mixture without a hazard class of Table 2 is not entered")
    if set(mixture_classes) & set(pure_classes):
        return Inventory(pure, tonnes, tuple(mixture_classes) if pure.table == "1" else ())
    first, *further = rows
    return Inventory(rows[first], tonnes, tuple(further))


def _contribution(item: Inventory, on: date, pack: RulePack) -> Contribution:
    if not math.isfinite(item.tonnes) or item.tonnes < 0:
        raise ValueError(f"the mass of {item.substance.name_zh} must be 0 t or more, not {item.tonnes}")
    row = item.substance
    threshold = pack.get("gb18218.threshold", on, table=row.table, entry=row.entry)
    if row.table == "2":
        further = [pack.get("gb18218.threshold", on, table="2", entry=c) for c in item.hazard_classes]
        threshold = min([threshold, *further], key=lambda rule: rule.number)
    beta = _beta(item, on, pack)
    ratio = item.tonnes / threshold.number
    return Contribution(row, item.tonnes, threshold, beta, ratio, beta.number * ratio)


def _beta(item: Inventory, on: date, pack: RulePack) -> Rule:
    row = item.substance
    if row.form:
        return pack.get("gb18218.beta", on, table=row.table, entry=row.entry, form=row.form)
    found = [pack.get("gb18218.beta", on, table="2", entry=c) for c in item.hazard_classes]
    if row.table == "2":
        found.append(pack.get("gb18218.beta", on, table="2", entry=row.entry))
    elif row.beta_basis == "Table 3" or not found:  # Table 3 binds; a class hint only stands in
        try:
            found = [pack.get("gb18218.beta", on, table=row.table, entry=row.entry)]
        except RuleNotInForce:
            raise
        except RuleMissing:
            raise RuleMissing(
                f"beta of {row.name_zh} is not in Table 3: give its hazard classes (Table 4, e.g. W2)"
            ) from None
    return max(found, key=lambda rule: rule.number)


def _alpha(persons: int, on: date, pack: RulePack) -> Rule:
    rows = pack.table("gb18218.alpha", on)
    return max(
        (r for r in rows if int(r.key["persons_from"]) <= persons), key=lambda r: int(r.key["persons_from"])
    )


def _level(r: float, on: date, pack: RulePack) -> Rule:
    rows = sorted(pack.table("gb18218.level", on), key=lambda row: -row.number)
    # R is a sum of quotients: 99.99999999999999 is 100 written in binary.
    return next(row for row in rows if r >= row.number or math.isclose(r, row.number, rel_tol=1e-12))


#: Dashes that text programs put in CAS numbers.
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212"), "-")


def _plain(text: str) -> str:
    """One way of writing: half-width signs, lower case, no blanks around signs."""
    return unicodedata.normalize("NFKC", text).translate(_DASHES).strip().casefold()


@cache
def _names(substance: Substance) -> frozenset[str]:
    words = (*substance.cas.split(";"), substance.name_zh, substance.name_en, *substance.aliases)
    names = {_plain(w) for w in words if w}
    if substance.table == "2":
        names.add(_plain(substance.entry))
    return frozenset(names)
