"""Fan-out of values and topics to browsers: batched per tick, encoded once per group of equal interest.

The first message of a topic that was quiet goes out at once, the next ones with the tick: an alarm does not wait.

The ingest thread only marks which points changed; everything else happens on the event loop. A client that
does not keep up is collapsed to the newest values instead of being queued for, and that is counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import structlog

from parksight.kernel.clock import Clock
from parksight.kernel.permissions import Caller
from parksight.kernel.settings import LiveSettings
from parksight.telemetry.catalogue import Catalogue
from parksight.telemetry.live.client import Interest, LiveClient
from parksight.telemetry.live_table import LiveTable
from parksight.telemetry.protocols import I32, U8, Columns

log = structlog.get_logger(__name__)

#: Messages of one topic that go out per tick; more are collapsed to the newest ones and counted.
TOPIC_BURST = 50
#: Topic messages waiting for the event loop, all topics together.
TOPIC_BACKLOG = 10_000
_ENCODER = msgspec.json.Encoder()


@dataclass(slots=True, frozen=True)
class Topic:
    """Something to subscribe to beside points."""

    name: str
    permission: str


def encode(message: dict[str, Any]) -> str:
    """JSON text; NaN becomes null."""
    return _ENCODER.encode(message).decode()


class LiveHub:
    """All live clients; a :class:`~parksight.telemetry.protocols.TickListener`; on ``app.state.live_hub``.

    Args:
        settings: limits and tick.
        clock: server time in messages.
        live: newest values.
        catalogue: which enterprise a point belongs to.
    """

    def __init__(self, settings: LiveSettings, clock: Clock, live: LiveTable, catalogue: Catalogue) -> None:
        self.settings = settings
        self.clock = clock
        self.clients: set[LiveClient] = set()
        self.counters: Counter[str] = Counter()
        #: Seconds between checks that a client's session still stands and what it may see.
        self.recheck_s = 5.0
        self._live = live
        self._catalogue = catalogue
        self._catalogue_version = -1
        self._lock = threading.Lock()
        self._dirty: U8 = np.zeros(1024, np.uint8)
        self._any_dirty = False
        self._topics: dict[str, Topic] = {}
        self._posts: deque[tuple[str, Any, int | None, int, int | None]] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._nudged = False
        #: When each topic last went out, monotonic seconds.
        self._topic_sent: dict[str, float] = {}
        self._interests: dict[bytes, Interest] = {}
        self._task: asyncio.Task[None] | None = None
        self._before_tick: list[Callable[[], None]] = []

    # --- from any thread ------------------------------------------------------------------------------

    def on_tick(self, rows: Columns, now_ms: int) -> None:
        """Note which points changed (ingest thread)."""
        self.touch(rows.point)

    def touch(self, points: I32) -> None:
        """Send the newest value of these points with the next tick."""
        if not len(points):
            return
        top = int(points.max()) + 1
        with self._lock:
            if top > len(self._dirty):
                self._dirty = np.concatenate(
                    [self._dirty, np.zeros(max(top, 2 * len(self._dirty)) - len(self._dirty), np.uint8)]
                )
            self._dirty[points] = 1
            self._any_dirty = True

    def publish_topic(
        self, topic: str, data: Any, enterprise_id: int | None = None, user_id: int | None = None
    ) -> None:
        """Send ``data`` (plain JSON) to the subscribers of a topic, at most once per tick; any thread.

        Args:
            enterprise_id: whose it is; None is the zone's own, which enterprise users do not see.
            user_id: the one person it is for; who addresses a person answers for what they may see.

        Raises:
            KeyError: the topic was never registered.
        """
        if topic not in self._topics:
            raise KeyError(f"register the live topic {topic!r} before publishing to it")
        with self._lock:
            if len(self._posts) >= TOPIC_BACKLOG:
                self._posts.popleft()
                self.counters["topic_backlog_dropped"] += 1
            self._posts.append((topic, data, enterprise_id, self.clock.now_ms(), user_id))
            loop, asked = self._loop, self._nudged
            self._nudged = loop is not None
        if loop is not None and not asked:
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile: nobody is left to tell
                loop.call_soon_threadsafe(self._send_quiet)

    # --- composition ----------------------------------------------------------------------------------

    def register_topic(self, name: str, permission: str) -> None:
        """Allow a topic; who has ``permission`` may subscribe.

        Raises:
            ValueError: the name is taken.
        """
        if name in self._topics:
            raise ValueError(f"the live topic {name!r} is registered already")
        self._topics[name] = Topic(name, permission)

    def before_tick(self, callback: Callable[[], None]) -> None:
        """Call this on the event loop before each tick (publishers of periodic figures)."""
        self._before_tick.append(callback)

    def has_subscribers(self, topic: str) -> bool:
        """Whether anybody listens now; any thread."""
        return any(topic in c.topics for c in tuple(self.clients))

    def start(self) -> None:
        """Begin ticking on the running event loop."""
        if self._task is None:
            self._loop = asyncio.get_running_loop()
            self._task = asyncio.create_task(self._run(), name="live-hub")

    async def stop(self) -> None:
        """Close every client and stop ticking. Idempotent."""
        for client in list(self.clients):
            client.close(1001, "going away")
        with self._lock:
            self._loop = None
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    # --- clients --------------------------------------------------------------------------------------

    def join(self, caller: Caller) -> LiveClient | None:
        """A new client, or None when there are too many."""
        if len(self.clients) >= self.settings.max_clients:
            self.counters["refused_clients"] += 1
            return None
        client = LiveClient(caller, self.settings.queue_messages)
        self.clients.add(client)
        self.counters["joined"] += 1
        return client

    def leave(self, client: LiveClient) -> None:
        self.clients.discard(client)
        self._regroup(client, np.empty(0, np.int32))
        self.counters["messages"] += client.sent
        self.counters["collapsed"] += client.collapsed
        client.sent = client.collapsed = 0

    def subscribe(
        self, client: LiveClient, points: Iterable[int], topics: Iterable[str]
    ) -> tuple[list[int], list[int], list[str], list[str]]:
        """Add to what a client watches: (points accepted, refused, topics accepted, refused).

        A point is refused when it does not exist, belongs to an enterprise the caller may not see, or would
        exceed the limit of points per client.
        """
        wanted = np.unique(np.fromiter(points, np.int64))
        allowed = self._allowed(client.caller, wanted)
        accepted = wanted[allowed].astype(np.int32)
        merged = np.union1d(client.ids, accepted)
        limit = self.settings.max_points_per_client
        if len(merged) > limit:
            fresh = np.setdiff1d(accepted, client.ids)
            fresh = fresh[: max(0, limit - len(client.ids))]
            accepted = np.union1d(np.intersect1d(accepted, client.ids), fresh)
            merged = np.union1d(client.ids, accepted)
            self.counters["points_over_limit"] += 1
        self._regroup(client, merged.astype(np.int32))
        refused = np.setdiff1d(wanted, accepted)
        good: list[str] = []
        bad: list[str] = []
        for name in dict.fromkeys(topics):
            topic = self._topics.get(name)
            (good if topic is not None and client.caller.may(topic.permission) else bad).append(name)
        client.topics.update(good)
        return [int(i) for i in accepted], [int(i) for i in refused], good, bad

    def unsubscribe(self, client: LiveClient, points: Iterable[int], topics: Iterable[str]) -> None:
        gone = np.fromiter(points, np.int64)
        self._regroup(client, np.setdiff1d(client.ids, gone).astype(np.int32))
        client.topics.difference_update(topics)

    def rescope(self, client: LiveClient, caller: Caller) -> None:
        """The caller's rights changed: drop what it may no longer watch."""
        client.caller = caller
        keep = client.ids[self._allowed(caller, client.ids.astype(np.int64))]
        self._regroup(client, keep)
        client.topics = {t for t in client.topics if caller.may(self._topics[t].permission)}

    def _allowed(self, caller: Caller, ids: np.ndarray[Any, np.dtype[np.int64]]) -> Any:
        columns = self._catalogue.peek()
        inside = (ids > 0) & (ids < len(columns))
        safe = np.where(inside, ids, 0)
        allowed = inside & (columns.known[safe] != 0) if len(columns) else np.zeros(len(ids), bool)
        if caller.enterprises is not None and len(columns):
            mine = np.fromiter(caller.enterprises, np.int64, len(caller.enterprises))
            allowed &= np.isin(columns.enterprise[safe], mine)
        return allowed

    def _regroup(self, client: LiveClient, ids: I32) -> None:
        old = client.interest
        if old is not None:
            old.clients.discard(client)
            if not old.clients:
                self._interests.pop(old.key, None)
        client.ids, client.interest = ids, None
        if len(ids) and client in self.clients:
            key = ids.tobytes()
            interest = self._interests.get(key)
            if interest is None:
                interest = self._interests[key] = Interest(key, ids)
            interest.clients.add(client)
            client.interest = interest

    # --- ticking --------------------------------------------------------------------------------------

    async def _run(self) -> None:
        period = self.settings.tick_ms / 1000
        while True:
            await asyncio.sleep(period)
            try:
                await self.refresh()
                self.tick()
            except Exception:
                self.counters["tick_failed"] += 1
                log.exception("live_tick_failed")

    async def refresh(self) -> None:
        """Learn of changed points without holding up the event loop."""
        if self._catalogue.dirty:
            await asyncio.to_thread(self._catalogue.current)

    def tick(self) -> None:
        """Send what changed since the last tick."""
        for callback in self._before_tick:
            callback()
        self._follow_points()
        with self._lock:
            posts, self._posts = self._posts, deque()
            changed: U8 | None = None
            if self._any_dirty:
                changed = self._dirty.copy()
                self._dirty[:] = 0
                self._any_dirty = False
        if changed is not None:
            self._send_values(changed)
        if posts:
            self._send_topics(posts)

    def _follow_points(self) -> None:
        """A point may have moved to another enterprise or be gone."""
        version = self._catalogue.peek().version
        if version != self._catalogue_version:
            self._catalogue_version = version
            for client in self.clients:
                keep = self._allowed(client.caller, client.ids.astype(np.int64))
                if not keep.all():
                    self._regroup(client, client.ids[keep])

    def _send_values(self, changed: U8) -> None:
        top = len(changed)
        for interest in list(self._interests.values()):
            ids = interest.ids
            if ids[-1] >= top:
                ids = ids[: int(np.searchsorted(ids, top))]
            ids = ids[changed[ids] != 0]
            if not len(ids):
                continue
            text = self.values(ids)
            self.counters["encoded"] += 1
            for client in interest.clients:
                client.offer_values(text, ids)

    def values(self, ids: I32) -> str:
        """Encoded ``values`` message of the newest values of these points, those never seen left out.

        The observation time is capped at the time of arrival: a page keeps the newest reading it has, and one
        from the future would hide the ones that follow.
        """
        now = self.clock.now_ms()
        rows = self._live.newest(ids)
        seen = np.flatnonzero(rows.observed_at >= 0)
        flat: list[Any] = [None] * (4 * len(seen))
        flat[0::4] = rows.point[seen].tolist()
        flat[1::4] = rows.value[seen].tolist()
        flat[2::4] = np.minimum(rows.observed_at[seen], rows.received_at[seen]).tolist()
        flat[3::4] = rows.quality[seen].tolist()
        return encode({"op": "values", "server_ms": now, "v": flat})

    def _send_quiet(self) -> None:
        """Send what is waiting of topics that sent nothing for a tick; the others keep to the tick."""
        since = self.clock.monotonic() - self.settings.tick_ms / 1000
        with self._lock:
            self._nudged = False
            posts = [p for p in self._posts if self._topic_sent.get(p[0], since) <= since]
            if posts:
                now = {p[0] for p in posts}
                self._posts = deque(p for p in self._posts if p[0] not in now)
        if posts:
            self.counters["topics_at_once"] += len(posts)
            self._send_topics(posts)

    def _send_topics(self, posts: Iterable[tuple[str, Any, int | None, int, int | None]]) -> None:
        sent = self.clock.monotonic()
        by_topic: dict[tuple[str, int | None], list[tuple[Any, int | None, int]]] = {}
        for topic, data, enterprise_id, at, user_id in posts:
            by_topic.setdefault((topic, user_id), []).append((data, enterprise_id, at))
            self._topic_sent[topic] = sent
        for (topic, user_id), items in by_topic.items():
            listeners = [
                c
                for c in self.clients
                if topic in c.topics and (user_id is None or c.caller.is_person(user_id))
            ]
            if not listeners:
                continue
            if len(items) > TOPIC_BURST:
                self.counters["topic_burst_dropped"] += len(items) - TOPIC_BURST
                items = items[-TOPIC_BURST:]
            for data, enterprise_id, at in items:
                text = encode({"op": "topic", "topic": topic, "server_ms": at, "data": data})
                for client in listeners:
                    if user_id is not None or client.caller.may_see_enterprise(enterprise_id):
                        client.offer_topic(topic, text)

    def figures(self) -> dict[str, Any]:
        """Clients, groups, messages, collapsed ones, limits: for the status page and metrics."""
        totals = Counter(self.counters)
        for client in self.clients:
            totals["messages"] += client.sent
            totals["collapsed"] += client.collapsed
        return {
            "clients": len(self.clients),
            "slow_clients": sum(c.slow for c in self.clients),
            "interests": len(self._interests),
            "watched_points": int(sum(len(c.ids) for c in self.clients)),
            "counters": dict(totals),
            "limits": self.settings.model_dump(),
        }
