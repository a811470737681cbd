"""The declared types of this installation, checked before the first case."""

from __future__ import annotations

from dataclasses import replace

from parksight.cases import declaration as d
from parksight.cases.checks import check
from parksight.cases.declaration import CaseType, Deadline, State, Transition, Who
from parksight.kernel.errors import not_found

_WRITERS = Who(anyone=True)


def exits(case_type: CaseType) -> tuple[Transition, ...]:
    """The common ways of a type as transitions like any other."""
    rules = case_type.exits
    going = tuple(s.code for s in case_type.states if s.phase != "final")
    over = tuple(s.code for s in case_type.states if s.phase == "final")
    clocks = tuple(c.code for c in case_type.clocks if c.extendable)
    days = {c.code for c in case_type.clocks if isinstance(c.allowed, d.Allowance) and c.allowed.working_days}
    found: list[Transition] = []

    def way(code: str, who: Who, sources: tuple[str, ...], target: str, **more: object) -> None:
        if who != d.NOBODY and sources:
            base = Transition(code, sources, target, who, comment="required")
            found.append(replace(base, **more))  # type: ignore[arg-type]  # fields of Transition by name

    way(d.CANCEL, rules.cancel, going, d.CANCELLED, result="cancelled")
    if rules.reopen_to is not None:
        way(d.REOPEN, rules.reopen, over, rules.reopen_to, starts=rules.reopen_starts)
    way(d.RETURN, rules.give_back, rules.return_from, d.PREVIOUS, returned=True)
    way(d.TRANSFER, rules.transfer, going, d.SAME, assign="fields", bulk=True, fields=_PARTIES)
    if clocks:
        asked = (
            d.Field("clock", "choice", True, choices=clocks),
            d.Field("minutes", "number", minimum=1, maximum=5_256_000),
            *((d.Field("working_days", "integer", minimum=1, maximum=366),) if days else ()),
        )
        choice = (d.Field("extension", "integer", True, minimum=1),)
        way(d.ASK_EXTENSION, rules.ask_extension, going, d.SAME, fields=asked)
        grants = {"fields": choice, "not_by": (d.ASK_EXTENSION,)}
        way(d.GRANT_EXTENSION, rules.grant_extension, going, d.SAME, **grants)
        way(d.REFUSE_EXTENSION, rules.grant_extension, going, d.SAME, **grants)
    return tuple(found)


_PARTIES = (
    d.Field("to_user", "user"), d.Field("to_post", "post"), d.Field("to_department", "department"),
    d.Field("to_enterprise", "enterprise"),
)  # fmt: skip


def complete(case_type: CaseType) -> CaseType:
    """The type with its common ways, and the state cancelled cases end in."""
    states = case_type.states
    if case_type.exits.cancel != d.NOBODY and all(s.code != d.CANCELLED for s in states):
        states = (*states, State(d.CANCELLED, "final"))
    whole = replace(case_type, states=states)
    return replace(whole, transitions=(*case_type.transitions, *exits(whole)))


class Declared:
    """A checked type, ready for use: :attr:`type` is complete with its common ways."""

    def __init__(self, case_type: CaseType) -> None:
        self.type = complete(case_type)
        self.states = {s.code: s for s in self.type.states}
        self.transitions = {t.code: t for t in self.type.transitions}
        self.clocks = {c.code: c for c in self.type.clocks}

    @property
    def code(self) -> str:
        return self.type.code

    def out_of(self, state: str) -> tuple[Transition, ...]:
        """Transitions that lead out of a state, the declared ones first."""
        return tuple(t for t in self.type.transitions if state in t.sources)

    def ladder(self, clock: Deadline) -> tuple[d.Step, ...]:
        return self.type.escalation if clock.escalation is None else clock.escalation


class CaseTypes:
    """All types; filled by the composition root from each module's ``workflow.py``."""

    def __init__(self, *case_types: CaseType) -> None:
        self._types: dict[str, Declared] = {}
        self.register(*case_types)

    def register(self, *case_types: CaseType) -> None:
        """Take types after checking them.

        Raises:
            DeclarationError: naming the type and all that is wrong with it.
        """
        for case_type in case_types:
            declared = Declared(case_type)
            check(declared.type, case_type, {t.type.prefix: t.code for t in self._types.values()})
            self._types[case_type.code] = declared

    def find(self, code: str) -> Declared:
        """404 ``kernel.not_found`` for a type nobody declared."""
        declared = self._types.get(code)
        if declared is None:
            raise not_found("cases.type", code)
        return declared

    def get(self, code: str) -> Declared | None:
        return self._types.get(code)

    def all(self) -> tuple[Declared, ...]:
        return tuple(self._types.values())
