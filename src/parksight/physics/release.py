"""Source terms: outflow of gas, liquid and flashing liquid through a hole, pools and their evaporation.

SI units: Pa, K, kg, m, s; mass rates in kg/s. References: CCPS (1999), TNO Yellow Book (1997) ch. 2 and 3, Leung/Fauske
for two-phase flow, Mackay and Matsugu (1973) for evaporation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from parksight.physics.atmosphere import GRAVITY
from parksight.physics.inputs import known, not_negative, positive

F64 = npt.NDArray[np.float64]
GAS_CONSTANT = 8.31446261815324
ATMOSPHERE = 101_325.0
AIR_MOLAR_MASS = 0.0289652


@dataclass(frozen=True, slots=True)
class GasJet:
    """Outflow of gas: rate (kg/s) and whether the throat is choked."""

    rate: float
    choked: bool


def gas_jet(
    area: float, pressure: float, temperature: float, molar_mass: float, heat_ratio: float, *,
    ambient: float = ATMOSPHERE, discharge: float = 0.85, compressibility: float = 1.0,
) -> GasJet:  # fmt: skip
    """Gas through a hole.

    Args:
        area: m2. pressure: absolute, upstream. molar_mass: kg/mol. heat_ratio: cp/cv, > 1.
        discharge: 0.85 for a sharp hole (CCPS).

    Raises ValueError when the vessel holds no over-pressure.
    """
    positive(
        area=area, pressure=pressure, temperature=temperature, molar_mass=molar_mass, discharge=discharge,
        ambient=ambient, compressibility=compressibility, heat_ratio=heat_ratio,
    )  # fmt: skip
    if not heat_ratio > 1:
        raise ValueError(f"cp/cv must exceed 1, not {heat_ratio}")
    if pressure <= ambient:
        raise ValueError("the vessel's pressure does not exceed the ambient: nothing flows out")
    density = pressure * molar_mass / (compressibility * GAS_CONSTANT * temperature)
    k, ratio = heat_ratio, ambient / pressure
    critical = (2 / (k + 1)) ** (k / (k - 1))
    if ratio < critical:
        flux = math.sqrt(k * density * pressure * (2 / (k + 1)) ** ((k + 1) / (k - 1)))
    else:
        flux = math.sqrt(density * pressure * (2 * k / (k - 1)) * (ratio ** (2 / k) - ratio ** ((k + 1) / k)))
    return GasJet(discharge * area * flux, ratio < critical)


def blow_down(
    volume: float, area: float, pressure: float, temperature: float, molar_mass: float, heat_ratio: float,
    duration: float, steps: int = 200, *, ambient: float = ATMOSPHERE, discharge: float = 0.85,
) -> tuple[F64, F64]:  # fmt: skip
    """Emptying of an adiabatic gas vessel: times (s) and rates (kg/s), shape (steps,); zero once pressures meet."""
    positive(volume=volume, duration=duration, ambient=ambient, heat_ratio=heat_ratio)
    times = np.linspace(0.0, duration, steps)
    dt = times[1] - times[0]
    rates = np.zeros(steps)
    p, t = pressure, temperature
    mass = p * volume * molar_mass / (GAS_CONSTANT * t)
    for i in range(steps):
        if p <= ambient * 1.0001:
            break
        rates[i] = gas_jet(area, p, t, molar_mass, heat_ratio, ambient=ambient, discharge=discharge).rate
        left = max(mass - rates[i] * dt, 1e-12)
        p *= (left / mass) ** heat_ratio
        t *= (left / mass) ** (heat_ratio - 1)
        mass = left
    return times, rates


def liquid_outflow(
    area: float, density: float, pressure: float, head: float = 0.0, *, ambient: float = ATMOSPHERE,
    discharge: float = 0.62,
) -> float:  # fmt: skip
    """Liquid through a hole: ``Cd rho A sqrt(2 (P1-Pa)/rho + 2 g H)``, kg/s; head in m above the hole."""
    positive(area=area, density=density, pressure=pressure, discharge=discharge, ambient=ambient)
    known(head=head)
    energy = 2 * (pressure - ambient) / density + 2 * GRAVITY * max(head, 0.0)
    if energy <= 0:
        raise ValueError("neither over-pressure nor head drives the liquid out")
    return discharge * area * density * math.sqrt(energy)


def tank_drain(
    level: float, tank_area: float, hole_area: float, density: float, duration: float, steps: int = 200, *,
    pressure: float = ATMOSPHERE, ambient: float = ATMOSPHERE, discharge: float = 0.62,
) -> tuple[F64, F64]:  # fmt: skip
    """Liquid rate over time as the level (m above the hole) falls: times (s) and rates (kg/s)."""
    positive(level=level, tank_area=tank_area, duration=duration, ambient=ambient)
    times = np.linspace(0.0, duration, steps)
    dt = times[1] - times[0]
    rates = np.zeros(steps)
    h = level
    for i in range(steps):
        if h <= 0:
            break
        rates[i] = liquid_outflow(hole_area, density, pressure, h, ambient=ambient, discharge=discharge)
        h -= rates[i] * dt / (density * tank_area)
    return times, rates


@dataclass(frozen=True, slots=True)
class Flash:
    """Flashing outflow.

    Attributes:
        vapour: fraction that flashes, 0…1.
        airborne: fraction that stays airborne as vapour and aerosol; the rest pools.
        rate: kg/s through the hole.
    """

    vapour: float
    airborne: float
    rate: float


def flash_fraction(
    temperature: float, boiling_point: float, heat_capacity: float, latent_heat: float
) -> float:
    """``1 - exp(-cp (T - Tb) / hv)``; 0 when the liquid is not superheated."""
    positive(
        temperature=temperature,
        boiling_point=boiling_point,
        heat_capacity=heat_capacity,
        latent_heat=latent_heat,
    )
    if temperature <= boiling_point:
        return 0.0
    return 1.0 - math.exp(-heat_capacity * (temperature - boiling_point) / latent_heat)


def two_phase(
    area: float, pressure: float, temperature: float, density: float, boiling_point: float, heat_capacity: float,
    latent_heat: float, molar_mass: float, pipe_length: float = 0.0, *, ambient: float = ATMOSPHERE,
    discharge: float = 0.62,
) -> Flash:  # fmt: skip
    """Flashing liquid through a hole or short pipe (equilibrium-rate model with non-equilibrium length of 0.1 m)."""
    positive(
        area=area,
        pressure=pressure,
        density=density,
        molar_mass=molar_mass,
        ambient=ambient,
        discharge=discharge,
    )
    not_negative(pipe_length=pipe_length)
    vapour = flash_fraction(temperature, boiling_point, heat_capacity, latent_heat)
    if vapour == 0.0:
        return Flash(0.0, 0.0, liquid_outflow(area, density, pressure, ambient=ambient, discharge=discharge))
    v_fg = GAS_CONSTANT * temperature / (pressure * molar_mass) - 1.0 / density
    if v_fg <= 0:
        raise ValueError("the vapour would be denser than the liquid: check pressure and density")
    over = max(pressure - ambient, 1.0)
    n = latent_heat**2 / (
        2 * over * density * discharge**2 * v_fg**2 * temperature * heat_capacity
    ) + min(pipe_length / 0.1, 1.0)  # fmt: skip
    flux = latent_heat / v_fg / math.sqrt(n * temperature * heat_capacity)
    airborne = 1.0 if vapour > 0.2 else min(1.0, 2.0 * vapour)
    return Flash(vapour, airborne, area * flux)


def pool_area(volume: float, *, bund_area: float | None = None, thickness: float = 0.01) -> float:
    """Area of a spill, m2: its volume over its thickness (5-10 mm concrete, 10-20 mm soil), at most the bund."""
    positive(volume=volume, thickness=thickness)
    free = volume / thickness
    if bund_area is None:
        return free
    positive(bund_area=bund_area)
    return min(free, bund_area)


def spreading_radius(volume: float, seconds: float, *, thickness: float = 0.005) -> float:
    """Radius of an instantaneous spill that spreads by gravity, m; stops at its least thickness."""
    positive(volume=volume, thickness=thickness)
    not_negative(seconds=seconds)
    r0 = (volume / math.pi) ** (1.0 / 3.0)
    spread = math.sqrt(r0**2 + 2 * seconds * math.sqrt(2 * GRAVITY * volume / math.pi))
    return min(spread, math.sqrt(volume / (math.pi * thickness)))


def evaporation(
    wind_10m: float, area: float, molar_mass: float, vapour_pressure: float, temperature: float, *,
    schmidt: float = 0.8, ambient: float = ATMOSPHERE,
) -> float:  # fmt: skip
    """Evaporation of a pool below its boiling point, kg/s: ``K M Pv / (R T)`` with Mackay-Matsugu's K.

    ``K = 0.004786 u10^0.78 D^-0.11 Sc^-0.67`` m/s; D pool diameter, m. Corrected for large vapour pressure by
    ``-ln(1 - Pv/Pa) / (Pv/Pa)``.

    Raises ValueError for a liquid at or above its boiling point (use :func:`boiling_evaporation`).
    """
    positive(wind_10m=wind_10m, area=area, molar_mass=molar_mass, temperature=temperature, schmidt=schmidt)
    if not 0 <= vapour_pressure < ambient:
        raise ValueError(
            "the vapour pressure must lie below the ambient pressure: a boiling pool is another formula"
        )
    diameter = math.sqrt(4 * area / math.pi)
    k: float = 0.004786 * wind_10m**0.78 * diameter**-0.11 * schmidt**-0.67
    share = vapour_pressure / ambient
    correction: float = -math.log1p(-share) / share if share > 1e-9 else 1.0
    return k * area * molar_mass * vapour_pressure / (GAS_CONSTANT * temperature) * correction


def boiling_evaporation(
    seconds: npt.ArrayLike, area: float, ground_temperature: float, boiling_point: float, latent_heat: float, *,
    conductivity: float = 0.9, diffusivity: float = 4.3e-7,
) -> F64:  # fmt: skip
    """Boil-off by heat from the ground, kg/s at times > 0: ``ks (Tg - Tb) / (hv sqrt(pi alpha t)) A``.

    Defaults are average subsoil (Yellow Book, table 3.2).
    """
    positive(area=area, latent_heat=latent_heat, conductivity=conductivity, diffusivity=diffusivity)
    positive(ground_temperature=ground_temperature, boiling_point=boiling_point)
    t = np.asarray(seconds, dtype=np.float64)
    if np.any(~(t > 0)):
        raise ValueError("the time must be above 0 s")
    drive = max(ground_temperature - boiling_point, 0.0)
    out: F64 = area * conductivity * drive / (latent_heat * np.sqrt(math.pi * diffusivity * t))
    return out


def gas_density(molar_mass: float, temperature: float, pressure: float = ATMOSPHERE) -> float:
    """Ideal-gas density, kg/m3."""
    positive(molar_mass=molar_mass, temperature=temperature, pressure=pressure)
    return pressure * molar_mass / (GAS_CONSTANT * temperature)
