"""Trying a rule on stored observations: preview of a draft, and the counterfactual of a change."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from parksight.alarms.schemas.common import PointRef, RecordId, StepWord
from parksight.alarms.schemas.rules.rule import RuleIn

__all__ = [
    "AlarmSpan", "PreviewIn", "PreviewOut", "TuningDifference", "TuningIn", "TuningOut", "TuningResult", "TuningSide",
]  # fmt: skip


class PreviewIn(BaseModel):
    """A draft, to be run over the last hours."""

    model_config = ConfigDict(extra="forbid")

    rule: RuleIn
    hours: Annotated[float, Field(gt=0, le=168)] = 24.0


class AlarmSpan(BaseModel):
    """A would-be alarm; instants in ms, ``cleared_at`` None while it would still stand, ``suppressed`` by design."""

    point_id: int
    step: StepWord
    priority: int
    raised_at: int
    cleared_at: int | None
    value: float | None
    limit: float
    unknown_ms: int
    suppressed: bool


class PreviewOut(BaseModel):
    """What the draft would have done.

    Attributes:
        points: the points it would watch; ``problems`` why it cannot watch some.
        rows: observations looked at; 0 means there is nothing to say.
        total: spans found; ``spans`` holds the newest of them.
    """

    start: int
    end: int
    points: list[PointRef]
    problems: list[str]
    rows: int
    total: int
    spans: list[AlarmSpan]


class TuningIn(BaseModel):
    """Compare the rule in force (none for a new rule) with a draft over stored days."""

    model_config = ConfigDict(extra="forbid")

    rule_id: RecordId | None = None
    rule: RuleIn
    days: Annotated[float, Field(gt=0, le=90)] = 90.0


class TuningSide(BaseModel):
    """Alarms of one of both versions; ``minutes`` is the time they stood."""

    alarms: int
    by_step: dict[str, int]
    minutes: float


class TuningDifference(BaseModel):
    """An alarm that only one version raises, or that both raise at different times.

    Attributes:
        what: ``added``, ``removed`` or ``shifted``.
        shift_s: later (positive) or earlier under the draft.
        confirmed: a person closed the real alarm of that time with the cause "real".
    """

    what: Literal["added", "removed", "shifted"]
    point_id: int
    step: StepWord
    raised_at: int
    cleared_at: int | None
    shift_s: float | None
    confirmed: bool


class TuningResult(BaseModel):
    """The counterfactual.

    Attributes:
        fewer: alarms of the rule in force minus those of the draft.
        confirmed: events that people confirmed in that time; ``missed`` of them under the draft.
        confirmed_known: False when nothing tells which alarms were real: then "none missed" means nothing.
        later: shifted alarms, each confirmed one named by ``later_s``.
        differences: the newest; ``differences_total`` how many there are.
    """

    before: TuningSide | None
    after: TuningSide
    fewer: int
    confirmed: int
    confirmed_known: bool
    missed: int
    later: int
    earlier: int
    later_s: list[float]
    differences: list[TuningDifference]
    differences_total: int
    rows: int
    coverage: float = Field(description="share of the span for which there are observations")
    text: str = Field(description="the result in a sentence, in the reader's language")


class TuningOut(BaseModel):
    """A replay: its progress, then its result."""

    id: str
    rule_id: int | None
    code: str
    state: Literal["waiting", "running", "done", "cancelled", "failed"]
    progress: float
    start: int
    end: int
    points: list[PointRef]
    asked_by: str
    asked_at: datetime
    problem: str | None
    result: TuningResult | None
