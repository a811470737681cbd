"""What the API shows of looks."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class LookIn(BaseModel):
    """A place on the map; ``width_m``: what shall fill a quarter of the picture; ``camera_ids``: only among these."""

    model_config = ConfigDict(extra="forbid")

    lon: float = Field(ge=-180, le=180, allow_inf_nan=False)
    lat: float = Field(ge=-90, le=90, allow_inf_nan=False)
    height_m: float = Field(2.0, ge=-100, le=1000, allow_inf_nan=False)
    width_m: float = Field(20.0, gt=0.1, le=5000, allow_inf_nan=False)
    camera_ids: list[int] = Field(default_factory=list, max_length=100)
    record: bool = False
    case_id: int | None = Field(None, ge=1, le=2**53)


class LookOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    reaction_id: int | None
    alarm_id: int | None
    case_id: int | None
    lon: float
    lat: float
    state: Literal["turning", "looking", "done", "refused", "failed"]
    reason: str | None
    camera_id: int | None
    pan: float | None
    tilt: float | None
    zoom: float | None
    distance_m: float | None
    tried: list[dict[str, Any]]
    others: list[dict[str, Any]]
    low: list[dict[str, Any]]
    turned: bool
    target_s: float | None
    clip_id: int | None
    snapshot_id: int | None
    attached: int
    by_name: str
    created_at: datetime
    finished_at: datetime | None
