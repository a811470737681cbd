"""One camera as its clients meet it: head, faults, presets, and who watches which stream."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from parksight.physics.camera import Camera, Pose
from parkzone.cameras.cast import Filmer
from parkzone.cameras.encoder import truth_sei
from parkzone.cameras.head import Attitude, Head
from parkzone.cameras.knobs import Knobs
from parkzone.cameras.order import SIZES

MAX_PRESETS = 64


@dataclass(frozen=True, slots=True)
class Picture:
    """One coded picture on its way to the clients; ``wall_ms`` by the true clock."""

    units: tuple[bytes, ...]
    key: bool
    wall_ms: float


#: Takes pictures; must not block.
Sink = Callable[[Picture], None]


@dataclass(frozen=True, slots=True)
class Preset:
    token: str
    name: str
    pan: float
    tilt: float
    zoom: float


@dataclass
class Source:
    """One camera; times are seconds of the system's clock.

    Attributes:
        sinks: those who watch, by stream.
        asked_at: when somebody last turned the head or began to watch.
    """

    filmer: Filmer
    head: Head
    clock: Callable[[], float]
    knobs: Knobs = field(default_factory=Knobs)
    presets: dict[str, Preset] = field(default_factory=dict)
    sinks: dict[str, set[Sink]] = field(default_factory=lambda: {"main": set(), "sub": set()})
    asked_at: float = 0.0
    #: Told when somebody begins to watch or turns something.
    touched: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        pan, tilt, zoom = self.filmer.rest
        self.presets["home"] = Preset("home", "Home", pan, tilt, zoom)
        for i in range(3):
            turn = (pan + 90.0 * (i + 1)) % 360.0
            self.presets[f"p{i + 1}"] = Preset(f"p{i + 1}", f"View {i + 1}", turn, tilt, 1.0 + i)

    @property
    def code(self) -> str:
        return self.filmer.code

    def watched(self) -> tuple[str, ...]:
        return tuple(stream for stream, sinks in self.sinks.items() if sinks)

    def watch(self, stream: str, sink: Sink) -> None:
        self.sinks[stream].add(sink)
        self.touch()

    def leave(self, stream: str, sink: Sink) -> None:
        self.sinks[stream].discard(sink)

    def touch(self) -> None:
        self.asked_at = self.clock()
        self.touched()

    def turn_knobs(self, wanted: dict[str, object]) -> None:
        """ValueError for what cannot be turned so."""
        self.knobs.change(wanted)
        self.head.encoder_step_deg = self.knobs.encoder_step_deg
        self.head.backlash_deg = self.knobs.backlash_deg
        self.touched()

    # -- clocks --------------------------------------------------------------------------------------------

    def own_clock(self) -> float:
        """Seconds by the camera's own clock."""
        return self.clock() + self.knobs.clock_offset_s

    def told(self) -> tuple[float, Attitude]:
        """Moment by the camera's own clock, and what its encoder said then."""
        at, attitude = self.head.told(self.clock(), self.knobs.telemetry_delay_ms / 1000.0)
        return at + self.knobs.clock_offset_s, attitude

    # -- pictures ------------------------------------------------------------------------------------------

    def camera(self) -> Camera:
        """The true optics as the mount holds them now."""
        from dataclasses import replace

        truth, k = self.filmer.truth, self.knobs
        return replace(
            truth, axis_x=truth.axis_x + math.radians(k.mount_x_deg), axis_y=truth.axis_y + math.radians(k.mount_y_deg),
            pan0=truth.pan0 + math.radians(k.heading_off_deg),
        )  # fmt: skip

    def truth(self, attitude: Attitude, wall_ms: float, stream: str) -> bytes:
        """The SEI with where the optics really looked."""
        camera = self.camera()
        azimuth, elevation, roll = direction(camera, attitude)
        focal = camera.focal_at(max(1.0, attitude.zoom)) * SIZES[stream][0] / camera.size[0]
        return truth_sei(wall_ms, azimuth, elevation, roll, focal)

    def deliver(self, stream: str, picture: Picture) -> None:
        for sink in list(self.sinks[stream]):
            sink(picture)

    # -- presets -------------------------------------------------------------------------------------------

    def set_preset(self, name: str, token: str | None) -> str:
        """Keep the present attitude; ValueError when there are too many."""
        if token is None:
            if len(self.presets) >= MAX_PRESETS:
                raise ValueError("too many presets")
            token = f"u{random.getrandbits(32):08x}"  # a name, no secret
        now = self.head.told(self.clock())[1]
        self.presets[token] = Preset(token, name[:64], now.pan, now.tilt, now.zoom)
        return token

    def go_preset(self, token: str) -> None:
        """KeyError for one that is not known."""
        preset = self.presets[token]
        self.head.absolute(self.clock(), preset.pan, preset.tilt, preset.zoom)
        self.touch()


def direction(camera: Camera, attitude: Attitude) -> tuple[float, float, float]:
    """True azimuth, elevation and roll of a picture, degrees, whatever the mount leans."""
    pose = Pose(math.radians(attitude.pan), math.radians(attitude.tilt), max(1.0, attitude.zoom))
    right, _, forward = camera.rotation(pose)
    azimuth = math.atan2(forward[0], forward[1])
    elevation = math.asin(max(-1.0, min(1.0, float(forward[2]))))
    level = (math.cos(azimuth), -math.sin(azimuth), 0.0)
    down = (
        math.sin(elevation) * math.sin(azimuth),
        math.sin(elevation) * math.cos(azimuth),
        -math.cos(elevation),
    )
    c = sum(float(r) * v for r, v in zip(right, level, strict=True))
    s = -sum(float(r) * v for r, v in zip(right, down, strict=True))
    return math.degrees(azimuth) % 360.0, math.degrees(elevation), math.degrees(math.atan2(s, c))
