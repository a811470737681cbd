"""Tables of cases, one file per subject; everything is imported from here."""

from parksight.cases.models.case import Case, CaseNumber, Evidence, Link, Participant, Signature, Tag
from parksight.cases.models.desk import SavedFilter
from parksight.cases.models.history import CaseEvent
from parksight.cases.models.time import CaseClock, ClockPause, ClockPlan, Escalation, Extension, Span
from parksight.cases.models.words import CLOCK_STATES, EVIDENCE, EXTENSIONS, HOLDERS, LINKS, SIGNED_BY, WHATS

__all__ = [
    "CLOCK_STATES", "EVIDENCE", "EXTENSIONS", "HOLDERS", "LINKS", "SIGNED_BY", "WHATS", "Case", "CaseClock",
    "CaseEvent", "CaseNumber", "ClockPause", "ClockPlan", "Escalation", "Evidence", "Extension", "Link", "Participant",
    "SavedFilter", "Signature", "Span", "Tag",
]  # fmt: skip
