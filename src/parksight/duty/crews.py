"""Who is on a shift: replaced, swapped, or put on an extra shift, always with a reason; nothing is forgotten."""

from __future__ import annotations

from sqlalchemy.orm import Session

from parksight.duty import repository
from parksight.duty.events import ShiftsChanged
from parksight.duty.models import Shift, ShiftPerson
from parksight.duty.schemas import ReplaceIn, ShiftIn, SwapIn
from parksight.kernel import audit
from parksight.kernel.clock import Clock
from parksight.kernel.db import emit
from parksight.kernel.errors import conflict, invalid, not_found
from parksight.kernel.permissions import Caller


class Crews:
    """
    Args:
        clock: time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def add_shift(self, session: Session, caller: Caller, desk_id: int, body: ShiftIn) -> Shift:
        """A shift beside the rota.

        Raises:
            ProblemError: 404 desk or person; 422 when it is over or does not end after it starts.
        """
        desk = repository.desk(session, caller, desk_id)
        if body.ends_at <= max(body.starts_at, self._clock.now()):
            raise invalid("duty.shift.over", "/ends_at")
        shift = Shift(
            desk_id=desk.id, code=body.code, name=body.name, name_en=body.name_en, starts_at=body.starts_at,
            ends_at=body.ends_at, state="planned",
        )  # fmt: skip
        session.add(shift)
        session.flush()
        for place, user_id in enumerate(dict.fromkeys(body.people)):
            self._put(session, shift, user_id, leads=place == 0, reason=body.reason, replaces=None)
        self._note(session, caller, shift, "add", body.reason, None, body.people)
        return shift

    def cancel(self, session: Session, caller: Caller, shift_id: int, reason: str) -> Shift:
        shift = self._open(session, caller, shift_id)
        shift.state = "cancelled"
        self._note(session, caller, shift, "cancel", reason, None, None)
        return shift

    def replace(self, session: Session, caller: Caller, shift_id: int, body: ReplaceIn) -> Shift:
        """Take ``off`` off the shift and put ``on`` on it.

        Raises:
            ProblemError: 409 when the shift is over, ``off`` is not on it or ``on`` is already; 422 for neither.
        """
        if body.off is None and body.on is None:
            raise invalid("duty.shift.nobody", "/on")
        shift = self._open(session, caller, shift_id)
        before = repository.crew(session, shift.id)
        gone = self._take(session, caller, shift, body.off, body.reason) if body.off is not None else None
        if body.on is not None:
            leads = gone.leads if gone else not before
            self._put(session, shift, body.on, leads=leads, reason=body.reason, replaces=gone)
        self._note(session, caller, shift, "replace", body.reason, before, repository.crew(session, shift.id))
        return shift

    def swap(self, session: Session, caller: Caller, body: SwapIn) -> tuple[Shift, Shift]:
        """Two people exchange their shifts, both or neither."""
        if body.shift_id == body.with_shift_id or body.user_id == body.with_user_id:
            raise invalid("duty.shift.same", "/with_shift_id")
        one = self._open(session, caller, body.shift_id)
        two = self._open(session, caller, body.with_shift_id)
        before = repository.crew(session, one.id), repository.crew(session, two.id)
        first = self._take(session, caller, one, body.user_id, body.reason)
        second = self._take(session, caller, two, body.with_user_id, body.reason)
        self._put(session, one, body.with_user_id, leads=first.leads, reason=body.reason, replaces=first)
        self._put(session, two, body.user_id, leads=second.leads, reason=body.reason, replaces=second)
        for shift, crew in ((one, before[0]), (two, before[1])):
            self._note(session, caller, shift, "swap", body.reason, crew, repository.crew(session, shift.id))
        return one, two

    def _open(self, session: Session, caller: Caller, shift_id: int) -> Shift:
        shift = repository.shift(session, caller, shift_id)
        if shift.state != "planned" or shift.ends_at <= self._clock.now():
            raise conflict("duty.shift.closed", shift=shift.id)
        return shift

    def _take(self, session: Session, caller: Caller, shift: Shift, user_id: int, reason: str) -> ShiftPerson:
        for person in repository.people_of(session, [shift.id])[shift.id]:
            if person.user_id == user_id and person.removed_at is None:
                person.removed_at, person.removed_by, person.reason = self._clock.now(), caller.id, reason
                session.flush()
                return person
        raise conflict("duty.shift.not_on_it", person=user_id)

    def _put(
        self, session: Session, shift: Shift, user_id: int, *, leads: bool, reason: str,
        replaces: ShiftPerson | None,
    ) -> None:  # fmt: skip
        user = repository.names(session, [user_id]).get(user_id)
        if user is None or not user.active:
            raise not_found("user", user_id)
        desk = shift.desk_id
        if user_id in repository.crew(session, shift.id):
            raise conflict("duty.shift.on_it_already", person=user_id)
        owner = repository.desk_enterprise(session, desk)
        if owner is not None and repository.enterprise_of(session, user_id) != owner:
            raise invalid("duty.rota.other_house", "/on", person=user.name)
        session.add(
            ShiftPerson(
                shift_id=shift.id, user_id=user_id, leads=leads, added_at=self._clock.now(), reason=reason,
                replaces_id=replaces.id if replaces else None,
            )
        )  # fmt: skip
        session.flush()

    @staticmethod
    def _note(
        session: Session, caller: Caller, shift: Shift, verb: str, reason: str, before: object, after: object
    ) -> None:
        audit.record(
            session, caller, action=f"duty.shift.{verb}", subject=("duty_shift", shift.id),
            before={"crew": before} if before is not None else None,
            after={"crew": after} if after is not None else None, reason=reason,
        )  # fmt: skip
        emit(session, ShiftsChanged(desk_id=shift.desk_id))
