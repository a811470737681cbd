"""Triangles of the park: walls, roofs, tanks, trees, each with a colour, a material and wall coordinates.

Collected in zone axes and height, converted at the end and at once to metres in one frame: east, north, up at the
zone's centre, on the WGS 84 ellipsoid. Footprints are those of the map, rounded as the map rounds them, so that a label
at a registered place meets its body in the picture.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from math import cos, sin

import numpy as np
import numpy.typing as npt

from parksight.physics import geodesy
from parkzone.geometry import frame

F64 = npt.NDArray[np.float64]
CENTRE = (frame.LON0, frame.LAT0, 0.0)
VERTEX = np.dtype([("at", "<f4", 3), ("normal", "u1", 4), ("colour", "u1", 4), ("wall", "<f4", 2)])


class Material(IntEnum):
    PLAIN = 0
    WINDOWS = 1
    SHED = 2
    TANK = 3
    STACK = 4
    LEAVES = 5
    GROUND = 6
    ROAD = 7
    STEEL = 8


def lonlat(uv: F64) -> F64:
    """Degrees (…, 2) of places in zone axes, not rounded."""
    x, y = frame.to_xy(uv[..., 0], uv[..., 1])
    return np.stack([frame.LON0 + x / frame.KX, frame.LAT0 + y / frame.KY], axis=-1)


def placed(uv: F64, height: npt.ArrayLike, *, snapped: bool = True) -> F64:
    """East, north, up at the zone's centre of places in zone axes; ``snapped`` to the grid of the map."""
    degrees = lonlat(uv)
    if snapped:
        degrees = np.round(degrees, 6)
    return geodesy.to_enu(degrees[..., 0], degrees[..., 1], height, CENTRE)


@dataclass
class Soup:
    """Triangles being collected, three vertices each; ``snapped``: their places are those of the map's grid."""

    snapped: bool = True
    places: list[F64] = field(default_factory=list)
    rows: list[npt.NDArray[np.void]] = field(default_factory=list)

    def add(
        self, place: F64, normal: F64, colour: npt.ArrayLike, material: npt.ArrayLike, wall: F64 | None = None
    ) -> None:
        """Append triangles: ``place`` (n, 3) as u, v, height; ``normal`` (n, 3); ``colour`` 0..1; ``wall`` (n, 2)."""
        rows = np.zeros(len(place), VERTEX)
        turned = np.stack([*frame.to_xy(normal[:, 0], normal[:, 1]), normal[:, 2]], axis=1)
        rows["normal"][:, :3] = np.clip(np.round(turned * 127) + 128, 1, 255)
        rows["colour"][:, :3] = np.clip(np.round(np.asarray(colour) * 255), 0, 255)
        rows["colour"][:, 3] = material
        if wall is not None:
            rows["wall"] = wall
        self.places.append(place)
        self.rows.append(rows)

    def vertices(self) -> npt.NDArray[np.void]:
        if not self.rows:
            return np.zeros(0, VERTEX)
        rows, place = np.concatenate(self.rows), np.concatenate(self.places)
        rows["at"] = placed(place[:, :2], place[:, 2], snapped=self.snapped)
        return rows


def prisms(
    soup: Soup,
    rings: F64,
    base: F64,
    top: F64,
    colour: F64,
    roof: F64,
    material: npt.NDArray[np.uint8],
    smooth: bool,
) -> None:
    """Bodies over counter-clockwise rings of equally many corners.

    Args:
        rings: (k, n, 2) in zone axes. base, top: (k,). colour, roof: (k, 3) of walls and roof.
        smooth: shade the walls as one round one.
    """
    k, n = rings.shape[:2]
    edge = np.roll(rings, -1, axis=1) - rings
    length = np.linalg.norm(edge, axis=2)
    outward = np.zeros((k, n, 3))
    outward[..., 0], outward[..., 1] = edge[..., 1], -edge[..., 0]
    outward /= np.maximum(length, 1e-6)[..., None]
    left = right = outward
    if smooth:
        left = outward + np.roll(outward, 1, axis=1)
        left /= np.maximum(np.linalg.norm(left, axis=2), 1e-6)[..., None]
        right = np.roll(left, -1, axis=1)
    ends = np.cumsum(length, axis=1)
    a, b = ends - length, ends
    foot, tall = np.zeros((k, n)), np.broadcast_to((top - base)[:, None], (k, n))
    low = np.concatenate([rings, np.broadcast_to(base[:, None, None], (k, n, 1))], axis=2)
    high = np.concatenate([rings, np.broadcast_to(top[:, None, None], (k, n, 1))], axis=2)
    low2, high2 = np.roll(low, -1, axis=1), np.roll(high, -1, axis=1)
    place = np.stack([low, low2, high2, low, high2, high], axis=2).reshape(-1, 3)
    normal = np.stack([left, right, right, left, right, left], axis=2).reshape(-1, 3)
    wall = np.stack(
        [np.stack(c, axis=2) for c in ((a, foot), (b, foot), (b, tall), (a, foot), (b, tall), (a, tall))],
        axis=2,
    ).reshape(-1, 2)
    soup.add(place, normal, np.repeat(colour, n * 6, axis=0), np.repeat(material, n * 6), wall)
    fan = np.stack([np.zeros(n - 2, np.intp), np.arange(1, n - 1), np.arange(2, n)], axis=1).ravel()
    cover = high[:, fan].reshape(-1, 3)
    up = np.broadcast_to([0.0, 0.0, 1.0], cover.shape)
    soup.add(cover, up, np.repeat(roof, len(fan), axis=0), Material.PLAIN)


def trees(soup: Soup, uv: F64, height: F64, colour: F64) -> None:
    """Crowns of two four-sided pyramids: (k, 2), (k,), (k, 3)."""
    k = len(uv)
    corner = np.array([[cos(a), sin(a)] for a in (0.4, 1.97, 3.54, 5.11)])
    middle = np.empty((k, 4, 3))
    middle[..., :2] = uv[:, None] + height[:, None, None] * 0.3 * corner
    middle[..., 2] = (height * 0.42)[:, None]
    tip, foot = np.empty((k, 4, 3)), np.empty((k, 4, 3))
    tip[..., :2] = foot[..., :2] = uv[:, None]
    tip[..., 2], foot[..., 2] = height[:, None], 0.2
    side = np.broadcast_to(np.concatenate([corner * 0.8, np.full((4, 1), 0.6)], axis=1), (k, 4, 3))
    under = side * [1.0, 1.0, -1.0]
    following = np.roll(middle, -1, axis=1)
    place = np.stack([middle, following, tip, following, middle, foot], axis=2).reshape(-1, 3)
    normal = np.stack(
        [side, np.roll(side, -1, axis=1), side, np.roll(under, -1, axis=1), under, under], axis=2
    )
    soup.add(place, normal.reshape(-1, 3), np.repeat(colour, 24, axis=0), Material.LEAVES)


def lone(soup: Soup, boxes: F64, colour: tuple[float, float, float], material: Material) -> None:
    """Upright boxes along the axes: rows of u, v, half width, half depth, base, top."""
    corner = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    rings = boxes[:, None, :2] + corner * boxes[:, None, 2:4]
    paint = np.broadcast_to(colour, (len(boxes), 3))
    prisms(
        soup,
        rings,
        boxes[:, 4],
        boxes[:, 5],
        paint,
        paint,
        np.full(len(boxes), material, np.uint8),
        smooth=False,
    )
