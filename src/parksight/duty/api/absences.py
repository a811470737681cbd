"""``/duty/absences``: leave and deputies."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from sqlalchemy import or_

from parksight.duty import repository, view
from parksight.duty.api.common import Duty, MaybeKey, Pages
from parksight.duty.models import Absence
from parksight.duty.schemas import AbsenceIn, AbsenceOut, Decision, EndIn, Person
from parksight.kernel.permissions import Caller
from parksight.kernel.web import Page, ReadSession, RowId, WriteSession, requires

router = APIRouter(generate_unique_id_function=lambda route: route.name)
MayAsk = Annotated[Caller, requires("duty.absence.request")]
Standing = Literal["open", "now", "mine", "to_decide"]


@router.get("/absences")
def list_absences(
    caller: MayAsk, session: ReadSession, duty: Duty, page: Pages,
    show: Standing | None = None, user_id: MaybeKey = None,
) -> Page[AbsenceOut]:  # fmt: skip
    """Absences, newest first. ``show``: ``open`` (not over), ``now``, ``mine``, or ``to_decide`` by the caller."""
    now, statement = duty.clock.now(), repository.absences(caller)
    if show == "open":
        statement = statement.where(Absence.state.in_(("requested", "accepted")), Absence.ends_at > now)
    elif show == "now":
        statement = statement.where(
            Absence.state == "accepted", Absence.starts_at <= now, Absence.ends_at > now
        )
    elif show == "mine":
        statement = statement.where(Absence.user_id == caller.id)
    elif show == "to_decide":
        statement = statement.where(
            Absence.deputy_id == caller.id, Absence.state == "requested", Absence.ends_at > now
        )
    if user_id is not None:
        statement = statement.where(or_(Absence.user_id == user_id, Absence.deputy_id == user_id))
    order = (Absence.starts_at.desc(), Absence.id.desc())
    rows, total = repository.page(session, statement, order, page.limit, page.offset)
    return Page(items=view.absences(session, rows, now), total=total, limit=page.limit, offset=page.offset)


@router.post("/absences", status_code=HTTPStatus.CREATED)
def request_absence(body: AbsenceIn, caller: MayAsk, session: WriteSession, duty: Duty) -> AbsenceOut:
    """Ask for leave; the deputy must accept before they count."""
    row = duty.absences.request(session, caller, body)
    return view.absences(session, [row], duty.clock.now())[0]


@router.post("/absences/{absence_id}/decide")
def decide_absence(
    absence_id: RowId, body: Decision, caller: MayAsk, session: WriteSession, duty: Duty
) -> AbsenceOut:
    """The deputy accepts or declines."""
    row = duty.absences.decide(session, caller, absence_id, body.accept, body.reason)
    return view.absences(session, [row], duty.clock.now())[0]


@router.post("/absences/{absence_id}/end")
def end_absence(
    absence_id: RowId, body: EndIn, caller: MayAsk, session: WriteSession, duty: Duty
) -> AbsenceOut:
    """Withdraw a request, or be back early."""
    row = duty.absences.end(session, caller, absence_id, body.reason)
    return view.absences(session, [row], duty.clock.now())[0]


@router.get("/people")
def list_duty_people(
    caller: MayAsk, session: ReadSession, page: Pages,
    q: Annotated[str | None, Query(max_length=100, description="part of a name")] = None,
) -> Page[Person]:  # fmt: skip
    """People who may be one's deputy or be put on a shift: those of one's own house."""
    house = repository.house_of(session, caller)
    rows, total = repository.people(session, house, q, page.limit, page.offset)
    items = [Person(id=u.id, name=u.name, name_en=u.name_en or u.name) for u in rows]
    return Page(items=items, total=total, limit=page.limit, offset=page.offset)
