"""GB 30871-2022: safety of special work in enterprises that handle hazardous chemicals (特殊作业).

Level, upgrade, validity, gas tests, approver, distances, and conflicts between permits. Nothing here starts or stops
work: verdicts come with their reasons, a person or the case engine acts. From 2026-05-01 confined spaces also fall
under GB 46768-2025, whose text was not obtained.
"""

from parksight.standards.gb30871.conflicts import Conflict, Permit, conflicts
from parksight.standards.gb30871.gas import GasTest, flammable_limit, gas_test, record_overdue, retest_needed
from parksight.standards.gb30871.levels import (
    HEIGHT_LEVELS,
    HOT_LEVELS,
    Circumstances,
    Verdict,
    Work,
    approver,
    circumstances,
    distance_kept,
    excavation_as_confined_space,
    height_approval_level,
    height_level,
    hot_work_level,
    lifting_level,
    new_ticket_needed,
    requirements,
    term,
    upgraded,
    usual_validity,
    validity,
    wind_stops,
)  # fmt: skip

__all__ = [
    "HEIGHT_LEVELS", "HOT_LEVELS", "Circumstances", "Conflict", "GasTest", "Permit", "Verdict", "Work", "approver",
    "circumstances", "conflicts", "distance_kept", "excavation_as_confined_space", "flammable_limit", "gas_test",
    "height_approval_level", "height_level", "hot_work_level", "lifting_level", "new_ticket_needed",
    "record_overdue", "requirements", "retest_needed", "term", "upgraded", "usual_validity", "validity", "wind_stops",
]  # fmt: skip
