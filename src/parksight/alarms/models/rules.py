"""Tables of rules: what is demanded now, and every version it ever had."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from sqlalchemy import ForeignKey, Integer, String, Table, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from parksight.kernel.append_only import append_only
from parksight.kernel.db import Base


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
