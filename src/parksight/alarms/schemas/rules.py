"""What the API of alarm rules takes and shows."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from parksight.alarms.schemas.common import Code, Number, PointId, PointRef, Priority, Seconds, Text


class StepIn(BaseModel):
    """One step of a threshold. Limit and deadband in the point's unit."""

    model_config = ConfigDict(extra="forbid")

    limit: Number
    deadband: Annotated[float, Field(ge=0, le=1e300, allow_inf_nan=False)] = 0.0
    on_delay_s: Seconds = 0.0
    off_delay_s: Seconds = 0.0
    priority: Priority


class StaleIn(BaseModel):
    """Silence: after ``factor`` expected periods of the point, or after ``after_s`` seconds (exactly one)."""

    model_config = ConfigDict(extra="forbid")

    factor: Annotated[float | None, Field(ge=1, le=10_000, allow_inf_nan=False)] = None
    after_s: Annotated[float | None, Field(gt=0, le=366 * 86_400, allow_inf_nan=False)] = None
    priority: Priority = 4

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.factor is None) == (self.after_s is None):
            raise PydanticCustomError("alarms.rule.stale_one_of", "give either factor or after_s")
        return self


class Definition(BaseModel):
    """The steps of a rule; at least one."""

    model_config = ConfigDict(extra="forbid")

    hh: StepIn | None = None
    h: StepIn | None = None
    l: StepIn | None = None  # noqa: E741 - the step's own name
    ll: StepIn | None = None
    stale: StaleIn | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if all(step is None for step in (self.hh, self.h, self.l, self.ll, self.stale)):
            raise PydanticCustomError("alarms.rule.no_step", "a rule needs at least one step")
        named = [
            (n, s)
            for n, s in (("ll", self.ll), ("l", self.l), ("h", self.h), ("hh", self.hh))
            if s is not None
        ]
        for (low_name, low), (high_name, high) in pairwise(named):
            if not low.limit < high.limit:
                params = {"low": low_name.upper(), "high": high_name.upper()}
                raise PydanticCustomError("alarms.rule.order", "{low} must lie below {high}", params)
        return self


class RuleIn(BaseModel):
    """A rule to make; the point by id or by code."""

    model_config = ConfigDict(extra="forbid")

    code: Code | None = Field(None, description="default: the code of the point")
    name: Text = ""
    point_id: PointId | None = None
    point: Code | None = Field(None, description="code of the point, instead of point_id")
    definition: Definition
    basis: Text = Field("", description="law, standard and clause, or plant document")
    enabled: bool = True

    @model_validator(mode="after")
    def _which(self) -> Self:
        if (self.point_id is None) == (self.point is None):
            raise PydanticCustomError("alarms.rule.point_one_of", "give either point_id or point")
        return self


class RulePatch(BaseModel):
    """Changes to a rule; what is not named stays. Makes a new version."""

    model_config = ConfigDict(extra="forbid")

    version: Annotated[int, Field(ge=1, le=2**31 - 1)]
    name: Text | None = None
    definition: Definition | None = None
    basis: Text | None = None
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


class RuleImportProblem(BaseModel):
    index: int
    code: str
    reason: str
    text: str


class RuleImportReport(BaseModel):
    accepted: int
    updated: int
    unchanged: int
    refused: int
    problems: list[RuleImportProblem]


class RuleOut(BaseModel):
    id: int
    code: str
    name: str
    point: PointRef | None
    enterprise_id: int | None
    definition: Definition
    basis: str
    enabled: bool
    version: int
    created_at: datetime
    updated_at: datetime


class RuleVersionOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    version: int
    name: str
    definition: Definition
    basis: str
    enabled: bool
    at: datetime
    by_name: str
