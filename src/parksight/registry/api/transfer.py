"""Import with kept reports, export, templates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, UploadFile
from fastapi.responses import Response, StreamingResponse
from pydantic import Field
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from parksight.kernel.errors import not_found
from parksight.kernel.i18n import language_of, translate
from parksight.kernel.permissions import Caller
from parksight.kernel.web import Page, Paging, ReadSession, paging, requires, service
from parksight.registry.kinds import kind_named
from parksight.registry.models import ImportRow, ImportRun
from parksight.registry.schemas import ImportReport, ImportRowOut, ImportRunOut
from parksight.registry.transfer import exporter
from parksight.registry.transfer.importer import Importer


def language_of_request(request: Request) -> str:
    return language_of(request)


router = APIRouter(prefix="/registry", tags=["registry"])
Importing = Annotated[Caller, requires("registry.import")]
Exporting = Annotated[Caller, requires("registry.export")]
Import = Annotated[Importer, Depends(service("registry_importer"))]
Language = Annotated[str, Depends(language_of_request)]
Format = Literal["csv", "xlsx", "geojson"]
Outcome = Literal["accepted", "updated", "unchanged", "refused"]
RunId = Annotated[int, Field(ge=1, le=2**53)]
#: Refused rows that come with the answer; the rest is a request away.
ROWS_IN_ANSWER = 100


@router.post("/import/{kind}", operation_id="import_records", status_code=201)
def import_records(
    caller: Importing,
    request: Request,
    importer: Import,
    kind: str,
    file: UploadFile,
    language: Language,
    dry_run: bool = False,
    format: Annotated[Format | None, Query()] = None,  # noqa: A002
) -> ImportReport:
    """Import a CSV, XLSX or GeoJSON file (multipart field ``file``); ``dry_run`` only rehearses.

    Rows make or update the record of their code. Answers 201 also when rows, or the whole file, were refused:
    the report says which and why, and is kept at ``/registry/imports/{id}``.
    """
    chosen = kind_named(kind)
    caller.require(f"registry.{chosen.noun}.write")
    run_id = importer.run(caller, chosen, file.file, file.filename or "", dry_run=dry_run, format=format)
    with request.app.state.db.read() as session:
        run = session.get_one(ImportRun, run_id)
        rows = _rows(session, run_id, "refused", ROWS_IN_ANSWER, 0)
        return ImportReport(**_run(run, language), rows=[_row(r, language) for r in rows])


@router.get("/imports", operation_id="list_imports")
def imports(
    caller: Importing, session: ReadSession, page: Annotated[Paging, Depends(paging)], language: Language
) -> Page[ImportRunOut]:
    """Imports, newest first; callers limited to an enterprise see their own."""
    statement = select(ImportRun)
    if caller.enterprises is not None:
        statement = statement.where(ImportRun.by_id == caller.id)
    total = session.scalar(select(func.count()).select_from(statement.subquery())) or 0
    found = session.scalars(statement.order_by(ImportRun.id.desc()).limit(page.limit).offset(page.offset))
    items = [ImportRunOut(**_run(run, language)) for run in found]
    return Page(items=items, total=total, limit=page.limit, offset=page.offset)


@router.get("/imports/{run_id}", operation_id="get_import")
def import_report(caller: Importing, session: ReadSession, run_id: RunId, language: Language) -> ImportReport:
    run = _own_run(session, caller, run_id)
    rows = _rows(session, run_id, "refused", ROWS_IN_ANSWER, 0)
    return ImportReport(**_run(run, language), rows=[_row(r, language) for r in rows])


@router.get("/imports/{run_id}/rows", operation_id="list_import_rows")
def import_rows(
    caller: Importing,
    session: ReadSession,
    run_id: RunId,
    page: Annotated[Paging, Depends(paging)],
    language: Language,
    outcome: Annotated[Outcome | None, Query()] = None,
) -> Page[ImportRowOut]:
    """What became of each row."""
    _own_run(session, caller, run_id)
    narrowed = select(func.count()).select_from(ImportRow).where(ImportRow.import_id == run_id)
    if outcome is not None:
        narrowed = narrowed.where(ImportRow.outcome == outcome)
    rows = _rows(session, run_id, outcome, page.limit, page.offset)
    items = [_row(r, language) for r in rows]
    return Page(items=items, total=session.scalar(narrowed) or 0, limit=page.limit, offset=page.offset)


@router.get("/export/{kind}", operation_id="export_records", response_class=StreamingResponse)
def export_records(
    caller: Exporting,
    request: Request,
    kind: str,
    format: Annotated[Format, Query()] = "csv",  # noqa: A002
) -> StreamingResponse:
    """All active records of a kind that the caller may see."""
    chosen = kind_named(kind)
    caller.require(f"registry.{chosen.noun}.read")
    exporter.check(chosen, format)
    db = request.app.state.db

    def stream() -> Iterator[bytes]:
        # The session must live as long as the answer is written, longer than the route's own.
        with db.read() as session:
            yield from exporter.export(session, caller, chosen, format)

    name = f"parksight-{chosen.name}.{format}"
    headers = {"content-disposition": f'attachment; filename="{name}"', "x-content-type-options": "nosniff"}
    return StreamingResponse(stream(), media_type=exporter.MEDIA[format], headers=headers)


@router.get("/import/{kind}/template", operation_id="import_template", response_class=Response)
def import_template(caller: Importing, kind: str) -> Response:
    """An empty CSV with the headings of a kind."""
    chosen = kind_named(kind)
    headers = {"content-disposition": f'attachment; filename="{chosen.name}.csv"'}
    return Response(exporter.template(chosen), media_type=exporter.MEDIA["csv"], headers=headers)


def _own_run(session: Session, caller: Caller, run_id: int) -> ImportRun:
    run = session.get(ImportRun, run_id)
    if run is None or (caller.enterprises is not None and run.by_id != caller.id):
        raise not_found("registry.import", run_id)
    return run


def _rows(session: Session, run_id: int, outcome: str | None, limit: int, offset: int) -> list[ImportRow]:
    statement = select(ImportRow).where(ImportRow.import_id == run_id)
    if outcome is not None:
        statement = statement.where(ImportRow.outcome == outcome)
    return list(session.scalars(statement.order_by(ImportRow.row, ImportRow.id).limit(limit).offset(offset)))


def _run(run: ImportRun, language: str) -> dict[str, Any]:
    shown = ImportRunOut.model_validate(run).model_dump()
    if run.problem is not None:
        shown["problem_text"] = translate(run.problem, language, **run.problem_params)
    return shown


def _row(row: ImportRow, language: str) -> ImportRowOut:
    text = None
    if row.reason is not None:
        text = translate(row.reason, language, **{"column": row.column or "", **row.params})
    return ImportRowOut(
        row=row.row, code=row.code, outcome=row.outcome, reason=row.reason, column=row.column, text=text
    )
