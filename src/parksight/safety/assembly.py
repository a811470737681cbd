"""Puts the room together for the composition root."""

from __future__ import annotations

from fastapi import FastAPI

from parksight.safety import panel
from parksight.safety.api import router
from parksight.safety.service import SafetyService

__all__ = ["SafetyService", "install"]


def install(app: FastAPI, safety: SafetyService) -> None:
    """Routes, ``app.state.safety`` and the tabs of the enterprise page."""
    app.state.safety = safety
    for tab in panel.TABS:
        app.state.enterprise_tabs.register(tab)
    app.include_router(router)
