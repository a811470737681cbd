"""What duty itself says at a handover: the shift's log, and who is away."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from parksight.duty import repository
from parksight.duty.contributors import Item, Section
from parksight.duty.models import Absence, LogEntry
from parksight.kernel.permissions import Caller

#: Lines that fit on one page of a handover; the total is shown with them.
SHOWN = 200


class DutyItems:
    """Log entries written since the shift began, and absences in force or beginning within a day."""

    name = "duty"

    def contribute(
        self, session: Session, caller: Caller, since: datetime, until: datetime
    ) -> Sequence[Section]:
        return [self._log(session, caller, since, until), self._absences(session, caller, until)]

    @staticmethod
    def _log(session: Session, caller: Caller, since: datetime, until: datetime) -> Section:
        statement = repository.log_entries(caller).where(
            LogEntry.recorded_at >= since, LogEntry.recorded_at <= until
        )
        corrected = set(
            session.scalars(select(LogEntry.corrects_id).where(LogEntry.corrects_id.is_not(None)))
        )
        rows, total = repository.page(session, statement, (LogEntry.occurred_at, LogEntry.id), SHOWN, 0)
        items = [
            Item(
                key=f"log:{row.id}",
                text="duty.item.log_corrected" if row.id in corrected else "duty.item.log",
                params={"text": row.text, "author": row.author}, subject=("duty_log_entry", str(row.id)),
                page="/duty/log", severity="warning" if row.category in ("alarm", "event") else "info",
                since=row.occurred_at, open=False,
            )
            for row in rows
        ]  # fmt: skip
        return Section("log", "duty.section.log", items, total)

    @staticmethod
    def _absences(session: Session, caller: Caller, until: datetime) -> Section:
        statement = repository.absences(caller).where(
            Absence.state.in_(("accepted", "requested")), Absence.starts_at < until + timedelta(days=1),
            Absence.ends_at > until,
        )  # fmt: skip
        rows, total = repository.page(session, statement, (Absence.starts_at, Absence.id), SHOWN, 0)
        people = repository.names(session, [i for r in rows for i in (r.user_id, r.deputy_id)])
        items = [
            Item(
                key=f"absence:{row.id}",
                text="duty.item.absent" if row.state == "accepted" else "duty.item.absent_without_deputy",
                params={"name": people[row.user_id].name, "deputy": people[row.deputy_id].name},
                subject=("duty_absence", str(row.id)), page="/duty/absences",
                severity="info" if row.state == "accepted" else "warning", since=row.starts_at,
            )
            for row in rows
        ]  # fmt: skip
        return Section("absences", "duty.section.absences", items, total)
