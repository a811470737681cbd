"""Who films: each camera's registered place and its true optics, which nobody outside knows exactly.

A real head never stands as its drawing says: its zero points east of north by some angle, its mount leans a little,
its focal length is off by a percent. All of it is drawn from the seed; calibration must find it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from parksight.physics.camera import Camera
from parkzone.geometry.frame import Point, to_lonlat
from parkzone.lookouts import Lookout, lookouts, low_cameras
from parkzone.seeds import stream

WIDTH, HEIGHT = 1280, 720
SUB_WIDTH, SUB_HEIGHT = 640, 360
#: Horizontal field of view at zoom 1, degrees.
WIDE_DEG = 60.0
NOMINAL_FOCAL = WIDTH / 2 / math.tan(math.radians(WIDE_DEG / 2))
MOST_ZOOM = 30.0
LOWEST_TILT, HIGHEST_TILT = -90.0, 25.0


@dataclass(frozen=True)
class Filmer:
    """One camera of the zone.

    Attributes:
        origin: registered longitude, latitude and height over the ellipsoid, as the registry's record says.
        truth: the optics as they are.
        rest: pan, tilt (degrees as the head reports them) and zoom at rest.
    """

    code: str
    name: str
    name_en: str
    kind: str
    at: Point
    origin: tuple[float, float, float]
    truth: Camera
    rest: tuple[float, float, float]


def filmers(seed: int) -> dict[str, Filmer]:
    """All cameras by code; the same seed always gives the same."""
    return {record.code: _filmer(record, seed) for record in [*lookouts(seed), *low_cameras()]}


def _filmer(record: Lookout, seed: int) -> Filmer:
    rng = stream(seed, "optics", record.code)
    lon, lat = to_lonlat(*record.at)
    # the zone's flat ground is height 0 over the ellipsoid
    origin = (lon, lat, record.height_m)
    heading = float(rng.uniform(0.0, 360.0))
    e, n, u = (float(v) for v in rng.normal(0.0, (0.25, 0.25, 0.2)))
    truth = Camera(
        origin=origin, position=(e, n, u),
        pan0=math.radians(heading),
        tilt0=math.radians(float(rng.normal(0.0, 0.25))),
        axis_x=math.radians(float(rng.normal(0.0, 0.2))),
        axis_y=math.radians(float(rng.normal(0.0, 0.2))),
        roll=math.radians(float(rng.normal(0.0, 0.2))),
        focal=NOMINAL_FOCAL * float(rng.normal(1.0, 0.01)),
        zoom1=float(rng.normal(0.0, 0.008)), zoom2=float(rng.normal(0.0, 0.002)),
        k1=-0.06 * float(rng.normal(1.0, 0.1)), k2=0.01, size=(WIDTH, HEIGHT),
    )  # fmt: skip
    tilt = -7.0 if record.kind == "lookout" else -9.0
    rest = (round((record.azimuth_deg - heading) % 360.0, 2), tilt, 1.0)
    return Filmer(
        record.code, record.name, record.name_en, record.kind, record.at, origin, truth, rest
    )  # fmt: skip


def leaning(camera: Camera, axis_x_deg: float, axis_y_deg: float) -> Camera:
    """The camera after its mount has given way by that much."""
    return replace(
        camera,
        axis_x=camera.axis_x + math.radians(axis_x_deg),
        axis_y=camera.axis_y + math.radians(axis_y_deg),
    )
