"""Tables of what keeps alarms silent or explains them: shelves, services, works announced beforehand."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from parksight.alarms.models.alarms import one_of
from parksight.alarms.models.words import SUPPRESSIONS, WINDOW_KINDS
from parksight.kernel.db import Base


class Extent:
    """What a record covers: one step of a rule, a point, a thing, a unit or a whole enterprise."""

    rule_id: Mapped[int | None] = mapped_column(default=None)
    step: Mapped[str | None] = mapped_column(String(8), default=None)
    point_id: Mapped[int | None] = mapped_column(default=None)
    thing_id: Mapped[int | None] = mapped_column(default=None)
    unit_id: Mapped[int | None] = mapped_column(default=None)
    #: Owner of what is covered, for the scope; on its own (nothing else given) the whole enterprise.
    enterprise_id: Mapped[int | None] = mapped_column(index=True, default=None)


class Suppression(Extent, Base):
    """An alarm is kept silent for a time: evaluated and journalled, but not announced.

    Attributes:
        reference: permit, change or work order it rests on; required for ``out_of_service``.
        owner_name: who answers for it; the platform itself for ``by_design`` and ``chattering``.
        until_at: when it ends by itself; None only where the evaluation ends it (``by_design``, ``chattering``).
        ended_reason: ``expired``, ``person``, ``condition`` (the evaluation's) or ``calm``.
        kept_silent: occurrences that would have been announced meanwhile.
    """

    __tablename__ = "alarms_suppression"
    __table_args__ = (
        CheckConstraint(one_of("kind", SUPPRESSIONS), name="kind_known"),
        Index("ix_alarms_suppression_running", "ended_at", "kind"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(Text)
    reference: Mapped[str] = mapped_column(String(120), default="")
    owner_id: Mapped[int | None] = mapped_column(default=None)
    owner_name: Mapped[str] = mapped_column(String(120))
    from_at: Mapped[datetime] = mapped_column(index=True)
    until_at: Mapped[datetime | None] = mapped_column(default=None)
    ended_at: Mapped[datetime | None] = mapped_column(default=None)
    ended_by_id: Mapped[int | None] = mapped_column(default=None)
    ended_by: Mapped[str | None] = mapped_column(String(120), default=None)
    ended_reason: Mapped[str | None] = mapped_column(String(12), default=None)
    ended_note: Mapped[str | None] = mapped_column(Text, default=None)
    kept_silent: Mapped[int] = mapped_column(Integer, default=0)


class Window(Extent, Base):
    """Calibration or maintenance announced for a time: it labels alarms, it silences none.

    ``announced_at`` after ``start_at`` is shown as announced late.
    """

    __tablename__ = "alarms_window"
    __table_args__ = (
        CheckConstraint(one_of("kind", WINDOW_KINDS), name="kind_known"),
        CheckConstraint("end_at > start_at", name="ends_after_start"),
        Index("ix_alarms_window_span", "start_at", "end_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    start_at: Mapped[datetime]
    end_at: Mapped[datetime]
    reason: Mapped[str] = mapped_column(Text)
    reference: Mapped[str] = mapped_column(String(120), default="")
    owner_id: Mapped[int | None] = mapped_column(default=None)
    owner_name: Mapped[str] = mapped_column(String(120))
    announced_at: Mapped[datetime]
    ended_at: Mapped[datetime | None] = mapped_column(default=None)
    ended_by: Mapped[str | None] = mapped_column(String(120), default=None)
