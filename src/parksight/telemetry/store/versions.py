"""What a query sees: one unchanging view of hot tables and segments while new ones take their place.

Hot tables and files that a newer view no longer names are freed once no query holds an older view.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog

from parksight.telemetry.store.days import LATEST, LocalDays
from parksight.telemetry.store.mirror import Mirror
from parksight.telemetry.store.segment import Segment

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class HotTable:
    """An unsorted table; the one with the highest number takes the appends.

    ``first_at`` and ``last_at`` bound the observation times in it; they are widened before rows are written,
    so a query may skip the table by them. Tables that have waited long to be sorted have no mirror.
    """

    number: int
    rows: int = 0
    first_at: int = LATEST
    last_at: int = -1
    since_ms: int = 0
    mirror: Mirror | None = None


@dataclass(slots=True, frozen=True)
class View:
    """Hot tables, oldest first, and per local day its segments, oldest first."""

    generation: int = 0
    hots: tuple[HotTable, ...] = ()
    days: Mapping[int, tuple[Segment, ...]] = field(default_factory=dict)

    def segments(self) -> Iterator[Segment]:
        for found in self.days.values():
            yield from found

    def next_day(self, at: int, days: LocalDays) -> int:
        """``at`` where its day may have rows, else the start of the next day that may; so that a wide span costs
        nothing where there are none."""
        if any(h.rows and h.first_at <= at <= h.last_at for h in self.hots):
            return at
        if any(days.start(d) <= at < days.start(d + 1) for d in self.days):
            return at
        starts = [days.start(d) for d in self.days] + [h.first_at for h in self.hots if h.rows]
        return min((s for s in starts if s >= at), default=LATEST)


def by_day(segments: Sequence[Segment]) -> dict[int, tuple[Segment, ...]]:
    """Segments grouped by day, in the order in which they were written."""
    days: dict[int, list[Segment]] = {}
    for segment in sorted(segments, key=lambda s: (s.day, s.newest, s.id)):
        days.setdefault(segment.day, []).append(segment)
    return {day: tuple(found) for day, found in days.items()}


class Versions:
    """The present view and what still waits to be freed."""

    def __init__(self, view: View) -> None:
        self._lock = threading.Lock()
        self._view = view
        self._pins: Counter[int] = Counter()
        self._garbage: list[tuple[int, Callable[[], None]]] = []

    @property
    def now(self) -> View:
        return self._view

    @contextmanager
    def pin(self) -> Iterator[View]:
        """Hold the present view: nothing it names is freed meanwhile."""
        with self._lock:
            view = self._view
            self._pins[view.generation] += 1
        try:
            yield view
        finally:
            with self._lock:
                self._pins[view.generation] -= 1
                if not self._pins[view.generation]:
                    del self._pins[view.generation]

    def publish(
        self,
        hots: tuple[HotTable, ...] | None = None,
        extend: HotTable | None = None,
        without: HotTable | None = None,
        days: Mapping[int, tuple[Segment, ...]] | None = None,
        garbage: Sequence[Callable[[], None]] = (),
    ) -> None:
        """Make a new view the present one.

        Args:
            hots: all hot tables anew; ``extend`` adds one, ``without`` takes one away.
            days: all segments anew.
            garbage: frees what the new view no longer names.
        """
        with self._lock:
            old = self._view
            tables = old.hots if hots is None else hots
            tables = tuple(h for h in tables if h is not without) + (() if extend is None else (extend,))
            self._view = View(
                old.generation + 1,
                tables,
                old.days if days is None else days,
            )
            self._garbage.extend((self._view.generation, free) for free in garbage)

    def collect(self) -> int:
        """Free what no query can see any more; returns how many remain."""
        with self._lock:
            oldest = min(self._pins, default=self._view.generation)
            ready = [free for generation, free in self._garbage if generation <= oldest]
            self._garbage = [item for item in self._garbage if item[0] > oldest]
        for free in ready:
            try:
                free()
            except Exception:  # a start removes what is left over
                log.exception("store_garbage_left")
        return len(self._garbage)
