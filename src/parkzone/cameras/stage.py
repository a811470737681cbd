"""One moment to be filmed: where the camera stands and points, what burns, how the picture is spoilt."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from parksight.physics import geodesy
from parksight.physics.camera import Camera, Pose
from parkzone.cameras.solids import CENTRE

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fire:
    """Smoke or flame at a place; ``kind`` smoke or flame; size in m; wind in m/s east and north."""

    kind: str
    lon: float
    lat: float
    height: float
    size: float
    since_s: float
    wind: tuple[float, float] = (2.0, 1.0)


@dataclass(frozen=True)
class Shot:
    """One picture to take.

    Attributes:
        camera, pose: true optics and attitude; pixels are those of ``camera.size``.
        wall_s: moment, UTC; moves smoke and traffic. light_s: moment whose light is used.
        size: of the picture; smaller than the camera's for a sub-stream.
        dark, blurred, shift_px: spoilt pictures.
    """

    camera: Camera
    pose: Pose
    wall_s: float
    light_s: float
    size: tuple[int, int]
    fires: tuple[Fire, ...] = ()
    dark: bool = False
    blurred: bool = False
    shift_px: float = 0.0
    caption: tuple[str, ...] = ()
    traffic: bool = True


@dataclass(frozen=True)
class View:
    """A shot's geometry in the numbers of the shaders."""

    eye: F64
    level: F64
    head: F64
    focal: float
    half_tan: tuple[float, float] = field(default=(1.0, 1.0))


def view(camera: Camera, pose: Pose) -> View:
    """Optical centre in the zone's frame, zone to camera axes, and the head's rotation."""
    place = geodesy.from_enu(np.asarray(camera.position), camera.origin)
    eye = geodesy.to_enu(place[0], place[1], place[2], CENTRE)
    focal = camera.focal_at(pose.zoom)
    half = (camera.size[0] / 2 / focal, camera.size[1] / 2 / focal)
    return View(eye, level(camera.origin), camera.rotation(pose), focal, half)


def level(origin: tuple[float, float, float]) -> F64:
    """Rotation from the zone's east-north-up to that at another origin."""
    out: F64 = _axes(origin[0], origin[1]) @ _axes(CENTRE[0], CENTRE[1]).T
    return out


def _axes(lon_deg: float, lat_deg: float) -> F64:
    """Rows: east, north and up in earth-centred axes."""
    lon, lat = math.radians(lon_deg), math.radians(lat_deg)
    return np.array([
        [-math.sin(lon), math.cos(lon), 0.0],
        [-math.sin(lat) * math.cos(lon), -math.sin(lat) * math.sin(lon), math.cos(lat)],
        [math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)],
    ])  # fmt: skip
