"""Tables of telemetry: what is measured (points) and what forensics found about it.

Ids of places, things and devices are plain integers of the registry and gateway rooms: telemetry does not
import them, so there are no foreign keys across rooms.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Float, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from parksight.kernel.db import Base

#: Point ids travel as int32 on the hot path and index NumPy columns directly.
MAX_POINT_ID = 2**31 - 1


class Point(Base):
    """One measured stream. Values are stored in ``unit``; gateways deliver them in ``source_unit``.

    Attributes:
        code: unique, human-made, e.g. ``E017.TK03.LEVEL``.
        quantity: word of :data:`parksight.telemetry.units.QUANTITIES`.
        unit: unit of every stored value, of that quantity.
        source_unit: unit in which gateways deliver; None means the same as ``unit``.
        scale: raw value times ``scale`` plus ``shift`` gives the value in the source unit.
        period_s: expected seconds between readings; older than three periods is stale.
        resolution: smallest step of the instrument in ``unit``, None when not known.
        plausible_low: below it a value is stored as SUSPECT; None means no bound.
        impossible_low: below it a value is rejected; None means the bound of the quantity.
        enterprise_id: None for points of the zone itself.
        kind: class tag, dotted: ``gas``, ``emission``, ``energy.active_power``, ``tank.level``, ``weather``.
        priority: 0 ordinary, higher comes first on screens.
        simulated: inherited from the device; every value is flagged SIMULATED.
        properties: free data; ``forensics`` in it steers the checks (see ``telemetry/forensics``).
        version: grows with each change; an update names the one it saw.
    """

    __tablename__ = "telemetry_point"
    __table_args__ = (
        CheckConstraint(f"id > 0 AND id <= {MAX_POINT_ID}", name="id_int32"),
        CheckConstraint("period_s > 0", name="period_positive"),
        CheckConstraint("scale <> 0", name="scale_not_zero"),
        Index("ix_telemetry_point_enterprise_kind", "enterprise_id", "kind"),
        # An id is never given out twice: mappings and rules of a removed point must not meet a new one.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    code: Mapped[str] = mapped_column(String(96), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    name_en: Mapped[str] = mapped_column(String(200), default="")
    quantity: Mapped[str] = mapped_column(String(40), index=True)
    unit: Mapped[str] = mapped_column(String(24))
    source_unit: Mapped[str | None] = mapped_column(String(24), default=None)
    scale: Mapped[float] = mapped_column(Float, default=1.0)
    shift: Mapped[float] = mapped_column(Float, default=0.0)
    period_s: Mapped[float] = mapped_column(Float, default=60.0)
    resolution: Mapped[float | None] = mapped_column(Float, default=None)
    plausible_low: Mapped[float | None] = mapped_column(Float, default=None)
    plausible_high: Mapped[float | None] = mapped_column(Float, default=None)
    impossible_low: Mapped[float | None] = mapped_column(Float, default=None)
    impossible_high: Mapped[float | None] = mapped_column(Float, default=None)
    enterprise_id: Mapped[int | None] = mapped_column(default=None)
    place_id: Mapped[int | None] = mapped_column(index=True, default=None)
    thing_id: Mapped[int | None] = mapped_column(index=True, default=None)
    kind: Mapped[str] = mapped_column(String(64), index=True, default="")
    priority: Mapped[int] = mapped_column(Integer, default=0)
    active: Mapped[bool] = mapped_column(default=True)
    simulated: Mapped[bool] = mapped_column(default=False)
    properties: Mapped[dict[str, Any]] = mapped_column(default=dict)
    version: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Finding(Base):
    """Something forensics holds against a span of a point's observations.

    Attributes:
        kind: ``flat_line``, ``spike``, ``out_of_range``, ``repeated_block`` or ``clock_drift``.
        started_at: first instant of the span (observed time), inclusive.
        ended_at: end of the span, exclusive.
        score: how far beyond the rule's threshold, 1 is just over it.
        evidence: the figures the verdict was computed from, with the rule's parameters.
        marked: observations that were given the code SUSPECT.
        state: ``open``, ``confirmed`` or ``dismissed``.
    """

    __tablename__ = "telemetry_finding"
    __table_args__ = (
        Index("ix_telemetry_finding_span", "point_id", "kind", "started_at"),
        CheckConstraint("state IN ('open', 'confirmed', 'dismissed')", name="state_known"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    point_id: Mapped[int] = mapped_column(ForeignKey("telemetry_point.id"), type_=Integer)
    enterprise_id: Mapped[int | None] = mapped_column(index=True, default=None)
    kind: Mapped[str] = mapped_column(String(24), index=True)
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime]
    detected_at: Mapped[datetime] = mapped_column(index=True)
    score: Mapped[float] = mapped_column(Float)
    evidence: Mapped[dict[str, Any]] = mapped_column(default=dict)
    marked: Mapped[int] = mapped_column(Integer, default=0)
    state: Mapped[str] = mapped_column(String(12), default="open", index=True)
    reviewed_by: Mapped[str | None] = mapped_column(String(120), default=None)
    reviewed_at: Mapped[datetime | None] = mapped_column(default=None)
    note: Mapped[str | None] = mapped_column(Text, default=None)
    version: Mapped[int] = mapped_column(Integer, default=1)
