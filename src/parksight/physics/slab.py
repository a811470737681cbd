"""Dense-gas refinement by SLAB (Ermak 1990) through the ``slabx`` package (MIT).

Some tenths of a second a run: the map shows Britter-McQuaid at once and this when it is ready. Limits are slabx's own
(its LIMITATIONS.md): flat ground, no obstacles; dense, slow releases may run away and then raise here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from slabx.core.plume import run_dispersion
from slabx.core.source import EvaporatingPool, HorizontalJet, InstantaneousRelease
from slabx.post.concentration import concentration_field
from slabx.submodels.atmosphere import Atmosphere
from slabx.thermo.base import LegacyThermo, water_backend
from slabx.thermo.base import Substance as SlabSubstance

F64 = npt.NDArray[np.float64]


class SlabFailed(RuntimeError):  # noqa: N818 - reads as what happened
    """SLAB did not converge for these inputs; keep the Britter-McQuaid result and say so."""


@dataclass(frozen=True, slots=True)
class Weather:
    """Wind (m/s) at a height (m), air temperature (K), relative humidity (0…1), roughness (m), and class A…F or 1/L (1/m)."""

    wind: float
    height: float
    temperature: float
    humidity: float
    z0: float
    stability: str | None = None
    inverse_obukhov: float | None = None

    def __post_init__(self) -> None:
        if (self.stability is None) == (self.inverse_obukhov is None):
            raise ValueError("give a stability class or 1/L, one of them")
        if not (self.wind > 0 and self.height > 0 and self.temperature > 0 and self.z0 > 0):
            raise ValueError("wind, height, temperature and roughness must be known and above 0")
        if not 0 <= self.humidity <= 1:
            raise ValueError(f"relative humidity lies in 0..1, not {self.humidity}")


@dataclass(frozen=True, slots=True)
class Liquid:
    """Properties SLAB needs: kg/mol, J/(kg K), J/kg, K, kg/m3, and the saturation constants B, C (defaults by Clausius)."""

    name: str
    molar_mass: float
    vapour_heat_capacity: float
    liquid_heat_capacity: float
    latent_heat: float
    boiling_point: float
    liquid_density: float
    saturation_b: float = -1.0
    saturation_c: float = 0.0


@dataclass(frozen=True, slots=True)
class Release:
    """What is released: kg/s for ``duration`` s over ``area`` m2; ``kind`` pool, jet or instantaneous (then ``mass`` kg)."""

    kind: str
    rate: float
    area: float
    duration: float
    liquid_fraction: float = 0.0
    height: float = 0.0
    mass: float = 0.0


@dataclass(frozen=True, slots=True)
class SlabCloud:
    """The result over distance ``x`` (m), arrays of one length.

    ``fraction`` is the averaged centreline volume fraction at the height asked for, ``half_width`` m and ``arrival`` s
    of the cloud; ``mass_fraction``, ``temperature`` (K) and ``depth`` (m) are means over the cloud's section.
    """

    x: F64
    fraction: F64
    half_width: F64
    arrival: F64
    mass_fraction: F64
    temperature: F64
    depth: F64

    def distance_to(self, level: float) -> float:
        """Farthest distance with at least this volume fraction, m; NaN when it is never reached."""
        above = np.flatnonzero(self.fraction >= level)
        if above.size == 0:
            return math.nan
        i = int(above[-1])
        if i + 1 == self.x.size:
            raise ValueError(f"{level} still holds at the end of the run ({self.x[-1]:.0f} m): run farther")
        a, b = math.log(self.fraction[i]), math.log(max(self.fraction[i + 1], 1e-300))
        return float(self.x[i] + (self.x[i + 1] - self.x[i]) * (a - math.log(level)) / (a - b))


def run(
    release: Release, liquid: Liquid, weather: Weather, *, farthest: float, receptor_height: float = 1.0,
    averaging_s: float = 10.0,
) -> SlabCloud:  # fmt: skip
    """Run SLAB out to ``farthest`` m.

    Raises:
        ValueError: an input is missing or makes no sense.
        SlabFailed: the integration did not converge.
    """
    for name in ("rate", "area", "duration"):
        if (
            not (math.isfinite(getattr(release, name)) and getattr(release, name) > 0)
            and release.kind != "instantaneous"
        ):
            raise ValueError(f"the release's {name} must be known and above 0")
    substance = SlabSubstance(
        name=liquid.name, mw=liquid.molar_mass, cp_vapour=liquid.vapour_heat_capacity,
        cp_liquid=liquid.liquid_heat_capacity, dh_vap=liquid.latent_heat, T_boil=liquid.boiling_point,
        rho_liquid=liquid.liquid_density, sat_B=liquid.saturation_b, sat_C=liquid.saturation_c,
    )  # fmt: skip
    stability = {"stability": weather.stability} if weather.stability else {"inv_L": weather.inverse_obukhov}
    air = Atmosphere(
        u_ref=weather.wind, z_ref=weather.height, T=weather.temperature, rh=weather.humidity * 100.0,
        z0=weather.z0, **stability,
    )  # fmt: skip
    try:
        trajectory, _ = run_dispersion(
            _source(release, substance),
            air,
            LegacyThermo(substance),
            water_backend(),
            x_max=farthest,
            n_puff_steps=40,
        )
        found = concentration_field(
            trajectory, air, z=receptor_height, t_avg=averaging_s, t_release=release.duration
        )
    except (ArithmeticError, RuntimeError, ValueError, IndexError) as error:
        raise SlabFailed(f"SLAB did not finish: {error}") from error
    return SlabCloud(
        np.asarray(found.x, dtype=np.float64), np.asarray(found.peak, dtype=np.float64),
        np.asarray(found.B_c, dtype=np.float64), np.asarray(trajectory.t, dtype=np.float64),
        np.asarray(trajectory.mass_frac, dtype=np.float64), np.asarray(trajectory.T, dtype=np.float64),
        np.asarray(trajectory.h, dtype=np.float64),
    )  # fmt: skip


def _source(release: Release, substance: Any) -> Any:
    if release.kind == "pool":
        return EvaporatingPool(
            substance=substance, rate=release.rate, area=release.area, duration=release.duration
        )
    common = {
        "substance": substance, "rate": release.rate, "area": release.area, "duration": release.duration,
        "liquid_fraction": release.liquid_fraction, "height": release.height,
    }  # fmt: skip
    if release.kind == "jet":
        return HorizontalJet(**common)
    if release.kind == "instantaneous":
        return InstantaneousRelease(**common, mass=release.mass)
    raise ValueError(f"{release.kind!r} is no kind of release: pool, jet or instantaneous")
