"""What is around an alarm: the zone's wind, points, people on post and cameras, from registry and telemetry."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from parksight.alarms.flow.grouping import distance_m
from parksight.alarms.repository import pick
from parksight.kernel.permissions import Caller
from parksight.registry.models import Assignment, Camera, Equipment, Person
from parksight.telemetry.live_table import LiveTable, State
from parksight.telemetry.models import Point

WIND_DIRECTION = "weather.wind_direction"
WIND_SPEED = "weather.wind_speed"


@dataclass(frozen=True, slots=True)
class WindNow:
    """The zone's wind: degrees it comes *from*, m/s, observation time (ms) and the points it was read from."""

    from_deg: float
    speed: float | None
    observed_at: int
    point: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def wind(session: Session, live: LiveTable | None, now_ms: int) -> WindNow | None:
    """Newest trustworthy wind, the zone's own station first; None when no station speaks."""
    if live is None:
        return None
    direction = _newest(session, live, WIND_DIRECTION, now_ms)
    if direction is None:
        return None
    speed = _newest(session, live, WIND_SPEED, now_ms)
    return WindNow(direction[1] % 360.0, speed[1] if speed else None, direction[2], direction[0])


def _newest(session: Session, live: LiveTable, kind: str, now_ms: int) -> tuple[str, float, int] | None:
    statement = select(Point.id, Point.code).where(Point.kind == kind, Point.active.is_(True))
    found = session.execute(
        statement.order_by(Point.enterprise_id.is_not(None), Point.priority.desc(), Point.id)
    ).all()
    if not found:
        return None
    rows = live.rows(np.array([p.id for p in found], np.int32), now_ms)
    for i, point in enumerate(found):
        if rows.state[i] == State.ONLINE and np.isfinite(rows.value[i]):
            return point.code, float(rows.value[i]), int(rows.observed_at[i])
    return None


def adjacent(
    session: Session, caller: Caller, *, thing_id: int | None, unit_id: int | None, but: int, limit: int
) -> list[Point]:  # fmt: skip
    """Points of the same thing, then of the same unit, without the alarm's own."""
    if thing_id is None and unit_id is None:
        return []
    mine = select(Equipment.id).where(Equipment.unit_id == unit_id) if unit_id is not None else None
    around = [Point.thing_id == thing_id] if thing_id is not None else []
    statement = caller.scoped(select(Point), Point.enterprise_id).where(
        Point.active.is_(True), Point.id != but, or_(*around, *([] if mine is None else [Point.thing_id.in_(mine)]))
    )  # fmt: skip
    nearest = (Point.thing_id != thing_id).asc() if thing_id is not None else Point.id
    return list(session.scalars(statement.order_by(nearest, Point.priority.desc(), Point.id).limit(limit)))


def figures(live: LiveTable | None, points: list[Point], now_ms: int) -> list[dict[str, Any]]:
    """Newest values of points as plain data; a point that is not heard has no value, never zero."""
    if live is None or not points:
        return [
            {"point": p.code, "name": p.name, "unit": p.unit, "value": None, "state": "unknown"}
            for p in points
        ]
    rows = live.rows(np.array([p.id for p in points], np.int32), now_ms)
    out: list[dict[str, Any]] = []
    for i, p in enumerate(points):
        value, observed = float(rows.value[i]), int(rows.observed_at[i])
        out.append(
            {"point": p.code, "name": p.name, "unit": p.unit, "value": value if np.isfinite(value) else None,
             "observed_at": observed if observed >= 0 else None, "state": State(int(rows.state[i])).name.lower()}
        )  # fmt: skip
    return out


def cameras(
    session: Session, caller: Caller, position: tuple[float, float], radius_m: float
) -> list[dict[str, Any]]:
    """Cameras of the registry within reach, nearest first."""
    statement = caller.scoped(select(Camera), Camera.enterprise_id).where(Camera.active.is_(True))
    found = []
    for c in session.scalars(statement):
        if c.min_lon is None or c.min_lat is None:
            continue
        metres = distance_m(position, (c.min_lon, c.min_lat))
        if metres <= radius_m:
            found.append(
                {"id": c.id, "code": c.code, "name": c.name, "kind": c.kind, "metres": round(metres)}
            )
    return sorted(found, key=lambda c: (c["metres"], c["id"]))


def people_on_post(
    session: Session, caller: Caller, *, enterprise_id: int | None, unit_id: int | None, today: date
) -> list[dict[str, Any]]:  # fmt: skip
    """Who holds a post there, as the register of assignments says; it does not say that they are present."""
    if enterprise_id is None:
        return []
    statement = (
        caller.scoped(pick(Assignment.post, Person.name, Person.phone, Assignment.unit_id), Assignment.enterprise_id)
        .join(Person, Person.id == Assignment.person_id)
        .where(
            Assignment.active.is_(True), Person.active.is_(True), Assignment.enterprise_id == enterprise_id,
            or_(Assignment.valid_from.is_(None), Assignment.valid_from <= today),
            or_(Assignment.valid_to.is_(None), Assignment.valid_to >= today),
            or_(Assignment.unit_id.is_(None), Assignment.unit_id == unit_id),
        )
        .order_by(Assignment.unit_id.is_(None), Assignment.post, Person.id)
        .limit(100)
    )  # fmt: skip
    return [
        {"post": post, "name": name, "phone": phone, "unit_id": unit}
        for post, name, phone, unit in session.execute(statement)
    ]
