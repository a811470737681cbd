"""What work safety contributes elsewhere."""

from __future__ import annotations

from parksight.registry.panel import EnterpriseTab

#: Register them with ``app.state.enterprise_tabs``.
TABS = (
    EnterpriseTab(
        "hazards",
        "safety.tab.hazards",
        "safety.hazard.read",
        "/api/v1/safety/hazards?enterprise_id={id}",
        order=70,
    ),
)
