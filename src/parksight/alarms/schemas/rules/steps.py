"""Steps of a rule: where its signal becomes an alarm."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from parksight.alarms.schemas.common import Number, Priority, Seconds

__all__ = ["Consequence", "EventStep", "Respond", "StaleIn", "StepIn"]

#: How bad it gets if nobody acts (ISA-18.2 6.3.4, rationalisation).
Consequence = Literal["minor", "moderate", "major", "severe"]
#: How long people have to act: under 3 minutes, under 10, under 30, longer.
Respond = Literal["immediate", "prompt", "soon", "later"]


class EventStep(BaseModel):
    """The step of a signal that is true or false.

    Attributes:
        priority: 1 is the highest; left out, it follows from consequence and time to respond.
        consequence: where this step's differs from its rule's.
    """

    model_config = ConfigDict(extra="forbid")

    on_delay_s: Seconds = 0.0
    off_delay_s: Seconds = 0.0
    priority: Priority | None = None
    consequence: Consequence | None = None
    respond_within: Respond | None = None


class StepIn(EventStep):
    """One step of a threshold. Limit and deadband in the unit of the signal: the point's, if there is no other."""

    limit: Number
    deadband: Annotated[float, Field(ge=0, le=1e300, allow_inf_nan=False)] = 0.0


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
