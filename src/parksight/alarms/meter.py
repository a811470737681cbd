"""How much the desk is asked to bear just now: alarm budget per post, silences, the flood that lasts."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from parksight.alarms import view
from parksight.alarms.models import Alarm, Flood, Group, JournalEntry
from parksight.alarms.repository import pick
from parksight.alarms.schemas import Budget, FloodOut
from parksight.kernel.permissions import Caller
from parksight.standards.rulepack import builtin

_SPANS = {"per_10_min": timedelta(minutes=10), "per_hour": timedelta(hours=1), "per_day": timedelta(days=1)}


def budgets(
    session: Session, caller: Caller, now: datetime, enterprise_id: int | None = None
) -> list[Budget]:
    """Announced alarms per post in the last ten minutes, hour and day, against the rule pack's figures."""
    counted = [func.sum(case((Alarm.annunciated_at > now - span, 1), else_=0)) for span in _SPANS.values()]
    statement = pick(Alarm.post, *counted).where(
        Alarm.annunciated_at > now - _SPANS["per_day"], Alarm.annunciated_at <= now
    )
    if enterprise_id is not None:
        statement = statement.where(Alarm.enterprise_id == enterprise_id)
    rows = session.execute(caller.scoped(statement, Alarm.enterprise_id).group_by(Alarm.post))
    pack, on = builtin(), now.date()
    good = {m: pack.get("isa18.rate", on, measure=m, kind="acceptable") for m in _SPANS}
    most = {m: pack.number("isa18.rate", on, measure=m, kind="manageable") for m in _SPANS}
    found = [
        Budget(
            post=post, used_10_min=int(ten), used_hour=int(hour), used_day=int(day),
            acceptable_10_min=good["per_10_min"].number, acceptable_hour=good["per_hour"].number,
            acceptable_day=good["per_day"].number, manageable_10_min=most["per_10_min"],
            manageable_hour=most["per_hour"], manageable_day=most["per_day"],
            confidence=good["per_10_min"].confidence,
            over=int(ten) > most["per_10_min"] or int(day) > most["per_day"],
        )
        for post, ten, hour, day in rows
    ]  # fmt: skip
    return sorted(found, key=lambda b: (-b.used_day, b.post or ""))


def flood_now(session: Session, caller: Caller) -> FloodOut | None:
    """The flood of the duty desk, for the zone's people."""
    if caller.enterprises is not None:
        return None
    record = session.scalar(select(Flood).where(Flood.ended_at.is_(None)).order_by(Flood.id.desc()).limit(1))
    return None if record is None else view.flood(record)


def suppressed(session: Session, caller: Caller, enterprise_id: int | None = None) -> dict[str, int]:
    """Standing alarms that are kept silent, by reason."""
    statement = pick(Alarm.suppressed, func.count()).where(
        Alarm.suppressed.is_not(None), Alarm.condition != "cleared"
    )
    if enterprise_id is not None:
        statement = statement.where(Alarm.enterprise_id == enterprise_id)
    rows = session.execute(caller.scoped(statement, Alarm.enterprise_id).group_by(Alarm.suppressed))
    return {str(word): int(n) for word, n in rows}


def kept_silent(session: Session, caller: Caller, since: datetime, enterprise_id: int | None = None) -> int:
    """Occurrences and repetitions that were not announced since then."""
    silent = pick(func.count(Alarm.id)).where(Alarm.recorded_at >= since, Alarm.annunciated_at.is_(None))
    again = pick(func.count(JournalEntry.id)).where(
        JournalEntry.recorded_at >= since, JournalEntry.what == "repeated"
    )
    if enterprise_id is not None:
        silent = silent.where(Alarm.enterprise_id == enterprise_id)
        again = again.where(JournalEntry.enterprise_id == enterprise_id)
    return (session.scalar(caller.scoped(silent, Alarm.enterprise_id)) or 0) + (
        session.scalar(caller.scoped(again, JournalEntry.enterprise_id)) or 0
    )


def open_groups(session: Session, caller: Caller, enterprise_id: int | None = None) -> int:
    """Groups with open alarms the caller may see."""
    statement = pick(func.count(Alarm.group_id.distinct())).join(Group, Group.id == Alarm.group_id)
    statement = statement.where(Group.handling != "closed")
    if enterprise_id is not None:
        statement = statement.where(Alarm.enterprise_id == enterprise_id)
    return session.scalar(caller.scoped(statement, Alarm.enterprise_id)) or 0
