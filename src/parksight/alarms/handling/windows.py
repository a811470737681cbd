"""Calibration and maintenance announced beforehand: they label the alarms of their time, they silence none."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from parksight.alarms.events import GroupsChanged
from parksight.alarms.handling.silence import covered, extent_of, resolve
from parksight.alarms.models import Alarm, Window
from parksight.alarms.schemas.silence import WindowIn
from parksight.kernel import audit
from parksight.kernel.clock import Clock
from parksight.kernel.db import emit
from parksight.kernel.errors import conflict, not_found
from parksight.kernel.permissions import Caller


class WindowService:
    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def announce(self, session: Session, caller: Caller, data: WindowIn) -> Window:
        """Announce works; alarms of that time that are recorded already are labelled as well."""
        extent = resolve(session, caller, data)
        record = Window(
            kind=data.kind, start_at=_when(data.start), end_at=_when(data.end), reason=data.reason,
            reference=data.reference, owner_id=caller.id, owner_name=caller.name, announced_at=self.clock.now(),
            **extent_of(extent),
        )  # fmt: skip
        session.add(record)
        session.flush()
        missed = select(Alarm).where(
            covered(record), Alarm.window_id.is_(None), Alarm.raised_at >= record.start_at,
            Alarm.raised_at < record.end_at,
        )  # fmt: skip
        for alarm in session.scalars(missed):
            alarm.window_id = record.id
        audit.record(
            session, caller, action="alarms.window.announce", subject=("alarm_window", record.id),
            after={**extent_of(record), "kind": data.kind, "start": record.start_at.isoformat(),
                   "end": record.end_at.isoformat(), "reason": data.reason},
        )  # fmt: skip
        emit(session, GroupsChanged(what="window", ids=(), enterprise_id=record.enterprise_id))
        return record

    def end(self, session: Session, caller: Caller, window_id: int) -> Window:
        """End works before their time.

        Raises:
            ProblemError: 404 not there or not theirs; 409 over already.
        """
        record = get(session, caller, window_id)
        now = self.clock.now()
        if record.ended_at is not None or record.end_at <= now:
            raise conflict("alarms.window_over")
        record.ended_at, record.ended_by = now, caller.name
        audit.record(
            session, caller, action="alarms.window.end", subject=("alarm_window", record.id),
            after={"ended_at": now.isoformat()},
        )  # fmt: skip
        emit(session, GroupsChanged(what="window", ids=(), enterprise_id=record.enterprise_id))
        return record


def get(session: Session, caller: Caller, window_id: int) -> Window:
    record: Window | None = session.scalar(
        caller.scoped(select(Window).where(Window.id == window_id), Window.enterprise_id)
    )
    if record is None:
        raise not_found("alarms.window", window_id)
    return record


def _when(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
