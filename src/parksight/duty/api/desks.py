"""``/duty/desks``, ``/duty/rotas`` and who is on duty."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime
from sqlalchemy import select

from parksight.duty import presence, repository, view
from parksight.duty.api.common import Duty, Language, MayRead, Pages
from parksight.duty.models import Desk, Rota
from parksight.duty.schemas import (
    DeskIn,
    DeskOut,
    DeskPatch,
    OnDutyOut,
    PlannedOut,
    Preview,
    RotaEnd,
    RotaIn,
    RotaOut,
)
from parksight.kernel.permissions import Caller
from parksight.kernel.web import Page, ReadSession, RowId, WriteSession, requires

router = APIRouter(generate_unique_id_function=lambda route: route.name)
MayWrite = Annotated[Caller, requires("duty.desk.write")]
MayPlan = Annotated[Caller, requires("duty.rota.write")]


@router.get("/desks")
def list_duty_desks(
    caller: MayRead, session: ReadSession, duty: Duty, page: Pages, active: bool | None = True
) -> Page[DeskOut]:
    """Watch desks with who is there now and whether a handover is outstanding."""
    statement = repository.desks(caller)
    if active is not None:
        statement = statement.where(Desk.active.is_(active))
    rows, total = repository.page(session, statement, (Desk.code,), page.limit, page.offset)
    shown = view.desks(session, rows, duty.clock.now(), duty.settings)
    return Page(items=shown, total=total, limit=page.limit, offset=page.offset)


@router.post("/desks", status_code=HTTPStatus.CREATED)
def create_duty_desk(body: DeskIn, caller: MayWrite, session: WriteSession, duty: Duty) -> DeskOut:
    row = duty.rotas.create_desk(session, caller, body)
    return view.desks(session, [row], duty.clock.now(), duty.settings)[0]


@router.get("/desks/{desk_id}")
def get_duty_desk(desk_id: RowId, caller: MayRead, session: ReadSession, duty: Duty) -> DeskOut:
    row = repository.desk(session, caller, desk_id)
    return view.desks(session, [row], duty.clock.now(), duty.settings)[0]


@router.patch("/desks/{desk_id}")
def update_duty_desk(
    desk_id: RowId, body: DeskPatch, caller: MayWrite, session: WriteSession, duty: Duty
) -> DeskOut:
    row = duty.rotas.update_desk(session, caller, desk_id, body)
    return view.desks(session, [row], duty.clock.now(), duty.settings)[0]


@router.get("/on-duty")
def list_on_duty(
    caller: MayRead,
    session: ReadSession,
    duty: Duty,
    post: Annotated[str | None, Query(max_length=64, description="code of a post")] = None,
    desk: Annotated[str | None, Query(max_length=64, description="code of a desk")] = None,
    at: Annotated[AwareDatetime | None, Query(description="instant; now by default")] = None,
) -> list[OnDutyOut]:
    """Who is on duty; deputies in the place of those who are away."""
    found = presence.on_duty(session, at or duty.clock.now(), post_code=post, desk_code=desk)
    seen = set(session.scalars(repository.desks(caller).with_only_columns(Desk.id)))
    return view.on_duty(session, [f for f in found if f.desk_id in seen])


@router.get("/desks/{desk_id}/rotas")
def list_duty_rotas(desk_id: RowId, caller: MayRead, session: ReadSession) -> list[RotaOut]:
    """Rotas of a desk, newest first; ended ones too."""
    desk = repository.desk(session, caller, desk_id)
    rows = session.scalars(
        select(Rota).where(Rota.desk_id == desk.id).order_by(Rota.first_day.desc(), Rota.id.desc())
    )
    return [view.rota(r) for r in rows]


@router.post("/desks/{desk_id}/rotas", status_code=HTTPStatus.CREATED)
def create_duty_rota(
    desk_id: RowId, body: RotaIn, caller: MayPlan, session: WriteSession, duty: Duty
) -> RotaOut:
    """Store a rota; its shifts up to the horizon are made at once."""
    return view.rota(duty.rotas.create(session, caller, desk_id, body))


@router.post("/desks/{desk_id}/rotas/preview")
def preview_duty_rota(
    desk_id: RowId, body: RotaIn, caller: MayPlan, session: ReadSession, duty: Duty, language: Language,
    days: Annotated[int, Query(ge=1, le=366)] = 28,
) -> Preview:  # fmt: skip
    """The shifts a rota would make and what is wrong with them; nothing is stored."""
    rota = duty.rotas.build(session, caller, desk_id, body)
    desk = repository.desk(session, caller, desk_id)
    planned, found = duty.preview(session, caller, desk, rota, days)
    members = {c.code: c.members for c in body.crews}
    users = repository.names(session, [m for c in body.crews for m in c.members])
    shown = [
        PlannedOut(
            code=p.code, crew=p.crew, starts_at=p.starts_at, ends_at=p.ends_at,
            people=[view.person(users, m) for m in members[p.crew]],
        )
        for p in planned
    ]  # fmt: skip
    return Preview(shifts=shown, findings=view.findings(session, found, language))


@router.post("/rotas/{rota_id}/end")
def end_duty_rota(
    rota_id: RowId, body: RotaEnd, caller: MayPlan, session: WriteSession, duty: Duty
) -> RotaOut:
    """Let a rota end; another one may follow it."""
    return view.rota(duty.rotas.end(session, caller, rota_id, body))
