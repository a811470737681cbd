"""Clocks, their plans, escalation and who held a case for how long.

A light is nowhere in here: it is computed from these instants whenever somebody looks.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Float, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from parksight.cases.models.words import CLOCK_STATES, EXTENSIONS, HOLDERS, one_of
from parksight.kernel.db import Base


class CaseClock(Base):
    """One run of a declared clock.

    Attributes:
        run: 1, 2, … when it is started again (after reopening).
        status: ``running``, ``paused`` or ``stopped``.
        minutes, working_days: what is allowed under the present plan; exactly one is set.
        paused_at: since when it stands still.
        due_at, warn_at: instants of the present plan at which the light turns red and yellow; while it stands
            still, as if it went on at once.
        plan: number of the present plan.
        arm, armed_at: how often and when its escalation was started from the first rung.
        met: once stopped, whether it was in time.
    """

    __tablename__ = "cases_clock"
    __table_args__ = (
        UniqueConstraint("case_id", "code", "run"),
        CheckConstraint(one_of("status", CLOCK_STATES), name="status_known"),
        CheckConstraint("(minutes IS NULL) <> (working_days IS NULL)", name="one_measure"),
        Index("ix_cases_clock_due", "status", "due_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases_case.id"), index=True)
    code: Mapped[str] = mapped_column(String(40))
    run: Mapped[int] = mapped_column(Integer, default=1)
    status: Mapped[str] = mapped_column(String(8), default="running")
    minutes: Mapped[float | None] = mapped_column(Float, default=None)
    working_days: Mapped[int | None] = mapped_column(Integer, default=None)
    started_at: Mapped[datetime]
    paused_at: Mapped[datetime | None] = mapped_column(default=None)
    stopped_at: Mapped[datetime | None] = mapped_column(default=None)
    due_at: Mapped[datetime]
    warn_at: Mapped[datetime]
    plan: Mapped[int] = mapped_column(Integer, default=1)
    arm: Mapped[int] = mapped_column(Integer, default=1)
    armed_at: Mapped[datetime]
    met: Mapped[bool | None] = mapped_column(default=None)


class ClockPause(Base):
    """A time in which a clock stood still; ``until`` None while it does."""

    __tablename__ = "cases_clock_pause"

    id: Mapped[int] = mapped_column(primary_key=True)
    clock_id: Mapped[int] = mapped_column(ForeignKey("cases_clock.id"), index=True)
    since: Mapped[datetime]
    until: Mapped[datetime | None] = mapped_column(default=None)
    reason: Mapped[str] = mapped_column(String(80), default="")


class ClockPlan(Base):
    """What a clock allowed from ``at`` on; plan 1 is the first, an extension makes the next and keeps the old."""

    __tablename__ = "cases_clock_plan"
    __table_args__ = (UniqueConstraint("clock_id", "plan"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    clock_id: Mapped[int] = mapped_column(ForeignKey("cases_clock.id"))
    plan: Mapped[int] = mapped_column(Integer)
    minutes: Mapped[float | None] = mapped_column(Float, default=None)
    working_days: Mapped[int | None] = mapped_column(Integer, default=None)
    due_at: Mapped[datetime]
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(default=None)
    by_name: Mapped[str] = mapped_column(String(200), default="")
    reason: Mapped[str] = mapped_column(Text, default="")


class Extension(Base):
    """More time, asked for by one person and granted or refused by another."""

    __tablename__ = "cases_extension"
    __table_args__ = (CheckConstraint(one_of("status", EXTENSIONS), name="status_known"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases_case.id"), index=True)
    clock_id: Mapped[int] = mapped_column(ForeignKey("cases_clock.id"))
    minutes: Mapped[float | None] = mapped_column(Float, default=None)
    working_days: Mapped[int | None] = mapped_column(Integer, default=None)
    reason: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(12), default="asked")
    asked_by_id: Mapped[int | None] = mapped_column(default=None)
    asked_for_id: Mapped[int | None] = mapped_column(default=None)
    asked_at: Mapped[datetime]
    decided_by_id: Mapped[int | None] = mapped_column(default=None)
    decided_at: Mapped[datetime | None] = mapped_column(default=None)


class Escalation(Base):
    """A rung of the ladder that fires once.

    Attributes:
        step: index in the declared ladder.
        plan, arm: a new plan or arming anew makes new rungs; unfired ones of the old are void.
        due_at: when; None while the clock stands still.
        fired_at: claimed in the same unit of work as the message it sent.
    """

    __tablename__ = "cases_escalation"
    __table_args__ = (
        UniqueConstraint("clock_id", "plan", "arm", "step"),
        Index("ix_cases_escalation_waiting", "fired_at", "void", "due_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases_case.id"), index=True)
    clock_id: Mapped[int] = mapped_column(ForeignKey("cases_clock.id"), index=True)
    plan: Mapped[int] = mapped_column(Integer)
    arm: Mapped[int] = mapped_column(Integer, default=1)
    step: Mapped[int] = mapped_column(Integer)
    due_at: Mapped[datetime | None] = mapped_column(default=None)
    fired_at: Mapped[datetime | None] = mapped_column(default=None)
    void: Mapped[bool] = mapped_column(default=False)


class Span(Base):
    """Who held a case from ``since`` until ``until`` (None: still); spans of a case leave no gap and never overlap."""

    __tablename__ = "cases_span"
    __table_args__ = (
        CheckConstraint(one_of("holder_kind", HOLDERS), name="holder_known"),
        Index("ix_cases_span_holder", "holder_kind", "holder_key"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases_case.id"), index=True)
    holder_kind: Mapped[str] = mapped_column(String(12))
    holder_key: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(40))
    since: Mapped[datetime]
    until: Mapped[datetime | None] = mapped_column(index=True, default=None)
