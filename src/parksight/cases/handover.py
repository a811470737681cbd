"""What cases say at a handover of the watch: what is late or nearly so, what came, what was closed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import Select
from sqlalchemy.orm import Session

from parksight.cases import access, repository
from parksight.cases.models import Case
from parksight.cases.repository import Wanted
from parksight.cases.service import CaseService
from parksight.duty.contributors import Item, Section, Severity
from parksight.kernel.permissions import Caller

#: Cases of a section that fit on a handover; the total is shown with them.
SHOWN = 100


class CaseItems:
    """A :class:`~parksight.duty.contributors.HandoverContributor`.

    Args:
        cases: the engine.
        told_elsewhere: types whose own room speaks of them.
    """

    name = "cases"

    def __init__(self, cases: CaseService, told_elsewhere: Sequence[str] = ()) -> None:
        self._cases = cases
        self._elsewhere = tuple(told_elsewhere)

    def contribute(
        self, session: Session, caller: Caller, since: datetime, until: datetime
    ) -> Sequence[Section]:
        if not caller.may(access.READ):
            return []
        actor = self._cases.actor(session, caller)

        def listed(wanted: Wanted) -> Select[tuple[Case, str, datetime | None]]:
            statement = repository.cases(actor, self._cases.types, wanted, until)
            return statement.where(Case.type.not_in(self._elsewhere))

        open_ones = ("open", "waiting")
        late = listed(Wanted(phases=open_ones, light="red", sort="due_at"))
        soon = listed(Wanted(phases=open_ones, light="yellow", sort="due_at"))
        came = listed(Wanted(start=since, end=until)).where(Case.phase != "final")
        closed = listed(Wanted(phases=("final",))).where(Case.closed_at >= since, Case.closed_at <= until)
        return [
            self._section(session, "cases_late", late, "critical", lambda case: case.occurred_at),
            self._section(session, "cases_soon", soon, "warning", lambda case: case.occurred_at),
            self._section(session, "cases_new", came, "info", lambda case: case.opened_at),
            self._section(session, "cases_closed", closed, "info", lambda case: case.closed_at),
        ]

    @staticmethod
    def _section(
        session: Session, code: str, statement: Select[tuple[Case, str, datetime | None]], severity: Severity,
        when: Callable[[Case], datetime | None],
    ) -> Section:  # fmt: skip
        items = [
            Item(
                key=f"case:{case.id}", text="cases.handover.item",
                params={
                    "number": case.number, "title": case.title, "type_key": case.type,
                    "state_key": f"{case.type}.state.{case.state}",
                },
                subject=("case", str(case.id)), page=f"/work/{case.id}", severity=severity, since=when(case),
                open=case.phase != "final",
            )
            for case, _light, _due in repository.page(session, statement, SHOWN, 0)
        ]  # fmt: skip
        return Section(code, f"cases.handover.{code}", items, repository.total(session, statement))
