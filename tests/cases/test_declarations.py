"""A type that could not be run is refused at start-up, with its name and every fault."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.cases.kit import TRIAL

from parksight.cases import declaration as d
from parksight.cases.checks import DeclarationError
from parksight.cases.declaration import (
    Allowance,
    CaseType,
    Deadline,
    Exits,
    Field,
    State,
    Step,
    Transition,
    Who,
)
from parksight.cases.diagram import draw, mermaid
from parksight.cases.types import CaseTypes
from parksight.cases.workflow import REPORT

_ANY = Who(anyone=True)


def _with(**more: Any) -> CaseType:
    return replace(TRIAL, **more)


def _and(*transitions: Transition) -> tuple[Transition, ...]:
    return (*TRIAL.transitions, *transitions)


@pytest.mark.parametrize(
    ("case_type", "fault"),
    [
        (_with(code="report"), "code is not module.noun"),
        (_with(prefix="sp"), "prefix 'sp'"),
        (_with(initial="nowhere"), "initial state nowhere is not declared"),
        (_with(states=(*TRIAL.states, State("lonely"))), "state lonely cannot be reached"),
        (_with(states=(*TRIAL.states, State("pit")), transitions=_and(Transition("fall", ("fixing",), "pit", _ANY))),
         "state pit has no way to a final state"),
        (_with(transitions=_and(Transition("undo", ("closed",), "fixing", _ANY))), "leads out of final state closed"),
        (_with(transitions=_and(Transition("go", ("fixing",), "moon", _ANY))), "leads to unknown state moon"),
        (_with(transitions=_and(Transition("cancel", ("fixing",), "closed", _ANY))), "one of the common ways"),
        (_with(transitions=_and(Transition("go", ("fixing",), "fixed", Who()))), "may be done by nobody"),
        (_with(transitions=_and(Transition("go", ("fixing",), "fixed", Who(roles=("wizard",))))), "unknown role wizard"),
        (_with(transitions=_and(Transition("go", ("fixing",), "fixed", Who(permissions=("magic.wand.wave",))))),
         "permission magic.wand.wave, which no role has"),
        (_with(transitions=_and(Transition("go", ("fixing",), "fixed", _ANY, not_by=("flying",)))), "unknown transition flying"),
        (_with(transitions=_and(Transition("go", ("fixing",), "fixed", _ANY, starts=("sand",)))), "unknown clock sand"),
        (_with(transitions=_and(Transition("go", ("fixing",), "fixed", _ANY, assign="fields"))), "assigns from its fields"),
        (_with(transitions=_and(Transition("go", ("fixing",), "fixed", _ANY))), "no zh-CN text cases.report.do.go"),
        (_with(clocks=(Deadline("fix", Allowance()),)), "needs minutes or working days"),
        (_with(clocks=(*TRIAL.clocks, Deadline("verify", Allowance(minutes=5)))), "clock verify is never started"),
        (_with(escalation=(Step(("owner",)),)), "exactly one of share, minutes and overdue"),
        (_with(escalation=(Step(("pope",), share=1.0),)), "unknown recipient pope"),
        (_with(states=(*TRIAL.states[:-1], State("closed", "final", holder="ghost"))), "unknown holder ghost"),
        (_with(fields=(Field("place", "choice"),)), "field place has no choices"),
        (_with(columns=("colour",)), "column colour is no field"),
        (_with(exits=Exits(return_from=("reported",))), "exits.return_from names reported"),
    ],
)  # fmt: skip
def test_faults_are_named(case_type: CaseType, fault: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        CaseTypes(case_type)
    assert fault in str(refused.value)
    assert str(refused.value).startswith(f"case type {case_type.code}: ")


def test_prefixes_of_numbers_are_not_shared() -> None:
    with pytest.raises(DeclarationError, match="prefix SP belongs to cases"):
        CaseTypes(REPORT, replace(TRIAL, code="cases.other", prefix="SP"))


def test_every_type_has_the_common_ways() -> None:
    declared = CaseTypes(REPORT).find("cases.report")
    assert set(d.EXITS) <= declared.transitions.keys()
    assert declared.states[d.CANCELLED].phase == "final"
    assert declared.transitions[d.GRANT_EXTENSION].not_by == (d.ASK_EXTENSION,)


def test_the_drawing_reads_from_left_to_right() -> None:
    declared = CaseTypes(REPORT).find("cases.report")
    drawing = draw(declared.type)
    at = {n.state: (n.x, n.y) for n in drawing.nodes}
    assert len(set(at.values())) == len(at)
    assert [at[s][0] for s in ("reported", "assigned", "fixing", "fixed", "closed")] == [0, 1, 2, 3, 4]
    assert max(x for x, _ in at.values()) + 1 == drawing.layers
    text = mermaid(declared.type, "en")
    assert "    fixing --> fixed : Report fixed" in text
    assert "cancelled" not in text


def test_the_diagram_in_the_docs_is_the_declared_one() -> None:
    page = (Path(__file__).parents[2] / "docs/developer/cases.md").read_text("utf-8")
    assert mermaid(CaseTypes(REPORT).find("cases.report").type, "en") in page
