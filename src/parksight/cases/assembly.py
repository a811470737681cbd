"""Puts the room together for the composition root."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

from fastapi import FastAPI

from parksight.cases import search, workflow
from parksight.cases.api import router
from parksight.cases.escalation import Escalator
from parksight.cases.live import Announcer, Push
from parksight.cases.metrics import CaseCollector
from parksight.cases.providers import Outside
from parksight.cases.service import CaseService
from parksight.cases.service.room import Room
from parksight.cases.timing import Timing
from parksight.cases.types import CaseTypes
from parksight.cases.verifying import verify
from parksight.kernel.calendar import ZoneCalendar
from parksight.kernel.clock import Clock
from parksight.kernel.db import Database
from parksight.kernel.settings import Settings

PREFIX = "/api/v1/cases"

__all__ = ["Cases", "body_limits", "verify"]


def body_limits(settings: Settings) -> dict[str, int]:
    """Evidence is uploaded to the case itself."""
    return {PREFIX: (settings.files.max_mb + 1) * 2**20}


class Cases:
    """The engine with its thread and its live topic; ``service`` is what other rooms use.

    Args:
        db: records.
        clock: time.
        settings: zone, data folder, escalation.
        outside: duty, notifications, the store.
        hub: live push; None where nobody watches (command line).
    """

    def __init__(
        self, db: Database, clock: Clock, settings: Settings, outside: Outside, hub: Push | None = None
    ) -> None:  # fmt: skip
        self._db = db
        self.types = CaseTypes(*workflow.TYPES)
        timing = Timing(ZoneCalendar.in_folder(settings.data_dir), ZoneInfo(settings.zone.timezone))
        rules = settings.cases
        self.room = Room(
            self.types, timing, outside=outside, late_after=timedelta(seconds=rules.late_after_s)
        )
        self.service = CaseService(self.room)
        self.escalator = Escalator(db, clock, self.room, rules.escalation_every_s, rules.escalation_batch)
        self._announcer = Announcer(db.bus, hub, self.types) if hub is not None else None

    def install(self, app: FastAPI) -> None:
        """Routes and ``app.state.cases``; after the kernel's, whose file store it uses."""
        state = app.state
        self.room.files = state.files
        state.cases = self.service
        state.metrics.register(CaseCollector(self.escalator))
        app.include_router(router)

    def start(self) -> None:
        search.install(self._db.engine)
        self.escalator.start()

    def stop(self) -> None:
        self.escalator.stop()
        if self._announcer is not None:
            self._announcer.close()
