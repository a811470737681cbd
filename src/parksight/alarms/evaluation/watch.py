"""The evaluation as it runs: fed from several threads, compiled anew when rules change, resumed after a restart.

What a restart would lose is kept twice: a snapshot of all delays, windows and means every few seconds, and the stored
observations since. At the start the snapshot is taken up, the observations that came after it are judged as they would
have been, and what the records of alarms lack or have too much is put right.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import numpy as np
import structlog
from sqlalchemy import select

from parksight.alarms.evaluation import memory
from parksight.alarms.evaluation.civil import offset_ms
from parksight.alarms.evaluation.compiler import compile_rules
from parksight.alarms.evaluation.evaluator import Evaluator, warm_up
from parksight.alarms.evaluation.keys import point_of, rule_of, step_of
from parksight.alarms.evaluation.memory import Snapshot
from parksight.alarms.evaluation.operations import FINDINGS
from parksight.alarms.evaluation.rows import RuleRow
from parksight.alarms.evaluation.transitions import Transitions, join, keep, of_keys
from parksight.alarms.kernels import codes
from parksight.alarms.kernels.layout import Plan
from parksight.alarms.models import STEPS, Alarm
from parksight.kernel.clock import Clock
from parksight.kernel.db import Database
from parksight.kernel.settings import AlarmSettings
from parksight.telemetry.models import Finding
from parksight.telemetry.protocols import Columns

log = structlog.get_logger(__name__)

#: Stored observations looked at around a snapshot, ms: what was on its way before it, and what came until the end.
_BEFORE_MS, _AFTER_MS = 60_000, 900_000
#: What was received this long before a snapshot may not have been judged when it was taken.
_IN_FLIGHT_MS = 2_000
_PORTION = 500


class History(Protocol):
    """What is asked of the store."""

    def raw(self, points: Sequence[int], start: int, end: int, limit: int | None = None) -> Columns: ...


@dataclass(frozen=True, slots=True)
class Keeping:
    """Where the evaluation is kept: snapshots in ``folder``, observations in ``store``."""

    folder: Path
    store: History

    @property
    def file(self) -> Path:
        return self.folder / "evaluation.npz"


@dataclass(frozen=True, slots=True)
class Loss:
    """A source that said, or of which its broker said, that it is gone; ``reason`` is the gateway's word for how."""

    source: int
    points: tuple[int, ...]
    at_ms: int
    reason: str


class RuleWatch:
    """Judges, under one lock.

    Args:
        db: records.
        clock: the platform's time.
        settings: limits.
        rows: the rules to evaluate, read anew at each compilation.
        offer: where transitions go, in order; called under the lock.
        timezone: the zone's, for means over hours and days.
        keeping: None where nothing is to survive (command line, small tests).
    """

    def __init__(
        self, db: Database, clock: Clock, settings: AlarmSettings, rows: Callable[[], list[RuleRow]],
        offer: Callable[[Transitions], object], timezone: str, keeping: Keeping | None = None,
    ) -> None:  # fmt: skip
        self.db = db
        self.clock = clock
        self.settings = settings
        self.counters: Counter[str] = Counter()
        self._rows = rows
        self._offer = offer
        self._timezone = timezone
        self._keeping = keeping
        self._offset = offset_ms(timezone, clock.now())
        self.evaluator = self._evaluator(compile_rules(()))
        self._lock = threading.Lock()
        self._compiling = threading.Lock()
        self._dirty = threading.Event()
        self._findings: deque[int] = deque(maxlen=10_000)
        self._lost: deque[Loss] = deque(maxlen=10_000)
        self._kept_at = 0

    def _evaluator(self, plan: Plan) -> Evaluator:
        s = self.settings
        return Evaluator(plan, self.clock.now_ms(), s.history_s * 1000, s.grace_s * 1000)

    # --- life -----------------------------------------------------------------------------------------

    def start(self, standing: dict[int, bool]) -> list[Transitions]:
        """Resume; returns what the records lack.

        Args:
            standing: alarms that stand in the records, key -> whether the condition is known.
        """
        warm_up()
        with self._lock:
            self.evaluator = self._evaluator(self._compile())
            happened = self._catch_up()
            known = {int(k): int(w) for batch in happened for k, w in zip(batch.key, batch.what, strict=True)}
            return [*self._unrecorded(happened), *self._settle(standing, known)]

    def _catch_up(self) -> list[Transitions]:
        snapshot = self._stored()
        if snapshot is None or self._keeping is None:
            return []
        evaluator, now = self.evaluator, self.clock.now_ms()
        evaluator.resume(snapshot)
        points = np.flatnonzero(evaluator.compiled.watched)
        end = min(now, snapshot.now_ms + _AFTER_MS) + 1
        rows = self._keeping.store.raw(points.tolist(), snapshot.now_ms - _BEFORE_MS, end)
        seen = snapshot.state.seen
        inside = rows.point < len(seen)
        newest = np.where(inside, seen[np.where(inside, rows.point, 0)], -1)
        fresh = (rows.received_at > snapshot.now_ms - _IN_FLIGHT_MS) & (rows.observed_at > newest)
        order = np.lexsort((rows.observed_at, rows.received_at))
        order = order[fresh[order]]
        rows = Columns(*(getattr(rows, name)[order] for name in Columns.__slots__))
        self.counters["caught_up"] = len(rows)
        happened: list[Transitions] = []
        seconds = rows.received_at // 1000
        edges = [0, *(np.flatnonzero(np.diff(seconds)) + 1).tolist(), len(rows)] if len(rows) else [0]
        for first, last in pairwise(edges):
            part = Columns(*(getattr(rows, name)[first:last] for name in Columns.__slots__))
            found = evaluator.on_tick(part, max(snapshot.now_ms, int(part.received_at[-1])))
            if found is not None:
                happened.append(found)
        evaluator.wake(now)
        return happened

    def _stored(self) -> Snapshot | None:
        if self._keeping is None:
            return None
        try:
            return memory.read(self._keeping.file)
        except (OSError, ValueError, KeyError) as error:
            # Without it delays and windows begin anew; alarms themselves are in the records.
            log.warning("alarm_snapshot_unreadable", file=str(self._keeping.file), error=str(error))
            self.counters["snapshots_unreadable"] += 1
            return None

    def _unrecorded(self, happened: list[Transitions]) -> list[Transitions]:
        """Without what was already written before the process ended."""
        raised = [(int(k), int(a)) for b in happened for k, a in zip(b.key, b.at, strict=True)]
        if not raised:
            return happened
        rules, first = sorted({rule_of(k) for k, _ in raised}), min(a for _, a in raised)
        written: set[tuple[int, int, int, int]] = set()
        with self.db.read() as session:
            for start in range(0, len(rules), _PORTION):
                statement = select(Alarm.rule_id, Alarm.point_id, Alarm.step, Alarm.raised_at).where(
                    Alarm.rule_id.in_(rules[start : start + _PORTION]),
                    Alarm.raised_at >= datetime.fromtimestamp(first / 1000, UTC),
                )
                for rule, point, step, at in session.execute(statement):
                    written.add((rule, point, STEPS.index(step), round(at.timestamp() * 1000)))
        out = []
        for batch in happened:
            known = np.array(
                [
                    w == codes.RAISED and (rule_of(k), point_of(k), step_of(k), a) in written
                    for k, w, a in zip(
                        batch.key.tolist(), batch.what.tolist(), batch.at.tolist(), strict=True
                    )
                ],
                bool,
            )
            out.append(keep(batch, ~known))
        return [batch for batch in out if len(batch)]

    def _settle(self, standing: dict[int, bool], happened: dict[int, int]) -> list[Transitions]:
        """Make state and records agree where nothing that was caught up does. Nothing clears without evidence."""
        evaluator, now = self.evaluator, self.clock.now_ms()
        stands = evaluator.standing()
        lost = {k: v for k, v in standing.items() if k not in stands and happened.get(k) != codes.CLEARED}
        orphans = evaluator.restore(lost)
        both = {k for k in stands if k in standing and k not in happened}
        parts = [
            evaluator.describe(sorted(stands.keys() - standing.keys() - happened.keys()), codes.RAISED, now),
            evaluator.describe(sorted(k for k in both if standing[k] and not stands[k]), codes.DOUBTED, now),
            evaluator.describe(
                sorted(k for k in both if stands[k] and not standing[k]), codes.CONFIRMED, now
            ),
            of_keys(orphans, codes.WITHDRAWN, now),
        ]
        return [part for part in parts if len(part)]

    def stop(self) -> None:
        """Keep the last state. Idempotent."""
        self._keep(self.clock.now_ms(), due=True)

    # --- judging --------------------------------------------------------------------------------------

    def on_tick(self, rows: Columns, now_ms: int) -> None:
        """Judge a durable tick."""
        with self._lock:
            happened = self.evaluator.on_tick(rows, now_ms)
            if happened is not None:
                self._offer(happened)

    def on_second(self, now_ms: int) -> None:
        """Judge what time alone brings about, take changed rules, look at findings, keep a snapshot."""
        if self._dirty.is_set() or offset_ms(self._timezone, self.clock.now()) != self._offset:
            self.recompile()
        if self._findings:
            self._judge_findings(now_ms)
        while self._lost:
            self._judge_loss(self._lost.popleft(), now_ms)
        with self._lock:
            happened = self.evaluator.on_second(now_ms)
            if happened is not None:
                self._offer(happened)
        self._keep(now_ms)

    def mark_dirty(self) -> None:
        """Rules or points have changed: compile at the next second."""
        self._dirty.set()

    def note_findings(self, ids: Sequence[int]) -> None:
        """Forensics has found something: looked at with the next second."""
        self._findings.extend(ids)

    def note_loss(self, loss: Loss) -> None:
        """A source died: looked at with the next second, off the thread that brings the news."""
        self._lost.append(loss)

    def recompile(self) -> None:
        """Take the rules as they are now; standing alarms of steps that are gone are withdrawn."""
        with self._compiling:  # what was read first must not replace what was read later
            self._dirty.clear()
            plan = self._compile()
            with self._lock:
                gone = self.evaluator.replace(plan, self.clock.now_ms())
                if len(gone):
                    self._offer(gone)
            self.counters["compiled"] += 1

    def _compile(self) -> Plan:
        self._offset = offset_ms(self._timezone, self.clock.now())
        return compile_rules(self._rows(), self._offset)

    def _judge_findings(self, now_ms: int) -> None:
        ids = [self._findings.popleft() for _ in range(len(self._findings))]
        for start in range(0, len(ids), _PORTION):
            statement = select(Finding.point_id, Finding.kind, Finding.ended_at).where(
                Finding.id.in_(ids[start : start + _PORTION]), Finding.state != "dismissed"
            )
            with self.db.read() as session:
                found = session.execute(statement).all()
            for point, kind, ended in found:
                if kind not in FINDINGS:
                    continue
                with self._lock:
                    happened = self.evaluator.on_finding(point, kind, round(ended.timestamp() * 1000), now_ms)
                    if happened is not None:
                        self._offer(happened)

    def _judge_loss(self, loss: Loss, now_ms: int) -> None:
        with self._lock:
            happened = self.evaluator.on_lost(loss.points, loss.at_ms, now_ms)
            if happened is not None:
                happened.why = {"reason": "source_died", "source": loss.source, "said": loss.reason}
                self._offer(happened)

    def _keep(self, now_ms: int, *, due: bool = False) -> None:
        if self._keeping is None or not (
            due or abs(now_ms - self._kept_at) >= self.settings.snapshot_s * 1000
        ):
            return
        self._kept_at = now_ms
        with self._lock:
            snapshot = self.evaluator.snapshot()
        try:
            memory.write(self._keeping.file, snapshot)
        except OSError as error:
            self.counters["snapshot_failures"] += 1
            log.warning("alarm_snapshot_failed", file=str(self._keeping.file), error=str(error))

    # --- for the records ------------------------------------------------------------------------------

    def reconcile(self, recorded: dict[int, bool], forget: Callable[[], None]) -> Transitions:
        """What the records lack, taken at one moment at which nothing else can be queued.

        Args:
            forget: drops what is queued; called under the lock.
        """
        now = self.clock.now_ms()
        with self._lock:
            forget()
            stands, describe = self.evaluator.standing(), self.evaluator.describe
            both = stands.keys() & recorded.keys()
            doubted = sorted(k for k in stands if not stands[k] and recorded.get(k, True))
            return join(
                describe(sorted(stands.keys() - recorded.keys()), codes.RAISED, now),
                describe(doubted, codes.DOUBTED, now),
                describe(sorted(k for k in both if stands[k] and not recorded[k]), codes.CONFIRMED, now),
                of_keys(sorted(recorded.keys() - stands.keys()), codes.CLEARED, now),
            )

    def stats(self) -> dict[str, int]:
        """Counters for the health page and ``/metrics``."""
        with self._lock:
            plan = self.evaluator.compiled
            evaluated, out_of_order, history, clock_back = (int(v) for v in self.evaluator.counters)
        return {
            "steps": len(plan.key) + len(plan.stale_key), "points": int(plan.watched.sum()), "evaluated": evaluated,
            "out_of_order": out_of_order, "history": history, "clock_back": clock_back, **self.counters,
        }  # fmt: skip
