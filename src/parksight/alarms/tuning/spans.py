"""Transitions to alarms with a beginning and an end, and two sets of them compared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from parksight.alarms.evaluation import Transitions
from parksight.alarms.kernels import codes

#: Alarms of two versions are the same event when they overlap, or are no farther apart than this.
SLACK_MS = 1_000
#: A difference in the time of raising below this is none.
SHIFT_MS = 1_000


@dataclass(slots=True)
class Span:
    """A would-be alarm; ``cleared_at`` None while it stands. Instants in ms."""

    point: int
    step: int
    priority: int
    raised_at: int
    value: float
    limit: float
    cleared_at: int | None = None
    unknown_ms: int = 0
    suppressed: bool = False
    unknown_since: int | None = None

    def end(self, now: int) -> int:
        return now if self.cleared_at is None else self.cleared_at


class Collector:
    """Gathers the alarms that begin at or after ``start``."""

    def __init__(self, start: int) -> None:
        self._start = start
        self._open: dict[int, Span] = {}
        self.spans: list[Span] = []

    def add(self, batches: Iterable[Transitions]) -> None:
        for batch in batches:
            columns = (
                batch.key, batch.point, batch.step, batch.priority, batch.limit, batch.what, batch.at, batch.value,
                batch.suppressed,
            )  # fmt: skip
            for row in zip(*(c.tolist() for c in columns), strict=True):
                self._take(*row)

    def _take(
        self, key: int, point: int, step: int, priority: int, limit: float, what: int, at: int, value: float,
        suppressed: int,
    ) -> None:  # fmt: skip
        if what == codes.RAISED:
            span = Span(point, step, priority, at, value, limit, suppressed=suppressed != codes.ANNOUNCED)
            self._open[key] = span
            if at >= self._start:
                self.spans.append(span)
            return
        open_span = self._open.get(key)
        if open_span is None:
            return
        if open_span.unknown_since is not None and what in (codes.CLEARED, codes.CONFIRMED, codes.WITHDRAWN):
            open_span.unknown_ms += max(0, at - open_span.unknown_since)
            open_span.unknown_since = None
        if what == codes.DOUBTED:
            open_span.unknown_since = at
        elif what == codes.RELEASED:
            open_span.suppressed = False
        elif what in (codes.CLEARED, codes.WITHDRAWN):
            open_span.cleared_at = at
            del self._open[key]

    def finish(self, now: int) -> list[Span]:
        """All alarms, by time; what is unknown still is so until ``now``."""
        for span in self._open.values():
            if span.unknown_since is not None:
                span.unknown_ms += max(0, now - span.unknown_since)
                span.unknown_since = now
        self.spans.sort(key=lambda s: (s.raised_at, s.point, s.step))
        return self.spans


@dataclass(frozen=True, slots=True)
class Comparison:
    """Pairs are the same event under both versions."""

    pairs: list[tuple[Span, Span]]
    removed: list[Span]
    added: list[Span]


def compare(before: Sequence[Span], after: Sequence[Span], now: int) -> Comparison:
    """Which alarms of two versions are the same events: by point and step first, then by point alone."""
    pairs: list[tuple[Span, Span]] = []
    removed, added = list(before), list(after)
    for by_step in (True, False):
        found, removed, added = _match(removed, added, now, by_step)
        pairs += found
    pairs.sort(key=lambda pair: pair[0].raised_at)
    return Comparison(pairs, removed, added)


def _match(
    before: Sequence[Span], after: Sequence[Span], now: int, by_step: bool
) -> tuple[list[tuple[Span, Span]], list[Span], list[Span]]:  # fmt: skip
    groups: dict[tuple[int, int], tuple[list[Span], list[Span]]] = defaultdict(lambda: ([], []))
    for side, spans in enumerate((before, after)):
        for span in spans:
            groups[span.point, span.step if by_step else -1][side].append(span)
    pairs, left, right = [], [], []
    for old, new in groups.values():
        old.sort(key=lambda s: s.raised_at)
        new.sort(key=lambda s: s.raised_at)
        i = j = 0
        while i < len(old) and j < len(new):
            if old[i].end(now) + SLACK_MS < new[j].raised_at:
                left.append(old[i])
                i += 1
            elif new[j].end(now) + SLACK_MS < old[i].raised_at:
                right.append(new[j])
                j += 1
            else:
                pairs.append((old[i], new[j]))
                i, j = i + 1, j + 1
        left += old[i:]
        right += new[j:]
    return pairs, sorted(left, key=lambda s: s.raised_at), sorted(right, key=lambda s: s.raised_at)
