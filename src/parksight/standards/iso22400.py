"""ISO 22400-2 key performance indicators of manufacturing operations. Times in one unit, quantities in one unit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date

from parksight.standards.rulepack import Rule, RulePack, builtin


def definition(kpi: str, on: date, rules: RulePack | None = None) -> Rule:
    """Formula of an indicator (named as its function: ``oee``, ``first_pass_yield`` …) and how sure it is.

    Only A, E, Q and OEE are confirmed by two sources; a page that shows another must show its mark.
    """
    return (rules or builtin()).get("iso22400.kpi", on, kpi=kpi)


def _ratio(part: float, whole: float, name: str) -> float:
    if not whole > 0:
        raise ValueError(f"{name}: the denominator must be above 0, not {whole}; the figure is not defined")
    if not (part >= 0 and math.isfinite(part) and math.isfinite(whole)):
        raise ValueError(
            f"{name}: numerator and denominator must be known and 0 or more, not {part} and {whole}"
        )
    return part / whole


@dataclass(frozen=True, slots=True)
class Oee:
    """Overall equipment effectiveness with its factors, each a fraction.

    ``suspect`` names what is wrong with the inputs: an effectiveness above 1 means that the planned run time per
    item is wrong; it is flagged, never capped.
    """

    availability: float
    effectiveness: float
    quality: float
    suspect: tuple[str, ...]

    @property
    def oee(self) -> float:
        """``A E Q``, a fraction."""
        return self.availability * self.effectiveness * self.quality


def oee(
    planned_busy_time: float, actual_production_time: float, planned_run_time_per_item: float,
    produced: float, good: float,
) -> Oee:  # fmt: skip
    """OEE = A E Q: ``A = APT/PBT``, ``E = PRI PQ / APT``, ``Q = GQ/PQ``. ISO 22400-2, KPI 9.

    Raises ValueError where a denominator is 0 (nothing planned or produced: there is no OEE).
    """
    if not (good >= 0 and produced >= 0):
        raise ValueError(f"quantities must be known and 0 or more, not {good} good of {produced}")
    if good > produced:
        raise ValueError(f"good quantity {good} exceeds produced quantity {produced}")
    a = _ratio(actual_production_time, planned_busy_time, "availability")
    e = _ratio(planned_run_time_per_item * produced, actual_production_time, "effectiveness")
    q = _ratio(good, produced, "quality ratio")
    suspect = tuple(n for n, v in (("availability", a), ("effectiveness", e)) if v > 1.0 + 1e-9)
    return Oee(a, e, q, suspect)


def nee(
    planned_busy_time: float,
    actual_production_time: float,
    setup_time: float,
    effectiveness: float,
    quality: float,
) -> float:
    """Net equipment effectiveness ``(AUPT/PBT) E Q``, AUPT = APT + set-up (set-up is no loss)."""
    return _ratio(actual_production_time + setup_time, planned_busy_time, "NEE") * effectiveness * quality


def teep(oee_value: float, planned_busy_time: float, calendar_time: float) -> float:
    """Total effective equipment performance ``OEE PBT / calendar time`` (not in the ISO base list)."""
    return oee_value * _ratio(planned_busy_time, calendar_time, "TEEP")


def first_pass_yield(good_parts: float, inspected_parts: float) -> float:
    """FPY = GP/IP: good without rework over inspected."""
    return _ratio(good_parts, inspected_parts, "first pass yield")


def scrap_ratio(scrap: float, produced: float) -> float:
    """SQ/PQ."""
    return _ratio(scrap, produced, "scrap ratio")


def rework_ratio(rework: float, produced: float) -> float:
    """RQ/PQ."""
    return _ratio(rework, produced, "rework ratio")


def utilisation_efficiency(actual_production_time: float, actual_unit_busy_time: float) -> float:
    """APT/AUBT."""
    return _ratio(actual_production_time, actual_unit_busy_time, "utilisation efficiency")


def allocation_efficiency(actual_unit_busy_time: float, planned_busy_time: float) -> float:
    """AUBT/PBT."""
    return _ratio(actual_unit_busy_time, planned_busy_time, "allocation efficiency")


def allocation_ratio(sum_actual_unit_busy_time: float, actual_order_execution_time: float) -> float:
    """sum(AUBT)/AOET."""
    return _ratio(sum_actual_unit_busy_time, actual_order_execution_time, "allocation ratio")


def technical_efficiency(actual_production_time: float, actual_unit_delay_time: float) -> float:
    """APT/(APT+ADET)."""
    return _ratio(
        actual_production_time, actual_production_time + actual_unit_delay_time, "technical efficiency"
    )


def setup_ratio(actual_setup_time: float, actual_unit_processing_time: float) -> float:
    """AUST/AUPT."""
    return _ratio(actual_setup_time, actual_unit_processing_time, "set-up ratio")


def throughput_rate(produced: float, order_execution_time: float) -> float:
    """PQ/AOET."""
    return _ratio(produced, order_execution_time, "throughput rate")


def mean_time_between_failures(sum_time_between: float, failures: int, *, iso: bool = True) -> float:
    """MTBF; the ISO text divides by failures + 1, common practice by failures: say which one is shown."""
    return _ratio(sum_time_between, _failures(failures, iso), "MTBF")


def mean_time_to_failure(sum_time_to_failure: float, failures: int, *, iso: bool = True) -> float:
    """MTTF, see :func:`mean_time_between_failures`."""
    return _ratio(sum_time_to_failure, _failures(failures, iso), "MTTF")


def mean_time_to_repair(sum_time_to_repair: float, failures: int, *, iso: bool = True) -> float:
    """MTTR, see :func:`mean_time_between_failures`."""
    return _ratio(sum_time_to_repair, _failures(failures, iso), "MTTR")


def corrective_maintenance_ratio(corrective_time: float, preventive_time: float) -> float:
    """CMT/(CMT+PMT)."""
    return _ratio(corrective_time, corrective_time + preventive_time, "corrective maintenance ratio")


def _failures(count: int, iso: bool) -> int:
    if count < 0:
        raise ValueError(f"failures are counted: 0 or more, not {count}")
    return count + 1 if iso else count
