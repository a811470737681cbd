"""Queries of alarms; each starts from the caller's scope."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import Session

from parksight.alarms.models import Alarm, Group, JournalEntry, Rule, Window
from parksight.kernel.errors import ProblemError
from parksight.kernel.permissions import Caller
from parksight.registry.models import Enterprise, Equipment
from parksight.telemetry.models import Point

#: Words of the ``state`` filter.
STATES = ("open", "active", "unknown", "unacknowledged", "suppressed", "cleared", "closed", "all")
_SORTS = {
    "raised_at": Alarm.raised_at, "priority": Alarm.priority, "recorded_at": Alarm.recorded_at,
    "cleared_at": Alarm.cleared_at, "id": Alarm.id,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """Filters of the alarm list; None and empty mean "any"."""

    state: str = "open"
    priority: tuple[int, ...] = ()
    enterprise_id: int | None = None
    point_id: int | None = None
    unit_id: int | None = None
    thing_id: int | None = None
    step: str | None = None
    q: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    sort: str = "-raised_at"
    group_id: int | None = None
    cause: str | None = None
    post: str | None = None
    suppressed: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """An alarm with what it points at."""

    alarm: Alarm
    point: Point | None
    thing: Equipment | None
    enterprise: Enterprise | None
    case_id: int | None = None
    window_kind: str | None = None


def pick(*columns: Any) -> Select[Any]:
    """``select`` of several columns as the scope takes it."""
    return select(*columns)


def is_open() -> ColumnElement[bool]:
    """Still standing, latched, or without a cause (:func:`parksight.alarms.lifecycle.is_open`)."""
    return or_(
        Alarm.condition != "cleared",
        Alarm.handling.not_in(("closed", "suppressed")),
        and_(Alarm.latching.is_(True), Alarm.reset_at.is_(None)),
    )


def _state(word: str) -> ColumnElement[bool] | None:
    return {
        "open": is_open(),
        "active": Alarm.condition == "active",
        "unknown": Alarm.condition == "unknown",
        "unacknowledged": Alarm.handling == "new",
        "cleared": Alarm.condition == "cleared",
        "closed": Alarm.handling == "closed",
        "suppressed": and_(Alarm.suppressed.is_not(None), Alarm.condition != "cleared"),
    }.get(word)


def joined(caller: Caller) -> Select[Any]:
    statement = (
        pick(Alarm, Point, Equipment, Enterprise, Group.case_id, Window.kind)
        .outerjoin(Point, Point.id == Alarm.point_id)
        .outerjoin(Equipment, Equipment.id == Alarm.thing_id)
        .outerjoin(Enterprise, Enterprise.id == Alarm.enterprise_id)
        .outerjoin(Group, Group.id == Alarm.group_id)
        .outerjoin(Window, Window.id == Alarm.window_id)
    )
    return caller.scoped(statement, Alarm.enterprise_id)


def alarms(caller: Caller, wanted: Wanted) -> Select[Any]:
    """Statement of a list. A time window never hides an open alarm."""
    statement = joined(caller)
    clause = _state(wanted.state)
    if clause is not None:
        statement = statement.where(clause)
    if wanted.priority:
        statement = statement.where(Alarm.priority.in_(wanted.priority))
    for column, value in (
        (Alarm.enterprise_id, wanted.enterprise_id), (Alarm.point_id, wanted.point_id),
        (Alarm.unit_id, wanted.unit_id), (Alarm.thing_id, wanted.thing_id), (Alarm.step, wanted.step),
        (Alarm.group_id, wanted.group_id), (Alarm.cause, wanted.cause), (Alarm.post, wanted.post),
        (Alarm.suppressed, wanted.suppressed),
    ):  # fmt: skip
        if value is not None:
            statement = statement.where(column == value)
    if wanted.q:
        escaped = wanted.q.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        texts = (Point.code, Point.name, Point.name_en, Equipment.name, Enterprise.name, Enterprise.name_en)
        statement = statement.where(or_(*(t.ilike(f"%{escaped}%", escape="\\") for t in texts)))
    window = [
        bound for bound in (
            None if wanted.start is None else Alarm.raised_at >= wanted.start,
            None if wanted.end is None else Alarm.raised_at < wanted.end,
        ) if bound is not None
    ]  # fmt: skip
    if window:
        statement = statement.where(or_(is_open(), and_(*window)))
    return statement.order_by(*_sorting(wanted.sort))


def _sorting(sort: str) -> list[Any]:
    name = sort.removeprefix("-")
    column: Any = _SORTS.get(name)
    if column is None:
        raise ProblemError("alarms.sort_unknown", 422, {"sort": name, "allowed": ", ".join(_SORTS)}, "sort")
    down = sort.startswith("-")
    return [column.desc() if down else column.asc(), Alarm.id.desc() if down else Alarm.id.asc()]


def worst_first() -> list[Any]:
    """ORDER BY: standing before cleared, unacknowledged first, highest priority, newest."""
    standing = case((Alarm.condition == "cleared", 1), else_=0)
    handled = case((Alarm.handling == "new", 0), else_=1)
    return [standing, Alarm.priority, handled, Alarm.raised_at.desc(), Alarm.id.desc()]


def found(session: Session, statement: Select[Any]) -> list[Found]:
    return [Found(*row) for row in session.execute(statement)]


def one(session: Session, caller: Caller, alarm_id: int) -> Found | None:
    row = session.execute(joined(caller).where(Alarm.id == alarm_id)).first()
    return None if row is None else Found(*row)


def open_by_priority(
    session: Session, caller: Caller, enterprise_id: int | None = None
) -> list[tuple[int, ...]]:
    """(priority, open, active, unknown, unacknowledged) of each priority that has open alarms."""

    def number(clause: ColumnElement[bool]) -> Any:
        return func.coalesce(func.sum(case((clause, 1), else_=0)), 0)

    statement = pick(
        Alarm.priority, func.count(), number(Alarm.condition == "active"), number(Alarm.condition == "unknown"),
        number(Alarm.handling == "new"),
    ).where(is_open())  # fmt: skip
    if enterprise_id is not None:
        statement = statement.where(Alarm.enterprise_id == enterprise_id)
    rows = session.execute(caller.scoped(statement, Alarm.enterprise_id).group_by(Alarm.priority))
    return [tuple(int(v) for v in row) for row in rows]


def announced_since(
    session: Session, caller: Caller, start: datetime, enterprise_id: int | None = None
) -> int:
    """Alarms announced since ``start``; what was kept silent does not count."""
    statement = pick(func.count(Alarm.id)).where(Alarm.annunciated_at >= start)
    if enterprise_id is not None:
        statement = statement.where(Alarm.enterprise_id == enterprise_id)
    return session.scalar(caller.scoped(statement, Alarm.enterprise_id)) or 0


def journal(
    caller: Caller, *, alarm_id: int | None, point_id: int | None, what: str | None, start: datetime | None,
    end: datetime | None,
) -> Select[Any]:  # fmt: skip
    """Journal entries with their points, newest first."""
    statement = pick(JournalEntry, Point).outerjoin(Point, Point.id == JournalEntry.point_id)
    for column, value in (
        (JournalEntry.alarm_id, alarm_id), (JournalEntry.point_id, point_id), (JournalEntry.what, what)
    ):  # fmt: skip
        if value is not None:
            statement = statement.where(column == value)
    if start is not None:
        statement = statement.where(JournalEntry.recorded_at >= start)
    if end is not None:
        statement = statement.where(JournalEntry.recorded_at < end)
    return caller.scoped(statement, JournalEntry.enterprise_id).order_by(JournalEntry.id.desc())


def rules(
    caller: Caller, *, q: str | None, point_id: int | None, enterprise_id: int | None, enabled: bool | None
) -> Select[Any]:  # fmt: skip
    """Rules with their points, by code."""
    statement = pick(Rule, Point).outerjoin(Point, Point.id == Rule.point_id)
    if q:
        escaped = q.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        texts = (Rule.code, Rule.name, Point.code, Point.name, Point.name_en)
        statement = statement.where(or_(*(t.ilike(f"%{escaped}%", escape="\\") for t in texts)))
    for column, value in (
        (Rule.point_id, point_id), (Rule.enterprise_id, enterprise_id), (Rule.enabled, enabled)
    ):  # fmt: skip
        if value is not None:
            statement = statement.where(column == value)
    return caller.scoped(statement, Rule.enterprise_id).order_by(Rule.code)


def total(session: Session, statement: Select[Any], key: Any) -> int:
    return (
        session.scalar(
            select(func.count()).select_from(statement.order_by(None).with_only_columns(key).subquery())
        )
        or 0
    )


def alarms_of_windows(session: Session, ids: list[int]) -> dict[int, int]:
    """How many alarms fell into announced works, by window."""
    statement = (
        pick(Alarm.window_id, func.count(Alarm.id)).where(Alarm.window_id.in_(ids)).group_by(Alarm.window_id)
    )
    return {int(row[0]): int(row[1]) for row in session.execute(statement)}
