"""``/duty/shifts``: the calendar, and changes by hand."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter

from parksight.duty import repository, view
from parksight.duty.api.common import Duty, From, Language, MaybeKey, MayRead, Until, span
from parksight.duty.models import ShiftPerson
from parksight.duty.schemas import Calendar, EndIn, ReplaceIn, ShiftIn, ShiftOut, SwapIn
from parksight.kernel.errors import invalid
from parksight.kernel.permissions import Caller
from parksight.kernel.web import ReadSession, RowId, WriteSession, requires

router = APIRouter(generate_unique_id_function=lambda route: route.name)
MayChange = Annotated[Caller, requires("duty.shift.write")]


@router.get("/desks/{desk_id}/calendar")
def get_duty_calendar(
    desk_id: RowId, caller: MayRead, session: ReadSession, duty: Duty, language: Language, start: From, until: Until
) -> Calendar:  # fmt: skip
    """Shifts of a desk with gaps and conflicts."""
    start, until = span(start, until)
    found = duty.findings(session, caller, desk_id, start, until)
    rows = repository.shifts_between(session, caller, start, until, desk_id)
    return Calendar(
        shifts=view.shifts(session, rows, duty.clock.now(), duty.settings),
        findings=view.findings(session, found, language),
    )


@router.get("/shifts")
def list_duty_shifts(
    caller: MayRead, session: ReadSession, duty: Duty, start: From, until: Until,
    desk_id: MaybeKey = None, user_id: MaybeKey = None,
) -> list[ShiftOut]:  # fmt: skip
    """Shifts of a span, of one desk or of one person's."""
    start, until = span(start, until)
    rows = repository.shifts_between(session, caller, start, until, desk_id)
    if user_id is not None:
        theirs = set(
            session.scalars(repository.shift_ids_of(user_id).where(ShiftPerson.removed_at.is_(None)))
        )
        rows = [r for r in rows if r.id in theirs]
    return view.shifts(session, rows, duty.clock.now(), duty.settings)


@router.post("/desks/{desk_id}/shifts", status_code=HTTPStatus.CREATED)
def add_duty_shift(
    desk_id: RowId, body: ShiftIn, caller: MayChange, session: WriteSession, duty: Duty
) -> ShiftOut:
    """An extra shift beside the rota."""
    row = duty.crews.add_shift(session, caller, desk_id, body)
    return view.shifts(session, [row], duty.clock.now(), duty.settings)[0]


@router.post("/shifts/{shift_id}/cancel")
def cancel_duty_shift(
    shift_id: RowId, body: EndIn, caller: MayChange, session: WriteSession, duty: Duty
) -> ShiftOut:
    if not body.reason:
        raise invalid("duty.reason_needed", "/reason")
    row = duty.crews.cancel(session, caller, shift_id, body.reason)
    return view.shifts(session, [row], duty.clock.now(), duty.settings)[0]


@router.post("/shifts/{shift_id}/replace")
def replace_on_duty_shift(
    shift_id: RowId, body: ReplaceIn, caller: MayChange, session: WriteSession, duty: Duty
) -> ShiftOut:
    """Take somebody off, put somebody on, with the reason."""
    row = duty.crews.replace(session, caller, shift_id, body)
    return view.shifts(session, [row], duty.clock.now(), duty.settings)[0]


@router.post("/shifts/swap")
def swap_duty_shifts(body: SwapIn, caller: MayChange, session: WriteSession, duty: Duty) -> list[ShiftOut]:
    """Two people exchange their shifts."""
    rows = duty.crews.swap(session, caller, body)
    return view.shifts(session, rows, duty.clock.now(), duty.settings)
