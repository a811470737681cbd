"""Tables of alarms: rules with all their versions, occurrences, and a journal nobody can rewrite.

Condition (what the plant does) and handling (what people did about it) are kept apart: clearing does not
acknowledge and acknowledging does not clear.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from sqlalchemy import (
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

from parksight.kernel.append_only import append_only
from parksight.kernel.db import Base

#: Words of ``alarms_alarm.step`` in the order of their codes on the hot path.
STEPS = ("HH", "H", "L", "LL", "STALE")
CONDITIONS = ("active", "unknown", "cleared")
HANDLINGS = ("new", "acknowledged")


class Rule(Base):
    """What is demanded of a point, as it stands now; older versions are in :class:`RuleVersion`.

    Attributes:
        definition: ``{"hh"|"h"|"l"|"ll": {limit, deadband, on_delay_s, off_delay_s, priority},
            "stale": {factor, priority}}``; limits and deadbands in the point's unit.
        basis: law, standard and clause, or the plant document the limits come from.
    """

    __tablename__ = "alarms_rule"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(128), unique=True)
    name: Mapped[str] = mapped_column(String(200), default="")
    point_id: Mapped[int] = mapped_column(Integer, index=True)
    enterprise_id: Mapped[int | None] = mapped_column(index=True, default=None)
    definition: Mapped[dict[str, Any]]
    basis: Mapped[str] = mapped_column(String(300), default="")
    enabled: Mapped[bool] = mapped_column(default=True)
    version: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class RuleVersion(Base):
    """A rule as it was from ``at`` on, until the next version."""

    __tablename__ = "alarms_rule_version"
    __table_args__ = (UniqueConstraint("rule_id", "version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    rule_id: Mapped[int] = mapped_column(ForeignKey("alarms_rule.id"))
    version: Mapped[int] = mapped_column(Integer)
    name: Mapped[str] = mapped_column(String(200), default="")
    definition: Mapped[dict[str, Any]]
    basis: Mapped[str] = mapped_column(String(300), default="")
    enabled: Mapped[bool]
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(default=None)
    by_name: Mapped[str] = mapped_column(String(120))


append_only(cast(Table, RuleVersion.__table__))


class Alarm(Base):
    """One occurrence: from the moment a limit was broken until it is cleared *and* acknowledged.

    Attributes:
        raised_at: observation time at which the condition had lasted for the on-delay.
        recorded_at: platform time of the record; the difference is what the way of the reading took.
        value: reading that raised it, None for STALE; ``limit`` is seconds of silence for STALE.
        quality: quality byte of that reading.
        cleared_reason: ``returned``, or ``withdrawn`` when the rule was changed or switched off meanwhile.
        unit_id: process unit of the thing at the time, for filters.
    """

    __tablename__ = "alarms_alarm"
    __table_args__ = (
        Index("ix_alarms_alarm_open", "condition", "handling", "priority"),
        Index("ix_alarms_alarm_point", "point_id", "raised_at"),
        CheckConstraint("priority BETWEEN 1 AND 4", name="priority_range"),
        CheckConstraint("condition IN ('active', 'unknown', 'cleared')", name="condition_known"),
        CheckConstraint("handling IN ('new', 'acknowledged')", name="handling_known"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    point_id: Mapped[int] = mapped_column(Integer)
    rule_id: Mapped[int] = mapped_column(ForeignKey("alarms_rule.id"), index=True)
    rule_version: Mapped[int] = mapped_column(Integer)
    step: Mapped[str] = mapped_column(String(8))
    priority: Mapped[int] = mapped_column(Integer)
    raised_at: Mapped[datetime] = mapped_column(index=True)
    recorded_at: Mapped[datetime]
    value: Mapped[float | None] = mapped_column(Float, default=None)
    limit: Mapped[float] = mapped_column(Float)
    quality: Mapped[int] = mapped_column(Integer, default=0)
    condition: Mapped[str] = mapped_column(String(8), default="active")
    cleared_at: Mapped[datetime | None] = mapped_column(default=None)
    cleared_reason: Mapped[str | None] = mapped_column(String(12), default=None)
    handling: Mapped[str] = mapped_column(String(16), default="new")
    acknowledged_by: Mapped[str | None] = mapped_column(String(120), default=None)
    acknowledged_by_id: Mapped[int | None] = mapped_column(default=None)
    acknowledged_at: Mapped[datetime | None] = mapped_column(default=None)
    comment: Mapped[str | None] = mapped_column(Text, default=None)
    enterprise_id: Mapped[int | None] = mapped_column(index=True, default=None)
    thing_id: Mapped[int | None] = mapped_column(index=True, default=None)
    unit_id: Mapped[int | None] = mapped_column(index=True, default=None)
    simulated: Mapped[bool] = mapped_column(default=False)


class JournalEntry(Base):
    """What happened to an alarm, in the order it was recorded.

    ``what``: ``raised``, ``cleared``, ``unknown`` (readings became unusable or stopped), ``known`` (usable
    again, still beyond the limit), ``withdrawn``, ``acknowledged``.
    """

    __tablename__ = "alarms_journal"

    id: Mapped[int] = mapped_column(primary_key=True)
    alarm_id: Mapped[int] = mapped_column(ForeignKey("alarms_alarm.id"), index=True)
    point_id: Mapped[int] = mapped_column(Integer, index=True)
    enterprise_id: Mapped[int | None] = mapped_column(index=True, default=None)
    what: Mapped[str] = mapped_column(String(16))
    step: Mapped[str] = mapped_column(String(8))
    priority: Mapped[int] = mapped_column(Integer)
    observed_at: Mapped[datetime]
    recorded_at: Mapped[datetime] = mapped_column(index=True)
    value: Mapped[float | None] = mapped_column(Float, default=None)
    by_id: Mapped[int | None] = mapped_column(default=None)
    by_name: Mapped[str | None] = mapped_column(String(120), default=None)
    comment: Mapped[str | None] = mapped_column(Text, default=None)


append_only(cast(Table, JournalEntry.__table__))
