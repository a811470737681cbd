"""Unsteady passive dispersion: Gaussian puffs that drift with a changing wind, summed as one matrix product.

With sigma_x = sigma_y every puff factorises on a north-aligned grid: ``C = B^T A`` with
``A[p,i] = exp(-(x_i-X_p)^2 / 2 s_p^2)`` and ``B[p,j] = w_p exp(-(y_j-Y_p)^2 / 2 s_p^2)``, so a map costs one matrix
product instead of a loop over puffs. Positions in m, times in s, masses in kg, concentrations in kg/m3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from parksight.physics.atmosphere import SurfaceLayer
from parksight.physics.inputs import known, not_negative, positive
from parksight.physics.plume import NEAREST_M, SpreadTable, spread_table, vertical_factor

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class WindSeries:
    """Wind at regular steps: speed (m/s at the plume's height scale 2 m) and direction from (degrees)."""

    start: float
    step: float
    speed: F64
    from_deg: F64

    def __post_init__(self) -> None:
        known(start=self.start)
        positive(step=self.step)
        if len(self.speed) != len(self.from_deg) or len(self.speed) == 0:
            raise ValueError("a wind series needs a positive step and as many speeds as directions")
        if not (np.isfinite(self.speed).all() and np.isfinite(self.from_deg).all()):
            raise ValueError("a wind series may have no gaps: fill them, labelled, before")

    def displacement(self, begin: npt.ArrayLike, end: float) -> tuple[F64, F64, F64]:
        """East and north displacement and path length of air from times ``begin`` to ``end``, m."""
        edges = self.start + self.step * np.arange(len(self.speed) + 1)
        angle = np.radians(self.from_deg)
        vx, vy = -self.speed * np.sin(angle), -self.speed * np.cos(angle)
        cx, cy, cs = (np.concatenate([[0.0], np.cumsum(v * self.step)]) for v in (vx, vy, self.speed))

        def until(cumulative: F64, rate: F64, t: F64) -> F64:
            # Before the first and after the last step the first and last wind go on.
            before, after = np.minimum(t - edges[0], 0.0), np.maximum(t - edges[-1], 0.0)
            out: F64 = np.interp(t, edges, cumulative) + before * rate[0] + after * rate[-1]
            return out

        b, e = np.asarray(begin, dtype=np.float64), np.asarray(end, dtype=np.float64)
        return tuple(until(c, v, e) - until(c, v, b) for c, v in ((cx, vx), (cy, vy), (cs, self.speed)))  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class Puffs:
    """A set of puffs at one instant: arrays of one length."""

    x: F64
    y: F64
    mass: F64
    sigma: F64
    sigma_z: F64
    height: float
    lid: float


def released(
    x: float, y: float, height: float, rate: npt.ArrayLike, release_times: npt.ArrayLike, interval: float,
    now: float, wind: WindSeries, layer: SurfaceLayer, table: SpreadTable | None = None,
) -> Puffs:  # fmt: skip
    """Puffs that approximate a continuous or finite release at time ``now``.

    Args:
        rate: kg/s at each release time, shape (n,).
        release_times: start of each puff's release interval, s; puffs later than ``now`` do not exist yet.
        interval: seconds of release that each puff carries.
        wind: the plume is advected with it; spread grows along each puff's own path.
    """
    known(x=x, y=y, release_times=release_times, now=now)
    not_negative(height=height)
    times, rates = np.asarray(release_times, dtype=np.float64), np.asarray(rate, dtype=np.float64)
    times, rates = np.broadcast_arrays(times, rates)
    if not interval > 0 or np.any(~(rates >= 0)):
        raise ValueError("a release needs a positive interval and rates of 0 or more")
    age = times + interval / 2.0
    out = age < now
    dx, dy, path = wind.displacement(age[out], now)
    sy, sz, _ = (table or spread_table(layer)).at(np.maximum(path, NEAREST_M))
    return Puffs(x + dx, y + dy, rates[out] * interval, sy, sz, height, layer.mixing_height)


def field(
    puffs: Puffs, grid_x: npt.ArrayLike, grid_y: npt.ArrayLike, z: float = 1.5
) -> npt.NDArray[np.float32]:
    """Concentration on a grid, shape (len(grid_y), len(grid_x)), kg/m3, by the separable matrix form.

    Single precision keeps 1e-6 of the maximum, ample for a map; use :func:`at` for receptors.
    """
    gx, gy = np.asarray(grid_x, dtype=np.float64), np.asarray(grid_y, dtype=np.float64)
    if puffs.x.size == 0:
        return np.zeros((gy.size, gx.size), dtype=np.float32)
    a, b = _factors(puffs, gx, gy, z)
    return np.asarray(b.T @ a, dtype=np.float32)


def field_exact(puffs: Puffs, grid_x: npt.ArrayLike, grid_y: npt.ArrayLike, z: float = 1.5) -> F64:
    """:func:`field` in double precision, for the proofs."""
    gx, gy = np.asarray(grid_x, dtype=np.float64), np.asarray(grid_y, dtype=np.float64)
    weight = _weights(puffs, z)
    a = np.exp(-0.5 * ((gx - puffs.x[:, None]) / puffs.sigma[:, None]) ** 2)
    b = weight[:, None] * np.exp(-0.5 * ((gy - puffs.y[:, None]) / puffs.sigma[:, None]) ** 2)
    out: F64 = b.T @ a
    return out


def at(puffs: Puffs, x: npt.ArrayLike, y: npt.ArrayLike, z: float = 1.5) -> F64:
    """Concentration at receptors by direct sum, kg/m3; shape of the broadcast receptors."""
    xx, yy = np.broadcast_arrays(np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64))
    weight = _weights(puffs, z)
    r2 = (xx[..., None] - puffs.x) ** 2 + (yy[..., None] - puffs.y) ** 2
    out: F64 = (weight * np.exp(-0.5 * r2 / puffs.sigma**2)).sum(axis=-1)
    return out


def _weights(puffs: Puffs, z: float) -> F64:
    vertical = vertical_factor(z, puffs.height, puffs.sigma_z, puffs.lid)
    out: F64 = puffs.mass * vertical / (2.0 * math.pi * puffs.sigma**2)
    return out


def _factors(
    puffs: Puffs, gx: F64, gy: F64, z: float
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    inverse = (1.0 / (puffs.sigma * math.sqrt(2.0))).astype(np.float32)[:, None]
    origin_x, origin_y = float(puffs.x.mean()), float(puffs.y.mean())  # keeps single precision near the puffs
    px, py = (
        (puffs.x - origin_x).astype(np.float32)[:, None],
        (puffs.y - origin_y).astype(np.float32)[:, None],
    )
    a = ((gx - origin_x).astype(np.float32) - px) * inverse
    b = ((gy - origin_y).astype(np.float32) - py) * inverse
    # exp(-80) is nothing, and clipping keeps the slow denormals of single precision out of the product.
    np.exp(-np.minimum(a * a, 80.0), out=a)
    np.exp(-np.minimum(b * b, 80.0), out=b)
    weight = _weights(puffs, z)
    b *= weight.astype(np.float32)[:, None]
    return a, b
