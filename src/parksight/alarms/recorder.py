"""Transitions to records, off the ingest thread: a bounded queue, one thread, one transaction per burst.

When the queue is full the transitions of that moment are given up, counted, and the thread afterwards makes the
records agree with the state of the evaluation: no standing alarm is lost, only an intermediate flicker may be.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog
from sqlalchemy import insert, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from parksight.alarms import kernels
from parksight.alarms.evaluation import Transitions
from parksight.alarms.events import AlarmNotice, AlarmsCleared, AlarmsDoubted, AlarmsRaised
from parksight.alarms.models import STEPS, Alarm, JournalEntry
from parksight.kernel.db import Database, emit
from parksight.registry.models import Equipment
from parksight.telemetry.models import Point
from parksight.telemetry.quality import QualityFlag

log = structlog.get_logger(__name__)

#: Transitions written in one transaction.
BURST = 5_000
_PORTION = 500
_RETRY_S = (0.1, 0.5, 2.0, 5.0)
_WORDS = {
    kernels.RAISED: "raised",
    kernels.CLEARED: "cleared",
    kernels.DOUBTED: "unknown",
    kernels.CONFIRMED: "known",
    kernels.WITHDRAWN: "withdrawn",
}


@dataclass(slots=True)
class Standing:
    """An alarm that stands, as the recorder remembers it."""

    id: int
    known: bool
    notice: AlarmNotice


class Recorder:
    """Writes alarms and journal; owns the mapping from steps to open records.

    Args:
        db: records.
        reconcile: called in the record thread after an overflow; returns the transitions that are missing.
        told: called after each commit with the notices, per kind of event.
        limit: transitions the queue holds.
    """

    def __init__(
        self,
        db: Database,
        reconcile: Callable[[dict[int, bool]], Transitions],
        told: Callable[[list[tuple[str, AlarmNotice]]], None],
        limit: int = 200_000,
    ) -> None:
        self.db = db
        self.limit = limit
        self.counters: Counter[str] = Counter()
        self._reconcile = reconcile
        self._told = told
        self._open: dict[int, Standing] = {}
        self._queue: deque[Transitions] = deque()
        self._queued = 0
        self._writing = 0
        self._overflow = False
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

    def flush(self, timeout_s: float = 30.0) -> bool:
        """Wait until everything offered so far is written."""
        end = time.monotonic() + timeout_s
        with self._wake:
            while self._queued or self._writing or self._overflow:
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
                key = alarm.rule_id * 8 + STEPS.index(alarm.step)
                self._open[key] = Standing(
                    alarm.id, alarm.condition == "active", _notice_of(alarm, code or "")
                )
        return {key: standing.known for key, standing in self._open.items()}

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
                while not self._queue and not self._overflow and not self._stopping:
                    self._wake.wait()
                if self._stopping and not self._queue and not self._overflow:
                    return
                batches = list(self._take())
                overflow = self._overflow and not batches
            try:
                if overflow:
                    self._put_right()
                else:
                    self._write(batches)
                failures = 0
            except SQLAlchemyError:
                self.counters["write_failures"] += 1
                log.exception("alarm_record_failed", transitions=sum(map(len, batches)))
                with self._wake:
                    self._queue.extendleft(reversed(batches))
                    self._queued += sum(map(len, batches))
                    self._writing = 0
                    if self._stopping and failures >= len(_RETRY_S):
                        log.error("alarm_records_abandoned", transitions=self._queued)
                        return
                    self._wake.wait(_RETRY_S[min(failures, len(_RETRY_S) - 1)])
                failures += 1
                continue
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

    # --- writing --------------------------------------------------------------------------------------

    def _write(self, batches: list[Transitions]) -> None:
        work = _Burst(self._open)
        with self.db.session() as session:
            facts = _Facts(session, {int(p) for b in batches for p in b.point})
            for batch in batches:
                work.add(batch, facts)
            work.save(session)
            for subject, event in (
                ("raised", AlarmsRaised),
                ("cleared", AlarmsCleared),
                ("doubted", AlarmsDoubted),
            ):
                notices = tuple(n for s, n in work.notices if s == subject)
                if notices:
                    emit(session, event(alarms=notices))
        self._open = work.open
        self.counters["written"] += sum(map(len, batches))
        self.counters["unmatched"] += work.unmatched
        self._told(work.notices)


class _Facts:
    """What the records of a burst need to know of its points."""

    def __init__(self, session: Session, ids: set[int]) -> None:
        self.points: dict[int, Any] = {}
        wanted = sorted(ids)
        for start in range(0, len(wanted), _PORTION):
            statement = (
                select(
                    Point.id,
                    Point.code,
                    Point.enterprise_id,
                    Point.thing_id,
                    Equipment.unit_id,
                    Point.simulated,
                )
                .outerjoin(Equipment, Equipment.id == Point.thing_id)
                .where(Point.id.in_(wanted[start : start + _PORTION]))
            )
            self.points.update({row.id: row for row in session.execute(statement)})


class _Burst:
    """Works out the rows of a burst; nothing is shared with the recorder until the commit."""

    def __init__(self, standing: dict[int, Standing]) -> None:
        self.open = dict(standing)
        self.unmatched = 0
        self.notices: list[tuple[str, AlarmNotice]] = []
        self._fresh: list[dict[str, Any]] = []
        self._changes: dict[int, dict[str, Any]] = {}
        self._journal: list[tuple[dict[str, Any], dict[str, Any] | None]] = []
        self._told: list[tuple[str, dict[str, Any] | AlarmNotice, str, int]] = []
        self._new_open: dict[int, dict[str, Any]] = {}

    def add(self, batch: Transitions, facts: _Facts) -> None:
        now = datetime.fromtimestamp(batch.now / 1000, UTC)
        columns = (batch.key, batch.version, batch.step, batch.priority, batch.limit, batch.what, batch.at,
                   batch.value, batch.quality, batch.point)  # fmt: skip
        for key, version, step, priority, limit, what, at, value, quality, point_id in zip(
            *(column.tolist() for column in columns), strict=True
        ):
            observed = datetime.fromtimestamp(at / 1000, UTC)
            reading = None if value != value else value
            if what == kernels.RAISED:
                self._raise(
                    key, version, step, priority, limit, observed, reading, quality, point_id, now, facts
                )
            else:
                self._change(key, what, observed, reading, now)

    def _raise(
        self, key: int, version: int, step: int, priority: int, limit: float, observed: datetime,
        value: float | None, quality: int, point_id: int, now: datetime, facts: _Facts,
    ) -> None:  # fmt: skip
        if key in self.open or key in self._new_open:
            self.unmatched += 1
            return
        fact = facts.points.get(point_id)
        row: dict[str, Any] = {
            "point_id": point_id, "rule_id": key // 8, "rule_version": version, "step": STEPS[step],
            "priority": priority, "raised_at": observed, "recorded_at": now, "value": value, "limit": limit,
            "quality": quality, "condition": "active", "cleared_at": None, "cleared_reason": None,
            "handling": "new",
            "enterprise_id": getattr(fact, "enterprise_id", None), "thing_id": getattr(fact, "thing_id", None),
            "unit_id": getattr(fact, "unit_id", None),
            "simulated": bool(quality & QualityFlag.SIMULATED) or bool(getattr(fact, "simulated", False)),
        }  # fmt: skip
        self._fresh.append(row)
        self._new_open[key] = row
        code = getattr(fact, "code", "")
        row["_code"] = code
        self._note(row, "raised", observed, now, value, None)
        self._told.append(("raised", row, "active", _ms(observed)))

    def _change(self, key: int, what: int, observed: datetime, value: float | None, now: datetime) -> None:
        condition = {kernels.DOUBTED: "unknown", kernels.CONFIRMED: "active"}.get(what, "cleared")
        change: dict[str, Any] = {"condition": condition}
        if condition == "cleared":
            reason = "withdrawn" if what == kernels.WITHDRAWN else "returned"
            change |= {"cleared_at": observed, "cleared_reason": reason}
        subject = "cleared" if condition == "cleared" else "doubted"
        row = self._new_open.get(key)
        if row is not None:
            row.update(change)
            self._note(row, _WORDS[what], observed, now, value, None)
            self._told.append((subject, row, condition, _ms(observed)))
            if condition == "cleared":
                del self._new_open[key]
            return
        standing = self.open.get(key)
        if standing is None:
            self.unmatched += 1
            return
        self._changes.setdefault(standing.id, {}).update(change)
        self._note(None, _WORDS[what], observed, now, value, standing.notice)
        self._told.append((subject, standing.notice, condition, _ms(observed)))
        if condition == "cleared":
            del self.open[key]
        else:
            self.open[key] = Standing(standing.id, condition == "active", standing.notice)

    def _note(
        self, row: dict[str, Any] | None, what: str, observed: datetime, now: datetime, value: float | None,
        notice: AlarmNotice | None,
    ) -> None:  # fmt: skip
        source = (
            row
            if row is not None
            else {n: getattr(notice, n) for n in ("point_id", "enterprise_id", "step", "priority")}
        )
        entry = {
            "alarm_id": notice.id if notice is not None else None, "point_id": source["point_id"],
            "enterprise_id": source["enterprise_id"], "what": what, "step": source["step"],
            "priority": source["priority"], "observed_at": observed, "recorded_at": now, "value": value,
        }  # fmt: skip
        self._journal.append((entry, row))

    def save(self, session: Session) -> None:
        """Write the burst and name the new records."""
        if self._fresh:
            statement = insert(Alarm).returning(Alarm.id, sort_by_parameter_order=True)
            plain = [{k: v for k, v in row.items() if k != "_code"} for row in self._fresh]
            for row, alarm_id in zip(self._fresh, session.scalars(statement, plain), strict=True):
                row["id"] = alarm_id
        self._save_changes(session)
        for entry, made in self._journal:
            if made is not None:
                entry["alarm_id"] = made["id"]
        if self._journal:
            session.execute(insert(JournalEntry), [entry for entry, _ in self._journal])
        for key, row in self._new_open.items():
            self.open[key] = Standing(
                row["id"], row["condition"] == "active", _notice_of_row(row, row["condition"], 0)
            )
        for subject, source, condition, at in self._told:
            notice = source if isinstance(source, AlarmNotice) else _notice_of_row(source, condition, at)
            self.notices.append((subject, _at(notice, condition, at)))

    def _save_changes(self, session: Session) -> None:
        by_shape: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for alarm_id, change in self._changes.items():
            by_shape.setdefault(tuple(sorted(change)), []).append({"id": alarm_id, **change})
        for rows in by_shape.values():
            session.execute(update(Alarm), rows)


def _ms(when: datetime) -> int:
    return round(when.timestamp() * 1000)


def _notice_of(alarm: Alarm, code: str) -> AlarmNotice:
    row = {name: getattr(alarm, name) for name in Alarm.__table__.columns.keys()}  # noqa: SIM118 - column names
    return _notice_of_row({**row, "_code": code}, alarm.condition, _ms(alarm.raised_at))


def _notice_of_row(row: dict[str, Any], condition: str, at: int) -> AlarmNotice:
    return AlarmNotice(
        id=row["id"], point_id=row["point_id"], point_code=row["_code"], rule_id=row["rule_id"],
        rule_version=row["rule_version"], step=row["step"], priority=row["priority"], condition=condition,
        raised_at=_ms(row["raised_at"]), recorded_at=_ms(row["recorded_at"]), at=at, value=row["value"],
        limit=row["limit"], enterprise_id=row["enterprise_id"], thing_id=row["thing_id"], unit_id=row["unit_id"],
        simulated=row["simulated"],
    )  # fmt: skip


def _at(notice: AlarmNotice, condition: str, at: int) -> AlarmNotice:
    fields = {name: getattr(notice, name) for name in notice.__struct_fields__}
    return AlarmNotice(**{**fields, "condition": condition, "at": at})
