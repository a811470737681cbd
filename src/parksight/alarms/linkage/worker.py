"""Carries out ordered reactions after the commit, once each, also across restarts.

A row is claimed before anything happens. What only writes records is done in the unit of work that closes the row, so
it happens with the row or not at all. A call to a server outside cannot be part of that: if the process dies during
one, nobody can know whether it arrived; the row then says so and is never called again.
"""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from parksight.alarms.events import GroupsChanged
from parksight.alarms.linkage.actions import Actions, Outcome
from parksight.alarms.linkage.scene import scene_of
from parksight.alarms.models import Alarm, Reaction
from parksight.kernel.clock import Clock
from parksight.kernel.db import Database, emit

log = structlog.get_logger(__name__)
#: Kinds whose effect leaves the records.
_OUTSIDE = frozenset({"webhook"})
_RETRY = timedelta(seconds=10)


class ReactionWorker:
    """One thread; woken by new reactions and by the clock.

    Args:
        attempts: tries of an action that certainly reached nobody.
    """

    def __init__(self, db: Database, clock: Clock, actions: Actions, attempts: int) -> None:
        self.db = db
        self.clock = clock
        self.actions = actions
        self.attempts = attempts
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Settle what an earlier process had begun, then go on with what waits."""
        self._stopping.clear()
        self.recover()
        self._wake.set()
        self._thread = threading.Thread(target=self._run, name="alarm-linkage", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(30)
            self._thread = None

    def wake(self) -> None:
        self._wake.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(1.0)
            self._wake.clear()
            try:
                while not self._stopping.is_set() and self.step():
                    pass
            except Exception:
                log.exception("alarm_linkage_failed")

    def recover(self) -> int:
        """Rows an earlier process left running: records-only ones wait again, calls outside are settled as unknown."""
        running = select(Reaction).where(Reaction.state == "running")
        with self.db.read() as session:
            if session.scalar(running.limit(1)) is None:
                return 0
        with self.db.session() as session:
            rows = list(session.scalars(running))
            for row in rows:
                if row.kind in _OUTSIDE:
                    row.state, row.finished_at = "failed", self.clock.now()
                    row.result = {"reason": "interrupted"}
                else:
                    row.state = "waiting"
        return len(rows)

    def step(self) -> bool:
        """Carry out the next reaction; False when none is due."""
        claimed = self._claim()
        if claimed is None:
            return False
        begun = time.monotonic()
        try:
            self._carry_out(claimed, begun)
        except Exception as error:
            log.exception("alarm_reaction_failed", reaction=claimed)
            with self.db.session() as session:
                self._settle(
                    session,
                    claimed,
                    Outcome("failed", {"reason": "error", "error": type(error).__name__}),
                    begun,
                )
        return True

    def _claim(self) -> int | None:
        now = self.clock.now()
        waiting = select(Reaction.id).where(Reaction.state == "waiting", Reaction.due_at <= now)
        with self.db.read() as session:  # looking takes no write lock
            reaction_id = session.scalar(waiting.order_by(Reaction.id).limit(1))
        if reaction_id is None:
            return None
        with self.db.session() as session:
            taken = session.execute(
                update(Reaction)
                .where(Reaction.id == reaction_id, Reaction.state == "waiting")
                .values(state="running", started_at=now, attempts=Reaction.attempts + 1)
            )
            if not isinstance(taken, CursorResult) or taken.rowcount != 1:
                return None
            return reaction_id

    def _carry_out(self, reaction_id: int, begun: float) -> None:
        call: dict[str, Any] | None = None
        with self.db.session() as session:
            row = session.get_one(Reaction, reaction_id)
            alarm = session.get_one(Alarm, row.alarm_id)
            outcome = self.actions.perform(session, scene_of(session, alarm), row.action, reaction_id)
            if row.kind in _OUTSIDE and outcome.state == "done":
                call = outcome.result
            else:
                self._settle(session, reaction_id, outcome, begun)
        if call is not None:
            outcome = self.actions.call(call["url"], call["body"], reaction_id)
            with self.db.session() as session:
                self._settle(session, reaction_id, outcome, begun)

    def _settle(self, session: Session, reaction_id: int, outcome: Outcome, begun: float) -> None:
        row = session.get_one(Reaction, reaction_id)
        now = self.clock.now()
        row.result, row.took_ms = outcome.result, round((time.monotonic() - begun) * 1000)
        if outcome.again and row.attempts < self.attempts:
            row.state, row.due_at = "waiting", now + _RETRY * row.attempts
            return
        row.state, row.finished_at = outcome.state, now
        emit(session, GroupsChanged(what="reaction", ids=(row.alarm_id,), enterprise_id=row.enterprise_id))
