"""The shift log (值班日志): written once, corrected by newer lines."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from parksight.duty import repository
from parksight.duty.models import LogEntry, Shift
from parksight.duty.schemas import LogIn
from parksight.kernel import audit
from parksight.kernel.clock import Clock
from parksight.kernel.errors import invalid, not_found
from parksight.kernel.permissions import Caller
from parksight.kernel.settings import DutySettings


class ShiftLog:
    """
    Args:
        clock: time of record.
        settings: from when on an entry is late.
    """

    def __init__(self, clock: Clock, settings: DutySettings) -> None:
        self._clock, self._settings = clock, settings

    def write(self, session: Session, caller: Caller, desk_id: int, body: LogIn) -> LogEntry:
        """A new line. Event time may lie in the past (labelled late), never in the future.

        Raises:
            ProblemError: 404 desk or corrected line; 422 ``duty.log.future``.
        """
        desk = repository.desk(session, caller, desk_id)
        now = self._clock.now()
        occurred = body.occurred_at or now
        if occurred > now + timedelta(seconds=60):
            raise invalid("duty.log.future", "/occurred_at")
        if body.corrects_id is not None:
            old = session.get(LogEntry, body.corrects_id)
            if old is None or old.desk_id != desk.id:
                raise not_found("duty.log_entry", body.corrects_id)
        shift = session.scalar(
            select(Shift.id)
            .where(
                Shift.desk_id == desk.id, Shift.starts_at <= now, Shift.ends_at > now, Shift.state != "cancelled"
            )
            .order_by(Shift.starts_at.desc())
        )  # fmt: skip
        row = LogEntry(
            desk_id=desk.id, shift_id=shift, occurred_at=occurred, recorded_at=now,
            late=now - occurred > timedelta(minutes=self._settings.late_entry_minutes), category=body.category,
            text=body.text, links=[link.model_dump() for link in body.links], author_id=caller.id,
            author=caller.name, corrects_id=body.corrects_id,
        )  # fmt: skip
        session.add(row)
        session.flush()
        audit.record(
            session, caller, action="duty.log.write", subject=("duty_log_entry", row.id),
            after={"desk_id": desk.id, "occurred_at": occurred.isoformat(), "text": body.text, "late": row.late,
                   "corrects_id": row.corrects_id},
        )  # fmt: skip
        return row
