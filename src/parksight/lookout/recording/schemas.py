"""What the API shows of recordings."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class RecordingOut(BaseModel):
    """``evidence``: shown for a case or held by a person; the retention leaves it alone."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    camera_id: int
    enterprise_id: int | None
    kind: Literal["clip", "snapshot"]
    state: Literal["recording", "done", "failed", "deleted"]
    reason: Literal["alarm", "person", "suspicion"]
    subject_kind: str | None
    subject_id: str | None
    case_id: int | None
    began_ms: int | None
    ended_ms: int | None
    wall_exact: bool
    device_offset_ms: float | None
    file_id: int | None
    sha256: str | None
    bytes: int
    frames: int
    codec: str | None
    width: int | None
    height: int | None
    calibration: int | None
    simulated: bool
    failed: str | None
    held: bool
    evidence: bool = False
    by_name: str
    created_at: datetime
    finished_at: datetime | None
    deleted_at: datetime | None


class RecordIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    camera_id: int = Field(ge=1, le=2**53)
    kind: Literal["clip", "snapshot"] = "clip"
    pre_s: float | None = Field(None, ge=0, le=120)
    post_s: float | None = Field(None, ge=1, le=600)


class HoldIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    held: bool
    reason: str = Field(min_length=1, max_length=500)


class PoseOut(BaseModel):
    """``pan`` … None: the pose was not known; no label may be drawn."""

    dts: int
    wall_ms: float
    pan: float | None = None
    tilt: float | None = None
    zoom: float | None = None
    roll: float | None = None
    moving: bool = False
    extrapolated: bool = False


class LabelsOut(BaseModel):
    dts: int
    wall_ms: float
    state: dict[str, Any]


class TrackOut(BaseModel):
    """Everything needed to draw the labels of that moment: ``round(mediaTime * timescale)`` finds the pose."""

    recording_id: int
    camera_id: int
    calibration: int | None
    simulated: bool
    timescale: int
    poses: list[PoseOut]
    labels: list[LabelsOut]


class RingOut(BaseModel):
    camera_id: int
    bytes: int
    seconds: float
    dropped: int
    breaks: int
    recording: int


class StockOut(BaseModel):
    """What is kept and what keeping is limited to."""

    recordings: int
    bytes: int
    evidence: int
    evidence_bytes: int
    oldest_ms: int | None
    keep_days: float
    keep_gb: float
    cleared: int
    cleared_bytes: int
    recording: int
    counters: dict[str, int]
    rings: list[RingOut]
