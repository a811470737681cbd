"""Trying rules on stored observations: previews at once, replays of up to 90 days one after the other."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import numpy as np
import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from parksight.alarms.evaluation import RuleRow
from parksight.alarms.evaluation.civil import offset_ms
from parksight.alarms.models import Rule
from parksight.alarms.rules import RuleService, expand_rules, get
from parksight.alarms.rules.content import kind_of
from parksight.alarms.schemas import PreviewIn, RuleIn, TuningIn, TuningResult
from parksight.alarms.tuning.confirmed import ConfirmedEvents, from_records
from parksight.alarms.tuning.history import History, expected_rows
from parksight.alarms.tuning.replay import LEAD_MS, Cancelled, Replayed, periods, replay
from parksight.alarms.tuning.result import summarise
from parksight.kernel.clock import Clock
from parksight.kernel.db import Database
from parksight.kernel.errors import conflict, invalid, not_found
from parksight.kernel.permissions import Caller
from parksight.kernel.settings import AlarmSettings
from parksight.telemetry.models import Point
from parksight.telemetry.protocols import Columns
from parksight.telemetry.store import QueryTooSlow, time_limit

log = structlog.get_logger(__name__)

#: A preview answers within this many seconds or not at all.
PREVIEW_SECONDS = 20.0
_HOUR_MS = 3_600_000


JobState = Literal["waiting", "running", "done", "cancelled", "failed"]


@dataclass(frozen=True, slots=True)
class Draft:
    """A rule that is not in force: what the compiler takes of it (see ``rules.compiling.RuleLike``)."""

    id: int
    version: int
    target: dict[str, Any]
    definition: dict[str, Any]
    suppression: str
    in_service: bool


@dataclass(slots=True)
class Job:
    """A replay: asked for, under way, or done."""

    id: str
    rule_id: int | None
    code: str
    enterprise_id: int | None
    asked_by_id: int | None
    asked_by: str
    asked_at: datetime
    start: int
    end: int
    points: list[int]
    sets: list[list[RuleRow]]
    state: JobState = "waiting"
    progress: float = 0.0
    problem: str | None = None
    result: TuningResult | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, slots=True)
class Preview:
    """What a draft would have done, with why it cannot watch some points (locale key and parameters)."""

    start: int
    end: int
    points: list[int]
    problems: list[tuple[str, dict[str, object]]]
    replayed: Replayed


#: Differences that stay with a proposal; how many there were is always said.
PROPOSED_DIFFERENCES = 100


class _Nothing:
    """A store without observations."""

    def raw(self, points: Sequence[int], start: int, end: int, limit: int | None = None) -> Columns:
        return Columns(
            np.zeros(0, np.int32),
            np.zeros(0, np.int64),
            np.zeros(0),
            np.zeros(0, np.uint8),
            np.zeros(0, np.int64),
        )


class TuningService:
    """On ``app.state.alarm_tuning``. Replays run in one thread of their own, beside ingest.

    Args:
        db: records.
        store: observations.
        rules: to settle drafts.
        clock: the platform's time.
        settings: limits.
        timezone: the zone's, for means over hours and days.
        confirmed: who knows which alarms were real.
    """

    def __init__(
        self, db: Database, store: History, rules: RuleService, clock: Clock, settings: AlarmSettings, timezone: str,
        confirmed: ConfirmedEvents = from_records,
    ) -> None:  # fmt: skip
        self.db = db
        self.store = store
        self.rules = rules
        self.clock = clock
        self.settings = settings
        self._timezone = timezone
        self._confirmed = confirmed
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._lock = threading.Lock()
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="alarm-tuning")

    def prepare(self) -> None:
        """Compile in the background what replays need, so that the first one need not wait for it."""
        self._executor.submit(replay, _Nothing(), [[]], 0, 1, 0, lambda _: True)

    def close(self) -> None:
        """Give up what is under way."""
        with self._lock:
            jobs = list(self._jobs.values())
        for job in jobs:
            job.cancelled.set()
        self._executor.shutdown(wait=True, cancel_futures=True)

    # --- preview --------------------------------------------------------------------------------------

    def preview(self, session: Session, caller: Caller, data: PreviewIn) -> Preview:
        """Run a draft over the last hours.

        Raises:
            ProblemError: 422 the draft is wrong, or watches too much for a quick look.
        """
        draft, _, _ = self._draft(session, caller, data.rule)
        found = expand_rules(session, [draft])
        end = self.clock.now_ms()
        start = end - round(data.hours * _HOUR_MS)
        points = periods([found.rows])
        wanted = expected_rows(list(points.values()), end - start + LEAD_MS)
        if wanted > self.settings.preview_rows:
            raise invalid(
                "alarms.tuning.too_much", "/hours", rows=round(wanted), limit=self.settings.preview_rows
            )
        try:
            with time_limit(PREVIEW_SECONDS):
                replayed = replay(self.store, [found.rows], start, end, self._offset(), lambda _: True)
        except QueryTooSlow:
            raise invalid("alarms.tuning.too_slow", "/hours", seconds=round(PREVIEW_SECONDS)) from None
        problems = [(p.code, p.params) for p in found.problems]
        return Preview(start, end, sorted({row.point_id for row in found.rows}), problems, replayed)

    # --- replays --------------------------------------------------------------------------------------

    def start(self, session: Session, caller: Caller, data: TuningIn) -> Job:
        """Put a comparison on the list.

        Raises:
            ProblemError: 404 no such rule; 409 too many wait; 422 the draft is wrong or watches nothing or too much.
        """
        rule = None if data.rule_id is None else get(session, caller, data.rule_id)
        draft, code, enterprise_id = self._draft(session, caller, data.rule, rule)
        drafted = expand_rules(session, [draft])
        if not drafted.rows:
            raise invalid("alarms.tuning.no_points", "/rule/target")
        sets = [drafted.rows] if rule is None else [expand_rules(session, [rule]).rows, drafted.rows]
        points = sorted({row.point_id for rows in sets for row in rows})
        if len(periods(sets)) > self.settings.tuning_points:
            limit = self.settings.tuning_points
            raise invalid(
                "alarms.tuning.too_many_points", "/rule/target", count=len(periods(sets)), limit=limit
            )
        end = self.clock.now_ms()
        job = Job(
            secrets.token_hex(8), data.rule_id, rule.code if rule is not None else code, enterprise_id, caller.id,
            caller.name, self.clock.now(), end - round(data.days * 24 * _HOUR_MS), end, points, sets,
        )  # fmt: skip
        with self._lock:
            waiting = sum(j.state == "waiting" for j in self._jobs.values())
            if waiting >= self.settings.tuning_waiting:
                raise conflict("alarms.tuning.busy", waiting=waiting)
            self._jobs[job.id] = job
            done = [j.id for j in self._jobs.values() if j.state not in ("waiting", "running")]
            for old in done[: max(0, len(self._jobs) - self.settings.tuning_kept)]:
                del self._jobs[old]
        self._executor.submit(self._run, job)
        return job

    def get(self, caller: Caller, job_id: str) -> Job:
        """One replay, 404 when it is not there or not the caller's to see."""
        with self._lock:
            job = self._jobs.get(job_id)
        if job is None or not (caller.may_see_enterprise(job.enterprise_id) or job.asked_by_id == caller.id):
            raise not_found("alarms.tuning", job_id)
        return job

    def listing(self, caller: Caller) -> list[Job]:
        """Replays the caller may see, newest first."""
        with self._lock:
            jobs = list(self._jobs.values())
        return [
            j
            for j in reversed(jobs)
            if caller.may_see_enterprise(j.enterprise_id) or j.asked_by_id == caller.id
        ]

    def cancel(self, caller: Caller, job_id: str) -> Job:
        """Break a replay off; one that has ended stays as it is."""
        job = self.get(caller, job_id)
        job.cancelled.set()
        with self._lock:
            if job.state == "waiting":
                job.state = "cancelled"
        return job

    def summary(self, caller: Caller, job_id: str) -> dict[str, Any]:
        """The figures of a finished replay and its newest differences, to go with a proposal.

        Raises:
            ProblemError: 404 not there; 409 not finished.
        """
        job = self.get(caller, job_id)
        if job.result is None:
            raise conflict("alarms.tuning.not_done", state=job.state)
        figures = job.result.model_dump(exclude={"text"})
        figures["differences"] = figures["differences"][:PROPOSED_DIFFERENCES]
        return {"id": job.id, "start": job.start, "end": job.end, **figures}

    def _run(self, job: Job) -> None:
        with self._lock:
            if job.state != "waiting":
                return
            job.state = "running"

        def told(share: float) -> bool:
            job.progress = share
            return not job.cancelled.is_set()

        try:
            found = replay(self.store, job.sets, job.start, job.end, self._offset(), told)
            with self.db.read() as session:
                judged = self._confirmed(session, job.rule_id, job.points, job.start, job.end)
            before = found.spans[0] if len(found.spans) == 2 else None
            job.result = summarise(before, found.spans[-1], judged, job.end, found.rows, found.coverage)
            job.state = "done"
        except Cancelled:
            job.state = "cancelled"
        except Exception:
            log.exception("alarm_tuning_failed", job=job.id, code=job.code)
            job.state, job.problem = "failed", "alarms.tuning.failed"
        finally:
            job.sets = []

    def _draft(
        self, session: Session, caller: Caller, data: RuleIn, rule: Rule | None = None
    ) -> tuple[Draft, str, int | None]:  # fmt: skip
        code, settled, content = self.rules.settle(session, caller, data)
        draft = Draft(
            1 if rule is None else rule.id, 1 if rule is None else rule.version, content["target"],
            content["definition"], content["suppression"], content["in_service"],
        )  # fmt: skip
        return draft, code or kind_of(content["definition"]), settled.enterprise_id

    def _offset(self) -> int:
        return offset_ms(self._timezone, self.clock.now())


def points_of(session: Session, caller: Caller, ids: list[int]) -> list[Point]:
    """Points by id, as far as the caller may see them."""
    out: list[Point] = []
    for first in range(0, len(ids), 500):
        statement = select(Point).where(Point.id.in_(ids[first : first + 500]))
        out.extend(session.scalars(caller.scoped(statement, Point.enterprise_id)))
    return out
