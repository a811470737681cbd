"""Alarm rules: as they stand, their versions, made and changed while that may happen at once, imported, exported."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import StreamingResponse

from parksight.alarms import repository, rules
from parksight.alarms.models import Rule, RuleVersion
from parksight.alarms.rules import RuleService
from parksight.alarms.rules import view as shown
from parksight.alarms.rules.proposals import open_counts
from parksight.alarms.schemas import (
    Clean,
    PointId,
    PointRef,
    RecordId,
    RuleImport,
    RuleImportProblem,
    RuleImportReport,
    RuleIn,
    RuleInstance,
    RuleOut,
    RulePatch,
    RuleVersionOut,
)
from parksight.kernel.documents import MEDIA, to_csv, to_xlsx
from parksight.kernel.i18n import language_of, translate
from parksight.kernel.permissions import Caller
from parksight.kernel.web import Page, Paging, ReadSession, WriteSession, paging, requires, service
from parksight.telemetry.models import Point

router = APIRouter(prefix="/alarm-rules", tags=["alarms"])
Reading = Annotated[Caller, requires("alarms.rule.read")]
Writing = Annotated[Caller, requires("alarms.rule.write")]
Service = Annotated[RuleService, Depends(service("alarm_rules"))]
Kind = Literal[
    "limit", "stale", "rate", "deviation", "flat", "range", "state", "change", "expression", "vote", "count", "ewma",
    "cusum", "average", "suspect",
]  # fmt: skip
#: Columns of an export; those of flat rows can be imported again, the last three carry everything else as JSON.
COLUMNS = (
    "code", "name", "point", "kind", "high_high", "high", "low", "low_low", "enabled", "in_service", "version",
    "standard", "clause", "source", "post", "target", "definition", "rationale",
)  # fmt: skip


def one_out(session: Session, service: RuleService, rule: Rule) -> RuleOut:
    """A rule with its point and what waits for a decision on it."""
    point = session.get(Point, rule.point_id) if rule.point_id is not None else None
    counts = open_counts(session, [rule.id])
    return shown.rule(
        rule, point, commissioning=service.in_commissioning(rule), open_proposals=counts.get(rule.id, 0)
    )


@router.get("", operation_id="list_alarm_rules")
def listing(
    caller: Reading,
    session: ReadSession,
    service: Service,
    page: Annotated[Paging, Depends(paging)],
    q: Annotated[str | None, Query(max_length=100, pattern=Clean)] = None,
    point_id: Annotated[PointId | None, Query()] = None,
    enterprise_id: Annotated[RecordId | None, Query()] = None,
    enabled: Annotated[bool | None, Query()] = None,
    kind: Annotated[Kind | None, Query()] = None,
) -> Page[RuleOut]:
    """Rules as they stand now."""
    statement = repository.rules(caller, q=q, point_id=point_id, enterprise_id=enterprise_id, enabled=enabled)
    if kind is not None:
        statement = statement.where(Rule.kind == kind)
    rows = session.execute(statement.limit(page.limit).offset(page.offset)).all()
    waiting = open_counts(session, [rule.id for rule, _ in rows])
    items = [
        shown.rule(
            rule, point, commissioning=service.in_commissioning(rule), open_proposals=waiting.get(rule.id, 0)
        )
        for rule, point in rows
    ]
    total = repository.total(session, statement, Rule.id)
    return Page(items=items, total=total, limit=page.limit, offset=page.offset)


@router.post("", status_code=201, operation_id="create_alarm_rule")
def create(caller: Writing, session: WriteSession, service: Service, data: RuleIn) -> RuleOut:
    """Make a rule at once: needs ``alarms.rule.commission``; others propose (``/alarm-rules/proposals``)."""
    return one_out(session, service, service.create(session, caller, data))


@router.post("/import", operation_id="import_alarm_rules")
def import_rules(
    caller: Writing, session: WriteSession, service: Service, data: RuleImport, request: Request
) -> RuleImportReport:
    """Make or change many rules by code; rows are spelt out (``definition``) or flat (``high``, ``low`` …).

    With ``alarms.rule.commission`` new rules and rules being commissioned are taken at once; all others become one
    batch of proposals. Rows that cannot be taken are named with their reason; the others are taken.
    """
    outcome = service.load(session, caller, data.rules, data.reason)
    language = language_of(request)
    problems = [
        RuleImportProblem(index=index, code=code, reason=reason, text=translate(reason, language, **params))
        for index, code, reason, params in sorted(outcome.problems, key=lambda p: p[0])
    ]
    return RuleImportReport(
        accepted=outcome.accepted, updated=outcome.updated, unchanged=outcome.unchanged, proposed=outcome.proposed,
        batch_id=outcome.batch_id, refused=len(problems), problems=problems,
    )  # fmt: skip


@router.get("/export", operation_id="export_alarm_rules", response_class=StreamingResponse)
def export(
    caller: Reading,
    session: ReadSession,
    format: Annotated[Literal["csv", "xlsx"], Query()] = "csv",  # noqa: A002
    enterprise_id: Annotated[RecordId | None, Query()] = None,
) -> StreamingResponse:
    """All rules the caller may see, as a table."""
    statement = repository.rules(caller, q=None, point_id=None, enterprise_id=enterprise_id, enabled=None)
    rows = list(_table(session.execute(statement).all()))
    body = to_csv(COLUMNS, rows) if format == "csv" else to_xlsx("alarm-rules", COLUMNS, rows)
    headers = {"content-disposition": f'attachment; filename="alarm-rules.{format}"'}
    return StreamingResponse(body, media_type=MEDIA[format], headers=headers)


def _table(rows: Any) -> Iterator[list[Any]]:
    for rule, point in rows:
        d = rule.definition
        plain = {} if "signal" in d else d
        limits = [plain.get(n, {}).get("limit") for n in ("hh", "h", "l", "ll")]
        yield [
            rule.code, rule.name, point.code if point else None, rule.kind, *limits, rule.enabled, rule.in_service,
            rule.version, rule.standard, rule.clause, rule.basis, rule.post,
            *(json.dumps(v, ensure_ascii=False) for v in (rule.target, d, rule.rationale)),
        ]  # fmt: skip


@router.get("/{rule_id}", operation_id="get_alarm_rule")
def one(caller: Reading, session: ReadSession, service: Service, rule_id: RecordId) -> RuleOut:
    return one_out(session, service, rules.get(session, caller, rule_id))


@router.patch("/{rule_id}", operation_id="update_alarm_rule")
def update(
    caller: Writing, session: WriteSession, service: Service, rule_id: RecordId, data: RulePatch
) -> RuleOut:
    """Make the next version of a rule at once; the older ones are kept.

    Possible while the rule is being commissioned (``alarms.rule.commission``), or in an emergency with a ``reason``
    (``alarms.rule.emergency``), which is recorded as such.
    """
    return one_out(session, service, service.update(session, caller, rule_id, data))


@router.get("/{rule_id}/versions", operation_id="list_alarm_rule_versions")
def versions(caller: Reading, session: ReadSession, rule_id: RecordId) -> list[RuleVersionOut]:
    """All versions of a rule, newest first."""
    rule = rules.get(session, caller, rule_id)
    statement = select(RuleVersion).where(RuleVersion.rule_id == rule.id).order_by(RuleVersion.version.desc())
    return [shown.version(version) for version in session.scalars(statement)]


@router.get("/{rule_id}/points", operation_id="list_alarm_rule_points")
def watched(
    caller: Reading, session: ReadSession, rule_id: RecordId, request: Request,
    page: Annotated[Paging, Depends(paging)],
) -> Page[RuleInstance]:  # fmt: skip
    """The points a rule watches now, and why it cannot watch some of those it means."""
    rule = rules.get(session, caller, rule_id)
    found = rules.expand_rules(session, [rule])
    problems = {p.point_id: p for p in found.problems}
    ids = sorted({row.point_id for row in found.rows} | problems.keys())
    statement = caller.scoped(select(Point).where(Point.id.in_(ids)), Point.enterprise_id).order_by(
        Point.code
    )
    points = list(session.scalars(statement))
    language = language_of(request)
    items = []
    for point in points[page.offset : page.offset + page.limit]:
        problem = problems.get(point.id)
        ref = PointRef(
            id=point.id,
            code=point.code,
            name=point.name,
            name_en=point.name_en,
            unit=point.unit,
            kind=point.kind,
        )
        text = None if problem is None else translate(problem.code, language, **problem.params)
        items.append(RuleInstance(point=ref, problem=problem.code if problem else None, text=text))
    return Page(items=items, total=len(points), limit=page.limit, offset=page.offset)
