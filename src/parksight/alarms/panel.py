"""What alarms contribute to the one screen and to the enterprise page."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from parksight.alarms import meter, repository, view
from parksight.alarms.repository import Wanted
from parksight.alarms.schemas import AlarmOut, Counts, PriorityCount
from parksight.kernel.clock import Clock
from parksight.kernel.permissions import Caller
from parksight.registry.panel import EnterpriseTab

#: Register it with ``app.state.enterprise_tabs``.
TAB = EnterpriseTab(
    "alarms", "alarms.tab", "alarms.alarm.read", "/api/v1/alarms?enterprise_id={id}&state=open", order=50
)
PRIORITIES = (1, 2, 3, 4)
#: Span of the mean rate; its basis travels with the number (drill-down: the journal of that span).
RATE_HOURS = 24


def counts(session: Session, caller: Caller, clock: Clock, enterprise_id: int | None = None) -> Counts:
    """Open alarms by priority and how fast they come, within the caller's scope."""
    now = clock.now()
    rows = {row[0]: row[1:] for row in repository.open_by_priority(session, caller, enterprise_id)}
    priorities = [
        PriorityCount(priority=p, open=row[0], active=row[1], unknown=row[2], unacknowledged=row[3])
        for p in PRIORITIES
        for row in (rows.get(p, (0, 0, 0, 0)),)
    ]
    day = repository.announced_since(session, caller, now - timedelta(hours=RATE_HOURS), enterprise_id)
    return Counts(
        priorities=priorities,
        open=sum(p.open for p in priorities),
        unacknowledged=sum(p.unacknowledged for p in priorities),
        raised_10_min=repository.announced_since(session, caller, now - timedelta(minutes=10), enterprise_id),
        rate_per_hour=day / RATE_HOURS,
        server_ms=clock.now_ms(),
        groups=meter.open_groups(session, caller, enterprise_id),
        suppressed=meter.suppressed(session, caller, enterprise_id),
        kept_silent=meter.kept_silent(session, caller, now - timedelta(hours=RATE_HOURS), enterprise_id),
        flood=meter.flood_now(session, caller),
        budgets=meter.budgets(session, caller, now, enterprise_id),
    )


def worst(session: Session, caller: Caller, limit: int = 20) -> list[AlarmOut]:
    """Open alarms, highest priority first, newest first within it."""
    statement = repository.alarms(caller, Wanted(state="open", sort="-raised_at"))
    ordered = statement.order_by(None).order_by(*repository.worst_first()).limit(limit)
    return [view.alarm(found) for found in repository.found(session, ordered)]
