"""Major hazard sources (重大危险源): a unit of the registry, what it may hold, what watches it, and what it was found to be."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Date,
    Float,
    ForeignKey,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from parksight.kernel.append_only import append_only
from parksight.kernel.db import Base


class Hazard(Base):
    """A unit that is, or may be, a major hazard source (GB 18218-2018).

    Attributes:
        unit_id: the process unit of the registry; one hazard record each.
        enterprise_id: of the unit, for the scope of queries.
        kind: what bounds it (GB 18218-2018, 3.5 and 3.6): ``production``, ``tank_farm`` or ``warehouse``.
        persons: people living within 500 m outside the plant boundary; None: not counted yet, then there is no level.
        declared_level: 1 (gravest) to 4 as filed with the authority; None: not filed.
        record_no: number of that filing.
        assessed_on, assessment_ends_on: day of the safety assessment and the last day it holds.
        state: ``major``, ``below`` (s < 1) or ``unknown`` by the newest identification.
        s, r, level: its figures, None while unknown.
        problem: why it is unknown: a key of the locale files.
    """

    __tablename__ = "safety_hazard"
    __table_args__ = (
        CheckConstraint("persons >= 0", name="persons_not_negative"),
        CheckConstraint("declared_level BETWEEN 1 AND 4", name="declared_level_range"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("registry_unit.id"), unique=True)
    enterprise_id: Mapped[int] = mapped_column(ForeignKey("registry_enterprise.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    persons: Mapped[int | None] = mapped_column(Integer, default=None)
    declared_level: Mapped[int | None] = mapped_column(Integer, default=None)
    record_no: Mapped[str] = mapped_column(String(64), default="")
    assessed_on: Mapped[date | None] = mapped_column(Date, default=None)
    assessment_ends_on: Mapped[date | None] = mapped_column(Date, default=None, index=True)
    remark: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[str] = mapped_column(String(8), default="unknown", index=True)
    s: Mapped[float | None] = mapped_column(Float, default=None)
    r: Mapped[float | None] = mapped_column(Float, default=None)
    level: Mapped[int | None] = mapped_column(Integer, default=None, index=True)
    problem: Mapped[str | None] = mapped_column(String(64), default=None)
    simulated: Mapped[bool] = mapped_column(Boolean, default=False)
    version: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Chemical(Base):
    """What a unit may hold: a row of GB 18218-2018 Table 1 or 2 with the design maximum of the unit.

    Attributes:
        substance: CAS number, Table 2 symbol or name by which :func:`gb18218.find` finds the row.
        name: as the enterprise calls it.
        tonnes: design maximum, t; not today's stock.
        hazard_classes: Table 2 symbols that give beta where Table 3 does not.
        condition_confirmed: somebody has confirmed what the row asks of content or state (``含量>90%``).
        origin: where the figure comes from, e.g. the assessment report.
        as_of: the day it holds for.
    """

    __tablename__ = "safety_hazard_chemical"
    __table_args__ = (CheckConstraint("tonnes >= 0", name="tonnes_not_negative"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    hazard_id: Mapped[int] = mapped_column(ForeignKey("safety_hazard.id"), index=True)
    substance: Mapped[str] = mapped_column(String(120))
    name: Mapped[str] = mapped_column(String(120))
    tonnes: Mapped[float] = mapped_column(Float)
    hazard_classes: Mapped[list[Any]] = mapped_column(default=list)
    condition_confirmed: Mapped[bool] = mapped_column(Boolean, default=False)
    origin: Mapped[str] = mapped_column(String(200), default="")
    as_of: Mapped[date] = mapped_column(Date)


class HazardPoint(Base):
    """A point that watches a hazard source. ``interlock``: it also trips the plant; the platform only reads it."""

    __tablename__ = "safety_hazard_point"
    __table_args__ = (UniqueConstraint("hazard_id", "point_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    hazard_id: Mapped[int] = mapped_column(ForeignKey("safety_hazard.id"), index=True)
    point_id: Mapped[int] = mapped_column(ForeignKey("telemetry_point.id"), index=True)
    parameter: Mapped[str] = mapped_column(String(16))
    interlock: Mapped[bool] = mapped_column(Boolean, default=False)


class Identification(Base):
    """What a unit was found to be at a moment, with every line of the derivation; written once.

    Attributes:
        lines: per substance: mass, threshold, beta, ratio, weighted ratio, with standard, clause and confidence.
        alpha: the factor by people nearby, likewise.
        why: what had changed.
    """

    __tablename__ = "safety_identification"

    id: Mapped[int] = mapped_column(primary_key=True)
    hazard_id: Mapped[int] = mapped_column(ForeignKey("safety_hazard.id"), index=True)
    at: Mapped[datetime]
    by_name: Mapped[str] = mapped_column(String(200))
    why: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(8))
    s: Mapped[float | None] = mapped_column(Float, default=None)
    r: Mapped[float | None] = mapped_column(Float, default=None)
    level: Mapped[int | None] = mapped_column(Integer, default=None)
    problem: Mapped[str | None] = mapped_column(String(64), default=None)
    problem_text: Mapped[str] = mapped_column(Text, default="")
    persons: Mapped[int | None] = mapped_column(Integer, default=None)
    alpha: Mapped[dict[str, Any]] = mapped_column(default=dict)
    lines: Mapped[list[Any]] = mapped_column(default=list)


append_only(cast(Table, Identification.__table__))
