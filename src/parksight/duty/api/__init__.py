"""Routes of duty."""

from __future__ import annotations

from fastapi import APIRouter

from parksight.duty.api import absences, desks, handover, log, shifts

router = APIRouter(prefix="/api/v1/duty", tags=["duty"])
for _part in (desks, shifts, absences, log, handover):
    router.include_router(_part.router)
