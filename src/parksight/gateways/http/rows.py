"""The common form of a push, whatever it came as: columns, with what could not be read set aside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import numpy as np

from parksight.telemetry.protocols import F64, I32, I64, U8
from parksight.telemetry.quality import Quality

#: How a row names its point: point code, address of the pushing device, or point id.
Kind = Literal["point", "address", "id"]
Name = tuple[Kind, str | int]

#: Stands for "the row bore no time" in ``observed_at``.
NO_TIME = np.iinfo(np.int64).min

QUALITY_NAMES: dict[str, int] = {q.name.lower(): int(q) for q in Quality}
_MAX_QUALITY = int(max(Quality))
#: Years 1970 to 9999 in ms; what lies outside is no time.
_TIME_SPAN = (0, 253_402_300_799_999)


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
        observed_at: ms since the epoch or :data:`NO_TIME`.
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


def read_time(value: object) -> int | None:
    """Milliseconds since the epoch from ms or ISO 8601 with an offset; NO_TIME for nothing, None for nonsense."""
    if value is None or value == "":
        return int(NO_TIME)
    if isinstance(value, str):
        text = value.strip()
        if text.lstrip("-").isascii() and text.lstrip("-").isdigit() and len(text) <= 15:
            return _in_span(int(text))
        try:
            parsed = datetime.fromisoformat(text)
        except ValueError:
            return None
        if parsed.tzinfo is None:
            return None
        return _in_span(round(parsed.timestamp() * 1000))
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        return None
    if isinstance(value, float) and not -1e15 < value < 1e15:
        return None
    return _in_span(round(value))


def _in_span(ms: int) -> int | None:
    return ms if _TIME_SPAN[0] <= ms <= _TIME_SPAN[1] else None


def read_value(value: object) -> float | None:
    """A number; NaN for nothing, None for what is none."""
    if value is None or value == "":
        return float("nan")
    if isinstance(value, bool | int | float | str):
        try:
            return float(value)
        except (ValueError, OverflowError):
            return None
    return None


def read_quality(value: object) -> int | None:
    """Quality code from its name or number; UNKNOWN for nothing, None for nonsense."""
    if value is None or value == "":
        return int(Quality.UNKNOWN)
    if isinstance(value, str):
        if value.isascii() and value.isdigit() and len(value) <= 3:
            value = int(value)
        else:
            return QUALITY_NAMES.get(value.strip().lower())
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= _MAX_QUALITY else None


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
