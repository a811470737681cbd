"""Camera geometry: from ENU to pixel and back, aiming, zoom, and the choice of a camera.

Angles in radians; pan clockwise from north, tilt upward; ENU metres; pixel (u, v) from the upper left corner. Pinhole with
radial distortion and a zoom curve.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from parksight.physics.geodesy import refracted
from parksight.physics.inputs import known, positive

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pose:
    """Where the head points: pan and tilt (radians) and zoom factor (>= 1) as the camera reports them."""

    pan: float
    tilt: float
    zoom: float = 1.0

    def __post_init__(self) -> None:
        known(pan=self.pan, tilt=self.tilt, zoom=self.zoom)


@dataclass(frozen=True, slots=True)
class Camera:
    """A calibrated pan-tilt-zoom camera.

    Attributes:
        origin: (lon, lat, ellipsoidal height) the ENU frame is fixed to.
        position: optical centre in that frame, m.
        pan0, tilt0: what must be added to the reported angles, rad.
        axis_x, axis_y: tilt of the mount, rad. roll: rad.
        focal: focal length at zoom 1, px. zoom1, zoom2: ``F = focal z (1 + zoom1 ln z + zoom2 ln^2 z)``.
        k1, k2: radial distortion. size: picture (width, height), px.
    """

    origin: tuple[float, float, float]
    position: tuple[float, float, float] = (0.0, 0.0, 0.0)
    pan0: float = 0.0
    tilt0: float = 0.0
    axis_x: float = 0.0
    axis_y: float = 0.0
    roll: float = 0.0
    focal: float = 1000.0
    zoom1: float = 0.0
    zoom2: float = 0.0
    k1: float = 0.0
    k2: float = 0.0
    size: tuple[int, int] = (1280, 720)

    def __post_init__(self) -> None:
        known(
            position=self.position, pan0=self.pan0, tilt0=self.tilt0, axis_x=self.axis_x, axis_y=self.axis_y,
            roll=self.roll, zoom1=self.zoom1, zoom2=self.zoom2, k1=self.k1, k2=self.k2,
        )  # fmt: skip
        positive(focal=self.focal, size=self.size)

    def focal_at(self, zoom: float) -> float:
        """Focal length at a zoom, px; ValueError below zoom 1."""
        if not zoom >= 1.0:
            raise ValueError(f"a zoom factor is 1 or more, not {zoom}")
        ln = math.log(zoom)
        return self.focal * zoom * (1 + self.zoom1 * ln + self.zoom2 * ln * ln)

    def rotation(self, pose: Pose) -> F64:
        """World (ENU) to camera axes (right, down, forward), 3x3."""
        a, e = pose.pan + self.pan0, pose.tilt + self.tilt0
        forward = np.array([math.sin(a) * math.cos(e), math.cos(a) * math.cos(e), math.sin(e)])
        right = np.array([math.cos(a), -math.sin(a), 0.0])
        head = np.stack([right, np.cross(forward, right), forward])
        c, s = math.cos(self.roll), math.sin(self.roll)
        out: F64 = (
            np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
            @ head
            @ _rodrigues(self.axis_x, self.axis_y).T
        )
        return out

    def project(
        self, enu: npt.ArrayLike, pose: Pose, *, refraction: bool = True
    ) -> tuple[F64, npt.NDArray[np.bool_]]:
        """Pixels of ENU points (…, 3), and whether each lies in front and inside the monotone lens range.

        Pixels of points that do not are NaN. Without ``refraction`` it is the exact inverse of :meth:`ray`.
        """
        v = np.asarray(enu, dtype=np.float64) - np.asarray(self.position)
        v = (refracted(v) if refraction else v) @ self.rotation(pose).T
        ahead = v[..., 2] > 1e-6
        depth = np.where(ahead, v[..., 2], 1.0)
        x, y = v[..., 0] / depth, v[..., 1] / depth
        r2 = x * x + y * y
        seen = ahead & (r2 < self._monotone_r2())
        s = 1 + self.k1 * r2 + self.k2 * r2 * r2
        f = self.focal_at(pose.zoom)
        out = np.stack([self.size[0] / 2 + f * x * s, self.size[1] / 2 + f * y * s], axis=-1)
        out[~seen] = np.nan
        return out, seen

    def ray(self, pixel: npt.ArrayLike, pose: Pose) -> F64:
        """Unit vectors (ENU), shape (…, 3), through pixels (…, 2), to 1e-9 of a focal length; inverse of :func:`project` without refraction."""
        known(pixel=pixel)
        p = np.asarray(pixel, dtype=np.float64)
        f = self.focal_at(pose.zoom)
        xd, yd = (p[..., 0] - self.size[0] / 2) / f, (p[..., 1] - self.size[1] / 2) / f
        distorted = np.hypot(xd, yd)
        r = np.minimum(distorted, math.sqrt(self._monotone_r2()))
        for _ in range(
            30
        ):  # Newton on r (1 + k1 r^2 + k2 r^4) = distorted, which rises up to the monotone limit
            miss = r * (1 + self.k1 * r**2 + self.k2 * r**4) - distorted
            slope = np.maximum(1 + 3 * self.k1 * r**2 + 5 * self.k2 * r**4, 1e-3)
            r = np.clip(r - miss / slope, 0.0, math.sqrt(self._monotone_r2()))
        if np.any(np.abs(r * (1 + self.k1 * r**2 + self.k2 * r**4) - distorted) > 1e-9):
            raise ValueError("a pixel lies outside the range in which the lens model holds")
        scale = np.where(distorted > 0, r / np.where(distorted > 0, distorted, 1.0), 1.0)
        x, y = xd * scale, yd * scale
        d = np.stack([x, y, np.ones_like(x)], axis=-1) @ self.rotation(pose)
        out: F64 = d / np.linalg.norm(d, axis=-1, keepdims=True)
        return out

    def field_of_view(self, zoom: float) -> float:
        """Horizontal field of view, radians."""
        return 2 * math.atan(self.size[0] / (2 * self.focal_at(zoom)))

    def aim(
        self, enu: npt.ArrayLike, *, width: float | None = None, fill: float = 0.25, most_zoom: float = 30.0
    ) -> Pose:
        """The pose that centres a point; with ``width`` (m) zooms so that it spans ``fill`` of the picture's width."""
        v = refracted(np.asarray(enu, dtype=np.float64) - np.asarray(self.position))
        distance = float(np.linalg.norm(v))
        if distance < 0.5:
            raise ValueError("the target stands at the camera itself")
        zoom = 1.0
        if width is not None:
            wanted = fill * self.size[0] * distance / width
            zoom = float(np.clip(wanted / self.focal, 1.0, most_zoom))
            for _ in range(20):
                zoom = float(np.clip(zoom * wanted / self.focal_at(zoom), 1.0, most_zoom))
        pose = Pose(
            math.atan2(v[0], v[1]) - self.pan0, math.atan2(v[2], math.hypot(v[0], v[1])) - self.tilt0, zoom
        )
        for _ in range(6):  # Newton on the whole model: mount tilt and roll bend the straight answer
            d = self.rotation(pose) @ (v / distance)
            pose = replace(
                pose,
                pan=pose.pan + math.atan2(d[0], d[2]) / max(math.cos(pose.tilt + self.tilt0), 0.05),
                tilt=pose.tilt - math.atan2(d[1], d[2]),
            )
        return replace(pose, pan=math.remainder(pose.pan, 2 * math.pi))

    def _monotone_r2(self) -> float:
        """Largest r^2 at which distorted radius still grows."""
        r = np.linspace(0.0, 4.0, 2001)
        slope = 1 + 3 * self.k1 * r**2 + 5 * self.k2 * r**4
        bad = np.flatnonzero(slope <= 0)
        return float(r[bad[0]] ** 2) if bad.size else math.inf


def _rodrigues(ax: float, ay: float) -> F64:
    angle = math.hypot(ax, ay)
    if angle < 1e-15:
        return np.eye(3)
    x, y = ax / angle, ay / angle
    k = np.array([[0.0, 0.0, y], [0.0, 0.0, -x], [-y, x, 0.0]])
    out: F64 = np.eye(3) + math.sin(angle) * k + (1 - math.cos(angle)) * (k @ k)
    return out


@dataclass(frozen=True, slots=True)
class Candidate:
    """A camera that could turn to a place: visible, range (m), slew (rad), locked by an operator, busy; farthest m."""

    key: str
    visible: bool
    distance: float
    slew: float
    locked: bool = False
    busy: bool = False
    farthest: float = 3000.0

    def __post_init__(self) -> None:
        known(distance=self.distance, slew=self.slew, farthest=self.farthest)


def choose(
    candidates: Sequence[Candidate],
    *,
    slew_speed: float = math.radians(60),
    metres_per_second: float = 500.0,
    busy_cost: float = 2.0,
) -> list[str]:
    """Cameras fit to look at a place, best first: visible and in range, by slew time + distance cost + busy penalty.

    A camera locked by an operator is never taken.
    """
    fit = [c for c in candidates if c.visible and not c.locked and c.distance <= c.farthest]
    return [
        c.key
        for c in sorted(
            fit,
            key=lambda c: (
                abs(c.slew) / slew_speed + c.distance / metres_per_second + (busy_cost if c.busy else 0.0),
                c.key,
            ),
        )
    ]
