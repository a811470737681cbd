"""A rule as it is written, shown, and listed flat."""

from __future__ import annotations

from datetime import date, datetime
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from parksight.alarms.expressions import parse
from parksight.alarms.schemas.common import Clean, Code, Number, PointId, PointRef, Priority, Seconds, Text
from parksight.alarms.schemas.rules.signals import (
    TRUTH_SIGNALS,
    CusumSignal,
    ExpressionSignal,
    Signal,
    TruthText,
)
from parksight.alarms.schemas.rules.steps import Consequence, EventStep, Respond, StaleIn, StepIn
from parksight.alarms.schemas.rules.target import PointTarget, Target

__all__ = [
    "Definition", "How", "Rationale", "RuleImport", "RuleImportProblem", "RuleImportReport", "RuleIn", "RuleInstance",
    "RuleOut", "RulePatch", "RuleRow", "RuleVersionOut",
]  # fmt: skip

#: How a version came into force.
How = Literal["commissioning", "approved", "emergency"]
Long = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2_000, pattern=Clean)]


class Definition(BaseModel):
    """What is computed (``signal``; none: the value itself) and where that becomes an alarm; at least one step.

    ``hh``, ``h``, ``l`` and ``ll`` are limits of a number, ``on`` is for what is true or false, ``stale`` is silence.
    """

    model_config = ConfigDict(extra="forbid")

    signal: Signal | None = None
    hh: StepIn | None = None
    h: StepIn | None = None
    l: StepIn | None = None  # noqa: E741 - the step's own name
    ll: StepIn | None = None
    on: EventStep | None = None
    stale: StaleIn | None = None

    def limits(self) -> list[tuple[str, StepIn]]:
        """Steps with limits, lowest first."""
        named = (("ll", self.ll), ("l", self.l), ("h", self.h), ("hh", self.hh))
        return [(name, step) for name, step in named if step is not None]

    @property
    def truth(self) -> bool:
        """Whether the signal is true or false rather than a number."""
        if isinstance(self.signal, ExpressionSignal):
            return parse(self.signal.text).type == "truth"
        return self.signal is not None and self.signal.kind in TRUTH_SIGNALS

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        limits = self.limits()
        if not limits and self.on is None and self.stale is None:
            raise PydanticCustomError("alarms.rule.no_step", "a rule needs at least one step")
        if self.signal is not None and not limits and self.on is None:
            raise PydanticCustomError("alarms.rule.no_step", "a signal needs a step")
        if self.truth and limits:
            raise PydanticCustomError("alarms.rule.truth_has_limits", "true or false takes the step on")
        if not self.truth and self.on is not None:
            raise PydanticCustomError("alarms.rule.number_has_on", "a number takes limits")
        if isinstance(self.signal, CusumSignal) and (self.l is not None or self.ll is not None):
            raise PydanticCustomError("alarms.rule.cusum_low", "a CUSUM only grows: give h or hh")
        for (low_name, low), (high_name, high) in pairwise(limits):
            if not low.limit < high.limit:
                params = {"low": low_name.upper(), "high": high_name.upper()}
                raise PydanticCustomError("alarms.rule.order", "{low} must lie below {high}", params)
        return self


class Rationale(BaseModel):
    """Why the alarm exists and what to do about it (ISA-18.2 clause 9, rationalisation).

    Attributes:
        consequence: how bad it gets if nobody acts; with ``respond_within`` it gives the priority by the matrix.
        priority_reason: why a step has another priority than the matrix says.
        decided_by: who took part; ``decided_on`` when; ``decided_basis`` HAZOP, study, minutes.
    """

    model_config = ConfigDict(extra="forbid")

    consequence: Consequence | None = None
    respond_within: Respond | None = None
    priority_reason: Text = ""
    consequence_text: Long = ""
    consequence_text_en: Long = ""
    causes: Annotated[list[Text], Field(max_length=30)] = []
    causes_en: Annotated[list[Text], Field(max_length=30)] = []
    response: Long = ""
    response_en: Long = ""
    decided_by: Text = ""
    decided_on: date | None = None
    decided_basis: Text = ""


class _Content(BaseModel):
    """What every version of a rule keeps.

    Attributes:
        standard: law or standard the limits come from; ``clause`` within it.
        never_delay: gas leaks and trips: an on-delay is refused.
        suppression: while this condition is true the alarms are suppressed by design, e.g. a unit that stands still.
        post: code of the post that has to act.
        in_service: False: out of service; the condition is judged all the same, ``service_reason`` says why.
        latching: stays until a person resets it.
    """

    model_config = ConfigDict(extra="forbid")

    name: Text = ""
    name_en: Text = ""
    definition: Definition
    rationale: Rationale = Rationale()
    basis: Text = Field("", description="law, standard and clause, or plant document")
    standard: Annotated[str, StringConstraints(strip_whitespace=True, max_length=80, pattern=Clean)] = ""
    clause: Annotated[str, StringConstraints(strip_whitespace=True, max_length=80, pattern=Clean)] = ""
    never_delay: Literal["gas", "trip"] | None = None
    suppression: TruthText | None = None
    post: Annotated[str, StringConstraints(strip_whitespace=True, max_length=64, pattern=Clean)] = ""
    in_service: bool = True
    service_reason: Text = ""
    latching: bool = False
    enabled: bool = True

    @model_validator(mode="after")
    def _delays(self) -> Self:
        d = self.definition
        if self.never_delay is not None and any(
            s is not None and s.on_delay_s for s in (d.hh, d.h, d.l, d.ll, d.on)
        ):
            raise PydanticCustomError("alarms.rule.never_delay", "this class of alarms takes no on-delay")
        if not self.in_service and not self.service_reason:
            raise PydanticCustomError("alarms.rule.service_reason", "out of service needs a reason")
        return self


class RuleIn(_Content):
    """A rule to make; ``point_id`` or ``point`` are short for a target that is one point."""

    code: Code | None = Field(None, description="default: the code of the point")
    point_id: PointId | None = None
    point: Code | None = Field(None, description="code of the point, instead of point_id")
    target: Target | None = None

    @model_validator(mode="after")
    def _which(self) -> Self:
        if sum(x is not None for x in (self.point_id, self.point, self.target)) != 1:
            raise PydanticCustomError("alarms.rule.point_one_of", "give one of point_id, point and target")
        if self.code is None and self.target is not None and self.target.kind != "point":
            raise PydanticCustomError("alarms.rule.code_missing", "a rule for several points needs a code")
        return self

    @property
    def watched(self) -> Target:
        """The target, however it was given."""
        if self.target is not None:
            return self.target
        return PointTarget(kind="point", point_id=self.point_id, point=self.point)


class RulePatch(BaseModel):
    """Changes to a rule that take effect at once; what is not named stays. Makes a new version.

    ``reason`` makes it an emergency change; without one it is possible only while the rule is being commissioned.
    """

    model_config = ConfigDict(extra="forbid")

    version: Annotated[int, Field(ge=1, le=2**31 - 1)]
    reason: Text | None = None
    name: Text | None = None
    name_en: Text | None = None
    definition: Definition | None = None
    rationale: Rationale | None = None
    basis: Text | None = None
    standard: Annotated[str | None, Field(max_length=80)] = None
    clause: Annotated[str | None, Field(max_length=80)] = None
    never_delay: Literal["gas", "trip"] | None = None
    suppression: TruthText | None = None
    post: Annotated[str | None, Field(max_length=64)] = None
    in_service: bool | None = None
    service_reason: Text | None = None
    latching: bool | None = None
    enabled: bool | None = None


class RuleRow(BaseModel):
    """A rule as one flat row of a table: common deadband, delays and priority for all its steps.

    ``priority_outer`` is for ``high_high`` and ``low_low`` where it differs.
    """

    model_config = ConfigDict(extra="forbid")

    code: Code | None = None
    name: Text = ""
    point: Code
    high_high: Number | None = None
    high: Number | None = None
    low: Number | None = None
    low_low: Number | None = None
    deadband: Annotated[float, Field(ge=0, le=1e300, allow_inf_nan=False)] = 0.0
    on_delay_s: Seconds = 0.0
    off_delay_s: Seconds = 0.0
    priority: Priority = 3
    priority_outer: Priority | None = None
    stale_s: Annotated[float | None, Field(gt=0, le=366 * 86_400, allow_inf_nan=False)] = None
    stale_priority: Priority = 4
    source: Text = ""
    enabled: bool = True

    def nested(self) -> RuleIn:
        """The same rule with its steps spelt out."""

        def step(limit: float | None, outer: bool) -> StepIn | None:
            if limit is None:
                return None
            priority = (self.priority_outer or self.priority) if outer else self.priority
            return StepIn(
                limit=limit, deadband=self.deadband, on_delay_s=self.on_delay_s, off_delay_s=self.off_delay_s,
                priority=priority,
            )  # fmt: skip

        stale = None if self.stale_s is None else StaleIn(after_s=self.stale_s, priority=self.stale_priority)
        definition = Definition(
            hh=step(self.high_high, True), h=step(self.high, False), l=step(self.low, False),
            ll=step(self.low_low, True), stale=stale,
        )  # fmt: skip
        return RuleIn(
            code=self.code, name=self.name, point=self.point, definition=definition, basis=self.source,
            enabled=self.enabled,
        )  # fmt: skip


class RuleImport(BaseModel):
    """Many rules in one request; each either spelt out or flat. Rows make or change the rule of their code."""

    rules: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=100_000)]
    reason: Text = Field("", description="of the changes that have to be approved")


class RuleImportProblem(BaseModel):
    index: int
    code: str
    reason: str
    text: str


class RuleImportReport(BaseModel):
    """``proposed``: rows that wait for approval, as one batch ``batch_id``."""

    accepted: int
    updated: int
    unchanged: int
    proposed: int
    batch_id: str | None
    refused: int
    problems: list[RuleImportProblem]


class RuleInstance(BaseModel):
    """A point a rule watches now, or why it cannot (``problem``: locale key with ``params``)."""

    point: PointRef
    problem: str | None = None
    text: str | None = None


class RuleOut(_Content):
    """A rule as it is in force; ``target`` names points by id. ``open_proposals`` wait for a decision.

    ``commissioning``: changes still take effect at once, for those who may.
    """

    id: int
    code: str
    point: PointRef | None
    target: Target
    kind: str
    enterprise_id: int | None
    version: int
    commissioning: bool
    open_proposals: int
    created_at: datetime
    updated_at: datetime


class RuleVersionOut(_Content):
    """A version: how it came into force, who asked for it, who allowed it."""

    version: int
    how: How
    reason: str
    at: datetime
    by_name: str
    approved_by: str | None
    proposal_id: int | None
