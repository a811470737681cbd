"""Notifications put together, in one place for the composition root and for tests."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from fastapi import FastAPI

from parksight.kernel.clock import Clock
from parksight.kernel.db import Database
from parksight.kernel.sealing import Sealer
from parksight.kernel.settings import Settings
from parksight.notifications.api import router
from parksight.notifications.chains import Chains
from parksight.notifications.channel_service import Channels
from parksight.notifications.inbox import Inbox
from parksight.notifications.live import LiveInbox
from parksight.notifications.metrics import NotificationCollector
from parksight.notifications.opening import Opener
from parksight.notifications.service import Notifier
from parksight.notifications.worker import Worker
from parksight.telemetry.live.hub import LiveHub


class Notifications:
    """The notifier other rooms use, the inbox, the channels, and the worker that sends.

    Args:
        settings: all settings; ``notifications``, ``zone``, ``server``, ``language`` and ``data_dir`` are used.
        db: records.
        clock: time.
        hub: live connections.
    """

    def __init__(self, settings: Settings, db: Database, clock: Clock, hub: LiveHub) -> None:
        rules, sealer = settings.notifications, Sealer(settings.data_dir)
        self.settings, self.db, self.clock = rules, db, clock
        self.chains = Chains(rules, ZoneInfo(settings.zone.timezone))
        self.opener = Opener(settings, clock, sealer)
        self.notifier = Notifier(clock, rules, self.chains)
        self.inbox = Inbox(clock, rules, sealer)
        self.channels = Channels(clock, rules, sealer, self.opener)
        self.worker = Worker(db, clock, rules, self.chains, self.opener)
        self.live = LiveInbox(db.bus, hub, self.worker)

    def install(self, app: FastAPI) -> None:
        """Routes, ``app.state`` and metrics; call after ``kernel.http.install``."""
        app.state.notifications, app.state.notifier = self, self.notifier
        app.state.metrics.register(NotificationCollector(self.db, self.worker))
        app.include_router(router)

    def start(self) -> None:
        """Begin sending."""
        self.worker.start()

    def stop(self) -> None:
        """Finish what is on its way. Idempotent."""
        self.worker.stop()
