"""The civil clock of means over hours and days."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo


def offset_ms(timezone: str, at: datetime) -> int:
    """Civil time minus UTC at an instant, ms."""
    offset = at.astimezone(ZoneInfo(timezone)).utcoffset()
    assert offset is not None  # astimezone gives aware times
    return round(offset.total_seconds() * 1000)
