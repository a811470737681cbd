"""The case of a group moved: its alarms move with it, in the same unit of work; what must not happen is refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from parksight.alarms.events import AlarmsHandled
from parksight.alarms.flow.announcer import ms
from parksight.alarms.flow.housekeeping import entry
from parksight.alarms.models import Alarm, Group, JournalEntry
from parksight.alarms.workflow import ACKNOWLEDGE, MERGED
from parksight.kernel.db import emit
from parksight.kernel.errors import conflict
from parksight.kernel.permissions import Caller

_ONLY = "alarms_acknowledge_only"


@dataclass(frozen=True, slots=True)
class Moved:
    """How a case moved: its states, the transition, and what was entered."""

    case_id: int
    transition: str
    source: str
    target: str
    cause: str | None
    comment: str | None


def only(session: Session, ids: Iterable[int] | None) -> None:
    """Acknowledging is about these alarms alone, not about the whole group (None: the whole group)."""
    if ids is None:
        session.info.pop(_ONLY, None)
    else:
        session.info[_ONLY] = frozenset(ids)


def members(session: Session, group: Group) -> list[Alarm]:
    """Alarms of a group in first-out order."""
    statement = select(Alarm).where(Alarm.group_id == group.id)
    return list(session.scalars(statement.order_by(Alarm.raised_at, Alarm.id)))


def check_closing(alarms: Iterable[Alarm]) -> None:
    """Clearing never closes, and closing never hides: nothing may stand, be unknown, latched or unseen.

    A dead instrument is work that is not done: its alarm closes when it speaks again or its rule is withdrawn.

    Raises:
        ProblemError: 409 with how many do.
    """
    rows = list(alarms)
    if unseen := sum(a.handling == "new" for a in rows):
        raise conflict("alarms.close_unacknowledged", count=unseen)
    if latched := sum(a.condition == "cleared" and a.latching and a.reset_at is None for a in rows):
        raise conflict("alarms.close_latched", count=latched)
    if standing := sum(a.condition != "cleared" for a in rows):
        raise conflict("alarms.close_standing", count=standing)


def mirror(session: Session, caller: Caller, moved: Moved, now: datetime) -> None:
    """Bring group and alarms to where their case is.

    Raises:
        ProblemError: 409 for closing what still stands (:func:`check_closing`).
    """
    group = session.scalar(select(Group).where(Group.case_id == moved.case_id).with_for_update())
    if group is None:
        return
    if moved.target == MERGED:
        group.handling, group.closed_at = "closed", now
        return
    alarms = members(session, group)
    if moved.target == "closed":
        check_closing(alarms)
    changed = [a for a in alarms if _move(session, a, caller, moved, now)]
    group.handling = moved.target
    if moved.cause is not None:
        group.cause = moved.cause
    group.closed_at = now if moved.target == "closed" else None
    if changed:
        what = "returned" if moved.source == "closed" else _what(moved)
        rows = [
            entry(a, what, now, caller, comment=moved.comment, detail=_detail(group, moved)) for a in changed
        ]
        session.execute(insert(JournalEntry), rows)
    session.flush()
    emit(
        session,
        AlarmsHandled(
            ids=tuple(a.id for a in changed), group_id=group.id, enterprise_id=group.enterprise_id,
            handling=moved.target, by_name=caller.name, at=ms(now), cause=group.cause,
        ),
    )  # fmt: skip


def _what(moved: Moved) -> str:
    return "realarmed" if moved.target == "new" else moved.target


def _detail(group: Group, moved: Moved) -> dict[str, object]:
    return {"group": group.id} if moved.cause is None else {"group": group.id, "cause": moved.cause}


def _move(session: Session, alarm: Alarm, caller: Caller, moved: Moved, now: datetime) -> bool:
    """One alarm; False where the case says nothing about it."""
    if moved.target == "new" or alarm.handling == "suppressed":
        return False  # re-armed: what was acknowledged stays so, the new alarm is new by itself
    if moved.transition == ACKNOWLEDGE:
        chosen: frozenset[int] | None = session.info.get(_ONLY)
        if alarm.handling != "new" or (chosen is not None and alarm.id not in chosen):
            return False
        alarm.acknowledged_by, alarm.acknowledged_by_id, alarm.acknowledged_at = caller.name, caller.id, now
        alarm.comment = moved.comment or None
    elif alarm.handling == "new" or (alarm.handling == "closed" and moved.source != "closed"):
        return False
    alarm.handling = moved.target
    if moved.target == "closed":
        alarm.closed_at, alarm.closed_by = now, caller.name
        alarm.cause = moved.cause or alarm.cause
    elif moved.source == "closed":
        alarm.closed_at = alarm.closed_by = None
    if moved.cause is not None:
        alarm.cause = moved.cause
    return True
