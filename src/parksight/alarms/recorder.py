"""Transitions to records, off the ingest thread: a bounded queue, one thread, one transaction per burst.

When the queue is full the transitions of that moment are given up, counted, and the thread afterwards makes the
records agree with the state of the evaluation: no standing alarm is lost, only an intermediate flicker may be.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from datetime import datetime

import msgspec
import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from parksight.alarms.evaluation import Transitions, step_key
from parksight.alarms.events import AlarmNotice, AlarmsCleared, AlarmsDoubted, AlarmsKeptSilent, AlarmsRaised
from parksight.alarms.flow import housekeeping
from parksight.alarms.flow.announcer import Announcer
from parksight.alarms.flow.burst import Burst, Standing
from parksight.alarms.flow.chatter import Chatter, ChatterGuard
from parksight.alarms.flow.floods import FloodMeter
from parksight.alarms.flow.grouping import Candidate
from parksight.alarms.flow.housekeeping import Housekeeping
from parksight.alarms.flow.notices import notice_of
from parksight.alarms.models import STEPS, Alarm, Suppression
from parksight.kernel.clock import Clock
from parksight.kernel.db import Database, emit
from parksight.kernel.permissions import SYSTEM
from parksight.telemetry.models import Point

log = structlog.get_logger(__name__)

#: Transitions written in one transaction.
BURST = 5_000
_RETRY_S = (0.1, 0.5, 2.0, 5.0)
_EVENTS = (
    ("raised", AlarmsRaised), ("cleared", AlarmsCleared), ("doubted", AlarmsDoubted), ("kept_silent", AlarmsKeptSilent),
)  # fmt: skip


class Recorder:
    """Writes alarms and journal; owns the mapping from steps to open records.

    Args:
        db: records.
        clock: time of what is recorded without a transition.
        announcer: groups, cases, reactions of what is announced.
        guard: the flicker guard; only the record thread touches it.
        flood: judges how many are announced.
        reconcile: called in the record thread after an overflow; returns the transitions that are missing.
        told: called after each commit with the notices, per kind of event.
        limit: transitions the queue holds.
    """

    def __init__(
        self,
        db: Database,
        clock: Clock,
        announcer: Announcer,
        guard: ChatterGuard,
        flood: FloodMeter,
        reconcile: Callable[[dict[int, bool]], Transitions],
        told: Callable[[list[tuple[str, AlarmNotice]]], None],
        limit: int = 200_000,
    ) -> None:
        self.db = db
        self.clock = clock
        self.announcer = announcer
        self.guard = guard
        self.flood = flood
        self.housekeeping = Housekeeping(announcer, guard, flood)
        self.limit = limit
        self.counters: Counter[str] = Counter()
        self._reconcile = reconcile
        self._told = told
        self._open: dict[int, Standing] = {}
        self._queue: deque[Transitions] = deque()
        self._queued = 0
        self._writing = 0
        self._overflow = False
        self._tidy = False
        self._stopping = False
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None

    # --- any thread -----------------------------------------------------------------------------------

    def offer(self, batch: Transitions) -> bool:
        """Hand over transitions; never waits. False when the queue was full (the records are put right later)."""
        with self._wake:
            if self._queued + len(batch) > self.limit:
                self._overflow = True
                self.counters["given_up"] += len(batch)
                self._wake.notify()
                return False
            self._queue.append(batch)
            self._queued += len(batch)
            self.counters["offered"] += len(batch)
            self._wake.notify()
            return True

    @property
    def waiting(self) -> int:
        """Transitions not yet written."""
        with self._wake:
            return self._queued + self._writing

    def forget_queued(self) -> None:
        """Drop what is queued: the caller holds the truth and will hand it over."""
        with self._wake:
            self.counters["given_up"] += self._queued
            self._queue.clear()
            self._queued = 0

    def tidy(self) -> None:
        """Ask for what time alone brings about: shelves that run out, calm after chattering, the end of a flood."""
        with self._wake:
            self._tidy = True
            self._wake.notify()

    def flush(self, timeout_s: float = 30.0) -> bool:
        """Wait until everything offered so far is written."""
        end = time.monotonic() + timeout_s
        with self._wake:
            while self._queued or self._writing or self._overflow or self._tidy:
                left = end - time.monotonic()
                if left <= 0 or self._thread is None:
                    return False
                self._wake.wait(left)
        return True

    # --- life -----------------------------------------------------------------------------------------

    def load(self) -> dict[int, bool]:
        """Read the alarms that stand in the records: step key -> whether the condition is known."""
        self._open.clear()
        with self.db.read() as session:
            statement = (
                select(Alarm, Point.code)
                .outerjoin(Point, Point.id == Alarm.point_id)
                .where(Alarm.condition != "cleared")
                .order_by(Alarm.id)
            )
            for alarm, code in session.execute(statement):
                key = step_key(alarm.rule_id, alarm.point_id, STEPS.index(alarm.step))
                self._open[key] = Standing(
                    alarm.id, alarm.condition == "active", notice_of(alarm, code or "")
                )
            self._load_chatterers(session)
        return {key: standing.known for key, standing in self._open.items()}

    def _load_chatterers(self, session: Session) -> None:
        """Alarms that chattered when the process ended go on doing so until they are calm."""
        statement = (
            select(Suppression, Alarm, Point.code)
            .join(Alarm, Alarm.suppression_id == Suppression.id)
            .outerjoin(Point, Point.id == Alarm.point_id)
            .where(Suppression.kind == "chattering", Suppression.ended_at.is_(None))
            .order_by(Alarm.id)
        )
        now = self.clock.now_ms()
        self.guard.running = {
            step_key(alarm.rule_id, alarm.point_id, STEPS.index(alarm.step)): Chatter(
                record.id, notice_of(alarm, code or ""), now
            )
            for record, alarm, code in session.execute(statement)
        }

    def start(self) -> None:
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="alarm-recorder", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write what is queued, then end."""
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        if self._thread is not None:
            self._thread.join(60)
            self._thread = None

    def _run(self) -> None:
        failures = 0
        while True:
            with self._wake:
                while not (self._queue or self._overflow or self._tidy or self._stopping):
                    self._wake.wait()
                if self._stopping and not self._queue and not self._overflow:
                    return
                batches = list(self._take())
                overflow = self._overflow and not batches
                tidy = self._tidy and not batches and not overflow
            try:
                if overflow:
                    self._put_right()
                elif tidy:
                    self._tidy_up()
                else:
                    self._write(batches)
                failures = 0
            except Exception as error:
                self.counters["write_failures"] += 1
                log.exception("alarm_record_failed", transitions=sum(map(len, batches)))
                if not isinstance(error, SQLAlchemyError) and not batches:
                    continue  # a round of housekeeping; the next second tries again
                with self._wake:
                    self._queue.extendleft(reversed(batches))
                    self._queued += sum(map(len, batches))
                    self._writing = 0
                    if self._stopping and failures >= len(_RETRY_S):
                        log.error("alarm_records_abandoned", transitions=self._queued)
                        return
                    self._wake.wait(_RETRY_S[min(failures, len(_RETRY_S) - 1)])
                failures += 1
            else:
                with self._wake:
                    self._writing = 0
                    self._wake.notify_all()

    def _take(self) -> Iterator[Transitions]:
        while self._queue and (self._writing == 0 or self._writing + len(self._queue[0]) <= BURST):
            batch = self._queue.popleft()
            self._queued -= len(batch)
            self._writing += len(batch)
            yield batch

    def _put_right(self) -> None:
        with self._wake:
            self._overflow, self._writing = False, 1  # still at work, as far as flush() is concerned
        missing = self._reconcile({key: standing.known for key, standing in self._open.items()})
        self.counters["reconciled"] += 1
        if len(missing):
            try:
                self._write([missing])
            except SQLAlchemyError:
                with self._wake:
                    self._overflow = True
                raise

    def _tidy_up(self) -> None:
        with self._wake:
            self._tidy, self._writing = False, 1
        now = self.clock.now()
        with self.db.read() as reading:
            if not self.housekeeping.needed(reading, now):
                return
        with self.db.session() as session:
            work = self.housekeeping.work(session, now)
            self._emit(session, work.notices)
        work.written()
        for alarm_id in work.released:
            self._forget_silence(alarm_id)
        if work.notices:
            self._told(work.notices)

    def _forget_silence(self, alarm_id: int) -> None:
        for standing in self._open.values():
            if standing.id == alarm_id:
                standing.notice = msgspec.structs.replace(standing.notice, suppressed=None)

    # --- writing --------------------------------------------------------------------------------------

    def _write(self, batches: list[Transitions]) -> None:
        with self.db.session() as session:
            work = Burst(session, batches, self._open, self.guard)
            work.save_alarms()
            now = self.clock.now()
            group_of = self._announce(session, work.candidates, now)
            work.save_rest(group_of)
            work.notices += self._release(session, work.released, now)
            if work.candidates or work.released:
                self.flood.judge(session, now)
            self._emit(session, work.notices)
        self._open = work.open
        self.guard.take(work.flicker)
        self.counters["written"] += sum(map(len, batches))
        self.counters["unmatched"] += work.unmatched
        self.counters["repeated"] += work.repeated
        self._told(work.notices)

    def _announce(self, session: Session, candidates: list[Candidate], now: datetime) -> dict[int, int]:
        """Groups and cases; whatever goes wrong there must not cost an alarm, it is made up for later."""
        try:
            with session.begin_nested():
                announced = self.announcer.announce(session, candidates, now)
        except Exception:
            self.counters["announce_failures"] += 1
            self.housekeeping.orphans = True
            log.exception("alarm_announce_failed", alarms=len(candidates))
            return {}
        self.counters["groups"] += len(announced.opened)
        return announced.group_of

    def _release(self, session: Session, alarms: list[Alarm], now: datetime) -> list[tuple[str, AlarmNotice]]:
        """Alarms the evaluation keeps silent no more and that still stand are announced."""
        return housekeeping.reannounce(session, self.announcer, alarms, now, SYSTEM)

    def _emit(self, session: Session, told: list[tuple[str, AlarmNotice]]) -> None:
        for subject, event in _EVENTS:
            notices = tuple(n for s, n in told if s == subject)
            if notices:
                emit(session, event(alarms=notices))
