"""Work safety as tables from which every figure recomputes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy.orm import Session

from parksight.safety import repository
from parksight.safety.repository import Found

HAZARDS = (
    "enterprise_code", "enterprise", "unit_code", "unit", "kind", "state", "level", "declared_level", "s", "R", "alpha",
    "persons", "substance", "name", "tonnes", "threshold_t", "beta", "ratio", "weighted", "threshold_clause",
    "beta_clause", "confidence", "problem", "record_no", "assessed_on", "assessment_ends_on", "simulated",
)  # fmt: skip


def hazard_rows(session: Session, found: Sequence[Found]) -> Iterator[tuple[Any, ...]]:
    """One row per substance; a source nobody could identify has one row with its problem."""
    for f in found:
        row = f.hazard
        newest = repository.newest_identification(session, row.id)
        head = (
            f.enterprise.code, f.enterprise.name, f.unit.code, f.unit.name, row.kind, row.state, row.level,
            row.declared_level, row.s, row.r, newest.alpha.get("value") if newest else None, row.persons,
        )  # fmt: skip
        tail = (
            row.problem or "", row.record_no, row.assessed_on, row.assessment_ends_on, row.simulated,
        )  # fmt: skip
        lines = newest.lines if newest is not None else []
        if not lines:
            yield (*head, *([None] * 10), *tail)
        for line in lines:
            threshold, beta = line["threshold"], line["beta"]
            yield (
                *head, line["substance"], line["name"], line["tonnes"], threshold["value"], beta["value"], line["ratio"],
                line["weighted"], f"{threshold['standard']} {threshold['clause']}", f"{beta['standard']} {beta['clause']}",
                beta["confidence"] if not beta["verified"] else threshold["confidence"], *tail,
            )  # fmt: skip
