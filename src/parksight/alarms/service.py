"""Alarms as a running service: fed by the ingest with each tick, by the clock each second, and by people.

On ``app.state.alarms``. The evaluation is arrays behind one lock; records are written by the recorder's thread.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from typing import Any, Protocol

import msgspec
import structlog
from sqlalchemy import select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from parksight.alarms import kernels, rules
from parksight.alarms.evaluation import Evaluator, Transitions, compile_rules, join, of_keys, warm_up
from parksight.alarms.events import AlarmAcknowledged, AlarmNotice, RulesChanged
from parksight.alarms.flow.announcer import Announcer, Desk, Orders
from parksight.alarms.flow.chatter import ChatterGuard
from parksight.alarms.flow.floods import FloodMeter
from parksight.alarms.models import Alarm, JournalEntry
from parksight.alarms.providers import Providers
from parksight.alarms.recorder import Recorder
from parksight.kernel import audit
from parksight.kernel.bus import Event
from parksight.kernel.clock import Clock
from parksight.kernel.db import Database, emit
from parksight.kernel.errors import conflict, not_found
from parksight.kernel.permissions import Caller
from parksight.kernel.settings import AlarmSettings
from parksight.telemetry.events import PointsChanged
from parksight.telemetry.live_table import LiveTable
from parksight.telemetry.protocols import Columns

log = structlog.get_logger(__name__)

TOPIC = "alarms"
READ = "alarms.alarm.read"


class Push(Protocol):
    """What the live hub offers (:class:`parksight.telemetry.live.hub.LiveHub`)."""

    def register_topic(self, name: str, permission: str) -> None: ...

    def publish_topic(self, topic: str, data: Any, enterprise_id: int | None = None) -> None: ...


class AlarmService:
    """A :class:`~parksight.telemetry.protocols.TickListener`.

    Args:
        db: records; its bus tells of changed rules and points.
        clock: time of records and of the seconds.
        settings: limits.
        hub: live push; None where nobody watches (tests, command line).
        live: newest values, for the wind and what is around an alarm.
        providers: what other modules know.
        desk: opens and moves cases; ``orders``: linkage. None where nobody handles alarms (command line).
    """

    def __init__(
        self, db: Database, clock: Clock, settings: AlarmSettings, hub: Push | None = None, *,
        live: LiveTable | None = None, providers: Providers | None = None, desk: Desk | None = None,
        orders: Orders | None = None,
    ) -> None:  # fmt: skip
        self.db = db
        self.clock = clock
        self.settings = settings
        self.hub = hub
        self.counters: Counter[str] = Counter()
        self.live = live
        self.providers = providers or Providers()
        self.flood = FloodMeter(settings.positions, settings.flood_span_s)
        self.announcer = Announcer(settings, self.providers, live, desk, orders)
        guard = ChatterGuard(
            settings.chatter_repeats, settings.chatter_s * 1000, settings.chatter_quiet_s * 1000
        )
        self.recorder = Recorder(
            db,
            clock,
            self.announcer,
            guard,
            self.flood,
            self._reconcile,
            self._tell,
            settings.queue_transitions,
        )
        self._evaluator = Evaluator(
            compile_rules(()), clock.now_ms(), settings.history_s * 1000, settings.grace_s * 1000
        )
        self._lock = threading.Lock()
        self._compiling = threading.Lock()
        self._dirty = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._unsubscribe = [
            db.bus.subscribe(RulesChanged.subject(), self._mark_dirty),
            db.bus.subscribe(PointsChanged.subject(), self._mark_dirty),
            db.bus.subscribe(AlarmAcknowledged.subject(), self._announce_acknowledged),
        ]
        if hub is not None:
            hub.register_topic(TOPIC, READ)

    # --- life -----------------------------------------------------------------------------------------

    def start(self) -> None:
        """Take over the alarms that stand in the records, then evaluate. Call it before the ingest starts."""
        warm_up()
        now = self.clock.now_ms()
        standing = self.recorder.load()
        with self.db.read() as session:
            compiled = compile_rules(rules.enabled(session))
        with self._lock:
            self._evaluator = Evaluator(
                compiled, now, self.settings.history_s * 1000, self.settings.grace_s * 1000
            )
            orphans = self._evaluator.restore(standing)
        self.recorder.start()
        if orphans:
            self.recorder.offer(of_keys(orphans, kernels.WITHDRAWN, now))
        self._stop.clear()
        self._thread = threading.Thread(target=self._seconds, name="alarm-clock", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop judging and write what is queued. Idempotent."""
        self._stop.set()
        self._dirty.set()
        if self._thread is not None:
            self._thread.join(30)
            self._thread = None
            self.recorder.stop()
        for unsubscribe in self._unsubscribe:
            unsubscribe()

    # --- evaluation -----------------------------------------------------------------------------------

    def on_tick(self, rows: Columns, now_ms: int) -> None:
        """Judge a durable tick (ingest thread); the records follow in their own thread."""
        with self._lock:
            happened = self._evaluator.on_tick(rows, now_ms)
            if happened is not None:
                self.recorder.offer(happened)

    def on_second(self, now_ms: int) -> None:
        """Judge what time alone brings about."""
        with self._lock:
            happened = self._evaluator.on_second(now_ms)
            if happened is not None:
                self.recorder.offer(happened)

    def recompile(self) -> None:
        """Take the rules as they are now; standing alarms of steps that are gone are withdrawn."""
        with self._compiling:  # what was read first must not replace what was read later
            self._dirty.clear()
            with self.db.read() as session:
                compiled = compile_rules(rules.enabled(session))
            with self._lock:
                gone = self._evaluator.replace(compiled, self.clock.now_ms())
                if len(gone):
                    self.recorder.offer(gone)
            self.counters["compiled"] += 1

    def _mark_dirty(self, _event: Event) -> None:
        self._dirty.set()

    def _seconds(self) -> None:
        while not self._stop.wait(1.0):
            try:
                if self._dirty.is_set():
                    self.recompile()
                self.on_second(self.clock.now_ms())
                self.recorder.tidy()
            except Exception:
                self.counters["clock_failures"] += 1
                log.exception("alarm_clock_failed")

    def _reconcile(self, recorded: dict[int, bool]) -> Transitions:
        """What the records lack, taken at one moment at which nothing else can be queued."""
        now = self.clock.now_ms()
        with self._lock:
            self.recorder.forget_queued()
            stands = self._evaluator.standing()
            describe = self._evaluator.describe
            both = stands.keys() & recorded.keys()
            return join(
                describe(sorted(stands.keys() - recorded.keys()), kernels.RAISED, now),
                describe(
                    sorted(k for k in stands if not stands[k] and recorded.get(k, True)), kernels.DOUBTED, now
                ),
                describe(sorted(k for k in both if stands[k] and not recorded[k]), kernels.CONFIRMED, now),
                of_keys(sorted(recorded.keys() - stands.keys()), kernels.CLEARED, now),
            )

    # --- people ---------------------------------------------------------------------------------------

    def acknowledge(self, session: Session, caller: Caller, alarm_id: int, comment: str) -> Alarm:
        """Somebody has taken note of an alarm. Says nothing about the condition.

        Raises:
            ProblemError: 404 not there or not theirs; 409 acknowledged already, naming by whom.
        """
        statement = caller.scoped(select(Alarm).where(Alarm.id == alarm_id), Alarm.enterprise_id)
        alarm: Alarm | None = session.scalar(statement)
        if alarm is None:
            raise not_found("alarms.alarm", alarm_id)
        now = self.clock.now()
        change = {
            "handling": "acknowledged", "acknowledged_by": caller.name, "acknowledged_by_id": caller.id,
            "acknowledged_at": now, "comment": comment or None,
        }  # fmt: skip
        # Conditional on the row as it is, so that of two people only one is the first.
        done = session.execute(
            update(Alarm).where(Alarm.id == alarm_id, Alarm.handling == "new").values(**change)
        )
        if not isinstance(done, CursorResult) or done.rowcount != 1:
            raise conflict("alarms.already_acknowledged", by=alarm.acknowledged_by, at=alarm.acknowledged_at)
        session.refresh(alarm)
        session.add(
            JournalEntry(
                alarm_id=alarm.id, point_id=alarm.point_id, enterprise_id=alarm.enterprise_id, what="acknowledged",
                step=alarm.step, priority=alarm.priority, observed_at=now, recorded_at=now, value=None,
                by_id=caller.id, by_name=caller.name, comment=comment or None,
            )
        )  # fmt: skip
        audit.record(
            session, caller, action="alarms.alarm.acknowledge", subject=("alarm", alarm.id),
            before={"handling": "new"}, after={"handling": "acknowledged", "comment": comment},
        )  # fmt: skip
        at = round(now.timestamp() * 1000)
        emit(
            session,
            AlarmAcknowledged(id=alarm.id, enterprise_id=alarm.enterprise_id, by_name=caller.name, at=at),
        )
        return alarm

    def _announce_acknowledged(self, event: Event) -> None:
        """Bus handler: tell the browsers who acknowledged what."""
        if isinstance(event, AlarmAcknowledged) and self.hub is not None:
            data = {"what": "acknowledged", "ids": [event.id], "by": event.by_name, "at": event.at}
            self.hub.publish_topic(TOPIC, data, enterprise_id=event.enterprise_id)

    def _tell(self, notices: list[tuple[str, AlarmNotice]]) -> None:
        """One live message per enterprise and kind of change, however many alarms a burst has."""
        for subject, _ in notices:
            self.counters[subject] += 1
        if self.hub is None:
            return
        groups: dict[tuple[int | None, str], list[Any]] = defaultdict(list)
        for subject, notice in notices:
            groups[notice.enterprise_id, subject].append(msgspec.to_builtins(notice))
        for (enterprise_id, subject), alarms in groups.items():
            data = {"what": subject, "total": len(alarms), "alarms": alarms[-self.settings.push_alarms :]}
            self.hub.publish_topic(TOPIC, data, enterprise_id=enterprise_id)

    def stats(self) -> dict[str, int]:
        """Counters for the health page and ``/metrics``."""
        with self._lock:
            evaluated, out_of_order, history, clock_back = (int(v) for v in self._evaluator.counters)
            steps = len(self._evaluator.compiled.key) + len(self._evaluator.compiled.stale_key)
            points = int(self._evaluator.compiled.watched.sum())
        return {
            "steps": steps, "points": points, "evaluated": evaluated, "out_of_order": out_of_order,
            "history": history, "clock_back": clock_back, "waiting": self.recorder.waiting, **self.recorder.counters, **self.counters,
        }  # fmt: skip
