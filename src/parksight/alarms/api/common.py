"""What the routes of alarms share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends, Request

from parksight.alarms.schemas import ManyOut, Refusal
from parksight.alarms.service import READ, AlarmService
from parksight.kernel.errors import ProblemError
from parksight.kernel.i18n import language_of, translate
from parksight.kernel.permissions import Caller
from parksight.kernel.web import requires, service

Reading = Annotated[Caller, requires(READ)]
Acknowledging = Annotated[Caller, requires("alarms.alarm.acknowledge")]
Handling = Annotated[Caller, requires("alarms.alarm.handle")]
Service = Annotated[AlarmService, Depends(service("alarms"))]


def when(ms: int | None) -> datetime | None:
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)


def zone_of(request: Request) -> ZoneInfo:
    return ZoneInfo(request.app.state.settings.zone.timezone)


def many(request: Request, done: list[int], refused: list[tuple[int, ProblemError]]) -> ManyOut:
    """The outcome of a bulk action in the reader's language."""
    language = language_of(request)
    return ManyOut(
        done=done,
        refused=[
            Refusal(id=i, code=p.code, text=translate(p.code, language, **p.params)) for i, p in refused
        ],
    )
