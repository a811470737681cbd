"""WGS84, earth-centred and local east-north-up coordinates; refraction of sight lines. Metres, degrees."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from parksight.physics.inputs import known

F64 = npt.NDArray[np.float64]

_A = 6_378_137.0
_E2 = 6.69437999014e-3
EARTH_RADIUS = 6_371_000.0
REFRACTION = 0.13


def ecef(longitude_deg: npt.ArrayLike, latitude_deg: npt.ArrayLike, height: npt.ArrayLike) -> F64:
    """WGS84 longitude, latitude, ellipsoidal height to earth-centred metres, shape (…, 3)."""
    known(longitude_deg=longitude_deg, latitude_deg=latitude_deg, height=height)
    lon, lat = (
        np.radians(np.asarray(longitude_deg, dtype=np.float64)),
        np.radians(np.asarray(latitude_deg, dtype=np.float64)),
    )
    h = np.asarray(height, dtype=np.float64)
    n = _A / np.sqrt(1 - _E2 * np.sin(lat) ** 2)
    out: F64 = np.stack(
        np.broadcast_arrays(
            (n + h) * np.cos(lat) * np.cos(lon),
            (n + h) * np.cos(lat) * np.sin(lon),
            (n * (1 - _E2) + h) * np.sin(lat),
        ),
        axis=-1,
    )
    return out


def _enu_matrix(longitude_deg: float, latitude_deg: float) -> F64:
    lon, lat = math.radians(longitude_deg), math.radians(latitude_deg)
    sl, cl, sp, cp = math.sin(lon), math.cos(lon), math.sin(lat), math.cos(lat)
    return np.array([[-sl, cl, 0.0], [-sp * cl, -sp * sl, cp], [cp * cl, cp * sl, sp]])


def to_enu(
    longitude_deg: npt.ArrayLike,
    latitude_deg: npt.ArrayLike,
    height: npt.ArrayLike,
    origin: tuple[float, float, float],
) -> F64:
    """East, north, up of points seen from ``origin`` (lon, lat, height), m, shape (…, 3); full ellipsoid."""
    delta = ecef(longitude_deg, latitude_deg, height) - ecef(*origin)
    out: F64 = delta @ _enu_matrix(origin[0], origin[1]).T
    return out


def from_enu(enu: npt.ArrayLike, origin: tuple[float, float, float]) -> F64:
    """Inverse of :func:`to_enu`: (lon, lat, height), shape (…, 3); Bowring's method, below a millimetre."""
    known(enu=enu)
    xyz = np.asarray(enu, dtype=np.float64) @ _enu_matrix(origin[0], origin[1]) + ecef(*origin)
    x, y, z = xyz[..., 0], xyz[..., 1], xyz[..., 2]
    b = _A * math.sqrt(1 - _E2)
    p = np.hypot(x, y)
    theta = np.arctan2(z * _A, p * b)
    lat = np.arctan2(z + _E2 / (1 - _E2) * b * np.sin(theta) ** 3, p - _E2 * _A * np.cos(theta) ** 3)
    n = _A / np.sqrt(1 - _E2 * np.sin(lat) ** 2)
    out: F64 = np.stack([np.degrees(np.arctan2(y, x)), np.degrees(lat), p / np.cos(lat) - n], axis=-1)
    return out


def refracted(enu: F64) -> F64:
    """Apparent position: points rise by ``k d^2 / (2R)``."""
    out = np.array(enu, dtype=np.float64)
    out[..., 2] += REFRACTION * (out[..., 0] ** 2 + out[..., 1] ** 2) / (2 * EARTH_RADIUS)
    return out
