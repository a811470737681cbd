"""What the routes of links and video take and show."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from parksight.gateways.cameras.config import LinkOptions

LinkProtocol = Literal["onvif", "isapi", "gb28181", "rtsp"]
_RTSP = r"^rtsps?://[^\s]+$"


class CameraLinkIn(BaseModel):
    """How a camera is reached. The password is kept sealed and never shown; left out it stays as it is."""

    model_config = ConfigDict(extra="forbid")

    protocol: LinkProtocol
    host: str | None = Field(None, min_length=1, max_length=255, pattern=r"^[^\s/@]+$")
    port: int | None = Field(None, ge=1, le=65535)
    main_url: str | None = Field(None, max_length=500, pattern=_RTSP)
    sub_url: str | None = Field(None, max_length=500, pattern=_RTSP)
    channel: str | None = Field(None, max_length=32, pattern=r"^[0-9A-Za-z]+$")
    username: str | None = Field(None, max_length=100)
    password: str | None = Field(None, max_length=200)
    options: LinkOptions = LinkOptions()
    simulated: bool = False
    enabled: bool = True
    version: int | None = Field(
        None, ge=1, description="version the change is based on; not needed for a new link"
    )


class CameraLinkRow(CameraLinkIn):
    """A link in a bulk request, by the camera's code."""

    code: str = Field(min_length=1, max_length=64)


class CameraLinksIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    links: list[CameraLinkRow] = Field(max_length=2000)


class CameraLinksDone(BaseModel):
    created: int
    updated: int
    unchanged: int


class CameraLinkOut(BaseModel):
    """A link without its secret."""

    camera_id: int
    code: str
    name: str
    protocol: LinkProtocol
    host: str | None
    port: int | None
    main_url: str | None
    sub_url: str | None
    channel: str | None
    username: str | None
    has_password: bool
    options: LinkOptions
    simulated: bool
    enabled: bool
    version: int
    updated_at: datetime


class StreamStatus(BaseModel):
    """One stream as it is now; rates over the newest five seconds.

    ``state``: ``idle`` (nobody looks), ``connecting``, ``playing``, ``lost``, ``unsupported``; ``text`` and ``action`` say
    why and what to do. ``skew_ms``: the camera's clock less ours, where it is wrong; ``delay_ms`` from camera to us.
    """

    stream: Literal["main", "sub"]
    state: str
    reason: str | None
    detail: str
    text: str
    action: str
    running: bool
    transport: str
    since_ms: int
    viewers: int
    viewers_mse: int
    viewers_raw: int
    consumers: int
    fps: float
    bit_rate: int
    codec: str | None
    width: int | None
    height: int | None
    delay_ms: float | None
    skew_ms: float | None
    wall_exact: bool
    cached_pictures: int
    viewer_dropped: int
    counters: dict[str, int]


class CameraVideoStatus(BaseModel):
    camera_id: int
    linked: bool
    enabled: bool
    simulated: bool
    streams: list[StreamStatus]
