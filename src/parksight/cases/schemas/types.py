"""Declared types as the pages need them: texts in the reader's language, forms, and the drawn states."""

from __future__ import annotations

from pydantic import BaseModel


class FieldOut(BaseModel):
    code: str
    title: str
    kind: str
    required: bool
    minimum: float | None
    maximum: float | None
    choices: list[tuple[str, str]]
    unit: str
    many: bool


class DemandOut(BaseModel):
    kind: str
    minimum: int
    positioned: bool
    fresh: bool


class StateOut(BaseModel):
    code: str
    title: str
    phase: str
    holder: str


class TransitionOut(BaseModel):
    """``exit``: one of the common ways every type has."""

    code: str
    title: str
    sources: list[str]
    target: str
    fields: list[FieldOut]
    evidence: list[DemandOut]
    comment: str
    not_by: list[str]
    signature: str | None
    bulk: bool
    late: bool
    exit: bool


class StepOut(BaseModel):
    share: float | None
    minutes: float | None
    overdue: float | None
    to: list[str]
    priority: int


class ClockTypeOut(BaseModel):
    """``minutes``/``working_days``: None for both when a rule says it from the case's fields."""

    code: str
    title: str
    minutes: float | None
    working_days: int | None
    by_rule: bool
    warn: float
    extendable: bool
    paused_in: list[str]
    escalation: list[StepOut]


class NodeOut(BaseModel):
    """A state in the drawing: ``x`` layer, ``y`` place in the layer, both from 0."""

    state: str
    title: str
    phase: str
    initial: bool
    x: int
    y: int


class EdgeOut(BaseModel):
    transition: str
    title: str
    source: str
    target: str
    exit: bool


class DiagramOut(BaseModel):
    nodes: list[NodeOut]
    edges: list[EdgeOut]
    layers: int
    rows: int
    mermaid: str


class CaseTypeRow(BaseModel):
    """``may_open``: whether the caller may open one."""

    code: str
    title: str
    prefix: str
    version: int
    may_open: bool
    states: list[StateOut]
    columns: list[FieldOut]


class CaseTypeOut(CaseTypeRow):
    initial: str
    late_opening: bool
    hide_reporter: bool
    subjects: list[str]
    roles: list[tuple[str, str]]
    fields: list[FieldOut]
    transitions: list[TransitionOut]
    clocks: list[ClockTypeOut]
    diagram: DiagramOut
