"""Thermal radiation of pool fires, jet fires and fireballs. SI units; heat flux in W/m2 unless a name says kW.

References: TNO Yellow Book (1997) ch. 6 (Thomas, Burgess, cylinder view factor), Lowesmith and Hankinson (2012) for
jet-flame length, CCPS (1999) for BLEVE.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from parksight.physics.atmosphere import GRAVITY
from parksight.physics.inputs import known, not_negative, positive

F64 = npt.NDArray[np.float64]


def transmissivity(water_pressure_pa: float, distance: npt.ArrayLike) -> F64:
    """Atmospheric transmissivity ``2.02 (pw x)^-0.09``, at most 1 (valid 1e4 < pw x < 1e5 N/m)."""
    positive(water_pressure_pa=water_pressure_pa)
    not_negative(distance=distance)
    x = np.maximum(np.asarray(distance, dtype=np.float64), 1e-3)
    out: F64 = np.minimum(2.02 * (water_pressure_pa * x) ** -0.09, 1.0)
    return out


def water_pressure(temperature: float, relative_humidity: float) -> float:
    """Partial pressure of water vapour, Pa (Buck 1981); humidity 0…1."""
    if not 0 <= relative_humidity <= 1:
        raise ValueError(f"relative humidity lies in 0..1, not {relative_humidity}")
    positive(temperature=temperature)
    c = temperature - 273.15
    return relative_humidity * 611.21 * math.exp((18.678 - c / 234.5) * c / (257.14 + c))


@dataclass(frozen=True, slots=True)
class PoolFire:
    """Geometry and emission of a pool fire: m, degrees from the vertical, W/m2, kg/s."""

    diameter: float
    length: float
    tilt_deg: float
    burning_flux: float
    emissive_power: float


def burning_flux(
    diameter: float, *, limit_flux: float | None = None, extinction: float | None = None,
    heat_of_combustion: float | None = None, latent_heat: float | None = None, heat_capacity: float | None = None,
    boiling_point: float | None = None, air_temperature: float | None = None,
) -> float:  # fmt: skip
    """Mass burning flux, kg/(m2 s): ``m_inf (1 - exp(-kb D))`` where known, else Burgess ``0.001 Hc/(hv + cp dT)``."""
    positive(diameter=diameter)
    if limit_flux is not None:
        positive(limit_flux=limit_flux, extinction=1.0 if extinction is None else extinction)
        factor = 1.0 if extinction is None else 1.0 - math.exp(-extinction * diameter)
        return limit_flux * factor
    if (
        heat_of_combustion is None
        or latent_heat is None
        or heat_capacity is None
        or boiling_point is None
        or air_temperature is None
    ):
        raise ValueError("a burning flux needs a measured limit, or heats, heat capacity and boiling point")
    positive(
        heat_of_combustion=heat_of_combustion, latent_heat=latent_heat, heat_capacity=heat_capacity,
        boiling_point=boiling_point, air_temperature=air_temperature,
    )  # fmt: skip
    warm = max(boiling_point - air_temperature, 0.0)
    return 0.001 * heat_of_combustion / (latent_heat + heat_capacity * warm)


def pool_fire(
    diameter: float, flux: float, heat_of_combustion: float, wind: float, *, air_density: float = 1.21,
    radiant_fraction: float = 0.35, sooty: bool = True, kinematic_viscosity: float = 1.5e-5,
) -> PoolFire:  # fmt: skip
    """A circular pool fire: flame length by Thomas, tilt by the Yellow Book, surface emission.

    Args:
        flux: burning flux, kg/(m2 s). wind: at 10 m, m/s, >= 0. heat_of_combustion: J/kg.
        radiant_fraction: share of the heat radiated, 0.1 to 0.4.
        sooty: at most ``140 exp(-0.12 D) + 20 (1 - exp(-0.12 D))`` kW/m2 (Mudan); never for LNG.
        kinematic_viscosity: of the air, m2/s; 1.5e-5 at 15 °C. The Yellow Book's example takes 7.5133e-6, which tilts
            the flame by 1.4° more; the tilt hangs on its 0.117th power only.

    Equations 6.12 to 6.16 and 6.68 to 6.71. Raises ValueError for an input that is unknown or out of range.
    """
    positive(
        diameter=diameter, flux=flux, heat_of_combustion=heat_of_combustion, air_density=air_density,
        kinematic_viscosity=kinematic_viscosity,
    )  # fmt: skip
    if not (math.isfinite(wind) and wind >= 0):
        raise ValueError(f"the wind must be known and 0 or more, not {wind}")
    if not 0 < radiant_fraction < 1:
        raise ValueError(f"the radiant fraction lies in 0..1, not {radiant_fraction}")
    froude_burn = flux / (air_density * math.sqrt(GRAVITY * diameter))
    if wind > 0:
        scaled = max(1.0, wind * (GRAVITY * flux * diameter / air_density) ** (-1.0 / 3.0))
        length = 55.0 * diameter * froude_burn**0.67 * scaled**-0.21
        froude, reynolds = wind**2 / (GRAVITY * diameter), wind * diameter / kinematic_viscosity
        c = 0.666 * froude**0.333 * reynolds**0.117
        # (sqrt(4 c^2 + 1) - 1) / (2 c) in the form that keeps its digits in a breath of wind
        tilt = math.degrees(math.asin(2 * c / (math.sqrt(4 * c * c + 1) + 1)))
    else:
        length, tilt = 42.0 * diameter * froude_burn**0.61, 0.0
    whole = radiant_fraction * flux * heat_of_combustion / (1 + 4 * length / diameter)
    if sooty:
        clear = math.exp(-0.12 * diameter)
        whole = min(whole, (140.0 * clear + 20.0 * (1 - clear)) * 1000.0)
    return PoolFire(diameter, length, tilt, flux, whole)


def cylinder_view_factor(
    radius: float, length: float, distance: npt.ArrayLike, tilt_deg: float = 0.0
) -> tuple[F64, F64, F64]:
    """View factors (vertical, horizontal, maximum) of a tilted cylinder for a ground target downwind.

    ``distance`` from the pool's centre, m, any shape. Yellow Book, equations 6.A.14 and 6.A.15 (Mudan); they hold as long
    as the flame does not hang over the target.

    Raises ValueError for a target inside the pool or under the flame (``distance <= radius + length sin(tilt)``).
    """
    positive(radius=radius, length=length)
    x = np.asarray(distance, dtype=np.float64)
    if not 0 <= tilt_deg < 90:
        raise ValueError(f"a tilt lies in 0..90 degrees, not {tilt_deg}")
    if np.any(~(x > radius)):
        raise ValueError("the target must stand outside the pool")
    if np.any(x <= overhang(radius, length, tilt_deg)):
        raise ValueError("the flame hangs over the target: the closed form does not hold there")
    a, b, th = length / radius, x / radius, math.radians(tilt_deg)
    s, c = math.sin(th), math.cos(th)
    big_a = np.sqrt(a**2 + (b + 1) ** 2 - 2 * a * (b + 1) * s)
    big_b = np.sqrt(a**2 + (b - 1) ** 2 - 2 * a * (b - 1) * s)
    big_c = np.sqrt(1 + (b**2 - 1) * c * c)
    d = np.sqrt((b - 1) / (b + 1))
    f = np.sqrt(b**2 - 1)
    e = a * c / (b - a * s)
    one = np.arctan((a * b - f * f * s) / (f * big_c)) + np.arctan(f * f * s / (f * big_c))
    ab = big_a * big_b
    vertical = (
        -e * np.arctan(d)
        + e * (a**2 + (b + 1) ** 2 - 2 * b * (1 + a * s)) / ab * np.arctan(big_a * d / big_b)
        + c / big_c * one
    ) / math.pi
    horizontal = (
        np.arctan(1 / d)
        + s / big_c * one
        - (a**2 + (b + 1) ** 2 - 2 * (b + 1 + a * b * s)) / ab * np.arctan(big_a * d / big_b)
    ) / math.pi
    vertical, horizontal = np.maximum(vertical, 0.0), np.maximum(horizontal, 0.0)
    return vertical, horizontal, np.hypot(vertical, horizontal)


def overhang(radius: float, length: float, tilt_deg: float) -> float:
    """Distance from the pool's centre up to which the tilted flame hangs over the ground, m."""
    return radius + length * math.sin(math.radians(tilt_deg))


def pool_fire_flux(
    fire: PoolFire, distance: npt.ArrayLike, air_temperature: float, relative_humidity: float
) -> F64:
    """Heat flux at targets downwind (worst orientation), W/m2; distance from the pool's centre, m, any shape.

    Under the flame a target counts as engulfed (view factor 1). Raises ValueError inside the pool.
    """
    x = np.asarray(distance, dtype=np.float64)
    radius = fire.diameter / 2
    if np.any(~(x > radius)):
        raise ValueError("the target must stand outside the pool")
    under = x <= overhang(radius, fire.length, fire.tilt_deg)
    clear = np.where(under, 1.001 * overhang(radius, fire.length, fire.tilt_deg), x)
    view = np.where(under, 1.0, cylinder_view_factor(radius, fire.length, clear, fire.tilt_deg)[2])
    tau = transmissivity(water_pressure(air_temperature, max(relative_humidity, 0.01)), x - radius)
    out: F64 = fire.emissive_power * view * tau
    return out


def jet_fire_length(power_w: float) -> float:
    """Flame length ``2.8893 Q^0.3728`` m, Q in MW (Lowesmith and Hankinson)."""
    positive(power_w=power_w)
    return float(2.8893 * (power_w / 1e6) ** 0.3728)


def jet_fire_flux(
    power_w: float, radiant_fraction: float, target_along: npt.ArrayLike, target_across: npt.ArrayLike, *,
    air_temperature: float = 288.15, relative_humidity: float = 0.6, points: int = 20,
) -> F64:  # fmt: skip
    """Heat flux of a straight jet flame by equal point sources between 0.1 L and L, W/m2.

    Targets by distance along the jet's axis from the hole and across it, m.
    """
    if not 0 < radiant_fraction < 1:
        raise ValueError(f"the radiant fraction lies in 0..1, not {radiant_fraction}")
    known(target_along=target_along, target_across=target_across)
    length = jet_fire_length(power_w)
    sources = np.linspace(0.1 * length, length, points)
    along, across = np.broadcast_arrays(
        np.asarray(target_along, dtype=np.float64), np.asarray(target_across, dtype=np.float64)
    )
    r2 = (along[..., None] - sources) ** 2 + across[..., None] ** 2
    r = np.maximum(np.sqrt(r2), 0.5)
    tau = transmissivity(water_pressure(air_temperature, max(relative_humidity, 0.01)), r)
    out: F64 = (radiant_fraction * power_w / points * tau / (4 * math.pi * r**2)).sum(axis=-1)
    return out


@dataclass(frozen=True, slots=True)
class Fireball:
    """A BLEVE fireball: m, s, W/m2."""

    diameter: float
    duration: float
    height: float
    emissive_power: float


def fireball(mass: float, heat_of_combustion: float, burst_pressure_pa: float) -> Fireball:
    """BLEVE: ``D = 5.8 M^(1/3)``; ``t = 0.45 M^(1/3)`` below 30 t, ``2.6 M^(1/6)`` above; centre at 0.75 D."""
    positive(mass=mass, heat_of_combustion=heat_of_combustion, burst_pressure_pa=burst_pressure_pa)
    diameter = 5.8 * mass ** (1.0 / 3.0)
    duration = 0.45 * mass ** (1.0 / 3.0) if mass < 30_000 else 2.6 * mass ** (1.0 / 6.0)
    fraction = min(0.27 * (burst_pressure_pa / 1e6) ** 0.32, 0.4)
    power = fraction * mass * heat_of_combustion / (math.pi * diameter**2 * duration)
    return Fireball(diameter, duration, 0.75 * diameter, power)


def fireball_flux(
    ball: Fireball, distance: npt.ArrayLike, air_temperature: float = 288.15, relative_humidity: float = 0.6
) -> F64:
    """Heat flux at ground distance, W/m2: ``SEP (D / 2c)^2 tau``, c slant distance to the centre."""
    not_negative(distance=distance)
    x = np.asarray(distance, dtype=np.float64)
    slant = np.hypot(x, ball.height)
    tau = transmissivity(
        water_pressure(air_temperature, max(relative_humidity, 0.01)), slant - ball.diameter / 2
    )
    out: F64 = ball.emissive_power * (ball.diameter / (2 * slant)) ** 2 * tau
    return out
