"""Queries of points. Each starts from what the caller may see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from parksight.kernel.errors import invalid, not_found
from parksight.kernel.permissions import Caller
from parksight.telemetry.live_table import LiveTable, State
from parksight.telemetry.models import Point
from parksight.telemetry.quality import CODE_MASK

SORTABLE = (
    "id", "code", "name", "name_en", "quantity", "kind", "enterprise_id", "priority", "period_s",
    "created_at", "updated_at",
)  # fmt: skip
_CHUNK = 1_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a list of points is narrowed; None means "any".

    Attributes:
        kind: class tag; a class also covers those below it (``energy`` covers ``energy.active_power``).
        state: state of the newest value.
        quality: quality code of the newest value.
    """

    q: str | None = None
    enterprise_id: int | None = None
    place_id: int | None = None
    thing_id: int | None = None
    quantity: str | None = None
    kind: str | None = None
    active: bool | None = True
    simulated: bool | None = None
    state: State | None = None
    quality: int | None = None


def visible(caller: Caller, *columns: Any) -> Select[Any]:
    """Points (or columns of them) within the caller's scope."""
    return caller.scoped(select(*(columns or (Point,))), Point.enterprise_id)


def get(session: Session, caller: Caller, point_id: int) -> Point:
    """One point; 404 also for a point of somebody else."""
    point: Point | None = session.scalar(visible(caller).where(Point.id == point_id))
    if point is None:
        raise not_found("telemetry.point", point_id)
    return point


def visible_ids(session: Session, caller: Caller, ids: Sequence[int]) -> set[int]:
    """Those of the ids that exist and that the caller may see."""
    found: set[int] = set()
    wanted = sorted(set(ids))
    for start in range(0, len(wanted), _CHUNK):
        part = wanted[start : start + _CHUNK]
        found.update(session.scalars(visible(caller, Point.id).where(Point.id.in_(part))))
    return found


def _contains(column: Any, text: str) -> ColumnElement[bool]:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    clause: ColumnElement[bool] = column.ilike(f"%{escaped}%", escape="\\")
    return clause


def narrowed(caller: Caller, wanted: Wanted, *columns: Any) -> Select[Any]:
    """Statement narrowed by everything that the records know (not by state and quality)."""
    statement = visible(caller, *columns)
    for name in ("enterprise_id", "place_id", "thing_id", "quantity", "active", "simulated"):
        value = getattr(wanted, name)
        if value is not None:
            statement = statement.where(getattr(Point, name) == value)
    if wanted.kind:
        below = wanted.kind.replace("_", "\\_") + ".%"
        statement = statement.where(or_(Point.kind == wanted.kind, Point.kind.like(below, escape="\\")))
    if wanted.q:
        statement = statement.where(
            or_(*(_contains(c, wanted.q) for c in (Point.code, Point.name, Point.name_en)))
        )
    return statement


def ordering(sort: str) -> list[Any]:
    """ORDER BY of ``field`` or ``-field``; the id makes it total."""
    name = sort.removeprefix("-")
    if name not in SORTABLE:
        raise invalid("telemetry.sort_unknown", "sort", sort=name[:40], allowed=", ".join(SORTABLE))
    column = getattr(Point, name)
    return [column.desc() if sort.startswith("-") else column.asc(), Point.id.asc()]


def page(
    session: Session,
    caller: Caller,
    wanted: Wanted,
    live: LiveTable,
    now_ms: int,
    *,
    sort: str,
    limit: int,
    offset: int,
) -> tuple[list[Point], int]:
    """Points of a page and the number of all."""
    order = ordering(sort)
    if wanted.state is None and wanted.quality is None:
        total = session.scalar(narrowed(caller, wanted, func.count())) or 0
        rows = session.scalars(narrowed(caller, wanted).order_by(*order).limit(limit).offset(offset))
        return list(rows), total
    ids = np.fromiter(session.scalars(narrowed(caller, wanted, Point.id).order_by(*order)), np.int32)
    rows_now = live.rows(ids, now_ms)
    keep = np.ones(len(ids), bool)
    if wanted.state is not None:
        keep &= rows_now.state == wanted.state
    if wanted.quality is not None:
        keep &= (rows_now.quality & CODE_MASK) == wanted.quality
    chosen = [int(i) for i in ids[keep]]
    part = chosen[offset : offset + limit]
    found = {p.id: p for p in session.scalars(select(Point).where(Point.id.in_(part)))}
    return [found[i] for i in part if i in found], len(chosen)
