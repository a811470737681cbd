"""Who is there: on duty at a desk or post, and who acts for whom. What other rooms ask duty.

A person whose absence was accepted by a deputy is replaced by that deputy, and by the deputy's own deputy where they
are away too. A deputy who has not accepted counts for nothing: the person stays responsible.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from parksight.duty.models import Absence, Desk, Shift, ShiftPerson
from parksight.kernel.identity.models import Post, User


@dataclass(frozen=True, slots=True)
class OnDuty:
    """Somebody who is on duty.

    Attributes:
        user_id: who is really there.
        acting_for: who the rota names, when ``user_id`` is the deputy; else None.
    """

    user_id: int
    desk_id: int
    desk_code: str
    desk_name: str
    desk_name_en: str
    shift_id: int
    starts_at: datetime
    ends_at: datetime
    leads: bool
    acting_for: int | None = None


def _in_force(session: Session, at: datetime) -> dict[int, int]:
    """Absent person to deputy at an instant; of several absences the newest counts."""
    rows = session.execute(
        select(Absence.user_id, Absence.deputy_id)
        .where(Absence.state == "accepted", Absence.starts_at <= at, Absence.ends_at > at)
        .order_by(Absence.id)
    )
    return {row.user_id: row.deputy_id for row in rows}


def _end_of_chain(deputies: dict[int, int], user_id: int) -> int | None:
    """Who is there in the end; None when nobody is absent or the chain bites its tail."""
    seen, now = {user_id}, user_id
    while (after := deputies.get(now)) is not None:
        if after in seen:
            return None
        seen.add(after)
        now = after
    return now if now != user_id else None


def deputy_of(session: Session, user_id: int, at: datetime) -> int | None:
    """Who acts for an absent person at ``at``; None when the person is there or no deputy accepted."""
    return _end_of_chain(_in_force(session, at), user_id)


def acting_for(session: Session, user_id: int, at: datetime) -> frozenset[int]:
    """Whom a person acts for at ``at``, themselves not counted."""
    deputies = _in_force(session, at)
    return frozenset(absent for absent in deputies if _end_of_chain(deputies, absent) == user_id)


def on_duty(
    session: Session,
    at: datetime,
    *,
    post_code: str | None = None,
    desk_code: str | None = None,
    user_ids: Iterable[int] | None = None,
) -> list[OnDuty]:
    """Who is on duty at an instant, leaders first.

    Args:
        at: instant, UTC.
        post_code: only at desks that hold this post; ``desk_code``: only at this desk; ``user_ids``: only these.
    """
    statement = (
        select(Shift, Desk, ShiftPerson)
        .join(Desk, Desk.id == Shift.desk_id)
        .join(ShiftPerson, ShiftPerson.shift_id == Shift.id)
        .join(User, User.id == ShiftPerson.user_id)
        .where(
            Shift.starts_at <= at, Shift.ends_at > at, Shift.state != "cancelled", Desk.active, User.active,
            ShiftPerson.removed_at.is_(None),
        )
        .order_by(ShiftPerson.leads.desc(), ShiftPerson.id)
    )  # fmt: skip
    if post_code is not None:
        statement = statement.join(Post, Post.id == Desk.post_id).where(Post.code == post_code)
    if desk_code is not None:
        statement = statement.where(Desk.code == desk_code)
    deputies = _in_force(session, at)
    wanted = None if user_ids is None else frozenset(user_ids)
    found: dict[tuple[int, int], OnDuty] = {}
    for shift, desk, person in session.execute(statement):
        deputy = _end_of_chain(deputies, person.user_id)
        there = deputy or person.user_id
        if wanted is None or there in wanted:
            found.setdefault(
                (shift.id, there),
                OnDuty(
                    user_id=there, desk_id=desk.id, desk_code=desk.code, desk_name=desk.name,
                    desk_name_en=desk.name_en or desk.name, shift_id=shift.id, starts_at=shift.starts_at,
                    ends_at=shift.ends_at, leads=person.leads, acting_for=person.user_id if deputy else None,
                ),
            )  # fmt: skip
    return list(found.values())


def holders(session: Session, post_code: str, at: datetime) -> list[OnDuty | int]:
    """Who answers for a post: those on duty for it, else the ids of everybody who holds it (deputies for absent ones)."""
    watching = on_duty(session, at, post_code=post_code)
    if watching:
        return list(watching)
    ids = session.scalars(
        select(User.id)
        .join(Post, Post.id == User.post_id)
        .where(Post.code == post_code, User.active)
        .order_by(User.id)
    )
    return list(dict.fromkeys(deputy_of(session, i, at) or i for i in ids))
