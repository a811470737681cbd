"""Starting, pausing, resuming, stopping and re-planning the clocks of a case, with their escalation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from parksight.cases.declaration import Allowance, Deadline, Step
from parksight.cases.models import Case, CaseClock, ClockPause, ClockPlan, Escalation
from parksight.cases.timing import Pause, Timing
from parksight.cases.types import Declared
from parksight.kernel.errors import ProblemError, invalid
from parksight.kernel.permissions import Caller

#: A rung every clock has besides its ladder: it tells nobody, but the bus that the time is over.
DEADLINE = -1
_DEADLINE = Step((), share=1.0)


def step_of(ladder: Sequence[Step], number: int) -> Step:
    """The declared step of a rung."""
    return _DEADLINE if number == DEADLINE else ladder[number]


@dataclass(frozen=True)
class Wish:
    """What a transition wants of the clocks."""

    starts: Sequence[str] = ()
    pauses: Sequence[str] = ()
    resumes: Sequence[str] = ()
    stops: Sequence[str] = ()


def allowance(declared: Deadline, case: Case) -> Allowance:
    """How long a clock may run for this case."""
    if isinstance(declared.allowed, Allowance):
        return declared.allowed
    return declared.allowed(dict(case.fields))


def allowed_of(clock: CaseClock) -> Allowance:
    """What the present plan of a clock allows."""
    return Allowance(clock.minutes, clock.working_days)


def pauses_of(session: Session, clock_ids: Sequence[int]) -> dict[int, list[Pause]]:
    """Pauses that are over, by clock, in order."""
    found: dict[int, list[Pause]] = defaultdict(list)
    for row in session.scalars(
        select(ClockPause)
        .where(ClockPause.clock_id.in_(clock_ids), ClockPause.until.is_not(None))
        .order_by(ClockPause.clock_id, ClockPause.since)
    ):
        if row.until is not None:
            found[row.clock_id].append((row.since, row.until))
    return found


class Clocks:
    """
    Args:
        timing: how clocks count.
    """

    def __init__(self, timing: Timing) -> None:
        self._timing = timing

    def start_many(
        self, session: Session, caller: Caller, wanted: Sequence[tuple[Case, Declared, Sequence[str]]], now: datetime
    ) -> None:  # fmt: skip
        """Start clocks of new cases, all in a few statements."""
        started: list[tuple[CaseClock, Case, Declared]] = []
        for case, declared, codes in wanted:
            started += [(self._new(case, declared.clocks[c], 1, now), case, declared) for c in codes]
        session.add_all(clock for clock, _, _ in started)
        session.flush()
        if not started:
            return
        session.execute(insert(ClockPlan), [_plan(clock, caller, now, "") for clock, _, _ in started])
        session.add_all(
            _pause(clock, case.state, now) for clock, case, _ in started if clock.status == "paused"
        )
        rungs = [row for clock, _, declared in started for row in self._rungs(clock, declared, ())]
        if rungs:
            session.execute(insert(Escalation), rungs)

    def apply(
        self, session: Session, caller: Caller, case: Case, declared: Declared, wish: Wish, now: datetime
    ) -> list[str]:
        """Do what a transition wants once the case is in its new state; returns what changed, e.g. ``fix:paused``."""
        changed: list[str] = []
        rows = list(
            session.scalars(
                select(CaseClock).where(CaseClock.case_id == case.id).order_by(CaseClock.id).with_for_update()
            )
        )
        going = {c.code: c for c in rows if c.status != "stopped"}
        final = case.phase == "final"
        for code in list(going) if final else wish.stops:
            if code in going:
                self._stop(session, going.pop(code), now)
                changed.append(f"{code}:stopped")
        if final:
            return changed
        for code in wish.starts:
            if code in going:
                continue
            run = 1 + sum(c.code == code for c in rows)
            clock = self._new(case, declared.clocks[code], run, now)
            session.add(clock)
            session.flush()
            session.execute(insert(ClockPlan), [_plan(clock, caller, now, "")])
            if clock.status == "paused":
                session.add(_pause(clock, case.state, now))
            session.execute(insert(Escalation), self._rungs(clock, declared, ()))
            going[code] = clock
            changed.append(f"{code}:started")
        for code, clock in going.items():
            still = case.state in declared.clocks[code].paused_in or code in wish.pauses
            moving = not still and (code in wish.resumes or self._paused_by_state(session, clock))
            if still and clock.status == "running":
                self._pause(session, clock, case.state if code not in wish.pauses else "", now)
                changed.append(f"{code}:paused")
            elif moving and clock.status == "paused":
                self._resume(session, clock, declared, now)
                changed.append(f"{code}:resumed")
        return changed

    def extend(
        self, session: Session, caller: Caller, clock: CaseClock, declared: Declared, more: Allowance, reason: str,
        now: datetime,
    ) -> None:  # fmt: skip
        """A new plan with more time; the old one is kept, its unfired rungs are void.

        Raises:
            ProblemError: 422 ``cases.extension.measure`` when the clock counts otherwise.
        """
        if (clock.working_days is None) == (more.minutes is None):
            raise invalid("cases.extension.measure")
        clock.plan += 1
        if clock.working_days is not None:
            clock.working_days += more.working_days or 0
        else:
            clock.minutes = (clock.minutes or 0.0) + (more.minutes or 0.0)
        pauses = pauses_of(session, [clock.id])[clock.id]
        self._set_instants(clock, declared.clocks[clock.code], pauses)
        session.execute(insert(ClockPlan), [_plan(clock, caller, now, reason)])
        ladder = declared.ladder(declared.clocks[clock.code])
        # Rungs by minutes belong to the start and stay; those by the deadline move with it.
        moving = [DEADLINE, *(n for n, step in enumerate(ladder) if step.minutes is None)]
        self._void(session, clock, moving)
        rows = [
            row for row in self._rungs(clock, declared, pauses)
            if row["step"] in moving and (row["due_at"] is None or row["due_at"] > now)
        ]  # fmt: skip
        if rows:
            session.execute(insert(Escalation), rows)

    def rearm(self, session: Session, clock: CaseClock, declared: Declared, now: datetime) -> None:
        """Start the ladder from its first rung again: rungs by minutes count from now, the others fire if they have not."""
        self._void(session, clock)
        fired = set(
            session.scalars(
                select(Escalation.step).where(
                    Escalation.clock_id == clock.id,
                    Escalation.plan == clock.plan,
                    Escalation.fired_at.is_not(None),
                )
            )
        )
        clock.arm += 1
        clock.armed_at = now
        ladder = declared.ladder(declared.clocks[clock.code])
        pauses = pauses_of(session, [clock.id])[clock.id]
        rows = [
            row for row in self._rungs(clock, declared, pauses)
            if row["step"] not in fired or step_of(ladder, row["step"]).minutes is not None
        ]  # fmt: skip
        if rows:
            session.execute(insert(Escalation), rows)

    # --- one clock ------------------------------------------------------------------------------------

    def _new(self, case: Case, declared: Deadline, run: int, now: datetime) -> CaseClock:
        allowed = allowance(declared, case)
        if (allowed.minutes is None) == (allowed.working_days is None):
            raise ProblemError("cases.clock.rule", 500, {"type": case.type, "clock": declared.code})
        paused = case.state in declared.paused_in
        clock = CaseClock(
            case_id=case.id, code=declared.code, run=run, status="paused" if paused else "running",
            minutes=allowed.minutes, working_days=allowed.working_days, started_at=now,
            paused_at=now if paused else None, plan=1, arm=1, armed_at=now,
        )  # fmt: skip
        self._set_instants(clock, declared, ())
        return clock

    def _set_instants(self, clock: CaseClock, declared: Deadline, pauses: Sequence[Pause]) -> None:
        allowed = allowed_of(clock)
        clock.due_at = self._timing.due(allowed, clock.started_at, pauses)
        clock.warn_at = self._timing.due(allowed, clock.started_at, pauses, declared.warn)

    def _rungs(self, clock: CaseClock, declared: Declared, pauses: Sequence[Pause]) -> list[dict[str, Any]]:
        allowed, paused = allowed_of(clock), clock.status == "paused"
        ladder = declared.ladder(declared.clocks[clock.code])
        rows: list[dict[str, Any]] = []
        for number in (DEADLINE, *range(len(ladder))):
            step = step_of(ladder, number)
            due = (
                None if paused else self._timing.rung(step, allowed, clock.started_at, clock.armed_at, pauses)
            )
            rows.append(
                {
                    "case_id": clock.case_id, "clock_id": clock.id, "plan": clock.plan, "arm": clock.arm, "step": number,
                    "due_at": due, "void": False,
                }
            )  # fmt: skip
        return rows

    def _void(self, session: Session, clock: CaseClock, steps: Sequence[int] | None = None) -> None:
        statement = update(Escalation).where(Escalation.clock_id == clock.id, Escalation.fired_at.is_(None))
        if steps is not None:
            statement = statement.where(Escalation.step.in_(steps))
        session.execute(statement.values(void=True))

    def _pause(self, session: Session, clock: CaseClock, state: str, now: datetime) -> None:
        clock.status, clock.paused_at = "paused", now
        session.add(_pause(clock, state, now))
        session.execute(
            update(Escalation)
            .where(Escalation.clock_id == clock.id, Escalation.fired_at.is_(None), Escalation.due_at > now)
            .values(due_at=None)
        )

    def _resume(self, session: Session, clock: CaseClock, declared: Declared, now: datetime) -> None:
        session.flush()
        open_pause = update(ClockPause).where(ClockPause.clock_id == clock.id, ClockPause.until.is_(None))
        session.execute(open_pause.values(until=now))
        clock.status, clock.paused_at = "running", None
        pauses = pauses_of(session, [clock.id])[clock.id]
        self._set_instants(clock, declared.clocks[clock.code], pauses)
        ladder = declared.ladder(declared.clocks[clock.code])
        for rung in session.scalars(
            select(Escalation).where(
                Escalation.clock_id == clock.id, Escalation.fired_at.is_(None), ~Escalation.void,
                Escalation.due_at.is_(None),
            )
        ):  # fmt: skip
            rung.due_at = self._timing.rung(
                step_of(ladder, rung.step), allowed_of(clock), clock.started_at, clock.armed_at, pauses
            )

    def _stop(self, session: Session, clock: CaseClock, now: datetime) -> None:
        # Judged before the pause is closed: a clock that stands still does not run out.
        clock.met = (clock.paused_at or now) <= clock.due_at
        if clock.status == "paused":
            session.execute(
                update(ClockPause)
                .where(ClockPause.clock_id == clock.id, ClockPause.until.is_(None))
                .values(until=now)
            )
        clock.status, clock.stopped_at = "stopped", now
        self._void(session, clock)

    @staticmethod
    def _paused_by_state(session: Session, clock: CaseClock) -> bool:
        if clock.status != "paused":
            return False
        reason = session.scalar(
            select(ClockPause.reason).where(ClockPause.clock_id == clock.id, ClockPause.until.is_(None))
        )
        return bool(reason)


def _pause(clock: CaseClock, state: str, now: datetime) -> ClockPause:
    """A pause that begins; ``state``: the one that brings it about, empty when a transition asked for it."""
    return ClockPause(clock_id=clock.id, since=now, reason=state)


def _plan(clock: CaseClock, caller: Caller, now: datetime, reason: str) -> dict[str, object]:
    return {
        "clock_id": clock.id, "plan": clock.plan, "minutes": clock.minutes, "working_days": clock.working_days,
        "due_at": clock.due_at, "at": now, "by_id": caller.id, "by_name": caller.name[:200], "reason": reason,
    }  # fmt: skip
