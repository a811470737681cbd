"""A platform process for the crash test: alarms, cases with their ladder, notifications; killed by its parent.

Called as ``python -m tests.alarms.victim <folder> raise|watch``; says ``ready`` once its work is on disk.
"""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from tests.alarms.kit import START

from parksight.alarms import assembly
from parksight.alarms.rules import RuleService
from parksight.alarms.service import AlarmService
from parksight.cases.assembly import Cases
from parksight.cases.neighbours import DutyPresence, NoticeTeller
from parksight.cases.providers import Outside
from parksight.kernel.bus import Bus
from parksight.kernel.clock import SimulatedClock
from parksight.kernel.db import Database
from parksight.kernel.permissions import SYSTEM
from parksight.kernel.settings import Settings
from parksight.notifications.chains import Chains
from parksight.notifications.service import Notifier
from parksight.telemetry.protocols import Columns

ALARMS = 500


def main(folder: Path, what: str) -> None:
    settings = Settings(data_dir=folder)
    # The later process lives two minutes later: the first rung of the ladder has come.
    clock = SimulatedClock(START + timedelta(seconds=10 if what == "raise" else 130))
    db = Database(f"sqlite:///{folder / 'records.sqlite'}", Bus(), clock)
    chains = Chains(settings.notifications, ZoneInfo(settings.zone.timezone))
    notifier = Notifier(clock, settings.notifications, chains)
    cases = Cases(db, clock, settings, Outside(DutyPresence(), NoticeTeller(notifier)))
    assembly.declare(cases.service, settings.alarms)
    alarms = AlarmService(db, clock, settings.alarms, cases=cases.service, notifier=notifier)
    assembly.follow(cases.service, alarms)
    if what == "raise":
        with db.session() as session:
            rows = [{"point": f"P{i:03d}", "high": 40.0, "priority": 2} for i in range(1, ALARMS + 1)]
            assert RuleService(clock).load(session, SYSTEM, rows).accepted == ALARMS
    alarms.start()
    cases.start()
    if what == "raise":
        points = np.arange(1, ALARMS + 1, dtype=np.int32)
        at = np.full(ALARMS, clock.now_ms() - 5_000, np.int64)
        alarms.on_tick(
            Columns(points, at, np.full(ALARMS, 50.0), np.zeros(ALARMS, np.uint8), at.copy()), clock.now_ms()
        )
        assert alarms.recorder.flush(60)
    if what == "watch":
        print("begun", flush=True)
        while cases.escalator.run_once():
            pass
    print("ready", flush=True)
    time.sleep(120)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
