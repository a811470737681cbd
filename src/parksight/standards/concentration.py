"""Conversion between volume fraction (ppm) and mass concentration (mg/m3) of a gas."""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt

from parksight.standards.rulepack import Rule, RulePack, builtin

#: Molar gas constant, J/(mol K), exact since the SI of 2019.
GAS_CONSTANT = 8.31446261815324


def molar_volume(temperature_k: float = 298.15, pressure_pa: float = 101325.0) -> float:
    """Litres per mole of an ideal gas; 24.465 at the GB 3095-2018/2026 reference of 298.15 K, 1013.25 hPa."""
    if not temperature_k > 0:
        raise ValueError(f"the temperature must be above 0 K, not {temperature_k}")
    if not pressure_pa > 0:
        raise ValueError(f"the pressure must be above 0 Pa, not {pressure_pa}")
    return GAS_CONSTANT * temperature_k / pressure_pa * 1000.0


def ppm_to_mg_m3(
    ppm: npt.ArrayLike, molar_mass: float, temperature_k: float = 298.15, pressure_pa: float = 101325.0
) -> npt.NDArray[np.float64]:
    """mg/m3 of a volume fraction in ppm; any shape, NaN stays NaN.

    Args:
        molar_mass: g/mol, > 0.
    """
    if not molar_mass > 0:
        raise ValueError(f"the molar mass must be above 0 g/mol, not {molar_mass}")
    out: npt.NDArray[np.float64] = np.asarray(ppm, dtype=np.float64) * (
        molar_mass / molar_volume(temperature_k, pressure_pa)
    )
    return out


def mg_m3_to_ppm(
    mg_m3: npt.ArrayLike, molar_mass: float, temperature_k: float = 298.15, pressure_pa: float = 101325.0
) -> npt.NDArray[np.float64]:
    """Inverse of :func:`ppm_to_mg_m3`."""
    return np.asarray(mg_m3, dtype=np.float64) / ppm_to_mg_m3(1.0, molar_mass, temperature_k, pressure_pa)


def molar_mass(substance: str, on: date, rules: RulePack | None = None) -> Rule:
    """Molar mass of a substance of the table, g/mol; RuleMissing for any other."""
    return (rules or builtin()).get("substance.molar_mass", on, substance=substance)


def restated(
    mg_m3: npt.ArrayLike, temperature_k: float, pressure_pa: float, to_temperature_k: float = 298.15,
    to_pressure_pa: float = 101325.0,
) -> npt.NDArray[np.float64]:  # fmt: skip
    """Mass concentration restated from one gas state to another, e.g. 273.15 K of the 2012 edition to 298.15 K."""
    out: npt.NDArray[np.float64] = np.asarray(mg_m3, dtype=np.float64) * (
        molar_volume(temperature_k, pressure_pa) / molar_volume(to_temperature_k, to_pressure_pa)
    )
    return out
