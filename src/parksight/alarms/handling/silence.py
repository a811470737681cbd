"""Shelving (an operator, for a limited time) and taking out of service (maintenance), and the way back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from parksight.alarms.events import AlarmsRaised, GroupsChanged
from parksight.alarms.flow import housekeeping
from parksight.alarms.flow.announcer import Announcer
from parksight.alarms.models import Alarm, Rule, Suppression
from parksight.alarms.models.silence import Extent
from parksight.alarms.schemas.silence import ExtentIn
from parksight.kernel import audit
from parksight.kernel.clock import Clock
from parksight.kernel.db import emit
from parksight.kernel.errors import conflict, forbidden, invalid, not_found
from parksight.kernel.permissions import Caller
from parksight.kernel.settings import AlarmSettings
from parksight.registry.models import Enterprise, Equipment, Unit
from parksight.telemetry.models import Point

#: Takes note of alarms on behalf of the person who silences them.
Acknowledge = Callable[[Session, Caller, Sequence[Alarm], str], None]
PEOPLES = ("shelved", "out_of_service")


class SilenceService:
    """
    Args:
        announcer: announces again what still stands when a silence ends.
        acknowledge: who silences an alarm has taken note of it.
    """

    def __init__(
        self, clock: Clock, settings: AlarmSettings, announcer: Announcer, acknowledge: Acknowledge
    ) -> None:
        self.clock = clock
        self.settings = settings
        self.announcer = announcer
        self.acknowledge = acknowledge

    def shelve(
        self, session: Session, caller: Caller, alarm: Alarm, reason: str, minutes: int
    ) -> Suppression:
        """Keep one alarm (this step of its rule at this point) silent for ``minutes``.

        Raises:
            ProblemError: 409 silent already; 422 longer than its priority allows.
        """
        longest = self.settings.shelve_max_minutes[alarm.priority - 1]
        if minutes > longest:
            raise invalid("alarms.shelve_too_long", "/minutes", longest=longest, priority=alarm.priority)
        record = self._silence(
            session,
            caller,
            "shelved",
            _of_alarm(alarm),
            reason,
            "",
            self.clock.now() + timedelta(minutes=minutes),
        )
        audit.record(
            session, caller, action="alarms.alarm.shelve", subject=("alarm", alarm.id),
            after={"suppression": record.id, "minutes": minutes, "reason": reason},
        )  # fmt: skip
        return record

    def out_of_service(
        self, session: Session, caller: Caller, extent: Extent, reason: str, reference: str, until: datetime
    ) -> Suppression:
        """Take what the extent covers out of service; its alarms are evaluated and journalled, but not announced.

        Raises:
            ProblemError: 409 out of service already; 422 an end that has passed or lies beyond the longest time.
        """
        now = self.clock.now()
        if not now < until <= now + timedelta(hours=self.settings.service_max_hours):
            raise invalid("alarms.service_end", "/until", hours=self.settings.service_max_hours)
        record = self._silence(session, caller, "out_of_service", extent, reason, reference, until)
        audit.record(
            session, caller, action="alarms.service.out", subject=("alarm_suppression", record.id),
            after={**extent_of(record), "reason": reason, "reference": reference, "until": until.isoformat()},
        )  # fmt: skip
        return record

    def of_alarm(self, alarm: Alarm) -> Extent:
        """The extent of one alarm."""
        return _of_alarm(alarm)

    def resolve(self, session: Session, caller: Caller, wanted: ExtentIn) -> Extent:
        """An extent somebody asked for, with its owner; 404 when it is not theirs to see."""
        return resolve(session, caller, wanted)

    def _silence(
        self,
        session: Session,
        caller: Caller,
        kind: str,
        extent: Extent,
        reason: str,
        reference: str,
        until: datetime,
    ) -> Suppression:
        now = self.clock.now()
        same = select(Suppression.id).where(
            Suppression.ended_at.is_(None), Suppression.kind == kind,
            *(getattr(Suppression, n).is_not_distinct_from(v) for n, v in extent_of(extent).items()),
        )  # fmt: skip
        if session.scalar(same.limit(1)) is not None:
            raise conflict(f"alarms.{kind}_already")
        record = Suppression(
            kind=kind, reason=reason, reference=reference, owner_id=caller.id, owner_name=caller.name, from_at=now,
            until_at=until, **extent_of(extent),
        )  # fmt: skip
        session.add(record)
        session.flush()
        standing = list(
            session.scalars(
                select(Alarm).where(Alarm.condition != "cleared", covered(record)).order_by(Alarm.id)
            )
        )
        self.acknowledge(session, caller, [a for a in standing if a.handling == "new"], reason)
        for alarm in standing:
            if alarm.suppressed == "out_of_service":
                continue  # the more deliberate silence stays
            alarm.suppressed, alarm.suppression_id = kind, record.id
            housekeeping.note(
                session, alarm, kind, now, caller, comment=reason,
                detail={"suppression": record.id, "until": until.isoformat()},
            )  # fmt: skip
        session.flush()
        emit(
            session,
            GroupsChanged(what=kind, ids=tuple(a.id for a in standing), enterprise_id=record.enterprise_id),
        )
        return record

    def end(self, session: Session, caller: Caller, record: Suppression, remark: str) -> None:
        """End a shelf or return to service; what still stands is announced again.

        Raises:
            ProblemError: 409 ended already, or a silence only the evaluation can end.
        """
        if record.ended_at is not None:
            raise conflict("alarms.silence_ended", at=record.ended_at.isoformat())
        if record.kind not in PEOPLES:
            raise conflict("alarms.silence_not_yours", kind=record.kind)
        now = self.clock.now()
        housekeeping.end(record, now, "person", caller, remark)
        session.flush()
        told = housekeeping.release(session, self.announcer, record, now, caller)
        action = "alarms.alarm.unshelve" if record.kind == "shelved" else "alarms.service.return"
        audit.record(
            session, caller, action=action, subject=("alarm_suppression", record.id),
            after={"remark": remark, "announced": [n.id for _, n in told]},
        )  # fmt: skip
        if told:
            emit(session, AlarmsRaised(alarms=tuple(n for _, n in told)))
        emit(
            session,
            GroupsChanged(
                what="unshelved" if record.kind == "shelved" else "returned_to_service",
                ids=tuple(n.id for _, n in told), enterprise_id=record.enterprise_id,
            ),
        )  # fmt: skip


_NAMES = ("rule_id", "step", "point_id", "thing_id", "unit_id", "enterprise_id")


def extent_of(extent: Extent) -> dict[str, int | str | None]:
    return {name: getattr(extent, name) for name in _NAMES}


def _of_alarm(alarm: Alarm) -> Extent:
    return Suppression(
        rule_id=alarm.rule_id, step=alarm.step, point_id=alarm.point_id, enterprise_id=alarm.enterprise_id
    )  # fmt: skip


def covered(extent: Extent) -> ColumnElement[bool]:
    """The same as :func:`parksight.alarms.flow.silences.covers`, in SQL."""
    narrow = [getattr(Alarm, n) == getattr(extent, n) for n in _NAMES[:-1] if getattr(extent, n) is not None]
    return and_(*narrow) if narrow else Alarm.enterprise_id == extent.enterprise_id


def resolve(session: Session, caller: Caller, wanted: ExtentIn) -> Extent:
    """An extent with its owner, for the scope.

    Raises:
        ProblemError: 404 for what is not there or not theirs to see.
    """
    extent = Suppression(**{n: getattr(wanted, n) for n in _NAMES})
    if wanted.enterprise_id is not None:
        found = session.get(Enterprise, wanted.enterprise_id)
        if found is None or not caller.may_see_enterprise(found.id):
            raise not_found("registry.enterprise", wanted.enterprise_id)
        return extent
    record: Rule | Point | Equipment | Unit | None
    model: Any
    for model, name in ((Rule, "rule_id"), (Point, "point_id"), (Equipment, "thing_id"), (Unit, "unit_id")):
        key = getattr(wanted, name)
        if key is None:
            continue
        record = session.get(model, key)
        if record is None or not caller.may_see_enterprise(record.enterprise_id):
            raise not_found(f"alarms.extent.{name.removesuffix('_id')}", key)
        extent.enterprise_id = record.enterprise_id
        return extent
    raise forbidden("alarms.service.write")  # unreachable: the schema demands one of them


def get(session: Session, caller: Caller, suppression_id: int) -> Suppression:
    """One silence, 404 when it is not the caller's to see."""
    record: Suppression | None = session.scalar(
        caller.scoped(select(Suppression).where(Suppression.id == suppression_id), Suppression.enterprise_id)
    )
    if record is None:
        raise not_found("alarms.suppression", suppression_id)
    return record
