"""Queries of the gateways; each starts from what the caller may see."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, Select, String, cast, func, or_, select
from sqlalchemy.orm import Session

from parksight.gateways.models import Device, PointMapping, UnknownDevice
from parksight.kernel.errors import invalid, not_found
from parksight.kernel.permissions import Caller
from parksight.telemetry.models import Point

_SORTS = {
    "code": Device.code, "name": Device.name, "protocol": Device.protocol, "address": Device.address,
    "updated_at": Device.updated_at, "id": Device.id,
}  # fmt: skip
_UNKNOWN_SORTS = {
    "last_seen": UnknownDevice.last_seen, "first_seen": UnknownDevice.first_seen,
    "count": UnknownDevice.count, "address": UnknownDevice.address,
}  # fmt: skip
#: SQLite's limit on bound variables is 32,766; stay far below.
_CHUNK = 5_000


def _order(sort: str, sorts: dict[str, object]) -> ColumnElement[object]:
    name = sort.removeprefix("-")
    column = sorts.get(name)
    if column is None:
        raise invalid("gateways.sort_unknown", "/sort", sort=sort, known=sorted(sorts))
    return column.desc() if sort.startswith("-") else column.asc()  # type: ignore[attr-defined,no-any-return]


def _like(text: str) -> str:
    return "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"


def devices(
    session: Session,
    caller: Caller,
    *,
    protocol: str | None = None,
    enterprise_id: int | None = None,
    thing_id: int | None = None,
    enabled: bool | None = None,
    q: str | None = None,
    sort: str = "code",
    limit: int = 50,
    offset: int = 0,
) -> tuple[list[Device], int]:
    """One page of devices and the number of all that match."""
    statement: Select[tuple[Device]] = caller.scoped(select(Device), Device.enterprise_id)
    for column, wanted in (
        (Device.protocol, protocol), (Device.enterprise_id, enterprise_id), (Device.thing_id, thing_id),
        (Device.enabled, enabled),
    ):  # fmt: skip
        if wanted is not None:
            statement = statement.where(column == wanted)
    if q:
        pattern = _like(q)
        statement = statement.where(
            or_(
                *(
                    c.ilike(pattern, escape="\\")
                    for c in (Device.code, Device.name, Device.name_en, Device.address)
                )
            )
        )
    total = session.scalar(select(func.count()).select_from(statement.subquery())) or 0
    ordered = statement.order_by(_order(sort, dict(_SORTS)), Device.id).limit(limit).offset(offset)
    return list(session.scalars(ordered)), total


def device(session: Session, caller: Caller, device_id: int) -> Device:
    """A device the caller may see; 404 otherwise."""
    statement = caller.scoped(select(Device).where(Device.id == device_id), Device.enterprise_id)
    row: Device | None = session.scalar(statement)
    if row is None:
        raise not_found("gateways.device", device_id)
    return row


def mapping_counts(session: Session, ids: Sequence[int]) -> dict[int, int]:
    rows = session.execute(
        select(PointMapping.device_id, func.count())
        .where(PointMapping.device_id.in_(ids))
        .group_by(PointMapping.device_id)
    )
    return {int(device_id): int(number) for device_id, number in rows}


def mappings(session: Session, device_id: int) -> list[tuple[PointMapping, Point | None]]:
    """Mappings of a device with their points, by address; the point is None where it was removed."""
    rows = session.execute(
        select(PointMapping, Point)
        .outerjoin(Point, Point.id == PointMapping.point_id)
        .where(PointMapping.device_id == device_id)
        .order_by(PointMapping.address)
    )
    return [(mapping, point) for mapping, point in rows]


def points(
    session: Session, caller: Caller, *, ids: Iterable[int] = (), codes: Iterable[str] = ()
) -> tuple[dict[int, Point], dict[str, Point]]:
    """Points the caller may see, by id and by code."""
    found: dict[int, Point] = {}
    for column, keys in ((Point.id, sorted(set(ids))), (Point.code, sorted(set(codes)))):
        for start in range(0, len(keys), _CHUNK):
            statement = caller.scoped(
                select(Point).where(column.in_(keys[start : start + _CHUNK])), Point.enterprise_id
            )
            found.update((p.id, p) for p in session.scalars(statement))
    return found, {p.code: p for p in found.values()}


def unknown(
    session: Session, *, protocol: str | None, q: str | None, sort: str, limit: int, offset: int
) -> tuple[list[UnknownDevice], int]:
    statement = select(UnknownDevice)
    if protocol is not None:
        statement = statement.where(UnknownDevice.protocol == protocol)
    if q:
        pattern = _like(q)
        statement = statement.where(
            or_(
                *(
                    cast(c, String).ilike(pattern, escape="\\")
                    for c in (UnknownDevice.address, UnknownDevice.peer)
                )
            )
        )
    total = session.scalar(select(func.count()).select_from(statement.subquery())) or 0
    ordered = statement.order_by(_order(sort, dict(_UNKNOWN_SORTS)), UnknownDevice.id)
    return list(session.scalars(ordered.limit(limit).offset(offset))), total


def unknown_one(session: Session, unknown_id: int) -> UnknownDevice:
    row = session.get(UnknownDevice, unknown_id)
    if row is None:
        raise not_found("gateways.unknown_device", unknown_id)
    return row
