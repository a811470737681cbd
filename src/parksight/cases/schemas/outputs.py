"""What is shown of cases."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from parksight.cases.schemas.common import CaseLight, PartyOut


class CaseRow(BaseModel):
    """A case in a list.

    ``due_at``: the nearest deadline that is still to be kept; ``light`` is computed now; ``holder``: on whom the time runs
    now, which may be a role when nobody owns the case yet.
    """

    id: int
    number: str
    type: str
    state: str
    phase: str
    title: str
    priority: int
    light: CaseLight
    due_at: datetime | None
    enterprise_id: int | None
    subject_kind: str | None
    subject_id: str | None
    lon: float | None
    lat: float | None
    owner: PartyOut | None
    holder: PartyOut | None
    reporter: str
    occurred_at: datetime
    opened_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    result: str | None
    late: bool
    returned: int
    reopened: int
    simulated: bool
    drill: bool
    tags: list[str]
    columns: dict[str, Any]
    version: int


class PlanOut(BaseModel):
    plan: int
    minutes: float | None
    working_days: int | None
    due_at: datetime
    at: datetime
    by: str
    reason: str


class ClockOut(BaseModel):
    """A clock; ``share`` is how much of its time is used up, 1.0 at the deadline."""

    id: int
    code: str
    run: int
    status: str
    light: CaseLight
    holder: PartyOut | None
    minutes: float | None
    working_days: int | None
    started_at: datetime
    paused_at: datetime | None
    stopped_at: datetime | None
    warn_at: datetime
    due_at: datetime
    used_minutes: float | None
    used_working_days: int | None
    met: bool | None
    plans: list[PlanOut]


class EventOut(BaseModel):
    """An entry of the history; ``lag_s`` is how much later than it happened it was recorded, in seconds."""

    seq: int
    what: str
    transition: str | None
    source: str | None
    state: str
    by: str
    by_id: int | None
    acting_for: str | None
    occurred_at: datetime
    recorded_at: datetime
    late: bool
    lag_s: float
    comment: str | None
    detail: dict[str, Any]
    hash: str


class EvidenceOut(BaseModel):
    id: int
    kind: str
    file_id: int | None
    sha256: str
    name: str
    media_type: str
    size: int | None
    lon: float | None
    lat: float | None
    accuracy_m: float | None
    taken_at: datetime | None
    device: str
    note: str
    content: dict[str, Any] | None
    state: str
    by: str
    recorded_at: datetime


class LinkOut(BaseModel):
    """``outgoing``: this case is ``kind`` … the other one; else the other way round."""

    kind: str
    outgoing: bool
    case_id: int
    number: str
    title: str
    type: str
    state: str
    phase: str


class ParticipantOut(BaseModel):
    role: str
    party: PartyOut
    since: datetime


class SignatureOut(BaseModel):
    meaning: str
    statement: str
    statement_hash: str
    method: str
    by: str
    acting_for: str | None
    signed_at: datetime


class ExtensionOut(BaseModel):
    id: int
    clock: str
    minutes: float | None
    working_days: int | None
    reason: str
    status: str
    asked_by: str
    asked_at: datetime
    decided_by: str | None
    decided_at: datetime | None


class RefusalOut(BaseModel):
    """Why not, or what is still missing, in the reader's language."""

    code: str
    text: str


class OfferOut(BaseModel):
    """A transition out of the present state and whether the caller may do it; what it demands is in the type."""

    transition: str
    target: str
    allowed: bool
    refusals: list[RefusalOut]
    missing: list[RefusalOut]
    acting_for: str | None


class SpanOut(BaseModel):
    """Who held the case and for how long; ``working_days`` by the zone's calendar."""

    holder: PartyOut
    state: str
    since: datetime
    until: datetime | None
    minutes: float
    working_days: int | None


class HeldOut(BaseModel):
    """All time one holder had."""

    holder: PartyOut
    minutes: float
    working_days: int | None
    cases: int


class LedgerOut(BaseModel):
    """The delay ledger of a case: its time, to whom it belongs, and that the parts make up the whole."""

    minutes: float
    working_days: int | None
    holders: list[HeldOut]
    spans: list[SpanOut]


class CaseDetail(CaseRow):
    """A case with all that belongs to it, as far as the caller may see it."""

    type_version: int
    description: str
    fields: dict[str, Any]
    origin_kind: str | None
    origin_id: str | None
    reporter_id: int | None
    anonymous: bool
    lag_s: float
    watching: bool
    participants: list[ParticipantOut]
    clocks: list[ClockOut]
    history: list[EventOut]
    evidence: list[EvidenceOut]
    links: list[LinkOut]
    signatures: list[SignatureOut]
    extensions: list[ExtensionOut]
    available: list[OfferOut]
    head_hash: str


class CaseCounts(BaseModel):
    """Figures of the boxes of a person."""

    mine: int
    waiting: int
    watching: int
    overdue: int
    open: int
