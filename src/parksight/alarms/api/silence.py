"""Silences in all extents, and works announced beforehand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from sqlalchemy import func, select

from parksight.alarms import repository, view
from parksight.alarms.api.common import Reading, Service
from parksight.alarms.handling import silence
from parksight.alarms.models import Alarm, Suppression, Window
from parksight.alarms.schemas import AlarmEndIn, RecordId, ServiceIn, SuppressionOut, WindowIn, WindowOut
from parksight.kernel.permissions import Caller
from parksight.kernel.web import Page, Paging, ReadSession, WriteSession, paging, requires

router = APIRouter(prefix="/alarms", tags=["alarms"])
Servicing = Annotated[Caller, requires("alarms.service.write")]
Announcing = Annotated[Caller, requires("alarms.window.write")]


@router.get("/suppressions", operation_id="list_alarm_suppressions")
def suppressions(
    caller: Reading,
    session: ReadSession,
    page: Annotated[Paging, Depends(paging)],
    kind: Annotated[Literal["shelved", "by_design", "out_of_service", "chattering"] | None, Query()] = None,
    running: Annotated[bool | None, Query()] = None,
) -> Page[SuppressionOut]:
    """Silences, newest first: who keeps what silent, why, until when, and how many alarms that concerned."""
    statement = caller.scoped(select(Suppression), Suppression.enterprise_id)
    if kind is not None:
        statement = statement.where(Suppression.kind == kind)
    if running is not None:
        statement = statement.where(
            Suppression.ended_at.is_(None) if running else Suppression.ended_at.is_not(None)
        )
    rows = session.scalars(statement.order_by(Suppression.id.desc()).limit(page.limit).offset(page.offset))
    total = repository.total(session, statement, Suppression.id)
    return Page(items=[view.suppression(s) for s in rows], total=total, limit=page.limit, offset=page.offset)


@router.post("/suppressions", status_code=201, operation_id="take_out_of_service")
def take_out(caller: Servicing, session: WriteSession, alarms: Service, data: ServiceIn) -> SuppressionOut:
    """Take a rule, point, thing, unit or enterprise out of service for maintenance."""
    extent = alarms.silences.resolve(session, caller, data)
    until = datetime.fromtimestamp(data.until / 1000, UTC)
    record = alarms.silences.out_of_service(session, caller, extent, data.reason, data.reference, until)
    return view.suppression(record)


@router.post("/suppressions/{suppression_id}/end", operation_id="end_alarm_suppression")
def end(
    caller: Servicing, session: WriteSession, alarms: Service, suppression_id: RecordId, body: AlarmEndIn
) -> SuppressionOut:
    """Return to service (or end another's shelf); what still stands is announced again."""
    record = silence.get(session, caller, suppression_id)
    alarms.silences.end(session, caller, record, body.comment)
    return view.suppression(record)


@router.get("/windows", operation_id="list_alarm_windows")
def listing(
    caller: Reading,
    session: ReadSession,
    page: Annotated[Paging, Depends(paging)],
    alarms: Service,
    coming: Annotated[bool, Query(description="only those that are not over")] = True,
) -> Page[WindowOut]:
    """Calibration and maintenance announced, newest first, with how many alarms fell into each."""
    statement = caller.scoped(select(Window), Window.enterprise_id)
    if coming:
        statement = statement.where(Window.end_at > alarms.clock.now(), Window.ended_at.is_(None))
    rows = list(session.scalars(statement.order_by(Window.id.desc()).limit(page.limit).offset(page.offset)))
    counts = repository.alarms_of_windows(session, [w.id for w in rows])
    total = repository.total(session, statement, Window.id)
    items = [view.window(w, counts.get(w.id, 0)) for w in rows]
    return Page(items=items, total=total, limit=page.limit, offset=page.offset)


@router.post("/windows", status_code=201, operation_id="announce_alarm_window")
def announce(caller: Announcing, session: WriteSession, alarms: Service, data: WindowIn) -> WindowOut:
    """Announce calibration or maintenance; alarms of that time and place are labelled with it."""
    record = alarms.windows.announce(session, caller, data)
    count = session.scalar(select(func.count(Alarm.id)).where(Alarm.window_id == record.id)) or 0
    return view.window(record, count)


@router.post("/windows/{window_id}/end", operation_id="end_alarm_window")
def end_window(caller: Announcing, session: WriteSession, alarms: Service, window_id: RecordId) -> WindowOut:
    """The work is over before its time."""
    record = alarms.windows.end(session, caller, window_id)
    return view.window(record, repository.alarms_of_windows(session, [record.id]).get(record.id, 0))
