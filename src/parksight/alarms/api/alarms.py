"""Alarms: list, counts, acknowledge, journal, export."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from parksight.alarms import exporter, panel, repository, view
from parksight.alarms.models import Alarm, JournalEntry
from parksight.alarms.repository import Wanted
from parksight.alarms.schemas import (
    AcknowledgeIn,
    AlarmOut,
    Clean,
    Counts,
    JournalOut,
    PointId,
    Priority,
    RecordId,
    StepWord,
)
from parksight.alarms.service import READ, AlarmService
from parksight.kernel import documents
from parksight.kernel.errors import not_found
from parksight.kernel.permissions import Caller
from parksight.kernel.web import Page, Paging, ReadSession, WriteSession, paging, requires, service

router = APIRouter(prefix="/alarms", tags=["alarms"])
Reading = Annotated[Caller, requires(READ)]
Service = Annotated[AlarmService, Depends(service("alarms"))]
Instant = Annotated[int, Field(ge=0, le=253_402_300_799_000, description="ms since the epoch")]
State = Literal["open", "active", "unknown", "unacknowledged", "suppressed", "cleared", "closed", "all"]
What = Literal["raised", "cleared", "unknown", "known", "withdrawn", "acknowledged"]


class AlarmQuery(BaseModel):
    """Filters of the list. A window (``start``, ``end``) never hides an open alarm."""

    model_config = ConfigDict(extra="forbid")

    state: State = "open"
    priority: Annotated[list[Priority], Field(max_length=4)] = Field(default_factory=list)
    enterprise_id: RecordId | None = None
    point_id: PointId | None = None
    unit_id: RecordId | None = None
    thing_id: RecordId | None = None
    step: StepWord | None = None
    q: Annotated[str | None, Field(max_length=100, pattern=Clean)] = None
    start: Instant | None = None
    end: Instant | None = None
    sort: Annotated[str, Field(max_length=20)] = "-raised_at"

    def wanted(self) -> Wanted:
        return Wanted(
            state=self.state, priority=tuple(self.priority), enterprise_id=self.enterprise_id,
            point_id=self.point_id, unit_id=self.unit_id, thing_id=self.thing_id, step=self.step, q=self.q,
            start=_when(self.start), end=_when(self.end), sort=self.sort,
        )  # fmt: skip


class AlarmListQuery(AlarmQuery):
    limit: Annotated[int, Field(ge=1, le=1000)] = 50
    offset: Annotated[int, Field(ge=0, le=2**53)] = 0


class AlarmExportQuery(AlarmQuery):
    state: State = "all"
    format: Literal["csv", "xlsx"] = "csv"


def _when(ms: int | None) -> datetime | None:
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)


@router.get("", operation_id="list_alarms")
def alarms(
    caller: Reading, session: ReadSession, query: Annotated[AlarmListQuery, Query()]
) -> Page[AlarmOut]:
    """Alarms of the caller's scope; by default the open ones, newest first."""
    statement = repository.alarms(caller, query.wanted())
    found = repository.found(session, statement.limit(query.limit).offset(query.offset))
    total = repository.total(session, statement, Alarm.id)
    return Page(items=[view.alarm(f) for f in found], total=total, limit=query.limit, offset=query.offset)


@router.get("/counts", operation_id="count_alarms")
def counts(
    caller: Reading,
    session: ReadSession,
    alarms: Service,
    enterprise_id: Annotated[RecordId | None, Query()] = None,
) -> Counts:
    """Open alarms by priority and how fast they come."""
    return panel.counts(session, caller, alarms.clock, enterprise_id)


@router.get("/journal", operation_id="alarm_journal")
def journal(
    caller: Reading,
    session: ReadSession,
    page: Annotated[Paging, Depends(paging)],
    alarm_id: Annotated[RecordId | None, Query()] = None,
    point_id: Annotated[PointId | None, Query()] = None,
    what: Annotated[What | None, Query()] = None,
    start: Annotated[Instant | None, Query()] = None,
    end: Annotated[Instant | None, Query()] = None,
) -> Page[JournalOut]:
    """What happened to alarms, newest first; the database itself refuses to change an entry."""
    statement = repository.journal(
        caller, alarm_id=alarm_id, point_id=point_id, what=what, start=_when(start), end=_when(end)
    )
    rows = session.execute(statement.limit(page.limit).offset(page.offset))
    total = repository.total(session, statement, JournalEntry.id)
    items = [view.journal(entry, point) for entry, point in rows]
    return Page(items=items, total=total, limit=page.limit, offset=page.offset)


@router.get("/export", operation_id="export_alarms", response_class=StreamingResponse)
def export(
    caller: Reading, request: Request, alarms: Service, query: Annotated[AlarmExportQuery, Query()]
) -> StreamingResponse:
    """The list as CSV or XLSX, at most as many rows as the settings allow (then the newest by ``sort``)."""
    statement = repository.alarms(caller, query.wanted()).limit(alarms.settings.export_max_rows)
    zone = ZoneInfo(request.app.state.settings.zone.timezone)

    def stream() -> Iterator[bytes]:
        # The session must live as long as the answer is written, longer than the route's own.
        with alarms.db.read() as session:
            rows = session.execute(statement.execution_options(yield_per=500))
            shown = exporter.rows((view.alarm(repository.Found(*row)) for row in rows), zone)
            yield from (
                documents.to_csv(exporter.COLUMNS, shown)
                if query.format == "csv"
                else documents.to_xlsx("alarms", exporter.COLUMNS, shown)
            )

    headers = {
        "content-disposition": f'attachment; filename="parksight-alarms.{query.format}"',
        "x-content-type-options": "nosniff",
    }
    return StreamingResponse(stream(), media_type=documents.MEDIA[query.format], headers=headers)


@router.get("/status", operation_id="alarm_status")
def status(caller: Annotated[Caller, requires("alarms.rule.read")], alarms: Service) -> dict[str, int]:
    """What the evaluation and its recorder are doing: counters at every door."""
    return alarms.stats()


@router.get("/{alarm_id}", operation_id="get_alarm")
def alarm(caller: Reading, session: ReadSession, alarm_id: RecordId) -> AlarmOut:
    found = repository.one(session, caller, alarm_id)
    if found is None:
        raise not_found("alarms.alarm", alarm_id)
    return view.alarm(found)


@router.post("/{alarm_id}/acknowledge", operation_id="acknowledge_alarm")
def acknowledge(
    caller: Annotated[Caller, requires("alarms.alarm.acknowledge")],
    session: WriteSession,
    alarms: Service,
    alarm_id: RecordId,
    body: AcknowledgeIn,
) -> AlarmOut:
    """Take note of an alarm under one's own name. The condition stays what it is."""
    alarms.acknowledge(session, caller, alarm_id, body.comment)
    found = repository.one(session, caller, alarm_id)
    if found is None:
        raise not_found("alarms.alarm", alarm_id)
    return view.alarm(found)
