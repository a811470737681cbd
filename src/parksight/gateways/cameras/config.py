"""What a camera's link says beside its addresses."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from parksight.gateways.cameras.protocols import Stream

Span = tuple[float, float]


class LinkOptions(BaseModel):
    """Options of a link, checked when it is entered.

    Attributes:
        upstream_main, upstream_sub: address at a MediaMTX or go2rtc that has the stream already; used instead of the
            camera's own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    transport: Literal["auto", "tcp", "udp"] = "auto"
    upstream_main: str | None = Field(None, max_length=500, pattern=r"^rtsps?://")
    upstream_sub: str | None = Field(None, max_length=500, pattern=r"^rtsps?://")
    telemetry_delay_ms: float = Field(0.0, ge=-2000, le=10_000)
    device_path: str | None = Field(None, max_length=200, pattern=r"^/")
    tls: bool = False
    allow_basic: bool = False
    tilt_sign: Literal[1, -1] = 1
    pan_range: Span | None = None
    tilt_range: Span | None = None
    zoom_range: Span | None = None

    def upstream(self, stream: Stream) -> str | None:
        return self.upstream_main if stream == "main" else self.upstream_sub
