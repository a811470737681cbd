"""What the head routes take and show. Angles in degrees as the camera reports them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Pan = Annotated[float, Field(ge=-720, le=720, allow_inf_nan=False)]
Tilt = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Zoom = Annotated[float, Field(ge=1, le=200, allow_inf_nan=False)]
Unit = Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Aspect = Annotated[float, Field(gt=0.2, lt=5, allow_inf_nan=False)]
Token = Annotated[str, Field(min_length=1, max_length=64)]
Name = Annotated[str, Field(min_length=1, max_length=100)]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PtzPose(_In):
    pan: Pan
    tilt: Tilt
    zoom: Zoom


class PtzAbsoluteIn(PtzPose):
    speed: Annotated[float, Field(gt=0, le=1)] = 1.0


class PtzSpeedIn(_In):
    """Speeds as shares of the fastest: right, up and in are positive. All zero: stop."""

    pan: Unit = 0.0
    tilt: Unit = 0.0
    zoom: Unit = 0.0


class PtzCentreIn(_In):
    """A point of the picture (0..1 from the upper left) and the pose of that picture; without one the newest pose."""

    u: Share
    v: Share
    pose: PtzPose | None = None
    aspect: Aspect = 16 / 9


class PtzBoxIn(_In):
    u0: Share
    v0: Share
    u1: Share
    v1: Share
    pose: PtzPose | None = None
    aspect: Aspect = 16 / 9


class PtzAimOut(PtzPose):
    """Where the head was sent; ``rough``: the camera is not calibrated, a nominal field of view was used."""

    rough: bool


class PtzLockIn(_In):
    minutes: Annotated[int, Field(ge=1, le=1440)] = 10
    reason: Annotated[str, Field(max_length=200)] = ""
    takeover: bool = False


class PtzLockOut(BaseModel):
    owner_id: int | None
    owner: str
    taken_at: datetime
    until: datetime
    reason: str
    mine: bool


class PtzPresetOut(BaseModel):
    token: str
    name: str


class PtzPresetIn(_In):
    """Keep where the head points now; with ``token`` in the place of an old preset."""

    name: Name
    token: Token | None = None


class TourStep(_In):
    """One look: a preset of the device or a pose, and how long to stay (the way there included)."""

    preset: Token | None = None
    pose: PtzPose | None = None
    dwell_s: Annotated[float, Field(ge=2, le=3600)] = 15.0
    speed: Annotated[float, Field(gt=0, le=1)] = 1.0

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.preset is None) == (self.pose is None):
            raise ValueError("exactly one of preset and pose")
        return self


class PtzTourIn(_In):
    name: Name
    steps: Annotated[list[TourStep], Field(min_length=1, max_length=64)]


class PtzTourPatch(PtzTourIn):
    version: int


class PtzTourOut(BaseModel):
    id: int
    name: str
    steps: list[TourStep]
    version: int
    running: bool


class PtzTourStateOut(BaseModel):
    tour_id: int
    name: str
    started_by: str
    step: int
    steps: int
    waiting: bool
    error: str | None


class PtzPositionOut(PtzPose):
    at_ms: float
    age_ms: float
    moving: bool | None
    exact: bool


class PtzAbilitiesOut(BaseModel):
    absolute: bool
    position: bool
    presets: bool
    pan: tuple[float, float]
    tilt: tuple[float, float]
    zoom: tuple[float, float]


class PtzStateOut(BaseModel):
    """Everything about a head. ``position`` None: not known now, whatever it was before."""

    camera_id: int
    state: Literal["ok", "failing", "unknown"]
    error: str | None
    error_detail: str | None
    simulated: bool
    position: PtzPositionOut | None
    abilities: PtzAbilitiesOut | None
    lock: PtzLockOut | None
    dragged_by: str | None
    stop_failed: bool
    tour: PtzTourStateOut | None
    watchers: int
    fast: bool
    heard_ms: int | None
    clock_offset_ms: float | None
    clock_exact: bool
    telemetry_delay_ms: float
    counters: dict[str, int]
    failures: dict[str, int]
