"""What cases contribute to the one screen and to the enterprise page."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from parksight.cases import access, repository
from parksight.cases.repository import Wanted
from parksight.cases.service import CaseService
from parksight.kernel.permissions import Caller
from parksight.registry.panel import EnterpriseTab

#: Register it with ``app.state.enterprise_tabs``.
TAB = EnterpriseTab(
    "cases", "cases.tab", access.READ, "/api/v1/cases?enterprise_id={id}&phase=open&phase=waiting", order=60
)
_UNFINISHED = ("open", "waiting")


def figures(session: Session, caller: Caller, cases: CaseService, now: datetime) -> tuple[int, int]:
    """Unfinished cases the caller may see: how many there are, and how many of them are overdue."""
    actor = cases.actor(session, caller)

    def number(wanted: Wanted) -> int:
        return repository.total(session, repository.cases(actor, cases.types, wanted, now))

    return number(Wanted(phases=_UNFINISHED)), number(Wanted(phases=_UNFINISHED, light="red"))
