"""Rules compiled to columns, and their evaluation over whole batches.

* A step raises at ``value >= limit`` (high) or ``<=`` (low) once that has lasted for the on-delay, and clears once
  the value is back by more than the deadband for the off-delay (ISA-18.2 5.6; IEC 62682).
* Delays are counted in observation time. When no further reading comes, a pending alarm is raised by the clock
  after its delay; a clearing one is not: clearing needs evidence.
* Only usable quality moves a threshold alarm. Unusable readings, or silence, make a standing alarm *unknown*.
* STALE is judged by the clock: no reading for ``factor`` expected periods.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from parksight.alarms import kernels
from parksight.alarms.models import STEPS
from parksight.telemetry.protocols import F64, I32, I64, U8, Columns

STALE = STEPS.index("STALE")
_STEP_CODE = {"hh": 0, "h": 1, "l": 2, "ll": 3}
#: Step keys are ``rule id * 8 + step code``.
_KEY = 8
#: Silence after which standing alarms of a point without STALE rule become unknown, in expected periods.
SILENT_PERIODS = 3.0
_ROOM = 4096
_PLAIN: Final[tuple[Literal["C"], Literal["W"]]] = ("C", "W")


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A rule as the compiler takes it; ``period_s`` is its point's."""

    id: int
    version: int
    point_id: int
    definition: Mapping[str, Any]
    period_s: float


@dataclass(slots=True)
class Transitions:
    """Things that happened, equally long columns in the order of judgement.

    ``key`` names the step (rule id * 8 + step code), ``at`` is observation time, ``limit`` seconds for STALE.
    """

    key: I64
    point: I32
    version: I32
    step: U8
    priority: U8
    limit: F64
    what: U8
    at: I64
    value: F64
    quality: U8
    now: int

    def __len__(self) -> int:
        return len(self.key)


@dataclass(slots=True)
class Compiled:
    """All enabled steps: thresholds sorted by point (``start`` indexes them), then the stale steps."""

    start: I32
    watched: U8
    point: I32
    key: I64
    version: I32
    step: U8
    priority: U8
    high: U8
    limit: F64
    back: F64
    on_ms: I64
    off_ms: I64
    stale_point: I32
    stale_key: I64
    stale_version: I32
    stale_priority: U8
    stale_ms: I64
    silent_point: I32
    silent_ms: I64

    @property
    def rules(self) -> int:
        keys = np.concatenate([self.key, self.stale_key])
        return int(np.unique(keys // _KEY).size)


def compile_rules(rules: Iterable[RuleRow]) -> Compiled:
    """Columns of the enabled rules."""
    thresholds: list[tuple[int, int, int, int, int, int, float, float, int, int]] = []
    stale: list[tuple[int, int, int, int, int]] = []
    silent: dict[int, int] = {}
    for rule in rules:
        period_ms = max(1, round(rule.period_s * 1000))
        silent.setdefault(rule.point_id, round(SILENT_PERIODS * period_ms))
        for name, step in rule.definition.items():
            if step is None:
                continue
            if name == "stale":
                after_s = step.get("after_s")
                after = max(1, round(step["factor"] * period_ms if after_s is None else after_s * 1000))
                key = rule.id * _KEY + STALE
                stale.append((rule.point_id, key, rule.version, step["priority"], after))
                silent[rule.point_id] = min(silent[rule.point_id], after)
                continue
            code = _STEP_CODE[name]
            high = 1 if code < 2 else 0
            back = step["limit"] - step["deadband"] if high else step["limit"] + step["deadband"]
            thresholds.append(
                (
                    rule.point_id, rule.id * _KEY + code, rule.version, code, step["priority"], high,
                    step["limit"], back, round(step["on_delay_s"] * 1000), round(step["off_delay_s"] * 1000),
                )
            )  # fmt: skip
    return _columns(thresholds, stale, silent)


def _columns(thresholds: list[Any], stale: list[Any], silent: dict[int, int]) -> Compiled:
    t = np.array(thresholds, dtype=np.float64).reshape(-1, 10)
    t = t[np.lexsort((t[:, 1], t[:, 0]))]
    s = np.array(stale, dtype=np.int64).reshape(-1, 5)
    points = max((int(p) for p in silent), default=0) + 1
    counts = np.bincount(t[:, 0].astype(np.int64), minlength=points)
    start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    watched = np.zeros(points, np.uint8)
    watched[list(silent)] = 1
    return Compiled(
        start=start, watched=watched,
        point=t[:, 0].astype(np.int32), key=t[:, 1].astype(np.int64), version=t[:, 2].astype(np.int32),
        step=t[:, 3].astype(np.uint8), priority=t[:, 4].astype(np.uint8), high=t[:, 5].astype(np.uint8),
        limit=np.ascontiguousarray(t[:, 6]), back=np.ascontiguousarray(t[:, 7]),
        on_ms=t[:, 8].astype(np.int64), off_ms=t[:, 9].astype(np.int64),
        stale_point=s[:, 0].astype(np.int32), stale_key=np.ascontiguousarray(s[:, 1]),
        stale_version=s[:, 2].astype(np.int32), stale_priority=s[:, 3].astype(np.uint8),
        stale_ms=np.ascontiguousarray(s[:, 4]),
        silent_point=np.fromiter(silent, np.int32, len(silent)),
        silent_ms=np.fromiter(silent.values(), np.int64, len(silent)),
    )  # fmt: skip


class Evaluator:
    """The state of all steps. Not thread-safe: :class:`~parksight.alarms.service.AlarmService` holds its lock.

    Args:
        compiled: what to watch.
        now_ms: silence is counted from here for points that have not spoken yet.
        history_ms: readings older than this are history and raise nothing.
        grace_ms: patience with a point that is watched for the first time, before its silence counts.
    """

    def __init__(
        self, compiled: Compiled, now_ms: int, history_ms: int = 1_800_000, grace_ms: int = 0
    ) -> None:
        self.history_ms = history_ms
        self.grace_ms = grace_ms
        self.counters: I64 = np.zeros(3, np.int64)
        self._room = _ROOM
        self._seen: I64 = np.zeros(0, np.int64)
        self._since_when: I64 = np.zeros(0, np.int64)
        self._reset(compiled)
        self._remember_points(now_ms)

    def _reset(self, compiled: Compiled) -> None:
        self.compiled = compiled
        n = len(compiled.key)
        self._state: U8 = np.zeros(n, np.uint8)
        self._since: I64 = np.zeros(n, np.int64)
        self._arrived: I64 = np.zeros(n, np.int64)
        self._held: F64 = np.full(n, np.nan)
        self._held_quality: U8 = np.zeros(n, np.uint8)
        self._stale: U8 = np.zeros(len(compiled.stale_key), np.uint8)

    def _remember_points(self, now_ms: int) -> None:
        """Room for new points; what old ones said stays known."""
        extra = len(self.compiled.watched) - len(self._seen)
        if extra > 0:
            self._seen = np.concatenate([self._seen, np.full(extra, -1, np.int64)])
            self._since_when = np.concatenate(
                [self._since_when, np.full(extra, now_ms + self.grace_ms, np.int64)]
            )

    def restore(self, open_alarms: Mapping[int, bool]) -> list[int]:
        """Take over alarms that stand in the records: key -> whether its condition is known.

        Returns the keys that no step watches any more (their rule was changed or switched off meanwhile).
        """
        wanted = np.fromiter(open_alarms, np.int64, len(open_alarms))
        known = np.fromiter(open_alarms.values(), bool, len(open_alarms))
        at, found = _find(self.compiled.key, wanted)
        self._state[at[found]] = np.where(known[found], kernels.ACTIVE, kernels.UNKNOWN)
        at, stale_found = _find(self.compiled.stale_key, wanted)
        self._stale[at[stale_found]] = 1
        return [int(k) for k in wanted[~(found | stale_found)]]

    def replace(self, compiled: Compiled, now_ms: int) -> Transitions:
        """Watch other rules from now on; steps that stay keep their state, standing alarms of others are withdrawn."""
        old, state = self.compiled, self._state
        since, arrived, held, held_quality = self._since, self._arrived, self._held, self._held_quality
        stale = self._stale
        self._reset(compiled)
        self._remember_points(now_ms)
        at, found = _find(compiled.key, old.key)
        here = at[found]
        self._state[here] = state[found]
        self._since[here], self._arrived[here] = since[found], arrived[found]
        self._held[here], self._held_quality[here] = held[found], held_quality[found]
        gone = np.flatnonzero(~found & (state >= kernels.ACTIVE)).astype(np.int32)
        stale_at, stale_found = _find(compiled.stale_key, old.stale_key)
        self._stale[stale_at[stale_found]] = stale[stale_found]
        stale_gone = np.flatnonzero(~stale_found & (stale == 1))
        withdrawn = _of_steps(old, gone, kernels.WITHDRAWN, np.full(len(gone), now_ms), now_ms)
        return join(
            withdrawn, _of_stale(old, stale_gone, kernels.WITHDRAWN, np.full(len(stale_gone), now_ms), now_ms)
        )

    def on_tick(self, rows: Columns, now_ms: int) -> Transitions | None:
        """Judge a batch; None when nothing happened."""
        parts: list[Transitions] = []
        # One signature for the compiled kernel, whoever made the columns.
        point = np.require(rows.point, np.int32, _PLAIN)
        observed, value = (
            np.require(rows.observed_at, np.int64, _PLAIN),
            np.require(rows.value, np.float64, _PLAIN),
        )
        quality = np.require(rows.quality, np.uint8, _PLAIN)
        first = 0
        while first < len(rows):
            out = self._output()
            c = self.compiled
            done, n = kernels.evaluate(
                first, now_ms, self.history_ms, point, observed, value, quality,
                c.start, c.watched, self._seen, c.high, c.limit, c.back, c.on_ms, c.off_ms,
                self._state, self._since, self._arrived, self._held, self._held_quality, *out, self.counters,
            )  # fmt: skip
            if n:
                step, what, at, held, held_quality = out
                parts.append(_of_steps(c, step[:n], what[:n], at[:n], now_ms, held[:n], held_quality[:n]))
            if done == first and n == 0:
                self._room *= 2  # one point with more steps than room
            first = done
        return join(*parts) if parts else None

    def _output(self) -> tuple[I32, U8, I64, F64, U8]:
        n = self._room
        return (
            np.empty(n, np.int32),
            np.empty(n, np.uint8),
            np.empty(n, np.int64),
            np.empty(n),
            np.empty(n, np.uint8),
        )

    def on_second(self, now_ms: int) -> Transitions | None:
        """What time alone brings about: delays that ran out, points that fell silent or spoke again."""
        c = self.compiled
        parts: list[Transitions] = []
        due = np.flatnonzero(
            (self._state == kernels.PENDING_ON) & (now_ms - self._arrived >= c.on_ms)
        ).astype(np.int32)
        if len(due):
            self._state[due] = kernels.ACTIVE
            at = self._since[due] + c.on_ms[due]
            parts.append(
                _of_steps(c, due, kernels.RAISED, at, now_ms, self._held[due], self._held_quality[due])
            )
        # History that a point hands in late says nothing of its silence now: count from the watch's begin at least.
        seen = self._seen[c.stale_point]
        since = np.maximum(seen, self._since_when[c.stale_point])
        late = now_ms - since > c.stale_ms
        fresh = (seen >= 0) & (now_ms - seen <= c.stale_ms)
        fell = np.flatnonzero(late & (self._stale == 0))
        if len(fell):
            self._stale[fell] = 1
            parts.append(_of_stale(c, fell, kernels.RAISED, (since + c.stale_ms)[fell], now_ms))
        # A stale alarm taken over from the records stands until the point really speaks.
        spoke = np.flatnonzero(fresh & (self._stale == 1))
        if len(spoke):
            self._stale[spoke] = 0
            parts.append(_of_stale(c, spoke, kernels.CLEARED, seen[spoke], now_ms))
        parts.extend(self._silences(now_ms))
        return join(*parts) if parts else None

    def _silences(self, now_ms: int) -> list[Transitions]:
        c = self.compiled
        since = np.maximum(self._seen[c.silent_point], self._since_when[c.silent_point])
        late = now_ms - since > c.silent_ms
        points = c.silent_point[late]
        out = np.empty(int((c.start[points + 1] - c.start[points]).sum()), np.int32)
        n = kernels.doubt(points, c.start, self._state, out)
        if not n:
            return []
        steps = out[:n]
        return [_of_steps(c, steps, kernels.DOUBTED, np.full(n, now_ms), now_ms)]

    def standing(self) -> dict[int, bool]:
        """Key -> whether the condition is known, of every alarm that stands (for reconciliation)."""
        up = np.flatnonzero(self._state >= kernels.ACTIVE)
        keys = {
            int(k): bool(s != kernels.UNKNOWN)
            for k, s in zip(self.compiled.key[up], self._state[up], strict=True)
        }
        keys.update({int(k): True for k in self.compiled.stale_key[self._stale == 1]})
        return keys

    def describe(self, keys: Iterable[int], what: int, now_ms: int) -> Transitions:
        """Transitions of the given kind for steps that stand now, with the values they were raised by."""
        wanted = np.fromiter(keys, np.int64)
        at, found = _find(self.compiled.key, wanted)
        steps = at[found].astype(np.int32)
        stale_at, stale_found = _find(self.compiled.stale_key, wanted)
        stale = stale_at[stale_found]
        when = np.full(len(steps), now_ms, np.int64)
        return join(
            _of_steps(self.compiled, steps, what, when, now_ms, self._held[steps], self._held_quality[steps]),
            _of_stale(self.compiled, stale, what, np.full(len(stale), now_ms, np.int64), now_ms),
        )


def warm_up() -> None:
    """Compile the kernels (or load them from their cache) before the first reading needs them: seconds, once."""
    step = {"limit": 1.0, "deadband": 0.0, "on_delay_s": 0.0, "off_delay_s": 0.0, "priority": 4}
    evaluator = Evaluator(compile_rules([RuleRow(1, 1, 1, {"h": step}, 1.0)]), 0)
    one = Columns(
        np.ones(1, np.int32), np.ones(1, np.int64), np.ones(1), np.zeros(1, np.uint8), np.ones(1, np.int64)
    )
    evaluator.on_tick(one, 1)
    evaluator.on_second(3_600_000)


def _find(keys: I64, wanted: I64) -> tuple[Any, Any]:
    """Positions of wanted keys and where they were found at all."""
    if not len(keys):
        return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), bool)
    order = np.argsort(keys, kind="stable")
    at = np.minimum(np.searchsorted(keys, wanted, sorter=order), len(keys) - 1)
    at = order[at]
    return at, keys[at] == wanted


def _of_steps(
    c: Compiled,
    step: I32,
    what: int | U8,
    at: Any,
    now_ms: int,
    value: F64 | None = None,
    quality: U8 | None = None,
) -> Transitions:
    n = len(step)
    return Transitions(
        c.key[step], c.point[step], c.version[step], c.step[step], c.priority[step], c.limit[step],
        np.full(n, what, np.uint8) if isinstance(what, int) else what, np.asarray(at, np.int64),
        np.full(n, math.nan) if value is None else value,
        np.zeros(n, np.uint8) if quality is None else quality, now_ms,
    )  # fmt: skip


def _of_stale(c: Compiled, index: Any, what: int, at: Any, now_ms: int) -> Transitions:
    n = len(index)
    return Transitions(
        c.stale_key[index], c.stale_point[index], c.stale_version[index], np.full(n, STALE, np.uint8),
        c.stale_priority[index], c.stale_ms[index] / 1000, np.full(n, what, np.uint8), np.asarray(at, np.int64),
        np.full(n, math.nan), np.zeros(n, np.uint8), now_ms,
    )  # fmt: skip


def join(*parts: Transitions) -> Transitions:
    """Several sets in their order."""
    if len(parts) == 1:
        return parts[0]
    merged = {
        name: np.concatenate([getattr(p, name) for p in parts])
        for name in Transitions.__slots__
        if name != "now"
    }
    return Transitions(**merged, now=parts[-1].now)


def of_keys(keys: list[int], what: int, now_ms: int) -> Transitions:
    """Transitions of steps that nothing is known of but their key: enough to close their records."""
    n = len(keys)
    return Transitions(
        np.array(keys, np.int64), np.zeros(n, np.int32), np.zeros(n, np.int32), np.zeros(n, np.uint8),
        np.ones(n, np.uint8), np.zeros(n), np.full(n, what, np.uint8), np.full(n, now_ms, np.int64),
        np.full(n, np.nan), np.zeros(n, np.uint8), now_ms,
    )  # fmt: skip
