"""Calibration of a pan-tilt-zoom camera from control points: robust, with priors and covariance. Radians, pixels, metres."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares

from parksight.physics.camera import Camera, Pose

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ControlPoint:
    """A known place seen at a pixel under a reported pose; ENU in the camera's frame."""

    enu: tuple[float, float, float]
    pixel: tuple[float, float]
    pose: Pose


@dataclass(frozen=True, slots=True)
class Noise:
    """1-sigma: click (px), encoder (rad), control point (m). Priors: position (m), mount axis and roll (rad)."""

    click: float = 2.0
    encoder: float = math.radians(0.02)
    control: float = 0.3
    position: float = 0.5
    axis: float = math.radians(0.5)
    roll: float = math.radians(0.5)


#: Parameters that calibration estimates, in order.
PARAMETERS = ("e", "n", "u", "pan0", "tilt0", "axis_x", "axis_y", "roll", "ln_focal", "zoom1", "zoom2", "k1")


@dataclass(frozen=True)
class Calibration:
    """The calibrated camera, its 12x12 covariance (order of :data:`PARAMETERS`) and what it rests on.

    ``residuals_px`` per point; ``outliers`` are indices beyond 4 robust sigmas; drop and repeat.
    """

    camera: Camera
    covariance: F64
    residuals_px: F64
    outliers: tuple[int, ...]
    fixed: frozenset[str] = field(default_factory=frozenset)

    def angular_error(self, azimuth: float) -> float:
        """1-sigma pointing error towards an azimuth at the horizon, rad (pan, tilt and mount)."""
        c = self.covariance
        g = np.zeros(len(PARAMETERS))
        g[3] = 1.0
        h = np.zeros(len(PARAMETERS))
        h[4], h[5], h[6] = 1.0, math.cos(azimuth), math.sin(azimuth)
        return math.sqrt(max(float(g @ c @ g), float(h @ c @ h)))


def calibrate(
    start: Camera,
    points: Sequence[ControlPoint],
    noise: Noise | None = None,
    *,
    zoom_curve_known: bool = False,
) -> Calibration:
    """Calibrate from control points with a robust loss and priors.

    Args:
        start: approximate camera; only position, focal length, zoom curve and picture size are taken, the heading is
            found from the points.

    Raises ValueError with fewer than 4 points.
    """
    if len(points) < 4:
        raise ValueError(f"at least 4 control points are needed, better 12; {len(points)} are given")
    sigma = noise or Noise()
    fixed = frozenset({"zoom1", "zoom2"}) if zoom_curve_known else frozenset()
    free = [i for i, name in enumerate(PARAMETERS) if name not in fixed]
    x0 = np.array(
        [
            *start.position,
            _heading(start, points),
            0.0,
            0.0,
            0.0,
            0.0,
            math.log(start.focal),
            start.zoom1,
            start.zoom2,
            0.0,
        ]
    )
    prior = np.array(
        [sigma.position] * 3
        + [math.pi, math.radians(5)]
        + [sigma.axis] * 2
        + [sigma.roll, 0.2, 0.05, 0.02, 0.3]
    )
    function = _residuals(start, points, sigma, x0, prior, free)
    # Bounds keep a first wild step from leaving the range in which points can be seen at all.
    reach = 6.0 * prior
    reach[3] = 2.0 * math.pi
    fit = least_squares(
        function,
        x0[free],
        loss="soft_l1",
        x_scale=prior[free],
        bounds=((x0 - reach)[free], (x0 + reach)[free]),
    )
    x = x0.copy()
    x[free] = fit.x
    jacobian: F64 = np.asarray(fit.jac, dtype=np.float64)
    covariance = np.zeros((len(PARAMETERS), len(PARAMETERS)))
    covariance[np.ix_(free, free)] = np.linalg.pinv(jacobian.T @ jacobian)
    camera = _camera(start, x)
    miss = np.array([_miss(camera, p) for p in points])
    size = np.hypot(miss[:, 0], miss[:, 1])
    scale = max(1.4826 * float(np.median(size)), sigma.click)
    return Calibration(
        camera, covariance, size, tuple(int(i) for i in np.flatnonzero(size > 4 * scale)), fixed
    )


def _heading(start: Camera, points: Sequence[ControlPoint]) -> float:
    angles = [
        math.atan2(p.enu[0] - start.position[0], p.enu[1] - start.position[1]) - p.pose.pan for p in points
    ]
    return math.atan2(sum(map(math.sin, angles)), sum(map(math.cos, angles)))


def _camera(start: Camera, x: F64) -> Camera:
    return replace(
        start, position=(float(x[0]), float(x[1]), float(x[2])), pan0=float(x[3]), tilt0=float(x[4]),
        axis_x=float(x[5]), axis_y=float(x[6]), roll=float(x[7]), focal=math.exp(float(x[8])),
        zoom1=float(x[9]), zoom2=float(x[10]), k1=float(x[11]),
    )  # fmt: skip


def _miss(camera: Camera, point: ControlPoint) -> F64:
    pixel, seen = camera.project(point.enu, point.pose)
    if not seen:  # behind the camera or outside the lens: the angle off the axis still says which way to turn
        v = np.asarray(point.enu) - np.asarray(camera.position)
        d = camera.rotation(point.pose) @ (v / np.linalg.norm(v))
        away: F64 = np.array([d[0], d[1]]) * ((2.0 - float(d[2])) * 2.0 * camera.size[0])
        return away
    out: F64 = pixel - np.asarray(point.pixel)
    return out


def _residuals(
    start: Camera, points: Sequence[ControlPoint], sigma: Noise, x0: F64, prior: F64, free: list[int]
) -> Callable[[F64], F64]:
    mean = x0.copy()
    mean[4] = 0.0

    def function(values: F64) -> F64:
        x = x0.copy()
        x[free] = values
        camera = _camera(start, x)
        rows = []
        for p in points:
            f = camera.focal_at(p.pose.zoom)
            distance = max(float(np.linalg.norm(np.asarray(p.enu) - np.asarray(camera.position))), 1.0)
            weight = math.sqrt(
                sigma.click**2 + (f * sigma.encoder) ** 2 + (f * sigma.control / distance) ** 2
            )
            rows.append(_miss(camera, p) / weight)
        rows.append(((x - mean) / prior)[free])
        return np.concatenate(rows)

    return function
