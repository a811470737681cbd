"""Blast of condensed explosives and vapour clouds by TNT equivalence. Pa, m, kg, s.

Of the TNO multi-energy method there is what open sources agree on: the energy scaling, and the ten source pressures that
define the strength classes, which no place can exceed. The ten decay curves (Yellow Book figure 5.8) exist only as charts or
under licences that do not fit; they are not shipped until two people have read them alike. What falls with distance here is
TNT equivalence, and results are labelled so.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from parksight.physics.inputs import not_negative, positive
from parksight.physics.release import ATMOSPHERE

F64 = npt.NDArray[np.float64]

#: Blast energy of TNT, J/kg.
TNT_ENERGY = 4.52e6
# Swisdak (1994): hemispherical surface burst, P in kPa over Z in m/kg^(1/3).
_KINGERY = (
    (0.2, (7.2106, -2.1069, -0.3229, 0.1117, 0.0685)),
    (2.9, (7.5938, -3.0523, 0.40977, 0.0261, -0.01267)),
    (23.8, (6.0536, -1.4066, 0.0, 0.0, 0.0)),
)
# Duration of the positive phase, ms/kg^(1/3), same source.
_DURATION = (
    (0.2, (0.5426, 3.2299, -1.5931, -5.9667, -4.0815, -0.9149)),
    (1.02, (0.5440, 2.7082, -9.7354, 14.3425, -9.7791, 2.8535)),
    (2.8, (-2.4608, 7.1639, -5.6215, 2.2711, -0.44994, 0.03486)),
)
_DURATION_FARTHEST_Z = 40.0


#: Side-on overpressure at the edge of the exploding cloud over ambient pressure, by multi-energy strength class 1…10.
MULTI_ENERGY_SOURCE = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def multi_energy_ceiling(strength: int, ambient: float = ATMOSPHERE) -> float:
    """The overpressure that a vapour cloud of this strength class can reach anywhere, Pa (van den Berg 1985).

    An upper bound for every distance, not a curve: 7 in congestion, 2 to 3 outside, 10 a detonation.
    Raises ValueError for a class that does not exist.
    """
    positive(ambient=ambient)
    if strength not in range(1, 11):
        raise ValueError(f"a strength class is a whole number from 1 to 10, not {strength}")
    return MULTI_ENERGY_SOURCE[int(strength) - 1] * ambient


def tnt_equivalent(mass: float, heat_of_combustion: float, yield_factor: float = 0.04) -> float:
    """TNT mass of a vapour cloud, kg; yield 0.02-0.10, 0.04 usual."""
    positive(mass=mass, heat_of_combustion=heat_of_combustion)
    if not 0 < yield_factor <= 1:
        raise ValueError(f"the yield lies in 0..1, not {yield_factor}")
    return yield_factor * mass * heat_of_combustion / TNT_ENERGY


def overpressure(tnt_mass: float, distance: npt.ArrayLike) -> F64:
    """Side-on overpressure of a surface burst, Pa; shape of ``distance`` (> 0).

    Scaled distances below 0.2 or above 198.5 m/kg^(1/3) lie outside the fit: NaN nearer (the fireball), and far away
    the last branch goes on as Z^-1.4066, well below 1 kPa.
    """
    positive(tnt_mass=tnt_mass)
    z = np.asarray(distance, dtype=np.float64) / tnt_mass ** (1.0 / 3.0)
    if np.any(~(z > 0)):
        raise ValueError("the distance must be above 0 m")
    log_z = np.log(z)
    out: F64 = np.full(z.shape, np.nan)
    for start, coefficients in _KINGERY:
        part = z >= start
        polynomial = sum(c * log_z**i for i, c in enumerate(coefficients))
        out = np.where(part, np.exp(polynomial) * 1000.0, out)
    return out


def positive_duration(tnt_mass: float, distance: npt.ArrayLike) -> F64:
    """Duration of the positive phase of a surface burst, s; NaN outside the fit (0.2 … 40 m/kg^(1/3))."""
    positive(tnt_mass=tnt_mass)
    scale: float = tnt_mass ** (1.0 / 3.0)
    z = np.asarray(distance, dtype=np.float64) / scale
    if np.any(~(z > 0)):
        raise ValueError("the distance must be above 0 m")
    out: F64 = np.full(z.shape, np.nan)
    for start, coefficients in _DURATION:
        polynomial = sum(c * np.log(z) ** i for i, c in enumerate(coefficients))
        out = np.where(z >= start, np.exp(polynomial) * scale / 1000.0, out)
    return np.where(z > _DURATION_FARTHEST_Z, np.nan, out)


def distance_for(tnt_mass: float, pressure: float) -> float:
    """Largest distance with at least this overpressure, m (bisection on the fit)."""
    positive(tnt_mass=tnt_mass, pressure=pressure)
    scale: float = tnt_mass ** (1.0 / 3.0)
    low, high = 0.2 * scale, 2000.0 * scale
    if float(overpressure(tnt_mass, low)) < pressure:
        raise ValueError(f"{pressure} Pa is not reached outside the fireball")
    for _ in range(80):
        middle = math.sqrt(low * high)
        if float(overpressure(tnt_mass, middle)) >= pressure:
            low = middle
        else:
            high = middle
    return low


def multi_energy_scaled_distance(
    distance: npt.ArrayLike, congested_volume: float, ambient: float = ATMOSPHERE
) -> F64:
    """``R (Pa/E)^(1/3)`` with E = 3.5 MJ/m3 of congested volume, for reading the curves by hand."""
    positive(congested_volume=congested_volume, ambient=ambient)
    not_negative(distance=distance)
    out: F64 = np.asarray(distance, dtype=np.float64) * (ambient / (3.5e6 * congested_volume)) ** (1.0 / 3.0)
    return out
