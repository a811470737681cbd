"""Findings of the forensics and their review."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import func, select

from parksight.kernel.errors import not_found
from parksight.kernel.permissions import Caller
from parksight.kernel.web import Page, ReadSession, WriteSession, requires, service
from parksight.telemetry.forensics.service import ForensicsService
from parksight.telemetry.forensics.settings import DEFAULTS, MARKING
from parksight.telemetry.models import Finding, Point
from parksight.telemetry.points.repository import visible_ids
from parksight.telemetry.points.schemas import PointId, RecordId

router = APIRouter(prefix="/api/v1/forensics", tags=["forensics"])

Reading = Annotated[Caller, requires("telemetry.forensics.read")]
Reviewing = Annotated[Caller, requires("telemetry.forensics.review")]
Running = Annotated[Caller, requires("telemetry.forensics.run")]
Forensics = Annotated[ForensicsService, Depends(service("forensics"))]
KindWord = Literal["flat_line", "spike", "out_of_range", "repeated_block", "clock_drift"]
StateWord = Literal["open", "confirmed", "dismissed"]
Instant = Annotated[
    AwareDatetime, Field(ge=datetime(1970, 1, 1, tzinfo=UTC), le=datetime(2200, 1, 1, tzinfo=UTC))
]


class FindingOut(BaseModel):
    """A finding with the point it is about; see :class:`parksight.telemetry.models.Finding`."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    point_id: int
    point_code: str
    point_name: str
    point_name_en: str
    unit: str
    enterprise_id: int | None
    kind: KindWord
    started_at: datetime
    ended_at: datetime
    detected_at: datetime
    score: float
    evidence: dict[str, Any]
    marked: int
    state: StateWord
    reviewed_by: str | None
    reviewed_at: datetime | None
    note: str | None
    version: int


class FindingQuery(BaseModel):
    """How the list of findings can be narrowed."""

    model_config = ConfigDict(extra="forbid")

    point_id: PointId | None = None
    enterprise_id: RecordId | None = None
    kind: KindWord | None = None
    state: StateWord | None = None
    since: Annotated[Instant | None, Field(description="spans that end after it")] = None
    until: Annotated[Instant | None, Field(description="spans that start before it")] = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 50
    offset: Annotated[int, Field(ge=0, le=2**53)] = 0


class Review(BaseModel):
    """The verdict of somebody who looked; ``version`` is the one that was seen."""

    model_config = ConfigDict(extra="forbid")

    version: Annotated[int, Field(ge=1, le=2**31 - 1)]
    state: StateWord
    note: Annotated[str | None, Field(max_length=2000)] = None


class RunRequest(BaseModel):
    """Points to look at now."""

    model_config = ConfigDict(extra="forbid")

    points: Annotated[list[PointId], Field(min_length=1, max_length=200)]


class RunResult(BaseModel):
    """What a run looked at and how many findings are new or have grown."""

    points: int
    findings: int


class ForensicRuleOut(BaseModel):
    """A rule with its default parameters; ``marks``: whether its spans become SUSPECT."""

    kind: str
    parameters: dict[str, float]
    marks: bool


class Rules(BaseModel):
    """The rules and what they did since the start."""

    rules: list[ForensicRuleOut]
    figures: dict[str, Any]


def _out(finding: Finding, point: Point) -> FindingOut:
    names = [n for n in FindingOut.model_fields if not n.startswith("point_") and n != "unit"]
    return FindingOut(
        **{n: getattr(finding, n) for n in names}, point_id=point.id, point_code=point.code,
        point_name=point.name, point_name_en=point.name_en, unit=point.unit,
    )  # fmt: skip


@router.get("/findings", operation_id="list_findings")
def findings(
    caller: Reading, session: ReadSession, query: Annotated[FindingQuery, Query()]
) -> Page[FindingOut]:
    """Findings, newest first."""
    where = [
        getattr(Finding, name) == value
        for name in ("point_id", "enterprise_id", "kind", "state")
        if (value := getattr(query, name)) is not None
    ]
    if query.since is not None:
        where.append(Finding.ended_at > query.since)
    if query.until is not None:
        where.append(Finding.started_at < query.until)
    total = session.scalar(caller.scoped(select(func.count(Finding.id)), Finding.enterprise_id).where(*where))
    statement = caller.scoped(select(Finding), Finding.enterprise_id)
    statement = statement.add_columns(Point).join(Point, Point.id == Finding.point_id)
    rows = session.execute(
        statement.where(*where)
        .order_by(Finding.detected_at.desc(), Finding.id.desc())
        .limit(query.limit)
        .offset(query.offset)
    )
    items = [_out(f, p) for f, p in rows]
    return Page(items=items, total=total or 0, limit=query.limit, offset=query.offset)


@router.patch("/findings/{finding_id}", operation_id="review_finding")
def review(
    caller: Reviewing, session: WriteSession, forensics: Forensics, finding_id: RecordId, verdict: Review
) -> FindingOut:
    """Confirm, dismiss or reopen a finding; dismissing gives the marked observations their quality back."""
    finding = forensics.review(session, caller, finding_id, verdict.version, verdict.state, verdict.note)
    return _out(finding, session.get_one(Point, finding.point_id))


@router.get("/rules", operation_id="forensic_rules")
def rules(caller: Reading, forensics: Forensics) -> Rules:
    """The rules, their default parameters, and what they did."""
    return Rules(
        rules=[ForensicRuleOut(kind=k, parameters=p, marks=k in MARKING) for k, p in DEFAULTS.items()],
        figures=forensics.figures(),
    )


@router.post("/run", operation_id="run_forensics")
def run(caller: Running, session: ReadSession, forensics: Forensics, wanted: RunRequest) -> RunResult:
    """Look at some points now instead of waiting for their turn."""
    allowed = visible_ids(session, caller, wanted.points)
    for point_id in wanted.points:
        if point_id not in allowed:
            raise not_found("telemetry.point", point_id)
    session.rollback()  # the run has units of work of its own
    return RunResult(points=len(allowed), findings=forensics.run(sorted(allowed)))
