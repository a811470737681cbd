"""What every gateway is handed by the composition root."""

from __future__ import annotations

from dataclasses import dataclass

from parksight.gateways.activity import ActivityBook
from parksight.gateways.directory import DeviceDirectory
from parksight.gateways.frames import FrameLog
from parksight.gateways.unknown import UnknownDevices
from parksight.kernel.bus import Bus
from parksight.kernel.clock import Clock
from parksight.telemetry.protocols import IngestPort


@dataclass(frozen=True, slots=True)
class GatewayContext:
    """Shared by all gateways: ``Gateway(context, settings)``."""

    ingest: IngestPort
    directory: DeviceDirectory
    frames: FrameLog
    activity: ActivityBook
    unknown: UnknownDevices
    clock: Clock
    bus: Bus
