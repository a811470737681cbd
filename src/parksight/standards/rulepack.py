"""Law as data: limits, coefficients, breakpoints, thresholds and deadlines with the dates they hold.

A rule pack is a table; each row names its standard and clause, the dates between which it is in force, its
unit and how sure we are of it. A pack answers "which value on this date" and refuses where it does not know.

CSV columns (UTF-8, header row, in any order)::

    rule,key,value,unit,sense,standard,clause,valid_from,valid_to,confidence,note

``key`` is ``name=value`` pairs joined by ``;``. ``sense`` is ``max`` or ``min`` for limits (a local pack may
only tighten those), empty otherwise. ``valid_to`` is the last day in force, empty while open. Which rules exist, by
which keys they are asked for, and in which units and bounds they lie is described in ``data/schema/rules.csv``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from functools import cache
from importlib import resources

from parksight.standards.rule import Confidence, PackError, Rule, RuleMissing, RuleNotInForce, weakest
from parksight.standards.rulefile import COLUMNS, Schema, Shape, parse_rules

__all__ = [
    "COLUMNS", "Confidence", "PackError", "Rule", "RuleMissing", "RuleNotInForce", "RulePack", "Schema", "Shape",
    "builtin", "weakest",
]  # fmt: skip

_Key = tuple[str, frozenset[tuple[str, str]]]


class RulePack:
    """A set of rules, answered by date; immutable.

    Layers of other packs may lie on top (:meth:`overlay`): the topmost layer with a row in force answers.
    """

    def __init__(
        self, rules: Iterable[Rule], layers: tuple[RulePack, ...] = (), schema: Schema | None = None
    ) -> None:
        self._rows: dict[_Key, list[Rule]] = {}
        self._of_rule: dict[str, list[Rule]] = {}
        self._layers = layers
        self._schema = schema
        for item in rules:
            if schema is not None:
                schema.check(item)
            rows = self._rows.setdefault(_key(item.rule, item.key), [])
            for other in rows:
                if other.overlaps(item):
                    raise PackError(
                        item.origin, item.row or None, "valid_from",
                        f"{item.rule} {dict(item.key)} is given twice for the same days "
                        f"({other.valid_from}.. in {other.origin} row {other.row} and {item.valid_from}..)",
                    )  # fmt: skip
            rows.append(item)
            self._of_rule.setdefault(item.rule, []).append(item)

    @classmethod
    def parse(cls, text: str, origin: str, schema: Schema | None = None) -> RulePack:
        """Read a pack from CSV text; PackError names row (line of the file) and column of a fault."""
        return cls(parse_rules(text, origin), schema=schema)

    def overlay(self, local: RulePack, *, may_relax: bool = False) -> RulePack:
        """This pack with a zone's or plant's own pack on top.

        A local limit (``sense`` max or min) that is laxer than any below it on a shared day is refused unless
        ``may_relax``: a plant may tighten the zone's limits and the zone ours, never the reverse. Ours is never changed.

        Raises:
            PackError: a laxer limit, another unit, or a row that does not have the shape of its rule.
        """
        for item in local:
            if self._schema is not None:
                self._schema.check(item)
            handle = _key(item.rule, item.key)
            for other in (row for pack in (self, *self._layers) for row in pack._rows.get(handle, ())):
                if not may_relax and item.overlaps(other) and _laxer(item, other):
                    raise PackError(
                        item.origin, item.row or None, "value",
                        f"{item.rule} {dict(item.key)}: {item.value} {item.unit} is laxer than "
                        f"{other.value} {other.unit} of {other.standard}; local limits may only be stricter",
                    )  # fmt: skip
        top = (RulePack(_own(local)), *local._layers)
        return RulePack(_own(self), (*self._layers, *top), self._schema)

    def get(self, rule: str, on: date, **key: object) -> Rule:
        """The row in force on a date.

        Raises:
            RuleNotInForce: the value exists for other dates only.
            RuleMissing: no pack holds such a value.
        """
        wanted = {name: str(v) for name, v in key.items()}
        handle = _key(rule, wanted)
        spans: list[tuple[date, date | None]] = []
        for pack in (*reversed(self._layers), self):
            for row in pack._rows.get(handle, ()):
                if row.holds_on(on):
                    return row
                spans.append((row.valid_from, row.valid_to))
        if spans:
            raise RuleNotInForce(rule, wanted, on, sorted(spans, key=lambda s: s[0]))
        raise RuleMissing(f"no rule pack holds {rule} {wanted}; supply it in a local pack")

    def number(self, rule: str, on: date, **key: object) -> float:
        """The number in force on a date; raises as :meth:`get`."""
        return self.get(rule, on, **key).number

    def table(self, rule: str, on: date, **key: object) -> list[Rule]:
        """All rows of a rule in force on a date whose keys contain the given pairs, topmost layer first met.

        Layers are merged row by row; a scale whose boundaries move as a whole is read by :meth:`scale`.
        Raises RuleMissing when there is none, RuleNotInForce when there is one for other dates only.
        """
        wanted = {(name, str(v)) for name, v in key.items()}
        found: dict[_Key, Rule] = {}
        for pack in (*reversed(self._layers), self):
            for row in pack._in_force(rule, on, wanted):
                found.setdefault(_key(row.rule, row.key), row)
        if not found:
            raise self._nothing(rule, on, key, wanted)
        return list(found.values())

    def scale(self, rule: str, on: date, **key: object) -> list[Rule]:
        """As :meth:`table`, but all from the topmost layer that has any: a local scale replaces ours whole.

        Boundaries are keys of their rows (``above=320``), so a local pack could otherwise only add some.
        """
        wanted = {(name, str(v)) for name, v in key.items()}
        for pack in (*reversed(self._layers), self):
            rows = pack._in_force(rule, on, wanted)
            if rows:
                return rows
        raise self._nothing(rule, on, key, wanted)

    def changes(self, *rules: str) -> tuple[date, ...]:
        """The days on which a row of these rules begins, or stops, to hold, ascending.

        Between two of them every answer is the same, so a series is computed edition by edition, not day by day.
        """
        days = {row.valid_from for row in self if row.rule in rules}
        days |= {row.valid_to + timedelta(days=1) for row in self if row.rule in rules and row.valid_to}
        return tuple(sorted(days))

    def _nothing(
        self, rule: str, on: date, key: Mapping[str, object], wanted: set[tuple[str, str]]
    ) -> RuleMissing:
        spans = {
            (row.valid_from, row.valid_to)
            for pack in (self, *self._layers) for row in pack._of_rule.get(rule, ()) if wanted <= set(row.key.items())
        }  # fmt: skip
        if spans:
            return RuleNotInForce(
                rule, {n: str(v) for n, v in key.items()}, on, sorted(spans, key=lambda s: s[0])
            )
        return RuleMissing(f"no rule pack holds {rule} {dict(key)}; supply it in a local pack")

    def _in_force(self, rule: str, on: date, wanted: set[tuple[str, str]]) -> list[Rule]:
        return [r for r in self._of_rule.get(rule, ()) if r.holds_on(on) and wanted <= set(r.key.items())]

    def __iter__(self) -> Iterator[Rule]:
        for pack in (self, *self._layers):
            yield from _own(pack)

    def __len__(self) -> int:
        return sum(len(rows) for pack in (self, *self._layers) for rows in pack._rows.values())

    def __bool__(self) -> bool:
        """Always true: an empty pack is a pack that knows nothing, not the wish for ours."""
        return True


@cache
def schema() -> Schema:
    """The shapes of all rules that ParkSight asks for."""
    file = resources.files("parksight.standards") / "data" / "schema" / "rules.csv"
    return Schema.parse(file.read_text(encoding="utf-8"), "schema/rules.csv")


@cache
def builtin() -> RulePack:
    """The packs that ship with ParkSight, read once from the package's own data files."""
    rows: list[Rule] = []
    folder = resources.files("parksight.standards") / "data"
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        if file.name.endswith(".csv"):
            rows += parse_rules(file.read_text(encoding="utf-8"), file.name)
    return RulePack(rows, schema=schema())


def _own(pack: RulePack) -> Iterator[Rule]:
    for rows in pack._rows.values():
        yield from rows


def _key(rule: str, key: Mapping[str, str]) -> _Key:
    return rule, frozenset(key.items())


def _laxer(local: Rule, ours: Rule) -> bool:
    if ours.sense not in ("max", "min"):
        return False
    if local.unit != ours.unit:
        raise PackError(
            local.origin, local.row or None, "unit",
            f"{local.rule} is given in {local.unit or '(none)'}, ours in {ours.unit or '(none)'}",
        )  # fmt: skip
    if isinstance(local.value, str):
        raise PackError(
            local.origin, local.row or None, "value", f"{local.rule} is a limit and must be a number"
        )
    return local.number > ours.number if ours.sense == "max" else local.number < ours.number
