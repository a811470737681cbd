"""Reading rule packs from CSV and holding them to a schema; every fault names file, row and column."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from parksight.standards.rule import Confidence, PackError, Rule

COLUMNS = (
    "rule", "key", "value", "unit", "sense", "standard", "clause",
    "valid_from", "valid_to", "confidence", "note",
)  # fmt: skip
SCHEMA_COLUMNS = ("rule", "keys", "kind", "units", "least", "most", "meaning")

Fail = Callable[[str, str], PackError]


@dataclass(frozen=True, slots=True)
class Shape:
    """What the rows of one rule look like.

    Attributes:
        keys: the sets of key names a row may have.
        kind: ``number``, ``word`` or ``any``.
        units: units a row may be in; empty for pure numbers and words.
        least, most: bounds of the number, None where there is none.
        meaning: one line for readers.
    """

    keys: tuple[frozenset[str], ...]
    kind: str
    units: frozenset[str]
    least: float | None
    most: float | None
    meaning: str


class Schema:
    """The rules that exist: an unknown rule name is a typing error, not a new law."""

    def __init__(self, shapes: Mapping[str, Shape]) -> None:
        self.shapes = MappingProxyType(dict(shapes))

    @classmethod
    def parse(cls, text: str, origin: str) -> Schema:
        """Read a schema; columns ``rule,keys,kind,units,least,most,meaning``.

        ``keys`` are names joined by blanks, alternatives by ``|``; ``units`` are joined by ``|``.
        """
        shapes: dict[str, Shape] = {}
        for number, raw in _rows(text, origin, SCHEMA_COLUMNS):
            if raw["kind"] not in ("number", "word", "any"):
                raise PackError(origin, number, "kind", f"{raw['kind']!r} is none of number, word, any")
            if not raw["rule"] or raw["rule"] in shapes:
                raise PackError(origin, number, "rule", "empty, or described twice")
            shapes[raw["rule"]] = Shape(
                tuple(frozenset(option.split()) for option in raw["keys"].split("|")), raw["kind"],
                frozenset(raw["units"].split("|")) if raw["units"] else frozenset({""}),
                _bound(raw, "least", origin, number), _bound(raw, "most", origin, number), raw["meaning"],
            )  # fmt: skip
        return cls(shapes)

    def check(self, item: Rule) -> None:
        """PackError when a row does not have the shape of its rule."""

        def fail(column: str, reason: str) -> PackError:
            return PackError(item.origin, item.row or None, column, reason)

        shape = self.shapes.get(item.rule)
        if shape is None:
            raise fail("rule", f"{item.rule!r} is no known rule")
        if frozenset(item.key) not in shape.keys:
            wanted = " or ".join(";".join(f"{n}=…" for n in sorted(k)) or "(empty)" for k in shape.keys)
            raise fail(
                "key", f"{item.rule} is asked for by {wanted}, not by {';'.join(item.key) or '(empty)'}"
            )
        word = isinstance(item.value, str)
        if shape.kind != "any" and word != (shape.kind == "word"):
            raise fail("value", f"{item.rule} must be a {shape.kind}, not {item.value!r}")
        if item.unit not in shape.units and not word:
            allowed = ", ".join(sorted(u or "(none)" for u in shape.units))
            raise fail("unit", f"{item.rule} is given in {allowed}, not in {item.unit or '(none)'}")
        if not word and shape.least is not None and item.number < shape.least:
            raise fail("value", f"{item.value} lies below {shape.least:g}")
        if not word and shape.most is not None and item.number > shape.most:
            raise fail("value", f"{item.value} lies above {shape.most:g}")


def parse_rules(text: str, origin: str) -> list[Rule]:
    """The rows of a pack; PackError names row (line of the file, 1 = header) and column of a fault."""
    return [_rule(raw, origin, number) for number, raw in _rows(text, origin, COLUMNS)]


def _rows(text: str, origin: str, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and stripped cells of each row; the line counts even where blank lines lie between."""
    reader = csv.DictReader(io.StringIO(text), strict=True)
    try:
        header = reader.fieldnames or []
        for column in columns:
            if column not in header:
                raise PackError(origin, 1, column, "this column is missing")
        if len(set(header)) != len(header):
            raise PackError(origin, 1, None, "a column is given twice")
        for raw in reader:
            if raw.get(None):  # csv puts surplus cells under the key None
                raise PackError(origin, reader.line_num, None, "the row has more cells than the header")
            yield (
                reader.line_num,
                {name: (cell or "").strip() for name, cell in raw.items() if name is not None},
            )
    except csv.Error as error:
        raise PackError(origin, reader.line_num, None, f"not readable as CSV: {error}") from None


def _rule(raw: dict[str, str], origin: str, number: int) -> Rule:
    def fail(column: str, reason: str) -> PackError:
        return PackError(origin, number, column, reason)

    for column in ("rule", "value", "standard", "clause", "valid_from", "confidence"):
        if not raw[column]:
            raise fail(column, "may not be empty")
    key: dict[str, str] = {}
    for pair in filter(None, raw["key"].split(";")):
        name, equals, value = pair.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise fail("key", f"{pair!r} is not name=value")
        if name.strip() in key:
            raise fail("key", f"{name.strip()!r} is given twice")
        key[name.strip()] = value.strip()
    try:
        confidence = Confidence(raw["confidence"])
    except ValueError:
        raise fail("confidence", f"{raw['confidence']!r} is none of {', '.join(Confidence)}") from None
    if raw["sense"] not in ("", "max", "min"):
        raise fail("sense", f"{raw['sense']!r} is none of max, min or empty")
    begin = _day(raw["valid_from"], fail, "valid_from")
    end = _day(raw["valid_to"], fail, "valid_to") if raw["valid_to"] else None
    if end is not None and end < begin:
        raise fail("valid_to", f"{end} lies before valid_from {begin}")
    content = _value(raw["value"], fail)
    if raw["sense"] and isinstance(content, str):
        raise fail("value", "a limit (sense max or min) must be a number")
    return Rule(
        raw["rule"], MappingProxyType(key), content, raw["unit"], raw["sense"], raw["standard"],
        raw["clause"], begin, end, confidence, raw["note"], origin, number,
    )  # fmt: skip


def _value(text: str, fail: Fail) -> float | str:
    try:
        number = float(text)
    except ValueError:
        return text
    if number != number or number in (float("inf"), float("-inf")):
        raise fail("value", f"{text!r} is not a finite number")
    return number


def _bound(raw: dict[str, str], column: str, origin: str, number: int) -> float | None:
    if not raw[column]:
        return None
    try:
        return float(raw[column])
    except ValueError:
        raise PackError(origin, number, column, f"{raw[column]!r} is not a number") from None


def _day(text: str, fail: Fail, column: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise fail(column, f"{text!r} is not a date YYYY-MM-DD") from None
