"""What recording asks of other rooms; the composition root fills it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from parksight.gateways.cameras.protocols import AccessUnit, FramePose, Stream

Unsubscribe = Callable[[], None]


class Pictures(Protocol):
    """The relays of the cameras; called on the event loop."""

    def subscribe(
        self, camera_id: int, stream: Stream, callback: Callable[[AccessUnit], None]
    ) -> Unsubscribe:
        """Every access unit from now on, the cached group of pictures first; raises ``CameraError`` without a link."""
        ...


class Poses(Protocol):
    """Where heads pointed."""

    def at(self, camera_id: int, wall_ms: float) -> FramePose | None: ...


class Labels(Protocol):
    """What the labels said: values and alarms, as JSON; must answer from memory."""

    def state(self, camera_id: int) -> Mapping[str, Any]: ...


class Calibrations(Protocol):
    """Which calibration projects a camera's labels now."""

    def version(self, camera_id: int) -> int | None: ...
