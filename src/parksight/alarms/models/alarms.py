"""Tables of occurrences: alarms, the groups people handle them in, and a journal nobody can rewrite.

Condition (what the plant does) and handling (what people did about it) are kept apart: clearing does not
acknowledge, acknowledging does not clear, and only a cause closes.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from sqlalchemy import CheckConstraint, Float, ForeignKey, Index, Integer, String, Table, Text
from sqlalchemy.orm import Mapped, mapped_column

from parksight.alarms.models.words import CAUSES, CONDITIONS, GROUP_KINDS, HANDLINGS, SUPPRESSIONS
from parksight.kernel.append_only import append_only
from parksight.kernel.db import Base


def one_of(column: str, words: tuple[str, ...]) -> str:
    """SQL of a check that a column holds one of the words."""
    return f"{column} IN ({', '.join(repr(w) for w in words)})"


class Group(Base):
    """Alarms with one cause, handled together: one group, one case.

    Attributes:
        kind: what holds it together; ``manual`` once a person has put it together.
        key: what later alarms are compared with, e.g. ``unit:12`` or ``source:7``.
        root_alarm_id: the first-out: the earliest observation time of the group.
        priority: of its worst alarm.
        opened_at: observation time of the first-out; ``last_at`` of the newest member.
        enterprise_id: None when several enterprises are concerned: then it is the zone's to handle.
        wind_from_deg: direction the wind came from when a ``wind`` group was made, degrees clockwise from north.
        case_id: the case people work on; None only while the engine is not there (command line).
        handling: state of that case, mirrored in the same unit of work.
        merged_into_id: where its alarms went when a person merged it.
    """

    __tablename__ = "alarms_group"
    __table_args__ = (
        CheckConstraint(one_of("kind", GROUP_KINDS), name="kind_known"),
        CheckConstraint(one_of("handling", HANDLINGS), name="handling_known"),
        Index("ix_alarms_group_open", "handling", "last_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(12))
    key: Mapped[str] = mapped_column(String(80), index=True)
    root_alarm_id: Mapped[int | None] = mapped_column(default=None)
    priority: Mapped[int] = mapped_column(Integer)
    size: Mapped[int] = mapped_column(Integer, default=0)
    opened_at: Mapped[datetime]
    last_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    enterprise_id: Mapped[int | None] = mapped_column(index=True, default=None)
    unit_id: Mapped[int | None] = mapped_column(default=None)
    thing_id: Mapped[int | None] = mapped_column(default=None)
    source_id: Mapped[int | None] = mapped_column(default=None)
    wind_from_deg: Mapped[float | None] = mapped_column(Float, default=None)
    simulated: Mapped[bool] = mapped_column(default=False)
    case_id: Mapped[int | None] = mapped_column(index=True, default=None)
    handling: Mapped[str] = mapped_column(String(16), default="new")
    cause: Mapped[str | None] = mapped_column(String(16), default=None)
    closed_at: Mapped[datetime | None] = mapped_column(default=None)
    merged_into_id: Mapped[int | None] = mapped_column(default=None)


class Alarm(Base):
    """One occurrence: from the moment a condition was broken until it has cleared *and* is closed with a cause.

    Attributes:
        raised_at: observation time at which the condition had lasted for the on-delay.
        recorded_at: platform time of the record; the difference is what the way of the reading took.
        value: reading that raised it, None for STALE; ``limit`` is seconds of silence for STALE.
        quality: quality byte of that reading.
        cleared_reason: ``returned``, or ``withdrawn`` when the rule was changed or switched off meanwhile.
        unit_id: process unit of the thing at the time, for filters.
        handling: mirrors the group's case, but stays ``new`` until *this* alarm was acknowledged.
        annunciated_at: when it was announced to people, anew after a shelf ran out; None: kept silent.
        suppressed: why it is kept silent now; ``suppression_id`` names the record.
        latching: stays until a person resets it (``reset_at``), also when the condition has cleared.
        repeats: times it came again while it chattered; every one is in the journal.
        window_id: the calibration or maintenance announced for that time and place.
        post: code of the post that has to act.
    """

    __tablename__ = "alarms_alarm"
    __table_args__ = (
        Index("ix_alarms_alarm_open", "condition", "handling", "priority"),
        Index("ix_alarms_alarm_handling", "handling", "priority"),
        Index("ix_alarms_alarm_point", "point_id", "raised_at"),
        Index("ix_alarms_alarm_rule", "rule_id", "raised_at"),
        Index("ix_alarms_alarm_annunciated", "annunciated_at"),
        CheckConstraint("priority BETWEEN 1 AND 4", name="priority_range"),
        CheckConstraint(one_of("condition", CONDITIONS), name="condition_known"),
        CheckConstraint(one_of("handling", HANDLINGS), name="handling_known"),
        CheckConstraint(
            f"suppressed IS NULL OR {one_of('suppressed', SUPPRESSIONS)}", name="suppression_known"
        ),
        CheckConstraint(f"cause IS NULL OR {one_of('cause', CAUSES)}", name="cause_known"),
        CheckConstraint("handling <> 'closed' OR cause IS NOT NULL", name="closed_with_cause"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    point_id: Mapped[int] = mapped_column(Integer)
    rule_id: Mapped[int] = mapped_column(ForeignKey("alarms_rule.id"))
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
    group_id: Mapped[int | None] = mapped_column(ForeignKey("alarms_group.id"), index=True, default=None)
    annunciated_at: Mapped[datetime | None] = mapped_column(default=None)
    suppressed: Mapped[str | None] = mapped_column(String(16), default=None)
    suppression_id: Mapped[int | None] = mapped_column(ForeignKey("alarms_suppression.id"), default=None)
    latching: Mapped[bool] = mapped_column(default=False)
    reset_at: Mapped[datetime | None] = mapped_column(default=None)
    repeats: Mapped[int] = mapped_column(Integer, default=0)
    window_id: Mapped[int | None] = mapped_column(ForeignKey("alarms_window.id"), default=None)
    post: Mapped[str | None] = mapped_column(String(64), default=None)
    cause: Mapped[str | None] = mapped_column(String(16), default=None)
    closed_at: Mapped[datetime | None] = mapped_column(default=None)
    closed_by: Mapped[str | None] = mapped_column(String(120), default=None)


class JournalEntry(Base):
    """What happened to an alarm, in the order it was recorded; ``what`` is one of ``words.WHATS``.

    ``unknown``: readings became unusable or stopped; ``known``: usable again, still beyond the limit;
    ``repeated``: came again while chattering; ``realarmed``: a shelf ran out and it still stands;
    ``grouped``: the group it was put in (``detail.group``); ``moved``: a person put it into another group.
    """

    __tablename__ = "alarms_journal"

    id: Mapped[int] = mapped_column(primary_key=True)
    alarm_id: Mapped[int] = mapped_column(ForeignKey("alarms_alarm.id"), index=True)
    point_id: Mapped[int] = mapped_column(Integer, index=True)
    enterprise_id: Mapped[int | None] = mapped_column(index=True, default=None)
    what: Mapped[str] = mapped_column(String(20))
    step: Mapped[str] = mapped_column(String(8))
    priority: Mapped[int] = mapped_column(Integer)
    observed_at: Mapped[datetime]
    recorded_at: Mapped[datetime] = mapped_column(index=True)
    value: Mapped[float | None] = mapped_column(Float, default=None)
    by_id: Mapped[int | None] = mapped_column(default=None)
    by_name: Mapped[str | None] = mapped_column(String(120), default=None)
    comment: Mapped[str | None] = mapped_column(Text, default=None)
    detail: Mapped[dict[str, Any] | None] = mapped_column(default=None)


append_only(cast(Table, JournalEntry.__table__))


class Flood(Base):
    """A flood of annunciated alarms: began with more than ten in ten minutes, ended with fewer than five."""

    __tablename__ = "alarms_flood"

    id: Mapped[int] = mapped_column(primary_key=True)
    started_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None] = mapped_column(default=None)
    peak: Mapped[int] = mapped_column(Integer)
    alarms: Mapped[int] = mapped_column(Integer)
    groups: Mapped[int] = mapped_column(Integer, default=0)
