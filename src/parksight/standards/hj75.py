"""HJ 75/76-2017: continuous monitoring of flue gas (CEMS): conversion, validity, substitution, totals.

Concentrations in mg/m3 (dry, standard state 273 K, 101325 Pa), oxygen in %vol. NaN is "missing".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from parksight.standards.averaging import block_mean

F64 = npt.NDArray[np.float64]

#: Oxygen above which the conversion is meaningless: the unit idles or the probe draws air.
OXYGEN_CEILING = 19.0


class Gap(StrEnum):
    """Why data are missing; decides which past hours stand in."""

    OUT_OF_CONTROL = "out_of_control"
    FAULT_OR_MAINTENANCE = "fault_or_maintenance"


@dataclass(frozen=True, slots=True)
class Substitution:
    """Values for the emission amount only; the concentration stays marked missing.

    Attributes:
        values: shape of the gap, each the substitute.
        look_back_hours: valid hours the substitute was taken from.
        capture: quarterly valid capture used, 0…1.
    """

    values: F64
    look_back_hours: int
    capture: float


def dry(wet: npt.ArrayLike, moisture: npt.ArrayLike) -> F64:
    """Dry-basis concentration from a wet one: ``Cd = Cw / (1 - Xsw)``; moisture as a fraction 0…<1."""
    x = np.asarray(moisture, dtype=np.float64)
    if np.any((x < 0) | (x >= 1)):
        raise ValueError("moisture is a fraction from 0 to below 1; per cent must be divided by 100")
    return np.asarray(wet, dtype=np.float64) / (1.0 - x)


def converted(concentration: npt.ArrayLike, oxygen: npt.ArrayLike, reference_oxygen: float) -> F64:
    """Concentration at reference oxygen (折算): ``C * (21 - O2ref) / (21 - O2)``; arrays broadcast.

    NaN where oxygen is missing or at least :data:`OXYGEN_CEILING` (the unit does not burn).

    Raises:
        ValueError: the reference lies outside 0 … 20.9 %vol, or oxygen is negative.

    Source: HJ 75-2017, Annex C (excess air).
    """
    if not 0 <= reference_oxygen < 21:
        raise ValueError(f"reference oxygen must lie in 0..21 %vol, not {reference_oxygen}")
    o2 = np.asarray(oxygen, dtype=np.float64)
    if np.any(o2 < 0):
        raise ValueError("oxygen below 0 %vol: mark the value invalid before converting")
    c = np.asarray(concentration, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        out: F64 = np.where(o2 < OXYGEN_CEILING, c * (21.0 - reference_oxygen) / (21.0 - o2), np.nan)
    return out


def nox_as_no2(no: npt.ArrayLike, no2: npt.ArrayLike = 0.0) -> F64:
    """NOx reported as NO2: ``NO * 46/30 + NO2``, mg/m3."""
    out: F64 = np.asarray(no, dtype=np.float64) * (46.0 / 30.0) + np.asarray(no2, dtype=np.float64)
    return out


def dry_standard_flow(
    velocity: npt.ArrayLike,
    area: float,
    temperature_c: npt.ArrayLike,
    static_pressure_pa: npt.ArrayLike,
    moisture: npt.ArrayLike,
    barometric_pa: float = 101325.0,
) -> F64:
    """Dry flow at standard state, Nm3/h.

    ``3600 F V * 273/(273+t) * (Ba+Ps)/101325 * (1-Xsw)``; velocity in m/s, area in m2, static pressure relative to
    the barometer. HJ 75-2017, Annex C.
    """
    if not area > 0:
        raise ValueError(f"the stack's area must be above 0 m2, not {area}")
    t = np.asarray(temperature_c, dtype=np.float64)
    flow: F64 = (
        3600.0 * area * np.asarray(velocity, dtype=np.float64)
        * 273.0 / (273.0 + t)
        * (barometric_pa + np.asarray(static_pressure_pa, dtype=np.float64)) / 101325.0
        * (1.0 - np.asarray(moisture, dtype=np.float64))
    )  # fmt: skip
    return flow


def emission_rate(measured: npt.ArrayLike, flow_nm3_h: npt.ArrayLike) -> F64:
    """kg/h from the *measured* (not converted) concentration: ``C Q 1e-6``."""
    out: F64 = np.asarray(measured, dtype=np.float64) * np.asarray(flow_nm3_h, dtype=np.float64) * 1e-6
    return out


def hourly_means(minutes: npt.ArrayLike) -> F64:
    """Means of minute values (…, 60 n) to (…, n); an hour needs 45 valid minutes. HJ 75-2017, 12."""
    return block_mean(minutes, 60, 45)


def daily_means(hours: npt.ArrayLike) -> F64:
    """Means of hourly values; a day needs 20 valid hours. HJ 75-2017, 12."""
    return block_mean(hours, 24, 20)


def month_valid(valid_days: int, month: int) -> bool:
    """Whether a month counts: 25 valid days, 23 in February."""
    if not 1 <= month <= 12:
        raise ValueError(f"there is no month {month}")
    return valid_days >= (23 if month == 2 else 25)


def capture(total_hours: float, stopped_hours: float, invalid_hours: float) -> float:
    """Quarterly valid data capture ``(hours - stop - invalid) / (hours - stop)``, 0…1; must reach 0.75.

    Raises ValueError when the source never ran: then there is no capture to speak of.
    """
    running = total_hours - stopped_hours
    if running <= 0:
        raise ValueError("the source was stopped throughout: capture is not defined")
    if not 0 <= invalid_hours <= running:
        raise ValueError(f"invalid hours must lie in 0..{running}, not {invalid_hours}")
    return (running - invalid_hours) / running


def substitute(history: npt.ArrayLike, gap_hours: int, quarterly_capture: float, gap: Gap) -> Substitution:
    """Stand-in values for a gap, for the emission amount only.

    Args:
        history: valid hourly values before the gap (before the last calibration when out of control), oldest
            first; NaN hours are passed over.
        gap_hours: length of the gap, >= 1.
        quarterly_capture: from :func:`capture`.

    Raises:
        ValueError: capture below 75 % (no substitution is allowed: the quarter is invalid), or too little history.

    Source: HJ 75-2017, 12.2 and Table 5: maximum of the last 180, 720 or 2160 valid hours.
    """
    if gap_hours < 1:
        raise ValueError(f"a gap has at least 1 hour, not {gap_hours}")
    if quarterly_capture < 0.75:
        raise ValueError(
            f"capture {quarterly_capture:.1%} is below 75 %: the quarter may not be filled by substitution ({gap})"
        )
    look_back = 2160 if quarterly_capture < 0.90 else (180 if gap_hours <= 24 else 720)
    x = np.asarray(history, dtype=np.float64).ravel()
    x = x[np.isfinite(x)]
    if x.size < look_back:
        raise ValueError(f"{look_back} valid hours before the gap are needed, only {x.size} are there")
    return Substitution(np.full(gap_hours, x[-look_back:].max()), look_back, quarterly_capture)


def effective_transmission(received: int, due: int, valid: int, due_valid: int) -> tuple[float, float, float]:
    """Transmission rate, validity rate and their product (传输有效率), each 0…1.

    Raises ValueError when nothing was due (the rate is then not 100 %, it does not exist) or counts contradict.
    """
    for name, part, whole in (("received", received, due), ("valid", valid, due_valid)):
        if whole <= 0:
            raise ValueError(f"nothing was due: the rate of {name} data is not defined")
        if not 0 <= part <= whole:
            raise ValueError(f"{name} must lie in 0..{whole}, not {part}")
    transmission, validity = received / due, valid / due_valid
    return transmission, validity, transmission * validity
