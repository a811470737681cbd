"""Events of cases on the bus, after the unit of work is committed."""

from __future__ import annotations

import msgspec

from parksight.kernel.bus import Event


class CaseNotice(msgspec.Struct, frozen=True, kw_only=True):
    """A case as others need it; instants in ms since the epoch."""

    id: int
    number: str
    type: str
    state: str
    phase: str
    priority: int
    enterprise_id: int | None
    subject_kind: str | None
    subject_id: str | None
    origin_kind: str | None
    origin_id: str | None
    simulated: bool
    drill: bool
    version: int
    at: int


class CasesOpened(Event, frozen=True, kw_only=True):
    """All cases one unit of work opened, so that a burst is one event."""

    cases: tuple[CaseNotice, ...]

    @classmethod
    def subject(cls) -> str:
        return "cases.opened"


class CaseMoved(Event, frozen=True, kw_only=True):
    """A case went from one state to another, or something about it changed in the same state."""

    case: CaseNotice
    transition: str
    source: str
    by_id: int | None
    by_name: str

    @classmethod
    def subject(cls) -> str:
        return "cases.moved"


class CaseClosed(Event, frozen=True, kw_only=True):
    """Follows the :class:`CaseMoved` into a final state."""

    case: CaseNotice
    result: str | None

    @classmethod
    def subject(cls) -> str:
        return "cases.closed"


class CasesOverdue(Event, frozen=True, kw_only=True):
    """Clocks of these cases ran out; told once per clock and plan."""

    cases: tuple[CaseNotice, ...]
    clock: str

    @classmethod
    def subject(cls) -> str:
        return "cases.overdue"


class CaseChanged(Event, frozen=True, kw_only=True):
    """Something was added without a transition: a comment, evidence, a link, a signature."""

    case: CaseNotice
    what: str

    @classmethod
    def subject(cls) -> str:
        return "cases.changed"
