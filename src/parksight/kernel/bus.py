"""The event bus: what must travel upwards or sideways in the house travels here.

NATS-shaped (dotted subjects, ``*`` one token, ``>`` the rest) so that a network bus can take its place.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections import Counter
from collections.abc import Awaitable, Callable

import msgspec
import structlog

log = structlog.get_logger(__name__)


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all events; subclasses set ``subject`` through :meth:`subject`."""

    @classmethod
    def subject(cls) -> str:
        """Dotted subject, e.g. ``alarms.raised``."""
        raise TypeError(f"{cls.__name__} names no subject")


Handler = Callable[[Event], Awaitable[None] | None]


def matches(pattern: str, subject: str) -> bool:
    """Whether a NATS-style pattern covers a subject."""
    want, have = pattern.split("."), subject.split(".")
    for i, token in enumerate(want):
        if token == ">":
            return len(have) > i
        if i >= len(have) or (token != "*" and token != have[i]):
            return False
    return len(want) == len(have)


class Bus:
    """In-process publish/subscribe. ``publish`` may be called from any thread and never blocks.

    Handlers run on the event loop that called :meth:`attach`; without one they run at once in the
    publishing thread (command-line use and tests). A failing handler is logged and counted, the others run.
    """

    def __init__(self) -> None:
        self._handlers: list[tuple[str, Handler]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._lock = threading.Lock()
        self.published: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Deliver on this loop from now on."""
        self._loop = loop

    def detach(self) -> None:
        self._loop = None

    def subscribe(self, pattern: str, handler: Handler) -> Callable[[], None]:
        """Call ``handler`` for each event whose subject matches; returns the unsubscribe function."""
        entry = (pattern, handler)
        with self._lock:
            self._handlers.append(entry)

        def unsubscribe() -> None:
            with self._lock:
                if entry in self._handlers:
                    self._handlers.remove(entry)

        return unsubscribe

    def publish(self, event: Event) -> None:
        subject = event.subject()
        with self._lock:
            self.published[subject] += 1
            targets = [h for pattern, h in self._handlers if matches(pattern, subject)]
        if not targets:
            return
        loop = self._loop
        if loop is None or loop.is_closed():
            for handler in targets:
                self._run_inline(subject, handler, event)
        else:
            loop.call_soon_threadsafe(self._deliver, subject, targets, event)

    def _deliver(self, subject: str, targets: list[Handler], event: Event) -> None:
        for handler in targets:
            try:
                result = handler(event)
            except Exception:
                self._count_failure(subject, handler)
                continue
            if inspect.isawaitable(result):
                task = asyncio.ensure_future(self._guard(subject, handler, result))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _guard(self, subject: str, handler: Handler, result: Awaitable[None]) -> None:
        try:
            await result
        except Exception:
            self._count_failure(subject, handler)

    def _run_inline(self, subject: str, handler: Handler, event: Event) -> None:
        try:
            result = handler(event)
            if inspect.isawaitable(result):
                asyncio.run(self._guard(subject, handler, result))
        except Exception:
            self._count_failure(subject, handler)

    def _count_failure(self, subject: str, handler: Handler) -> None:
        self.failed[subject] += 1
        log.exception("bus_handler_failed", subject=subject, handler=getattr(handler, "__qualname__", "?"))
