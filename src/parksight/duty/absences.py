"""Leave with a deputy: requested, accepted by the deputy, and over."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from parksight.duty import repository
from parksight.duty.events import AbsenceChanged
from parksight.duty.hooks import Hooks
from parksight.duty.models import Absence
from parksight.duty.schemas import AbsenceIn
from parksight.kernel import audit
from parksight.kernel.clock import Clock
from parksight.kernel.db import emit
from parksight.kernel.errors import ProblemError, conflict, invalid, not_found
from parksight.kernel.identity.models import User
from parksight.kernel.permissions import Caller

MANAGE = "duty.absence.manage"


class Absences:
    """
    Args:
        clock: time.
        hooks: told about requests and decisions, in the same unit of work.
    """

    def __init__(self, clock: Clock, hooks: Hooks) -> None:
        self._clock, self._hooks = clock, hooks

    def request(self, session: Session, caller: Caller, body: AbsenceIn) -> Absence:
        """Ask for leave, for oneself or (``duty.absence.manage``) for somebody else.

        Raises:
            ProblemError: 403 for somebody else's; 404 unknown people; 409 ``duty.absence.overlaps``,
                ``duty.absence.circle``; 422 ``duty.absence.own_deputy``, ``duty.absence.over``.
        """
        user_id = body.user_id if body.user_id is not None else caller.id
        if user_id is None or caller.kind not in ("user", "token"):
            raise invalid("duty.absence.whose", "/user_id")
        enterprise = repository.enterprise_of(session, user_id)
        if user_id != caller.id:
            caller.require(MANAGE)
            if not caller.may_see_enterprise(enterprise):
                raise not_found("user", user_id)
        if body.deputy_id == user_id:
            raise invalid("duty.absence.own_deputy", "/deputy_id")
        for key in (user_id, body.deputy_id):
            found = session.get(User, key)
            if found is None or not found.active:
                raise not_found("user", key)
        # A deputy sees the person's work, so both must belong to the same house.
        if repository.enterprise_of(session, body.deputy_id) != enterprise:
            raise invalid("duty.absence.other_house", "/deputy_id")
        if body.ends_at <= max(body.starts_at, self._clock.now()):
            raise invalid("duty.absence.over", "/ends_at")
        row = Absence(
            user_id=user_id, deputy_id=body.deputy_id, enterprise_id=enterprise, kind=body.kind,
            reason=body.reason, starts_at=body.starts_at, ends_at=body.ends_at, state="requested",
            requested_by=caller.id, requested_at=self._clock.now(),
        )  # fmt: skip
        self._check(session, row)
        session.add(row)
        session.flush()
        self._note(session, caller, row, "request", None)
        return row

    def decide(self, session: Session, caller: Caller, absence_id: int, accept: bool, reason: str) -> Absence:
        """The deputy accepts or declines; nobody else can.

        Raises:
            ProblemError: 404; 403 for anybody but the deputy; 409 when it is decided already, over, or would close
                a circle of deputies.
        """
        row = self._get(session, caller, absence_id)
        if caller.kind != "user" or row.deputy_id != caller.id:
            raise ProblemError("duty.absence.not_deputy", HTTPStatus.FORBIDDEN)
        if row.state != "requested":
            raise conflict("duty.absence.decided", state=row.state)
        if row.ends_at <= self._clock.now():
            raise conflict("duty.absence.decided", state="ended")
        if accept:
            self._check(session, row)
        elif not reason:
            raise invalid("duty.reason_needed", "/reason")
        before, row.state = row.state, "accepted" if accept else "declined"
        row.decided_at, row.decision = self._clock.now(), reason
        self._note(session, caller, row, "accept" if accept else "decline", before)
        return row

    def end(self, session: Session, caller: Caller, absence_id: int, reason: str) -> Absence:
        """Withdraw a request, or come back early. The person themselves, or ``duty.absence.manage``."""
        row = self._get(session, caller, absence_id)
        if row.user_id != caller.id:
            caller.require(MANAGE)
        if row.state not in ("requested", "accepted") or row.ends_at <= self._clock.now():
            raise conflict("duty.absence.decided", state=row.state)
        now, before = self._clock.now(), row.state
        begun = row.state == "accepted" and row.starts_at <= now
        row.state = "ended" if begun else "withdrawn"
        row.ended_at, row.decision = now, reason or row.decision
        self._note(session, caller, row, "end", before)
        return row

    def _get(self, session: Session, caller: Caller, absence_id: int) -> Absence:
        row: Absence | None = session.scalar(repository.absences(caller).where(Absence.id == absence_id))
        if row is None:
            raise not_found("duty.absence", absence_id)
        return row

    def _check(self, session: Session, row: Absence) -> None:
        """No second absence of the same person in that time, and no circle of deputies in any part of it."""
        others = list(
            session.scalars(
                select(Absence).where(
                    Absence.starts_at < row.ends_at, Absence.ends_at > row.starts_at,
                    or_(Absence.state == "accepted", (Absence.state == "requested") & (Absence.user_id == row.user_id)),
                    Absence.id != (row.id or 0),
                )
            )
        )  # fmt: skip
        own = next((o for o in others if o.user_id == row.user_id), None)
        if own is not None:
            raise conflict("duty.absence.overlaps", absence=own.id)
        if _circle(row, others, row.deputy_id, row.starts_at, row.ends_at):
            raise conflict("duty.absence.circle", deputy=row.deputy_id)

    def _note(self, session: Session, caller: Caller, row: Absence, verb: str, before: str | None) -> None:
        after = {
            "user_id": row.user_id, "deputy_id": row.deputy_id, "kind": row.kind, "state": row.state,
            "starts_at": row.starts_at.isoformat(), "ends_at": row.ends_at.isoformat(),
        }  # fmt: skip
        audit.record(
            session, caller, action=f"duty.absence.{verb}", subject=("duty_absence", row.id),
            before={"state": before} if before else None, after=after, reason=row.decision or row.reason or None,
        )  # fmt: skip
        emit(
            session,
            AbsenceChanged(absence_id=row.id, user_id=row.user_id, deputy_id=row.deputy_id, state=row.state),
        )
        self._hooks.absence(session, row)


def _circle(row: Absence, others: list[Absence], who: int, start: datetime, end: datetime) -> bool:
    """Whether following deputies from ``who`` within ``[start, end)`` leads back to the absent person."""
    if who == row.user_id:
        return True
    return any(
        _circle(row, [o for o in others if o is not other], other.deputy_id,
                max(start, other.starts_at), min(end, other.ends_at))
        for other in others
        if other.user_id == who and max(start, other.starts_at) < min(end, other.ends_at)
    )  # fmt: skip
