"""What is really behind a pixel: for benches and tests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from parksight.physics import geodesy
from parksight.physics.camera import Camera, Pose
from parksight.physics.geodesy import EARTH_RADIUS, REFRACTION
from parkzone.cameras.cast import filmers
from parkzone.cameras.renderer import Renderer
from parkzone.cameras.scenery import scenery
from parkzone.cameras.stage import Shot
from parkzone.seeds import DEFAULT_SEED

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Place:
    """Longitude, latitude (degrees), height over the ellipsoid and slant range (m)."""

    lon: float
    lat: float
    height: float
    distance: float
    #: East, north and up of the camera's origin, as they appear (raised by refraction) and as they are.
    apparent: tuple[float, float, float]
    enu: tuple[float, float, float]


class Oracle:
    """Answers from the rendered depth, independent of the sight-line code; to be used by one thread.

    Raises:
        NoGraphicsError: there is no OpenGL here.
    """

    def __init__(self, seed: int = DEFAULT_SEED) -> None:
        self.cast = filmers(seed)
        self._renderer = Renderer(scenery(seed), seed)

    def behind(
        self,
        camera: Camera,
        pixel: tuple[float, float],
        pose: Pose,
        *,
        loose: bool = False,
    ) -> Place | None:
        """The first thing behind a pixel of a camera; None: sky. ``loose``: trees count."""
        ray = camera.ray(pixel, pose)
        shot = Shot(camera, pose, 0.0, 0.0, camera.size)
        distance = self._renderer.distance(shot, ray, loose=loose)
        if distance is None:
            return None
        away = ray * distance
        start = np.asarray(camera.position)
        true = away.copy()
        # seen higher than it is by k d² / 2R; the straight line to it is what the renderer bent
        true[2] -= REFRACTION * (away[0] ** 2 + away[1] ** 2) / (2 * EARTH_RADIUS)
        real = start + true
        lon, lat, height = (float(v) for v in geodesy.from_enu(real, camera.origin))
        return Place(lon, lat, height, distance, _three(start + away), _three(real))


def _three(v: F64) -> tuple[float, float, float]:
    return float(v[0]), float(v[1]), float(v[2])
