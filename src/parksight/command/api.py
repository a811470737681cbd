"""The route of the one screen."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from parksight.command.schemas import Overview
from parksight.command.service import CommandService
from parksight.kernel.permissions import Caller
from parksight.kernel.web import requires, service

router = APIRouter(prefix="/api/v1/command", tags=["command"])

At = Annotated[
    int | None,
    Query(ge=0, le=2**53, description="a past moment, ms since 1970-01-01T00:00Z; without it: now"),
]


@router.get("/overview")
def overview(
    caller: Annotated[Caller, requires("command.overview.read")],
    command: Annotated[CommandService, Depends(service("command"))],
    at: At = None,
) -> Overview:
    """Everything of the command centre at one moment: every number with unit, age, coverage and drill-down."""
    return command.overview(caller, at)
