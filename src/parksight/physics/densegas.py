"""Dense-gas dispersion by the Britter-McQuaid workbook (1988), and the choice between passive and dense.

Concentrations are volume fractions 0…1; SI units. Flat, unobstructed ground: a single fence moved concentrations by
a factor of three in field trials, so a map must say so. SLAB (:mod:`parksight.physics.slab`) refines.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from parksight.physics.atmosphere import GRAVITY_45
from parksight.physics.inputs import known, not_negative, positive

F64 = npt.NDArray[np.float64]

_Piece = tuple[float, float, float]  # up to alpha, slope, intercept: beta = slope * alpha + intercept

_PLUME: tuple[tuple[float, tuple[_Piece, ...]], ...] = (
    (0.10, ((-0.55, 0, 1.75), (-0.14, 0.24, 1.88), (1.0, -0.50, 1.78))),
    (0.05, ((-0.68, 0, 1.92), (-0.29, 0.36, 2.16), (-0.18, 0, 2.06), (1.0, -0.56, 1.96))),
    (0.02, ((-0.69, 0, 2.08), (-0.31, 0.45, 2.39), (-0.16, 0, 2.25), (1.0, -0.54, 2.16))),
    (0.01, ((-0.70, 0, 2.25), (-0.29, 0.49, 2.59), (-0.20, 0, 2.45), (1.0, -0.52, 2.35))),
    (0.005, ((-0.67, 0, 2.40), (-0.28, 0.59, 2.80), (-0.15, 0, 2.63), (1.0, -0.49, 2.56))),
    (0.002, ((-0.69, 0, 2.60), (-0.25, 0.39, 2.87), (-0.13, 0, 2.77), (1.0, -0.50, 2.71))),
)
_PUFF: tuple[tuple[float, tuple[_Piece, ...]], ...] = (
    (0.10, ((-0.44, 0, 0.70), (0.43, 0.26, 0.81), (1.0, 0, 0.93))),
    (0.05, ((-0.56, 0, 0.85), (0.31, 0.26, 1.00), (1.0, -0.12, 1.12))),
    (0.02, ((-0.66, 0, 0.95), (0.32, 0.36, 1.19), (1.0, -0.26, 1.38))),
    (0.01, ((-0.71, 0, 1.15), (0.37, 0.34, 1.39), (1.0, -0.38, 1.66))),
    (0.005, ((-0.52, 0, 1.48), (0.24, 0.26, 1.62), (1.0, -0.30, 1.75))),
    (0.002, ((0.27, 0, 1.83), (1.0, -0.32, 1.92))),
    (0.001, ((-0.10, 0, 2.075), (1.0, -0.27, 2.05))),
)


@dataclass(frozen=True, slots=True)
class Choice:
    """Whether a release is dense, the published criterion's number and its threshold."""

    dense: bool
    number: float
    threshold: float
    criterion: str


@dataclass(frozen=True, slots=True)
class Cloud:
    """A release at the source.

    Attributes:
        density: of the released gas or aerosol, kg/m3.
        air_density: kg/m3.
        wind_10m: m/s, > 0.
        flow: m3/s of a continuous release, None otherwise.
        volume: m3 of an instantaneous release, None otherwise.
        temperature, air_temperature: K, for the correction of cold releases.
        initial_fraction: volume fraction of the substance at the source.
    """

    density: float
    air_density: float
    wind_10m: float
    flow: float | None = None
    volume: float | None = None
    temperature: float | None = None
    air_temperature: float | None = None
    initial_fraction: float = 1.0

    def __post_init__(self) -> None:
        if not (self.density > 0 and self.air_density > 0 and self.wind_10m > 0):
            raise ValueError("densities and wind must be above 0; in a calm Britter-McQuaid does not hold")
        if (self.flow is None) == (self.volume is None):
            raise ValueError("give a flow (continuous) or a volume (instantaneous), one of them")
        amount = self.flow if self.flow is not None else self.volume
        if amount is None or not amount > 0:
            raise ValueError("flow or volume must be above 0")
        for value in (self.temperature, self.air_temperature):
            if value is not None:
                positive(temperature=value)
        if not 0 < self.initial_fraction <= 1:
            raise ValueError("the initial volume fraction lies in 0..1")

    @property
    def reduced_gravity(self) -> float:
        """g' = g (rho0 - rho_a) / rho_a, m/s2; not below zero."""
        return max(GRAVITY_45 * (self.density - self.air_density) / self.air_density, 0.0)


def choose(cloud: Cloud) -> Choice:
    """Passive or dense, by Britter and McQuaid: (g'q/(u^3 D))^(1/3) > 0.15, or sqrt(g' V^(1/3))/u > 0.2."""
    g, u = cloud.reduced_gravity, cloud.wind_10m
    if cloud.flow is not None:
        size = math.sqrt(cloud.flow / u)
        number = (g * cloud.flow / (u**3 * size)) ** (1.0 / 3.0)
        return Choice(number > 0.15, number, 0.15, "continuous: (g'q/(u^3 D))^(1/3)")
    assert cloud.volume is not None
    number = math.sqrt(g * cloud.volume ** (1.0 / 3.0)) / u
    return Choice(number > 0.2, number, 0.2, "instantaneous: sqrt(g' V^(1/3))/u")


def release_kind(wind_10m: float, release_s: float, distance: float) -> str:
    """``continuous`` if u t/x >= 2.5, ``instantaneous`` if <= 0.6, ``between`` else (take the larger)."""
    positive(wind_10m=wind_10m, release_s=release_s, distance=distance)
    ratio = wind_10m * release_s / distance
    return "continuous" if ratio >= 2.5 else "instantaneous" if ratio <= 0.6 else "between"


def concentration(x: npt.ArrayLike, cloud: Cloud) -> F64:
    """Largest ground-level volume fraction at downwind distance x (m, > 0), shape of x.

    For an instantaneous cloud ``x`` is the distance its front has reached (:func:`puff_position`: centre + radius).
    Between the curves C/C0 is linear in log10 of the scaled distance, beyond the last it falls as x^-2.
    Where ``0.2 log10(g'^2 q / u^5)`` nears 0.6 (very large releases in very little wind) the workbook's near field falls
    steeply to its first curve, and from 0.605 on in a step down to C/C0 = 0.1. Raises ValueError for distances not above 0.
    """
    d = np.asarray(x, dtype=np.float64)
    if np.any(~(d > 0)):
        raise ValueError("the distance must be above 0 m")
    if cloud.flow is not None:
        size = math.sqrt(cloud.flow / cloud.wind_10m)
        alpha = 0.2 * math.log10(max(cloud.reduced_gravity**2 * cloud.flow / cloud.wind_10m**5, 1e-12))
        ratio = _curve(d / size, alpha, _PLUME, 306.0, 30.0)
    else:
        assert cloud.volume is not None
        size = cloud.volume ** (1.0 / 3.0)
        alpha = 0.5 * math.log10(max(cloud.reduced_gravity * size / cloud.wind_10m**2, 1e-12))
        ratio = _curve(d / size, alpha, _PUFF, 3.24, math.inf)
    return _non_isothermal(ratio, cloud) * cloud.initial_fraction


def puff_concentration(x: npt.ArrayLike, y: npt.ArrayLike, t: float, cloud: Cloud) -> F64:
    """Volume fraction of an instantaneous cloud at points and time t; uniform inside the cloud, zero outside."""
    centre, radius = puff_position(t, cloud)
    inside = (np.asarray(x, dtype=np.float64) - centre) ** 2 + np.asarray(
        y, dtype=np.float64
    ) ** 2 <= radius**2
    out: F64 = np.where(inside, concentration(centre + radius, cloud), 0.0)
    return out


def _curve(
    scaled: F64, alpha: float, table: tuple[tuple[float, tuple[_Piece, ...]], ...], near: float, edge: float
) -> F64:
    levels = [level for level, _ in table]
    beta = [_beta(alpha, pieces) for _, pieces in table]
    first, last = 10.0 ** beta[0], 10.0 ** beta[-1]
    edge = min(edge, first)
    if edge < first:  # the near field ends before the first curve: joined by a straight line
        beta, levels = [math.log10(edge), *beta], [near / (near + edge**2), *levels]
    c = np.interp(np.log10(scaled), beta, levels)
    # The near-field formula may not fall below the first curve, which it meets at the edge.
    c = np.where(scaled <= edge, np.maximum(near / (near + scaled**2), table[0][0]), c)
    out: F64 = np.where(scaled > last, levels[-1] * (last / scaled) ** 2, c)
    return out


def _beta(alpha: float, pieces: tuple[_Piece, ...]) -> float:
    a = min(alpha, pieces[-1][0])
    return next(slope * a + intercept for top, slope, intercept in pieces if a <= top)


def _non_isothermal(c: F64, cloud: Cloud) -> F64:
    """Cold source: ``c' = c / (c + (1 - c) T0/Ta)`` keeps the molar share of the substance."""
    if cloud.temperature is None or cloud.air_temperature is None:
        return c
    k = cloud.temperature / cloud.air_temperature
    out: F64 = c / (c + (1.0 - c) * k)
    return out


@dataclass(frozen=True, slots=True)
class PlumeShape:
    """Ground plan of a dense plume: upwind reach, half-width at x, m."""

    upwind: float
    half_width: F64


def plume_shape(x: npt.ArrayLike, cloud: Cloud) -> PlumeShape:
    """Britter-McQuaid plume outline: ``Lb = g'q/u^3``; upwind 0.5D + 2Lb; half-width ``D + 8Lb + 2.5 (Lb x^2)^(1/3)``."""
    if cloud.flow is None:
        raise ValueError("a plume needs a continuous release")
    known(x=x)
    size = math.sqrt(cloud.flow / cloud.wind_10m)
    buoyancy = cloud.reduced_gravity * cloud.flow / cloud.wind_10m**3
    d = np.maximum(np.asarray(x, dtype=np.float64), 0.0)
    return PlumeShape(0.5 * size + 2 * buoyancy, size + 8 * buoyancy + 2.5 * (buoyancy * d**2) ** (1.0 / 3.0))


def puff_position(t: npt.ArrayLike, cloud: Cloud) -> tuple[F64, F64]:
    """Centre (0.4 u t, m) and radius of an instantaneous cloud: ``R^2 = R0^2 + 1.2 t sqrt(g' V0)``."""
    if cloud.volume is None:
        raise ValueError("a puff needs an instantaneous release")
    not_negative(t=t)
    s = np.asarray(t, dtype=np.float64)
    r0 = (3 * cloud.volume / (4 * math.pi)) ** (1.0 / 3.0)
    radius: F64 = np.sqrt(r0**2 + 1.2 * s * math.sqrt(cloud.reduced_gravity * cloud.volume))
    return 0.4 * cloud.wind_10m * s, radius
