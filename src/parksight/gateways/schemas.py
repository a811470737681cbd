"""What the gateway API shows and takes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Code = Annotated[str, Field(min_length=1, max_length=96, pattern=r"^[^\s/?#]+$")]
Text = Annotated[str, Field(min_length=1, max_length=200)]

#: Largest record id taken from outside; point ids are int32.
MAX_ID = 2**31 - 1


class Input(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class MappingIn(Input):
    """One address of a device; the point by id or by code.

    ``raw * scale + offset`` is a value in ``source_unit`` (None: the unit the point expects from its source).
    """

    address: Text
    point_id: int | None = Field(None, ge=1, le=MAX_ID)
    point: str | None = Field(None, max_length=96, description="point code, instead of point_id")
    source_unit: str | None = Field(None, max_length=24)
    scale: float = Field(1.0, allow_inf_nan=False)
    offset: float = Field(0.0, allow_inf_nan=False)


class MappingOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    address: str
    point_id: int
    point: str
    point_name: str
    unit: str
    source_unit: str | None
    scale: float
    offset: float
    problem: str | None = Field(None, description="code of what keeps this mapping out of use")


class DeviceIn(Input):
    code: Code
    protocol: str = Field(max_length=16)
    name: Text
    name_en: str = Field("", max_length=200)
    enterprise_id: int | None = Field(None, ge=1, le=MAX_ID)
    thing_id: int | None = Field(None, ge=1, le=MAX_ID)
    address: str = Field("", max_length=200, description="may be empty where the protocol derives it")
    config: dict[str, Any] = Field(default_factory=dict)
    policy: dict[str, Any] = Field(default_factory=dict)
    simulated: bool = False
    enabled: bool = True


class DeviceImportRow(DeviceIn):
    """A device with its mappings; left out, the mappings of an existing device stay."""

    mappings: list[MappingIn] | None = Field(None, max_length=5_000)


class DevicePatch(Input):
    """Fields to change; ``version`` is the one the caller saw."""

    version: int = Field(ge=0, le=MAX_ID)
    code: Code | None = None
    name: Text | None = None
    name_en: str | None = Field(None, max_length=200)
    enterprise_id: int | None = Field(None, ge=1, le=MAX_ID)
    thing_id: int | None = Field(None, ge=1, le=MAX_ID)
    address: str | None = Field(None, max_length=200)
    config: dict[str, Any] | None = None
    policy: dict[str, Any] | None = None
    simulated: bool | None = None
    enabled: bool | None = None


class ActivityOut(BaseModel):
    """What the device did since the process started; instants in ms since the epoch."""

    model_config = ConfigDict(from_attributes=True)

    connected: bool | None
    connected_at: int | None
    disconnected_at: int | None
    last_frame_at: int | None
    last_reading_at: int | None
    refused_at: int | None
    refusal: str | None
    died_at: int | None
    clock_skew_ms: int | None
    frames: int
    readings: int
    stored: int
    errors: dict[str, int]
    deviations: dict[str, int]
    rejected: dict[str, int]


class DeviceOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    code: str
    protocol: str
    name: str
    name_en: str
    enterprise_id: int | None
    thing_id: int | None
    address: str
    config: dict[str, Any]
    policy: dict[str, Any]
    simulated: bool
    enabled: bool
    version: int
    created_at: datetime
    updated_at: datetime
    mappings: int = 0
    activity: ActivityOut | None = None


class RowProblem(BaseModel):
    code: str
    detail: str
    where: str | None = None


class ImportRow(BaseModel):
    row: int
    code: str
    outcome: Literal["created", "updated", "unchanged", "refused"]
    id: int | None = None
    problem: RowProblem | None = None


class ImportReport(BaseModel):
    created: int
    updated: int
    unchanged: int
    refused: int
    rows: list[ImportRow]


class UnknownOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    protocol: str
    address: str
    peer: str
    first_seen: datetime
    last_seen: datetime
    count: int
    fields: int


class ProposalOut(BaseModel):
    """A point suggested for one field; None where a person must decide."""

    model_config = ConfigDict(from_attributes=True)

    address: str
    name: str
    name_en: str
    quantity: str | None
    unit: str | None
    kind: str
    sample: str


class UnknownDetail(UnknownOut):
    sample_hex: str
    sample_text: str
    proposals: list[ProposalOut]


class NewPoint(Input):
    """A point to make for one field of the device, or an existing one to use."""

    address: Text
    point_id: int | None = Field(None, ge=1, le=MAX_ID, description="use this point instead of making one")
    code: str | None = Field(None, max_length=96)
    name: str | None = Field(None, max_length=200)
    name_en: str = Field("", max_length=200)
    quantity: str | None = Field(None, max_length=40)
    unit: str | None = Field(None, max_length=24)
    source_unit: str | None = Field(None, max_length=24)
    scale: float = Field(1.0, allow_inf_nan=False)
    offset: float = Field(0.0, allow_inf_nan=False)
    kind: str = Field("", max_length=64)
    period_s: float = Field(60.0, gt=0)


class OnboardIn(Input):
    device: DeviceIn
    points: list[NewPoint] = Field(min_length=1, max_length=2_000)


class OnboardOut(BaseModel):
    device: DeviceOut
    points_created: list[int]
    mappings: list[MappingOut]


class FrameOut(BaseModel):
    seq: int
    at_ms: int
    direction: Literal["in", "out"]
    peer: str
    length: int
    cut: bool
    deviations: list[str]
    hex: str
    text: str = Field(description="printable form; other bytes as \\xNN")


class FramesOut(BaseModel):
    items: list[FrameOut]
    total: int = Field(description="frames ever logged for the device")
    kept: int = Field(description="frames kept per device")


class CheckOut(BaseModel):
    check: str
    verdict: Literal["ok", "fail", "unknown"]
    title: str
    detail: str
    action: str | None
    params: dict[str, Any]


class DiagnosisOut(BaseModel):
    """Why a device is silent: checks in the order in which a person would look."""

    device_id: int
    silent: bool
    cause: str | None = Field(description="first check that failed")
    checks: list[CheckOut]


class ConnectionOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    key: str
    device_id: int | None
    peer: str
    connected_at: int
    last_frame_at: int | None
    frames: int
    readings: int
    deviations: dict[str, int]
    state: str


class GatewayOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    name: str
    running: bool
    listening: str | None
    connections: int
    limits: dict[str, int]
    counters: dict[str, int]
    rejected: dict[str, int]
    devices: int = 0
    restarts: int = 0
    last_error: str | None = None
    last_frame_at: int | None = Field(
        None, description="newest frame of any of its devices since the process started, ms since the epoch"
    )


class ProtocolOut(BaseModel):
    """JSON Schemas of a protocol's device configuration and policy."""

    name: str
    config_schema: dict[str, Any]
    policy_schema: dict[str, Any]
    default_address: bool
