"""Concentration downwind of a small steady leak near the ground: Gaussian plume, Briggs rural, stability D.

C = Q / (2 pi u sy sz) exp(-y2/2sy2) [exp(-(z-h)2/2sz2) + exp(-(z+h)2/2sz2)]; sigmas after Briggs (1973), open country.
A stage prop for drills, not an assessment: the platform computes its own.
"""

from __future__ import annotations

import math

import numpy as np

from parkzone.behaviour.noise import F64

#: Molar volume at 25 degC and 101.325 kPa, L/mol.
MOLAR_VOLUME = 24.465
#: Nearer than this the formula has no meaning, m.
NEAR_M = 8.0


def concentration(
    x_m: F64, y_m: F64, z_m: F64, source: tuple[float, float], height_m: float, rate_g_s: float, wind_m_s: float,
    from_deg: float,
) -> F64:  # fmt: skip
    """Concentration in mg/m3 at receptors.

    Args:
        x_m, y_m: metres east and north; z_m: height above ground.
        source: metres east and north of the leak.
        from_deg: direction the wind comes from, degrees clockwise from north.
    """
    bearing = math.radians(from_deg)
    along = -(math.sin(bearing) * (x_m - source[0]) + math.cos(bearing) * (y_m - source[1]))
    across = math.cos(bearing) * (x_m - source[0]) - math.sin(bearing) * (y_m - source[1])
    x = np.maximum(along, NEAR_M)
    sy = 0.08 * x / np.sqrt(1 + 0.0001 * x)
    sz = 0.06 * x / np.sqrt(1 + 0.0015 * x)
    u = max(wind_m_s, 0.5)
    vertical = np.exp(-((z_m - height_m) ** 2) / (2 * sz**2)) + np.exp(-((z_m + height_m) ** 2) / (2 * sz**2))
    c = rate_g_s * 1000.0 / (2 * math.pi * u * sy * sz) * np.exp(-(across**2) / (2 * sy**2)) * vertical
    # around the leak itself the cloud is everywhere; upwind beyond that there is nothing
    near = np.hypot(x_m - source[0], y_m - source[1]) < NEAR_M
    out: F64 = np.where((along > 0) | near, c, 0.0)
    return out


def ppm(mg_m3: F64, molar_mass: float) -> F64:
    """Volume fraction of a gas at 25 degC and 101.325 kPa."""
    out: F64 = mg_m3 * MOLAR_VOLUME / molar_mass
    return out
