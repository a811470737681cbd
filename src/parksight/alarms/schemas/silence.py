"""Shelves, out-of-service, suppression by design, chattering; and works announced beforehand."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from parksight.alarms.schemas.common import (
    Instant,
    PointId,
    Reason,
    RecordId,
    Reference,
    Silence,
    StepWord,
)


class ExtentIn(BaseModel):
    """What is covered: exactly one of a rule (or one step of it), a point, a thing, a unit, an enterprise."""

    model_config = ConfigDict(extra="forbid")

    rule_id: RecordId | None = None
    step: StepWord | None = None
    point_id: PointId | None = None
    thing_id: RecordId | None = None
    unit_id: RecordId | None = None
    enterprise_id: RecordId | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = (self.rule_id, self.point_id, self.thing_id, self.unit_id, self.enterprise_id)
        if sum(v is not None for v in given) != 1:
            raise PydanticCustomError("alarms.extent_one_of", "name exactly one thing that is covered")
        if self.step is not None and self.rule_id is None:
            raise PydanticCustomError("alarms.extent_step", "a step needs its rule")
        return self


class ServiceIn(ExtentIn):
    """Take out of service for maintenance; a person with the right to must return it, at the latest at ``until``."""

    reason: Reason
    reference: Annotated[Reference, Field(min_length=1)]
    until: Instant


class SuppressionOut(BaseModel):
    """A time in which alarms were kept silent; instants in ms. ``ended_at`` None while it runs."""

    id: int
    kind: Silence
    rule_id: int | None
    step: str | None
    point_id: int | None
    thing_id: int | None
    unit_id: int | None
    enterprise_id: int | None
    covers: str
    reason: str
    reference: str
    owner_name: str
    from_at: int
    until_at: int | None
    ended_at: int | None
    ended_by: str | None
    ended_reason: Literal["expired", "person", "condition", "calm"] | None
    ended_note: str | None
    kept_silent: int


class WindowIn(ExtentIn):
    """Calibration or maintenance announced beforehand."""

    kind: Literal["calibration", "maintenance"]
    start: Instant
    end: Instant
    reason: Reason
    reference: Reference = ""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.end <= self.start:
            raise PydanticCustomError("alarms.window_order", "the end must come after the start")
        return self


class WindowOut(BaseModel):
    """Works announced for a time and place; ``late``: announced only after they had begun."""

    id: int
    kind: Literal["calibration", "maintenance"]
    rule_id: int | None
    step: str | None
    point_id: int | None
    thing_id: int | None
    unit_id: int | None
    enterprise_id: int | None
    covers: str
    start: int
    end: int
    reason: str
    reference: str
    owner_name: str
    announced_at: int
    late: bool
    ended_at: int | None
    ended_by: str | None
    alarms: int
