"""The evaluation of all rules over whole batches, and its state.

* A step raises at ``signal >= limit`` (high) or ``<=`` (low) once that has lasted for the on-delay, and clears once
  the signal is back by more than the deadband for the off-delay (ISA-18.2 5.6; IEC 62682).
* Everything is counted in observation time. When no further reading comes, a pending alarm is raised by the clock
  after its delay; a clearing one is not: clearing needs evidence.
* Rows older than the newest of their point are ignored and counted. Of several points read by one expression each
  counts with its newest value; the time of the result is the newest of theirs.
* Only usable quality moves an alarm (kinds that judge quality itself excepted). Unusable readings, or silence, make
  a standing alarm *unknown*.
* STALE is judged by the clock: no reading for ``factor`` expected periods.
* When the platform's own clock is set back, what was remembered of the time after it is brought back to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal

import numpy as np

from parksight.alarms.evaluation import memory
from parksight.alarms.evaluation.compiler import compile_rules
from parksight.alarms.evaluation.memory import Snapshot
from parksight.alarms.evaluation.operations import FINDINGS
from parksight.alarms.evaluation.rows import RuleRow
from parksight.alarms.evaluation.transitions import Transitions, join, of_steps
from parksight.alarms.kernels import codes, sweep
from parksight.alarms.kernels.layout import OUT, Plan, State, memory_of, records
from parksight.telemetry.protocols import I64, Columns

_ROOM = 4_096
_PLAIN: Final[tuple[Literal["C"], Literal["W"]]] = ("C", "W")
#: A clock may be set back by this much before anything is made of it: time servers do that all the time.
CLOCK_TOLERANCE_MS = 2_000


class Evaluator:
    """The state of all steps. Not thread-safe: :class:`~parksight.alarms.service.AlarmService` holds its lock.

    Args:
        compiled: what to watch.
        now_ms: silence is counted from here for points that have not spoken yet.
        history_ms: readings older than this are history and raise nothing.
        grace_ms: patience with a point that is watched for the first time, before its silence counts.
    """

    def __init__(
        self, compiled: Plan, now_ms: int, history_ms: int = 1_800_000, grace_ms: int = 0
    ) -> None:  # fmt: skip
        self.history_ms = history_ms
        self.grace_ms = grace_ms
        self.counters: I64 = np.zeros(codes.COUNTERS, np.int64)
        self.now_ms = now_ms
        self._take_up(compiled, memory.fresh(compiled, now_ms + grace_ms))
        self._room = _ROOM
        self._out: Any = np.empty(_ROOM, OUT)

    def _take_up(self, compiled: Plan, state: State) -> None:
        """Go on with this plan and this state."""
        self.compiled = compiled
        self._records = records(compiled)
        averages = int((compiled.op_kind == codes.AVERAGE).sum())
        #: Transitions one look at the clock can bring about: a delay, a silence and a gate for each step, and means.
        self._most = 3 * (len(compiled.key) + len(compiled.stale_key)) + codes.MARGIN * averages + 16
        self._state, self._memory = memory_of(state)

    # --- taking over ----------------------------------------------------------------------------------

    def restore(self, open_alarms: Mapping[int, bool]) -> list[int]:
        """Take over alarms that stand in the records: key -> whether its condition is known.

        Returns the keys that no step watches any more (their rule was changed or switched off meanwhile).
        """
        wanted = np.fromiter(open_alarms, np.int64, len(open_alarms))
        known = np.fromiter(open_alarms.values(), bool, len(open_alarms))
        at, found = memory.find(self.compiled.key, wanted)
        self._state.state[at[found]] = np.where(known[found], codes.ACTIVE, codes.UNKNOWN)
        at, stale_found = memory.find(self.compiled.stale_key, wanted)
        self._state.stale[at[stale_found]] = 1
        self._state.silent[:] = 0  # silence of their points is to be noticed anew
        return [int(k) for k in wanted[~(found | stale_found)]]

    def replace(self, compiled: Plan, now_ms: int) -> Transitions:
        """Watch other rules from now on; what stays keeps its state, standing alarms of the rest are withdrawn."""
        old, before = self.compiled, self._state
        state, gone, stale_gone = memory.hand_on(
            memory.identity(old), before, compiled, now_ms + self.grace_ms
        )
        steps = np.flatnonzero(gone & (before.state >= codes.ACTIVE))
        stale = len(old.key) + np.flatnonzero(stale_gone & (before.stale == 1))
        lost = np.concatenate([steps, stale]).astype(np.int32)
        withdrawn = of_steps(old, before, lost, codes.WITHDRAWN, np.full(len(lost), now_ms), now_ms)
        self._take_up(compiled, state)
        return withdrawn

    def snapshot(self) -> Snapshot:
        """A copy of everything that is remembered."""
        state = State(**{name: column.copy() for name, column in self._state._asdict().items()})
        return Snapshot(memory.identity(self.compiled), state, self.now_ms)

    def resume(self, snapshot: Snapshot) -> None:
        """Remember what a snapshot remembers, as far as the present rules ask for it; :meth:`wake` when caught up."""
        state, _, _ = memory.hand_on(snapshot.old, snapshot.state, self.compiled, snapshot.now_ms)
        self._take_up(self.compiled, state)
        self.now_ms = snapshot.now_ms

    def wake(self, now_ms: int) -> None:
        """The evaluation slept until now: what nobody listened to was no silence, and says nothing of pending alarms.

        Silence is counted from now (with patience), and a pending alarm is raised by the clock only after its delay
        from now; a reading that shows that it lasted raises it at its true time.
        """
        self._state.begun[:] = now_ms + self.grace_ms
        self._state.silent[:] = 0
        self._state.arrived[:] = np.where(self._state.state == codes.PENDING_ON, now_ms, self._state.arrived)
        self.now_ms = now_ms

    # --- judging --------------------------------------------------------------------------------------

    def on_tick(self, rows: Columns, now_ms: int) -> Transitions | None:
        """Judge a batch; None when nothing happened."""
        self._look_at_clock(now_ms)
        parts: list[Transitions] = []
        # One signature for the compiled kernel, whoever made the columns.
        point = np.require(rows.point, np.int32, _PLAIN)
        observed = np.require(rows.observed_at, np.int64, _PLAIN)
        value = np.require(rows.value, np.float64, _PLAIN)
        quality = np.require(rows.quality, np.uint8, _PLAIN)
        first = 0
        while first < len(rows):
            out = self._output(self._room)
            done, n = sweep.evaluate(
                first, len(rows), now_ms, self.history_ms, point, observed, value, quality, self._records, self._memory,
                out, 0, self.counters,
            )  # fmt: skip
            if n:
                parts.append(self._transitions(out, n, now_ms))
            if done == first and n == 0:
                self._room *= 2  # one point with more steps than room
            first = done
        return join(*parts) if parts else None

    def on_second(self, now_ms: int) -> Transitions | None:
        """Judge what time alone brings about."""
        self._look_at_clock(now_ms)
        out = self._output(self._most)
        n = sweep.clock(now_ms, self._records, self._memory, out, 0)
        return self._transitions(out, n, now_ms) if n else None

    def on_finding(self, point: int, kind: str, ended_ms: int, now_ms: int) -> Transitions | None:
        """Forensics holds something against a point: rules that watch for it are true until its end and their hold."""
        plan, state = self.compiled, self._state
        mask = 1 << FINDINGS.index(kind)
        wanted = (plan.op_kind == codes.SUSPECT) & (plan.op_point == point)
        wanted &= plan.parameter[:, 2].astype(np.int64) & mask != 0
        ops = np.flatnonzero(wanted)
        if not len(ops):
            return None
        out = self._output(self._most)
        n = 0
        for op in ops.tolist():
            until = ended_ms + int(plan.parameter[op, 1])
            state.whole[op, 0] = max(int(state.whole[op, 0]), until)
            n = sweep.found(
                op, max(int(state.op_time[op]), now_ms), now_ms, self._records, self._memory, out, n
            )
        return self._transitions(out, n, now_ms) if n else None

    def on_lost(self, points: Sequence[int], died_ms: int, now_ms: int) -> Transitions | None:
        """The source of these points died: standing alarms on them are unknown, without waiting for their periods."""
        out = self._output(self._most)
        which = np.array(points, np.int32)
        n = sweep.lose(which, died_ms, now_ms, self._records, self._memory, out, 0)
        return self._transitions(out, n, now_ms) if n else None

    def replay(self, rows: Columns, second_ms: int, until_ms: int) -> tuple[list[Transitions], int]:
        """Stored rows, ordered by time, as if they came in now with the clock looked at once a second.

        Returns what happened and the next second to look at.
        """
        parts: list[Transitions] = []
        columns = (rows.point, rows.observed_at, rows.value, rows.quality)
        first, n = 0, 1
        while first < len(rows) or second_ms <= until_ms:
            out = self._output(4 * self._most + _ROOM)
            first, second_ms, n = sweep.replay(
                first, second_ms, until_ms, self._most, self.history_ms, *columns, self._records, self._memory, out, self.counters,
            )  # fmt: skip
            if n:
                parts.append(self._transitions(out, n, second_ms))
            self.now_ms = second_ms
        return parts, second_ms

    def _look_at_clock(self, now_ms: int) -> None:
        if now_ms < self.now_ms - CLOCK_TOLERANCE_MS:
            self.counters[codes.CLOCK_BACK] += 1
            sweep.turn_back(now_ms, self._records, self._memory)
            self.now_ms = now_ms
        self.now_ms = max(self.now_ms, now_ms)

    def _output(self, room: int) -> Any:
        if len(self._out) < room:
            self._out = np.empty(room, OUT)
        return self._out[:room]

    def _transitions(self, out: Any, n: int, now_ms: int) -> Transitions:
        found = {name: out[name][:n].copy() for name in OUT.names or ()}
        return of_steps(
            self.compiled, self._state, found["step"], found["what"], found["at"], now_ms, found["value"],
            found["quality"], found["closed"],
        )  # fmt: skip

    # --- for the records ------------------------------------------------------------------------------

    def standing(self) -> dict[int, bool]:
        """Key -> whether the condition is known, of every alarm that stands (for reconciliation)."""
        up = np.flatnonzero(self._state.state >= codes.ACTIVE)
        known = self._state.state[up] != codes.UNKNOWN
        keys = dict(zip(self.compiled.key[up].tolist(), known.tolist(), strict=True))
        keys.update(dict.fromkeys(self.compiled.stale_key[self._state.stale == 1].tolist(), True))
        return keys

    def describe(self, keys: Iterable[int], what: int, now_ms: int) -> Transitions:
        """Transitions of the given kind for steps that stand now, with the values they were raised by."""
        wanted = np.fromiter(keys, np.int64)
        at, found = memory.find(self.compiled.key, wanted)
        stale_at, stale_found = memory.find(self.compiled.stale_key, wanted)
        steps, stale = at[found], stale_at[stale_found]
        value = np.concatenate([self._state.held[steps], np.full(len(stale), np.nan)])
        quality = np.concatenate([self._state.held_quality[steps], np.zeros(len(stale), np.uint8)])
        every = np.concatenate([steps, len(self.compiled.key) + stale]).astype(np.int32)
        when = np.full(len(every), now_ms, np.int64)
        return of_steps(self.compiled, self._state, every, what, when, now_ms, value, quality)


def warm_up() -> None:
    """Compile the kernels (or load them from their cache) before the first reading needs them: seconds, once."""
    step = {"limit": 1.0, "deadband": 0.0, "on_delay_s": 0.0, "off_delay_s": 0.0, "priority": 4}
    evaluator = Evaluator(compile_rules([RuleRow(1, 1, 1, {"h": step}, 1.0)]), 0)
    one = Columns(
        np.ones(1, np.int32), np.ones(1, np.int64), np.ones(1), np.zeros(1, np.uint8), np.ones(1, np.int64)
    )
    evaluator.on_tick(one, 1)
    evaluator.on_lost([1], 2, 2)
    evaluator.on_second(3_600_000)
    evaluator.on_second(1)
