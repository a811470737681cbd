"""Queries of the registry. Each starts from what the caller may see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from parksight.kernel.errors import ProblemError, not_found
from parksight.kernel.permissions import Caller
from parksight.registry.kinds import BY_NOUN, Kind
from parksight.registry.models import Place

CHUNK = 500


def visible(caller: Caller, kind: Kind, *columns: Any) -> Select[Any]:
    """What of a kind the caller may see: its scope, and for places also the zone's own ground.

    Roads, boundaries and the river have no enterprise and are drawn for everybody; a place that belongs to an
    enterprise is as private as that enterprise.
    """
    statement = select(*(columns or (kind.model,)))
    if kind.place_kinds:
        statement = statement.where(Place.kind.in_(kind.place_kinds))
    if kind.model is Place and caller.enterprises is not None:
        own = Place.enterprise_id.in_(caller.enterprises)
        return statement.where(or_(Place.enterprise_id.is_(None), own))
    return caller.scoped(statement, kind.scope)


def get(session: Session, caller: Caller, kind: Kind, record_id: int) -> Any:
    """One record.

    Raises:
        ProblemError: 404, also for a record of somebody else.
    """
    record = session.scalar(visible(caller, kind).where(kind.model.id == record_id))
    if record is None:
        raise not_found(f"registry.{kind.noun}", record_id)
    return record


def by_code(session: Session, caller: Caller, kind: Kind, code: str) -> Any | None:
    return session.scalar(visible(caller, kind).where(kind.model.code == code))


def _contains(column: Any, text: str) -> ColumnElement[bool]:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    clause: ColumnElement[bool] = column.ilike(f"%{escaped}%", escape="\\")
    return clause


def listing(
    caller: Caller,
    kind: Kind,
    *,
    filters: dict[str, Any] | None = None,
    q: str | None = None,
    active: bool | None = True,
    box: tuple[float, float, float, float] | None = None,
    sort: str = "code",
) -> Select[Any]:
    """Statement of a list: narrowed by equal columns, text in code or name, and bounding box, then sorted."""
    model = kind.model
    statement = visible(caller, kind)
    for name, value in (filters or {}).items():
        if value is not None and name in kind.filters:
            statement = statement.where(getattr(model, name) == value)
    if active is not None:
        statement = statement.where(model.active.is_(active))
    if q:
        statement = statement.where(or_(*(_contains(c, q) for c in (model.code, model.name, model.name_en))))
    if box is not None:
        if not kind.located:
            raise ProblemError("registry.no_position", 422, {"kind": kind.name}, "bbox")
        west, south, east, north = box
        statement = statement.where(
            model.min_lon <= east, model.max_lon >= west, model.min_lat <= north, model.max_lat >= south
        )
    return statement.order_by(*sorting(kind, sort))


def sorting(kind: Kind, sort: str) -> list[Any]:
    """ORDER BY of ``field`` or ``-field``; the id makes it total, so that pages never overlap."""
    name = sort.removeprefix("-")
    sortable = {"id", "code", "name", "name_en", "created_at", "updated_at", *kind.filters}
    if name not in sortable:
        raise ProblemError(
            "registry.sort_unknown", 422, {"sort": name, "allowed": ", ".join(sorted(sortable))}, "sort"
        )
    column = getattr(kind.model, name)
    return [column.desc() if sort.startswith("-") else column.asc(), kind.model.id.asc()]


def page(session: Session, statement: Select[Any], limit: int, offset: int) -> tuple[Sequence[Any], int]:
    """Rows of a page and the number of all."""
    total = session.scalar(select(func.count()).select_from(statement.order_by(None).subquery())) or 0
    return session.scalars(statement.limit(limit).offset(offset)).all(), total


def stream(session: Session, statement: Select[Any]) -> Iterator[Any]:
    """All records of a statement, fetched in portions."""
    yield from session.scalars(statement.execution_options(yield_per=CHUNK))


def code_of(session: Session, model: Any, ids: set[int]) -> dict[int, str]:
    """Codes of records by id, for tables that people read."""
    found: dict[int, str] = {}
    wanted = sorted(ids)
    for start in range(0, len(wanted), CHUNK):
        part = wanted[start : start + CHUNK]
        found.update(session.execute(select(model.id, model.code).where(model.id.in_(part))).all())
    return found


def counts_of_enterprise(session: Session, caller: Caller, enterprise_id: int) -> dict[str, int]:
    """How many active records of each kind the enterprise has, of those the caller may read."""
    counts: dict[str, int] = {}
    for noun, kind in BY_NOUN.items():
        if noun == "enterprise" or not caller.may(f"registry.{noun}.read"):
            continue
        statement = visible(caller, kind, func.count()).where(
            kind.model.enterprise_id == enterprise_id, kind.model.active.is_(True)
        )
        counts[kind.name] = session.scalar(statement) or 0
    return counts
