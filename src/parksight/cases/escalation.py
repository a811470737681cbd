"""Escalation by the clock: what is due is claimed and told in one unit of work, so nothing fires twice or gets lost.

After down-time everything that fell due meanwhile is worked off in its order, and each person gets one message for it.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from parksight.cases import history, ledger
from parksight.cases.declaration import Step
from parksight.cases.events import CasesOverdue
from parksight.cases.models import Case, CaseClock, Escalation, Participant
from parksight.cases.service.clocks import DEADLINE, step_of
from parksight.cases.service.room import Room, notice, participants_of
from parksight.cases.service.telling import Heard, Telling
from parksight.kernel.clock import Clock
from parksight.kernel.db import Database, emit
from parksight.kernel.identity.models import Post
from parksight.kernel.permissions import SYSTEM

log = structlog.get_logger(__name__)


class Escalator:
    """Fires the rungs that are due; a thread of the platform.

    Args:
        db: records.
        clock: the platform's time.
        room: what the parts of the engine share.
        every_s: seconds between looks.
        batch: due rungs from which the cases of one unit of work are taken; those fire with all their due rungs.
    """

    def __init__(
        self, db: Database, clock: Clock, room: Room, every_s: float = 1.0, batch: int = 500
    ) -> None:
        self._db = db
        self._clock = clock
        self._room = room
        self._every_s = every_s
        self._batch = batch
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.counters: Counter[str] = Counter()

    def start(self) -> None:
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name="case-escalation", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the unit of work under way. Idempotent."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(30)
            self._thread = None

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            try:
                while self.run_once() and not self._stop.is_set():
                    pass
            except Exception:
                self.counters["failures"] += 1
                log.exception("case_escalation_failed")

    def run_once(self) -> int:
        """Fire what is due now, oldest first; returns how many rungs."""
        now = self._clock.now()
        if not self._anything(now):  # a look costs no write lock
            return 0
        with self._db.session() as session:
            cases, rungs = self._claim(session, now)
            if rungs:
                self._fire(session, cases, rungs, now)
        self.counters["fired"] += len(rungs)
        return len(rungs)

    def _anything(self, now: datetime) -> bool:
        with self._db.read() as session:
            return session.scalar(_due(now).with_only_columns(Escalation.id).limit(1)) is not None

    def _claim(self, session: Session, now: datetime) -> tuple[dict[int, Case], Sequence[Escalation]]:
        """Rungs that are ours to fire, with their cases. Cases are locked first, as everybody else does who changes them;
        one that somebody is working on waits for the next look."""
        wanted = _due(now).with_only_columns(Escalation.case_id).limit(self._batch)
        locked = session.scalars(
            select(Case)
            .where(Case.id.in_(set(session.scalars(wanted))))
            .order_by(Case.id)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        )
        cases = {c.id: c for c in locked}
        rungs = session.scalars(_due(now).where(Escalation.case_id.in_(cases))).all()
        for rung in rungs:
            rung.fired_at = now
        session.flush()
        return cases, rungs

    def _fire(
        self, session: Session, cases: Mapping[int, Case], rungs: Sequence[Escalation], now: datetime
    ) -> None:
        clocks = {
            c.id: c
            for c in session.scalars(select(CaseClock).where(CaseClock.id.in_({r.clock_id for r in rungs})))
        }
        telling = Telling(self._room.outside.teller)
        overdue: dict[str, list[Case]] = defaultdict(list)
        for rung in rungs:
            case, clock = cases[rung.case_id], clocks[rung.clock_id]
            declared = self._room.types.get(case.type)
            if declared is None or clock.code not in declared.clocks:
                self.counters["undeclared"] += 1
            elif rung.step == DEADLINE:
                overdue[clock.code].append(case)
            elif rung.step < len(ladder := declared.ladder(declared.clocks[clock.code])):
                self._tell(session, telling, case, clock, rung, step_of(ladder, rung.step), now)
        telling.send(session)
        for code, late in sorted(overdue.items()):
            emit(session, CasesOverdue(cases=tuple(notice(c, now) for c in late), clock=code))

    def _tell(
        self, session: Session, telling: Telling, case: Case, clock: CaseClock, rung: Escalation, step: Step, now: datetime
    ) -> None:  # fmt: skip
        participants = participants_of(session, case.id)
        told: list[int] = []
        over = (rung.due_at or now) >= clock.due_at
        for target in step.to:
            who = [i for i in self._recipients(session, case, target, participants, now) if i not in told]
            told += who
            key = f"cases:rung:{rung.clock_id}:{rung.plan}:{rung.arm}:{rung.step}"
            heard = Heard(
                case, "cases.tell.overdue" if over else "cases.tell.warned", "cases.why.ladder", step.priority, key,
                {"step": rung.step + 1, **_named(target)},
            )  # fmt: skip
            telling.note(who, heard)
        detail = {
            "clock": clock.code, "run": clock.run, "plan": rung.plan, "step": rung.step + 1, "to": list(step.to),
            "recipients": told, "due_at": rung.due_at,
        }  # fmt: skip
        occurred = min(rung.due_at or now, now)
        late = now - occurred > self._room.late_after
        entry = history.Entry("escalated", occurred_at=occurred, late=late, detail=detail)
        history.add(session, SYSTEM, case, history.told(case), entry, now)
        session.flush()

    def _recipients(
        self, session: Session, case: Case, target: str, participants: Sequence[Participant], now: datetime
    ) -> list[int]:  # fmt: skip
        people = self._room.people
        kind, _, rest = target.partition(":")
        if kind == "role":
            return people.of_role(session, rest, case.enterprise_id, now)
        if kind == "post":
            post_id = (
                case.owner_post_id if not rest else session.scalar(select(Post.id).where(Post.code == rest))
            )
            return [] if post_id is None else people.of_post(session, post_id, now)
        if kind == "owner":
            # A case waits with its holder, who need not be its owner.
            return self._held_by(session, case, participants, now)
        if kind == "reporter":
            return [] if case.reporter_id is None else people.present(session, [case.reporter_id], now)
        if kind == "enterprise":
            return (
                [] if case.enterprise_id is None else people.of_enterprise(session, case.enterprise_id, now)
            )
        wanted = [p for p in participants if (p.role == "watcher") == (kind == "watchers")]
        return people.participants(session, wanted, now)

    def _held_by(
        self, session: Session, case: Case, participants: Sequence[Participant], now: datetime
    ) -> list[int]:  # fmt: skip
        declared = self._room.types.find(case.type)
        holder = ledger.state_holder(session, case, declared.type, participants)
        if holder == ledger.owner_of(case):
            return self._room.people.owners(session, case, now)
        if holder.kind == "role":
            return self._room.people.of_role(session, holder.key, case.enterprise_id, now)
        row = Participant(case_id=case.id, role="", kind=holder.kind, party_id=int(holder.key), since=now)
        return self._room.people.participants(session, [row], now)


def _named(target: str) -> dict[str, object]:
    """A rung's recipient for the text: a key of the locale files where there is one, else the post's code."""
    kind, _, rest = target.partition(":")
    if kind == "post" and rest:
        return {"target": rest}
    return {"target_key": f"kernel.role.{rest}" if kind == "role" else f"cases.target.{kind}"}


def _due(now: datetime) -> Select[Any]:
    return (
        select(Escalation)
        .where(Escalation.fired_at.is_(None), ~Escalation.void, Escalation.due_at <= now)
        .order_by(Escalation.due_at, Escalation.id)
    )
