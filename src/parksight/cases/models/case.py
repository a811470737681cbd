"""The case itself and who and what belongs to it. What it was at any time is in its history."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from parksight.cases.models.words import LINKS, one_of
from parksight.kernel.append_only import append_only
from parksight.kernel.db import Base


class Case(Base):
    """Work that must be closed.

    Attributes:
        number: for people, e.g. ``SP-20261127-0001``.
        type, type_version: its declaration.
        phase: of ``state``, kept for queries: ``open``, ``waiting`` or ``final``.
        subject_kind, subject_id: what it concerns: a place, thing or party of the registry, an alarm group …
        enterprise_id: whose it is; None is the zone's own.
        owner_*: the person, else the post, else the department, else the enterprise that has to act.
        occurred_at: when it happened; ``opened_at`` when it was recorded here (always the platform's clock).
        late: it was entered after the fact.
        entered_at, entered_seq: instant and history entry with which the present state was entered.
        fields: values entered so far, by field.
        origin_kind, origin_id: what opened it, e.g. ``alarms.group``.
        key: of whoever opened it by machine; the same key never opens a second case.
        simulated, drill: marks that nobody can take away.
        anonymous: the enterprise is not told who reported.
        returned, reopened: how often.
        result: how it ended.
        version: counts changes, for optimistic locking.
        head_seq, head_hash: last entry of its history.
    """

    __tablename__ = "cases_case"
    __table_args__ = (
        Index("ix_cases_case_open", "phase", "type", "state"),
        Index("ix_cases_case_subject", "subject_kind", "subject_id"),
        Index("ix_cases_case_origin", "origin_kind", "origin_id"),
        CheckConstraint("priority BETWEEN 1 AND 4", name="priority_range"),
        CheckConstraint("(phase = 'final') = (closed_at IS NOT NULL)", name="closed_when_final"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(40), unique=True)
    type: Mapped[str] = mapped_column(String(64), index=True)
    type_version: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(40))
    phase: Mapped[str] = mapped_column(String(8))
    title: Mapped[str] = mapped_column(String(300))
    description: Mapped[str] = mapped_column(Text, default="")
    subject_kind: Mapped[str | None] = mapped_column(String(40), default=None)
    subject_id: Mapped[str | None] = mapped_column(String(64), default=None)
    enterprise_id: Mapped[int | None] = mapped_column(index=True, default=None)
    lon: Mapped[float | None] = mapped_column(Float, default=None)
    lat: Mapped[float | None] = mapped_column(Float, default=None)
    priority: Mapped[int] = mapped_column(Integer, default=3)
    owner_user_id: Mapped[int | None] = mapped_column(ForeignKey("kernel_user.id"), index=True, default=None)
    owner_post_id: Mapped[int | None] = mapped_column(ForeignKey("kernel_post.id"), index=True, default=None)
    owner_department_id: Mapped[int | None] = mapped_column(
        ForeignKey("kernel_department.id"), index=True, default=None
    )
    owner_enterprise_id: Mapped[int | None] = mapped_column(index=True, default=None)
    reporter_id: Mapped[int | None] = mapped_column(ForeignKey("kernel_user.id"), index=True, default=None)
    reporter_name: Mapped[str] = mapped_column(String(200))
    occurred_at: Mapped[datetime] = mapped_column(index=True)
    opened_at: Mapped[datetime] = mapped_column(index=True)
    late: Mapped[bool] = mapped_column(Boolean, default=False)
    entered_at: Mapped[datetime]
    entered_seq: Mapped[int] = mapped_column(Integer, default=1)
    updated_at: Mapped[datetime]
    closed_at: Mapped[datetime | None] = mapped_column(index=True, default=None)
    result: Mapped[str | None] = mapped_column(String(40), default=None)
    fields: Mapped[dict[str, Any]] = mapped_column(default=dict)
    origin_kind: Mapped[str | None] = mapped_column(String(40), default=None)
    origin_id: Mapped[str | None] = mapped_column(String(64), default=None)
    key: Mapped[str | None] = mapped_column(String(200), unique=True, default=None)
    simulated: Mapped[bool] = mapped_column(Boolean, default=False)
    drill: Mapped[bool] = mapped_column(Boolean, default=False)
    anonymous: Mapped[bool] = mapped_column(Boolean, default=False)
    returned: Mapped[int] = mapped_column(Integer, default=0)
    reopened: Mapped[int] = mapped_column(Integer, default=0)
    version: Mapped[int] = mapped_column(Integer, default=1)
    head_seq: Mapped[int] = mapped_column(Integer, default=0)
    head_hash: Mapped[str] = mapped_column(String(64), default="")


class CaseNumber(Base):
    """Last number given out of a type's prefix and civil day of the zone."""

    __tablename__ = "cases_number"

    prefix: Mapped[str] = mapped_column(String(12), primary_key=True)
    day: Mapped[str] = mapped_column(String(8), primary_key=True)
    last: Mapped[int] = mapped_column(Integer)


class Participant(Base):
    """Who takes part in a role of the type; ``watcher`` is known to every type."""

    __tablename__ = "cases_participant"
    __table_args__ = (
        UniqueConstraint("case_id", "role", "kind", "party_id"),
        Index("ix_cases_participant_party", "kind", "party_id", "role"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases_case.id"), index=True)
    role: Mapped[str] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(12))
    party_id: Mapped[int]
    since: Mapped[datetime]


class Tag(Base):
    """A free word on a case."""

    __tablename__ = "cases_tag"

    case_id: Mapped[int] = mapped_column(ForeignKey("cases_case.id"), primary_key=True)
    tag: Mapped[str] = mapped_column(String(40), primary_key=True, index=True)


class Link(Base):
    """``case_id`` is ``kind`` … ``other_id``: child of a parent, caused by, repeat of, duplicate of, related to."""

    __tablename__ = "cases_link"
    __table_args__ = (
        UniqueConstraint("case_id", "kind", "other_id"),
        CheckConstraint(one_of("kind", LINKS), name="kind_known"),
        CheckConstraint("case_id <> other_id", name="not_itself"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases_case.id"), index=True)
    kind: Mapped[str] = mapped_column(String(12))
    other_id: Mapped[int] = mapped_column(ForeignKey("cases_case.id"), index=True)
    created_at: Mapped[datetime]


class Evidence(Base):
    """Something shown for a case; written once.

    Attributes:
        kind: ``file``, ``photo``, ``observation`` (a window of readings as they were) or ``video``.
        file_id, sha256: the stored file and its hash at that moment.
        lon, lat, accuracy_m: where the device said it was, metres.
        taken_at: the device's time; ``recorded_at`` is ours.
        device: what the sender said of itself.
        content: of an observation ``{point_id, point_code, unit, from_ms, to_ms, values: [[ms, value, quality], …]}``, of a
            video ``{camera_id, from_ms, to_ms, reference}``; ``sha256`` is then of its canonical JSON.
        state: of the case when it was added; ``seq`` is the entry of the history that tells of it.
    """

    __tablename__ = "cases_evidence"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases_case.id"), index=True)
    kind: Mapped[str] = mapped_column(String(12))
    file_id: Mapped[int | None] = mapped_column(ForeignKey("kernel_file.id"), default=None)
    sha256: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(200), default="")
    media_type: Mapped[str] = mapped_column(String(100), default="")
    size: Mapped[int | None] = mapped_column(default=None)
    lon: Mapped[float | None] = mapped_column(Float, default=None)
    lat: Mapped[float | None] = mapped_column(Float, default=None)
    accuracy_m: Mapped[float | None] = mapped_column(Float, default=None)
    taken_at: Mapped[datetime | None] = mapped_column(default=None)
    device: Mapped[str] = mapped_column(String(200), default="")
    note: Mapped[str] = mapped_column(Text, default="")
    content: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    state: Mapped[str] = mapped_column(String(40))
    seq: Mapped[int] = mapped_column(Integer)
    by_id: Mapped[int | None] = mapped_column(default=None)
    by_name: Mapped[str] = mapped_column(String(200))
    recorded_at: Mapped[datetime]


class Signature(Base):
    """Who stood for what: ``meaning`` in a word, the statement and its hash, and how the signer was recognised."""

    __tablename__ = "cases_signature"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases_case.id"), index=True)
    meaning: Mapped[str] = mapped_column(String(40))
    statement: Mapped[str] = mapped_column(Text)
    statement_hash: Mapped[str] = mapped_column(String(64))
    method: Mapped[str] = mapped_column(String(16))
    by_id: Mapped[int] = mapped_column(ForeignKey("kernel_user.id"))
    by_name: Mapped[str] = mapped_column(String(200))
    for_id: Mapped[int | None] = mapped_column(ForeignKey("kernel_user.id"), default=None)
    state: Mapped[str] = mapped_column(String(40))
    seq: Mapped[int] = mapped_column(Integer)
    signed_at: Mapped[datetime]


append_only(cast(Table, Evidence.__table__))
append_only(cast(Table, Signature.__table__))
