"""What turning towards a place asks of other rooms; the composition root fills it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from parksight.gateways.cameras.protocols import FramePose
from parksight.kernel.permissions import Caller


@dataclass(frozen=True, slots=True)
class Target:
    """A place, degrees (WGS 84); ``height_m`` above ground; ``width_m``: what shall fill a quarter of the picture."""

    lon: float
    lat: float
    height_m: float = 2.0
    width_m: float = 20.0
    only: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Option:
    """A camera that could look: the pose it would need (degrees as it reports them), and why it stands where it does."""

    camera_id: int
    code: str
    pan: float
    tilt: float
    zoom: float
    distance_m: float
    slew_s: float
    visible: bool = True


@dataclass(frozen=True, slots=True)
class Choice:
    """Cameras best first; ``others``: why not the rest; ``low``: the nearest cameras that do not turn."""

    options: Sequence[Option] = ()
    others: Sequence[dict[str, Any]] = field(default_factory=tuple)
    low: Sequence[dict[str, Any]] = field(default_factory=tuple)


class Chooser(Protocol):
    """The register: visibility, slew, distance. Reads records; called in a thread."""

    def choose(self, target: Target, caller: Caller) -> Choice: ...


class Heads(Protocol):
    """The heads of the cameras."""

    async def request_automatic(
        self, camera_id: int, pan: float, tilt: float, zoom: float, reason: str
    ) -> str | None:
        """None: it turns; else why it must not or does not."""
        ...

    async def turn(self, caller: Caller, camera_id: int, pan: float, tilt: float, zoom: float) -> None:
        """On a person's wish, under the locks; raises ``ProblemError`` or ``CameraError``."""
        ...

    def pose(self, camera_id: int) -> FramePose | None:
        """The newest that is known."""
        ...
