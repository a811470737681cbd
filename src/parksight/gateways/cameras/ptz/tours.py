"""Patrol tours: a round of looks that gives way to people and alarms and goes on by itself afterwards."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from parksight.gateways.cameras.protocols import CameraError
from parksight.gateways.cameras.ptz.control import Control
from parksight.gateways.cameras.ptz.limits import PtzLimits
from parksight.gateways.cameras.ptz.schemas import TourStep
from parksight.kernel.permissions import Caller

log = structlog.get_logger(__name__)
#: How often a tour that gave way looks whether it may go on, s.
_LOOK = 0.5


@dataclass(frozen=True, slots=True)
class TourState:
    """What a tour is doing, for the page."""

    tour_id: int
    name: str
    started_by: str
    step: int
    steps: int
    waiting: bool
    error: str | None


class Tour:
    """One tour under way on one head.

    Args:
        control: the head's control.
        limits: for the pause after other moves.
        caller: who started it.
        tour_id, name, steps: of the record, as they were at the start.
    """

    def __init__(
        self, control: Control, limits: PtzLimits, caller: Caller, tour_id: int, name: str, steps: list[TourStep]
    ) -> None:  # fmt: skip
        self.tour_id, self.name, self.caller, self.steps = tour_id, name, caller, steps
        self._control, self._limits = control, limits
        self._step, self._waiting = 0, False
        self._error: str | None = None
        # The tour that is started now need not wait for the quiet after the move before it.
        self._own_quiet = True
        self._task = asyncio.create_task(self._run(), name=f"tour-{tour_id}")

    def state(self) -> TourState:
        return TourState(
            self.tour_id, self.name, self.caller.name, self._step, len(self.steps), self._waiting, self._error
        )

    async def cancel(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        while True:
            step = self.steps[self._step]
            await self._free()
            try:
                await self._control.tour_step(self.caller, lambda step=step: self._go(step))  # type: ignore[misc]
                self._error = None
            except CameraError as error:
                self._error = error.reason
                log.warning("tour_step_failed", tour=self.tour_id, step=self._step, reason=error.reason)
            await asyncio.sleep(step.dwell_s)
            self._step = (self._step + 1) % len(self.steps)

    async def _go(self, step: TourStep) -> None:
        device = self._control.head.device
        if step.preset is not None:
            await device.go_preset(step.preset)
        elif step.pose is not None:
            await device.absolute(step.pose.pan, step.pose.tilt, step.pose.zoom, step.speed)

    async def _free(self) -> None:
        """Until nobody else holds or turns the head, and it was left alone for a while."""
        while not self._may_go():
            self._waiting = True
            await asyncio.sleep(_LOOK)
        self._waiting = self._own_quiet = False

    def _may_go(self) -> bool:
        lock = self._control.lock
        if lock is not None and lock.owner != self.caller.id:
            return False
        idle = self._control.idle_s
        return idle > 0 if self._own_quiet else idle >= self._limits.tour_resume_s
