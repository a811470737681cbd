"""``/audit``: read, verify and export the chain."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime, BaseModel
from sqlalchemy import func, select
from starlette.responses import StreamingResponse

from parksight.kernel.audit.models import AuditEntry
from parksight.kernel.audit.service import export, verify
from parksight.kernel.audit.verifiers import Verifier
from parksight.kernel.db import Database
from parksight.kernel.permissions import Caller
from parksight.kernel.web import Page, Paging, ReadSession, paging, requires

router = APIRouter(prefix="/api/v1/audit", tags=["audit"])
Reader = Annotated[Caller, requires("kernel.audit.read")]


class AuditView(BaseModel):
    """One entry; ``before`` and ``after`` as they were noted, secrets masked."""

    seq: int
    at: datetime
    actor_id: int | None
    actor: str
    actor_kind: str
    action: str
    subject_kind: str
    subject_id: str
    before: Any
    after: Any
    reason: str | None
    request: str | None
    hash: str


class HistoryView(BaseModel):
    """Verdict on the histories of a module that are anchored in the chain."""

    name: str
    sound: bool
    checked: int
    text: str


class ChainView(BaseModel):
    """Verdict on the chain; ``broken_at`` names the first entry that does not fit, ``fault`` why."""

    sound: bool
    entries: int
    head_seq: int
    head_hash: str
    broken_at: int | None
    fault: str | None
    histories: list[HistoryView]


def shown(entry: AuditEntry) -> AuditView:
    try:
        body = json.loads(entry.body)
    except ValueError:
        body = {}
    body = body if isinstance(body, dict) else {}
    actor = body.get("actor")
    return AuditView(
        seq=entry.seq, at=entry.at, actor_id=entry.actor_id, actor=entry.actor,
        actor_kind=str(actor.get("kind", "")) if isinstance(actor, dict) else "",
        action=entry.action, subject_kind=entry.subject_kind, subject_id=entry.subject_id,
        before=body.get("before"), after=body.get("after"), reason=body.get("reason"),
        request=body.get("request"), hash=entry.hash,
    )  # fmt: skip


@router.get("", operation_id="list_audit")
def list_audit(
    _caller: Reader,
    session: ReadSession,
    page: Annotated[Paging, Depends(paging)],
    actor_id: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
    action: Annotated[
        str | None, Query(max_length=120, description="whole, or its beginning: kernel.")
    ] = None,
    subject_kind: Annotated[str | None, Query(max_length=80)] = None,
    subject_id: Annotated[str | None, Query(max_length=200)] = None,
    start: Annotated[AwareDatetime | None, Query(description="from this instant")] = None,
    end: Annotated[AwareDatetime | None, Query(description="before this instant")] = None,
) -> Page[AuditView]:
    """Entries that fit, newest first."""
    conditions = []
    if actor_id is not None:
        conditions.append(AuditEntry.actor_id == actor_id)
    if action:
        if action.endswith("."):
            conditions.append(AuditEntry.action.startswith(action, autoescape=True))
        else:
            conditions.append(AuditEntry.action == action)
    if subject_kind:
        conditions.append(AuditEntry.subject_kind == subject_kind)
    if subject_id:
        conditions.append(AuditEntry.subject_id == subject_id)
    if start is not None:
        conditions.append(AuditEntry.at >= start)
    if end is not None:
        conditions.append(AuditEntry.at < end)
    total = session.scalar(select(func.count()).select_from(AuditEntry).where(*conditions)) or 0
    statement = select(AuditEntry).where(*conditions).order_by(AuditEntry.seq.desc())
    rows = session.scalars(statement.limit(page.limit).offset(page.offset))
    return Page(items=[shown(row) for row in rows], total=total, limit=page.limit, offset=page.offset)


@router.get("/verify", operation_id="verify_audit")
def verify_audit(
    request: Request,
    _caller: Reader,
    session: ReadSession,
    anchor_seq: Annotated[int | None, Query(ge=1, le=2**62, description="a head noted earlier")] = None,
    anchor_hash: Annotated[str | None, Query(pattern="^[0-9a-f]{64}$")] = None,
) -> ChainView:
    """Recompute the whole chain and the histories anchored in it."""
    anchor = (anchor_seq, anchor_hash) if anchor_seq is not None and anchor_hash is not None else None
    report = verify(session, anchor)
    verifiers: Sequence[Verifier] = getattr(request.app.state, "history_verifiers", ())
    verdicts = [verifier(session) for verifier in verifiers]
    return ChainView(
        sound=report.sound, entries=report.entries, head_seq=report.head[0], head_hash=report.head[1],
        broken_at=report.broken_at, fault=report.fault,
        histories=[HistoryView(**asdict(v)) for v in verdicts],
    )  # fmt: skip


@router.get("/export", operation_id="export_audit", response_class=StreamingResponse)
def export_audit(request: Request, _caller: Reader) -> StreamingResponse:
    """The chain as JSON lines; ``sha256(previous + newline + body)`` of each line is its ``hash``."""
    db: Database = request.app.state.db

    def lines() -> Iterator[str]:
        with db.read() as session:
            yield from export(session)

    return StreamingResponse(
        lines(),
        media_type="application/x-ndjson",
        headers={"Content-Disposition": 'attachment; filename="audit.jsonl"'},
    )
