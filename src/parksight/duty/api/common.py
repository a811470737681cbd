"""What the routes of duty share."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from pydantic import AwareDatetime

from parksight.duty.service import DutyService
from parksight.kernel.errors import invalid
from parksight.kernel.i18n import language_of
from parksight.kernel.permissions import Caller
from parksight.kernel.web import Paging, paging, requires, service

Duty = Annotated[DutyService, Depends(service("duty"))]
Pages = Annotated[Paging, Depends(paging)]
MayRead = Annotated[Caller, requires("duty.desk.read")]
#: Longest span of one question about shifts.
MAX_DAYS = 400


def language(request: Request) -> str:
    """The language to answer in."""
    return language_of(request)


Language = Annotated[str, Depends(language)]
From = Annotated[AwareDatetime, Query(alias="from", description="start of the span, ISO 8601 with offset")]
Until = Annotated[AwareDatetime, Query(description="end of the span, exclusive")]
MaybeKey = Annotated[int | None, Query(ge=1, le=2**31 - 1)]


def span(start: datetime, until: datetime) -> tuple[datetime, datetime]:
    """Raises a 422 problem for a span that is empty or too long."""
    if not timedelta() < until - start <= timedelta(days=MAX_DAYS):
        raise invalid("duty.span", "/until", days=MAX_DAYS)
    return start, until


def order(sort: str, columns: dict[str, Any], tie: Any) -> tuple[Any, Any]:
    """Columns to order by for ``field`` or ``-field``."""
    column = columns[sort.removeprefix("-")]
    return (column.desc(), tie.desc()) if sort.startswith("-") else (column, tie)
