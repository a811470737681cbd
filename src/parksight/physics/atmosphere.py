"""The atmospheric surface layer: stability, Obukhov length, wind profile, mixing height, turbulence.

SI units throughout: m, s, m/s, K, W/m2; heights above ground, roughness ``z0`` in m, angles in radians unless a name
says degrees. References: Pasquill (1961) and Turner (1964, 1970); SRDT: EPA-454/R-99-005; Golder (1972); Businger-Dyer
profiles; AERMOD formulation document (EPA-454/R-03-004).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from parksight.physics.inputs import known, positive

F64 = npt.NDArray[np.float64]

#: Von Kármán constant.
KAPPA = 0.4
GRAVITY = 9.80665
#: Gravity at 45° latitude, as ISC3 and the worked values of the dense-gas workbook take it.
GRAVITY_45 = 9.80616
#: Below this the plume has no direction: maps show a circle instead of a wedge.
CALM_M_S = 1.0
#: Least advection speed any formula is given.
WIND_FLOOR_M_S = 0.5


class Stability(IntEnum):
    """Pasquill-Gifford classes; A very unstable … D neutral … F stable."""

    A = 1
    B = 2
    C = 3
    D = 4
    E = 5
    F = 6


class Sun(IntEnum):
    """Insolation of the Pasquill table, or night by cloud cover."""

    STRONG = 0
    MODERATE = 1
    SLIGHT = 2
    NIGHT_CLOUDY = 3
    NIGHT_CLEAR = 4


# Rows: wind <2, 2-3, 3-5, 5-6, >6 m/s. A slash class (A-B) is a number between.
_PASQUILL = (
    (1.0, 1.5, 2.0, 5.0, 6.0),
    (1.5, 2.0, 3.0, 5.0, 6.0),
    (2.0, 2.5, 3.0, 4.0, 5.0),
    (3.0, 3.5, 4.0, 4.0, 4.0),
    (3.0, 4.0, 4.0, 4.0, 4.0),
)

# Turner index rows by wind in knots; columns net radiation 4,3,2,1,0,-1,-2; 7 (class G) is treated as F.
_TURNER = (
    (1, "1123467"), (3, "1223467"), (5, "1234456"), (6, "2234456"), (7, "2234445"),
    (9, "2334445"), (10, "3344445"), (11, "3344444"), (math.inf, "3444444"),
)  # fmt: skip


def pasquill(wind_10m: float, sun: Sun, *, conservative: bool = True) -> Stability:
    """Class by surface wind (10 m) and sun; a slash class goes to the more stable side when ``conservative``."""
    known(wind_10m=wind_10m)
    if wind_10m < 0:
        raise ValueError(f"a wind speed cannot be negative: {wind_10m}")
    row = _PASQUILL[sum(wind_10m >= edge for edge in (2.0, 3.0, 5.0, 6.0))]
    value = row[sun]
    return Stability(math.ceil(value) if conservative else math.floor(value))


def srdt(
    wind_10m: float, *, radiation_w_m2: float | None = None, gradient_k: float | None = None
) -> Stability:
    """Class by the solar-radiation/delta-T method of parks with a pyranometer.

    Args:
        radiation_w_m2: global radiation by day; None at night.
        gradient_k: temperature difference 10 m minus 2 m at night.

    Raises ValueError when neither is given: then use :func:`pasquill` or :func:`turner`.
    """
    known(wind_10m=wind_10m)
    if radiation_w_m2 is not None:
        known(radiation_w_m2=radiation_w_m2)
        rows = ("AABD", "ABCD", "BBCD", "CCDD", "CDDD")
        row = rows[sum(wind_10m >= edge for edge in (2.0, 3.0, 5.0, 6.0))]
        return Stability[row[sum(radiation_w_m2 < edge for edge in (925.0, 675.0, 175.0))]]
    if gradient_k is None:
        raise ValueError("SRDT needs radiation by day or the temperature gradient by night")
    known(gradient_k=gradient_k)
    stable = gradient_k >= 0
    if wind_10m < 2.0:
        return Stability.F if stable else Stability.E
    if wind_10m < 2.5:
        return Stability.E if stable else Stability.D
    return Stability.D


def turner(
    wind_10m: float, solar_elevation_deg: float, cloud_tenths: float, ceiling_m: float = math.inf
) -> Stability:
    """Class by Turner (1964) from sun height, cloud cover (0…10) and ceiling."""
    known(wind_10m=wind_10m, solar_elevation_deg=solar_elevation_deg, cloud_tenths=cloud_tenths)
    if not ceiling_m > 0:
        raise ValueError(f"the ceiling must be known and above 0 m (infinite for none), not {ceiling_m}")
    if not 0 <= cloud_tenths <= 10:
        raise ValueError(f"cloud cover lies in 0..10 tenths, not {cloud_tenths}")
    if cloud_tenths >= 10 and ceiling_m < 2134:
        index = 0
    elif solar_elevation_deg <= 0:
        index = -2 if cloud_tenths <= 4 else -1
    else:
        index = 1 + sum(solar_elevation_deg > edge for edge in (15.0, 35.0, 60.0))
        if cloud_tenths > 5:
            if ceiling_m < 2134:
                index -= 2
            elif ceiling_m < 4877:
                index -= 1
            if cloud_tenths >= 10 and ceiling_m >= 2134:
                index -= 1
            index = max(index, 1)
    knots = round(wind_10m / 0.514444)
    row = next(codes for top, codes in _TURNER if knots <= top)
    return Stability(min(int(row[4 - index]), 6))


def obukhov_length(stability: Stability, z0: float) -> float:
    """Obukhov length L of a class and roughness, m; infinite for D. Golder (1972) power-law form."""
    if not 0 < z0 < 10:
        raise ValueError(f"roughness lies in 0..10 m, not {z0}")
    table = {
        Stability.A: (-11.4, 0.10), Stability.B: (-26.0, 0.17), Stability.C: (-123.0, 0.30),
        Stability.E: (123.0, 0.30), Stability.F: (26.0, 0.17),
    }  # fmt: skip
    if stability is Stability.D:
        return math.inf
    factor, power = table[stability]
    return float(factor * z0**power)


def stability_of(obukhov: float, z0: float) -> Stability:
    """The class whose 1/L lies nearest, boundaries halfway in 1/L."""
    if math.isnan(obukhov) or obukhov == 0:
        raise ValueError(f"the Obukhov length cannot be {obukhov}")
    inverse = 1.0 / obukhov
    classes = sorted(Stability)
    values = [1.0 / obukhov_length(c, z0) for c in classes]
    edges = [(a + b) / 2 for a, b in pairwise(values)]
    return classes[sum(inverse > edge for edge in edges)]


def psi_m(z: npt.ArrayLike, obukhov: float) -> F64:
    """Integrated stability correction of the wind profile (Businger-Dyer); linear-logarithmic beyond z = L."""
    known(z=z)
    if math.isnan(obukhov) or obukhov == 0:
        raise ValueError(f"the Obukhov length cannot be {obukhov}")
    h = np.asarray(z, dtype=np.float64)
    if math.isinf(obukhov):
        return np.zeros_like(h)
    if obukhov > 0:
        ratio = h / obukhov
        stable: F64 = np.where(ratio < 1, -5 * ratio, -5 * (1 + np.log(np.maximum(ratio, 1.0))))
        return stable
    a = (1 - 16 * h / obukhov) ** 0.25
    unstable: F64 = 2 * np.log((1 + a) / 2) + np.log((1 + a * a) / 2) - 2 * np.arctan(a) + np.pi / 2
    return unstable


@dataclass(frozen=True, slots=True)
class SurfaceLayer:
    """The state every dispersion formula takes.

    Attributes:
        friction_velocity: u*, m/s, > 0.
        obukhov: L, m, not 0; infinite when neutral.
        z0: roughness, m.
        mixing_height: m, > 0.
        sigma_theta: standard deviation of wind direction, radians, as measured with ``sigma_theta_wind``; None when
            only estimated turbulence is at hand.
        sigma_theta_wind: wind speed that belongs to ``sigma_theta``, m/s.
    """

    friction_velocity: float
    obukhov: float
    z0: float
    mixing_height: float
    sigma_theta: float | None = None
    sigma_theta_wind: float | None = None

    def __post_init__(self) -> None:
        known(friction_velocity=self.friction_velocity, z0=self.z0, mixing_height=self.mixing_height)
        if math.isnan(self.obukhov) or self.obukhov == 0:
            raise ValueError(f"the Obukhov length cannot be {self.obukhov}")
        positive(friction_velocity=self.friction_velocity, z0=self.z0, mixing_height=self.mixing_height)
        if (self.sigma_theta is None) != (self.sigma_theta_wind is None):
            raise ValueError("sigma-theta needs the wind speed it was measured with, and the other way round")
        if self.sigma_theta is not None and self.sigma_theta_wind is not None:
            positive(sigma_theta=self.sigma_theta, sigma_theta_wind=self.sigma_theta_wind)

    @classmethod
    def from_class(
        cls, wind: float, wind_height: float, stability: Stability, z0: float, *,
        mixing_height: float | None = None, latitude_deg: float = 41.8,
        sigma_theta: float | None = None,
    ) -> SurfaceLayer:  # fmt: skip
        """From what a park has: one mast, the hour and the sky."""
        known(wind=wind, wind_height=wind_height, latitude_deg=latitude_deg)
        if wind < 0:
            raise ValueError(f"a wind speed cannot be negative: {wind}")
        if not wind_height > 3 * z0:
            raise ValueError(f"the mast ({wind_height} m) must stand well above the roughness ({z0} m)")
        length = obukhov_length(stability, z0)
        u = max(wind, WIND_FLOOR_M_S)
        profile = math.log(wind_height / z0) - float(psi_m(wind_height, length)) + float(psi_m(z0, length))
        ustar = KAPPA * u / max(profile, 0.5)
        height = (
            default_mixing_height(ustar, length, latitude_deg) if mixing_height is None else mixing_height
        )
        return cls(ustar, length, z0, height, sigma_theta, u if sigma_theta is not None else None)

    def wind(self, z: npt.ArrayLike) -> F64:
        """Wind speed at height z, m/s; below 3 z0 the value at 3 z0."""
        h = np.maximum(np.asarray(z, dtype=np.float64), 3.0 * self.z0)
        shape = np.log(h / self.z0) - psi_m(h, self.obukhov) + psi_m(self.z0, self.obukhov)
        u: F64 = self.friction_velocity / KAPPA * shape
        return u

    @property
    def sigma_v(self) -> float:
        """Lateral turbulence, m/s: measured sigma-theta times its wind, else similarity (AERMOD, eq. 35)."""
        if self.sigma_theta is not None and self.sigma_theta_wind is not None:
            return max(self.sigma_theta * self.sigma_theta_wind, 0.05)
        mechanical = (1.9 * self.friction_velocity) ** 2
        if self.obukhov > 0:
            return max(math.sqrt(mechanical), 0.2)
        convective = (
            0.36 * self.friction_velocity**2 * (self.mixing_height / (KAPPA * -self.obukhov)) ** (2 / 3)
        )
        return max(math.sqrt(mechanical + convective), 0.5)

    @property
    def sigma_w(self) -> float:
        """Vertical turbulence near the surface, m/s."""
        return 1.3 * self.friction_velocity


def default_mixing_height(friction_velocity: float, obukhov: float, latitude_deg: float) -> float:
    """Mixing height where none is measured, m: ``0.4 sqrt(u* L / f)`` stable, ``0.3 u*/f`` neutral, 1000 m unstable.

    Stated defaults, not measurements: say so on the map. Bounded to 30…4000 m.
    """
    known(latitude_deg=latitude_deg)
    positive(friction_velocity=friction_velocity)
    if math.isnan(obukhov) or obukhov == 0:
        raise ValueError(f"the Obukhov length cannot be {obukhov}")
    f = 2 * 7.292e-5 * abs(math.sin(math.radians(latitude_deg)))
    if f < 1e-5:
        raise ValueError("these defaults do not hold near the equator: give a mixing height")
    neutral = 0.3 * friction_velocity / f
    if obukhov < 0:
        height = 1000.0
    elif math.isinf(obukhov):
        height = neutral
    else:
        height = min(neutral, 0.4 * math.sqrt(friction_velocity * obukhov / f))
    return min(max(height, 30.0), 4000.0)


def sigma_theta(directions_deg: npt.ArrayLike) -> float:
    """Standard deviation of wind direction by Yamartino (1984), radians; NaN samples are left out.

    Raises ValueError with fewer than 10 samples.
    """
    d = np.radians(np.asarray(directions_deg, dtype=np.float64))
    d = d[np.isfinite(d)]
    if d.size < 10:
        raise ValueError(f"sigma-theta needs at least 10 directions, not {d.size}")
    s, c = float(np.sin(d).mean()), float(np.cos(d).mean())
    e = math.sqrt(max(0.0, 1.0 - (s * s + c * c)))
    return math.asin(min(e, 1.0)) * (1.0 + (2.0 / math.sqrt(3.0) - 1.0) * e**3)


def mean_wind(speed: npt.ArrayLike, direction_deg: npt.ArrayLike) -> tuple[float, float]:
    """Scalar mean speed (m/s) and vector mean direction (degrees the wind comes *from*); NaN pairs left out."""
    u, d = np.asarray(speed, dtype=np.float64), np.radians(np.asarray(direction_deg, dtype=np.float64))
    ok = np.isfinite(u) & np.isfinite(d)
    if not ok.any():
        raise ValueError("no valid wind: neither speed nor direction is known")
    angle = math.atan2(float((u[ok] * np.sin(d[ok])).mean()), float((u[ok] * np.cos(d[ok])).mean()))
    return float(u[ok].mean()), math.degrees(angle) % 360.0


def power_law_exponent(stability: Stability, *, urban: bool = False) -> float:
    """Irwin's wind-profile exponent (ISC3), used where nothing else is known."""
    rural_p, urban_p = (0.07, 0.07, 0.10, 0.15, 0.35, 0.55), (0.15, 0.15, 0.20, 0.25, 0.30, 0.30)
    return (urban_p if urban else rural_p)[stability - 1]
