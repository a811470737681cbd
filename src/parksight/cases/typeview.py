"""Declared types as the pages show them, with texts in the reader's language."""

from __future__ import annotations

from collections.abc import Sequence

from parksight.cases import access, diagram
from parksight.cases import declaration as d
from parksight.cases.declaration import Allowance, CaseType, Deadline, Field, State, Transition
from parksight.cases.people import Actor
from parksight.cases.schemas import (
    CaseTypeOut,
    CaseTypeRow,
    ClockTypeOut,
    DemandOut,
    DiagramOut,
    EdgeOut,
    FieldOut,
    NodeOut,
    StateOut,
    StepOut,
    TransitionOut,
)
from parksight.cases.types import Declared
from parksight.kernel.i18n import translate


class TypeView:
    """One type in one language.

    Args:
        declared: the type.
        language: the reader's.
    """

    def __init__(self, declared: Declared, language: str | None) -> None:
        self._declared = declared
        self._type: CaseType = declared.type
        self._language = language

    def row(self, actor: Actor) -> CaseTypeRow:
        return CaseTypeRow(**self._common(actor))

    def whole(self, actor: Actor) -> CaseTypeOut:
        t = self._type
        return CaseTypeOut(
            **self._common(actor), initial=t.initial, late_opening=t.late_opening,
            hide_reporter=t.visibility.hide_reporter, subjects=list(t.subjects),
            roles=[(r, self._text("role", r)) for r in (*t.roles, "watcher")], fields=self._fields(t.fields),
            transitions=[self._transition(x) for x in t.transitions], clocks=[self._clock(c) for c in t.clocks],
            diagram=self._diagram(),
        )  # fmt: skip

    def _common(self, actor: Actor) -> dict[str, object]:
        t = self._type
        may = actor.rights.may(access.WRITE) and access.matches(actor, t.opened_by, None)
        known = {f.code: f for fields in (t.fields, *(x.fields for x in t.transitions)) for f in fields}
        return {
            "code": t.code, "title": translate(t.code, self._language), "prefix": t.prefix, "version": t.version,
            "may_open": may, "states": [self._state(s) for s in t.states],
            "columns": self._fields([known[c] for c in t.columns]),
        }  # fmt: skip

    def _text(self, kind: str, code: str) -> str:
        return diagram.title(self._type, kind, code, self._language)

    def _state(self, s: State) -> StateOut:
        return StateOut(code=s.code, title=self._text("state", s.code), phase=s.phase, holder=s.holder)

    def _fields(self, fields: Sequence[Field]) -> list[FieldOut]:
        return [
            FieldOut(
                code=f.code, title=self._text("field", f.code), kind=f.kind, required=f.required, minimum=f.minimum,
                maximum=f.maximum, unit=f.unit, many=f.many,
                choices=[
                    (c, self._text("clock", c) if f.code == "clock" else self._text("field", f"{f.code}.{c}"))
                    for c in f.choices
                ],
            )
            for f in fields
        ]  # fmt: skip

    def _transition(self, x: Transition) -> TransitionOut:
        return TransitionOut(
            code=x.code, title=self._text("do", x.code), sources=list(x.sources), target=x.target,
            fields=self._fields(x.fields),
            evidence=[
                DemandOut(kind=e.kind, minimum=e.minimum, positioned=e.positioned, fresh=e.fresh) for e in x.evidence
            ],
            comment=x.comment, not_by=list(x.not_by), signature=x.signature, bulk=x.bulk, late=x.late,
            exit=x.code in d.EXITS,
        )  # fmt: skip

    def _clock(self, c: Deadline) -> ClockTypeOut:
        fixed = c.allowed if isinstance(c.allowed, Allowance) else Allowance()
        return ClockTypeOut(
            code=c.code, title=self._text("clock", c.code), minutes=fixed.minutes, working_days=fixed.working_days,
            by_rule=not isinstance(c.allowed, Allowance), warn=c.warn, extendable=c.extendable,
            paused_in=list(c.paused_in),
            escalation=[
                StepOut(share=s.share, minutes=s.minutes, overdue=s.overdue, to=list(s.to), priority=s.priority)
                for s in self._declared.ladder(c)
            ],
        )  # fmt: skip

    def _diagram(self) -> DiagramOut:
        drawing = diagram.draw(self._type)
        return DiagramOut(
            nodes=[
                NodeOut(state=n.state, title=self._text("state", n.state), phase=n.phase, initial=n.initial, x=n.x, y=n.y)
                for n in drawing.nodes
            ],
            edges=[
                EdgeOut(
                    transition=e.transition, title=self._text("do", e.transition), source=e.source, target=e.target,
                    exit=e.exit,
                )
                for e in drawing.edges
            ],
            layers=drawing.layers, rows=drawing.rows, mermaid=diagram.mermaid(self._type, self._language),
        )  # fmt: skip
