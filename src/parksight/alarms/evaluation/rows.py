"""A rule on one point, as the compiler takes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from parksight.alarms.expressions import Reference


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One rule on one point.

    Attributes:
        definition: as :class:`parksight.alarms.models.Rule` keeps it.
        period_s: expected period of the point, seconds.
        suppression: condition of suppression by design; empty for none.
        in_service: False while the rule is out of service.
        low: plausible range of the point, in its unit.
        inputs: point ids of what its expressions read, and their periods in seconds.
        conversions: factor and shift that bring a reference into the point's own unit, where they differ.
    """

    id: int
    version: int
    point_id: int
    definition: Mapping[str, Any]
    period_s: float
    suppression: str = ""
    in_service: bool = True
    low: float = float("-inf")
    high: float = float("inf")
    inputs: Mapping[Reference, tuple[int, float]] = field(default_factory=dict)
    conversions: Mapping[Reference, tuple[float, float]] = field(default_factory=dict)

    def point_of(self, reference: Reference) -> int:
        """Point id of a reference; raises KeyError for one that was not resolved."""
        return self.point_id if reference.kind == "self" else self.inputs[reference][0]
