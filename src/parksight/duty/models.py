"""Tables of duty: desks, rotas, shifts and who works them, absences, the shift log, handovers.

A desk belongs to an enterprise or (None) to the zone; everything below it inherits that. People are accounts of the
kernel. Instants are UTC, days are civil days of the zone.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Boolean, Date, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from parksight.kernel.append_only import append_only
from parksight.kernel.db import Base


class Desk(Base):
    """A watch desk; whoever is on shift here holds the post ``post_id`` for that time.

    Attributes:
        min_crew: people that must be on each shift.
        continuous: manned around the clock: a time nobody is planned for is a gap.
    """

    __tablename__ = "duty_desk"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    name_en: Mapped[str] = mapped_column(String(120), default="")
    post_id: Mapped[int] = mapped_column(ForeignKey("kernel_post.id"), index=True)
    enterprise_id: Mapped[int | None] = mapped_column(index=True, default=None)
    min_crew: Mapped[int] = mapped_column(Integer, default=1)
    continuous: Mapped[bool] = mapped_column(Boolean, default=True)
    active: Mapped[bool] = mapped_column(Boolean, default=True)
    version: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Rota(Base):
    """A repeating pattern at a desk; a change ends one rota and begins another, so that the past stays true.

    Attributes:
        kinds: shift table, ``[{code, name, name_en, start, end}]``, civil times ``HH:MM``.
        crews: ``[{code, name, name_en, members: [user id]}]``; the first member leads.
        days: the cycle, one ``{shift code: crew code}`` per day.
    """

    __tablename__ = "duty_rota"

    id: Mapped[int] = mapped_column(primary_key=True)
    desk_id: Mapped[int] = mapped_column(ForeignKey("duty_desk.id"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    kinds: Mapped[list[Any]]
    crews: Mapped[list[Any]]
    days: Mapped[list[Any]]
    first_day: Mapped[date] = mapped_column(Date)
    last_day: Mapped[date | None] = mapped_column(Date, default=None)
    version: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Shift(Base):
    """One shift.

    Attributes:
        state: ``planned``, ``cancelled`` or, once the handover out of it is signed by both, ``handed_over``.
        rota_id: None for one that was added by hand.
    """

    __tablename__ = "duty_shift"
    __table_args__ = (
        UniqueConstraint("rota_id", "starts_at", "code", name="uq_duty_shift_rota"),
        Index("ix_duty_shift_desk_time", "desk_id", "starts_at"),
        Index("ix_duty_shift_time", "starts_at", "ends_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    desk_id: Mapped[int] = mapped_column(ForeignKey("duty_desk.id"))
    rota_id: Mapped[int | None] = mapped_column(ForeignKey("duty_rota.id"), default=None)
    code: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(120))
    name_en: Mapped[str] = mapped_column(String(120), default="")
    crew: Mapped[str] = mapped_column(String(32), default="")
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(16), default="planned")


class ShiftPerson(Base):
    """Somebody on a shift. Taken off, the row stays with the reason; ``replaces_id`` is the row it came for."""

    __tablename__ = "duty_shift_person"
    __table_args__ = (Index("ix_duty_shift_person_user", "user_id", "shift_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    shift_id: Mapped[int] = mapped_column(ForeignKey("duty_shift.id"), index=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("kernel_user.id"))
    leads: Mapped[bool] = mapped_column(Boolean, default=False)
    added_at: Mapped[datetime]
    removed_at: Mapped[datetime | None] = mapped_column(default=None)
    removed_by: Mapped[int | None] = mapped_column(default=None)
    reason: Mapped[str] = mapped_column(String(400), default="")
    replaces_id: Mapped[int | None] = mapped_column(ForeignKey("duty_shift_person.id"), default=None)


class Absence(Base):
    """Leave with a deputy, who counts only once they accepted.

    Attributes:
        state: ``requested``, ``accepted``, ``declined``, ``withdrawn`` or ``ended`` (early).
        enterprise_id: of the person, None for the zone's own people.
    """

    __tablename__ = "duty_absence"
    __table_args__ = (Index("ix_duty_absence_time", "state", "starts_at", "ends_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("kernel_user.id"), index=True)
    deputy_id: Mapped[int] = mapped_column(ForeignKey("kernel_user.id"), index=True)
    enterprise_id: Mapped[int | None] = mapped_column(index=True, default=None)
    kind: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(400), default="")
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(16), default="requested")
    requested_by: Mapped[int | None] = mapped_column(default=None)
    requested_at: Mapped[datetime]
    decided_at: Mapped[datetime | None] = mapped_column(default=None)
    decision: Mapped[str] = mapped_column(String(400), default="")
    ended_at: Mapped[datetime | None] = mapped_column(default=None)


class LogEntry(Base):
    """A line of the shift log. Never changed: a correction is a new line that names the old one."""

    __tablename__ = "duty_log_entry"
    __table_args__ = (Index("ix_duty_log_entry_desk", "desk_id", "recorded_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    desk_id: Mapped[int] = mapped_column(ForeignKey("duty_desk.id"))
    shift_id: Mapped[int | None] = mapped_column(ForeignKey("duty_shift.id"), default=None)
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    late: Mapped[bool] = mapped_column(Boolean, default=False)
    category: Mapped[str] = mapped_column(String(24), index=True)
    text: Mapped[str] = mapped_column(Text)
    links: Mapped[list[Any]] = mapped_column(default=list)
    author_id: Mapped[int | None] = mapped_column(default=None)
    author: Mapped[str] = mapped_column(String(200))
    corrects_id: Mapped[int | None] = mapped_column(ForeignKey("duty_log_entry.id"), index=True, default=None)


class Handover(Base):
    """The way of one handover; what is handed over lies in :class:`Snapshot`.

    Attributes:
        state: ``draft``, ``signed`` (by the leaving person), ``handed_over``, ``refused`` or ``replaced``
            (by a newer draft).
        signed_hash: SHA-256 of snapshot and remarks as signed.
    """

    __tablename__ = "duty_handover"
    __table_args__ = (Index("ix_duty_handover_desk", "desk_id", "drafted_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    desk_id: Mapped[int] = mapped_column(ForeignKey("duty_desk.id"))
    from_shift_id: Mapped[int] = mapped_column(ForeignKey("duty_shift.id"), index=True)
    to_shift_id: Mapped[int] = mapped_column(ForeignKey("duty_shift.id"), index=True)
    state: Mapped[str] = mapped_column(String(16), default="draft", index=True)
    drafted_by: Mapped[int | None] = mapped_column(default=None)
    drafted_at: Mapped[datetime]
    signed_hash: Mapped[str | None] = mapped_column(String(64), default=None)
    left_by: Mapped[int | None] = mapped_column(default=None)
    left_at: Mapped[datetime | None] = mapped_column(default=None)
    left_method: Mapped[str | None] = mapped_column(String(16), default=None)
    taken_by: Mapped[int | None] = mapped_column(default=None)
    taken_at: Mapped[datetime | None] = mapped_column(default=None)
    taken_method: Mapped[str | None] = mapped_column(String(16), default=None)
    refused_by: Mapped[int | None] = mapped_column(default=None)
    refused_at: Mapped[datetime | None] = mapped_column(default=None)
    refusal: Mapped[str] = mapped_column(String(1000), default="")


class Snapshot(Base):
    """What was open and what had changed, frozen: canonical JSON and its SHA-256."""

    __tablename__ = "duty_handover_snapshot"

    handover_id: Mapped[int] = mapped_column(ForeignKey("duty_handover.id"), primary_key=True)
    body: Mapped[str] = mapped_column(Text)
    hash: Mapped[str] = mapped_column(String(64))


class Remark(Base):
    """A remark on an item of a draft; the newest of an item counts, the older ones stay."""

    __tablename__ = "duty_handover_remark"

    id: Mapped[int] = mapped_column(primary_key=True)
    handover_id: Mapped[int] = mapped_column(ForeignKey("duty_handover.id"), index=True)
    item: Mapped[str] = mapped_column(String(80))
    text: Mapped[str] = mapped_column(String(2000))
    author_id: Mapped[int | None] = mapped_column(default=None)
    author: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime]


for _model in (LogEntry, Snapshot, Remark):
    _table = _model.__table__
    assert isinstance(_table, Table)
    append_only(_table)
