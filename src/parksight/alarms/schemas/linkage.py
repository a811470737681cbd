"""Linkage (联动): which alarms call for which reactions. There is no action that touches a plant."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from parksight.alarms.schemas.common import Clean, Code, Priority, RecordId, Remark, StepWord, Text

Ids = Annotated[list[RecordId], Field(max_length=200)]
ReactionState = Literal["waiting", "running", "done", "failed", "refused", "no_provider"]


class Match(BaseModel):
    """Which alarms are meant; an empty list means "any", all lists must agree.

    ``kinds`` are classes of points, each with everything below it (``gas`` covers ``gas.toxic``).
    """

    model_config = ConfigDict(extra="forbid")

    priorities: Annotated[list[Priority], Field(max_length=4)] = []
    rules: Annotated[list[Code], Field(max_length=200)] = []
    kinds: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=64, pattern=Clean)]], Field(max_length=50)
    ] = []
    steps: Annotated[list[StepWord], Field(max_length=20)] = []
    enterprises: Ids = []
    units: Ids = []
    things: Ids = []


class _Action(BaseModel):
    model_config = ConfigDict(extra="forbid")


class OpenCase(_Action):
    """Say that the alarm's case is open and at whom it stands; it is opened with the group in any event."""

    kind: Literal["open_case"] = "open_case"


class Notify(_Action):
    """Tell posts (or, with none named, whoever is on duty)."""

    kind: Literal["notify"] = "notify"
    posts: Annotated[list[Code], Field(max_length=20)] = []
    text: Remark = ""


class CameraRequest(_Action):
    """Ask for a camera view of the place; whoever owns cameras answers on the bus."""

    kind: Literal["camera"] = "camera"
    radius_m: Annotated[float, Field(gt=0, le=20_000, allow_inf_nan=False)] = 500.0
    preset: Annotated[str, Field(max_length=64, pattern=Clean)] = ""


class AdjacentPoints(_Action):
    """Keep the newest values of the points around, as they were at that moment."""

    kind: Literal["adjacent"] = "adjacent"
    limit: Annotated[int, Field(ge=1, le=100)] = 20


class WindNow(_Action):
    """Keep the zone's wind as it was at that moment."""

    kind: Literal["wind"] = "wind"


class Nearby(_Action):
    """Who and what is near: people on post, cameras, permits being worked under."""

    kind: Literal["nearby"] = "nearby"
    what: Literal["people", "cameras", "permits"]
    radius_m: Annotated[float, Field(gt=0, le=20_000, allow_inf_nan=False)] = 300.0


class ResponseCard(_Action):
    """Show what to do, in these words; with none, the rule's own response text."""

    kind: Literal["card"] = "card"
    text: Annotated[str, Field(max_length=4000, pattern=Clean)] = ""


class PlanReference(_Action):
    """Point at the emergency plan that applies."""

    kind: Literal["plan"] = "plan"
    code: Code
    title: Text = ""


class Broadcast(_Action):
    """Call a siren or broadcast server of the zone; its host must be on the administrator's list."""

    kind: Literal["webhook"] = "webhook"
    url: Annotated[str, Field(max_length=500, pattern=r"^https?://[^\s]+$")]
    text: Remark = ""


Action = Annotated[
    OpenCase
    | Notify
    | CameraRequest
    | AdjacentPoints
    | WindNow
    | Nearby
    | ResponseCard
    | PlanReference
    | Broadcast,
    Field(discriminator="kind"),
]


class Declaration(BaseModel):
    model_config = ConfigDict(extra="forbid")

    match: Match
    actions: Annotated[list[Action], Field(min_length=1, max_length=20)]


class LinkageIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    code: Code
    name: Text = ""
    name_en: Text = ""
    enterprise_id: RecordId | None = None
    definition: Declaration
    enabled: bool = True


class LinkagePatch(BaseModel):
    """What changes; ``version`` is the one that was seen."""

    model_config = ConfigDict(extra="forbid")

    version: Annotated[int, Field(ge=1)]
    name: Text | None = None
    name_en: Text | None = None
    definition: Declaration | None = None
    enabled: bool | None = None


class LinkageOut(BaseModel):
    id: int
    code: str
    name: str
    name_en: str
    enterprise_id: int | None
    definition: Declaration
    enabled: bool
    version: int
    created_at: datetime
    updated_at: datetime


class LinkageVersionOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    version: int
    name: str
    definition: Declaration
    enabled: bool
    at: datetime
    by_name: str


class ReactionOut(BaseModel):
    """What became of one action; instants in ms. ``result`` is the action's own record."""

    id: int
    alarm_id: int
    group_id: int | None
    linkage_id: int
    linkage_code: str
    linkage_version: int
    kind: str
    state: ReactionState
    attempts: int
    created_at: int
    started_at: int | None
    finished_at: int | None
    took_ms: int | None
    result: dict[str, Any]


class Rehearsed(BaseModel):
    """What an action would do; nothing was sent, nothing was written."""

    linkage_id: int
    linkage_code: str
    linkage_version: int
    kind: str
    would: Literal["done", "refused", "no_provider"]
    result: dict[str, Any]


class DryRunIn(BaseModel):
    """An alarm to rehearse with; a declaration that is not saved yet may be tried as well."""

    model_config = ConfigDict(extra="forbid")

    alarm_id: RecordId
    definition: Declaration | None = None


class DryRunOut(BaseModel):
    """``matched``: which linkages this alarm calls for; ``actions`` what each of their actions would do."""

    matched: list[str]
    actions: list[Rehearsed]
