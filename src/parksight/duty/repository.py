"""Queries of duty; what belongs to a desk is limited by the desk's enterprise."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from parksight.duty.models import Absence, Desk, Handover, LogEntry, Rota, Shift, ShiftPerson
from parksight.kernel.errors import not_found
from parksight.kernel.identity.models import Assignment, Organisation, User
from parksight.kernel.permissions import Caller


def desks(caller: Caller) -> Select[Any]:
    return caller.scoped(select(Desk), Desk.enterprise_id)


def desk(session: Session, caller: Caller, desk_id: int) -> Desk:
    """Raises a 404 problem for a desk the caller may not know of."""
    found: Desk | None = session.scalar(desks(caller).where(Desk.id == desk_id))
    if found is None:
        raise not_found("duty.desk", desk_id)
    return found


def rota(session: Session, caller: Caller, rota_id: int) -> Rota:
    found: Rota | None = session.scalar(
        caller.scoped(select(Rota).join(Desk, Desk.id == Rota.desk_id), Desk.enterprise_id).where(
            Rota.id == rota_id
        )
    )
    if found is None:
        raise not_found("duty.rota", rota_id)
    return found


def shifts(caller: Caller) -> Select[Any]:
    return caller.scoped(select(Shift).join(Desk, Desk.id == Shift.desk_id), Desk.enterprise_id)


def shift(session: Session, caller: Caller, shift_id: int) -> Shift:
    found: Shift | None = session.scalar(shifts(caller).where(Shift.id == shift_id))
    if found is None:
        raise not_found("duty.shift", shift_id)
    return found


def shifts_between(
    session: Session, caller: Caller, start: datetime, end: datetime, desk_id: int | None = None
) -> list[Shift]:
    """Shifts that share time with ``[start, end)``, cancelled ones left out, in order of time."""
    statement = shifts(caller).where(Shift.starts_at < end, Shift.ends_at > start, Shift.state != "cancelled")
    if desk_id is not None:
        statement = statement.where(Shift.desk_id == desk_id)
    return list(session.scalars(statement.order_by(Shift.starts_at, Shift.id)))


def people_of(session: Session, shift_ids: Iterable[int]) -> dict[int, list[ShiftPerson]]:
    """Everybody ever on these shifts, those taken off too; leaders first."""
    ids = list(shift_ids)
    found: dict[int, list[ShiftPerson]] = {key: [] for key in ids}
    for start in range(0, len(ids), 500):
        rows = session.scalars(
            select(ShiftPerson)
            .where(ShiftPerson.shift_id.in_(ids[start : start + 500]))
            .order_by(ShiftPerson.leads.desc(), ShiftPerson.id)
        )
        for row in rows:
            found[row.shift_id].append(row)
    return found


def crew(session: Session, shift_id: int) -> list[int]:
    """User ids that are on a shift now, leaders first."""
    return [p.user_id for p in people_of(session, [shift_id])[shift_id] if p.removed_at is None]


def absences(caller: Caller) -> Select[Any]:
    """One's own and one's deputies' always; others by permission and scope."""
    mine = or_(Absence.user_id == caller.id, Absence.deputy_id == caller.id)
    if not caller.may("duty.absence.read"):
        return select(Absence).where(mine)
    if caller.enterprises is None:
        return select(Absence)
    return select(Absence).where(or_(mine, Absence.enterprise_id.in_(caller.enterprises)))


def log_entries(caller: Caller) -> Select[Any]:
    return caller.scoped(select(LogEntry).join(Desk, Desk.id == LogEntry.desk_id), Desk.enterprise_id)


def handovers(caller: Caller) -> Select[Any]:
    return caller.scoped(select(Handover).join(Desk, Desk.id == Handover.desk_id), Desk.enterprise_id)


def names(session: Session, user_ids: Iterable[int | None]) -> dict[int, User]:
    """Accounts by id."""
    ids = sorted({i for i in user_ids if i is not None})
    found: dict[int, User] = {}
    for start in range(0, len(ids), 500):
        for user in session.scalars(select(User).where(User.id.in_(ids[start : start + 500]))):
            found[user.id] = user
    return found


def enterprise_of(session: Session, user_id: int) -> int | None:
    """The enterprise a person belongs to: by organisation, else by the only enterprise they are limited to."""
    own = session.scalar(
        select(Organisation.enterprise_id)
        .join(User, User.organisation_id == Organisation.id)
        .where(User.id == user_id)
    )
    if own is not None:
        return int(own)
    limited: set[int] = set()
    for row in session.scalars(select(Assignment).where(Assignment.user_id == user_id)):
        if row.scope != "enterprises":
            return None
        limited.update(int(i) for i in row.scope_ids)
    return limited.pop() if len(limited) == 1 else None


def page(
    session: Session, statement: Select[Any], order: Sequence[Any], limit: int, offset: int
) -> tuple[list[Any], int]:
    """One page and the size of the whole."""
    total = session.scalar(select(func.count()).select_from(statement.order_by(None).subquery())) or 0
    return list(session.scalars(statement.order_by(*order).limit(limit).offset(offset))), total


def desk_enterprise(session: Session, desk_id: int) -> int | None:
    """Whose a desk is; None for the zone's."""
    found: int | None = session.scalar(select(Desk.enterprise_id).where(Desk.id == desk_id))
    return found


def shift_ids_of(user_id: int) -> Select[Any]:
    """Ids of the shifts a person is or was on."""
    return select(ShiftPerson.shift_id).where(ShiftPerson.user_id == user_id)


def house_of(session: Session, caller: Caller) -> int | None:
    """The enterprise whose people a caller works with; None for the zone's.

    Raises:
        ProblemError: 404 for an enterprise's caller that belongs to no single enterprise.
    """
    if caller.enterprises is None:
        return None
    own = enterprise_of(session, caller.id) if caller.id is not None else None
    if own is None or not caller.may_see_enterprise(own):
        raise not_found("enterprise", "-")
    return own


def people(
    session: Session, house: int | None, q: str | None, limit: int, offset: int
) -> tuple[list[User], int]:
    """Active people of a house (:func:`enterprise_of`, decided for all at once), by name."""
    limited: dict[int, set[int] | None] = {}
    for row in session.scalars(select(Assignment)):
        known = limited.setdefault(row.user_id, set())
        if row.scope != "enterprises":
            limited[row.user_id] = None
        elif known is not None:
            known.update(int(i) for i in row.scope_ids)
    statement = (
        select(User.id, Organisation.enterprise_id)
        .outerjoin(Organisation, Organisation.id == User.organisation_id)
        .where(User.active)
    )
    if q:
        statement = statement.where(
            or_(User.name.icontains(q, autoescape=True), User.name_en.icontains(q, autoescape=True))
        )
    found = []
    for user_id, enterprise in session.execute(statement.order_by(User.name, User.id)):
        own = limited.get(user_id)
        of = enterprise if enterprise is not None else next(iter(own)) if own and len(own) == 1 else None
        # Somebody limited to several enterprises, or to none, is nobody's own.
        if of == house and (of is not None or own is None):
            found.append(user_id)
    chosen = found[offset : offset + limit]
    by_id = names(session, chosen)
    return [by_id[i] for i in chosen], len(found)
