"""Tables of linkage (联动): declared reactions with all their versions, and what became of each of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String, Table, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from parksight.alarms.models.alarms import one_of
from parksight.alarms.models.words import REACTION_STATES
from parksight.kernel.append_only import append_only
from parksight.kernel.db import Base


class Linkage(Base):
    """Which alarms call for which reactions, as it stands now.

    Attributes:
        definition: ``{"match": {priorities, rules, kinds, steps, enterprises, units, things},
            "actions": [{"kind": …, …}]}`` (:mod:`parksight.alarms.schemas.linkage`).
        enterprise_id: its owner; None: the zone's.
    """

    __tablename__ = "alarms_linkage"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(96), unique=True)
    name: Mapped[str] = mapped_column(String(200), default="")
    name_en: Mapped[str] = mapped_column(String(200), default="")
    enterprise_id: Mapped[int | None] = mapped_column(index=True, default=None)
    definition: Mapped[dict[str, Any]]
    enabled: Mapped[bool] = mapped_column(default=True)
    version: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class LinkageVersion(Base):
    """A linkage as it was from ``at`` on, until the next version."""

    __tablename__ = "alarms_linkage_version"
    __table_args__ = (UniqueConstraint("linkage_id", "version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    linkage_id: Mapped[int] = mapped_column(ForeignKey("alarms_linkage.id"))
    version: Mapped[int] = mapped_column(Integer)
    name: Mapped[str] = mapped_column(String(200), default="")
    definition: Mapped[dict[str, Any]]
    enabled: Mapped[bool]
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(default=None)
    by_name: Mapped[str] = mapped_column(String(120))


append_only(cast(Table, LinkageVersion.__table__))


class Reaction(Base):
    """One action an alarm called for; written with the alarm, carried out after the commit, never twice.

    Attributes:
        action: the declared action as it was then.
        due_at: not before (retries wait).
        result: what it found or did, in the action's own words.
    """

    __tablename__ = "alarms_reaction"
    __table_args__ = (
        UniqueConstraint("alarm_id", "linkage_id", "place"),
        CheckConstraint(one_of("state", REACTION_STATES), name="state_known"),
        Index("ix_alarms_reaction_waiting", "state", "due_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    alarm_id: Mapped[int] = mapped_column(ForeignKey("alarms_alarm.id"), index=True)
    group_id: Mapped[int | None] = mapped_column(ForeignKey("alarms_group.id"), index=True, default=None)
    enterprise_id: Mapped[int | None] = mapped_column(index=True, default=None)
    linkage_id: Mapped[int] = mapped_column(ForeignKey("alarms_linkage.id"))
    linkage_version: Mapped[int] = mapped_column(Integer)
    place: Mapped[int] = mapped_column(Integer)
    kind: Mapped[str] = mapped_column(String(24))
    action: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(12), default="waiting")
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    started_at: Mapped[datetime | None] = mapped_column(default=None)
    finished_at: Mapped[datetime | None] = mapped_column(default=None)
    took_ms: Mapped[int | None] = mapped_column(Integer, default=None)
    result: Mapped[dict[str, Any]] = mapped_column(default=dict)
