"""Alarms as the API shows them, and what people send about one of them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from parksight.alarms.schemas.common import (
    Cause,
    Condition,
    Handling,
    IsaState,
    Named,
    PointRef,
    Reason,
    RecordId,
    Reference,
    Remark,
    Silence,
    StepWord,
)


class AlarmOut(BaseModel):
    """An occurrence; instants in ms since the epoch.

    Attributes:
        limit: in the point's unit; seconds of silence for STALE.
        position: longitude and latitude of the thing that measures, None when not known.
        open: condition not cleared, or not closed with a cause yet; a time window never hides it.
        state: state of ISA-18.2 / IEC 62682.
        annunciated_at: when people were told; None for an alarm that was kept silent.
        suppressed: why it is kept silent now.
        repeats: how often it came again while chattering, without being announced again.
        window_id: calibration or maintenance announced for that time and place, of ``window_kind``.
        case_id: the case of its group.
    """

    id: int
    point: PointRef | None
    rule_id: int
    rule_version: int
    step: StepWord
    priority: int
    raised_at: int
    recorded_at: int
    value: float | None
    limit: float
    condition: Condition
    cleared_at: int | None
    cleared_reason: str | None
    handling: Handling
    acknowledged_by: str | None
    acknowledged_at: int | None
    comment: str | None
    open: bool
    simulated: bool
    enterprise: Named | None
    thing: Named | None
    unit_id: int | None
    position: tuple[float, float] | None
    state: IsaState
    group_id: int | None
    case_id: int | None
    annunciated_at: int | None
    suppressed: Silence | None
    suppression_id: int | None
    latching: bool
    reset_at: int | None
    repeats: int
    window_id: int | None
    window_kind: str | None
    post: str | None
    cause: Cause | None
    closed_at: int | None
    closed_by: str | None


class AcknowledgeIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    comment: Remark = ""


class ManyIn(BaseModel):
    """Alarms to act on at once."""

    model_config = ConfigDict(extra="forbid")

    ids: Annotated[list[RecordId], Field(min_length=1, max_length=1000)]
    comment: Remark = ""


class ManyCloseIn(ManyIn):
    cause: Cause


class Refusal(BaseModel):
    """Why one of many was left as it is; ``code`` is the problem's, ``text`` in the reader's language."""

    id: int
    code: str
    text: str


class ManyOut(BaseModel):
    """What became of a bulk action: each alarm is either done or refused with its reason."""

    done: list[int]
    refused: list[Refusal]


class ClassifyIn(BaseModel):
    """What the alarm turned out to be."""

    model_config = ConfigDict(extra="forbid")

    cause: Cause
    comment: Remark = ""


class CloseIn(BaseModel):
    """Closing needs a cause; without one here, that of the classification stands."""

    model_config = ConfigDict(extra="forbid")

    cause: Cause | None = None
    comment: Remark = ""


class ShelveIn(BaseModel):
    """Keep this alarm silent for a limited time; how long at most depends on its priority."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason
    minutes: Annotated[int, Field(ge=1, le=60 * 24 * 31)]


class OutOfServiceIn(BaseModel):
    """Take this alarm out of service for maintenance; ``reference`` names the work order or change."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason
    reference: Annotated[Reference, Field(min_length=1)]
    hours: Annotated[float, Field(gt=0, le=24 * 366, allow_inf_nan=False)]


class AlarmEndIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    comment: Remark = ""


class JournalOut(BaseModel):
    id: int
    alarm_id: int
    point: PointRef | None
    enterprise_id: int | None
    what: str
    step: str
    priority: int
    observed_at: int
    recorded_at: int
    value: float | None
    by_name: str | None
    comment: str | None
    detail: dict[str, Any] | None = None


class PriorityCount(BaseModel):
    priority: int
    active: int = 0
    unknown: int = 0
    unacknowledged: int = 0
    open: int = 0


class Budget(BaseModel):
    """Annunciated alarms of one post against what a person can handle (ISA-18.2 / EEMUA 191, from the rule pack).

    Attributes:
        post: code of the post; None where the rule names none (the duty desk).
        used: annunciated in the last ten minutes, hour and day.
        acceptable: the pack's figures for the same spans; ``manageable`` its upper bounds.
        confidence: how well the pack's figures are sourced.
        over: the ten-minute or day figure is above the manageable one.
    """

    post: str | None
    used_10_min: int
    used_hour: int
    used_day: int
    acceptable_10_min: float
    acceptable_hour: float
    acceptable_day: float
    manageable_10_min: float
    manageable_hour: float
    manageable_day: float
    confidence: str
    over: bool


class FloodOut(BaseModel):
    """A flood; ``ended_at`` None while it lasts. ``peak`` is per ten minutes."""

    id: int
    started_at: int
    ended_at: int | None
    peak: int
    alarms: int
    groups: int


class Counts(BaseModel):
    """Open alarms by priority and what the service itself is doing.

    Attributes:
        raised_10_min: alarms annunciated in the last ten minutes; more than 10 is a flood (EEMUA 191, ISA-18.2).
        rate_per_hour: mean over the last 24 hours.
        suppressed: standing alarms that are kept silent, by reason.
        kept_silent: occurrences and repetitions not announced in the last 24 hours.
        flood: the flood that lasts now.
    """

    priorities: list[PriorityCount]
    open: int
    unacknowledged: int
    raised_10_min: int
    rate_per_hour: float
    server_ms: int
    groups: int
    suppressed: dict[str, int]
    kept_silent: int
    flood: FloodOut | None
    budgets: list[Budget]
