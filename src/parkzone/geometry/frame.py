"""The zone's own axes: u along the main avenue, v across it, metres from the centre.

The street grid is turned 13 degrees clockwise from east; longitude and latitude come from a local
equirectangular projection on the sphere of 6371.0088 km, good to 0.1 % over the zone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

LON0, LAT0 = 120.77, 41.80
METRES_PER_DEGREE = 6_371_008.8 * math.pi / 180
KX = METRES_PER_DEGREE * math.cos(math.radians(LAT0))
KY = METRES_PER_DEGREE
TURN = math.radians(-13.0)
_COS, _SIN = math.cos(TURN), math.sin(TURN)
#: One unit in the sixth decimal of a degree is about 0.1 m.
GRID_DEG = 1e-6

Point = tuple[float, float]
F64 = npt.NDArray[np.float64]


@overload
def to_xy(u: float, v: float) -> Point: ...


@overload
def to_xy(u: F64, v: F64) -> tuple[F64, F64]: ...


def to_xy(u: Any, v: Any) -> Any:
    """Metres east and north of the centre."""
    return u * _COS - v * _SIN, u * _SIN + v * _COS


def to_lonlat(u: float, v: float) -> Point:
    """Longitude and latitude in degrees, WGS 84, six decimals."""
    x, y = to_xy(u, v)
    return round(LON0 + x / KX, 6), round(LAT0 + y / KY, 6)


def to_uv(x: F64, y: F64) -> tuple[F64, F64]:
    """Zone axes of metres east and north; inverse of :func:`to_xy`."""
    return x * _COS + y * _SIN, -x * _SIN + y * _COS


def lonlat_of(x: float, y: float) -> Point:
    """Degrees of metres east and north of the centre, six decimals; inverse of :func:`xy_of`."""
    return round(LON0 + x / KX, 6), round(LAT0 + y / KY, 6)


def xy_of(lon: float, lat: float) -> Point:
    """Metres east and north of the centre, from degrees."""
    return (lon - LON0) * KX, (lat - LAT0) * KY


def point(u: float, v: float) -> dict[str, Any]:
    """GeoJSON Point of a place in zone axes."""
    return {"type": "Point", "coordinates": list(to_lonlat(u, v))}


def line(points: Iterable[Point]) -> dict[str, Any]:
    """GeoJSON LineString of places in zone axes."""
    return {"type": "LineString", "coordinates": [list(to_lonlat(*p)) for p in points]}


def polygon(points: Sequence[Point]) -> dict[str, Any]:
    """GeoJSON Polygon of a simple open ring in zone axes, counter-clockwise as RFC 7946 asks."""
    ring = [list(to_lonlat(*p)) for p in points]
    area = sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, ring[1:] + ring[:1], strict=True))
    if area < 0:
        ring.reverse()
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}


def _degrees(uv: F64) -> F64:
    x = uv[:, 0] * _COS - uv[:, 1] * _SIN
    y = uv[:, 0] * _SIN + uv[:, 1] * _COS
    return np.column_stack((LON0 + x / KX, LAT0 + y / KY))


def shape(geometry: BaseGeometry) -> dict[str, Any]:
    """GeoJSON of a shapely polygon or multipolygon in zone axes, snapped to the grid and still valid."""
    snapped = shapely.set_precision(shapely.transform(geometry, _degrees), GRID_DEG)
    parts = [p for p in shapely.get_parts(snapped) if p.geom_type == "Polygon" and not p.is_empty]
    rings = [
        [_ring(p.exterior), *(_ring(hole) for hole in p.interiors)] for p in map(shapely.normalize, parts)
    ]
    # shapely normalises shells clockwise; RFC 7946 wants them the other way round
    rings = [[ring[::-1] for ring in part] for part in rings]
    if len(rings) == 1:
        return {"type": "Polygon", "coordinates": rings[0]}
    return {"type": "MultiPolygon", "coordinates": rings}


def _ring(ring: Any) -> list[list[float]]:
    return [[round(float(x), 6), round(float(y), 6)] for x, y in ring.coords]


def rectangle(u: float, v: float, width: float, depth: float, turn: float = 0.0) -> list[Point]:
    """Corners of a rectangle around its centre, counter-clockwise, turned by radians."""
    c, s = math.cos(turn), math.sin(turn)
    corners = (
        (-width / 2, -depth / 2),
        (width / 2, -depth / 2),
        (width / 2, depth / 2),
        (-width / 2, depth / 2),
    )
    return [(u + a * c - b * s, v + a * s + b * c) for a, b in corners]


def circle(u: float, v: float, radius: float, corners: int = 24) -> list[Point]:
    """Regular polygon around a centre."""
    steps = (2 * math.pi * i / corners for i in range(corners))
    return [(u + radius * math.cos(a), v + radius * math.sin(a)) for a in steps]
