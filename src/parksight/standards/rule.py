"""One value of the law, with where it comes from, how sure it is, and the errors of asking for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Confidence(StrEnum):
    """How sure a value is, from the surest on; everything but the first two must be shown as unverified."""

    OFFICIAL_TEXT = "official_text"
    TWO_SOURCES = "two_sources"
    ONE_SOURCE = "one_source"
    OWN_UNVERIFIED = "own_unverified"

    @property
    def verified(self) -> bool:
        """Whether the value may be shown without a mark."""
        return self in (Confidence.OFFICIAL_TEXT, Confidence.TWO_SOURCES)


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
        origin, row: the pack the value comes from and the line in it (1 = header, 0 = not from a file).
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
    row: int = 0

    @property
    def verified(self) -> bool:
        """Whether the value may be shown without a mark."""
        return self.confidence.verified

    @property
    def number(self) -> float:
        """The value as a number; TypeError where the rule is a word."""
        if isinstance(self.value, str):
            raise TypeError(f"{self.rule} {dict(self.key)} is the word {self.value!r}, not a number")
        return self.value

    def holds_on(self, on: date) -> bool:
        """Whether the rule is in force on a day; both ends of its span are."""
        return self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)

    def overlaps(self, other: Rule) -> bool:
        """Whether both rules are in force on some day."""
        return (other.valid_to is None or self.valid_from <= other.valid_to) and (
            self.valid_to is None or other.valid_from <= self.valid_to
        )

    def cited(self) -> dict[str, object]:
        """The rule in plain JSON types, as a route shows it next to the figure it made."""
        return {
            "rule": self.rule, "key": dict(self.key), "value": self.value, "unit": self.unit,
            "standard": self.standard, "clause": self.clause, "valid_from": self.valid_from.isoformat(),
            "valid_to": self.valid_to.isoformat() if self.valid_to else None,
            "confidence": self.confidence.value, "verified": self.verified, "note": self.note,
            "origin": self.origin,
        }  # fmt: skip


def weakest(rules: Iterable[Rule], *more: Confidence) -> Confidence:
    """The weakest mark among the values a result was made of: a result is no surer than its least sure input.

    Without any rule and mark nothing vouches for the result: ``own_unverified``.
    """
    order = list(Confidence)
    marks = [rule.confidence for rule in rules] + list(more)
    return max(marks, key=order.index, default=Confidence.OWN_UNVERIFIED)
