"""Click to centre, box to zoom: from a pixel and the pose of its picture to the pose that is wanted.

The calibrated model comes from the lookout, if there is one for the camera. Without it the arithmetic is that of a level
head with a nominal field of view, which centres well enough to be clicked again, and says that it is rough.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from parksight.physics.camera import Camera, Pose

#: Gives the calibrated model of a camera (by id), None where there is none.
ModelProvider = Callable[[int], Camera | None]
#: Horizontal field of view at zoom 1 of a camera nobody calibrated, degrees; usual of dome cameras.
NOMINAL_FIELD = 60.0


@dataclass(frozen=True, slots=True)
class Aim:
    """Where to turn; ``rough``: without a calibrated model."""

    pan: float
    tilt: float
    zoom: float
    rough: bool


def nominal(aspect: float = 16 / 9) -> Camera:
    """The model of a camera nobody calibrated, for a picture 1 px high for each 1/720."""
    width = round(720 * aspect)
    return Camera(
        (0.0, 0.0, 0.0), focal=width / 2 / math.tan(math.radians(NOMINAL_FIELD) / 2), size=(width, 720)
    )


def centre(
    model: Camera | None, u: float, v: float, pan: float, tilt: float, zoom: float, aspect: float = 16 / 9
) -> Aim:
    """The pose that brings a pixel to the middle; ``u``, ``v`` 0..1 of the picture taken at the pose given (degrees)."""
    return _aim(model, u, v, pan, tilt, zoom, None, aspect, (1.0, math.inf))


def box(
    model: Camera | None, corners: tuple[float, float, float, float], pan: float, tilt: float, zoom: float,
    aspect: float = 16 / 9, zooms: tuple[float, float] = (1.0, 30.0),
) -> Aim:  # fmt: skip
    """The pose that makes a box (two corners, 0..1 of the picture) fill it."""
    u0, v0, u1, v1 = corners
    share = max(abs(u1 - u0), abs(v1 - v0), 0.01)
    return _aim(model, (u0 + u1) / 2, (v0 + v1) / 2, pan, tilt, zoom, share, aspect, zooms)


def _aim(
    model: Camera | None, u: float, v: float, pan: float, tilt: float, zoom: float, share: float | None,
    aspect: float, zooms: tuple[float, float],
) -> Aim:  # fmt: skip
    camera = model if model is not None else nominal(aspect)
    pose = Pose(math.radians(pan), math.radians(tilt), max(zoom, 1.0))
    ray = camera.ray((u * camera.size[0], v * camera.size[1]), pose)
    # 10 m ahead, so that the refraction that aiming at real places adds is nothing.
    wanted = camera.aim(np.asarray(camera.position) + 10.0 * ray)
    goal = pose.zoom
    if share is not None:
        focal = camera.focal_at(pose.zoom) / share
        goal = min(max(pose.zoom / share, zooms[0]), zooms[1])
        for _ in range(20):  # the zoom curve is monotone and nearly proportional
            goal = min(max(goal * focal / camera.focal_at(goal), zooms[0]), zooms[1])
    turned = math.degrees(math.remainder(wanted.pan - pose.pan, 2 * math.pi))
    return Aim(pan + turned, math.degrees(wanted.tilt), goal, rough=model is None)
