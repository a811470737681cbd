"""What happened to cases: append-only, chained by hashes, each hash anchored in the audit chain."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from parksight.cases.models.words import WHATS, one_of
from parksight.kernel.append_only import append_only
from parksight.kernel.db import Base


class CaseEvent(Base):
    """One entry; the body is the truth, the other columns are for searching it.

    Attributes:
        seq: 1, 2, 3 … without gaps within the case.
        what: one of ``words.WHATS``.
        transition: of ``moved`` entries; the common exits too.
        by_id, by_name: who did it; ``for_id`` whom they acted for as deputy.
        occurred_at: when it happened; ``recorded_at`` when we learned of it.
        late: entered after the fact.
        request_id: of the sender's queue: the same request is never carried out twice.
        body: canonical JSON, see :mod:`parksight.cases.history`.
        hash: ``SHA-256(previous + "\\n" + body)``.
    """

    __tablename__ = "cases_event"
    __table_args__ = (
        UniqueConstraint("case_id", "seq"),
        UniqueConstraint("case_id", "request_id"),
        CheckConstraint(one_of("what", WHATS), name="what_known"),
        Index("ix_cases_event_done", "case_id", "transition"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases_case.id"))
    seq: Mapped[int] = mapped_column(Integer)
    what: Mapped[str] = mapped_column(String(12))
    transition: Mapped[str | None] = mapped_column(String(40), default=None)
    state: Mapped[str] = mapped_column(String(40))
    by_id: Mapped[int | None] = mapped_column(index=True, default=None)
    by_name: Mapped[str] = mapped_column(String(200))
    for_id: Mapped[int | None] = mapped_column(default=None)
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime] = mapped_column(index=True)
    late: Mapped[bool] = mapped_column(Boolean, default=False)
    comment: Mapped[str | None] = mapped_column(Text, default=None)
    request_id: Mapped[str | None] = mapped_column(String(80), default=None)
    body: Mapped[str] = mapped_column(Text)
    previous: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


append_only(cast(Table, CaseEvent.__table__))
