"""Drafts of rules on stored observations: preview, and the counterfactual of a change."""

from __future__ import annotations

import math
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Path, Request
from sqlalchemy.orm import Session

from parksight.alarms.api.rules import Writing
from parksight.alarms.models import STEPS
from parksight.alarms.schemas import AlarmSpan, PreviewIn, PreviewOut, StepWord, TuningIn, TuningOut
from parksight.alarms.tuning.result import sentence
from parksight.alarms.tuning.service import Job, TuningService, points_of
from parksight.alarms.view import point_ref
from parksight.kernel.i18n import language_of, translate
from parksight.kernel.permissions import Caller
from parksight.kernel.web import ReadSession, service

router = APIRouter(prefix="/alarm-rules", tags=["alarms"])
Service = Annotated[TuningService, Depends(service("alarm_tuning"))]
JobId = Annotated[str, Path(pattern="^[0-9a-f]{16}$")]
#: Spans a preview names one by one.
MOST_SPANS = 2_000


@router.post("/preview", operation_id="preview_alarm_rule")
def preview(
    caller: Writing, session: ReadSession, service: Service, data: PreviewIn, request: Request
) -> PreviewOut:  # fmt: skip
    """What a draft would have done in the last hours, by the evaluation that judges live readings."""
    found = service.preview(session, caller, data)
    spans = found.replayed.spans[0]
    language = language_of(request)
    refs = [point_ref(point) for point in points_of(session, caller, found.points)]
    return PreviewOut(
        start=found.start, end=found.end, points=[r for r in refs if r is not None],
        problems=[translate(code, language, **params) for code, params in found.problems],
        rows=found.replayed.rows, total=len(spans),
        spans=[
            AlarmSpan(
                point_id=s.point, step=cast(StepWord, STEPS[s.step]), priority=s.priority, raised_at=s.raised_at,
                cleared_at=s.cleared_at, value=None if math.isnan(s.value) else s.value, limit=s.limit,
                unknown_ms=s.unknown_ms, suppressed=s.suppressed,
            )
            for s in spans[-MOST_SPANS:]
        ],
    )  # fmt: skip


def _out(session: Session, caller: Caller, job: Job, language: str) -> TuningOut:
    result = job.result
    if result is not None:
        result = result.model_copy(update={"text": sentence(result, language)})
    refs = [point_ref(point) for point in points_of(session, caller, job.points)]
    return TuningOut(
        id=job.id, rule_id=job.rule_id, code=job.code, state=job.state, progress=round(job.progress, 3),
        start=job.start, end=job.end, points=[r for r in refs if r is not None], asked_by=job.asked_by,
        asked_at=job.asked_at, problem=job.problem and translate(job.problem, language), result=result,
    )  # fmt: skip


@router.post("/tuning", status_code=202, operation_id="start_alarm_tuning")
def start(
    caller: Writing, session: ReadSession, service: Service, data: TuningIn, request: Request
) -> TuningOut:  # fmt: skip
    """Replay up to 90 days through the rule in force and a draft; ask for the result with the id given back."""
    return _out(session, caller, service.start(session, caller, data), language_of(request))


@router.get("/tuning", operation_id="list_alarm_tunings")
def listing(caller: Writing, session: ReadSession, service: Service, request: Request) -> list[TuningOut]:
    """Replays since the platform started, newest first."""
    return [_out(session, caller, job, language_of(request)) for job in service.listing(caller)]


@router.get("/tuning/{job_id}", operation_id="get_alarm_tuning")
def one(
    caller: Writing, session: ReadSession, service: Service, job_id: JobId, request: Request
) -> TuningOut:
    """Progress of a replay, and its result once it is done."""
    return _out(session, caller, service.get(caller, job_id), language_of(request))


@router.delete("/tuning/{job_id}", operation_id="cancel_alarm_tuning")
def cancel(
    caller: Writing, session: ReadSession, service: Service, job_id: JobId, request: Request
) -> TuningOut:  # fmt: skip
    """Break a replay off."""
    return _out(session, caller, service.cancel(caller, job_id), language_of(request))
