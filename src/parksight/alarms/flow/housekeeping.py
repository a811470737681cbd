"""What time alone brings about in the records: shelves that run out, calm after chattering, the end of a flood."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from parksight.alarms.events import AlarmNotice
from parksight.alarms.flow import silences
from parksight.alarms.flow.announcer import Announcer, ms
from parksight.alarms.flow.chatter import Chatter, ChatterGuard
from parksight.alarms.flow.floods import FloodMeter
from parksight.alarms.flow.notices import notice_of
from parksight.alarms.models import Alarm, Flood, JournalEntry, Suppression
from parksight.kernel import audit
from parksight.kernel.permissions import SYSTEM, Caller
from parksight.telemetry.models import Point

_ENDED = {
    "shelved": "unshelved",
    "out_of_service": "returned_to_service",
    "by_design": "unsuppressed",
    "chattering": "calmed",
}


@dataclass(slots=True)
class Work:
    """What was done: words for the bus, alarms no longer silent, and what to do once it is written."""

    notices: list[tuple[str, AlarmNotice]] = field(default_factory=list)
    released: list[int] = field(default_factory=list)
    written: Callable[[], None] = lambda: None


class Housekeeping:
    def __init__(self, announcer: Announcer, guard: ChatterGuard, flood: FloodMeter) -> None:
        self.announcer = announcer
        self.guard = guard
        self.flood = flood
        #: Look for alarms without a group: at the start, and after one could not be made.
        self.orphans = True

    def needed(self, session: Session, now: datetime) -> bool:
        """Whether there is anything to do; reads only, so that no writer waits for an idle round."""
        if self.orphans or self.guard.calm(ms(now)):
            return True
        waiting = select(Suppression.id).where(Suppression.ended_at.is_(None), Suppression.until_at <= now)
        flooded = select(Flood.id).where(Flood.ended_at.is_(None))
        return any(session.scalar(s.limit(1)) is not None for s in (waiting, flooded))

    def work(self, session: Session, now: datetime) -> Work:
        """One round, in the caller's session."""
        work = Work()
        if self.orphans:
            self._adopt(session, now)
        for record in silences.due(session, now):
            end(record, now, "expired", SYSTEM)
            audit.record(
                session, SYSTEM, action="alarms.suppression.expire", subject=("alarm_suppression", record.id),
                after={"kind": record.kind, "until": str(record.until_at)},
            )  # fmt: skip
            work.notices += release(session, self.announcer, record, now, SYSTEM)
        calm = self.guard.calm(ms(now))
        self._calm(session, calm, now)
        work.written = lambda: self._written(calm, now)
        work.released = [n.id for _, n in work.notices]
        if (
            work.notices
            or session.scalar(select(Flood.id).where(Flood.ended_at.is_(None)).limit(1)) is not None
        ):
            self.flood.judge(session, now)
        return work

    def _written(self, calm: dict[int, Chatter], now: datetime) -> None:
        self.guard.end(calm, ms(now))
        self.orphans = False

    def _adopt(self, session: Session, now: datetime) -> None:
        """Alarms that were announced but have no group: their group or case could not be made at the time."""
        lost = select(Alarm).where(
            Alarm.group_id.is_(None), Alarm.annunciated_at.is_not(None), Alarm.handling != "closed"
        )
        alarms = list(session.scalars(lost.order_by(Alarm.raised_at, Alarm.id)))
        self.announcer.announce(session, self.announcer.candidates(session, alarms), now)

    def _calm(self, session: Session, calm: dict[int, Chatter], now: datetime) -> None:
        for chatter in calm.values():
            record = session.get(Suppression, chatter.suppression_id)
            if record is None or record.ended_at is not None:
                continue
            end(record, now, "calm", SYSTEM)
            for alarm in _kept(session, record):
                alarm.suppressed = None
                note(session, alarm, "calmed", now, SYSTEM, detail={"repeats": alarm.repeats})


def end(record: Suppression, now: datetime, reason: str, caller: Caller, remark: str = "") -> None:
    """Close the record of a silence."""
    record.ended_at, record.ended_reason, record.ended_note = now, reason, remark or None
    record.ended_by_id, record.ended_by = caller.id, caller.name if caller.id is not None else None


def release(
    session: Session, announcer: Announcer, record: Suppression, now: datetime, caller: Caller
) -> list[tuple[str, AlarmNotice]]:
    """A silence has ended: what it kept silent and still stands is announced (again); the rest is merely marked.

    Another running silence that covers an alarm goes on keeping it silent.
    """
    others = silences.Silences(session)
    standing: list[Alarm] = []
    for alarm in _kept(session, record):
        spot = silences.Spot(
            alarm.rule_id, alarm.step, alarm.point_id, alarm.thing_id, alarm.unit_id, alarm.enterprise_id
        )
        other = others.of(spot)
        note(session, alarm, _ENDED[record.kind], now, caller, detail={"suppression": record.id})
        if other is not None and other.id != record.id:
            alarm.suppressed, alarm.suppression_id = other.kind, other.id
            continue
        alarm.suppressed = None
        if alarm.condition != "cleared":
            standing.append(alarm)
    return reannounce(session, announcer, standing, now, caller)


def reannounce(
    session: Session, announcer: Announcer, alarms: Sequence[Alarm], now: datetime, caller: Caller
) -> list[tuple[str, AlarmNotice]]:
    """Alarms that stand are announced (again): unacknowledged, with a case."""
    if not alarms:
        return []
    for alarm in alarms:
        alarm.annunciated_at, alarm.handling = now, "new"
        alarm.acknowledged_at = alarm.acknowledged_by = alarm.acknowledged_by_id = None
        alarm.cause = alarm.closed_at = alarm.closed_by = None
    session.flush()
    announced = announcer.announce(session, announcer.candidates(session, alarms, ms(now)), now)
    codes = _codes(session, alarms)
    told: list[tuple[str, AlarmNotice]] = []
    for alarm in alarms:
        session.refresh(alarm, ["group_id"])
        note(session, alarm, "realarmed", now, caller, detail={"group": announced.group_of.get(alarm.id)})
        told.append(("raised", notice_of(alarm, codes.get(alarm.point_id, ""), at=ms(now))))
    return told


def note(
    session: Session, alarm: Alarm, what: str, now: datetime, caller: Caller, *, comment: str | None = None,
    detail: dict[str, Any] | None = None,
) -> None:  # fmt: skip
    """A journal entry about something people or time did."""
    session.execute(insert(JournalEntry), [entry(alarm, what, now, caller, comment=comment, detail=detail)])


def entry(
    alarm: Alarm, what: str, now: datetime, caller: Caller, *, comment: str | None = None,
    detail: dict[str, Any] | None = None,
) -> dict[str, Any]:  # fmt: skip
    return {
        "alarm_id": alarm.id, "point_id": alarm.point_id, "enterprise_id": alarm.enterprise_id, "what": what,
        "step": alarm.step, "priority": alarm.priority, "observed_at": now, "recorded_at": now, "value": None,
        "by_id": caller.id, "by_name": caller.name, "comment": comment or None, "detail": detail,
    }  # fmt: skip


def _kept(session: Session, record: Suppression) -> list[Alarm]:
    statement = select(Alarm).where(Alarm.suppression_id == record.id, Alarm.suppressed.is_not(None))
    return list(session.scalars(statement.order_by(Alarm.raised_at, Alarm.id)))


def _codes(session: Session, alarms: Sequence[Alarm]) -> dict[int, str]:
    ids = sorted({a.point_id for a in alarms})
    return {p.id: p.code for p in session.execute(select(Point.id, Point.code).where(Point.id.in_(ids)))}
