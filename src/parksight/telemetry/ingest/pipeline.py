"""The one door of telemetry: every gateway's readings pass here, durable before acknowledged.

Gateways hand batches in on the event loop; one ingest thread takes them tick by tick, checks them, appends
them to the store (group commit), then updates the live table, tells the listeners and resolves all receipts
in one go. What limits there are is in :class:`~parksight.kernel.settings.IngestSettings`; when they are
reached, ``submit`` waits and ``submit_nowait`` returns False.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import structlog

from parksight.kernel.clock import Clock
from parksight.kernel.settings import IngestSettings
from parksight.telemetry.catalogue import Catalogue
from parksight.telemetry.ingest.counters import Books
from parksight.telemetry.ingest.dedupe import Window
from parksight.telemetry.ingest.groups import Group, IngestClosed, IngestFailed, check_shape, tell, wake
from parksight.telemetry.ingest.guard import LinkWatch, RateGuard
from parksight.telemetry.ingest.reasons import INTERNAL_ERROR, RATE_LIMITED, STORE_FAILED, Reason
from parksight.telemetry.ingest.rejects import MAX_ROWS, Reject, RejectsLog
from parksight.telemetry.ingest.tick import Judge, Judged, Limits
from parksight.telemetry.live_table import LiveTable
from parksight.telemetry.protocols import Callback, ReadingBatch, Receipt, Store, TickListener

log = structlog.get_logger(__name__)

_KEYS = tuple(r.key for r in Reason)
#: Bytes a row and a batch occupy while in flight (input, concatenated, accepted; objects and array headers).
_ROW_BYTES, _BATCH_BYTES = 64, 900
#: Readers resume once the pipeline has drained to this share of a limit.
_RESUME = 0.75
_CLEAN: dict[str, int] = {}


@lru_cache(maxsize=4096)
def _stored(rows: int) -> Receipt:
    """The receipt of a batch taken whole; one object for all of a size (receipts are not changed)."""
    return Receipt(rows)


class IngestPipeline:
    """Implements :class:`~parksight.telemetry.protocols.IngestPort`.

    Args:
        settings: limits.
        clock: arrival-independent time (rate guard, listeners).
        store: where rows become durable; ``append`` is called by the ingest thread only.
        live: newest values, updated after each append.
        catalogue: point definitions.
        rejects_dir: folder of the rejects log.
        listeners: told about each durable tick, in this order, in the ingest thread.
    """

    def __init__(
        self,
        settings: IngestSettings,
        clock: Clock,
        store: Store,
        live: LiveTable,
        catalogue: Catalogue,
        rejects_dir: Path,
        listeners: Sequence[TickListener] = (),
    ) -> None:
        self.settings = settings
        self.books = Books()
        self.rejects = RejectsLog(rejects_dir, settings.rejects_max_mb, settings.rejects_per_second)
        self.links = LinkWatch(settings.link_flaps)
        self.clock = clock
        self._store = store
        self._live = live
        self._catalogue = catalogue
        self._listeners = list(listeners)
        self._guard = RateGuard(settings.source_rate_limit)
        self._judge = Judge(
            Limits(
                settings.late_after_s * 1000,
                settings.clock_skew_s * 1000,
                settings.far_future_s * 1000,
                float(settings.flap_per_minute),
            ),
            Window(
                max(settings.dedupe_rows, settings.max_rows_per_tick), int.from_bytes(os.urandom(8), "big")
            ),
        )
        self._cond = threading.Condition()
        self._pending: list[Group] = []
        self._pending_rows = 0
        self._pending_since = 0.0
        self._in_flight_rows = 0
        self._in_flight_cost = 0
        self._full = False
        self._running = False
        self._closing = False
        self._waiters: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []
        self._thread: threading.Thread | None = None
        self._ticks = 0
        self._busy_s = 0.0
        self._last_tick = (0, 0.0)
        self._pressure = 0
        self._failures: Counter[str] = Counter()
        self._last_failure: str | None = None

    # --- life -----------------------------------------------------------------------------------------

    def add_listener(self, listener: TickListener) -> None:
        """Tell another listener from the next tick on."""
        self._listeners = [*self._listeners, listener]

    def start(self) -> None:
        """Load the newest values from the store and begin to take batches."""
        newest = self._store.last()
        self._live.warm_up()
        self._live.load(newest)
        self._judge.remember(newest)
        self._judge.warm_up(self._catalogue.current())
        with self._cond:
            if self._running or self._closing:
                raise RuntimeError("an IngestPipeline starts once")
            self._running = True
        self._thread = threading.Thread(target=self._run, name="telemetry-ingest", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """Refuse new batches, finish those in flight, resolve their receipts. Idempotent."""
        with self._cond:
            self._closing = True
            waiters, self._waiters = self._waiters, []
            self._cond.notify_all()
        for loop, future in waiters:
            loop.call_soon_threadsafe(wake, (future,))
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)
        await asyncio.to_thread(self.rejects.close)
        # Receipts were handed to this loop by the thread just joined; let them run before returning.
        await asyncio.sleep(0)

    # --- the door -------------------------------------------------------------------------------------

    async def submit(self, batch: ReadingBatch) -> Receipt:
        """See :meth:`IngestPort.submit`. History over its source's rate waits; live data is rejected.

        Raises:
            IngestClosed: at shutdown, nothing was taken.
            IngestFailed: the store refused; the rows are counted as ``store_failed``.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Receipt] = loop.create_future()

        def done(receipts: Sequence[Receipt], error: BaseException | None) -> None:
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(receipts[0])

        while True:
            if batch.backfill:
                with self._cond:
                    wait = self._guard.wait_s(batch.source, self.clock.monotonic())
                if wait:
                    await asyncio.sleep(min(wait, 1.0))
                    if self._closing:
                        raise IngestClosed
                    continue
            if self.submit_nowait((batch,), done):
                return await future
            await self.room()

    def submit_nowait(self, batches: Sequence[ReadingBatch], done: Callback) -> bool:
        """See :meth:`IngestPort.submit_nowait`. Batches over their source's rate are rejected whole.

        Raises:
            IngestClosed: at shutdown, nothing was taken.
            ValueError: columns of unequal length or wrong dtype, or more rows than may ever be in flight.
        """
        loop = asyncio.get_running_loop()
        rows, cost = 0, 0
        for batch in batches:
            n = len(batch.point)
            check_shape(batch, n)
            rows += n
            cost += _BATCH_BYTES + _ROW_BYTES * n + (len(batch.raw) if batch.raw else 0)
        if rows > self.settings.max_in_flight_rows:
            raise ValueError(
                f"{rows} rows at once exceed ingest.max_in_flight_rows={self.settings.max_in_flight_rows}: "
                "hand them over in smaller batches"
            )
        group = Group(loop, done, len(batches))
        refused: list[ReadingBatch] = []
        with self._cond:
            if not self._running or self._closing:
                raise IngestClosed
            if self._is_full(rows, cost):
                return False
            now = self.clock.monotonic()
            for place, batch in enumerate(batches):
                n = len(batch.point)
                if self._guard.allow(batch.source, n, now):
                    group.batches.append(batch)
                    group.places.append(place)
                    group.rows += n
                else:
                    group.receipts[place] = Receipt(0, {RATE_LIMITED: n})
                    refused.append(batch)
            for batch in refused:
                self.books.refuse(batch.source, RATE_LIMITED, len(batch.point))
            if group.batches:
                group.cost = cost
                self.books.admit([(b.source, len(b.point)) for b in group.batches])
                self._in_flight_rows += group.rows
                self._in_flight_cost += cost
                if not self._pending:
                    self._pending_since = now
                    self._cond.notify()
                self._pending.append(group)
                self._pending_rows += group.rows
                if self._pending_rows >= self.settings.max_rows_per_tick:
                    self._cond.notify()
        for batch in refused:
            self._keep(batch.source, RATE_LIMITED, len(batch.point), batch.raw)
        if not group.batches:
            loop.call_soon(tell, [(done, [r for r in group.receipts if r is not None], None)])
        return True

    def _is_full(self, rows: int, cost: int) -> bool:
        if not self._in_flight_rows and not self._in_flight_cost:
            self._full = False
            return False
        if not self._full:
            self._full = (
                self._in_flight_rows + rows > self.settings.max_in_flight_rows
                or self._in_flight_cost + cost > self.settings.max_in_flight_mb * 1_000_000
            )
            self._pressure += self._full
        return self._full

    async def room(self) -> None:
        """Wait until the pipeline takes batches again; raises IngestClosed at shutdown."""
        loop = asyncio.get_running_loop()
        with self._cond:
            if self._closing:
                raise IngestClosed
            if not self._full:
                return
            future: asyncio.Future[None] = loop.create_future()
            self._waiters.append((loop, future))
        await future
        if self._closing:
            raise IngestClosed

    def reject(self, source: int, reason: str, count: int = 1, raw: bytes | None = None) -> None:
        """See :meth:`IngestPort.reject`. Any thread."""
        self.books.refuse(source, reason, count)
        self._keep(source, reason, count, raw)

    def link_changed(self, source: int) -> None:
        """A gateway opened or closed a connection of this source (flapping detection)."""
        self.links.changed(source, self.clock.monotonic())

    def _keep(self, source: int, reason: str, count: int, raw: bytes | None) -> None:
        at = self.clock.now_ms()
        if self.rejects.wants(at):
            self.rejects.add(Reject(at, source, reason, count, raw))

    # --- the ingest thread ----------------------------------------------------------------------------

    def _run(self) -> None:
        tick_s = self.settings.tick_ms / 1000
        limit = self.settings.max_rows_per_tick
        while True:
            with self._cond:
                self._cond.wait_for(lambda: self._pending or self._closing)
                if not self._pending:
                    return
                waited = self.clock.monotonic() - self._pending_since
                self._cond.wait_for(
                    lambda: self._pending_rows >= limit or self._closing, max(0.0, tick_s - waited)
                )
                groups = self._take(limit)
            self._tick(groups)

    def _take(self, limit: int) -> list[Group]:
        taken, rows = 0, 0
        for group in self._pending:
            if taken and rows + group.rows > limit:
                break
            taken += 1
            rows += group.rows
        groups, self._pending = self._pending[:taken], self._pending[taken:]
        self._pending_rows -= rows
        self._pending_since = self.clock.monotonic()
        return groups

    def _tick(self, groups: list[Group]) -> None:
        started = self.clock.monotonic()
        batches = [b for g in groups for b in g.batches]
        error: BaseException | None = None
        try:
            judged = self._judge.judge(batches, self._catalogue.current())
            if len(judged.rows):
                self._append(judged)
            self._publish(judged)
            self._settle(groups, batches, judged)
            self._last_failure = None
        except Exception as problem:
            reason = STORE_FAILED if isinstance(problem, IngestFailed) else INTERNAL_ERROR
            self._failures[reason] += 1
            self._last_failure = f"{type(problem).__name__}: {problem}"
            log.exception("ingest_tick_failed", reason=reason, batches=len(batches))
            error = problem if isinstance(problem, IngestFailed) else IngestFailed(str(problem))
            self._settle_failed(batches, reason)
        self._ticks += 1
        took = self.clock.monotonic() - started
        self._busy_s += took
        self._last_tick = (sum(g.rows for g in groups), took)
        self._finish(groups, error)

    def _append(self, judged: Judged) -> None:
        try:
            self._store.append(judged.rows)
        except Exception as problem:
            self._judge.undo(judged)
            raise IngestFailed(f"the store did not take the rows: {problem}") from problem

    def _publish(self, judged: Judged) -> None:
        if not len(judged.rows):
            return
        now = self.clock.now_ms()
        self._live.update(judged.rows)
        for listener in self._listeners:
            try:
                listener.on_tick(judged.rows, now)
            except Exception:
                self._failures[f"listener:{type(listener).__name__}"] += 1
                log.exception("ingest_listener_failed", listener=type(listener).__name__)

    def _settle(self, groups: list[Group], batches: list[ReadingBatch], judged: Judged) -> None:
        rejected_rows: list[int] = judged.rejected.sum(axis=1).tolist()
        settled: list[tuple[int, int, int, dict[str, int]]] = []
        at = 0
        for group in groups:
            for batch, place in zip(group.batches, group.places, strict=True):
                n, bad = len(batch.point), rejected_rows[at]
                if bad:
                    line = judged.rejected[at]
                    reasons = {_KEYS[r]: int(line[r]) for r in np.flatnonzero(line)}
                    self._keep_rows(batch, reasons, judged, at)
                    group.receipts[place] = Receipt(n - bad, reasons)
                    settled.append((batch.source, n, n - bad, reasons))
                else:
                    group.receipts[place] = _stored(n)
                    settled.append((batch.source, n, n, _CLEAN))
                at += 1
        self.books.settle(settled, judged.notes)

    def _settle_failed(self, batches: list[ReadingBatch], reason: str) -> None:
        self.books.settle([(b.source, len(b.point), 0, {reason: len(b.point)}) for b in batches])

    def _keep_rows(self, batch: ReadingBatch, reasons: dict[str, int], judged: Judged, at: int) -> None:
        now = self.clock.now_ms()
        span = slice(int(judged.offset[at]), int(judged.offset[at + 1]))
        for reason, count in reasons.items():
            if not self.rejects.wants(now):
                continue
            which = np.flatnonzero(judged.verdict[span] == Reason[reason.upper()])[:MAX_ROWS] + span.start
            rows = tuple(
                (
                    int(judged.point[i]),
                    int(judged.observed[i]),
                    float(judged.value[i]) if np.isfinite(judged.value[i]) else None,
                    int(judged.quality[i]),
                )
                for i in which
            )
            self.rejects.add(Reject(now, batch.source, reason, count, batch.raw, rows))

    def _finish(self, groups: list[Group], error: BaseException | None) -> None:
        with self._cond:
            for group in groups:
                self._in_flight_rows -= group.rows
                self._in_flight_cost -= group.cost
            waiters: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []
            if (
                self._in_flight_rows <= _RESUME * self.settings.max_in_flight_rows
                and self._in_flight_cost <= _RESUME * self.settings.max_in_flight_mb * 1_000_000
            ):
                self._full = False
                waiters, self._waiters = self._waiters, []
        told: dict[asyncio.AbstractEventLoop, list[tuple[Callback, list[Receipt], BaseException | None]]] = {}
        for group in groups:
            receipts = [] if error else [r for r in group.receipts if r is not None]
            told.setdefault(group.loop, []).append((group.done, receipts, error))
        woken: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
        for loop, future in waiters:
            woken.setdefault(loop, []).append(future)
        # A loop that was closed meanwhile has nobody left to tell.
        for loop, finished in told.items():
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(tell, finished)
        for loop, futures in woken.items():
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(wake, futures)

    # --- what operators see ---------------------------------------------------------------------------

    def ingest_counters(self) -> dict[str, Any]:
        """``{received, stored, rejected: {reason: n}, in_flight}`` of one moment, for ``/health``."""
        return self.books.total().as_dict()

    def figures(self) -> dict[str, Any]:
        """Everything else about the pipeline's own state."""
        now_ms, now = self.clock.now_ms(), self.clock.monotonic()
        rows, took = self._last_tick
        with self._cond:
            pressure = {
                "full": self._full,
                "times_full": self._pressure,
                "in_flight_rows": self._in_flight_rows,
                "in_flight_bytes": self._in_flight_cost,
                "waiting": len(self._waiters),
            }
            throttled = self._guard.in_debt(now)
        return {
            "running": self._running and not self._closing,
            "ticks": self._ticks,
            "busy_seconds": round(self._busy_s, 3),
            "last_tick": {"rows": rows, "ms": round(took * 1000, 3)},
            "notes": self.books.notes(),
            "back_pressure": pressure,
            "throttled_sources": throttled,
            "flapping_points": self._judge.flapping(now_ms),
            "flapping_links": self.links.flapping(now),
            "dedupe": self._judge.window.figures(),
            "rejects_log": self.rejects.figures(),
            "failures": dict(self._failures),
            "last_failure": self._last_failure,
            "limits": self.settings.model_dump(),
        }
