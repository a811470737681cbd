"""Routes of alarms: ``router`` holds all of them."""

from fastapi import APIRouter

from parksight.alarms.api import (
    alarms,
    groups,
    handling,
    linkage,
    performance,
    proposals,
    rules,
    silence,
    tuning,
)

router = APIRouter(prefix="/api/v1")
# The paths with a number in them come last: "/alarms/groups" is no alarm.
for part in (performance, linkage, silence, groups, alarms, handling, proposals, tuning, rules):
    router.include_router(part.router)

__all__ = ["router"]
