"""Law as data: limits, coefficients, breakpoints, thresholds and deadlines with the dates they hold.

A rule pack is a table; each row names its standard and clause, the dates between which it is in force, its
unit and how sure we are of it. A pack answers "which value on this date" and refuses where it does not know.

CSV columns (UTF-8, header row, in any order)::

    rule,key,value,unit,sense,standard,clause,valid_from,valid_to,confidence,note

``key`` is ``name=value`` pairs joined by ``;``. ``sense`` is ``max`` or ``min`` for limits (a local pack may
only tighten those), empty otherwise. ``valid_to`` is the last day in force, empty while open.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from importlib import resources
from types import MappingProxyType

COLUMNS = (
    "rule", "key", "value", "unit", "sense", "standard", "clause",
    "valid_from", "valid_to", "confidence", "note",
)  # fmt: skip


class Confidence(StrEnum):
    """How sure a value is; everything but the first two must be shown as unverified."""

    OFFICIAL_TEXT = "official_text"
    TWO_SOURCES = "two_sources"
    ONE_SOURCE = "one_source"
    OWN_UNVERIFIED = "own_unverified"


class PackError(ValueError):
    """A rule pack is faulty: says file, row and column."""

    def __init__(self, origin: str, row: int | None, column: str | None, reason: str) -> None:
        self.origin, self.row, self.column, self.reason = origin, row, column, reason
        place = (
            origin + (f", row {row}" if row is not None else "") + (f", column {column}" if column else "")
        )
        super().__init__(f"{place}: {reason}")


class RuleMissing(LookupError):  # noqa: N818 - the field says "missing", and it is not an error of ours
    """No pack holds such a value: it must be supplied, never guessed."""


class RuleNotInForce(RuleMissing):
    """The value exists, but not for this date; ``spans`` lists the dates it does hold."""

    def __init__(
        self, rule: str, key: Mapping[str, str], on: date, spans: list[tuple[date, date | None]]
    ) -> None:
        self.spans = spans
        held = ", ".join(f"{a}..{b or 'open'}" for a, b in spans)
        super().__init__(f"{rule} {dict(key)} is not in force on {on}; known for {held}")


@dataclass(frozen=True, slots=True)
class Rule:
    """One value of the law with where it comes from.

    Attributes:
        rule: dotted name, e.g. ``gb3095.limit``.
        key: what the value is for, e.g. ``{"pollutant": "SO2", "period": "24h", "grade": "2"}``.
        value: number, or text where the rule is a word (an approver, a class name).
        unit: unit of the number, empty for pure numbers and words.
        sense: ``max``/``min`` for limits, empty otherwise.
        valid_from, valid_to: first and last day in force; ``valid_to`` None while open.
        origin: the pack the value comes from.
    """

    rule: str
    key: Mapping[str, str]
    value: float | str
    unit: str
    sense: str
    standard: str
    clause: str
    valid_from: date
    valid_to: date | None
    confidence: Confidence
    note: str
    origin: str

    @property
    def verified(self) -> bool:
        return self.confidence in (Confidence.OFFICIAL_TEXT, Confidence.TWO_SOURCES)

    @property
    def number(self) -> float:
        """The value as a number; TypeError where the rule is a word."""
        if isinstance(self.value, str):
            raise TypeError(f"{self.rule} {dict(self.key)} is the word {self.value!r}, not a number")
        return self.value

    def holds_on(self, on: date) -> bool:
        return self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)

    def overlaps(self, other: Rule) -> bool:
        return (other.valid_to is None or self.valid_from <= other.valid_to) and (
            self.valid_to is None or other.valid_from <= self.valid_to
        )


Fail = Callable[[str, str], PackError]
_Key = tuple[str, frozenset[tuple[str, str]]]


class RulePack:
    """A set of rules, answered by date; immutable.

    Layers of other packs may lie on top (:meth:`overlay`): the topmost layer with a row in force answers.
    """

    def __init__(self, rules: Iterable[Rule], layers: tuple[RulePack, ...] = ()) -> None:
        self._rows: dict[_Key, list[Rule]] = {}
        self._layers = layers
        for item in rules:
            rows = self._rows.setdefault(_key(item.rule, item.key), [])
            for other in rows:
                if other.overlaps(item):
                    raise PackError(
                        item.origin, None, "valid_from",
                        f"{item.rule} {dict(item.key)} is given twice for the same days "
                        f"({other.valid_from}.. and {item.valid_from}..)",
                    )  # fmt: skip
            rows.append(item)

    @classmethod
    def parse(cls, text: str, origin: str) -> RulePack:
        """Read a pack from CSV text; PackError names row (1 = header) and column of a fault."""
        return cls(_parse(text, origin))

    def overlay(self, local: RulePack, *, may_relax: bool = False) -> RulePack:
        """This pack with a zone's or plant's own pack on top.

        A local limit (``sense`` max or min) that is laxer than ours on any shared day is refused unless
        ``may_relax``; ours is never changed.
        """
        for item in local:
            mine = self._rows.get(_key(item.rule, item.key), [])
            for other in mine:
                if not may_relax and item.overlaps(other) and _laxer(item, other):
                    raise PackError(
                        item.origin, None, "value",
                        f"{item.rule} {dict(item.key)}: {item.value} {item.unit} is laxer than "
                        f"{other.value} {other.unit} of {other.standard}; local limits may only be stricter",
                    )  # fmt: skip
        return RulePack((r for rows in self._rows.values() for r in rows), (*self._layers, local))

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

        Raises RuleMissing when there is none.
        """
        wanted = {(name, str(v)) for name, v in key.items()}
        found: dict[_Key, Rule] = {}
        for pack in (*reversed(self._layers), self):
            for handle, rows in pack._rows.items():
                if handle[0] != rule or handle in found or not wanted <= handle[1]:
                    continue
                for row in rows:
                    if row.holds_on(on):
                        found[handle] = row
        if not found:
            raise RuleMissing(f"no rule pack holds a table {rule} {dict(key)} in force on {on}")
        return list(found.values())

    def __iter__(self) -> Iterator[Rule]:
        for pack in (self, *self._layers):
            for rows in pack._rows.values():
                yield from rows

    def __len__(self) -> int:
        return sum(1 for _ in self)


@cache
def builtin() -> RulePack:
    """The packs that ship with ParkSight, read once from the package's own data files."""
    rows: list[Rule] = []
    folder = resources.files("parksight.standards") / "data"
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        if file.name.endswith(".csv"):
            rows += _parse(file.read_text(encoding="utf-8"), file.name)
    return RulePack(rows)


def _key(rule: str, key: Mapping[str, str]) -> _Key:
    return rule, frozenset(key.items())


def _laxer(local: Rule, ours: Rule) -> bool:
    if ours.sense not in ("max", "min"):
        return False
    if local.unit != ours.unit:
        raise PackError(
            local.origin, None, "unit", f"{local.rule} is given in {local.unit}, ours in {ours.unit}"
        )
    return local.number > ours.number if ours.sense == "max" else local.number < ours.number


def _parse(text: str, origin: str) -> list[Rule]:
    reader = csv.DictReader(io.StringIO(text))
    try:
        header = reader.fieldnames or []
        for column in COLUMNS:
            if column not in header:
                raise PackError(origin, 1, column, "this column is missing")
        return [_row(raw, origin, number) for number, raw in enumerate(reader, start=2)]
    except csv.Error as error:
        raise PackError(origin, reader.line_num, None, f"not readable as CSV: {error}") from None


def _row(raw: dict[str, str | None], origin: str, number: int) -> Rule:
    def cell(column: str) -> str:
        return (raw.get(column) or "").strip()

    def fail(column: str, reason: str) -> PackError:
        return PackError(origin, number, column, reason)

    if raw.get(None):  # type: ignore[call-overload]  # csv puts surplus cells under the key None
        raise fail("", "the row has more cells than the header")
    for column in ("rule", "value", "standard", "valid_from", "confidence"):
        if not cell(column):
            raise fail(column, "may not be empty")
    key: dict[str, str] = {}
    for pair in filter(None, cell("key").split(";")):
        name, equals, value = pair.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise fail("key", f"{pair!r} is not name=value")
        if name.strip() in key:
            raise fail("key", f"{name.strip()!r} is given twice")
        key[name.strip()] = value.strip()
    try:
        confidence = Confidence(cell("confidence"))
    except ValueError:
        raise fail("confidence", f"{cell('confidence')!r} is none of {', '.join(Confidence)}") from None
    if cell("sense") not in ("", "max", "min"):
        raise fail("sense", f"{cell('sense')!r} is none of max, min or empty")
    begin = _day(cell("valid_from"), fail, "valid_from")
    end = _day(cell("valid_to"), fail, "valid_to") if cell("valid_to") else None
    if end is not None and end < begin:
        raise fail("valid_to", f"{end} lies before valid_from {begin}")
    content = _value(cell("value"), fail)
    if cell("sense") and isinstance(content, str):
        raise fail("value", "a limit (sense max or min) must be a number")
    return Rule(
        cell("rule"), MappingProxyType(key), content, cell("unit"), cell("sense"), cell("standard"),
        cell("clause"), begin, end, confidence, cell("note"), origin,
    )  # fmt: skip


def _value(text: str, fail: Fail) -> float | str:
    try:
        number = float(text)
    except ValueError:
        return text
    if number != number or number in (float("inf"), float("-inf")):
        raise fail("value", f"{text!r} is not a finite number")
    return number


def _day(text: str, fail: Fail, column: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise fail(column, f"{text!r} is not a date YYYY-MM-DD") from None
