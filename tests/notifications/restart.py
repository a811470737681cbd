"""The sending process of the restart test: works on the records of another one until it is killed."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

from parksight.kernel.bus import Bus
from parksight.kernel.clock import SimulatedClock
from parksight.kernel.db import Database
from parksight.kernel.settings import LiveSettings, NotificationSettings, Settings
from parksight.notifications.room import Notifications
from parksight.telemetry.catalogue import Catalogue
from parksight.telemetry.live.hub import LiveHub
from parksight.telemetry.live_table import LiveTable


def send_until_killed(folder: Path, now_ms: int) -> None:
    clock = SimulatedClock(datetime.fromtimestamp(now_ms / 1000, UTC), rate=1.0)
    db = Database(f"sqlite:///{folder / 'records.sqlite'}", Bus(), clock)
    catalogue = Catalogue(db)
    rules = NotificationSettings(hosts=("127.0.0.1",), poll_s=0.05)
    hub = LiveHub(LiveSettings(), clock, LiveTable(catalogue), catalogue)
    Notifications(Settings(data_dir=folder, notifications=rules), db, clock, hub).start()
    time.sleep(600)
