"""Routes of the demo page."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request

from parksight.demo.schemas import DemoStatus, Scenario, ScenarioStart
from parksight.demo.service import DemoService
from parksight.kernel import audit
from parksight.kernel.i18n import language_of
from parksight.kernel.permissions import Caller
from parksight.kernel.web import database, requires, service

router = APIRouter(prefix="/api/v1/demo", tags=["demo"])
Demo = Annotated[DemoService, Depends(service("demo"))]
Name = Annotated[str, Path(pattern=r"^[a-z0-9_-]{1,40}$")]


@router.get("", operation_id="demo_status")
async def status(
    request: Request, caller: Annotated[Caller, requires("demo.scenario.read")], demo: Demo
) -> DemoStatus:
    """Scenarios of the demo zone and how far its back-history has come."""
    return await demo.status(language_of(request))


@router.post("/scenarios/{name}/start", operation_id="start_scenario")
async def start(
    request: Request, name: Name, data: ScenarioStart,
    caller: Annotated[Caller, requires("demo.scenario.run")], demo: Demo,
) -> Scenario:  # fmt: skip
    """Make something happen in the demo zone."""
    found = await demo.start(name, data.duration_s, language_of(request))
    _note(request, caller, "demo.scenario.start", name)
    return found


@router.post("/scenarios/{name}/stop", operation_id="stop_scenario")
async def stop(
    request: Request, name: Name, caller: Annotated[Caller, requires("demo.scenario.run")], demo: Demo
) -> Scenario:
    """End it."""
    found = await demo.stop(name, language_of(request))
    _note(request, caller, "demo.scenario.stop", name)
    return found


def _note(request: Request, caller: Caller, action: str, name: str) -> None:
    with database(request).session() as session:
        audit.record(session, caller, action=action, subject=("scenario", name))
