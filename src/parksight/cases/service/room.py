"""What the parts of the engine share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from parksight.cases import access
from parksight.cases.events import CaseNotice
from parksight.cases.models import Case, Participant
from parksight.cases.people import Actor, People
from parksight.cases.providers import Outside
from parksight.cases.timing import Timing
from parksight.cases.types import CaseTypes
from parksight.kernel.db import clock_of
from parksight.kernel.errors import invalid, not_found
from parksight.kernel.files.service import Files
from parksight.kernel.permissions import Caller

#: How far a device's clock may be ahead of ours before its time is refused.
AHEAD = timedelta(minutes=2)


@dataclass
class Room:
    """
    Attributes:
        types: declared kinds of work.
        timing: how clocks count.
        files: stored files; None where nothing is uploaded (command line).
        outside: other rooms.
        late_after: what happened longer ago than this when it is recorded is labelled late.
    """

    types: CaseTypes
    timing: Timing
    files: Files | None = None
    outside: Outside = field(default_factory=Outside)
    late_after: timedelta = timedelta(minutes=1)

    def __post_init__(self) -> None:
        self.people = People(self.outside)

    def actor(self, session: Session, caller: Caller) -> Actor:
        return self.people.actor(session, caller, clock_of(session).now())

    def find(self, session: Session, actor: Actor, case_id: int, *, lock: bool = False) -> Case:
        """A case the caller may see; 404 otherwise. ``lock``: for a change."""
        statement = access.visible(select(Case).where(Case.id == case_id), actor, self.types)
        if lock:
            statement = statement.with_for_update(of=Case).execution_options(populate_existing=True)
        case: Case | None = session.scalar(statement)
        if case is None:
            raise not_found("cases.case", case_id)
        return case

    def when(
        self, occurred_at: datetime | None, now: datetime, not_before: datetime | None
    ) -> tuple[datetime, bool]:
        """The time of an event and whether it is entered late.

        Raises:
            ProblemError: 422 ``cases.future`` or ``cases.out_of_order``.
        """
        if occurred_at is None:
            return now, False
        if occurred_at > now + AHEAD:
            raise invalid("cases.future", "/occurred_at")
        at = min(occurred_at, now)
        if not_before is not None and at < not_before:
            raise invalid("cases.out_of_order", "/occurred_at", before=not_before.isoformat())
        return at, now - at > self.late_after


def participants_of(session: Session, case_id: int) -> Sequence[Participant]:
    return session.scalars(
        select(Participant).where(Participant.case_id == case_id).order_by(Participant.id)
    ).all()  # fmt: skip


def notice(case: Case, now: datetime) -> CaseNotice:
    """A case as the bus carries it."""
    return CaseNotice(
        id=case.id, number=case.number, type=case.type, state=case.state, phase=case.phase, priority=case.priority,
        enterprise_id=case.enterprise_id, subject_kind=case.subject_kind, subject_id=case.subject_id,
        origin_kind=case.origin_kind, origin_id=case.origin_id, simulated=case.simulated, drill=case.drill,
        version=case.version, at=round(now.timestamp() * 1000),
    )  # fmt: skip
