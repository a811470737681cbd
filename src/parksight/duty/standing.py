"""How the handover out of a shift stands, computed from the clock, never edited."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from parksight.duty.models import Desk, Handover, Shift
from parksight.kernel.settings import DutySettings


def successor(session: Session, shift: Shift) -> Shift | None:
    """The shift that takes over: the next one at the desk that begins after ``shift`` did and outlasts it."""
    found: Shift | None = session.scalar(
        select(Shift)
        .where(
            Shift.desk_id == shift.desk_id, Shift.state != "cancelled", Shift.id != shift.id,
            Shift.starts_at > shift.starts_at, Shift.ends_at > shift.ends_at,
        )
        .order_by(Shift.starts_at, Shift.id)
        .limit(1)
    )  # fmt: skip
    return found


def standings(
    session: Session, shifts: Iterable[Shift], now: datetime, settings: DutySettings
) -> dict[int, str]:
    """Shift id to ``none``, ``due``, ``late``, ``missing``, ``draft``, ``signed`` or ``done``.

    Late after the grace time. Missing once the next shift is over too, or when there is none to take over.
    """
    wanted = list(shifts)
    ids = [s.id for s in wanted]
    moving: dict[int, str] = {}
    for start in range(0, len(ids), 500):
        rows = session.execute(
            select(Handover.from_shift_id, Handover.state).where(
                Handover.from_shift_id.in_(ids[start : start + 500]), Handover.state.in_(("draft", "signed"))
            )
        )
        moving.update({row.from_shift_id: row.state for row in rows})
    out = {}
    for shift in wanted:
        late = now >= shift.ends_at + timedelta(minutes=settings.handover_grace_minutes)
        if shift.state == "handed_over":
            out[shift.id] = "done"
        elif shift.state == "cancelled" or (shift.id not in moving and now < shift.ends_at):
            out[shift.id] = "none"
        elif not late:
            out[shift.id] = moving.get(shift.id, "due")
        else:
            after = successor(session, shift)
            out[shift.id] = "missing" if after is None or after.ends_at <= now else "late"
    return out


def waiting(session: Session, desk_id: int, now: datetime, settings: DutySettings) -> Shift | None:
    """The newest shift of a desk that is over and was not handed over; older ones are history."""
    found: Shift | None = session.scalar(
        select(Shift)
        .where(Shift.desk_id == desk_id, Shift.state != "cancelled", Shift.ends_at <= now)
        .order_by(Shift.ends_at.desc(), Shift.id.desc())
        .limit(1)
    )
    if found is None or found.state == "handed_over":
        return None
    return found if standings(session, [found], now, settings)[found.id] in ("late", "missing") else None


def overdue(session: Session, now: datetime, settings: DutySettings) -> list[tuple[int, str]]:
    """Shift ids with ``late`` or ``missing``, of each manned desk's two newest shifts that are over; older are history."""
    found: list[tuple[int, str]] = []
    for desk_id in session.scalars(select(Desk.id).where(Desk.active).order_by(Desk.id)):
        newest = session.scalars(
            select(Shift)
            .where(Shift.desk_id == desk_id, Shift.state != "cancelled", Shift.ends_at <= now)
            .order_by(Shift.ends_at.desc(), Shift.id.desc())
            .limit(2)
        ).all()
        states = standings(session, newest, now, settings)
        found += [(s.id, states[s.id]) for s in newest if states[s.id] in ("late", "missing")]
    return found
