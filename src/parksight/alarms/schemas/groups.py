"""Groups of alarms with one cause, and the page of one alarm."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from parksight.alarms.schemas.alarms import AlarmOut, JournalOut
from parksight.alarms.schemas.common import Cause, Handling, Named, PointRef, Reason, RecordId
from parksight.alarms.schemas.linkage import ReactionOut
from parksight.alarms.schemas.silence import SuppressionOut, WindowOut

GroupKind = Literal["single", "thing", "unit", "source", "wind", "manual"]


class SourceOut(BaseModel):
    """The gateway or device that feeds the points of a group; ``connected`` None when nobody can say."""

    id: int
    code: str
    name: str
    name_en: str
    connected: bool | None


class GroupOut(BaseModel):
    """Alarms with one cause, handled together; instants in ms since the epoch.

    Attributes:
        kind: what holds it together: one thing, one unit, one lost source, the wind, or a person (``manual``).
        first_out: the earliest by observation time; ``worst`` the one with the highest priority that stands.
        size: members the caller may see, of ``total`` in all.
        open: not closed yet.
        wind_from_deg: where the wind came from when the group was made.
    """

    id: int
    kind: GroupKind
    priority: int
    opened_at: int
    last_at: int
    handling: Handling
    cause: Cause | None
    closed_at: int | None
    case_id: int | None
    size: int
    total: int
    active: int
    unknown: int
    unacknowledged: int
    open: bool
    first_out: AlarmOut | None
    worst: AlarmOut | None
    enterprise: Named | None
    unit: Named | None
    thing: Named | None
    source: SourceOut | None
    wind_from_deg: float | None
    merged_into_id: int | None
    simulated: bool


class GroupDetail(GroupOut):
    """A group with its members in first-out order (by observation time)."""

    members: list[AlarmOut]
    reactions: list[ReactionOut]


class SplitIn(BaseModel):
    """Alarms that do not belong here: they make a group of their own."""

    model_config = ConfigDict(extra="forbid")

    alarm_ids: Annotated[list[RecordId], Field(min_length=1, max_length=1000)]
    reason: Reason


class MergeIn(BaseModel):
    """Groups that have the same cause: their alarms come into this one, their cases are closed as its part."""

    model_config = ConfigDict(extra="forbid")

    group_ids: Annotated[list[RecordId], Field(min_length=1, max_length=100)]
    reason: Reason


class Neighbour(BaseModel):
    """A point near the alarm's (same thing, then same unit) with its newest value and worst open alarm."""

    point: PointRef
    value: float | None
    observed_at: int | None
    state: Literal["unknown", "online", "suspect", "stale"]
    open_priority: int | None


class RuleHistory(BaseModel):
    """What the same step of the same rule did before.

    Attributes:
        causes: how many of its closed alarms had which cause.
        seconds_standing: median time from raise to clear.
    """

    days: int
    occurrences: int
    repeats: int
    causes: dict[str, int]
    seconds_standing: float | None
    last: list[AlarmOut]


class RuleRef(BaseModel):
    """The rule in the version that raised it; ``response`` is what it tells people to do."""

    id: int
    code: str
    name: str
    version: int
    basis: str
    response: str
    causes: list[str]
    current_version: int
    changed_at: datetime | None


class AlarmDetail(AlarmOut):
    """All that is known around one alarm; ``actions`` are what this caller may do with it now."""

    rule: RuleRef | None
    group: GroupOut | None
    members: list[AlarmOut]
    history: RuleHistory
    neighbours: list[Neighbour]
    reactions: list[ReactionOut]
    journal: list[JournalOut]
    window: WindowOut | None
    suppression: SuppressionOut | None
    actions: list[str]
