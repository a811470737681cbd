"""What stands behind a pixel: terrain, buildings, error ellipses, two-camera fixes, viewsheds. ENU metres, radians."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from parksight.physics.camera import Camera, Pose
from parksight.physics.geodesy import EARTH_RADIUS, REFRACTION
from parksight.physics.inputs import known, not_negative, positive

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Terrain:
    """A digital elevation model in the camera's ENU plane (heights over the origin's level), bilinear.

    Heights are "flat-map" heights: the earth's fall and refraction are applied here, ``z - (1-k) d^2 / (2R)``.
    """

    x: F64
    y: F64
    z: F64

    def __post_init__(self) -> None:
        known(x=self.x, y=self.y, z=self.z)  # a hole would let a sight line pass through the ground
        if self.z.shape != (len(self.y), len(self.x)) or min(self.z.shape) < 2:
            raise ValueError(f"heights must have the shape {(len(self.y), len(self.x))}, not {self.z.shape}")
        for axis in (self.x, self.y):
            steps = np.diff(axis)
            if not (steps[0] > 0 and np.allclose(steps, steps[0], rtol=1e-6)):
                raise ValueError("the axes of an elevation model must rise in equal steps")

    def height(self, east: npt.ArrayLike, north: npt.ArrayLike) -> F64:
        """Apparent ENU height of the ground, NaN outside the model."""
        e, n = np.asarray(east, dtype=np.float64), np.asarray(north, dtype=np.float64)
        fx = (e - self.x[0]) / (self.x[1] - self.x[0])
        fy = (n - self.y[0]) / (self.y[1] - self.y[0])
        inside = (fx >= 0) & (fy >= 0) & (fx <= len(self.x) - 1) & (fy <= len(self.y) - 1)
        i = np.clip(fx.astype(np.intp) if fx.ndim else np.intp(fx), 0, len(self.x) - 2)
        j = np.clip(fy.astype(np.intp) if fy.ndim else np.intp(fy), 0, len(self.y) - 2)
        a, b = fx - i, fy - j
        z = (1 - b) * ((1 - a) * self.z[j, i] + a * self.z[j, i + 1]) + b * (
            (1 - a) * self.z[j + 1, i] + a * self.z[j + 1, i + 1]
        )
        fall = (1 - REFRACTION) * (e * e + n * n) / (2 * EARTH_RADIUS)
        out: F64 = np.where(inside, z - fall, np.nan)
        return out


@dataclass(frozen=True, slots=True)
class Prism:
    """A building or tank: footprint (n, 2) in ENU, base and top height, m."""

    footprint: F64
    base: float
    top: float

    def __post_init__(self) -> None:
        known(footprint=self.footprint, base=self.base, top=self.top)
        if self.footprint.ndim != 2 or self.footprint.shape[0] < 3 or self.footprint.shape[1] != 2:
            raise ValueError("a footprint needs at least three corners (east, north)")
        if not self.top > self.base:
            raise ValueError("a prism's top must lie above its base")


@dataclass(frozen=True, slots=True)
class GroundPoint:
    """Where a ray meets the world: ENU, slant range (m), index of the prism hit (None = ground)."""

    enu: tuple[float, float, float]
    distance: float
    prism: int | None


def ground(
    camera: Camera, pixel: tuple[float, float], pose: Pose, terrain: Terrain, prisms: Sequence[Prism] = (),
    farthest: float = 12_000.0,
) -> GroundPoint | None:  # fmt: skip
    """The first thing behind a pixel; None for sky or beyond ``farthest``."""
    start = np.asarray(camera.position)
    direction = camera.ray(pixel, pose)
    best = _march(start, direction, terrain, farthest)
    index: int | None = None
    limit = farthest if best is None else best
    for i, prism in enumerate(prisms):
        hit = _prism_hit(start, direction, prism, limit)
        if hit is not None:
            limit, best, index = hit, hit, i
    if best is None:
        return None
    p = start + best * direction
    return GroundPoint((float(p[0]), float(p[1]), float(p[2])), float(best), index)


def _march(start: F64, direction: F64, terrain: Terrain, farthest: float) -> float | None:
    t = np.concatenate([[0.5], np.geomspace(1.0, farthest, 1600)])
    points = start + t[:, None] * direction
    below = points[:, 2] < terrain.height(points[:, 0], points[:, 1])
    hits = np.flatnonzero(below)
    if hits.size == 0 or hits[0] == 0:
        return None
    low, high = float(t[hits[0] - 1]), float(t[hits[0]])
    for _ in range(40):
        middle = (low + high) / 2
        p = start + middle * direction
        if p[2] < float(terrain.height(p[0], p[1])):
            high = middle
        else:
            low = middle
    return high


def _prism_hit(start: F64, direction: F64, prism: Prism, limit: float) -> float | None:
    candidates: list[float] = []
    a = prism.footprint
    b = np.roll(a, -1, axis=0)
    edge, d = b - a, direction[:2]
    cross = d[0] * edge[:, 1] - d[1] * edge[:, 0]
    w = a - start[:2]
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (w[:, 0] * edge[:, 1] - w[:, 1] * edge[:, 0]) / cross
        s = (w[:, 0] * d[1] - w[:, 1] * d[0]) / cross
    z = start[2] + t * direction[2]
    wall = (np.abs(cross) > 1e-12) & (s >= 0) & (s <= 1) & (t > 1e-3) & (z >= prism.base) & (z <= prism.top)
    candidates += [float(v) for v in t[wall]]
    if direction[2] < -1e-9:
        roof = (prism.top - start[2]) / direction[2]
        if roof > 1e-3 and _inside(start[:2] + roof * d, a):
            candidates.append(float(roof))
    nearest = min(candidates, default=math.inf)
    return nearest if nearest < limit else None


def _inside(p: F64, polygon: F64) -> bool:
    a, b = polygon, np.roll(polygon, -1, axis=0)
    crosses = (a[:, 1] > p[1]) != (b[:, 1] > p[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        x = a[:, 0] + (p[1] - a[:, 1]) / (b[:, 1] - a[:, 1]) * (b[:, 0] - a[:, 0])
    return bool((crosses & (p[0] < x)).sum() % 2)


@dataclass(frozen=True, slots=True)
class Ellipse:
    """1-sigma error ellipse on the ground: along the ray and across it, m, and the azimuth of "along", rad."""

    along: float
    across: float
    azimuth: float

    def radius(self, probability: float = 0.95) -> float:
        """Radius of a circle around the long axis that holds this share (2-D normal, on the safe side)."""
        return max(self.along, self.across) * math.sqrt(-2.0 * math.log(1.0 - probability))


def error_ellipse(
    camera: Camera, point: GroundPoint, sigma_angle: float, sigma_height: float = 0.0
) -> Ellipse:
    """Error of a ground point from angular (rad) and terrain-height (m) uncertainty.

    Across ``d s``; along ``sqrt(((d^2+h^2)/h s)^2 + (d/h s_z)^2)`` with d the horizontal distance, h the height over
    the target.
    """
    not_negative(sigma_angle=sigma_angle, sigma_height=sigma_height)
    e, n, u = (point.enu[i] - camera.position[i] for i in range(3))
    d, h = math.hypot(e, n), max(-u, 0.5)
    along = math.hypot((d * d + h * h) / h * sigma_angle, d / h * sigma_height)
    return Ellipse(along, math.hypot(d, h) * sigma_angle, math.atan2(e, n))


def two_camera_fix(
    starts: Sequence[npt.ArrayLike], directions: Sequence[npt.ArrayLike], sigma_angle: float
) -> tuple[F64, F64]:
    """Least-squares meeting point of two or more rays in one ENU frame, and its 3x3 covariance, m2.

    Raises ValueError when the rays are parallel or meet behind a camera.
    """
    if len(starts) < 2 or len(starts) != len(directions):
        raise ValueError("a fix needs at least two rays")
    s = [np.asarray(v, dtype=np.float64) for v in starts]
    d = [np.asarray(v, dtype=np.float64) / np.linalg.norm(v) for v in directions]
    weights = [1.0] * len(s)
    point: F64 = np.zeros(3)
    normal: F64 = np.zeros((3, 3))
    for _ in range(3):
        normal, right = np.zeros((3, 3)), np.zeros(3)
        for start, direction, weight in zip(s, d, weights, strict=True):
            across = (np.eye(3) - np.outer(direction, direction)) * weight
            normal += across
            right += across @ start
        if np.linalg.cond(normal) > 1e10:
            raise ValueError("the rays are parallel: they fix no point")
        point = np.asarray(np.linalg.solve(normal, right), dtype=np.float64)
        ranges = [float((point - start) @ direction) for start, direction in zip(s, d, strict=True)]
        if min(ranges) <= 0:
            raise ValueError("the rays meet behind a camera")
        weights = [1.0 / (r * sigma_angle) ** 2 for r in ranges]
    covariance: F64 = np.asarray(np.linalg.inv(normal), dtype=np.float64)
    return point, covariance


def viewshed(
    camera: Camera, terrain: Terrain, azimuths: int = 720, steps: int = 300, farthest: float = 5000.0
) -> npt.NDArray[np.bool_]:
    """Visible ground around the camera, shape (azimuths, steps); rows clockwise from north, columns by distance."""
    positive(farthest=farthest)
    angle = np.linspace(0, 2 * math.pi, azimuths, endpoint=False)[:, None]
    distance = np.linspace(farthest / steps, farthest, steps)[None, :]
    e, n = camera.position[0] + distance * np.sin(angle), camera.position[1] + distance * np.cos(angle)
    slope = (terrain.height(e, n) - camera.position[2]) / distance
    known = np.isfinite(slope)
    horizon = np.maximum.accumulate(np.where(known, slope, -np.inf), axis=1)
    previous = np.concatenate([np.full((azimuths, 1), -np.inf), horizon[:, :-1]], axis=1)
    out: npt.NDArray[np.bool_] = known & (slope >= previous)
    return out
