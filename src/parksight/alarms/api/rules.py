"""Alarm rules: versioned, changed with an optimistic check, imported in bulk."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy import select

from parksight.alarms import repository, rules, view
from parksight.alarms.models import Rule, RuleVersion
from parksight.alarms.rules import RuleService
from parksight.alarms.schemas import (
    Clean,
    PointId,
    RecordId,
    RuleImport,
    RuleImportProblem,
    RuleImportReport,
    RuleIn,
    RuleOut,
    RulePatch,
    RuleVersionOut,
)
from parksight.kernel.i18n import language_of, translate
from parksight.kernel.permissions import Caller
from parksight.kernel.web import Page, Paging, ReadSession, WriteSession, paging, requires, service
from parksight.telemetry.models import Point

router = APIRouter(prefix="/alarm-rules", tags=["alarms"])
Reading = Annotated[Caller, requires("alarms.rule.read")]
Writing = Annotated[Caller, requires("alarms.rule.write")]
Service = Annotated[RuleService, Depends(service("alarm_rules"))]


@router.get("", operation_id="list_alarm_rules")
def listing(
    caller: Reading,
    session: ReadSession,
    page: Annotated[Paging, Depends(paging)],
    q: Annotated[str | None, Query(max_length=100, pattern=Clean)] = None,
    point_id: Annotated[PointId | None, Query()] = None,
    enterprise_id: Annotated[RecordId | None, Query()] = None,
    enabled: Annotated[bool | None, Query()] = None,
) -> Page[RuleOut]:
    """Rules as they stand now."""
    statement = repository.rules(caller, q=q, point_id=point_id, enterprise_id=enterprise_id, enabled=enabled)
    rows = session.execute(statement.limit(page.limit).offset(page.offset))
    items = [view.rule(rule, point) for rule, point in rows]
    total = repository.total(session, statement, Rule.id)
    return Page(items=items, total=total, limit=page.limit, offset=page.offset)


@router.post("", status_code=201, operation_id="create_alarm_rule")
def create(caller: Writing, session: WriteSession, service: Service, data: RuleIn) -> RuleOut:
    rule = service.create(session, caller, data)
    return view.rule(rule, session.get(Point, rule.point_id))


@router.post("/import", operation_id="import_alarm_rules")
def import_rules(
    caller: Writing, session: WriteSession, service: Service, data: RuleImport, request: Request
) -> RuleImportReport:
    """Make or change many rules by code; rows are spelt out (``definition``) or flat (``high``, ``low`` …).

    Rows that cannot be taken are named with their reason; the others are taken.
    """
    outcome = service.load(session, caller, data.rules)
    language = language_of(request)
    problems = [
        RuleImportProblem(index=index, code=code, reason=reason, text=translate(reason, language, **params))
        for index, code, reason, params in sorted(outcome.problems, key=lambda p: p[0])
    ]
    return RuleImportReport(
        accepted=outcome.accepted, updated=outcome.updated, unchanged=outcome.unchanged, refused=len(problems),
        proposed=0, batch_id=None,
        problems=problems,
    )  # fmt: skip


@router.get("/{rule_id}", operation_id="get_alarm_rule")
def one(caller: Reading, session: ReadSession, rule_id: RecordId) -> RuleOut:
    rule = rules.get(session, caller, rule_id)
    return view.rule(rule, session.get(Point, rule.point_id))


@router.patch("/{rule_id}", operation_id="update_alarm_rule")
def update(
    caller: Writing, session: WriteSession, service: Service, rule_id: RecordId, data: RulePatch
) -> RuleOut:
    """Make the next version of a rule; the older ones are kept."""
    rule = service.update(session, caller, rule_id, data)
    return view.rule(rule, session.get(Point, rule.point_id))


@router.get("/{rule_id}/versions", operation_id="list_alarm_rule_versions")
def versions(caller: Reading, session: ReadSession, rule_id: RecordId) -> list[RuleVersionOut]:
    """All versions of a rule, newest first."""
    rule = rules.get(session, caller, rule_id)
    statement = select(RuleVersion).where(RuleVersion.rule_id == rule.id).order_by(RuleVersion.version.desc())
    return [RuleVersionOut.model_validate({**{n: getattr(v, n) for n in RuleVersionOut.model_fields}, "suppression": v.suppression or None}) for v in session.scalars(statement)]
