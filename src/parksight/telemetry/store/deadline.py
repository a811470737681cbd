"""A time limit for the query that runs in this thread, looked at between pieces of work."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from parksight.telemetry.store.errors import QueryTooSlow

_state = threading.local()


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Queries of this thread raise :class:`QueryTooSlow` once ``seconds`` have passed."""
    outer = getattr(_state, "limit", None)
    _state.limit = (time.monotonic() + seconds, seconds)
    try:
        yield
    finally:
        _state.limit = outer


def check() -> None:
    """Raise when this thread's time is over."""
    limit = getattr(_state, "limit", None)
    if limit is not None and time.monotonic() > limit[0]:
        raise QueryTooSlow(limit[1])


@contextmanager
def interrupting(interrupt: Callable[[], None]) -> Iterator[None]:
    """Call ``interrupt`` from another thread if this thread's time ends within the block."""
    limit = getattr(_state, "limit", None)
    if limit is None:
        yield
        return
    check()
    timer = threading.Timer(limit[0] - time.monotonic(), interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
