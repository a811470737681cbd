"""Parameters of the forensic rules, and how a point opts out or changes them.

``Point.properties["forensics"]`` may hold:

* ``{"off": true}``: no rule looks at the point (set points, manual entries, test points);
* ``{"exclude": ["flat_line", "spike"]}``: these rules do not;
* ``{"ignore_flat_at": [0, 4.0]}``: a flat line at one of these values (within half a resolution) is normal;
* ``{"flat_line": {"min_minutes": 240}, "spike": {"sigmas": 12}, …}``: other parameters.

Without any of it these are spared by nature: discrete and counting quantities from all value rules, class tags
``setpoint`` and ``setpoint.*`` from all rules, meter readings (energy, volume, mass, duration) from flat line
and repeated block, and a flat line at exactly zero for quantities that are zero when plant is switched off or
no water runs (:data:`ZERO_WHEN_OFF`). A level rests as long as nothing is pumped: it needs half a day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from parksight.telemetry.units import QUANTITIES

#: Parameters by rule. Durations in minutes; see the functions of the same names in :mod:`.rules`.
DEFAULTS: dict[str, dict[str, float]] = {
    "flat_line": {"min_rows": 20, "min_minutes": 30, "alpha": 1e-6},
    "spike": {"half_window": 7, "sigmas": 10},
    "out_of_range": {"min_rows": 3},
    "repeated_block": {"width": 60, "min_bits": 40},
    "clock_drift": {"bins": 24, "max_ppm": 200, "min_drift_s": 5},
}
_RESTING = {**DEFAULTS["flat_line"], "min_minutes": 720}
RULES = tuple(DEFAULTS)
#: Rules whose spans are marked SUSPECT in the store. Out-of-range rows are marked at ingest already, and a
#: drifting clock says nothing about the values.
MARKING = frozenset({"flat_line", "spike", "repeated_block"})

ZERO_WHEN_OFF = frozenset(
    {
        "flow", "flow.normal", "flow.mass", "power", "power.reactive", "power.apparent", "current", "rotation",
        "speed", "irradiance", "rain", "rain.amount", "heat_flow", "blackness", "gas.lel", "gas.fraction",
        "acceleration",
    }
)  # fmt: skip
METERS = frozenset({"energy", "energy.reactive", "volume", "volume.normal", "mass", "duration"})


@dataclass(frozen=True, slots=True)
class PointRules:
    """What applies to one point.

    Attributes:
        rules: rule -> parameters; a rule that is not in it does not look at the point.
        ignore_flat_at: values at which a flat line is normal, in the point's unit.
    """

    rules: dict[str, dict[str, float]] = field(default_factory=dict)
    ignore_flat_at: tuple[float, ...] = ()


def rules_for(quantity: str, kind: str, properties: Mapping[str, Any]) -> PointRules:
    """Rules and parameters of a point; unusable entries of ``properties`` are ignored, the defaults stand."""
    own = properties.get("forensics")
    own = own if isinstance(own, Mapping) else {}
    if own.get("off") is True or kind == "setpoint" or kind.startswith("setpoint."):
        return PointRules()
    excluded = {str(r) for r in own.get("exclude", ())} if isinstance(own.get("exclude"), list) else set()
    known = QUANTITIES.get(quantity)
    if (known is not None and known.discrete) or quantity == "count":
        excluded |= {"flat_line", "spike", "repeated_block"}
    if quantity in METERS:
        excluded |= {"flat_line", "repeated_block"}
    defaults = DEFAULTS if quantity != "level" else {**DEFAULTS, "flat_line": _RESTING}
    normal = [0.0] if quantity in ZERO_WHEN_OFF else []
    flat_at = own.get("ignore_flat_at")
    if isinstance(flat_at, list):
        normal += [float(x) for x in flat_at if isinstance(x, int | float)]
    rules = {
        rule: {**parameters, **_numbers(own.get(rule), parameters)}
        for rule, parameters in defaults.items()
        if rule not in excluded
    }
    return PointRules(rules, tuple(normal))


def _numbers(given: Any, known: Mapping[str, float]) -> dict[str, float]:
    if not isinstance(given, Mapping):
        return {}
    return {
        k: v
        for k, v in given.items()
        if k in known and isinstance(v, int | float) and not isinstance(v, bool) and v > 0
    }
