"""``/safety/hazards``: major hazard sources and how they were identified."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from parksight.kernel import documents
from parksight.kernel.i18n import language_of, spoken
from parksight.kernel.permissions import Caller
from parksight.kernel.web import Page, Paging, ReadSession, RowId, WriteSession, paging, requires, service
from parksight.safety import exporter, repository, view
from parksight.safety.repository import Found, Wanted
from parksight.safety.schemas import (
    HazardDetail,
    HazardImport,
    HazardImportReport,
    HazardIn,
    HazardOut,
    HazardPatch,
    HazardState,
    HazardSummary,
    IdentificationOut,
    Level,
    SubstanceOut,
)
from parksight.safety.schemas.hazards import Clean, RecordId
from parksight.safety.service import SafetyService
from parksight.standards import gb18218

router = APIRouter()
Safety = Annotated[SafetyService, Depends(service("safety"))]
Reading = Annotated[Caller, requires("safety.hazard.read")]
Writing = Annotated[Caller, requires("safety.hazard.write")]


class HazardQuery(BaseModel):
    """What the list can be narrowed by."""

    model_config = ConfigDict(extra="forbid")

    q: Annotated[
        str | None, Field(max_length=100, pattern=Clean, description="text in unit or enterprise")
    ] = None
    state: HazardState | None = None
    level: Level | None = None
    enterprise_id: RecordId | None = None
    disagrees: Annotated[bool | None, Field(description="level found differs from the level declared")] = None
    sort: Literal["level", "-level", "r", "-r", "assessment_ends_on", "unit"] = "level"

    def wanted(self) -> Wanted:
        return Wanted(self.state, self.level, self.enterprise_id, self.q, self.disagrees, self.sort)


class HazardListQuery(HazardQuery):
    limit: Annotated[int, Field(ge=1, le=1000)] = 50
    offset: Annotated[int, Field(ge=0, le=2**53)] = 0


class HazardExportQuery(HazardQuery):
    format: Literal["csv", "xlsx"] = "xlsx"


def _watching(session: Session, safety: SafetyService, ids: list[int]) -> view.Watching:
    return view.Watching(session, safety.live, ids, safety.clock.now_ms())


@router.get("/hazards", operation_id="list_hazards")
def listing(
    caller: Reading,
    session: ReadSession,
    safety: Safety,
    request: Request,
    query: Annotated[HazardListQuery, Query()],
) -> Page[HazardOut]:
    """Major hazard sources with their newest identification, the gravest first."""
    statement = repository.hazards(caller, query.wanted())
    rows = [Found(*r) for r in session.execute(statement.limit(query.limit).offset(query.offset))]
    watching, language = _watching(session, safety, [f.hazard.id for f in rows]), language_of(request)
    return Page(
        items=[view.hazard(f, watching, language) for f in rows], total=repository.total(session, statement),
        limit=query.limit, offset=query.offset,
    )  # fmt: skip


@router.get("/hazards/summary", operation_id="summarise_hazards")
def summary(caller: Reading, session: ReadSession, safety: Safety) -> HazardSummary:
    """How many sources of which level, how many nobody can tell, and how they are watched now."""
    rows = [Found(*r).hazard for r in session.execute(repository.hazards(caller, Wanted()))]
    today = safety.hazards.today()
    return HazardSummary(
        by_level={level: sum(h.level == level for h in rows) for level in range(1, 5)},
        below=sum(h.state == "below" for h in rows), unknown=sum(h.state == "unknown" for h in rows),
        disagreeing=sum(h.state != "unknown" and h.level != h.declared_level for h in rows),
        assessment_overdue=sum(h.assessment_ends_on is not None and h.assessment_ends_on < today for h in rows),
        watch=_watching(session, safety, [h.id for h in rows]).of([h.id for h in rows]),
    )  # fmt: skip


@router.get("/hazards/export", operation_id="export_hazards", response_class=StreamingResponse)
def export(
    caller: Reading, safety: Safety, query: Annotated[HazardExportQuery, Query()]
) -> StreamingResponse:
    """One line per substance with threshold, beta, alpha and population: s, R and level recompute from it."""
    statement = repository.hazards(caller, query.wanted())

    def stream() -> Iterator[bytes]:
        with safety.db.read() as session:
            lines = exporter.hazard_rows(session, [Found(*r) for r in session.execute(statement)])
            yield from (
                documents.to_csv(exporter.HAZARDS, lines)
                if query.format == "csv"
                else documents.to_xlsx("hazards", exporter.HAZARDS, lines)
            )

    headers = {
        "content-disposition": f'attachment; filename="parksight-hazards.{query.format}"',
        "x-content-type-options": "nosniff",
    }
    return StreamingResponse(stream(), media_type=documents.MEDIA[query.format], headers=headers)


@router.post("/hazards", status_code=201, operation_id="create_hazard")
def create(
    caller: Writing, session: WriteSession, safety: Safety, request: Request, data: HazardIn
) -> HazardDetail:
    """Register a unit as a hazard source; it is identified at once."""
    return _detail(session, caller, safety, request, safety.hazards.create(session, caller, data).id)


@router.post("/hazards/import", operation_id="import_hazards")
def load(
    caller: Writing, session: WriteSession, safety: Safety, request: Request, data: HazardImport
) -> HazardImportReport:
    """Many sources by unit code; a second import of the same rows changes nothing."""
    counts, refused = safety.hazards.load(session, caller, data.rows)
    language = language_of(request)
    problems: list[dict[str, Any]] = [
        {"row": row, "code": p.code, "text": spoken(p.code, p.params, language)} for row, p in refused
    ]
    return HazardImportReport(**counts, refused=len(refused), problems=problems)


@router.get("/hazards/{hazard_id}", operation_id="get_hazard")
def one(
    caller: Reading, session: ReadSession, safety: Safety, request: Request, hazard_id: RowId
) -> HazardDetail:
    """A source with chemicals, points, and the derivation of its level line by line."""
    return _detail(session, caller, safety, request, hazard_id)


@router.patch("/hazards/{hazard_id}", operation_id="update_hazard")
def update(
    caller: Writing,
    session: WriteSession,
    safety: Safety,
    request: Request,
    hazard_id: RowId,
    patch: HazardPatch,
) -> HazardDetail:
    """Change facts, chemicals or points; a change of chemicals or population identifies it anew."""
    safety.hazards.update(session, caller, hazard_id, patch)
    return _detail(session, caller, safety, request, hazard_id)


@router.get("/hazards/{hazard_id}/identifications", operation_id="list_hazard_identifications")
def identifications(
    caller: Reading, session: ReadSession, hazard_id: RowId, page: Annotated[Paging, Depends(paging)]
) -> Page[IdentificationOut]:
    """Every verdict ever reached about a source, newest first; none is ever changed."""
    repository.hazard(session, caller, hazard_id)
    statement = repository.identifications(hazard_id)
    rows = session.scalars(statement.limit(page.limit).offset(page.offset))
    total = repository.count(session, statement)
    items = [view.identification(row) for row in rows]
    return Page(items=items, total=total, limit=page.limit, offset=page.offset)


@router.get("/substances", operation_id="list_hazard_substances")
def substances(
    caller: Reading,
    q: Annotated[str, Query(max_length=60, description="name, alias, CAS number or symbol")] = "",
) -> list[SubstanceOut]:
    """Rows of GB 18218-2018 Tables 1 and 2 to choose from."""
    text = q.strip().casefold()
    return [
        SubstanceOut(
            table=s.table,
            entry=s.entry,
            name_zh=s.name_zh,
            name_en=s.name_en,
            cas=s.cas,
            condition=s.condition,
        )
        for s in gb18218.substances()
        if text in "\n".join((s.name_zh, s.name_en, s.cas, s.entry, *s.aliases)).casefold()
    ]


def _detail(
    session: Session, caller: Caller, safety: SafetyService, request: Request, hazard_id: int
) -> HazardDetail:
    session.flush()
    found = repository.hazard(session, caller, hazard_id)
    return view.detail(session, found, _watching(session, safety, [hazard_id]), language_of(request))
