"""The records that panels are made of; each query is narrowed to what the caller may see."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from parksight.alarms.models import Alarm, Rule
from parksight.command.schemas import Named
from parksight.kernel.permissions import Caller
from parksight.registry.models import Enterprise, Equipment
from parksight.telemetry.models import Point


def _pick(*columns: Any) -> Select[Any]:
    """``select`` without the column types, which :meth:`Caller.scoped` does not carry."""
    return select(*columns)


#: SQL variables of one statement; SQLite of Debian 12 takes 32,766, older ones 999.
_CHUNK = 900


@dataclass(frozen=True, slots=True)
class PointRow:
    """What panels need of a point's definition; see :class:`parksight.telemetry.models.Point`."""

    id: int
    code: str
    name: str
    name_en: str
    kind: str
    unit: str
    period_s: float
    priority: int
    low: float | None
    high: float | None
    enterprise_id: int | None
    thing_id: int | None
    simulated: bool


_POINT = (
    Point.id, Point.code, Point.name, Point.name_en, Point.kind, Point.unit, Point.period_s, Point.priority,
    Point.plausible_low, Point.plausible_high, Point.enterprise_id, Point.thing_id, Point.simulated,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Limits:
    """Alarm limits of a point in its unit; None where there is no such step."""

    low_low: float | None = None
    low: float | None = None
    high: float | None = None
    high_high: float | None = None

    @property
    def upper(self) -> float | None:
        """What must not be exceeded: the first high step, else the second."""
        return self.high if self.high is not None else self.high_high

    @property
    def lower(self) -> float | None:
        return self.low if self.low is not None else self.low_low


@dataclass(frozen=True, slots=True)
class Thing:
    """An equipment with its name and, where known, its position in degrees."""

    named: Named
    lon: float | None
    lat: float | None


def points(session: Session, caller: Caller, kinds: Sequence[str]) -> list[PointRow]:
    """Active points of the given classes (a class covers those below it), by id."""
    below = [Point.kind.like(kind.replace("_", "\\_") + ".%", escape="\\") for kind in kinds]
    statement = caller.scoped(_pick(*_POINT), Point.enterprise_id).where(
        Point.active.is_(True), or_(Point.kind.in_(kinds), *below)
    )
    return [PointRow(*row) for row in session.execute(statement.order_by(Point.id))]


def points_by_id(session: Session, caller: Caller, ids: Iterable[int]) -> dict[int, PointRow]:
    statement = caller.scoped(_pick(*_POINT), Point.enterprise_id)
    return {row.id: row for row in (PointRow(*r) for r in _chunked(session, statement, Point.id, ids))}


def _chunked(session: Session, statement: Select[Any], column: Any, ids: Iterable[int]) -> Iterable[Any]:
    wanted = sorted(set(ids))
    for start in range(0, len(wanted), _CHUNK):
        yield from session.execute(statement.where(column.in_(wanted[start : start + _CHUNK])))


def limits(session: Session, ids: Iterable[int]) -> dict[int, Limits]:
    """Limits by point from the enabled rules; several rules on one point: the tightest of each step."""
    found: dict[int, Limits] = {}
    statement = _pick(Rule.point_id, Rule.definition).where(Rule.enabled.is_(True))
    for point_id, definition in _chunked(session, statement, Rule.point_id, ids):
        have = found.get(point_id, Limits())
        found[point_id] = Limits(
            low_low=_tightest(max, have.low_low, _limit(definition, "ll")),
            low=_tightest(max, have.low, _limit(definition, "l")),
            high=_tightest(min, have.high, _limit(definition, "h")),
            high_high=_tightest(min, have.high_high, _limit(definition, "hh")),
        )
    return found


def _limit(definition: dict[str, Any], step: str) -> float | None:
    entry = definition.get(step)
    return float(entry["limit"]) if entry else None


def _tightest(pick: Any, a: float | None, b: float | None) -> float | None:
    known = [v for v in (a, b) if v is not None]
    return pick(known) if known else None


def things(session: Session, caller: Caller, ids: Iterable[int]) -> dict[int, Thing]:
    """Equipment by id, as far as the caller may see it."""
    statement = caller.scoped(
        _pick(
            Equipment.id, Equipment.name, Equipment.name_en, Equipment.min_lon, Equipment.max_lon,
            Equipment.min_lat, Equipment.max_lat,
        ),
        Equipment.enterprise_id,
    )  # fmt: skip
    return {
        row[0]: Thing(Named(id=row[0], name=row[1], name_en=row[2]), *_middle(*row[3:]))
        for row in _chunked(session, statement, Equipment.id, ids)
    }


def enterprises(session: Session, caller: Caller, ids: Iterable[int]) -> dict[int, Thing]:
    """Enterprises by id with their position, as far as the caller may see them."""
    statement = caller.scoped(
        _pick(
            Enterprise.id, Enterprise.name, Enterprise.name_en, Enterprise.min_lon, Enterprise.max_lon,
            Enterprise.min_lat, Enterprise.max_lat,
        ),
        Enterprise.id,
    )  # fmt: skip
    return {
        row[0]: Thing(Named(id=row[0], name=row[1], name_en=row[2]), *_middle(*row[3:]))
        for row in _chunked(session, statement, Enterprise.id, ids)
    }


def _middle(
    west: float | None, east: float | None, south: float | None, north: float | None
) -> tuple[float | None, float | None]:
    if west is None or east is None or south is None or north is None:
        return None, None
    return (west + east) / 2, (south + north) / 2


def enterprise_count(session: Session, caller: Caller) -> int:
    statement = caller.scoped(_pick(func.count()).select_from(Enterprise), Enterprise.id)
    return int(session.execute(statement.where(Enterprise.active.is_(True))).scalar_one())


def open_alarms(session: Session, caller: Caller, at: datetime | None) -> list[Alarm]:
    """Alarms not yet cleared *and* acknowledged, as it was at ``at`` (None: now); worst first.

    Worst: standing before cleared, priority, not acknowledged, newest.
    """
    statement = caller.scoped(_pick(Alarm), Alarm.enterprise_id)
    if at is None:
        statement = statement.where(
            or_(Alarm.condition != "cleared", Alarm.handling == "new"),
            # what is shelved, suppressed or out of service annunciates nowhere
            or_(Alarm.suppressed.is_(None), Alarm.suppressed == "chattering"),
        )
    else:
        statement = statement.where(
            Alarm.raised_at <= at,
            or_(
                Alarm.cleared_at.is_(None), Alarm.cleared_at > at,
                Alarm.acknowledged_at.is_(None), Alarm.acknowledged_at > at,
            ),
        )  # fmt: skip
    rows = list(session.execute(statement).scalars())
    rows.sort(
        key=lambda a: (
            cleared_by(a, at) is not None,
            a.priority,
            acknowledged_by(a, at) is not None,
            -a.raised_at.timestamp(),
        )
    )
    return rows


def cleared_by(alarm: Alarm, at: datetime | None) -> datetime | None:
    """When the alarm had cleared, as seen at that moment."""
    if alarm.cleared_at is None or (at is not None and alarm.cleared_at > at):
        return None
    return alarm.cleared_at


def acknowledged_by(alarm: Alarm, at: datetime | None) -> datetime | None:
    """When the alarm had been acknowledged, as seen at that moment."""
    if alarm.acknowledged_at is None or (at is not None and alarm.acknowledged_at > at):
        return None
    return alarm.acknowledged_at


def raised_between(
    session: Session, caller: Caller, start: datetime, end: datetime
) -> list[tuple[datetime, int]]:
    """(raised at, priority) of every alarm raised in ``[start, end)``."""
    statement = caller.scoped(_pick(Alarm.raised_at, Alarm.priority), Alarm.enterprise_id)
    statement = statement.where(Alarm.raised_at >= start, Alarm.raised_at < end)
    return [(row[0], row[1]) for row in session.execute(statement)]


def unacknowledged(session: Session, caller: Caller) -> int:
    statement = caller.scoped(_pick(func.count()).select_from(Alarm), Alarm.enterprise_id)
    return int(session.execute(statement.where(Alarm.handling == "new")).scalar_one())
