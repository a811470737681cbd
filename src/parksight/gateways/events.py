"""Events of the gateways on the bus."""

from __future__ import annotations

from parksight.kernel.bus import Event


class DevicesChanged(Event, frozen=True, kw_only=True):
    """Devices or their mappings were created, changed or removed.

    Attributes:
        ids: the devices concerned; None means "many, look at all".
    """

    ids: tuple[int, ...] | None = None

    @classmethod
    def subject(cls) -> str:
        return "gateways.devices.changed"


class SourceDied(Event, frozen=True, kw_only=True):
    """A source said (or its broker said for it) that it is gone: its points are known dead, not merely old.

    Attributes:
        device_id: the device.
        points: points it fed.
        at_ms: ms since the epoch.
        reason: ``mqtt.ndeath``, ``mqtt.ddeath``, ``modbus.line_down`` …
    """

    device_id: int
    points: tuple[int, ...]
    at_ms: int
    reason: str

    @classmethod
    def subject(cls) -> str:
        return "gateways.source.died"
