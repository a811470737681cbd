"""Events of the cameras on the bus."""

from __future__ import annotations

from parksight.kernel.bus import Event


class CameraLinksChanged(Event, frozen=True, kw_only=True):
    """How cameras are reached was entered, changed or removed."""

    ids: tuple[int, ...]

    @classmethod
    def subject(cls) -> str:
        return "gateways.camera_links.changed"
