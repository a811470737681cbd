"""Queries of work safety; each starts from the caller's scope."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from parksight.alarms.models import Alarm, Rule
from parksight.alarms.repository import is_open, pick
from parksight.kernel.errors import not_found
from parksight.kernel.permissions import Caller
from parksight.registry.models import Enterprise, Unit
from parksight.safety.models import Chemical, Hazard, HazardPoint, Identification
from parksight.telemetry.models import Point

_SORTS = {
    "level": (Hazard.level.is_(None), Hazard.level, Hazard.r.desc(), Hazard.id),
    "-level": (Hazard.level.is_(None), Hazard.level.desc(), Hazard.r, Hazard.id),
    "r": (Hazard.r.is_(None), Hazard.r, Hazard.id),
    "-r": (Hazard.r.is_(None), Hazard.r.desc(), Hazard.id),
    "assessment_ends_on": (Hazard.assessment_ends_on.is_(None), Hazard.assessment_ends_on, Hazard.id),
    "unit": (Unit.code, Hazard.id),
}
SORTS = tuple(_SORTS)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Filters of the list of hazard sources; None is "any"."""

    state: str | None = None
    level: int | None = None
    enterprise_id: int | None = None
    q: str | None = None
    disagrees: bool | None = None
    sort: str = "level"


@dataclass(frozen=True, slots=True)
class Found:
    """A hazard source with its unit and enterprise."""

    hazard: Hazard
    unit: Unit
    enterprise: Enterprise


def hazards(caller: Caller, wanted: Wanted) -> Select[Any]:
    """Statement of hazard sources the caller may see, with unit and enterprise."""
    columns = pick(Hazard, Unit, Enterprise)
    statement = (
        columns.join(Unit, Unit.id == Hazard.unit_id).join(Enterprise, Enterprise.id == Hazard.enterprise_id)
    )  # fmt: skip
    statement = caller.scoped(statement, Hazard.enterprise_id)
    if wanted.state is not None:
        statement = statement.where(Hazard.state == wanted.state)
    if wanted.level is not None:
        statement = statement.where(Hazard.level == wanted.level)
    if wanted.enterprise_id is not None:
        statement = statement.where(Hazard.enterprise_id == wanted.enterprise_id)
    if wanted.disagrees is not None:
        differs = Hazard.level.is_distinct_from(Hazard.declared_level) & (Hazard.state != "unknown")
        statement = statement.where(differs if wanted.disagrees else ~differs)
    if wanted.q:
        text = wanted.q.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        found = [
            c.ilike(f"%{text}%", escape="\\")
            for c in (Unit.code, Unit.name, Unit.name_en, Enterprise.name, Enterprise.name_en)
        ]
        statement = statement.where(or_(*found))
    return statement.order_by(*_SORTS[wanted.sort])


def total(session: Session, statement: Select[Any]) -> int:
    """Rows of a statement of hazard sources."""
    counted = statement.with_only_columns(Hazard.id).order_by(None).subquery()
    return session.scalar(select(func.count()).select_from(counted)) or 0


def hazard(session: Session, caller: Caller, hazard_id: int) -> Found:
    """One source.

    Raises:
        ProblemError: 404, also for one of an enterprise the caller may not see.
    """
    row = session.execute(hazards(caller, Wanted()).where(Hazard.id == hazard_id)).first()
    if row is None:
        raise not_found("safety.hazard", hazard_id)
    return Found(*row)


def unit(session: Session, caller: Caller, unit_id: int) -> Unit:
    """A unit of the registry within the caller's scope; 404 otherwise."""
    found: Unit | None = session.scalar(
        caller.scoped(select(Unit), Unit.enterprise_id).where(Unit.id == unit_id)
    )
    if found is None:
        raise not_found("registry.unit", unit_id)
    return found


def chemicals(session: Session, hazard_id: int) -> list[Chemical]:
    statement = select(Chemical).where(Chemical.hazard_id == hazard_id).order_by(Chemical.id)
    return list(session.scalars(statement))


def points(session: Session, hazard_ids: Iterable[int]) -> dict[int, list[HazardPoint]]:
    """The points that watch some sources, by source."""
    out: dict[int, list[HazardPoint]] = {}
    wanted = sorted(set(hazard_ids))
    for row in session.scalars(
        select(HazardPoint).where(HazardPoint.hazard_id.in_(wanted)).order_by(HazardPoint.id)
    ):
        out.setdefault(row.hazard_id, []).append(row)
    return out


def open_alarms(session: Session, point_ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Point -> (open alarms, worst priority) of those that have any."""
    columns = pick(Alarm.point_id, func.count(), func.min(Alarm.priority))
    rows = session.execute(columns.where(Alarm.point_id.in_(point_ids), is_open()).group_by(Alarm.point_id))
    return {int(p): (int(n), int(worst)) for p, n, worst in rows}


def named_points(session: Session, point_ids: Sequence[int]) -> dict[int, Point]:
    return {p.id: p for p in session.scalars(select(Point).where(Point.id.in_(point_ids)))}


def limit_rules(session: Session, point_ids: Sequence[int]) -> dict[int, Rule]:
    """Point -> the enabled rule that compares its own value with limits."""
    statement = select(Rule).where(Rule.point_id.in_(point_ids), Rule.kind == "limit", Rule.enabled.is_(True))
    return {
        r.point_id: r for r in session.scalars(statement.order_by(Rule.id.desc())) if r.point_id is not None
    }


def newest_identification(session: Session, hazard_id: int) -> Identification | None:
    statement = select(Identification).where(Identification.hazard_id == hazard_id)
    return session.scalar(statement.order_by(Identification.id.desc()).limit(1))


def identifications(hazard_id: int) -> Select[Any]:
    return (
        select(Identification).where(Identification.hazard_id == hazard_id).order_by(Identification.id.desc())
    )


def count(session: Session, statement: Select[Any]) -> int:
    """Rows of any statement."""
    return session.scalar(select(func.count()).select_from(statement.order_by(None).subquery())) or 0
