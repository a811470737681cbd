"""Work safety put together; on ``app.state.safety``."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from parksight.kernel.clock import Clock
from parksight.kernel.db import Database
from parksight.safety.service.hazards import Hazards
from parksight.telemetry.live_table import LiveTable


class SafetyService:
    """
    Args:
        db: records.
        clock: time.
        live: newest values of points, None where nothing is measured (command line).
        timezone: the zone's civil time zone.
    """

    def __init__(self, db: Database, clock: Clock, live: LiveTable | None, timezone: str) -> None:
        self.db, self.clock, self.live = db, clock, live
        self.zone = ZoneInfo(timezone)
        self.hazards = Hazards(clock, self.zone)

    def start(self) -> None:
        """Identify all sources again: rules of the law may have come into force since the last start."""
        with self.db.session() as session:
            self.hazards.refresh(session)
