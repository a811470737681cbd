"""Cases: list, inbox figures, page, opening, moving, correcting, ledger, export."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import Select
from sqlalchemy.orm import Session

from parksight.cases import access, export, repository, search, view
from parksight.cases.api.common import CaseId, Language, ReadingActor, Service, Writing, evidence, position
from parksight.cases.detail import Desk, ledger_out
from parksight.cases.models import Case, Span
from parksight.cases.people import Actor
from parksight.cases.repository import Wanted
from parksight.cases.requests import LinkTo, Owner, Party, Subject
from parksight.cases.schemas import (
    ActIn,
    CaseCounts,
    CaseDetail,
    CaseIn,
    CaseLight,
    CaseRow,
    LedgerOut,
    ReviseIn,
)
from parksight.cases.schemas.common import Priority, RecordId, TagWord, Word
from parksight.cases.service import CaseService
from parksight.cases.types import CaseTypes
from parksight.kernel.db import clock_of
from parksight.kernel.errors import ProblemError
from parksight.kernel.files.service import Files
from parksight.kernel.permissions import Caller
from parksight.kernel.web import Page, ReadSession, WriteSession, requires, service

router = APIRouter(prefix="/cases", tags=["cases"])
Box = Literal["all", "mine", "waiting", "watching", "overdue"]
Phase = Literal["open", "waiting", "final"]
_CHUNK = 1 << 18


class CaseQuery(BaseModel):
    """Filters. ``start``/``end`` are of the opening, ``due_start``/``due_end`` of a running deadline (calendar)."""

    model_config = ConfigDict(extra="forbid")

    box: Box = "all"
    type: Annotated[list[Word], Field(max_length=20)] = Field(default_factory=list)
    state: Annotated[list[Word], Field(max_length=40)] = Field(default_factory=list)
    phase: Annotated[list[Phase], Field(max_length=3)] = Field(default_factory=list)
    light: CaseLight | None = None
    priority: Annotated[list[Priority], Field(max_length=4)] = Field(default_factory=list)
    enterprise_id: RecordId | None = None
    subject_kind: Annotated[str | None, Field(max_length=40)] = None
    subject_id: Annotated[str | None, Field(max_length=64)] = None
    origin_kind: Annotated[str | None, Field(max_length=40)] = None
    origin_id: Annotated[str | None, Field(max_length=64)] = None
    owner_user_id: RecordId | None = None
    owner_post_id: RecordId | None = None
    tag: TagWord | None = None
    q: Annotated[str | None, Field(max_length=100, pattern=r"^[^\x00-\x1f]*$")] = None
    start: AwareDatetime | None = None
    end: AwareDatetime | None = None
    due_start: AwareDatetime | None = None
    due_end: AwareDatetime | None = None
    simulated: bool | None = None
    sort: Annotated[str, Field(max_length=20)] = "-opened_at"

    def wanted(self) -> Wanted:
        subject = (self.subject_kind, self.subject_id) if self.subject_kind and self.subject_id else None
        origin = (self.origin_kind, self.origin_id) if self.origin_kind and self.origin_id else None
        return Wanted(
            box=self.box, types=tuple(self.type), states=tuple(self.state), phases=tuple(self.phase), light=self.light,
            priority=tuple(self.priority), enterprise_id=self.enterprise_id, subject=subject, origin=origin,
            owner_user_id=self.owner_user_id, owner_post_id=self.owner_post_id, tag=self.tag,
            start=self.start, end=self.end, due_start=self.due_start, due_end=self.due_end, simulated=self.simulated,
            sort=self.sort,
        )  # fmt: skip

    def statement(self, session: Session, actor: Actor, types: CaseTypes) -> Select[Any]:
        """Rows of the list as :func:`parksight.cases.repository.cases` gives them."""
        found = search.matching(session, self.q) if self.q else None
        return repository.cases(actor, types, self.wanted(), clock_of(session).now(), found)


class CaseListQuery(CaseQuery):
    limit: Annotated[int, Field(ge=1, le=1000)] = 50
    offset: Annotated[int, Field(ge=0, le=2**53)] = 0


def _page(session: WriteSession, cases: CaseService, actor: Actor, case: Case, language: str) -> CaseDetail:
    session.flush()
    return Desk(cases).page(session, actor, case.id, clock_of(session).now(), language)


def _whose(caller: Caller, enterprise_id: int | None) -> int | None:
    """People of one enterprise need not say which; everybody else without one speaks of the zone."""
    if enterprise_id is None and caller.enterprises is not None and len(caller.enterprises) == 1:
        return next(iter(caller.enterprises))
    return enterprise_id


@router.get("", operation_id="list_cases")
def list_cases(
    actor: ReadingActor,
    session: ReadSession,
    cases: Service,
    language: Language,
    query: Annotated[CaseListQuery, Query()],
) -> Page[CaseRow]:
    """Cases the caller may see; a box narrows them to what concerns the caller."""
    statement = query.statement(session, actor, cases.types)
    found = repository.page(session, statement, query.limit, query.offset)
    rows = view.rows(session, actor.rights, cases.types, found, language)
    return Page(
        items=rows, total=repository.total(session, statement), limit=query.limit, offset=query.offset
    )


@router.get("/counts", operation_id="count_cases")
def count_cases(actor: ReadingActor, session: ReadSession, cases: Service) -> CaseCounts:
    """Figures of the caller's boxes."""
    return CaseCounts(**repository.counts(session, actor, cases.types, clock_of(session).now()))


@router.get("/ledger", operation_id="case_ledgers")
def ledgers(
    actor: ReadingActor, session: ReadSession, cases: Service,
    start: Annotated[AwareDatetime, Query()], end: Annotated[AwareDatetime, Query()],
    case_type: Annotated[Word | None, Query(alias="type")] = None,
    enterprise_id: Annotated[RecordId | None, Query()] = None,
) -> LedgerOut:  # fmt: skip
    """The delay ledger over many cases: to whom the time of a period belongs. Working days count whole spans."""
    statement = repository.held(
        actor, cases.types, start=start, end=end, type_code=case_type, enterprise_id=enterprise_id
    )
    by_case: dict[int, list[Span]] = {}
    for span in session.scalars(statement):
        by_case.setdefault(span.case_id, []).append(span)
    now = clock_of(session).now()
    return ledger_out(
        session, cases.room.timing, by_case, now, with_spans=False, start=start, end=min(end, now)
    )


@router.post("", status_code=HTTPStatus.CREATED, operation_id="open_case")
def open_case(
    caller: Writing, session: WriteSession, cases: Service, language: Language, body: CaseIn
) -> CaseDetail:
    """Open a case; with the ``key`` of one that was opened before that one is returned."""
    shown = [evidence(session, caller, cases, e) for e in body.evidence]
    case = cases.open(
        session, caller, body.type, title=body.title, description=body.description,
        subject=Subject(body.subject.kind, body.subject.id) if body.subject else None,
        enterprise_id=_whose(caller, body.enterprise_id), position=position(body.position), priority=body.priority,
        occurred_at=body.occurred_at, fields=body.fields,
        participants=[Party(p.kind, p.id, p.role) for p in body.participants],
        owner=Owner(**body.owner.model_dump()) if body.owner else None,
        links=[LinkTo(link.kind, link.other_id) for link in body.links],
        key=f"{caller.id}:{body.key}" if body.key else None, drill=body.drill, anonymous=body.anonymous,
        tags=body.tags, evidence=shown,
    )  # fmt: skip
    return _page(session, cases, cases.actor(session, caller), case, language)


@router.get("/{case_id}", operation_id="get_case")
def get_case(
    case_id: CaseId, actor: ReadingActor, session: ReadSession, cases: Service, language: Language
) -> CaseDetail:  # fmt: skip
    """A case with history, clocks, evidence, links and what may be done next."""
    return Desk(cases).page(session, actor, case_id, clock_of(session).now(), language)


@router.patch("/{case_id}", operation_id="revise_case")
def revise_case(
    case_id: CaseId, caller: Writing, session: WriteSession, cases: Service, language: Language, body: ReviseIn
) -> CaseDetail:  # fmt: skip
    """Correct what a case says of itself; the history keeps what it said before."""
    values = body.model_dump(exclude_unset=True, exclude={"reason", "version", "position"})
    if "position" in body.model_fields_set:
        values["position"] = position(body.position)
    case = cases.revise(session, caller, case_id, values, body.reason, version=body.version)
    return _page(session, cases, cases.actor(session, caller), case, language)


@router.post("/{case_id}/act", operation_id="act_on_case")
def act(
    case_id: CaseId, caller: Writing, session: WriteSession, cases: Service, language: Language, body: ActIn
) -> CaseDetail:  # fmt: skip
    """Do a transition. 403 says whose it is, 409 what has changed meanwhile, 422 what is missing."""
    case = cases.act(
        session, caller, case_id, body.transition, fields=body.fields, evidence_ids=body.evidence_ids,
        comment=body.comment, occurred_at=body.occurred_at, version=body.version, request_id=body.request_id,
    )  # fmt: skip
    return _page(session, cases, cases.actor(session, caller), case, language)


@router.get("/{case_id}/ledger", operation_id="case_ledger")
def ledger(case_id: CaseId, actor: ReadingActor, session: ReadSession, cases: Service) -> LedgerOut:
    """Who held the case for how long."""
    case = cases.room.find(session, actor, case_id)
    return Desk(cases).ledger(session, case, clock_of(session).now())


@router.get("/{case_id}/export", operation_id="export_case", response_class=StreamingResponse)
def export_case(
    case_id: CaseId, caller: Annotated[Caller, requires("cases.case.export")], session: ReadSession, cases: Service,
    files: Annotated[Files, Depends(service("files"))],
) -> StreamingResponse:  # fmt: skip
    """The case with history, evidence and proof as a zip; ``parksight cases verify`` or the ``verify.py`` in it checks it."""
    case = cases.find(session, caller, case_id)
    if access.hides_reporter(caller, case):
        raise ProblemError("cases.export.anonymous", HTTPStatus.FORBIDDEN)
    file = tempfile.SpooledTemporaryFile(max_size=8 * 2**20)  # noqa: SIM115 - closed by the generator below
    export.write(session, files, case, file)
    file.seek(0)

    def chunks() -> Iterator[bytes]:
        with file:
            while chunk := file.read(_CHUNK):
                yield chunk

    headers = {"Content-Disposition": f'attachment; filename="{case.number}.zip"'}
    return StreamingResponse(chunks(), media_type="application/zip", headers=headers)
