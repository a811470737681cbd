"""Quiet hours, pure: civil times of the zone, also over midnight and across changes of the clock."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo


def quiet_until(now: datetime, start: time, end: time, zone: ZoneInfo) -> datetime | None:
    """When the quiet hours end that ``now`` lies in; None outside of them. Equal times mean no quiet hours.

    Args:
        now: aware instant.
        start, end: civil times, half-open; an end before the start lies on the next day.
    """
    local = now.astimezone(zone)
    wall = local.time().replace(tzinfo=None)
    if start == end:
        return None
    if start < end:
        inside, days = start <= wall < end, 0
    else:
        inside, days = wall >= start or wall < end, int(wall >= start)
    if not inside:
        return None
    day = local.date() + timedelta(days=days)
    until = datetime.combine(day, end, tzinfo=zone).astimezone(UTC)
    if until <= now:  # the end occurs twice tonight, and we are in the second round
        until = datetime.combine(day, end, tzinfo=zone).replace(fold=1).astimezone(UTC)
    return until
