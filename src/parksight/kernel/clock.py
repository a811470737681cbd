"""The only source of time in ParkSight (law 5 of the house).

Simulations, drills and the time machine swap the clock; nothing else may call ``datetime.now``.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the platform asks of time."""

    def now(self) -> datetime:
        """The present instant, timezone-aware, in UTC."""
        ...

    def now_ms(self) -> int:
        """The present instant in milliseconds since 1970-01-01T00:00:00Z."""
        ...

    def monotonic(self) -> float:
        """Seconds that never run backwards, for durations."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()


class SimulatedClock:
    """A clock that stands still until it is told to move, or runs at ``rate`` times real time.

    Args:
        start: aware datetime of the first instant.
        rate: simulated seconds per real second; 0 stands still.
    """

    def __init__(self, start: datetime, rate: float = 0.0) -> None:
        if start.tzinfo is None:
            raise ValueError("SimulatedClock needs an aware datetime: give it a timezone")
        self._base_ms = int(start.timestamp() * 1000)
        self._rate = rate
        self._real = time.monotonic()
        self._offset_s = 0.0

    def now_ms(self) -> int:
        return self._base_ms + int(self.monotonic() * 1000)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.now_ms() / 1000, UTC)

    def monotonic(self) -> float:
        return self._offset_s + (time.monotonic() - self._real) * self._rate

    def advance(self, seconds: float) -> None:
        """Move forward; a negative number is refused because monotonic time may not run back."""
        if seconds < 0:
            raise ValueError("time cannot be advanced by a negative duration")
        self._offset_s += seconds
