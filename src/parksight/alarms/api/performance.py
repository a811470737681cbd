"""Alarm performance: figures of any window, and the announcements they recompute from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from parksight.alarms import performance
from parksight.alarms.api.common import Service, zone_of
from parksight.alarms.flow.announcer import instant
from parksight.alarms.schemas import Clean, Instant, Performance, RecordId
from parksight.kernel import documents
from parksight.kernel.permissions import Caller
from parksight.kernel.web import ReadSession, requires

router = APIRouter(prefix="/alarms/performance", tags=["alarms"])
Reading = Annotated[Caller, requires("alarms.performance.read")]
_MONTH_MS = 30 * 86_400_000
_LONGEST_MS = 400 * 86_400_000


class PerformanceQuery(BaseModel):
    """Window (by default the last 30 days, as the standards ask) and what is counted."""

    model_config = ConfigDict(extra="forbid")

    start: Instant | None = None
    end: Instant | None = None
    enterprise_id: RecordId | None = None
    post: Annotated[str | None, Field(max_length=64, pattern=Clean)] = None
    positions: Annotated[int | None, Field(ge=1, le=1000)] = None

    @model_validator(mode="after")
    def _span(self) -> PerformanceQuery:
        if self.start is not None and self.end is not None and not 0 < self.end - self.start <= _LONGEST_MS:
            raise PydanticCustomError("alarms.window_order", "the end must come after the start")
        return self

    def wanted(self, now_ms: int) -> performance.Wanted:
        end = self.end if self.end is not None else now_ms
        start = self.start if self.start is not None else max(0, end - _MONTH_MS)
        return performance.Wanted(instant(min(start, end - 1)), instant(end), self.enterprise_id, self.post)


class PerformanceExportQuery(PerformanceQuery):
    format: Literal["csv", "xlsx"] = "csv"


@router.get("", operation_id="alarm_performance")
def figures(
    caller: Reading, session: ReadSession, alarms: Service, query: Annotated[PerformanceQuery, Query()]
) -> Performance:
    """Figures beside those of ISA-18.2 / IEC 62682 / EEMUA 191, each with its confidence and its drill-down."""
    now = alarms.clock.now_ms()
    wanted = query.wanted(now)
    found = performance.announced(session, caller, wanted)
    return performance.compute(
        session, caller, wanted, found, query.positions or alarms.settings.positions, now
    )


@router.get("/export", operation_id="export_alarm_performance", response_class=StreamingResponse)
def export(
    caller: Reading, request: Request, alarms: Service, query: Annotated[PerformanceExportQuery, Query()]
) -> StreamingResponse:
    """The announcements as a table: the same figures recompute from it."""
    wanted, zone = query.wanted(alarms.clock.now_ms()), zone_of(request)

    def stream() -> Iterator[bytes]:
        with alarms.db.read() as session:
            lines = performance.rows(performance.announced(session, caller, wanted), zone)
            yield from (
                documents.to_csv(performance.COLUMNS, lines)
                if query.format == "csv"
                else documents.to_xlsx("announcements", performance.COLUMNS, lines)
            )

    headers = {
        "content-disposition": f'attachment; filename="parksight-alarm-performance.{query.format}"',
        "x-content-type-options": "nosniff",
    }
    return StreamingResponse(stream(), media_type=documents.MEDIA[query.format], headers=headers)
