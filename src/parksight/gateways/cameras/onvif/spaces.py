"""Coordinate spaces of ONVIF heads: degrees where the device speaks them, else the generic space through its limits.

``SphericalPositionSpaceDegrees``: x pan, y tilt in degrees. ``PositionGenericSpace``: -1..1 (zoom 0..1) over the whole
range, whose limits in degrees the standard does not tell: they come from the link's options or from the node's spherical
range, and are stated as assumed otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

_ROOT = "http://www.onvif.org/ver10/tptz/"
SPHERICAL = _ROOT + "PanTiltSpaces/SphericalPositionSpaceDegrees"
GENERIC = _ROOT + "PanTiltSpaces/PositionGenericSpace"
ZOOM_GENERIC = _ROOT + "ZoomSpaces/PositionGenericSpace"
ZOOM_MM = _ROOT + "ZoomSpaces/PositionSpaceMillimeter"

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Axis:
    """A linear map between what the device says and what we mean; ``sign`` -1 for one that counts the other way."""

    device: Range
    ours: Range

    def __post_init__(self) -> None:
        if self.device[0] == self.device[1] or self.ours[0] == self.ours[1]:
            raise ValueError("a range needs two different ends")

    def from_device(self, value: float) -> float:
        return _map(value, self.device, self.ours)

    def to_device(self, value: float) -> float:
        """Clamped to what the device takes."""
        low, high = min(self.device), max(self.device)
        return min(max(_map(value, self.ours, self.device), low), high)


def _map(value: float, source: Range, target: Range) -> float:
    share = (value - source[0]) / (source[1] - source[0])
    return target[0] + share * (target[1] - target[0])


@dataclass(frozen=True, slots=True)
class Node:
    """What a PTZ node says it can: ranges per space, None where it has none of the kind."""

    spherical: tuple[Range, Range] | None
    generic: tuple[Range, Range] | None
    zoom: Range | None
    continuous: bool
    presets: int


@dataclass(frozen=True, slots=True)
class Assumed:
    """What must be known of a head that speaks generic numbers only (link options)."""

    pan: Range = (-180.0, 180.0)
    tilt: Range = (-90.0, 90.0)
    zoom: Range = (1.0, 30.0)


@dataclass(frozen=True, slots=True)
class Spaces:
    """The maps to use with one head."""

    pan_tilt: str
    pan: Axis
    tilt: Axis
    zoom: Axis
    #: The degrees are ours to believe: the device told no limits in degrees.
    assumed: bool


def choose(node: Node, assumed: Assumed) -> Spaces | None:
    """Spherical degrees before generic; None: no absolute position at all."""
    zoom = Axis(node.zoom or (0.0, 1.0), assumed.zoom)
    if node.spherical is not None:
        pan, tilt = node.spherical
        return Spaces(SPHERICAL, Axis(pan, pan), Axis(tilt, tilt), zoom, assumed=False)
    if node.generic is not None:
        pan, tilt = node.generic
        return Spaces(GENERIC, Axis(pan, assumed.pan), Axis(tilt, assumed.tilt), zoom, assumed=True)
    return None
