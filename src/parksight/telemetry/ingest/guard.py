"""Guards against one source harming the others: rate per source and flapping connections."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

#: A source may save up this many seconds of its rate for a burst.
BURST_S = 2.0
#: Sources whose buckets are remembered; the longest unused one makes room.
MAX_BUCKETS = 100_000
#: Connects and disconnects of one source within this time are weighed.
FLAP_WINDOW_S = 300.0


class RateGuard:
    """Token buckets that may go into debt: a batch passes while tokens are left, then the source waits.

    So a batch larger than the bucket still passes, and the long-run rate is exact.

    Args:
        rate: readings per second and source.
    """

    def __init__(self, rate: int, burst_s: float = BURST_S) -> None:
        self.rate = float(rate)
        self.burst = self.rate * burst_s
        self._buckets: dict[int, tuple[float, float]] = {}

    def allow(self, source: int, rows: int, now: float) -> bool:
        """Take ``rows`` tokens if the source is not in debt. ``now`` in seconds, monotonic."""
        tokens, at = self._buckets.get(source, (self.burst, now))
        tokens = min(self.burst, tokens + (now - at) * self.rate)
        if tokens <= 0.0:
            self._buckets[source] = (tokens, now)
            return False
        if source not in self._buckets and len(self._buckets) >= MAX_BUCKETS:
            del self._buckets[next(iter(self._buckets))]
        self._buckets[source] = (tokens - rows, now)
        return True

    def wait_s(self, source: int, now: float) -> float:
        """Seconds until the source is out of debt."""
        tokens, at = self._buckets.get(source, (self.burst, now))
        tokens += (now - at) * self.rate
        return 0.0 if tokens > 0 else math.nextafter(-tokens / self.rate, math.inf) + 0.001

    def in_debt(self, now: float) -> list[int]:
        """Sources that are being throttled now."""
        return [s for s, (t, at) in self._buckets.items() if t + (now - at) * self.rate <= 0.0]


@dataclass(slots=True)
class LinkHistory:
    """Connects and disconnects of one source."""

    changes: deque[float] = field(default_factory=lambda: deque(maxlen=64))
    total: int = 0


class LinkWatch:
    """Tells which sources keep connecting and disconnecting.

    Args:
        limit: changes within :data:`FLAP_WINDOW_S` from which a link counts as flapping.
    """

    def __init__(self, limit: int) -> None:
        self.limit = min(limit, 64)
        self._links: dict[int, LinkHistory] = {}

    def changed(self, source: int, now: float) -> None:
        """A connection of this source was opened or closed."""
        link = self._links.get(source)
        if link is None:
            if len(self._links) >= MAX_BUCKETS:
                del self._links[next(iter(self._links))]
            link = self._links[source] = LinkHistory()
        link.changes.append(now)
        link.total += 1

    def flapping(self, now: float) -> dict[int, int]:
        """Source -> changes within the window, of the flapping ones."""
        out: dict[int, int] = {}
        for source, link in self._links.items():
            recent = sum(1 for at in link.changes if now - at <= FLAP_WINDOW_S)
            if recent >= self.limit:
                out[source] = recent
        return out
