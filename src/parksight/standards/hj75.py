"""HJ 75/76-2017: continuous monitoring of flue gas (CEMS): conversion, validity, substitution, totals.

Concentrations in mg/m3 (dry, standard state 273 K, 101325 Pa), oxygen in %vol. NaN is "missing".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from parksight.standards.averaging import Exceedance, block_mean, judge
from parksight.standards.rulepack import Confidence, Rule, RulePack, builtin, weakest

F64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

#: First day of the 2017 edition: whose rules hold where no day is given.
IN_FORCE = date(2018, 3, 1)


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
        rule: the row of Table 5 that was applied.
    """

    values: F64
    look_back_hours: int
    capture: float
    rule: Rule


@dataclass(frozen=True, slots=True)
class MissingSpan:
    """A gap of a year's or quarter's hours.

    Attributes:
        begin: index of its first hour.
        hours: length.
        gap: why the data are missing.
        calibrated: index of the hour of the last passed calibration, needed when out of control.
    """

    begin: int
    hours: int
    gap: Gap = Gap.FAULT_OR_MAINTENANCE
    calibrated: int | None = None


@dataclass(frozen=True, slots=True)
class EmissionTotal:
    """Mass emitted over a span of hours, kg, with how much of it was measured.

    Attributes:
        kg: measured plus substituted.
        measured_kg, substituted_kg: the two parts.
        measured_hours, substituted_hours, stopped_hours: add up to the hours of the span.
        capture: valid capture of the span.
        rules: what was applied.
    """

    kg: float
    measured_kg: float
    substituted_kg: float
    measured_hours: int
    substituted_hours: int
    stopped_hours: int
    capture: float
    rules: tuple[Rule, ...]

    @property
    def confidence(self) -> Confidence:
        """The weakest mark among the rules used."""
        return weakest(self.rules)


def dry(wet: npt.ArrayLike, moisture: npt.ArrayLike) -> F64:
    """Dry-basis concentration from a wet one: ``Cd = Cw / (1 - Xsw)``; moisture as a fraction 0…<1."""
    x = np.asarray(moisture, dtype=np.float64)
    if np.any((x < 0) | (x >= 1)):
        raise ValueError("moisture is a fraction from 0 to below 1; per cent must be divided by 100")
    return np.asarray(wet, dtype=np.float64) / (1.0 - x)


def reference_oxygen(source: str, on: date, rules: RulePack | None = None) -> Rule:
    """Reference oxygen of a kind of source (``coal_power``, ``coal_boiler``, ``oil_or_gas_boiler``, ``gas_turbine``,
    ``waste_incineration``), %vol. The permit goes before it: overlay the plant's own row. Mostly unverified."""
    return (rules or builtin()).get("hj75.reference_oxygen", on, source=source)


def converted(
    concentration: npt.ArrayLike,
    oxygen: npt.ArrayLike,
    reference_oxygen: float,
    *,
    ceiling: float | None = None,
) -> F64:
    """Concentration at reference oxygen (折算): ``C * (21 - O2ref) / (21 - O2)``; arrays broadcast.

    NaN where oxygen is missing or at least ``ceiling`` (the unit does not burn, or the probe draws air).

    Args:
        ceiling: %vol, below 21; the pack's ``hj75.oxygen_ceiling`` (19, unverified) when None.

    Raises:
        ValueError: the reference or ceiling lies outside 0 … 21 %vol, or oxygen is negative.

    Source: HJ 75-2017, Annex C (excess air).
    """
    if not 0 <= reference_oxygen < 21:
        raise ValueError(f"reference oxygen must lie in 0..21 %vol, not {reference_oxygen}")
    top = builtin().number("hj75.oxygen_ceiling", IN_FORCE) if ceiling is None else ceiling
    if not 0 < top < 21:
        raise ValueError(f"the oxygen ceiling must lie in 0..21 %vol, not {top}")
    o2 = np.asarray(oxygen, dtype=np.float64)
    if np.any(o2 < 0):
        raise ValueError("oxygen below 0 %vol: mark the value invalid before converting")
    c = np.asarray(concentration, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        out: F64 = np.where(o2 < top, c * (21.0 - reference_oxygen) / (21.0 - o2), np.nan)
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
    t, x = np.asarray(temperature_c, dtype=np.float64), np.asarray(moisture, dtype=np.float64)
    if np.any((x < 0) | (x >= 1)):
        raise ValueError("moisture is a fraction from 0 to below 1; per cent must be divided by 100")
    if np.any(t <= -273.0):
        raise ValueError("a stack cannot be colder than 0 K")
    flow: F64 = (
        3600.0 * area * np.asarray(velocity, dtype=np.float64)
        * 273.0 / (273.0 + t)
        * (barometric_pa + np.asarray(static_pressure_pa, dtype=np.float64)) / 101325.0
        * (1.0 - x)
    )  # fmt: skip
    return flow


def emission_rate(measured: npt.ArrayLike, flow_nm3_h: npt.ArrayLike) -> F64:
    """kg/h from the *measured* (not converted) concentration: ``C Q 1e-6``."""
    out: F64 = np.asarray(measured, dtype=np.float64) * np.asarray(flow_nm3_h, dtype=np.float64) * 1e-6
    return out


def by_flag(
    values: npt.ArrayLike, flags: npt.ArrayLike, on: date = IN_FORCE, rules: RulePack | None = None
) -> tuple[F64, Bools]:
    """Values that count, NaN elsewhere, and where the source was stopped, from HJ 212 data flags.

    Args:
        values, flags: arrays of one shape; flags are letters (``N`` normal, ``F`` stopped, ``M``, ``S``, ``D``, ``C``,
            ``T``, ``B``).

    Raises RuleMissing for a flag the pack does not know: an unknown flag is neither valid nor invalid.
    """
    x, letters = np.asarray(values, dtype=np.float64), np.asarray(flags)
    if x.shape != letters.shape:
        raise ValueError(f"values {x.shape} and flags {letters.shape} must have one shape")
    pack = rules or builtin()
    names, which = np.unique(letters, return_inverse=True)
    meaning = np.array([str(pack.get("hj212.flag", on, flag=name).value) for name in names.tolist()])
    means = meaning[which].reshape(x.shape) if names.size else np.empty(x.shape, dtype=str)
    return np.where(means == "valid", x, np.nan), means == "stopped"


def hourly_means(minutes: npt.ArrayLike, on: date = IN_FORCE, rules: RulePack | None = None) -> F64:
    """Means of minute values (…, 60 n) to (…, n); an hour needs 45 valid minutes. HJ 75-2017, 12."""
    return block_mean(minutes, 60, int(_validity("1h", on, rules).number))


def daily_means(hours: npt.ArrayLike, on: date = IN_FORCE, rules: RulePack | None = None) -> F64:
    """Means of hourly values; a day needs 20 valid hours. HJ 75-2017, 12."""
    return block_mean(hours, 24, int(_validity("24h", on, rules).number))


def month_valid(valid_days: int, month: int, on: date = IN_FORCE, rules: RulePack | None = None) -> bool:
    """Whether a month counts: 25 valid days, 23 in February."""
    if not 1 <= month <= 12:
        raise ValueError(f"there is no month {month}")
    if not 0 <= valid_days <= 31:
        raise ValueError(f"a month cannot have {valid_days} valid days")
    return valid_days >= _validity("february" if month == 2 else "month", on, rules).number


def exceedance(
    minutes: npt.ArrayLike, limit: Rule, on: date = IN_FORCE, *, period: str = "1h",
    excused: npt.ArrayLike | None = None, rules: RulePack | None = None,
) -> Exceedance:  # fmt: skip
    """Judge converted (折算) minute values of a stack by valid hourly, or daily, means.

    Args:
        minutes: converted concentration, shape (…, 60 n), in the limit's unit, NaN where not valid.
        limit: the permit's limit, from the plant's pack.
        period: ``1h``, or ``24h`` (waste incineration).
        excused: hours that the permit leaves out (start-up, stop, fault, calibration), shape (…, n), bool.

    HJ 75-2017, 12; excused hours are neither compliant nor exceeding.
    """
    used = [_validity("1h", on, rules)]
    hours = block_mean(minutes, 60, int(used[0].number))
    if excused is not None:
        hours = np.where(np.asarray(excused, dtype=bool), np.nan, hours)
    if period == "1h":
        return judge(hours, limit, *used)
    if period != "24h":
        raise ValueError(f"stack limits hold for 1h or 24h, not {period!r}")
    used.append(_validity("24h", on, rules))
    return judge(block_mean(hours, 24, int(used[1].number)), limit, *used)


def capture(total_hours: float, stopped_hours: float, invalid_hours: float) -> float:
    """Quarterly valid data capture ``(hours - stop - invalid) / (hours - stop)``, 0…1; must reach 0.75.

    Raises ValueError when the source never ran: then there is no capture to speak of.
    """
    running = total_hours - stopped_hours
    if not (running > 0 and stopped_hours >= 0):
        raise ValueError("the source was stopped throughout: capture is not defined")
    if not 0 <= invalid_hours <= running:
        raise ValueError(f"invalid hours must lie in 0..{running}, not {invalid_hours}")
    return (running - invalid_hours) / running


def substitute(
    history: npt.ArrayLike, gap_hours: int, quarterly_capture: float, gap: Gap, on: date = IN_FORCE,
    rules: RulePack | None = None,
) -> Substitution:  # fmt: skip
    """Stand-in values for a gap, for the emission amount only.

    Args:
        history: valid hourly values before the gap (before the last calibration when out of control), oldest
            first; NaN hours are passed over.
        gap_hours: length of the gap, >= 1.
        quarterly_capture: from :func:`capture`.

    Raises:
        ValueError: capture below 75 % (no substitution is allowed: the quarter is invalid), or too little history.

    Source: HJ 75-2017, 12.2 and Table 5: capture from 90 % on: maximum of the last 180 valid hours for a gap up to
    24 h, of 720 beyond; 75 % to below 90 %: of 2160.
    """
    if gap_hours < 1:
        raise ValueError(f"a gap has at least 1 hour, not {gap_hours}")
    rule = _look_back(gap_hours, quarterly_capture, gap, on, rules)
    look_back = int(rule.number)
    x = np.asarray(history, dtype=np.float64).ravel()
    x = x[np.isfinite(x)]
    if x.size < look_back:
        raise ValueError(f"{look_back} valid hours before the gap are needed, only {x.size} are there")
    return Substitution(np.full(gap_hours, x[-look_back:].max()), look_back, quarterly_capture, rule)


def emission_total(
    rate: npt.ArrayLike, stopped: npt.ArrayLike, gaps: Sequence[MissingSpan], *, history: npt.ArrayLike = (),
    on: date = IN_FORCE, rules: RulePack | None = None,
) -> EmissionTotal:  # fmt: skip
    """Mass emitted over a quarter: measured hours plus substituted ones; stopped hours emit nothing.

    Args:
        rate: hourly emission, kg/h, shape (n,), NaN where missing; from :func:`emission_rate`.
        stopped: bool, shape (n,), hours in which the source did not run.
        gaps: every missing running hour must lie in exactly one of them: only the operator knows why data are missing.
        history: hourly emissions before the quarter, oldest first, for gaps at its beginning.

    Raises:
        ValueError: a missing hour is not explained, a gap covers measured hours or lies outside, capture is below
            75 %, there is too little history, or a calibration is missing or lies after its gap.

    Source: HJ 75-2017, 12.2 and 12.3.
    """
    x, off = np.asarray(rate, dtype=np.float64), np.asarray(stopped, dtype=bool)
    if x.ndim != 1 or x.shape != off.shape:
        raise ValueError("rate and stopped must be hours of one length")
    missing: Bools = ~np.isfinite(x) & ~off
    covered = np.zeros(x.size, dtype=np.int64)
    for span in gaps:
        if span.hours < 1 or span.begin < 0 or span.begin + span.hours > x.size:
            raise ValueError(f"the gap of {span.hours} h at hour {span.begin} lies outside the span")
        covered[span.begin : span.begin + span.hours] += 1
    if np.any(missing & (covered != 1)):
        at = int(np.flatnonzero(missing & (covered != 1))[0])
        raise ValueError(f"the missing hour {at} must lie in one gap that says why it is missing")
    if np.any((covered > 0) & ~missing & ~off):
        at = int(np.flatnonzero((covered > 0) & ~missing & ~off)[0])
        raise ValueError(f"hour {at} was measured, but a gap claims it is missing")
    share = capture(x.size, float(off.sum()), float(missing.sum()))
    before = np.asarray(history, dtype=np.float64).ravel()
    running = np.where(off, np.nan, x)
    filled, used = 0.0, []
    for span in gaps:
        hours = int(missing[span.begin : span.begin + span.hours].sum())
        if not hours:
            continue
        end = span.begin
        if span.gap is Gap.OUT_OF_CONTROL:
            if span.calibrated is None or span.calibrated > span.begin:
                raise ValueError(
                    f"the gap at hour {span.begin} is out of control: say when it was last calibrated"
                )
            end = span.calibrated
        past = np.concatenate([before, running[: max(0, end)]])[: before.size + end]
        found = substitute(past, hours, share, span.gap, on, rules)
        filled += float(found.values.sum())
        used.append(found.rule)
    measured = np.isfinite(running)
    kg = float(running[measured].sum())
    pack = rules or builtin()
    least = pack.get("hj75.capture_least", on, edge="valid")
    return EmissionTotal(
        kg + filled, kg, filled, int(measured.sum()), int(missing.sum()), int(off.sum()), share,
        tuple({id(rule): rule for rule in (least, *used)}.values()),
    )  # fmt: skip


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


def transmission_target(on: date, rules: RulePack | None = None) -> Rule:
    """Effective transmission to be reached (0.90, unverified; older rules 0.75)."""
    return (rules or builtin()).get("hj75.transmission", on, kind="target")


def _validity(period: str, on: date, rules: RulePack | None) -> Rule:
    return (rules or builtin()).get("hj75.validity", on, period=period)


def _look_back(hours: int, share: float, gap: Gap, on: date, rules: RulePack | None) -> Rule:
    pack = rules or builtin()
    if not share >= pack.number("hj75.capture_least", on, edge="valid"):
        raise ValueError(
            f"capture {share:.1%} is below 75 %: the quarter may not be filled by substitution ({gap})"
        )
    if share < pack.number("hj75.capture_least", on, edge="high"):
        return pack.get("hj75.look_back", on, capture="low", gap="any")
    return pack.get("hj75.look_back", on, capture="high", gap="24h" if hours <= 24 else "longer")
