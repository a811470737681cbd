"""One browser on the live WebSocket: what it watches and what still has to go out to it."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from parksight.kernel.permissions import Caller
from parksight.telemetry.protocols import I32


@dataclass(eq=False, slots=True)
class Interest:
    """Clients that watch the same points share one encoding per tick.

    Attributes:
        key: the sorted ids as bytes.
        ids: sorted point ids.
    """

    key: bytes
    ids: I32
    clients: set[LiveClient] = field(default_factory=set)


class LiveClient:
    """Queue of ready messages with a bound; beyond it only the newest values survive.

    Args:
        caller: decides what may be watched.
        limit: ready messages kept before the client counts as slow.
    """

    def __init__(self, caller: Caller, limit: int) -> None:
        self.caller = caller
        self.limit = limit
        self.ids: I32 = np.empty(0, np.int32)
        self.topics: set[str] = set()
        self.interest: Interest | None = None
        self.sent = 0
        self.collapsed = 0
        self.closed: tuple[int, str] | None = None
        self._ready: deque[str] = deque()
        self._waiting = asyncio.Event()
        self.ended = asyncio.Event()
        #: Ids whose newest value is owed since the queue overflowed; None while the client keeps up.
        self.owed: set[int] | None = None
        self.owed_topics: dict[str, str] = {}

    def offer_values(self, text: str, ids: I32) -> None:
        """Queue an encoded ``values`` message, or remember what it was about when the client is slow."""
        if self.owed is None and len(self._ready) < self.limit:
            self._ready.append(text)
        else:
            if self.owed is None:
                self.owed = set()
            self.owed.update(ids.tolist())
            self.collapsed += 1
        self._waiting.set()

    def offer_topic(self, topic: str, text: str) -> None:
        """Queue a topic message; a slow client keeps only the newest of each topic."""
        if self.owed is None and len(self._ready) < self.limit:
            self._ready.append(text)
        else:
            if self.owed is None:
                self.owed = set()
            if topic in self.owed_topics:
                self.collapsed += 1
            self.owed_topics[topic] = text
        self._waiting.set()

    def answer(self, text: str) -> None:
        """Queue an answer to the client's own message; these are few (its messages are rate-limited)."""
        self._ready.append(text)
        self._waiting.set()

    def close(self, code: int, reason: str) -> None:
        """End the connection, also while the sender is stuck on a peer that does not read."""
        self.closed = self.closed or (code, reason)
        self.ended.set()
        self._waiting.set()

    async def next(self) -> str | None:
        """The next ready message; None when the queue is empty and something is owed, or at the end."""
        while not self._ready:
            if self.owed is not None or self.closed is not None:
                return None
            self._waiting.clear()
            await self._waiting.wait()
        self.sent += 1
        return self._ready.popleft()

    def take_owed(self) -> tuple[I32, list[str]]:
        """What is owed: ids that are still watched, and the newest message per topic; the debt is cleared."""
        ids = np.array(sorted(self.owed or ()), np.int32)
        ids = ids[np.isin(ids, self.ids)]
        topics = [text for topic, text in self.owed_topics.items() if topic in self.topics]
        self.owed = None
        self.owed_topics = {}
        return ids, topics

    @property
    def slow(self) -> bool:
        return self.owed is not None
