"""The watch of the demo zone: one desk, manned round the clock by four crews on three shifts (四班三运转)."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from parksight.demo.accounts import RELIEF
from parksight.duty.rotas import Rotas
from parksight.duty.schemas import CrewIn, DeskIn, RotaIn, ShiftKindIn
from parksight.kernel.identity.models import Post, User
from parksight.kernel.permissions import SYSTEM

DESK, POST, FIRST = "COMMAND", "DUTY_OPERATOR", "duty"
_SHIFTS = (
    ("day", "白班", "Day", "08:00", "16:00"),
    ("evening", "中班", "Evening", "16:00", "00:00"),
    ("night", "夜班", "Night", "00:00", "08:00"),
)
#: Two days, two evenings, two nights, two days off; crews of day, evening and night per day of the cycle.
_CYCLE = ("ADC", "ADC", "BAD", "BAD", "CBA", "CBA", "DCB", "DCB")
#: Day of the cycle on which crew A has its first day, evening and night shift.
_FIRST_OF = {"day": 0, "evening": 2, "night": 4}


def seed(session: Session, rotas: Rotas, now: datetime, zone: ZoneInfo) -> None:
    """Make desk and rota on a fresh demo, so that the duty operator people sign in as has the watch now."""
    post = session.scalars(select(Post).where(Post.code == POST)).one()
    desk = rotas.create_desk(
        session, SYSTEM,
        DeskIn(code=DESK, name="指挥中心值守", name_en="Command centre watch", post_id=post.id),
    )  # fmt: skip
    session.flush()
    people = {u.username: u.id for u in session.scalars(select(User).where(User.post_id == post.id))}
    crews = [FIRST, *(username for username, _, _ in RELIEF)]
    hour = now.astimezone(zone).hour
    running = "night" if hour < 8 else "day" if hour < 16 else "evening"
    # a rota cannot begin in the past: the cycle is turned instead
    turned = _CYCLE[_FIRST_OF[running] :] + _CYCLE[: _FIRST_OF[running]]
    body = RotaIn(
        name="四班三运转",
        kinds=[ShiftKindIn(code=c, name=n, name_en=e, start=s, end=t) for c, n, e, s, t in _SHIFTS],
        crews=[
            CrewIn(code=code, name=f"{code} 班", name_en=f"Crew {code}", members=[people[username]])
            for code, username in zip("ABCD", crews, strict=True)
        ],
        days=[dict(zip(("day", "evening", "night"), on, strict=True)) for on in turned],
        first_day=now.astimezone(zone).date(),
    )
    rotas.create(session, SYSTEM, desk.id, body)
