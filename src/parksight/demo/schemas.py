"""What the demo page shows."""

from __future__ import annotations

from pydantic import BaseModel


class Scenario(BaseModel):
    """One thing that can be made to happen in the demo zone."""

    name: str
    title: str
    description: str
    running: bool
    started_at: int | None = None
    ends_at: int | None = None


class ScenarioStart(BaseModel):
    duration_s: float | None = None


class HistoryProgress(BaseModel):
    """How far the back-history of the demo zone has come."""

    phase: str
    sent: int
    stored: int
    rejected: int
    total: int
    rows_per_s: float | None = None
    error: str | None = None


class DemoStatus(BaseModel):
    reachable: bool
    scenarios: list[Scenario]
    history: HistoryProgress | None
