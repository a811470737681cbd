"""Killed with 500 open alarms and running escalations: after the restart all are there, and nobody is told twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import func, select
from tests.alarms.kit import START, Watch

from parksight.alarms.models import Alarm, Group, JournalEntry
from parksight.cases.models import Case, Escalation
from parksight.kernel.identity.models import Assignment, User
from parksight.notifications.models import InboxItem, NoticeRow
from parksight.registry.models import Equipment, Unit
from parksight.telemetry.models import Point

ROOT = Path(__file__).parents[2]
ALARMS, UNITS = 500, 50


class Process:
    """A platform that is killed, not stopped."""

    def __init__(self, folder: Path, what: str) -> None:
        path = os.pathsep.join((str(ROOT / "src"), str(ROOT)))
        self.log = (folder / f"{what}.{time.monotonic_ns()}.log").open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.alarms.victim", str(folder), what], stdout=subprocess.PIPE, stderr=self.log,
            env={**os.environ, "PYTHONPATH": path}, text=True, cwd=ROOT,
        )  # fmt: skip

    def until(self, word: str) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.strip() == word:
                return
        self.log.flush()
        raise AssertionError(f"it ended before it was {word}: {Path(self.log.name).read_text()[-3000:]}")

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        assert self._process.wait(30) == -signal.SIGKILL
        self.log.close()


@pytest.fixture
def zone(tmp_path: Path) -> Watch:
    """Records of 500 points in 50 units, and people on the desk."""
    watch = Watch(f"sqlite:///{tmp_path / 'records.sqlite'}")
    watch.furnish(ALARMS)
    stamp = {"created_at": START, "updated_at": START}
    with watch.db.session() as session:
        for i in range(2, UNITS + 1):
            session.add(Unit(id=i, code=f"U{i}", name=f"装置{i}", enterprise_id=1, **stamp))
        session.flush()
        for i in range(2, UNITS + 1):
            session.add(
                Equipment(
                    id=i, code=f"T{i}", name=f"设备{i}", kind="tank", unit_id=i, enterprise_id=1, **stamp
                )
            )
        for i, role in ((20, "duty_operator"), (21, "duty_operator"), (22, "safety_officer")):
            session.add(User(id=i, username=f"u{i}", username_key=f"u{i}", name=f"值班{i}", **stamp))
            session.flush()
            session.add(Assignment(user_id=i, role=role, scope="zone", scope_ids=[]))
        session.flush()
        for point in session.scalars(select(Point)):
            point.thing_id, point.enterprise_id = 1 + point.id % UNITS, 1
    watch.close()
    return watch


@pytest.mark.parametrize("after_s", [0.0, 0.05, 0.3])
def test_after_a_kill_all_alarms_are_there_and_nobody_is_told_twice(
    zone: Watch, tmp_path: Path, after_s: float
) -> None:
    first = Process(tmp_path, "raise")
    first.until("ready")
    first.kill()
    second = Process(tmp_path, "watch")
    second.until("begun")
    time.sleep(after_s)  # somewhere in the middle of the escalation
    second.kill()
    third = Process(tmp_path, "watch")
    third.until("ready")
    third.kill()
    with zone.db.read() as session:
        rows = list(session.scalars(select(Alarm)))
        assert len(rows) == ALARMS
        assert {(a.condition, a.handling) for a in rows} <= {("active", "new"), ("unknown", "new")}
        assert session.scalar(select(func.count(Group.id))) == UNITS
        assert list(session.scalars(select(Case.state))) == ["new"] * UNITS
        raised = session.scalar(select(func.count(JournalEntry.id)).where(JournalEntry.what == "raised"))
        assert raised == ALARMS
        fired = list(session.scalars(select(Escalation).where(Escalation.fired_at.is_not(None))))
        assert Counter(r.case_id for r in fired if r.step == 0) == dict.fromkeys(range(1, UNITS + 1), 1)
        notices = list(session.scalars(select(NoticeRow)))
        assert notices, "the desk was told"
        assert {n.times for n in notices} == {1}
        told = Counter(session.execute(select(InboxItem.user_id, InboxItem.notice_id)).tuples())
        assert set(told.values()) == {1}
        keys = Counter(n.dedupe_key for n in notices if n.dedupe_key)
        assert max(keys.values(), default=1) == 1
        assert {u for u, _ in told} == {20, 21}, "the first rung is the desk's"
