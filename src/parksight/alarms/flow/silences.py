"""Which running suppression or announced work covers an alarm."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from parksight.alarms.models import Suppression, Window

#: Which one names the state when several cover an alarm: the most deliberate first.
_ORDER = {"out_of_service": 0, "shelved": 1}


class Extent(Protocol):
    """Columns of what a record covers (:class:`parksight.alarms.models.silence.Extent`)."""

    rule_id: Any
    step: Any
    point_id: Any
    thing_id: Any
    unit_id: Any
    enterprise_id: Any


@dataclass(frozen=True, slots=True)
class Spot:
    """Where an alarm is, as extents are compared with it."""

    rule_id: int
    step: str
    point_id: int
    thing_id: int | None
    unit_id: int | None
    enterprise_id: int | None


def covers(extent: Extent, spot: Spot) -> bool:
    """Whether everything an extent names is the alarm's: rule, step, point, thing, unit; or, alone, its enterprise."""
    narrow = [
        n for n in ("rule_id", "step", "point_id", "thing_id", "unit_id") if getattr(extent, n) is not None
    ]
    if narrow:
        return all(getattr(extent, n) == getattr(spot, n) for n in narrow)
    return extent.enterprise_id is not None and bool(extent.enterprise_id == spot.enterprise_id)


def words(extent: Extent) -> str:
    """Which kind of thing an extent names: ``alarm`` for one step of a rule at one point."""
    if extent.step is not None:
        return "alarm"
    for name in ("rule_id", "point_id", "thing_id", "unit_id", "enterprise_id"):
        if getattr(extent, name) is not None:
            return name.removesuffix("_id")
    return "nothing"


class Silences:
    """Running shelves and services; read once per burst."""

    def __init__(self, session: Session) -> None:
        statement = select(Suppression).where(
            Suppression.ended_at.is_(None), Suppression.kind.in_(tuple(_ORDER))
        )
        self.running = sorted(session.scalars(statement), key=lambda s: (_ORDER[s.kind], s.id))

    def of(self, spot: Spot) -> Suppression | None:
        return next((s for s in self.running if covers(s, spot)), None)


class Windows:
    """Works announced for any time between the given instants."""

    def __init__(self, session: Session, start: datetime, end: datetime) -> None:
        statement = select(Window).where(
            Window.start_at <= end,
            Window.end_at > start,
            or_(Window.ended_at.is_(None), Window.ended_at > start),
        )
        self.found = list(session.scalars(statement.order_by(Window.id)))

    def of(self, spot: Spot, at: datetime) -> Window | None:
        """The work that was going on there at that moment (observation time)."""
        return next(
            (w for w in self.found
             if w.start_at <= at < (w.end_at if w.ended_at is None else min(w.end_at, w.ended_at)) and covers(w, spot)),
            None,
        )  # fmt: skip


def due(session: Session, now: datetime) -> list[Suppression]:
    """Shelves and services whose time has run out."""
    statement = select(Suppression).where(Suppression.ended_at.is_(None), Suppression.until_at <= now)
    return list(session.scalars(statement.order_by(Suppression.id)))


def unauthorised() -> ColumnElement[bool]:
    """Silences without owner, reason or end: there must be none."""
    return or_(
        Suppression.reason == "",
        Suppression.owner_name == "",
        and_(Suppression.owner_id.is_not(None), Suppression.until_at.is_(None)),
    )


def earliest(records: Iterable[Suppression]) -> datetime | None:
    """When the next of them runs out."""
    return min((s.until_at for s in records if s.until_at is not None), default=None)
