"""Routes of notifications."""

from __future__ import annotations

from fastapi import APIRouter

from parksight.notifications.api import channels, deliveries, inbox, wishes

router = APIRouter(prefix="/api/v1/notifications", tags=["notifications"])
for _part in (inbox, wishes, channels, deliveries):
    router.include_router(_part.router)
