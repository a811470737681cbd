"""Hills around the flat zone: gaussian bumps that fade to nothing where the zone is built."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from parkzone.geometry import frame
from parkzone.seeds import stream

F64 = npt.NDArray[np.float64]
BUMPS = 80
#: Half extent of the elevation grid east and north of the centre, and its step, m.
REACH_X, REACH_Y, STEP_M = 9000.0, 7500.0, 100.0


def height(seed: int, u: npt.ArrayLike, v: npt.ArrayLike) -> F64:
    """Height of the ground over the zone's own level at places in zone axes, m."""
    rng = stream(seed, "terrain")
    across, along = np.asarray(u, np.float64), np.asarray(v, np.float64)
    heights = np.zeros(np.broadcast(across, along).shape)
    for _ in range(BUMPS):
        cx, cy = rng.uniform(-8600, 8600), rng.uniform(-6900, 7200)
        width, top = rng.uniform(500, 1500), rng.uniform(20, 110)
        heights += top * np.exp(-((across - cx) ** 2 + (along - cy) ** 2) / (2 * width * width))
    out_u = np.maximum(0, np.abs(across) - 5100) / 800
    out_v = np.maximum(0, np.abs(along + 150) - 3350) / 650
    heights *= 1 - np.exp(-(out_u**2) - out_v**2)
    return heights


@dataclass(frozen=True)
class Relief:
    """The elevation model as a surveyor would deliver it: longitudes, latitudes (rising), heights [lat, lon]."""

    lon: F64
    lat: F64
    z: F64

    def at(self, u: npt.ArrayLike, v: npt.ArrayLike) -> F64:
        """Height between the grid's corners, bilinear; beyond its rim as at the rim."""
        x, y = frame.to_xy(np.asarray(u, np.float64), np.asarray(v, np.float64))
        fx = np.clip((x + REACH_X) / STEP_M, 0.0, self.z.shape[1] - 1.001)
        fy = np.clip((y + REACH_Y) / STEP_M, 0.0, self.z.shape[0] - 1.001)
        i, j = fx.astype(np.intp), fy.astype(np.intp)
        a, b = fx - i, fy - j
        low = self.z[j, i] * (1 - a) + self.z[j, i + 1] * a
        high = self.z[j + 1, i] * (1 - a) + self.z[j + 1, i + 1] * a
        out: F64 = low * (1 - b) + high * b
        return out


@lru_cache(maxsize=1)
def relief(seed: int) -> Relief:
    """The grid of one zone."""
    lon = frame.LON0 + np.arange(-REACH_X, REACH_X + STEP_M / 2, STEP_M) / frame.KX
    lat = frame.LAT0 + np.arange(-REACH_Y, REACH_Y + STEP_M / 2, STEP_M) / frame.KY
    x, y = np.meshgrid((lon - frame.LON0) * frame.KX, (lat - frame.LAT0) * frame.KY)
    return Relief(lon, lat, np.round(height(seed, *frame.to_uv(x, y)), 2))
