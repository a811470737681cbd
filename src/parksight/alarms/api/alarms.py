"""Alarms: list, counts, acknowledge, journal, export."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from parksight.alarms import detail, exporter, panel, repository, view
from parksight.alarms.api.common import Reading, Service, when, zone_of
from parksight.alarms.models import Alarm, JournalEntry
from parksight.alarms.repository import Wanted
from parksight.alarms.schemas import (
    AlarmDetail,
    AlarmLimits,
    AlarmOut,
    Cause,
    Clean,
    Counts,
    Instant,
    JournalOut,
    PointId,
    Priority,
    RecordId,
    Silence,
    StepWord,
)
from parksight.kernel import documents
from parksight.kernel.errors import not_found
from parksight.kernel.permissions import Caller
from parksight.kernel.web import Page, Paging, ReadSession, paging, requires

router = APIRouter(prefix="/alarms", tags=["alarms"])
State = Literal["open", "active", "unknown", "unacknowledged", "suppressed", "cleared", "closed", "all"]
What = Literal[
    "raised", "repeated", "cleared", "unknown", "known", "withdrawn", "acknowledged", "verifying", "classified",
    "responding", "returned", "closed", "reset", "shelved", "unshelved", "out_of_service", "returned_to_service",
    "suppressed", "unsuppressed", "chattering", "calmed", "realarmed", "grouped", "moved",
]  # fmt: skip


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
    group_id: RecordId | None = None
    cause: Cause | None = None
    post: Annotated[str | None, Field(max_length=64, pattern=Clean)] = None
    suppressed: Silence | None = None

    def wanted(self) -> Wanted:
        return Wanted(
            state=self.state, priority=tuple(self.priority), enterprise_id=self.enterprise_id,
            point_id=self.point_id, unit_id=self.unit_id, thing_id=self.thing_id, step=self.step, q=self.q,
            start=when(self.start), end=when(self.end), sort=self.sort,
            group_id=self.group_id, cause=self.cause, post=self.post, suppressed=self.suppressed,
        )  # fmt: skip


class AlarmListQuery(AlarmQuery):
    limit: Annotated[int, Field(ge=1, le=1000)] = 50
    offset: Annotated[int, Field(ge=0, le=2**53)] = 0


class JournalExportQuery(BaseModel):
    """Filters of the journal, and the form to take it away in."""

    model_config = ConfigDict(extra="forbid")

    alarm_id: RecordId | None = None
    point_id: PointId | None = None
    what: What | None = None
    start: Instant | None = None
    end: Instant | None = None
    format: Literal["csv", "xlsx"] = "csv"


class AlarmExportQuery(AlarmQuery):
    state: State = "all"
    format: Literal["csv", "xlsx"] = "csv"


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
        caller, alarm_id=alarm_id, point_id=point_id, what=what, start=when(start), end=when(end)
    )
    rows = session.execute(statement.limit(page.limit).offset(page.offset))
    total = repository.total(session, statement, JournalEntry.id)
    items = [view.journal(entry, point) for entry, point in rows]
    return Page(items=items, total=total, limit=page.limit, offset=page.offset)


@router.get("/journal/export", operation_id="export_alarm_journal", response_class=StreamingResponse)
def export_journal(
    caller: Reading, request: Request, alarms: Service, query: Annotated[JournalExportQuery, Query()]
) -> StreamingResponse:
    """The journal as CSV or XLSX, newest first, at most as many rows as the settings allow."""
    statement = repository.journal(
        caller, alarm_id=query.alarm_id, point_id=query.point_id, what=query.what, start=when(query.start),
        end=when(query.end),
    ).limit(alarms.settings.export_max_rows)  # fmt: skip
    zone = zone_of(request)

    def stream() -> Iterator[bytes]:
        with alarms.db.read() as session:
            found = session.execute(statement.execution_options(yield_per=500))
            lines = exporter.journal_rows((view.journal(entry, point) for entry, point in found), zone)
            yield from (
                documents.to_csv(exporter.JOURNAL, lines)
                if query.format == "csv"
                else documents.to_xlsx("journal", exporter.JOURNAL, lines)
            )

    return _download(stream(), "parksight-alarm-journal", query.format)


@router.get("/export", operation_id="export_alarms", response_class=StreamingResponse)
def export(
    caller: Reading, request: Request, alarms: Service, query: Annotated[AlarmExportQuery, Query()]
) -> StreamingResponse:
    """The list as CSV or XLSX, at most as many rows as the settings allow (then the newest by ``sort``)."""
    statement = repository.alarms(caller, query.wanted()).limit(alarms.settings.export_max_rows)
    zone = zone_of(request)

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

    return _download(stream(), "parksight-alarms", query.format)


def _download(content: Iterator[bytes], name: str, form: str) -> StreamingResponse:
    headers = {
        "content-disposition": f'attachment; filename="{name}.{form}"',
        "x-content-type-options": "nosniff",
    }
    return StreamingResponse(content, media_type=documents.MEDIA[form], headers=headers)


@router.get("/status", operation_id="alarm_status")
def status(caller: Annotated[Caller, requires("alarms.rule.read")], alarms: Service) -> dict[str, int]:
    """What the evaluation and its recorder are doing: counters at every door."""
    return alarms.stats()


@router.get("/limits", operation_id="alarm_limits")
def limits(_caller: Reading, alarms: Service) -> AlarmLimits:
    """What this site's settings allow: the priority matrix, how long an alarm may be kept silent."""
    return AlarmLimits.model_validate(alarms.settings, from_attributes=True)


@router.get("/{alarm_id}", operation_id="get_alarm")
def alarm(caller: Reading, session: ReadSession, alarms: Service, alarm_id: RecordId) -> AlarmDetail:
    """One alarm with all that is known around it."""
    found = repository.one(session, caller, alarm_id)
    if found is None:
        raise not_found("alarms.alarm", alarm_id)
    return detail.detail(session, caller, found, alarms.providers, alarms.live, alarms.clock.now())
