"""The desk: lists as files, lists kept under a name, one transition for many cases, one case on paper."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import select
from sqlalchemy.orm import Session

from parksight.cases import desk, paper, repository, view
from parksight.cases.api.cases import CaseQuery
from parksight.cases.api.common import CaseId, Language, Reading, ReadingActor, Service, Writing
from parksight.cases.detail import Desk
from parksight.cases.models import Case
from parksight.cases.paper.words import Reader
from parksight.cases.people import Actor
from parksight.cases.schemas import CaseRow
from parksight.cases.schemas.desk import BulkIn, BulkOut, BulkRefusal, FilterIn, FilterOut
from parksight.cases.service import CaseService
from parksight.cases.typeview import TypeView
from parksight.kernel import documents
from parksight.kernel.db import Database, clock_of
from parksight.kernel.i18n import translate
from parksight.kernel.permissions import Caller
from parksight.kernel.web import ReadSession, RowId, WriteSession, requires

router = APIRouter(prefix="/cases", tags=["cases"])
Exporting = Annotated[Caller, requires("cases.case.export")]
#: Rows of a file; a list that is longer says so or has to be narrowed.
MAX_ROWS, MAX_PAGE_ROWS = 50_000, 1_000
_PORTION = 500


class CaseExportQuery(CaseQuery):
    format: Literal["csv", "xlsx", "pdf"] = "xlsx"


def _reader(request: Request, cases: CaseService, actor: Actor, language: str) -> Reader:
    zone = request.app.state.settings.zone
    types = [TypeView(d, language).row(actor) for d in cases.types.all()]
    return Reader(
        language, zone.name_en if language == "en" and zone.name_en else zone.name, ZoneInfo(zone.timezone),
        {t.code: t.title for t in types}, {(t.code, s.code): s.title for t in types for s in t.states},
    )  # fmt: skip


@router.get("/export", operation_id="export_cases", response_class=StreamingResponse)
def export_cases(
    request: Request, caller: Exporting, actor: ReadingActor, session: ReadSession, cases: Service,
    language: Language, query: Annotated[CaseExportQuery, Query()],
) -> Response:  # fmt: skip
    """The list as CSV or XLSX (at most 50,000 rows, the first by ``sort``), or printed as PDF (at most 1,000)."""
    reader = _reader(request, cases, actor, language)
    statement = query.statement(session, actor, cases.types)
    name = f"parksight-cases.{query.format}"
    headers = {"content-disposition": f'attachment; filename="{name}"', "x-content-type-options": "nosniff"}
    media = documents.MEDIA[query.format]
    if query.format == "pdf":
        found = repository.page(session, statement, MAX_PAGE_ROWS, 0)
        rows = view.rows(session, actor.rights, cases.types, found, language)
        total = repository.total(session, statement)
        page = paper.list_page(rows, total, reader, clock_of(session).now())
        return Response(page, media_type=media, headers=headers)
    db: Database = request.app.state.db

    def all_rows(own: Session) -> Iterator[CaseRow]:
        for offset in range(0, MAX_ROWS, _PORTION):
            found = repository.page(own, statement, _PORTION, offset)
            yield from view.rows(own, actor.rights, cases.types, found, language)
            if len(found) < _PORTION:
                return

    def stream() -> Iterator[bytes]:
        # The session must live as long as the answer is written, longer than the route's own.
        with db.read() as own:
            lines = paper.rows(all_rows(own), reader)
            if query.format == "csv":
                yield from documents.to_csv(paper.columns(), lines)
            else:
                yield from documents.to_xlsx("cases", paper.columns(), lines)

    return StreamingResponse(stream(), media_type=media, headers=headers)


@router.get("/filters", operation_id="list_case_filters")
def list_filters(caller: Reading, session: ReadSession) -> list[FilterOut]:
    """The caller's own lists, by name."""
    return [FilterOut.model_validate(f) for f in desk.filters(session, caller)]


@router.post("/filters", operation_id="keep_case_filter", status_code=HTTPStatus.CREATED)
def keep_filter(caller: Reading, session: WriteSession, body: FilterIn) -> FilterOut:
    """Keep a list under a name of one's own; the same name replaces it."""
    return FilterOut.model_validate(desk.keep_filter(session, caller, body.name, body.query))


@router.delete("/filters/{filter_id}", operation_id="drop_case_filter", status_code=HTTPStatus.NO_CONTENT)
def drop_filter(filter_id: RowId, caller: Reading, session: WriteSession) -> None:
    desk.drop_filter(session, caller, filter_id)


@router.post("/bulk", operation_id="act_on_cases")
def act_on_cases(
    caller: Writing, session: WriteSession, cases: Service, language: Language, body: BulkIn
) -> BulkOut:  # fmt: skip
    """Do one transition to many cases, as far as their types declare it safe; what is refused is named with its reason."""
    outcome = desk.act_many(
        session, caller, cases, [(i.id, i.version) for i in body.items], body.transition, body.fields, body.comment
    )  # fmt: skip
    ids = [case_id for case_id, _ in outcome.refused]
    numbers = {
        row.id: row.number for row in session.execute(select(Case.id, Case.number).where(Case.id.in_(ids)))
    }
    return BulkOut(
        done=outcome.done,
        refused=[
            BulkRefusal(
                # A case the caller may not see keeps its number to itself.
                id=i, number=numbers.get(i, "") if p.code != "kernel.not_found" else "", code=p.code,
                text=translate(p.code, language, **p.params),
            )
            for i, p in outcome.refused
        ],
    )  # fmt: skip


@router.get("/{case_id}/pdf", operation_id="print_case", response_class=Response)
def print_case(
    request: Request, case_id: CaseId, caller: Exporting, actor: ReadingActor, session: ReadSession,
    cases: Service, language: Language,
) -> Response:  # fmt: skip
    """The case on paper, as the caller may see it: facts, deadlines, history, evidence with hashes, signatures."""
    now = clock_of(session).now()
    found = Desk(cases).page(session, actor, case_id, now, language)
    declared = TypeView(cases.types.find(found.type), language).whole(actor)
    page = paper.case_page(found, declared, _reader(request, cases, actor, language), now)
    headers = {"content-disposition": f'attachment; filename="{found.number}.pdf"'}
    return Response(page, media_type=documents.MEDIA["pdf"], headers=headers)
