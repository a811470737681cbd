"""Routes of points."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, UploadFile
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from parksight.kernel.errors import not_found
from parksight.kernel.i18n import language_of, translate
from parksight.kernel.permissions import Caller
from parksight.kernel.web import Page, ReadSession, WriteSession, requires, service
from parksight.telemetry.live_table import State
from parksight.telemetry.models import Point
from parksight.telemetry.points import repository, transfer
from parksight.telemetry.points.schemas import (
    Code,
    CodeWord,
    ImportReport,
    PointId,
    PointIn,
    PointOut,
    PointPatch,
    QuantityOut,
    RecordId,
    StateWord,
    Vocabulary,
)
from parksight.telemetry.points.service import PointService
from parksight.telemetry.points.transfer import PointImporter
from parksight.telemetry.points.view import show
from parksight.telemetry.quality import Quality
from parksight.telemetry.units import QUANTITIES, units_of

router = APIRouter(prefix="/api/v1/points", tags=["points"])

Reading = Annotated[Caller, requires("telemetry.point.read")]
Writing = Annotated[Caller, requires("telemetry.point.write")]
Importing = Annotated[Caller, requires("telemetry.point.import")]
Exporting = Annotated[Caller, requires("telemetry.export")]
Points = Annotated[PointService, Depends(service("points"))]
Importer = Annotated[PointImporter, Depends(service("point_importer"))]


#: Text without control characters (PostgreSQL takes no NUL).
Word = Annotated[str, Field(pattern=r"^[^\x00-\x1f]*$")]


class PointFilter(BaseModel):
    """How a list of points can be narrowed."""

    model_config = ConfigDict(extra="forbid")

    q: Annotated[Word | None, Field(max_length=100, description="text in code or name")] = None
    enterprise_id: RecordId | None = None
    place_id: RecordId | None = None
    thing_id: RecordId | None = None
    quantity: Annotated[Word | None, Field(max_length=40)] = None
    kind: Annotated[Word | None, Field(max_length=64, description="class tag; covers those below")] = None
    active: Annotated[bool | None, Field(description="false: switched-off points")] = True
    simulated: bool | None = None
    state: StateWord | None = None
    quality: Annotated[CodeWord | None, Field(description="quality code of the newest value")] = None

    def wanted(self) -> repository.Wanted:
        fields = self.model_dump(include=set(PointFilter.model_fields) - {"state", "quality"})
        return repository.Wanted(
            **fields,
            state=State[self.state.upper()] if self.state else None,
            quality=Quality[self.quality.upper()] if self.quality else None,
        )


class PointQuery(PointFilter):
    """Filter, order and page of a list."""

    sort: Annotated[str, Field(max_length=40, description="field, or -field for descending")] = "code"
    limit: Annotated[int, Field(ge=1, le=1000)] = 50
    offset: Annotated[int, Field(ge=0, le=2**53)] = 0


class ExportQuery(PointFilter):
    """Filter and format of an export."""

    format: Literal["csv", "xlsx"] = "csv"


@router.get("", operation_id="list_points")
def listing(
    caller: Reading, session: ReadSession, points: Points, query: Annotated[PointQuery, Query()]
) -> Page[PointOut]:
    """Points with their newest value, its age and state."""
    now = points.clock.now_ms()
    found, total = repository.page(
        session, caller, query.wanted(), points.live, now,
        sort=query.sort, limit=query.limit, offset=query.offset,
    )  # fmt: skip
    items = show(found, points.live, now)
    return Page(items=items, total=total, limit=query.limit, offset=query.offset)


@router.get("/vocabulary", operation_id="point_vocabulary")
def vocabulary(caller: Reading, session: ReadSession, request: Request) -> Vocabulary:
    """Quantities, their units, and the class tags in use."""
    language = language_of(request)
    kinds = session.scalars(repository.visible(caller, Point.kind).distinct().order_by(Point.kind))
    return Vocabulary(
        quantities=[
            QuantityOut(
                key=q.key, label=translate(f"telemetry.quantity.{q.key}", language), unit=q.unit,
                units=units_of(q.key), discrete=q.discrete,
            )
            for q in QUANTITIES.values()
        ],
        kinds=[k for k in kinds if k],
    )  # fmt: skip


@router.post("/import", operation_id="import_points", status_code=201)
def import_points(
    caller: Importing,
    request: Request,
    importer: Importer,
    file: UploadFile,
    dry_run: bool = False,
    rows: Annotated[Literal["refused", "all"], Query(description="rows in the report")] = "refused",
    format: Annotated[Literal["csv", "xlsx"] | None, Query()] = None,  # noqa: A002
) -> ImportReport:
    """Import a CSV or XLSX file; answers 201 also when rows were refused: the report says which and why."""
    return importer.run(
        caller, file.file, file.filename or "", dry_run=dry_run, format=format, all_rows=rows == "all",
        language=language_of(request),
    )  # fmt: skip


@router.get("/import/template", operation_id="point_import_template", response_class=Response)
def import_template(caller: Importing) -> Response:
    """An empty CSV with all headings."""
    headers = {"content-disposition": 'attachment; filename="points.csv"'}
    return Response(transfer.template(), media_type=transfer.MEDIA["csv"], headers=headers)


@router.get("/export", operation_id="export_points", response_class=StreamingResponse)
def export_points(
    caller: Exporting, request: Request, query: Annotated[ExportQuery, Query()]
) -> StreamingResponse:
    """The points a list would show (state and quality do not narrow an export), to be imported again."""
    caller.require("telemetry.point.read")
    db = request.app.state.db

    def stream() -> Iterator[bytes]:
        # The session must live as long as the answer is written, longer than the route's own.
        with db.read() as session:
            yield from transfer.export(session, caller, query.wanted(), query.format)

    headers = {"content-disposition": f'attachment; filename="parksight-points.{query.format}"'}
    return StreamingResponse(stream(), media_type=transfer.MEDIA[query.format], headers=headers)


@router.post("", operation_id="create_point", status_code=201)
def create(caller: Writing, session: WriteSession, points: Points, data: PointIn) -> PointOut:
    """Make a point; gateways may deliver to it at once."""
    point = points.create(session, caller, data)
    return show([point], points.live, points.clock.now_ms())[0]


@router.get("/{point_id}", operation_id="get_point")
def one(caller: Reading, session: ReadSession, points: Points, point_id: PointId) -> PointOut:
    """One point with its newest value."""
    return show([repository.get(session, caller, point_id)], points.live, points.clock.now_ms())[0]


@router.patch("/{point_id}", operation_id="update_point")
def update(
    caller: Writing, session: WriteSession, points: Points, point_id: PointId, change: PointPatch
) -> PointOut:
    """Change the stated fields; 409 when somebody else changed the point meanwhile."""
    point = points.update(session, caller, point_id, change.version, change.stated())
    return show([point], points.live, points.clock.now_ms())[0]


@router.delete("/{point_id}", operation_id="delete_point", status_code=204)
def delete(
    caller: Writing,
    session: WriteSession,
    points: Points,
    point_id: PointId,
    version: Annotated[int, Query(ge=1, le=2**31 - 1, description="the version that was seen")],
) -> None:
    """Remove a point that never received a value; one with observations can only be set inactive."""
    points.delete(session, caller, point_id, version)


@router.get("/by-code/{code:path}", operation_id="get_point_by_code")
def by_code(caller: Reading, session: ReadSession, points: Points, code: Code) -> PointOut:
    """One point by its code."""
    point = session.scalar(select(Point).where(Point.code == code))
    if point is None or not caller.may_see_enterprise(point.enterprise_id):
        raise not_found("telemetry.point", code)
    return show([point], points.live, points.clock.now_ms())[0]
