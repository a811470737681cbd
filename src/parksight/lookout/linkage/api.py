"""``/lookout/looks``: let a camera look at a place, and what became of every such request."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from sqlalchemy import func, select

from parksight.kernel.errors import not_found
from parksight.kernel.permissions import Caller
from parksight.kernel.web import Page, Paging, ReadSession, RowId, paging, requires, service
from parksight.lookout.linkage.models import Look
from parksight.lookout.linkage.ports import Target
from parksight.lookout.linkage.schemas import LookIn, LookOut
from parksight.lookout.linkage.service import Lookouts

router = APIRouter(prefix="/looks")
Reader = Annotated[Caller, requires("lookout.recording.read")]
Service = Annotated[Lookouts, Depends(service("lookout_looks"))]


@router.post("", status_code=HTTPStatus.ACCEPTED, operation_id="begin_look")
async def begin_look(
    body: LookIn, caller: Annotated[Caller, requires("cameras.ptz.control")], looks: Service
) -> dict[str, int]:
    """Turn the best camera to a place; answers at once, ``GET`` tells how it goes on.

    Recording needs ``lookout.recording.write`` besides.
    """
    if body.record:
        caller.require("lookout.recording.write")
    target = Target(body.lon, body.lat, body.height_m, body.width_m, tuple(body.camera_ids))
    return {"id": await looks.ask(caller, target, body.case_id, record=body.record)}


@router.get("", operation_id="list_looks")
def list_looks(
    caller: Reader, session: ReadSession, page: Annotated[Paging, Depends(paging)],
    alarm_id: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    case_id: Annotated[int | None, Query(ge=1, le=2**53)] = None,
) -> Page[LookOut]:  # fmt: skip
    """Requests the caller may see, newest first."""
    statement = caller.scoped(select(Look), Look.enterprise_id)
    if alarm_id is not None:
        statement = statement.where(Look.alarm_id == alarm_id)
    if case_id is not None:
        statement = statement.where(Look.case_id == case_id)
    total = session.scalar(select(func.count()).select_from(statement.subquery())) or 0
    rows = session.scalars(statement.order_by(Look.id.desc()).limit(page.limit).offset(page.offset))
    return Page(
        items=[LookOut.model_validate(r) for r in rows], total=total, limit=page.limit, offset=page.offset
    )


@router.get("/{look_id}", operation_id="get_look")
def get_look(look_id: RowId, caller: Reader, session: ReadSession) -> LookOut:
    row = session.scalar(caller.scoped(select(Look).where(Look.id == look_id), Look.enterprise_id))
    if row is None:
        raise not_found("lookout.look", look_id)
    return LookOut.model_validate(row)
