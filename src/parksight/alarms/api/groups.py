"""Groups: the readable form of a flood, and what people correct about them."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from sqlalchemy import select
from sqlalchemy.orm import Session

from parksight.alarms import grouped, repository
from parksight.alarms.api.common import Acknowledging, Handling, Reading, Service
from parksight.alarms.handling import groups
from parksight.alarms.models import Flood, Group
from parksight.alarms.schemas import (
    AcknowledgeIn,
    AlarmEndIn,
    ClassifyIn,
    CloseIn,
    FloodOut,
    GroupDetail,
    GroupOut,
    MergeIn,
    RecordId,
    SplitIn,
)
from parksight.alarms.service import AlarmService
from parksight.alarms.view import flood
from parksight.alarms.workflow import CLASSIFY, CLOSE, RESPOND, VERIFY
from parksight.kernel.permissions import Caller
from parksight.kernel.web import Page, Paging, ReadSession, WriteSession, paging, requires

router = APIRouter(prefix="/alarms", tags=["alarms"])
Grouping = Annotated[Caller, requires("alarms.group.write")]


@router.get("/groups", operation_id="list_alarm_groups")
def listing(
    caller: Reading,
    session: ReadSession,
    alarms: Service,
    page: Annotated[Paging, Depends(paging)],
    state: Annotated[Literal["open", "closed", "all"], Query()] = "open",
    enterprise_id: Annotated[RecordId | None, Query()] = None,
    kind: Annotated[Literal["single", "thing", "unit", "source", "wind", "manual"] | None, Query()] = None,
) -> Page[GroupOut]:
    """Groups with members the caller may see; the critical one on top, then what is unseen, then the newest."""
    statement = grouped.listing(caller, state, enterprise_id, kind)
    found = list(session.scalars(statement.limit(page.limit).offset(page.offset)))
    total = repository.total(session, statement, Group.id)
    items = grouped.shown(session, caller, found, alarms.providers)
    return Page(items=items, total=total, limit=page.limit, offset=page.offset)


@router.get("/floods", operation_id="list_alarm_floods")
def floods(caller: Reading, session: ReadSession, page: Annotated[Paging, Depends(paging)]) -> Page[FloodOut]:
    """Floods of the duty desk, newest first; only the zone's people see them."""
    statement = select(Flood)
    if caller.enterprises is not None:
        return Page(items=[], total=0, limit=page.limit, offset=page.offset)
    rows = session.scalars(statement.order_by(Flood.id.desc()).limit(page.limit).offset(page.offset))
    total = repository.total(session, statement, Flood.id)
    return Page(items=[flood(f) for f in rows], total=total, limit=page.limit, offset=page.offset)


@router.get("/groups/{group_id}", operation_id="get_alarm_group")
def one(caller: Reading, session: ReadSession, alarms: Service, group_id: RecordId) -> GroupDetail:
    """One group with its members in first-out order."""
    return grouped.detail(session, caller, group_id, alarms.providers)


@router.post("/groups/{group_id}/acknowledge", operation_id="acknowledge_alarm_group")
def acknowledge(
    caller: Acknowledging, session: WriteSession, alarms: Service, group_id: RecordId, body: AcknowledgeIn
) -> GroupDetail:
    """Take note of all alarms of a group at once."""
    alarms.handling.acknowledge_group(session, caller, groups.get(session, caller, group_id), body.comment)
    return grouped.detail(session, caller, group_id, alarms.providers)


def _act(
    session: Session, caller: Caller, alarms: AlarmService, group_id: int, transition: str, comment: str,
    cause: str | None = None,
) -> GroupDetail:  # fmt: skip
    group = groups.get(session, caller, group_id)
    alarms.handling.act(session, caller, group, transition, cause=cause, comment=comment)
    return grouped.detail(session, caller, group_id, alarms.providers)


@router.post("/groups/{group_id}/verify", operation_id="verify_alarm_group")
def verify(
    caller: Handling, session: WriteSession, alarms: Service, group_id: RecordId, body: AlarmEndIn
) -> GroupDetail:
    return _act(session, caller, alarms, group_id, VERIFY, body.comment)


@router.post("/groups/{group_id}/classify", operation_id="classify_alarm_group")
def classify(
    caller: Handling, session: WriteSession, alarms: Service, group_id: RecordId, body: ClassifyIn
) -> GroupDetail:
    return _act(session, caller, alarms, group_id, CLASSIFY, body.comment, body.cause)


@router.post("/groups/{group_id}/respond", operation_id="respond_to_alarm_group")
def respond(
    caller: Handling, session: WriteSession, alarms: Service, group_id: RecordId, body: AlarmEndIn
) -> GroupDetail:
    return _act(session, caller, alarms, group_id, RESPOND, body.comment)


@router.post("/groups/{group_id}/close", operation_id="close_alarm_group")
def close(
    caller: Handling, session: WriteSession, alarms: Service, group_id: RecordId, body: CloseIn
) -> GroupDetail:
    return _act(session, caller, alarms, group_id, CLOSE, body.comment, body.cause)


@router.post("/groups/{group_id}/split", status_code=201, operation_id="split_alarm_group")
def split(
    caller: Grouping, session: WriteSession, alarms: Service, group_id: RecordId, body: SplitIn
) -> GroupDetail:
    """Take alarms out into a group of their own; answers with that new group."""
    made = alarms.groups.split(session, caller, group_id, body.alarm_ids, body.reason)
    return grouped.detail(session, caller, made.id, alarms.providers)


@router.post("/groups/{group_id}/merge", operation_id="merge_alarm_groups")
def merge(
    caller: Grouping, session: WriteSession, alarms: Service, group_id: RecordId, body: MergeIn
) -> GroupDetail:
    """Bring the alarms of other groups into this one."""
    alarms.groups.merge(session, caller, group_id, body.group_ids, body.reason)
    return grouped.detail(session, caller, group_id, alarms.providers)
