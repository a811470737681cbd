"""The table of the audit chain; the body is the truth, the other columns are for searching it."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from sqlalchemy import Index, String, Table, Text
from sqlalchemy.orm import Mapped, mapped_column

from parksight.kernel.append_only import append_only
from parksight.kernel.db import Base


class AuditEntry(Base):
    """One change.

    Attributes:
        seq: 1, 2, 3 … without gaps.
        body: canonical JSON with ``at, actor, action, subject, before, after, reason, request``.
        previous: hash of entry ``seq - 1``.
        hash: ``SHA-256(previous + "\\n" + body)``.
    """

    __tablename__ = "kernel_audit"
    __table_args__ = (Index("ix_kernel_audit_subject", "subject_kind", "subject_id"),)

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(index=True)
    actor_id: Mapped[int | None] = mapped_column(index=True)
    actor: Mapped[str] = mapped_column(String(200))
    action: Mapped[str] = mapped_column(String(120), index=True)
    subject_kind: Mapped[str] = mapped_column(String(80))
    subject_id: Mapped[str] = mapped_column(String(200))
    body: Mapped[str] = mapped_column(Text)
    previous: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


append_only(cast(Table, AuditEntry.__table__))
