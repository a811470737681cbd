"""A few threads for questions, a bounded queue before them, a time limit on each."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TypeVar

from parksight.kernel.errors import ProblemError
from parksight.telemetry.store import QueryTooSlow, time_limit

T = TypeVar("T")


class QueryPool:
    """Runs questions beside ingest; what it refuses or stops is counted.

    Args:
        threads: questions answered at the same time.
        max_waiting: questions that may wait; a further one is refused with 503.
        seconds: time for an answer, waiting not included.
    """

    def __init__(self, threads: int, max_waiting: int, seconds: float) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="telemetry-query")
        self._threads = threads
        self._max_waiting = max_waiting
        self._seconds = seconds
        self._inside = 0
        self.counts: Counter[str] = Counter()

    async def run(self, action: Callable[[], T], patient: bool = False) -> T:
        """The result of ``action``, run in a thread of the pool. Called on the event loop.

        Args:
            patient: waits however many others do, for the next step of something that has begun.

        Raises:
            ProblemError: ``telemetry.query.busy`` (503) when too many wait.
            QueryTooSlow: the time is over (504).
        """
        if not patient and self._inside >= self._threads + self._max_waiting:
            self.counts["refused"] += 1
            raise ProblemError(
                "telemetry.query.busy", HTTPStatus.SERVICE_UNAVAILABLE, {"waiting": self._max_waiting}
            )
        self._inside += 1
        try:
            result = await asyncio.get_running_loop().run_in_executor(self._executor, self._limited, action)
        except QueryTooSlow:
            self.counts["too_slow"] += 1
            raise
        finally:
            self._inside -= 1
        self.counts["answered"] += 1
        return result

    def _limited(self, action: Callable[[], T]) -> T:
        with time_limit(self._seconds):
            return action()

    def figures(self) -> dict[str, int]:
        """Answered, refused, stopped; and how many are inside now."""
        return {
            "inside": self._inside,
            **{name: self.counts[name] for name in ("answered", "refused", "too_slow")},
        }

    def close(self) -> None:
        self._executor.shutdown(wait=True, cancel_futures=True)
