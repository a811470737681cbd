"""GeoJSON (RFC 7946, WGS 84 longitude and latitude in degrees): checking, boxes, distances."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

MAX_VERTICES = 50_000
TYPES = frozenset({"Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon"})
#: Metres per degree of latitude, and of longitude at the equator (sphere of 6371.0088 km, IUGG mean radius).
METRES_PER_DEGREE = 6_371_008.8 * math.pi / 180


class GeometryError(ValueError):
    """What is wrong with a geometry: ``reason`` is a translation key below ``registry.geometry``."""

    def __init__(self, reason: str, **params: object) -> None:
        super().__init__(f"{reason} {params}" if params else reason)
        self.reason = f"registry.geometry.{reason}"
        self.params = params


class Box(NamedTuple):
    """Bounding box in degrees."""

    min_lon: float
    min_lat: float
    max_lon: float
    max_lat: float


def point(longitude: float, latitude: float) -> dict[str, Any]:
    """GeoJSON Point."""
    return {"type": "Point", "coordinates": [longitude, latitude]}


def parse(geometry: Mapping[str, Any], allowed: frozenset[str] = TYPES) -> BaseGeometry:
    """Checked shapely geometry of a GeoJSON geometry object.

    Raises:
        GeometryError: not a geometry, type not allowed, out of range, too many vertices, self-crossing.
    """
    kind = geometry.get("type") if isinstance(geometry, Mapping) else None
    if kind not in TYPES:
        raise GeometryError("not_geojson", type=str(kind)[:40])
    if kind not in allowed:
        raise GeometryError("type_not_allowed", type=kind, allowed=", ".join(sorted(allowed)))
    _count_vertices(geometry.get("coordinates"), 0)
    try:
        shape: BaseGeometry = shapely.from_geojson(msgspec.json.encode(geometry))
    except (shapely.errors.GEOSException, ValueError, TypeError) as error:
        raise GeometryError("not_geojson", type=str(error)[:80]) from None
    if shape is None or shape.is_empty:
        raise GeometryError("empty")
    coordinates = shapely.get_coordinates(shape)
    if not np.isfinite(coordinates).all():
        raise GeometryError("not_finite")
    outside = (np.abs(coordinates[:, 0]) > 180) | (np.abs(coordinates[:, 1]) > 90)
    if outside.any():
        lon, lat = coordinates[int(np.argmax(outside))]
        raise GeometryError("out_of_range", longitude=float(lon), latitude=float(lat))
    if not shape.is_valid:
        raise GeometryError("not_valid", detail=str(shapely.is_valid_reason(shape))[:120])
    return shape


def _count_vertices(coordinates: object, depth: int) -> int:
    """Number of positions; refuses what is too deep or too large before GEOS sees it."""
    if not isinstance(coordinates, list | tuple) or depth > 4:
        raise GeometryError("not_geojson", type=type(coordinates).__name__)
    if not coordinates:
        return 0
    if isinstance(coordinates[0], int | float):
        if not 2 <= len(coordinates) <= 4 or not all(
            isinstance(c, int | float) and not isinstance(c, bool) for c in coordinates
        ):
            raise GeometryError("not_geojson", type="position")
        return 1
    total = 0
    for part in coordinates:
        total += _count_vertices(part, depth + 1)
        if total > MAX_VERTICES:
            raise GeometryError("too_many_vertices", limit=MAX_VERTICES)
    return total


def box(geometry: Mapping[str, Any]) -> Box:
    """Bounding box of a checked GeoJSON geometry."""
    west, south, east, north = math.inf, math.inf, -math.inf, -math.inf
    waiting: list[Any] = [geometry["coordinates"]]
    while waiting:
        part = waiting.pop()
        if isinstance(part[0], list | tuple):
            waiting.extend(part)
            continue
        west, east = min(west, part[0]), max(east, part[0])
        south, north = min(south, part[1]), max(north, part[1])
    return Box(float(west), float(south), float(east), float(north))


def from_text(text: str) -> dict[str, Any]:
    """GeoJSON geometry from a table cell: GeoJSON text or WKT.

    Raises:
        GeometryError: when it is neither.
    """
    text = text.strip()
    if text.startswith("{"):
        try:
            value = msgspec.json.decode(text.encode())
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            raise GeometryError("not_geojson", type=text[:40]) from None
        if not isinstance(value, dict):
            raise GeometryError("not_geojson", type=text[:40])
        return value
    try:
        shape = shapely.from_wkt(text)
        value = msgspec.json.decode(shapely.to_geojson(shape).encode())
    except (shapely.errors.GEOSException, ValueError, AttributeError):
        raise GeometryError("not_wkt", text=text[:40]) from None
    if not isinstance(value, dict):
        raise GeometryError("not_wkt", text=text[:40])
    return value


def local_metres(longitude: float, latitude: float) -> tuple[float, float]:
    """Metres per degree of longitude and latitude around a position; good to 0.1 % within some kilometres."""
    return METRES_PER_DEGREE * math.cos(math.radians(latitude)), METRES_PER_DEGREE


def distance_m(longitude: float, latitude: float, shape: BaseGeometry) -> float:
    """Metres from a position to the nearest part of a shape, 0 inside it; for distances of a zone's size."""
    kx, ky = local_metres(longitude, latitude)
    local = shapely.transform(shape, lambda xy: (xy - (longitude, latitude)) * (kx, ky))
    return float(shapely.distance(shapely.Point(0.0, 0.0), local))
