"""How often something may happen: a sliding window per key, in memory, itself bounded."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from http import HTTPStatus

from parksight.kernel.clock import Clock
from parksight.kernel.errors import ProblemError


class SlidingWindow:
    """Allows ``limit`` events per ``window_s`` seconds and key.

    Args:
        limit: events.
        window_s: seconds.
        clock: its monotonic time counts.
        max_keys: keys remembered; the longest unused is forgotten first.
    """

    def __init__(self, limit: int, window_s: float, clock: Clock, max_keys: int = 50_000) -> None:
        self._limit = limit
        self._window = window_s
        self._clock = clock
        self._max_keys = max_keys
        self._events: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str) -> float:
        """Count an event: 0 when it is allowed, else the seconds to wait (the event is then not counted)."""
        now = self._clock.monotonic()
        with self._lock:
            events = self._events.setdefault(key, deque())
            self._events.move_to_end(key)
            while len(self._events) > self._max_keys:
                self._events.popitem(last=False)
            while events and now - events[0] >= self._window:
                events.popleft()
            if len(events) < self._limit:
                events.append(now)
                return 0.0
            return self._window - (now - events[0])

    def check(self, key: str, code: str = "kernel.too_many_requests") -> None:
        """Count an event or raise 429 with the time to wait."""
        wait = self.take(key)
        if wait > 0:
            raise ProblemError(code, HTTPStatus.TOO_MANY_REQUESTS, {"retry_after_s": int(wait) + 1})
