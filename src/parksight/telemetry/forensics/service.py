"""Runs the forensic rules over recent data, keeps findings, marks observations, takes reviews."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from parksight.kernel import audit
from parksight.kernel.clock import Clock
from parksight.kernel.db import Database, emit
from parksight.kernel.errors import conflict, not_found
from parksight.kernel.permissions import Caller
from parksight.kernel.settings import ForensicsSettings
from parksight.telemetry.catalogue import Catalogue
from parksight.telemetry.events import FindingsChanged
from parksight.telemetry.forensics.examine import (
    Subject,
    Verdict,
    baseline_of,
    examine,
    wants_baseline,
)
from parksight.telemetry.forensics.settings import MARKING, rules_for
from parksight.telemetry.live_table import LiveTable
from parksight.telemetry.models import Finding, Point
from parksight.telemetry.protocols import I32, Columns, Store
from parksight.telemetry.quality import CODE_MASK, Quality, usable

log = structlog.get_logger(__name__)

_HOUR = 3_600_000
#: Points whose raw rows are in memory together.
_PORTION = 50
#: Rows of one point a run looks at; a faster point is looked at over a shorter window, which is counted.
MAX_ROWS = 100_000
#: Findings of one rule on one point that a run enters.
MAX_PER_RULE = 20
#: Earlier time that tells how a point repeats itself, in windows.
_BASELINE_WINDOWS = 7
#: Separate stretches a finding remembers for undoing its marks.
MAX_MARKED_SPANS = 200


def _instant(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def _ms(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)


class ForensicsService:
    """On ``app.state.forensics``.

    Args:
        settings: how often, how many points a run, how long a window.
        db: records.
        clock: now.
        store: raw rows and marks.
        live: quality of newest values follows the marks.
        catalogue: active points.
        touched: told the ids whose newest value changed its quality (live push).
    """

    def __init__(
        self,
        settings: ForensicsSettings,
        db: Database,
        clock: Clock,
        store: Store,
        live: LiveTable,
        catalogue: Catalogue,
        touched: Callable[[I32], None] | None = None,
    ) -> None:
        self.settings = settings
        self.db = db
        self.clock = clock
        self.counters: Counter[str] = Counter()
        self.last_run_ms: int | None = None
        self._store = store
        self._live = live
        self._catalogue = catalogue
        self._touched = touched or (lambda _ids: None)
        self._cursor = 0
        self._running = threading.Lock()
        self._stopping = threading.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Look at some points every ``interval_s`` in the background, if enabled."""
        if self.settings.enabled and self._task is None:
            self._task = asyncio.create_task(self._loop(), name="forensics")

    async def stop(self) -> None:
        """End the background work and wait until no run uses the store any more. Idempotent."""
        self._stopping.set()
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await asyncio.to_thread(self._wait)

    def _wait(self) -> None:
        with self._running:
            return

    async def _loop(self) -> None:
        while True:
            await asyncio.sleep(self.settings.interval_s)
            try:
                await asyncio.to_thread(self.run_next)
            except Exception:
                self.counters["failed_runs"] += 1
                log.exception("forensics_run_failed")

    def run_next(self) -> int:
        """Look at the next ``points_per_run`` points, in turns through all; returns new or grown findings."""
        ids = self._live.active()
        if not len(ids):
            return 0
        start = int(np.searchsorted(ids, self._cursor, side="right")) % len(ids)
        chosen = np.roll(ids, -start)[: self.settings.points_per_run]
        self._cursor = int(chosen[-1])
        return self.run([int(i) for i in chosen])

    def run(self, point_ids: Sequence[int]) -> int:
        """Look at these points over the last window, one run at a time; returns new or grown findings."""
        with self._running:
            now = self.clock.now_ms()
            changed = 0
            for first in range(0, len(point_ids), _PORTION):
                if self._stopping.is_set():
                    return changed
                changed += self._portion(list(point_ids[first : first + _PORTION]), now)
            self.counters["runs"] += 1
            self.last_run_ms = now
            return changed

    def _portion(self, ids: list[int], now: int) -> int:
        with self.db.read() as session:
            points = list(session.scalars(select(Point).where(Point.id.in_(ids), Point.active.is_(True))))
        start = now - self.settings.window_h * _HOUR
        findings: list[tuple[Subject, Columns, Verdict]] = []
        for subject in map(_subject, points):
            if not subject.rules.rules:
                continue
            rows = self._raw(subject.id, start, now + _HOUR)
            baseline = None
            if wants_baseline(subject, rows):
                earlier = self._raw(
                    subject.id, start - _BASELINE_WINDOWS * self.settings.window_h * _HOUR, start
                )
                baseline = baseline_of(earlier) if len(earlier) > 1 else None
            data, verdicts = examine(subject, rows, baseline)
            findings += [(subject, data, verdict) for verdict in self._worst(verdicts)]
            self.counters["points"] += 1
            self.counters["rows"] += len(rows)
        if not findings:
            return 0
        with self.db.session() as session:
            kept = [f for f in (self._keep(session, *item) for item in findings) if f is not None]
            session.flush()
            if kept:
                emit(session, FindingsChanged(ids=tuple(f.id for f in kept)))
            return len(kept)

    def _worst(self, verdicts: list[Verdict]) -> list[Verdict]:
        """At most :data:`MAX_PER_RULE` verdicts of each rule, the clearest ones."""
        taken: Counter[str] = Counter()
        out = []
        for verdict in sorted(verdicts, key=lambda x: -x.span.score):
            taken[verdict.rule] += 1
            if taken[verdict.rule] <= MAX_PER_RULE:
                out.append(verdict)
            else:
                self.counters["findings_left_out"] += 1
        return out

    def _raw(self, point: int, start: int, end: int) -> Columns:
        rows = self._store.raw([point], start, end, MAX_ROWS + 1)
        if len(rows) > MAX_ROWS:
            self.counters["windows_cut"] += 1
            rows = Columns(
                rows.point[:MAX_ROWS], rows.observed_at[:MAX_ROWS], rows.value[:MAX_ROWS],
                rows.quality[:MAX_ROWS], rows.received_at[:MAX_ROWS],
            )  # fmt: skip
        return rows

    def _keep(self, session: Session, subject: Subject, data: Columns, verdict: Verdict) -> Finding | None:
        """Enter a verdict, or let the finding it continues grow; None when nothing is new."""
        span = verdict.span
        start, end = _instant(span.start), _instant(span.end)
        known = session.scalar(
            select(Finding)
            .where(
                Finding.point_id == subject.id, Finding.kind == verdict.rule, Finding.started_at <= end,
                Finding.ended_at >= start,
            )
            .order_by(Finding.ended_at.desc())
            .limit(1)
        )  # fmt: skip
        if known is not None and known.ended_at >= end:
            return None
        if known is not None and known.state == "dismissed":
            return None  # somebody looked and said it is normal; the same stretch is not raised again
        if known is None:
            known = Finding(
                point_id=subject.id, enterprise_id=subject.enterprise_id, kind=verdict.rule,
                started_at=start, ended_at=end, detected_at=self.clock.now(), score=span.score,
                evidence={**span.evidence, "parameters": subject.rules.rules[verdict.rule]}, marked=0,
                state="open", version=1,
            )  # fmt: skip
            session.add(known)
            self.counters[f"found_{verdict.rule}"] += 1
        else:
            known.ended_at, known.score = end, max(known.score, span.score)
            known.evidence = {**known.evidence, **span.evidence}
            known.version += 1
        if verdict.rule in MARKING:
            self._mark(known, subject.id, data, span.rows)
        return known

    def _mark(self, finding: Finding, point: int, data: Columns, rows: tuple[int, int]) -> None:
        """Mark the usable rows of a span SUSPECT and note what they were, so that a review can undo it."""
        spans: list[list[int]] = list(finding.evidence.get("marked_spans", []))
        marked = 0
        for start, end, code in _stretches(data, rows):
            if len(spans) >= MAX_MARKED_SPANS:
                self.counters["marks_left_out"] += 1
                break
            marked += self._store.mark(point, start, end, Quality.SUSPECT)
            self._live.revise_quality(point, start, end, Quality.SUSPECT)
            spans.append([start, end, code])
        finding.marked += marked
        finding.evidence = {**finding.evidence, "marked_spans": spans}
        self.counters["marked"] += marked
        self._touched(np.array([point], np.int32))

    def review(
        self, session: Session, caller: Caller, finding_id: int, version: int, state: str, note: str | None
    ) -> Finding:
        """Confirm, dismiss or reopen. Dismissing gives the marked observations their quality back.

        Raises:
            ProblemError: 404; 409 when somebody reviewed it meanwhile.
        """
        finding: Finding | None = session.scalar(
            caller.scoped(select(Finding).where(Finding.id == finding_id), Finding.enterprise_id)
        )
        if finding is None:
            raise not_found("telemetry.finding", finding_id)
        if finding.version != version:
            raise conflict("telemetry.finding.changed_meanwhile")
        before = {"state": finding.state, "note": finding.note}
        if state == finding.state and note == finding.note:
            return finding
        if (state == "dismissed") != (finding.state == "dismissed"):
            self._remark(finding, restore=state == "dismissed")
        finding.state, finding.note = state, note
        finding.reviewed_by, finding.reviewed_at = caller.name, self.clock.now()
        finding.version += 1
        audit.record(
            session, caller, action="telemetry.finding.review", subject=("finding", finding.id),
            before=before, after={"state": state, "note": note},
        )  # fmt: skip
        emit(session, FindingsChanged(ids=(finding.id,)))
        return finding

    def _remark(self, finding: Finding, *, restore: bool) -> None:
        for start, end, code in finding.evidence.get("marked_spans", []):
            value = code if restore else int(Quality.SUSPECT)
            self._store.mark(finding.point_id, start, end, value)
            self._live.revise_quality(finding.point_id, start, end, value)
        self._touched(np.array([finding.point_id], np.int32))

    def figures(self) -> dict[str, Any]:
        """What was looked at and found since the start, and the limits."""
        return {
            "last_run_ms": self.last_run_ms,
            "counters": dict(self.counters),
            "limits": {**self.settings.model_dump(), "max_rows_per_point": MAX_ROWS},
        }


def _subject(point: Point) -> Subject:
    return Subject(
        id=point.id,
        enterprise_id=point.enterprise_id,
        resolution=point.resolution,
        low=-np.inf if point.plausible_low is None else point.plausible_low,
        high=np.inf if point.plausible_high is None else point.plausible_high,
        rules=rules_for(point.quantity, point.kind, point.properties or {}),
    )


def _stretches(data: Columns, rows: tuple[int, int]) -> Iterable[tuple[int, int, int]]:
    """``(start, end, code)`` of stretches of usable rows with one code; rows already SUSPECT are left alone."""
    a, b = rows
    codes, times = data.quality[a:b] & np.uint8(CODE_MASK), data.observed_at[a:b]
    good = usable(data.quality[a:b])
    cuts = np.flatnonzero((codes[1:] != codes[:-1]) | (good[1:] != good[:-1])) + 1
    for first, end in zip(np.r_[0, cuts], np.r_[cuts, len(codes)], strict=True):
        if good[first]:
            yield int(times[first]), int(times[end - 1]) + 1, int(codes[first])
