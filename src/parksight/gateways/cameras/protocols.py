"""What the rooms of the cameras hand each other: access units, poses, and what a head can be told.

Angles in degrees as the camera reports them (pan clockwise from its own zero, tilt upward), zoom as a factor >= 1;
what they mean in the world is the business of the camera's calibration (``lookout``). Instants are milliseconds since
the epoch of the platform's clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

Codec = Literal["h264", "h265"]
#: Which of a camera's streams: the full picture, or the small one for walls of pictures.
Stream = Literal["main", "sub"]


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One coded picture.

    Attributes:
        codec: of the NAL units.
        nals: NAL units without start codes, parameter sets included where they came with the picture.
        key: decoding may begin here.
        dts: 90 kHz, unwrapped, from 0 at the first picture of the session.
        wall_ms: when it was taken: by the newest sender report, else arrival less the smallest delay seen.
        wall_exact: ``wall_ms`` rests on a sender report.
        arrived_ms: when its last packet came.
        lost: packets of it that never came; a picture with holes is counted and not shown.
    """

    codec: Codec
    nals: tuple[bytes, ...]
    key: bool
    dts: int
    wall_ms: float
    wall_exact: bool
    arrived_ms: float
    lost: int = 0


@dataclass(frozen=True, slots=True)
class PtzSample:
    """Where the head said it was. ``at_ms``: by the device's own UTC where it tells one, else mid of the request."""

    at_ms: float
    pan: float
    tilt: float
    zoom: float
    moving: bool | None = None
    exact: bool = False


@dataclass(frozen=True, slots=True)
class FramePose:
    """The pose at a picture's moment; ``extrapolated`` beyond the newest sample (at most 100 ms, then there is none)."""

    pan: float
    tilt: float
    zoom: float
    roll: float = 0.0
    moving: bool = False
    extrapolated: bool = False


class PoseTrack(Protocol):
    """The telemetry of one head, read at any moment."""

    def add(self, sample: PtzSample) -> None: ...

    def at(self, wall_ms: float) -> FramePose | None:
        """None: no sample near enough; labels then hide instead of lying."""
        ...


@dataclass(frozen=True, slots=True)
class Preset:
    token: str
    name: str


@dataclass(frozen=True, slots=True)
class PtzAbilities:
    """What a head can do; ``absolute`` False: no labels can be glued (GB/T 28181-2016 heads report no position)."""

    absolute: bool
    position: bool
    presets: bool
    pan: tuple[float, float] = (-180.0, 180.0)
    tilt: tuple[float, float] = (-90.0, 90.0)
    zoom: tuple[float, float] = (1.0, 30.0)


class PtzDevice(Protocol):
    """A head that can be turned, over whatever protocol. Every method raises ``CameraError`` with its reason."""

    async def abilities(self) -> PtzAbilities: ...

    async def status(self) -> PtzSample: ...

    async def absolute(self, pan: float, tilt: float, zoom: float, speed: float = 1.0) -> None: ...

    async def continuous(self, pan: float, tilt: float, zoom: float) -> None:
        """Speeds -1..1; goes on until :meth:`stop`, which whoever calls this must send in every case."""
        ...

    async def stop(self) -> None: ...

    async def presets(self) -> list[Preset]: ...

    async def go_preset(self, token: str) -> None: ...

    async def set_preset(self, name: str, token: str | None = None) -> str: ...

    async def remove_preset(self, token: str) -> None: ...

    async def close(self) -> None: ...


class CameraError(Exception):
    """A camera did not do what it was asked; ``reason`` is a key of the locale files, ``gateways.cameras.error.<reason>``."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason, self.detail = reason, detail
