"""Alarms as a running service: fed by the ingest with each tick, by the clock each second, and by people.

On ``app.state.alarms``. The evaluation is arrays behind one lock; records are written by the recorder's thread.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence

import structlog

from parksight.alarms import rules
from parksight.alarms.evaluation import RuleRow, Transitions
from parksight.alarms.evaluation.watch import Keeping, Loss, RuleWatch
from parksight.alarms.events import AlarmNotice, ReactionsOrdered, RulesChanged
from parksight.alarms.flow.announcer import Announcer
from parksight.alarms.flow.chatter import ChatterGuard
from parksight.alarms.flow.floods import FloodMeter
from parksight.alarms.handling.desk import CaseDesk
from parksight.alarms.handling.groups import GroupService
from parksight.alarms.handling.people import HandlingService
from parksight.alarms.handling.silence import SilenceService
from parksight.alarms.handling.windows import WindowService
from parksight.alarms.linkage.actions import Actions
from parksight.alarms.linkage.service import LinkageService
from parksight.alarms.linkage.worker import ReactionWorker
from parksight.alarms.providers import Providers
from parksight.alarms.push import READ, TOPIC, Push, Pusher, Standing
from parksight.alarms.recorder import Recorder
from parksight.alarms.telling import AlarmNotices
from parksight.cases.service import CaseService
from parksight.kernel.bus import Event
from parksight.kernel.clock import Clock
from parksight.kernel.db import Database
from parksight.kernel.settings import AlarmSettings, ZoneSettings
from parksight.notifications.service import Notifier
from parksight.registry.events import EquipmentChanged, SiteChanged, UnitChanged
from parksight.telemetry.events import FindingsChanged, PointsChanged
from parksight.telemetry.live_table import LiveTable
from parksight.telemetry.protocols import Columns

log = structlog.get_logger(__name__)

__all__ = ["READ", "TOPIC", "AlarmService"]


class AlarmService:
    """A :class:`~parksight.telemetry.protocols.TickListener`.

    Args:
        db: records; its bus tells of changed rules and points.
        clock: time of records and of the seconds.
        settings: limits.
        hub: live push; None where nobody watches (tests, command line).
        live: newest values, for the wind and what is around an alarm.
        providers: what other modules know.
        cases: the case engine; None where nobody handles alarms (command line, small tests).
        notifier: tells people; None: nobody does.
        timezone: the zone's, for means over hours and days.
        keeping: where the state of the evaluation survives a restart; None: it does not.
    """

    def __init__(
        self, db: Database, clock: Clock, settings: AlarmSettings, hub: Push | None = None, *,
        live: LiveTable | None = None, providers: Providers | None = None, cases: CaseService | None = None,
        notifier: Notifier | None = None, timezone: str | None = None, keeping: Keeping | None = None,
    ) -> None:  # fmt: skip
        self.db = db
        self.clock = clock
        self.settings = settings
        self.counters: Counter[str] = Counter()
        self.live = live
        self.providers = providers or Providers()
        self.pusher = Pusher(hub, settings.push_alarms, Standing(db, self.providers))
        self.flood = FloodMeter(settings.positions, settings.flood_span_s)
        self.linkages = LinkageService(clock)
        notices = None if notifier is None else AlarmNotices(notifier, settings)
        self.actions = Actions(settings, clock, self.providers, live, notices.tell if notices else None)
        self.reactions = ReactionWorker(db, clock, self.actions, settings.reaction_attempts)
        self.desk = None if cases is None else CaseDesk(clock, cases, notices)
        self.announcer = Announcer(settings, self.providers, live, self.desk, self.linkages)
        self.handling = HandlingService(clock, cases)
        self.groups = GroupService(clock, self.announcer, cases)
        self.silences = SilenceService(clock, settings, self.announcer, self.handling.note_silenced)
        self.windows = WindowService(clock)
        guard = ChatterGuard(
            settings.chatter_repeats, settings.chatter_s * 1000, settings.chatter_quiet_s * 1000
        )
        self.recorder = Recorder(
            db, clock, self.announcer, guard, self.flood, self._reconcile, self._tell, settings.queue_transitions
        )  # fmt: skip
        self.watch = RuleWatch(
            db,
            clock,
            settings,
            self._rule_rows,
            self.recorder.offer,
            timezone or ZoneSettings().timezone,
            keeping,
        )
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._unsubscribe = [
            db.bus.subscribe(RulesChanged.subject(), self._mark_dirty),
            *(
                db.bus.subscribe(event.subject(), self._mark_dirty)
                for event in (
                    PointsChanged,
                    EquipmentChanged,
                    UnitChanged,
                    SiteChanged,
                )  # places are followed
            ),
            db.bus.subscribe(FindingsChanged.subject(), self._note_findings),
            db.bus.subscribe(ReactionsOrdered.subject(), lambda _event: self.reactions.wake()),
            *self.pusher.subscribe(db.bus),
        ]

    # --- life -----------------------------------------------------------------------------------------

    def start(self) -> None:
        """Take over the alarms that stand in the records, then evaluate. Call it before the ingest starts."""
        missing = self.watch.start(self.recorder.load())
        self.recorder.start()
        for batch in missing:
            self.recorder.offer(batch)
        self.reactions.start()
        self._stop.clear()
        self._thread = threading.Thread(target=self._seconds, name="alarm-clock", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop judging and write what is queued. Idempotent."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(30)
            self._thread = None
            self.watch.stop()
            self.recorder.stop()
            self.reactions.stop()
        for unsubscribe in self._unsubscribe:
            unsubscribe()

    # --- evaluation -----------------------------------------------------------------------------------

    def on_tick(self, rows: Columns, now_ms: int) -> None:
        """Judge a durable tick (ingest thread); the records follow in their own thread."""
        self.watch.on_tick(rows, now_ms)

    def on_second(self, now_ms: int) -> None:
        """Judge what time alone brings about."""
        self.watch.on_second(now_ms)

    def lost(self, source: int, points: Sequence[int], at_ms: int, reason: str) -> None:
        """A source is known to be gone: alarms on its points become unknown now, not after their periods.

        Args:
            source: the device; ``reason``: how the gateway knows.
            points: what it fed; those that have spoken since ``at_ms`` (ms since the epoch) live on.
        """
        self.watch.note_loss(Loss(source, tuple(points), at_ms, reason))

    def recompile(self) -> None:
        """Take the rules as they are now; standing alarms of steps that are gone are withdrawn."""
        self.watch.recompile()

    def _rule_rows(self) -> list[RuleRow]:
        with self.db.read() as session:
            found = rules.enabled(session)
        self.counters["rule_problems"] = len(found.problems)
        return found.rows

    def _mark_dirty(self, _event: Event) -> None:
        self.watch.mark_dirty()

    def _note_findings(self, event: Event) -> None:
        if isinstance(event, FindingsChanged):
            self.watch.note_findings(event.ids)

    def _seconds(self) -> None:
        while not self._stop.wait(1.0):
            try:
                self.on_second(self.clock.now_ms())
                self.recorder.tidy()
            except Exception:
                self.counters["clock_failures"] += 1
                log.exception("alarm_clock_failed")

    def _reconcile(self, recorded: dict[int, bool]) -> Transitions:
        """What the records lack, taken at one moment at which nothing else can be queued."""
        return self.watch.reconcile(recorded, self.recorder.forget_queued)

    def _tell(self, notices: list[tuple[str, AlarmNotice]]) -> None:
        for subject, _ in notices:
            self.counters[subject] += 1
        self.pusher.tell(notices)

    def stats(self) -> dict[str, int]:
        """Counters for the health page and ``/metrics``."""
        return {
            **self.watch.stats(),
            "waiting": self.recorder.waiting,
            **self.recorder.counters,
            **self.counters,
        }
