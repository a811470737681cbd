"""Events that really happened, as people closed them: what a changed rule must not miss."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from parksight.alarms.models import Alarm

_PORTION = 500


def confirmed_events(session: Session, points: Iterable[int], start: datetime, end: datetime) -> list[Alarm]:
    """Alarms of the points raised in ``[start, end)`` (observation time) that were closed as ``real``, by time."""
    ids, found = sorted(set(points)), []
    for first in range(0, len(ids), _PORTION):
        statement = select(Alarm).where(
            Alarm.point_id.in_(ids[first : first + _PORTION]), Alarm.raised_at >= start, Alarm.raised_at < end,
            Alarm.handling == "closed", Alarm.cause == "real",
        )  # fmt: skip
        found += list(session.scalars(statement))
    return sorted(found, key=lambda a: (a.raised_at, a.id))
