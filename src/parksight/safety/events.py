"""What work safety tells other rooms."""

from __future__ import annotations

from parksight.kernel.bus import Event


class HazardIdentified(Event, frozen=True, kw_only=True):
    """A hazard source was identified anew. ``level`` None: no major hazard, or unknown (``state`` says which)."""

    id: int
    unit_id: int
    enterprise_id: int
    state: str
    level: int | None
    before: int | None

    @classmethod
    def subject(cls) -> str:
        return "safety.hazard.identified"
