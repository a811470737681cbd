"""What bounds heads and those who turn them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class PtzLimits(BaseModel):
    """Times in seconds unless the name says otherwise."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_heads: int = Field(500, ge=1, description="heads asked for their position")
    fast_ms: int = Field(100, ge=40, le=1000, description="between questions while moving or watched")
    idle_ms: int = Field(1000, ge=200, le=60_000, description="between questions otherwise")
    fast_after_command_s: float = Field(3.0, ge=0)
    back_off_s: float = Field(30.0, ge=1, description="longest pause after failures")
    locked_out_s: float = Field(
        300.0,
        ge=30,
        description="pause after refused credentials: cameras lock out who tries again and again",
    )
    request_timeout_s: float = Field(3.0, gt=0)
    dead_man_ms: int = Field(600, ge=200, le=2000, description="a drag not renewed for this long is stopped")
    resend_ms: int = Field(400, ge=100, description="an unchanged speed is told again after this long")
    stop_attempts: int = Field(5, ge=1)
    lock_minutes: int = Field(60, ge=1, description="longest lock")
    operator_grace_s: float = Field(
        20.0, ge=0, description="after an operator's move automation leaves the head alone"
    )
    automatic_gap_s: float = Field(3.0, ge=0, description="between automatic moves of one head")
    automatic_per_minute: int = Field(60, ge=1, description="automatic moves of all heads")
    tours_per_camera: int = Field(20, ge=1)
    tour_steps: int = Field(64, ge=1)
    tour_resume_s: float = Field(60.0, ge=0, description="a tour goes on this long after the last other move")
    joysticks: int = Field(64, ge=1, description="open joystick connections")
    joystick_rate: float = Field(40.0, ge=5, description="messages a second of one joystick")
