"""Floods: more than ten announced alarms in ten minutes begin one, fewer than five end it (ISA-18.2, EEMUA 191)."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from parksight.alarms.events import FloodBegan, FloodEnded
from parksight.alarms.flow.announcer import ms
from parksight.alarms.models import Alarm, Flood
from parksight.kernel.db import emit
from parksight.standards.isa18 import PERIOD_S, thresholds


class FloodMeter:
    """
    Args:
        positions: operator positions that share the load; the rule pack's bounds are per position.
        span_s: span in which alarms are counted.
    """

    def __init__(self, positions: int = 1, span_s: float = PERIOD_S) -> None:
        self.positions = positions
        self.span = timedelta(seconds=span_s)

    def judge(self, session: Session, now: datetime) -> Flood | None:
        """Begin, feed or end the flood, by what was announced in the span before ``now``. In the caller's session."""
        since = now - self.span
        bounds = thresholds(now.date())
        recent = (
            session.scalar(
                select(func.count(Alarm.id)).where(Alarm.annunciated_at > since, Alarm.annunciated_at <= now)
            )
            or 0
        )
        flood = session.scalar(
            select(Flood).where(Flood.ended_at.is_(None)).order_by(Flood.id.desc()).limit(1)
        )
        if flood is None:
            if recent <= bounds["flood_start"] * self.positions:
                return None
            first = (
                session.scalar(select(func.min(Alarm.annunciated_at)).where(Alarm.annunciated_at > since))
                or now
            )
            flood = Flood(started_at=first, peak=recent, alarms=recent)
            self._count(session, flood, now)
            session.add(flood)
            session.flush()
            emit(session, FloodBegan(id=flood.id, at=ms(now), alarms=recent))
            return flood
        flood.peak = max(flood.peak, recent)
        self._count(session, flood, now)
        if recent < bounds["flood_end"] * self.positions:
            flood.ended_at = now
            emit(session, FloodEnded(id=flood.id, at=ms(now), alarms=flood.alarms, peak=flood.peak))
        return flood

    def _count(self, session: Session, flood: Flood, now: datetime) -> None:
        counted = select(func.count(Alarm.id), func.count(Alarm.group_id.distinct())).where(
            Alarm.annunciated_at >= flood.started_at, Alarm.annunciated_at <= now
        )
        flood.alarms, flood.groups = session.execute(counted).one()
