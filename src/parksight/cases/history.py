"""The history of a case: entries chained by hashes, each anchored in the audit chain in the same unit of work.

The body of an entry is canonical JSON with ``case`` (its number), ``seq, what, transition, source, state, by, for,
occurred_at, recorded_at, late, comment, detail`` and ``set``: the columns of the case that this entry changed. Laid on
each other, the ``set`` of all entries give the case as it is; so a changed record is found as surely as a changed entry.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from parksight.cases.models import Case, CaseEvent
from parksight.kernel import audit
from parksight.kernel.audit import canonical, link
from parksight.kernel.audit.chain import GENESIS, plain
from parksight.kernel.permissions import Caller

#: Columns that the history accounts for.
TOLD = (
    "number", "type", "type_version", "state", "phase", "title", "description", "subject_kind", "subject_id",
    "enterprise_id", "lon", "lat", "priority", "owner_user_id", "owner_post_id", "owner_department_id",
    "owner_enterprise_id", "reporter_id", "reporter_name", "occurred_at", "opened_at", "late", "closed_at", "result",
    "fields", "origin_kind", "origin_id", "key", "simulated", "drill", "anonymous", "returned", "reopened",
)  # fmt: skip
#: Kind of a case in the audit chain.
SUBJECT = "case"


def told(case: Case) -> dict[str, object]:
    """What a case is now, in JSON's own types."""
    return {name: plain(getattr(case, name)) for name in TOLD}


@dataclass(frozen=True)
class Entry:
    """What an entry tells besides what it changed.

    Attributes:
        what: one of ``models.WHATS``.
        source: state the case was in before.
        acting_for: id and name of the person the caller acted for as deputy.
        occurred_at: when it happened, if not now.
        detail: what belongs to this kind of entry.
    """

    what: str
    transition: str | None = None
    source: str | None = None
    acting_for: tuple[int, str] | None = None
    occurred_at: datetime | None = None
    late: bool = False
    comment: str | None = None
    request_id: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


def append(
    session: Session, caller: Caller, case: Case, before: Mapping[str, object], entry: Entry, now: datetime
) -> dict[str, Any]:
    """Add an entry to the chain of a case and anchor it; the row is returned for the caller to insert.

    Args:
        before: :func:`told` of the case before it was changed; empty for a new one.
    """
    after = told(case)
    changed = {k: v for k, v in after.items() if before.get(k) != v}
    seq = case.head_seq + 1
    occurred = entry.occurred_at or now
    principal = entry.acting_for
    body = canonical(
        {
            "case": case.number, "seq": seq, "what": entry.what, "transition": entry.transition,
            "source": entry.source, "state": case.state,
            "by": {"id": caller.id, "name": caller.name, "kind": caller.kind},
            "for": {"id": principal[0], "name": principal[1]} if principal else None,
            "occurred_at": occurred, "recorded_at": now, "late": entry.late, "comment": entry.comment,
            "request": entry.request_id, "detail": entry.detail, "set": changed,
        }
    )  # fmt: skip
    previous = case.head_hash or GENESIS
    digest = link(previous, body)
    case.head_seq, case.head_hash = seq, digest
    case.updated_at = now
    if before:
        case.version += 1
    anchor = {
        "number": case.number,
        "seq": seq,
        "hash": digest,
        "transition": entry.transition,
        "state": case.state,
    }
    audit.record(
        session, caller, action=f"cases.case.{entry.what}", subject=(SUBJECT, case.id),
        before={"state": entry.source} if entry.source else None, after=anchor, reason=entry.comment or None,
    )  # fmt: skip
    return {
        "case_id": case.id, "seq": seq, "what": entry.what, "transition": entry.transition, "state": case.state,
        "by_id": caller.id, "by_name": caller.name[:200], "for_id": principal[0] if principal else None,
        "occurred_at": occurred, "recorded_at": now, "late": entry.late, "comment": entry.comment or None,
        "request_id": entry.request_id, "body": body, "previous": previous, "hash": digest,
    }  # fmt: skip


def add(
    session: Session, caller: Caller, case: Case, before: Mapping[str, object], entry: Entry, now: datetime
) -> CaseEvent:
    """Append one entry to the session."""
    row = CaseEvent(**append(session, caller, case, before, entry, now))
    session.add(row)
    return row


def lines(events: Sequence[CaseEvent]) -> Iterator[dict[str, object]]:
    """Entries as :mod:`parksight.cases.proof` reads them."""
    for event in events:
        yield {"seq": event.seq, "previous": event.previous, "hash": event.hash, "body": event.body}


def read(body: str) -> dict[str, Any]:
    """The body of an entry as data."""
    data: dict[str, Any] = json.loads(body)
    return data
