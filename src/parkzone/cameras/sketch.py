"""Pictures without OpenGL: triangles painted from far to near. Slower and plainer, with the same geometry."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from parksight.physics.geodesy import EARTH_RADIUS, REFRACTION
from parkzone.cameras import things
from parkzone.cameras.caption import stamp
from parkzone.cameras.light import Light, light
from parkzone.cameras.scenery import Scenery
from parkzone.cameras.solids import Material
from parkzone.cameras.stage import Shot, View, view

F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]
NEAR_M = 2.0
_REACH_M = 6000.0
_MARGIN = 1.1
#: Smaller than this in px², a triangle is left out.
_LEAST_PX2 = 1.0


class Sketcher:
    """Films as :class:`renderer.Renderer` does, by the painter's way."""

    def __init__(self, scenery: Scenery, seed: int) -> None:
        self.seed = seed
        self.scenery = scenery
        self._at = scenery.vertices["at"].reshape(-1, 3, 3).astype(np.float64)
        self._normal = scenery.vertices["normal"].reshape(-1, 3, 4)[:, 0, :3] / 127.0 - 128 / 127.0
        self._colour = scenery.vertices["colour"].reshape(-1, 3, 4)[:, 0, :3] / 255.0
        self._ground = scenery.vertices["colour"].reshape(-1, 3, 4)[:, 0, 3] == Material.GROUND
        self._flat = scenery.vertices["colour"].reshape(-1, 3, 4)[:, 0, 3] == Material.ROAD
        self._balls = np.array([(*c.centre, c.radius) for c in scenery.chunks])

    def film(self, shot: Shot) -> U8:
        """The picture, RGB, (height, width, 3)."""
        seen, lit = view(shot.camera, shot.pose), light(shot.light_s)
        picture = self._sky(shot, seen, lit)
        rows = self._near(seen)
        at = _turned(self._at[rows], seen)
        at, source = _cut(at)
        rows = rows[source]
        pixels = self._pixels(shot, seen, at)
        edge = pixels[:, 1:] - pixels[:, :1]
        area = np.abs(edge[:, 0, 0] * edge[:, 1, 1] - edge[:, 0, 1] * edge[:, 1, 0]) / 2
        wide, high = shot.size
        low, top = pixels.min(axis=1), pixels.max(axis=1)
        inside = (
            (top[:, 0] > 0) & (low[:, 0] < wide) & (top[:, 1] > 0) & (low[:, 1] < high) & (area > _LEAST_PX2)
        )
        rows, pixels, depth = rows[inside], pixels[inside], np.linalg.norm(at[inside], axis=2).max(axis=1)
        # ground first, roads on it, bodies over both
        layer = np.where(self._ground[rows], 0, np.where(self._flat[rows], 1, 2))
        facing = np.clip(self._normal[rows] @ np.array(lit.towards_sun), 0.0, 1.0)[:, None]
        colour = self._colour[rows] * (np.array(lit.ambient) + np.array(lit.sun) * facing)
        haze = (1.0 - np.exp(-depth / 7000.0))[:, None]
        colour = np.clip((colour * (1 - haze) + np.array(lit.horizon) * haze) * 255, 0, 255)
        fixed = np.round(np.clip(pixels, -4000, 8000) * 16 - 8).astype(np.int32)
        for i in np.lexsort((-depth, layer)):
            cv2.fillConvexPoly(picture, fixed[i], colour[i].tolist(), cv2.LINE_8, 4)
        self._burn(picture, shot, seen)
        if shot.dark:
            picture = picture // 32
        if shot.blurred:
            picture = np.asarray(cv2.blur(picture, (wide // 45, wide // 45)), np.uint8)
        if shot.caption:
            stamp(picture, shot.caption)
        return picture

    def _near(self, seen: View) -> npt.NDArray[np.intp]:
        """Triangles of the chunks that may be in the picture."""
        at = (self._balls[:, :3] - seen.eye) @ (seen.head @ seen.level).T
        radius = self._balls[:, 3] + 2.0
        inside = (at[:, 2] > -radius) & (np.linalg.norm(at, axis=1) - radius < _REACH_M)
        for axis in (0, 1):
            tangent = seen.half_tan[axis] * _MARGIN
            inside &= (np.abs(at[:, axis]) - tangent * at[:, 2]) / math.hypot(1.0, tangent) < radius
        chosen = [c for c, shown in zip(self.scenery.chunks, inside, strict=True) if shown]
        parts = [np.arange(c.first // 3, (c.first + c.count) // 3) for c in chosen]
        return np.concatenate(parts) if parts else np.zeros(0, np.intp)

    def _pixels(self, shot: Shot, seen: View, at: F64) -> F64:
        camera = shot.camera
        x, y = at[..., 0] / at[..., 2], at[..., 1] / at[..., 2]
        r2 = np.minimum(x * x + y * y, 2.0)
        s = 1 + camera.k1 * r2 + camera.k2 * r2 * r2
        k = shot.size[0] / camera.size[0]
        u = camera.size[0] / 2 + seen.focal * x * s + shot.shift_px
        v = camera.size[1] / 2 + seen.focal * y * s
        return np.stack([u, v], axis=-1) * k

    def _sky(self, shot: Shot, seen: View, lit: Light) -> U8:
        wide, high = shot.size
        down = (np.arange(high) + 0.5) / high * 2 - 1
        ray = np.stack([np.zeros(high), down * seen.half_tan[1], np.ones(high)], axis=1) @ seen.head
        up = ray[:, 2] / np.linalg.norm(ray, axis=1)
        share = np.clip((up + 0.02) / 0.47, 0.0, 1.0)[:, None]
        colour = np.array(lit.horizon) * (1 - share) + np.array(lit.zenith) * share
        out: U8 = np.repeat(np.round(colour * 255).astype(np.uint8)[:, None], wide, axis=1)
        return out

    def _burn(self, picture: U8, shot: Shot, seen: View) -> None:
        rows = things.spots(shot.fires, shot.wall_s)
        if not len(rows):
            return
        at = _turned(rows[:, None, :3].astype(np.float64), seen)[:, 0]
        for i in np.argsort(-at[:, 2]):
            if at[i, 2] < NEAR_M:
                continue
            (u, v) = self._pixels(shot, seen, at[i][None])[0]
            radius = round(
                float(rows[i, 7]) * 0.6 * seen.focal / at[i, 2] * shot.size[0] / shot.camera.size[0]
            )
            if not (0 < radius < 400 and -400 < u < shot.size[0] + 400 and -400 < v < shot.size[1] + 400):
                continue
            over = picture.copy()
            cv2.circle(over, (round(float(u)), round(float(v))), radius, (rows[i, 3:6] * 255).tolist(), -1)
            alpha = float(rows[i, 6]) * 0.7
            cv2.addWeighted(over, alpha, picture, 1 - alpha, 0.0, dst=picture)


def _turned(at: F64, seen: View) -> F64:
    """Right, down, forward of places in the zone's frame, refraction included."""
    away = (at - seen.eye) @ seen.level.T
    away[..., 2] += REFRACTION * (away[..., 0] ** 2 + away[..., 1] ** 2) / (2 * EARTH_RADIUS)
    out: F64 = away @ seen.head.T
    return out


def _cut(at: F64) -> tuple[F64, npt.NDArray[np.intp]]:
    """Triangles cut off at the near plane; with each the row it came from."""
    behind = at[..., 2] < NEAR_M
    count = behind.sum(axis=1)
    whole = np.flatnonzero(count == 0)
    parts, sources = [at[whole]], [whole]
    for row in np.flatnonzero((count > 0) & (count < 3)):
        ring: list[F64] = []
        for k in range(3):
            a, b = at[row, k], at[row, (k + 1) % 3]
            if a[2] >= NEAR_M:
                ring.append(a)
            if (a[2] >= NEAR_M) != (b[2] >= NEAR_M):
                ring.append(a + (b - a) * ((NEAR_M - a[2]) / (b[2] - a[2])))
        for k in range(1, len(ring) - 1):
            parts.append(np.array([[ring[0], ring[k], ring[k + 1]]]))
            sources.append(np.array([row]))
    return np.concatenate(parts), np.concatenate(sources)
