"""Duty put together; on ``app.state.duty``. Other rooms ask :mod:`parksight.duty.presence` who is there."""

from __future__ import annotations

import threading
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.orm import Session

from parksight.duty import pattern, repository, standing
from parksight.duty.absences import Absences
from parksight.duty.contributors import HandoverContributor
from parksight.duty.crews import Crews
from parksight.duty.findings import Found, Watch, examine
from parksight.duty.handover import Handovers
from parksight.duty.hooks import Hooks
from parksight.duty.log import ShiftLog
from parksight.duty.models import Desk, Rota, Shift
from parksight.duty.own_items import DutyItems
from parksight.duty.rotas import Rotas
from parksight.kernel.clock import Clock
from parksight.kernel.db import Database
from parksight.kernel.permissions import Caller
from parksight.kernel.settings import DutySettings

log = structlog.get_logger(__name__)
#: Seconds between looks at the calendar; shifts are made weeks ahead, so this is no matter of precision.
EVERY_S = 600.0
#: Seconds between looks at handovers that are overdue.
OVERDUE_S = 30.0


class DutyService:
    """All use cases of duty, and the thread that makes shifts ahead and watches their ends.

    Args:
        db: records.
        clock: time.
        settings: horizon, grace, ages.
        timezone: the zone's civil time zone.
    """

    def __init__(self, db: Database, clock: Clock, settings: DutySettings, timezone: str) -> None:
        self.db, self.clock, self.settings = db, clock, settings
        self.zone = ZoneInfo(timezone)
        self.hooks = Hooks()
        self.rotas = Rotas(clock, self.zone, settings)
        self.crews = Crews(clock)
        self.absences = Absences(clock, self.hooks)
        self.log = ShiftLog(clock, settings)
        self.handovers = Handovers(clock, settings, self.hooks)
        self.handovers.register(DutyItems())
        self._overdue: frozenset[tuple[int, str]] = frozenset()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def contribute_with(self, contributor: HandoverContributor) -> None:
        """Let a room speak at handovers; called by the composition root."""
        self.handovers.register(contributor)

    def findings(
        self, session: Session, caller: Caller, desk_id: int, start: datetime, end: datetime
    ) -> list[Found]:
        """What is wrong with a desk's stored shifts between two instants."""
        desk = repository.desk(session, caller, desk_id)
        rows = repository.shifts_between(session, caller, start, end, desk_id)
        return self._examine(session, desk, _watches(session, rows), start, end)

    def preview(
        self, session: Session, caller: Caller, desk: Desk, rota: Rota, days: int
    ) -> tuple[list[pattern.Planned], list[Found]]:
        """The first ``days`` days of a rota that is not stored, with what is wrong with them."""
        last = rota.first_day + timedelta(days=days - 1)
        if rota.last_day is not None:
            last = min(last, rota.last_day)
        planned = list(self.rotas.planned(rota, rota.first_day, last))
        members = {c["code"]: tuple(c["members"]) for c in rota.crews}
        start, end = self.midnight(rota.first_day), self.midnight(last + timedelta(days=1))
        # Up to the first shift of the first day the rota before it is on watch.
        start = min((p.starts_at for p in planned), default=start)
        watches = [Watch(p.starts_at, p.ends_at, members[p.crew]) for p in planned]
        return planned, self._examine(session, desk, watches, start, end)

    def _examine(
        self, session: Session, desk: Desk, watches: list[Watch], start: datetime, end: datetime
    ) -> list[Found]:
        return examine(session, desk, watches, start, end, timedelta(hours=self.settings.rest_hours))

    def midnight(self, day: date) -> datetime:
        """The instant a civil day of the zone begins."""
        return pattern.instant(day, time(), self.zone)

    def start(self) -> None:
        """Begin making shifts ahead and watching for overdue handovers."""
        if self._thread is None:
            self._stopping.clear()
            self._thread = threading.Thread(target=self._run, name="duty-clock", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop making shifts. Idempotent."""
        thread, self._thread = self._thread, None
        self._stopping.set()
        if thread is not None:
            thread.join(timeout=30)

    def tick(self) -> int:
        """Make the shifts that the horizon has reached; returns how many."""
        with self.db.session() as session:
            return self.rotas.generate_all(session)

    def remind(self) -> int:
        """Report handovers that have become late or missing since the last look; returns how many."""
        with self.db.read() as session:
            found = standing.overdue(session, self.clock.now(), self.settings)
        fresh = [item for item in found if item not in self._overdue]
        if fresh:
            with self.db.session() as session:
                for shift_id, how in fresh:
                    shift = session.get_one(Shift, shift_id, with_for_update=True)
                    if shift.state == "planned":  # handed over a moment ago is not overdue
                        self.hooks.overdue(session, shift, how)
        self._overdue = frozenset(found)
        return len(fresh)

    def _run(self) -> None:
        due = 0.0
        while True:
            try:
                if due <= 0:
                    due = EVERY_S
                    self.tick()
                self.remind()
            except Exception:
                log.exception("duty_clock_failed")
            due -= OVERDUE_S
            if self._stopping.wait(OVERDUE_S):
                return


def _watches(session: Session, rows: list[Shift]) -> list[Watch]:
    crews = repository.people_of(session, [s.id for s in rows])
    return [
        Watch(
            s.starts_at, s.ends_at, tuple(p.user_id for p in crews[s.id] if p.removed_at is None), s.id
        )
        for s in rows
    ]  # fmt: skip
