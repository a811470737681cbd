"""The contract every field protocol fulfils; one folder each, see docs/developer/gateways.md."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(slots=True)
class ConnectionView:
    """One peer as the gateway page shows it."""

    key: str
    device_id: int | None
    peer: str
    connected_at: int
    last_frame_at: int | None
    frames: int = 0
    readings: int = 0
    deviations: dict[str, int] = field(default_factory=dict)
    state: str = "connected"


@dataclass(slots=True, frozen=True)
class GatewayStatus:
    """Health of one gateway, for the page, ``/metrics`` and the diagnosis."""

    name: str
    running: bool
    listening: str | None
    connections: int
    limits: dict[str, int]
    counters: dict[str, int]
    rejected: dict[str, int]


class Gateway(Protocol):
    """A field protocol: bytes in, :class:`ReadingBatch` to the ingest, acknowledged when durable."""

    name: str

    async def start(self) -> None: ...

    async def stop(self) -> None:
        """Stop taking bytes, finish what is in flight, close every connection. Idempotent."""
        ...

    def status(self) -> GatewayStatus: ...

    def connections(self, limit: int = 1000) -> list[ConnectionView]: ...

    def reload_devices(self) -> None:
        """Devices or mappings changed in the registry of devices; take the new ones without a restart."""
        ...
