"""``/duty/desks/{id}/log``: the shift log."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from parksight.duty import repository, view
from parksight.duty.api.common import Duty, MaybeKey, Pages
from parksight.duty.models import LogEntry
from parksight.duty.schemas import Category, LogIn, LogOut
from parksight.kernel.permissions import Caller
from parksight.kernel.web import Page, ReadSession, RowId, WriteSession, requires

router = APIRouter(generate_unique_id_function=lambda route: route.name)
MayRead = Annotated[Caller, requires("duty.log.read")]
MayWrite = Annotated[Caller, requires("duty.log.write")]


@router.get("/desks/{desk_id}/log")
def list_duty_log(
    desk_id: RowId, caller: MayRead, session: ReadSession, page: Pages,
    start: Annotated[AwareDatetime | None, Query(alias="from", description="recorded from here on")] = None,
    until: Annotated[AwareDatetime | None, Query(description="recorded before")] = None,
    shift_id: MaybeKey = None,
    category: Category | None = None,
    q: Annotated[str | None, Query(max_length=100, description="part of the text")] = None,
    late: bool | None = None,
) -> Page[LogOut]:  # fmt: skip
    """Lines of a desk, newest first."""
    desk = repository.desk(session, caller, desk_id)
    statement = repository.log_entries(caller).where(LogEntry.desk_id == desk.id)
    if start is not None:
        statement = statement.where(LogEntry.recorded_at >= start)
    if until is not None:
        statement = statement.where(LogEntry.recorded_at < until)
    if shift_id is not None:
        statement = statement.where(LogEntry.shift_id == shift_id)
    if category is not None:
        statement = statement.where(LogEntry.category == category)
    if late is not None:
        statement = statement.where(LogEntry.late.is_(late))
    if q:
        statement = statement.where(LogEntry.text.icontains(q, autoescape=True))
    order = (LogEntry.recorded_at.desc(), LogEntry.id.desc())
    rows, total = repository.page(session, statement, order, page.limit, page.offset)
    return Page(items=view.log_entries(session, rows), total=total, limit=page.limit, offset=page.offset)


@router.post("/desks/{desk_id}/log", status_code=HTTPStatus.CREATED)
def write_duty_log(
    desk_id: RowId, body: LogIn, caller: MayWrite, session: WriteSession, duty: Duty
) -> LogOut:
    """A new line; lines are never changed, a correction names the old one."""
    return view.log_entries(session, [duty.log.write(session, caller, desk_id, body)])[0]
