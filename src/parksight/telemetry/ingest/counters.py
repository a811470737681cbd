"""The books of the one door: received = stored + rejected by reason + in flight, at any moment.

Every admission and every verdict is booked under one lock, in whole batches; the four figures are kept
independently of each other, so that adding them up proves something.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

#: Sources beyond this many share one line of the books, :data:`OTHER`.
MAX_SOURCES = 100_000
#: Distinct reasons per installation; gateways' vocabularies are small, a hostile peer must not widen them.
MAX_REASONS = 256
OTHER = -1
OTHER_REASON = "other"


@dataclass(slots=True)
class Line:
    """The books of one source (or of all)."""

    received: int = 0
    stored: int = 0
    in_flight: int = 0
    rejected: Counter[str] = field(default_factory=Counter)

    def copy(self) -> Line:
        return Line(self.received, self.stored, self.in_flight, Counter(self.rejected))

    def as_dict(self) -> dict[str, Any]:
        return {
            "received": self.received,
            "stored": self.stored,
            "rejected": dict(self.rejected),
            "in_flight": self.in_flight,
        }

    @property
    def balanced(self) -> bool:
        """Whether the books add up."""
        return self.received == self.stored + self.rejected.total() + self.in_flight


class Books:
    """Counters in total and per source (gateway device id)."""

    def __init__(self, max_sources: int = MAX_SOURCES) -> None:
        self._lock = threading.Lock()
        self._max_sources = max_sources
        self._total = Line()
        self._lines: dict[int, Line] = {}
        self._reasons: set[str] = {OTHER_REASON}
        self._notes: Counter[str] = Counter()

    def _line(self, source: int) -> Line:
        line = self._lines.get(source)
        if line is None:
            if len(self._lines) >= self._max_sources:
                source = OTHER
                if (line := self._lines.get(OTHER)) is not None:
                    return line
            line = self._lines[source] = Line()
        return line

    def _reason(self, reason: str) -> str:
        if reason not in self._reasons:
            if len(self._reasons) >= MAX_REASONS:
                return OTHER_REASON
            self._reasons.add(reason)
        return reason

    def admit(self, admitted: Sequence[tuple[int, int]]) -> None:
        """Rows taken in: (source, rows) each."""
        with self._lock:
            total = 0
            for source, rows in admitted:
                line = self._lines.get(source) or self._line(source)
                line.received += rows
                line.in_flight += rows
                total += rows
            self._total.received += total
            self._total.in_flight += total

    def refuse(self, source: int, reason: str, rows: int) -> None:
        """Rows turned away at the door: received and rejected at once."""
        with self._lock:
            reason = self._reason(reason)
            for line in (self._line(source), self._total):
                line.received += rows
                line.rejected[reason] += rows

    def settle(
        self, settled: Sequence[tuple[int, int, int, dict[str, int]]], notes: dict[str, int] | None = None
    ) -> None:
        """Verdicts on rows in flight: (source, rows, stored, rejected by reason) each."""
        with self._lock:
            total, all_rows, all_stored = self._total, 0, 0
            for source, rows, stored, rejected in settled:
                line = self._lines.get(source) or self._line(source)
                line.in_flight -= rows
                line.stored += stored
                all_rows += rows
                all_stored += stored
                for reason, count in rejected.items():
                    reason = self._reason(reason)
                    line.rejected[reason] += count
                    total.rejected[reason] += count
            total.in_flight -= all_rows
            total.stored += all_stored
            if notes:
                self._notes.update(notes)

    def total(self) -> Line:
        """A consistent copy of the totals."""
        with self._lock:
            return self._total.copy()

    def source(self, source: int) -> Line:
        """A consistent copy of one source's line; zeros when nothing came from it."""
        with self._lock:
            line = self._lines.get(source)
            return line.copy() if line else Line()

    def all(self) -> tuple[Line, dict[int, Line]]:
        """Total and per source, of one moment."""
        with self._lock:
            return self._total.copy(), {s: line.copy() for s, line in self._lines.items()}

    def notes(self) -> dict[str, int]:
        """What happened to stored rows: late, clock_skew, suspect, correction …"""
        with self._lock:
            return dict(self._notes)
