"""Routes of alarms: ``router`` holds all of them."""

from fastapi import APIRouter

from parksight.alarms.api import alarms, rules

router = APIRouter(prefix="/api/v1")
router.include_router(alarms.router)
router.include_router(rules.router)

__all__ = ["router"]
