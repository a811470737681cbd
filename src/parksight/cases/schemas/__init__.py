"""What the API of cases shows and takes."""

from parksight.cases.schemas.common import CaseLight, PartyOut, PositionIn
from parksight.cases.schemas.inputs import (
    ActIn,
    CaseIn,
    CommentIn,
    EvidenceIn,
    LinkIn,
    ParticipantIn,
    ReviseIn,
    SignIn,
)
from parksight.cases.schemas.outputs import (
    CaseCounts,
    CaseDetail,
    CaseRow,
    ClockOut,
    EventOut,
    EvidenceOut,
    ExtensionOut,
    HeldOut,
    LedgerOut,
    LinkOut,
    OfferOut,
    ParticipantOut,
    PlanOut,
    RefusalOut,
    SignatureOut,
    SpanOut,
)
from parksight.cases.schemas.types import (
    CaseTypeOut,
    CaseTypeRow,
    ClockTypeOut,
    DemandOut,
    DiagramOut,
    EdgeOut,
    FieldOut,
    NodeOut,
    StateOut,
    StepOut,
    TransitionOut,
)

__all__ = [
    "ActIn", "CaseCounts", "CaseDetail", "CaseIn", "CaseLight", "CaseRow", "CaseTypeOut", "CaseTypeRow", "ClockOut",
    "ClockTypeOut", "CommentIn", "DemandOut", "DiagramOut", "EdgeOut", "EventOut", "EvidenceIn", "EvidenceOut",
    "ExtensionOut", "FieldOut", "HeldOut", "LedgerOut", "LinkIn", "LinkOut", "NodeOut", "OfferOut", "ParticipantIn",
    "ParticipantOut", "PartyOut", "PlanOut", "PositionIn", "RefusalOut", "ReviseIn", "SignIn", "SignatureOut", "SpanOut", "StateOut",
    "StepOut", "TransitionOut",
]  # fmt: skip
