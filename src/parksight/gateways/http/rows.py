"""The common form of a push, whatever it came as: columns, with what could not be read set aside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from parksight.gateways.fields import read_quality, read_time, read_value
from parksight.telemetry.protocols import F64, I32, I64, U8

#: How a row names its point: point code, address of the pushing device, or point id.
Kind = Literal["point", "address", "id"]
Name = tuple[Kind, str | int]


class MalformedPushError(Exception):
    """The document as a whole cannot be read.

    Args:
        reason: reason code, text under ``gateways.push.<reason>``.
        where: line, column or path.
    """

    def __init__(self, reason: str, where: str = "", **params: object) -> None:
        super().__init__(f"{reason} {where} {params}")
        self.reason = reason
        self.where = where
        self.params = params


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong with one row (counted from 0)."""

    row: int
    reason: str
    value: str = ""


@dataclass(slots=True)
class Rows:
    """Rows that could be read.

    Attributes:
        names: distinct ways in which rows name their points.
        name: index into ``names``.
        row: number of the row in the document.
        observed_at: ms since the epoch or :data:`~parksight.gateways.fields.NO_TIME`.
        value: NaN means "no value".
        quality: quality bytes.
        errors: rows that could not be read, at most ``max_errors`` of them described.
        rejected: all of those, by reason.
    """

    names: list[Name]
    name: I32
    row: I64
    observed_at: I64
    value: F64
    quality: U8
    errors: list[RowError] = field(default_factory=list)
    rejected: Counter[str] = field(default_factory=Counter)

    def __len__(self) -> int:
        return len(self.name)


class RowCollector:
    """Gathers rows one by one, for the small formats.

    Args:
        max_errors: row errors that are described; further ones are only counted.
    """

    def __init__(self, max_errors: int) -> None:
        self._max_errors = max_errors
        self._names: dict[Name, int] = {}
        self._name: list[int] = []
        self._row: list[int] = []
        self._at: list[int] = []
        self._value: list[float] = []
        self._quality: list[int] = []
        self._errors: list[RowError] = []
        self._rejected: Counter[str] = Counter()

    def refuse(self, row: int, reason: str, value: object = "") -> None:
        self._rejected[reason] += 1
        if len(self._errors) < self._max_errors:
            self._errors.append(RowError(row, reason, str(value)[:80]))

    def add(self, row: int, name: Name, observed_at: object, value: object, quality: object) -> None:
        """Take a row or set it aside; every field may be anything."""
        if isinstance(name[1], str) and not 0 < len(name[1]) <= 200:
            self.refuse(row, "bad_address", name[1])
            return
        at = read_time(observed_at)
        if at is None:
            self.refuse(row, "bad_time", observed_at)
            return
        number = read_value(value)
        if number is None:
            self.refuse(row, "bad_value", value)
            return
        code = read_quality(quality)
        if code is None:
            self.refuse(row, "bad_quality", quality)
            return
        self._name.append(self._names.setdefault(name, len(self._names)))
        self._row.append(row)
        self._at.append(at)
        self._value.append(number)
        self._quality.append(code)

    def rows(self) -> Rows:
        return Rows(
            list(self._names), np.array(self._name, np.int32), np.array(self._row, np.int64),
            np.array(self._at, np.int64), np.array(self._value, np.float64), np.array(self._quality, np.uint8),
            self._errors, self._rejected,
        )  # fmt: skip


def select(rows: Rows, keep: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Rows:
    """Only the rows where ``keep`` is true."""
    return Rows(
        rows.names, rows.name[keep], rows.row[keep], rows.observed_at[keep], rows.value[keep],
        rows.quality[keep], rows.errors, rows.rejected,
    )  # fmt: skip


def note_errors(
    rows: Rows, which: Sequence[int] | I64, reason: str, values: Sequence[object], max_errors: int
) -> None:
    """Count rows set aside by an array operation and describe the first of them."""
    rows.rejected[reason] += len(which)
    for number, value in zip(which, values, strict=False):
        if len(rows.errors) >= max_errors:
            return
        rows.errors.append(RowError(int(number), reason, str(value)[:80]))
