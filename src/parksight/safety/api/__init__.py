"""Routes of work safety."""

from __future__ import annotations

from fastapi import APIRouter

from parksight.safety.api import hazards

router = APIRouter(prefix="/api/v1/safety", tags=["safety"])
for _part in (hazards,):
    router.include_router(_part.router)
