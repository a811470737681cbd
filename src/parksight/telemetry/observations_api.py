"""Routes of observations: newest values, courses, rows, exports."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends, FastAPI, Query, Request
from fastapi.responses import Response, StreamingResponse

from parksight.kernel.clock import Clock
from parksight.kernel.db import Database
from parksight.kernel.errors import invalid
from parksight.kernel.i18n import language_of
from parksight.kernel.permissions import Caller
from parksight.kernel.settings import Settings
from parksight.kernel.web import requires, service
from parksight.telemetry.live_table import LiveTable
from parksight.telemetry.observations_schemas import Course, LastAnswer, RawPage
from parksight.telemetry.points.repository import Wanted
from parksight.telemetry.points.schemas import RecordId
from parksight.telemetry.queries import ObservationQueries
from parksight.telemetry.queries.export import FORMATS
from parksight.telemetry.store import DuckDbStore
from parksight.telemetry.store.days import LATEST

router = APIRouter(prefix="/api/v1/observations", tags=["observations"])


def install(
    app: FastAPI, settings: Settings, db: Database, store: DuckDbStore, live: LiveTable, clock: Clock
) -> ObservationQueries:
    """Routes, ``app.state.observations`` and what they need; close the result at the end, before the store."""
    queries = ObservationQueries(
        db, store, live, clock, settings.queries, settings.zone.timezone,
        (settings.zone.name, settings.zone.name_en),
    )  # fmt: skip
    app.state.observations = queries
    app.include_router(router)
    return queries


Reading = Annotated[Caller, requires("telemetry.observation.read")]
Exporting = Annotated[Caller, requires("telemetry.export")]
Queries = Annotated[ObservationQueries, Depends(service("observations"))]
Ids = Annotated[
    str,
    Query(pattern=r"^[0-9]{1,10}(,[0-9]{1,10})*$", max_length=60_000, description="point ids, comma between"),
]
Instant = Annotated[int, Query(ge=0, lt=LATEST, description="ms since 1970-01-01T00:00:00Z")]


def _ids(text: str | None) -> list[int] | None:
    return None if text is None else [int(part) for part in text.split(",")]


def _chosen(
    points: Ids | None = None,
    enterprise: RecordId | None = None,
    place: RecordId | None = None,
    thing: RecordId | None = None,
    kind: Annotated[str | None, Query(max_length=64, description="class tag; covers those below")] = None,
) -> tuple[list[int] | None, Wanted]:
    """Which points: either their ids or what they belong to."""
    wanted = Wanted(enterprise_id=enterprise, place_id=place, thing_id=thing, kind=kind)
    narrowed = any(v is not None for v in (enterprise, place, thing, kind))
    if (points is None) != narrowed:
        raise invalid("telemetry.query.choose_points", "points")
    return _ids(points), wanted


Chosen = Annotated[tuple[list[int] | None, Wanted], Depends(_chosen)]


def _json(answer: dict[str, Any]) -> Response:
    # Thousands of numbers: encoded at once, without a model object for each; NaN becomes null.
    return Response(msgspec.json.encode(answer), media_type="application/json")


@router.get("/last", response_model=LastAnswer)
async def last(caller: Reading, queries: Queries, chosen: Chosen) -> Response:
    """Newest values of points, by their ids or of an enterprise, a place, a thing or a class."""
    return _json(await queries.last(caller, *chosen))


@router.get("/buckets", response_model=Course)
async def buckets(
    caller: Reading,
    queries: Queries,
    points: Ids,
    start: Instant,
    end: Instant,
    pixels: Annotated[int, Query(ge=2, le=4096, description="width of the picture")] = 1200,
    width_ms: Annotated[
        int | None, Query(ge=1000, le=366 * 86_400_000, description="instead of choosing one by pixels")
    ] = None,
) -> Response:
    """The course of up to 50 points: minimum, maximum, mean, coverage and quality per bucket.

    Buckets are whole: the first and last reach beyond the span where it does not end at their edge. Days
    begin at the zone's midnight. Buckets without any row are left out.
    """
    return _json(await queries.buckets(caller, _ids(points) or [], start, end, pixels, width_ms))


@router.get("/raw", response_model=RawPage)
async def raw(
    caller: Reading,
    queries: Queries,
    points: Ids,
    start: Instant,
    end: Instant,
    limit: Annotated[int, Query(ge=1, le=1_000_000)] = 10_000,
    after: Annotated[
        str | None, Query(pattern=r"^[0-9]{1,10}-[0-9]{1,13}$", description="`next` of the page before")
    ] = None,
) -> Response:
    """Rows as they were stored, a page at a time."""
    place = None
    if after is not None:
        point, at = after.split("-")
        place = int(point), int(at)
    return _json(await queries.raw(caller, _ids(points) or [], start, end, limit, place))


_EXPORTED: dict[int | str, dict[str, Any]] = {
    HTTPStatus.OK: {
        "description": "The file, streamed.",
        "content": {
            media.split(";")[0]: {"schema": {"type": "string", "format": "binary"}}
            for media in FORMATS.values()
        },
    }
}


@router.get("/export", response_class=StreamingResponse, responses=_EXPORTED)
async def export(
    request: Request,
    caller: Exporting,
    queries: Queries,
    chosen: Chosen,
    start: Instant,
    end: Instant,
    format: Literal["csv", "parquet", "arrow"] = "csv",  # noqa: A002 - the word people expect in the address
) -> StreamingResponse:
    """Rows as a file. CSV carries local time and UTC, and quality in words; all carry their origin."""
    pieces = await queries.export(caller, format, *chosen, start, end, language_of(request))
    suffix = "arrows" if format == "arrow" else format
    headers = {"Content-Disposition": f'attachment; filename="observations_{start}_{end}.{suffix}"'}
    return StreamingResponse(pieces, media_type=FORMATS[format], headers=headers)
