"""Writing, checking and exporting the audit chain.

Entries of a unit of work are collected and appended just before it commits: the lock that orders writers
is then held for the shortest time, and no row lock is asked for while holding it, so writers cannot
deadlock on it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import event, func, insert, select, text
from sqlalchemy.orm import Session, SessionTransaction

from parksight.kernel.audit.chain import GENESIS, ChainReport, Checker, canonical, link, plain
from parksight.kernel.audit.models import AuditEntry
from parksight.kernel.db import clock_of
from parksight.kernel.permissions import Caller

_PENDING = "parksight_audit"
#: PostgreSQL advisory lock that orders the writers of the chain ("park" in ASCII).
_LOCK = 0x7061726B
_BATCH = 1000


@dataclass(frozen=True)
class _Pending:
    at: datetime
    actor_id: int | None
    actor: str
    action: str
    kind: str
    key: str
    body: str
    transaction: SessionTransaction


def record(
    session: Session,
    caller: Caller,
    *,
    action: str,
    subject: tuple[str, object],
    before: object = None,
    after: object = None,
    reason: str | None = None,
) -> None:
    """Note a change; it becomes part of the chain when the unit of work commits, or not at all.

    Args:
        session: the unit of work that makes the change.
        caller: who makes it.
        action: ``module.noun.verb``.
        subject: kind and key of the record.
        before: state before (a mapping of the changed fields is enough); None for something new.
        after: state after; None for something removed. Values under keys that name secrets are masked.
        reason: why, in the caller's words.

    Raises:
        TypeError: ``before`` or ``after`` hold something that is not plain data.
        ValueError: the caller or action is unusable.
    """
    if not action or len(action) > 120:
        raise ValueError(f"an audit action has 1 to 120 characters, not {action!r}")
    at = clock_of(session).now()
    kind, key = subject[0], str(plain(str(subject[1])))
    request = structlog.contextvars.get_contextvars().get("request_id")
    content: dict[str, object] = {
        "at": at,
        "actor": {"id": caller.id, "name": caller.name, "kind": caller.kind},
        "action": action,
        "subject": {"kind": kind, "id": key},
        "before": plain(before),
        "after": plain(after),
        "reason": reason,
        "request": request,
    }
    if not session.in_transaction():
        session.begin()
    transaction = session.get_nested_transaction() or session.get_transaction()
    if transaction is None:
        raise ValueError("an audit entry needs a unit of work: use db.session()")
    actor = str(plain(caller.name))[:200]
    entry = _Pending(at, caller.id, actor, action, kind, key[:200], canonical(content), transaction)
    session.info.setdefault(_PENDING, []).append(entry)


@event.listens_for(Session, "before_commit")
def _append(session: Session) -> None:
    pending: list[_Pending] | None = session.info.get(_PENDING)
    if not pending or session.in_nested_transaction():
        return
    session.flush()
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    seq, previous = head(session)
    rows: list[dict[str, object]] = []
    for entry in pending:
        seq += 1
        digest = link(previous, entry.body)
        rows.append(
            {
                "seq": seq, "at": entry.at, "actor_id": entry.actor_id, "actor": entry.actor,
                "action": entry.action, "subject_kind": entry.kind, "subject_id": entry.key,
                "body": entry.body, "previous": previous, "hash": digest,
            }
        )  # fmt: skip
        previous = digest
    session.execute(insert(AuditEntry), rows)
    session.info.pop(_PENDING, None)


@event.listens_for(Session, "after_soft_rollback")
def _forget(session: Session, previous_transaction: SessionTransaction) -> None:
    pending: list[_Pending] | None = session.info.get(_PENDING)
    if pending:
        pending[:] = [entry for entry in pending if not _within(entry.transaction, previous_transaction)]


def _within(transaction: SessionTransaction | None, outer: SessionTransaction) -> bool:
    while transaction is not None:
        if transaction is outer:
            return True
        transaction = transaction.parent
    return False


def head(session: Session) -> tuple[int, str]:
    """Number and hash of the last entry; ``(0, GENESIS)`` for an empty chain."""
    row = session.execute(
        select(AuditEntry.seq, AuditEntry.hash).order_by(AuditEntry.seq.desc()).limit(1)
    ).first()
    return (row.seq, row.hash) if row else (0, GENESIS)


def _entries(session: Session, after: int = 0) -> Iterator[AuditEntry]:
    while True:
        statement = select(AuditEntry).where(AuditEntry.seq > after).order_by(AuditEntry.seq).limit(_BATCH)
        batch = list(session.scalars(statement))
        yield from batch
        if len(batch) < _BATCH:
            return
        after = batch[-1].seq
        session.expunge_all()


def _columns_agree(entry: AuditEntry) -> bool:
    try:
        body = json.loads(entry.body)
        return bool(
            body["action"] == entry.action
            and body["subject"]["kind"] == entry.subject_kind
            and body["subject"]["id"][:200] == entry.subject_id
            and body["actor"]["id"] == entry.actor_id
            and body["actor"]["name"][:200] == entry.actor
            and body["at"] == plain(entry.at)
        )
    except (ValueError, KeyError, TypeError):
        return False


def verify(session: Session, anchor: tuple[int, str] | None = None) -> ChainReport:
    """Recompute the whole chain; the report names the first entry that does not fit.

    Args:
        session: any session; use ``db.read()``.
        anchor: a head noted earlier (backup manifest, printed report), to find a cut-off or recomputed tail.
    """
    checker = Checker()
    for entry in _entries(session):
        agree = _columns_agree(entry)
        if not checker.feed(entry.seq, entry.previous, entry.body, entry.hash, columns_agree=agree):
            break
        if anchor is not None and entry.seq == anchor[0] and entry.hash != anchor[1]:
            checker.fault = (entry.seq, "link")
            break
    return checker.report(anchor)


def export(session: Session, after: int = 0) -> Iterator[str]:
    """The chain as JSON lines for :func:`parksight.kernel.audit.chain.verify_export`."""
    for entry in _entries(session, after):
        line = {"seq": entry.seq, "previous": entry.previous, "hash": entry.hash, "body": entry.body}
        yield json.dumps(line, ensure_ascii=False) + "\n"


def count(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(AuditEntry)) or 0
