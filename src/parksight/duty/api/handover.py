"""``/duty/handovers``: one call makes the draft, one signs, one accepts."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from sqlalchemy.orm import Session

from parksight.duty import repository, view
from parksight.duty.api.common import Duty, Language, MaybeKey, Pages
from parksight.duty.models import Handover
from parksight.duty.schemas import DraftIn, HandoverOut, HandoverRow, HandoverSignIn, RefuseIn, RemarkIn
from parksight.duty.service import DutyService
from parksight.kernel.identity.models import User
from parksight.kernel.identity.services import IdentityServices
from parksight.kernel.permissions import Caller
from parksight.kernel.web import Page, ReadSession, RowId, WriteSession, requires, service

router = APIRouter(generate_unique_id_function=lambda route: route.name)
MayRead = Annotated[Caller, requires("duty.handover.read")]
MaySign = Annotated[Caller, requires("duty.handover.sign")]
Identity = Annotated[IdentityServices, Depends(service("identity"))]
State = Literal["draft", "signed", "handed_over", "refused", "replaced"]


def _shown(session: Session, duty: DutyService, caller: Caller, row: Handover, language: str) -> HandoverOut:
    snapshot, may = duty.handovers.snapshot(session, row.id), duty.handovers.may(session, caller, row)
    return view.handover(session, row, snapshot, duty.clock.now(), duty.settings, language, may)


def _proved(duty: DutyService, identity: IdentityServices, caller: Caller, body: HandoverSignIn) -> str:
    """How it is known that the caller sits there; by the session for people who have no password here.

    A wrong password counts like a failed sign-in and locks the account the same way.
    """
    with duty.db.read() as session:
        user = session.get(User, caller.id) if caller.kind == "user" and caller.id is not None else None
        if user is not None and user.password_hash is None:
            return "session"
    return identity.sessions.prove(caller, body.password or "", body.code)


@router.get("/handovers")
def list_handovers(
    caller: MayRead, session: ReadSession, page: Pages, desk_id: MaybeKey = None, state: State | None = None
) -> Page[HandoverRow]:
    """Handovers, newest first."""
    statement = repository.handovers(caller)
    if desk_id is not None:
        statement = statement.where(Handover.desk_id == desk_id)
    if state is not None:
        statement = statement.where(Handover.state == state)
    rows, total = repository.page(session, statement, (Handover.id.desc(),), page.limit, page.offset)
    items = [HandoverRow.model_validate(r, from_attributes=True) for r in rows]
    return Page(items=items, total=total, limit=page.limit, offset=page.offset)


@router.get("/handovers/{handover_id}")
def get_handover(
    handover_id: RowId, caller: MayRead, session: ReadSession, duty: Duty, language: Language
) -> HandoverOut:
    """A handover with what was frozen, the remarks and the signatures."""
    return _shown(session, duty, caller, duty.handovers.get(session, caller, handover_id), language)


@router.post("/desks/{desk_id}/handovers", status_code=HTTPStatus.CREATED)
def draft_handover(
    desk_id: RowId, body: DraftIn, caller: MaySign, session: WriteSession, duty: Duty, language: Language
) -> HandoverOut:
    """Make the draft out of what is open and what changed since the shift began."""
    return _shown(
        session, duty, caller, duty.handovers.draft(session, caller, desk_id, body.shift_id), language
    )


@router.post("/handovers/{handover_id}/remarks")
def remark_handover(
    handover_id: RowId, body: RemarkIn, caller: MaySign, session: WriteSession, duty: Duty, language: Language
) -> HandoverOut:
    """Say something about an item, or about the whole."""
    row = duty.handovers.remark(session, caller, handover_id, body.item, body.text)
    return _shown(session, duty, caller, row, language)


@router.post("/handovers/{handover_id}/sign")
def sign_handover(
    handover_id: RowId,
    body: HandoverSignIn,
    caller: MaySign,
    session: WriteSession,
    duty: Duty,
    language: Language,
    identity: Identity,
) -> HandoverOut:
    """The leaving person signs."""
    method = _proved(duty, identity, caller, body)  # before our unit of work holds any lock
    row = duty.handovers.sign(session, caller, handover_id, body.hash, method)
    return _shown(session, duty, caller, row, language)


@router.post("/handovers/{handover_id}/accept")
def accept_handover(
    handover_id: RowId,
    body: HandoverSignIn,
    caller: MaySign,
    session: WriteSession,
    duty: Duty,
    language: Language,
    identity: Identity,
) -> HandoverOut:
    """The person taking over signs; the shift is handed over."""
    method = _proved(duty, identity, caller, body)  # before our unit of work holds any lock
    row = duty.handovers.accept(session, caller, handover_id, body.hash, method)
    return _shown(session, duty, caller, row, language)


@router.post("/handovers/{handover_id}/refuse")
def refuse_handover(
    handover_id: RowId, body: RefuseIn, caller: MaySign, session: WriteSession, duty: Duty, language: Language
) -> HandoverOut:
    """The person taking over refuses, with the reason."""
    row = duty.handovers.refuse(session, caller, handover_id, body.reason)
    return _shown(session, duty, caller, row, language)
