"""Events of telemetry on the bus."""

from __future__ import annotations

from parksight.kernel.bus import Event


class PointsChanged(Event, frozen=True, kw_only=True):
    """Points were created, changed or removed.

    Attributes:
        ids: the points concerned; None means "many, look at all".
    """

    ids: tuple[int, ...] | None = None

    @classmethod
    def subject(cls) -> str:
        return "telemetry.points.changed"


class FindingsChanged(Event, frozen=True, kw_only=True):
    """Forensics found something or a finding was reviewed."""

    ids: tuple[int, ...] = ()

    @classmethod
    def subject(cls) -> str:
        return "telemetry.findings.changed"
