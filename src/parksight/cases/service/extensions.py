"""More time: asked for by one person, granted or refused by another; the old plan is kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from parksight.cases import declaration as d
from parksight.cases.declaration import Allowance
from parksight.cases.models import Case, CaseClock, Extension
from parksight.cases.people import Actor
from parksight.cases.service.clocks import Clocks
from parksight.cases.types import CaseTypes, Declared
from parksight.kernel.errors import ProblemError, conflict, invalid


class Extensions:
    """
    Args:
        types: declared kinds of work.
        clocks: makes the new plan.
    """

    def __init__(self, types: CaseTypes, clocks: Clocks) -> None:
        self._types = types
        self._clocks = clocks

    @staticmethod
    def open_of(session: Session, case_id: int) -> Extension | None:
        """The request that waits for a decision; there is at most one."""
        return session.scalar(
            select(Extension).where(Extension.case_id == case_id, Extension.status == "asked").limit(1)
        )

    @staticmethod
    def withdraw(session: Session, case_id: int, now: datetime) -> None:
        """A closed case needs no more time."""
        session.execute(
            update(Extension)
            .where(Extension.case_id == case_id, Extension.status == "asked")
            .values(status="withdrawn", decided_at=now)
        )

    def extendable(self, session: Session, case: Case) -> bool:
        """Whether a clock of the case goes on that may be given more time."""
        codes = [c.code for c in self._types.find(case.type).clocks.values() if c.extendable]
        statement = select(CaseClock.id).where(
            CaseClock.case_id == case.id, CaseClock.status != "stopped", CaseClock.code.in_(codes)
        )
        return session.scalar(statement.limit(1)) is not None

    def act(
        self, session: Session, actor: Actor, principal: Actor | None, case: Case, declared: Declared, what: str,
        values: Mapping[str, Any], reason: str, now: datetime,
    ) -> dict[str, Any]:  # fmt: skip
        """Ask, grant or refuse; returns what the history tells of it."""
        if what == d.ASK_EXTENSION:
            return self._ask(session, actor, principal, case, values, reason, now)
        row = self.open_of(session, case.id)
        if row is None or row.id != values["extension"]:
            raise conflict("cases.extension.decided", extension=values["extension"])
        # Besides the declared separation: of several requests the asker of exactly this one counts.
        asked = {row.asked_by_id, row.asked_for_id} - {None}
        if asked & {actor.id, principal.id if principal else None}:
            raise ProblemError(
                "cases.refused.separation", 403, {"transition": d.ASK_EXTENSION, "number": case.number}
            )
        row.decided_by_id, row.decided_at = actor.rights.id, now
        row.status = "granted" if what == d.GRANT_EXTENSION else "refused"
        clock = session.get_one(CaseClock, row.clock_id, with_for_update=True)
        told: dict[str, Any] = {"extension": row.id, "clock": clock.code, "run": clock.run}
        if what == d.GRANT_EXTENSION:
            if clock.status == "stopped":
                raise conflict("cases.extension.stopped", clock=clock.code)
            told |= {"plan": clock.plan + 1, "due_before": clock.due_at}
            more = Allowance(row.minutes, row.working_days)
            self._clocks.extend(session, actor.rights, clock, declared, more, row.reason, now)
            told["due_at"] = clock.due_at
        return told

    def _ask(
        self, session: Session, actor: Actor, principal: Actor | None, case: Case, values: Mapping[str, Any],
        reason: str, now: datetime,
    ) -> dict[str, Any]:  # fmt: skip
        clock = session.scalar(
            select(CaseClock)
            .where(
                CaseClock.case_id == case.id, CaseClock.code == values["clock"], CaseClock.status != "stopped"
            )
            .limit(1)
        )
        if clock is None:
            raise conflict("cases.extension.stopped", clock=values["clock"])
        minutes, days = values.get("minutes"), values.get("working_days")
        if (minutes is None) == (days is None) or (days is None) != (clock.working_days is None):
            raise invalid("cases.extension.measure", "/fields")
        row = Extension(
            case_id=case.id, clock_id=clock.id, minutes=minutes, working_days=days, reason=reason.strip(),
            status="asked", asked_by_id=actor.rights.id, asked_for_id=principal.id if principal else None, asked_at=now,
        )  # fmt: skip
        session.add(row)
        session.flush()
        return {"extension": row.id, "clock": clock.code, "run": clock.run}
