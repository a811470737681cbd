"""Linkage: declarations with versions, rehearsals, and what became of each reaction."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from sqlalchemy import select

from parksight.alarms import repository, view
from parksight.alarms.api.common import Reading, Service
from parksight.alarms.handling import people
from parksight.alarms.linkage import service as linkages
from parksight.alarms.linkage.rehearsal import rehearse
from parksight.alarms.models import Linkage, LinkageVersion, Reaction
from parksight.alarms.schemas import (
    Declaration,
    DryRunIn,
    DryRunOut,
    LinkageIn,
    LinkageOut,
    LinkagePatch,
    LinkageVersionOut,
    ReactionOut,
    ReactionState,
    RecordId,
)
from parksight.kernel.permissions import Caller
from parksight.kernel.web import Page, Paging, ReadSession, WriteSession, paging, requires

router = APIRouter(prefix="/alarms", tags=["alarms"])
Seeing = Annotated[Caller, requires("alarms.linkage.read")]
Writing = Annotated[Caller, requires("alarms.linkage.write")]


def _out(record: Linkage) -> LinkageOut:
    return LinkageOut(
        id=record.id, code=record.code, name=record.name, name_en=record.name_en, enterprise_id=record.enterprise_id,
        definition=Declaration.model_validate(record.definition), enabled=record.enabled, version=record.version,
        created_at=record.created_at, updated_at=record.updated_at,
    )  # fmt: skip


@router.get("/linkages", operation_id="list_alarm_linkages")
def listing(
    caller: Seeing, session: ReadSession, page: Annotated[Paging, Depends(paging)]
) -> Page[LinkageOut]:
    """Linkages as they stand now."""
    statement = linkages.listing(caller)
    rows = session.scalars(statement.limit(page.limit).offset(page.offset))
    total = repository.total(session, statement, Linkage.id)
    return Page(items=[_out(r) for r in rows], total=total, limit=page.limit, offset=page.offset)


@router.post("/linkages", status_code=201, operation_id="create_alarm_linkage")
def create(caller: Writing, session: WriteSession, alarms: Service, data: LinkageIn) -> LinkageOut:
    """Declare which alarms call for which reactions."""
    return _out(alarms.linkages.create(session, caller, data))


@router.get("/linkages/{linkage_id}", operation_id="get_alarm_linkage")
def one(caller: Seeing, session: ReadSession, linkage_id: RecordId) -> LinkageOut:
    return _out(linkages.get(session, caller, linkage_id))


@router.patch("/linkages/{linkage_id}", operation_id="update_alarm_linkage")
def update(
    caller: Writing, session: WriteSession, alarms: Service, linkage_id: RecordId, data: LinkagePatch
) -> LinkageOut:
    """Make the next version; the older ones are kept."""
    return _out(alarms.linkages.update(session, caller, linkage_id, data))


@router.get("/linkages/{linkage_id}/versions", operation_id="list_alarm_linkage_versions")
def versions(caller: Seeing, session: ReadSession, linkage_id: RecordId) -> list[LinkageVersionOut]:
    """All versions, newest first."""
    record = linkages.get(session, caller, linkage_id)
    statement = select(LinkageVersion).where(LinkageVersion.linkage_id == record.id)
    found = session.scalars(statement.order_by(LinkageVersion.version.desc()))
    return [LinkageVersionOut.model_validate(v) for v in found]


@router.post("/linkages/{linkage_id}/dry-run", operation_id="rehearse_alarm_linkage")
def dry_run_one(
    caller: Seeing, session: ReadSession, alarms: Service, linkage_id: RecordId, data: DryRunIn
) -> DryRunOut:
    """What this linkage (or an unsaved declaration of it) would do for an alarm. Nothing is sent or written."""
    record = linkages.get(session, caller, linkage_id)
    declaration = data.definition or Declaration.model_validate(record.definition)
    alarm = people.get(session, caller, data.alarm_id)
    return rehearse(session, alarms.actions, alarm, [(record, declaration)])


@router.post("/linkage-dry-run", operation_id="rehearse_alarm_linkages")
def dry_run(caller: Seeing, session: ReadSession, alarms: Service, data: DryRunIn) -> DryRunOut:
    """What all enabled linkages would do for an alarm. Nothing is sent or written."""
    alarm = people.get(session, caller, data.alarm_id)
    mine = {record.id for record in session.scalars(linkages.listing(caller))}
    found = [(r, d) for r, d in linkages.enabled(session) if r.id in mine]
    return rehearse(session, alarms.actions, alarm, found)


@router.get("/reactions", operation_id="list_alarm_reactions")
def reactions(
    caller: Reading,
    session: ReadSession,
    page: Annotated[Paging, Depends(paging)],
    alarm_id: Annotated[RecordId | None, Query()] = None,
    state: Annotated[ReactionState | None, Query()] = None,
) -> Page[ReactionOut]:
    """What became of each reaction, newest first."""
    statement = repository.pick(Reaction, Linkage.code).join(Linkage, Linkage.id == Reaction.linkage_id)
    if alarm_id is not None:
        statement = statement.where(Reaction.alarm_id == alarm_id)
    if state is not None:
        statement = statement.where(Reaction.state == state)
    statement = caller.scoped(statement, Reaction.enterprise_id)
    rows = session.execute(statement.order_by(Reaction.id.desc()).limit(page.limit).offset(page.offset))
    total = repository.total(session, statement, Reaction.id)
    items = [view.reaction(record, code) for record, code in rows]
    return Page(items=items, total=total, limit=page.limit, offset=page.offset)
