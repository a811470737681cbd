"""What an alarm means on the map: threat zones, arrival and duration, toxic load, who and what lies inside.

Concentration fields in, WGS84 polygons and index arrays out. Screening products: flat ground, no buildings in the flow;
not an order to evacuate.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from contourpy import contour_generator
from shapely import MultiPolygon, Polygon, contains_xy, make_valid, prepare

from parksight.physics.atmosphere import CALM_M_S, SurfaceLayer
from parksight.physics.geodesy import from_enu
from parksight.physics.inputs import not_negative, positive
from parksight.physics.plume import Source, concentration, spread_table

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Grid:
    """A local north-aligned grid around an origin (lon, lat): metres east ``x`` and north ``y``."""

    origin: tuple[float, float]
    x: F64
    y: F64

    @classmethod
    def around(cls, origin: tuple[float, float], half_width: float, cells: int = 400) -> Grid:
        if not half_width > 0 or cells < 8:
            raise ValueError("a grid needs a half-width above 0 m and at least 8 cells")
        axis = np.linspace(-half_width, half_width, cells)
        return cls(origin, axis, axis.copy())

    def mesh(self) -> tuple[F64, F64]:
        return np.meshgrid(self.x, self.y)

    def lonlat(self, x: npt.ArrayLike, y: npt.ArrayLike) -> F64:
        """WGS84 (…, 2) of grid coordinates."""
        xx, yy = np.broadcast_arrays(np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64))
        enu = np.stack([xx, yy, np.zeros_like(xx)], axis=-1)
        return from_enu(enu, (*self.origin, 0.0))[..., :2]


@dataclass(frozen=True, slots=True)
class Zone:
    """A threat zone: threshold, polygon in grid metres, area m2, farthest distance from the origin m."""

    threshold: float
    polygon: MultiPolygon
    area: float
    reach: float

    def geojson(self, grid: Grid) -> dict[str, Any]:
        """MultiPolygon geometry in WGS84 (RFC 7946)."""

        def ring(line: Any) -> list[list[float]]:
            xy = np.asarray(line.coords)
            return [[round(float(a), 7), round(float(b), 7)] for a, b in grid.lonlat(xy[:, 0], xy[:, 1])]

        return {
            "type": "MultiPolygon",
            "coordinates": [[ring(p.exterior), *(ring(i) for i in p.interiors)] for p in self.polygon.geoms],
        }


def zones(grid: Grid, field: npt.ArrayLike, thresholds: Sequence[float]) -> list[Zone]:
    """Zones where the field reaches each threshold, same order; an empty zone has area 0.

    Args:
        field: shape (len(y), len(x)); any quantity.

    Raises ValueError for a field with NaN, a wrong shape, thresholds not above 0, or a zone cut off by the grid's edge
    (take a larger grid: a cut zone reads as a safe border).
    """
    f = np.asarray(field, dtype=np.float64)
    if f.shape != (grid.y.size, grid.x.size):
        raise ValueError(f"the field must have the shape {(grid.y.size, grid.x.size)}, not {f.shape}")
    if np.isnan(f).any():
        raise ValueError("the field has unknown cells: a zone may not be drawn around them")
    edge = max(float(f[0].max()), float(f[-1].max()), float(f[:, 0].max()), float(f[:, -1].max()))
    found = []
    generator: Any = contour_generator(grid.x, grid.y, f, fill_type="OuterOffset")
    for threshold in thresholds:
        if not threshold > 0:
            raise ValueError(f"a threshold must be above 0, not {threshold}")
        if edge >= threshold:
            raise ValueError(f"the zone of {threshold:g} reaches the edge of the grid: take a larger one")
        outer, offsets = generator.filled(threshold, math.inf)
        parts: list[Polygon] = []
        for points, offset in zip(outer, offsets, strict=True):
            rings = [points[a:b] for a, b in pairwise(offset) if b - a >= 4]
            if rings:
                parts += _polygons(make_valid(Polygon(rings[0], rings[1:])))
        shape = MultiPolygon(parts)
        reach = max((float(np.hypot(*np.asarray(p.exterior.coords).T).max()) for p in parts), default=0.0)
        found.append(Zone(threshold, shape, float(shape.area), reach))
    return found


def inside(zone: Zone, x: npt.ArrayLike, y: npt.ArrayLike) -> npt.NDArray[np.intp]:
    """Indices of the points (grid metres) inside a zone: people, sites, road nodes."""
    if zone.polygon.is_empty:
        return np.empty(0, dtype=np.intp)
    prepare(zone.polygon)
    out: npt.NDArray[np.intp] = np.flatnonzero(
        contains_xy(zone.polygon, np.asarray(x, dtype=float), np.asarray(y, dtype=float))
    )
    return out


@dataclass(frozen=True, slots=True)
class Exposure:
    """What receptors meet: first time above the threshold (s, NaN = never), time above it (s), toxic load, maximum."""

    arrival: F64
    duration: F64
    load: F64
    maximum: F64


def exposure(series: npt.ArrayLike, step: float, threshold: float, exponent: float = 1.0) -> Exposure:
    """Exposure of receptors from concentration series, shape (receptors, times) at a step of seconds.

    The load is ``sum C^n dt`` over the frames, never the mean to the n.
    """
    c = np.asarray(series, dtype=np.float64)
    if c.ndim != 2 or np.isnan(c).any():
        raise ValueError("exposure needs concentrations (receptors, times) without gaps")
    positive(step=step, threshold=threshold, exponent=exponent)
    above = c >= threshold
    first = above.argmax(axis=1) * step
    return Exposure(
        np.where(above.any(axis=1), first, np.nan), above.sum(axis=1) * step, (c**exponent).sum(axis=1) * step,
        c.max(axis=1, initial=0.0),
    )  # fmt: skip


def exposure_maps(
    frames: Iterable[npt.ArrayLike], step: float, threshold: float, exponent: float = 1.0
) -> Exposure:
    """Exposure of every cell from successive fields of one shape, a step of seconds apart; holds one frame at a time.

    The maps have the shape of a frame; the load is ``sum C^n dt``, in (unit of the frames)^n s.
    Raises ValueError without a frame, or for one with gaps.
    """
    positive(step=step, threshold=threshold, exponent=exponent)
    count = 0
    empty: F64 = np.empty(0)
    arrival, duration, load, most = empty, empty, empty, empty
    for frame in frames:
        c = np.asarray(frame, dtype=np.float64)
        not_negative(concentration=c)
        if count == 0:
            arrival, duration, load, most = np.full(c.shape, np.nan), *(np.zeros(c.shape) for _ in range(3))
        above = c >= threshold
        arrival = np.where(above & np.isnan(arrival), count * step, arrival)
        duration += above * step
        load += c**exponent * step
        most = np.maximum(most, c)
        count += 1
    if count == 0:
        raise ValueError("no frame is given: there is nothing to map")
    return Exposure(arrival, duration, load, most)


@dataclass(frozen=True, slots=True)
class Band:
    """An ensemble's answer per cell: median, 10th and 90th percentile, and the share of members at or above a level."""

    median: F64
    low: F64
    high: F64

    members: npt.NDArray[np.float32]

    def probability(self, threshold: float) -> F64:
        out: F64 = (self.members >= threshold).mean(axis=0, dtype=np.float64)
        return out


def steady_field(
    grid: Grid, source: Source, wind_from_deg: float, layer: SurfaceLayer, *, z: float = 1.5
) -> npt.NDArray[np.float64]:
    """Field of a steady plume on a grid, kg/m3.

    Below 1 m/s a plume has no direction: the field is then the largest over all directions, a circle.
    """
    not_negative(z=z)
    table = spread_table(layer, 1.5 * float(np.hypot(np.abs(grid.x).max(), np.abs(grid.y).max())) + 10.0)
    xx, yy = grid.mesh()
    if float(layer.wind(10.0)) >= CALM_M_S:
        return concentration(xx, yy, z, source, wind_from_deg, layer, table)
    r = np.hypot(xx - source.x, yy - source.y)
    line = Source(0.0, 0.0, source.height, source.rate)
    return concentration(0.0 * r, -r, z, line, 0.0, layer, table)


def ensemble(
    grid: Grid, source: Source, wind_from_deg: float, layer: SurfaceLayer, *, wind_sd_deg: float, rate_factor_sd: float,
    wind_factor_sd: float = 0.0, members: int = 40, seed: int = 1, z: float = 1.5,
) -> Band:  # fmt: skip
    """Uncertainty from wind direction (normal, degrees), wind speed and source strength (log-normal): real members.

    Args:
        rate_factor_sd: standard deviation of ln(rate). wind_factor_sd: of ln(wind speed); turbulence goes with it.

    The band holds 80 % of the members, not of the truth: the model's own error (FAC2) comes on top. Raises ValueError for
    fewer than 8 members, spreads below 0, or a wind direction that is unknown.
    """
    not_negative(wind_sd_deg=wind_sd_deg, rate_factor_sd=rate_factor_sd, wind_factor_sd=wind_factor_sd)
    if members < 8:
        raise ValueError(f"an ensemble needs at least 8 members, not {members}")
    rng = np.random.default_rng(seed)
    fields = np.empty((members, grid.y.size, grid.x.size), dtype=np.float32)
    for i in range(members):
        rate = source.rate * math.exp(rng.normal(0.0, rate_factor_sd))
        member = Source(source.x, source.y, source.height, rate)
        factor = math.exp(rng.normal(0.0, wind_factor_sd)) if wind_factor_sd > 0 else 1.0
        blowing = replace(
            layer, friction_velocity=layer.friction_velocity * factor,
            sigma_theta_wind=None if layer.sigma_theta_wind is None else layer.sigma_theta_wind * factor,
        )  # fmt: skip
        fields[i] = steady_field(grid, member, wind_from_deg + rng.normal(0.0, wind_sd_deg), blowing, z=z)
    low, median, high = np.percentile(fields, (10, 50, 90), axis=0)
    return Band(median, low, high, fields)


def _polygons(geometry: Any) -> list[Polygon]:
    if isinstance(geometry, Polygon):
        return [] if geometry.is_empty else [geometry]
    return [p for part in getattr(geometry, "geoms", ()) for p in _polygons(part)]
