"""Whole batches of readings, and what time alone brings about: the entrances of the compiled evaluation."""

from __future__ import annotations

import math
from typing import Any

from numba import njit

from parksight.alarms.kernels import averages
from parksight.alarms.kernels.codes import (
    ACTIVE,
    AVERAGE,
    CLEARED,
    EVALUATED,
    GATE,
    HISTORY,
    NORMAL,
    OUT_OF_ORDER,
    PENDING_ON,
    RAISED,
)
from parksight.alarms.kernels.judge import doubt, emit, judge, turn_gate, whole
from parksight.alarms.kernels.machine import execute
from parksight.alarms.kernels.signals import signal
from parksight.telemetry.protocols import F64, I32, I64, U8


@njit(cache=True, nogil=True)
def _operate(
    plan: Any, state: Any, out: Any, n: int, op: int, time: int, now: int, v: float, usable: bool, quality: int
) -> int:  # fmt: skip
    """One operation after a reading of one of its points. Its time never runs backwards, whichever point speaks."""
    t = max(time, state.op_time[op])
    state.op_time[op] = t
    kind = plan.op[op].kind
    if kind == AVERAGE:
        return averages.take(plan, state, out, n, op, t, now, v if usable else math.nan, quality)
    if kind == GATE:
        closed = execute(plan, state, int(plan.op[op].program_start), t, whole(0)) == 1.0
        return turn_gate(plan, state, out, n, int(plan.op[op].gate), 1 if closed else 0, t)
    judged, s, shown = signal(plan, state, op, t, v, usable, quality)
    if judged:
        for step in range(int(plan.op[op].start), int(plan.op[op + 1].start)):
            n = judge(plan, state, out, n, step, t, now, s, shown, quality)
    return n


@njit(cache=True, nogil=True)
def evaluate(
    first: int, last: int, now: int, history_ms: int, point: I32, observed: I64, value: F64, quality: U8, plan: Any,
    state: Any, out: Any, written: int, counters: I64,
) -> tuple[int, int]:  # fmt: skip
    """Judge rows ``first:last`` in their order; returns (rows done, transitions written).

    Stops before a row whose transitions might not fit into the output; call again with more room.
    Time of a row is its observation time, capped at ``now``: a clock that runs ahead must not hide what follows.
    """
    points = plan.point.shape[0] - 1
    room = out.shape[0]
    n = written
    for i in range(first, last):
        p = int(point[i])
        if p < 0 or p >= points or plan.point[p].watched == 0:
            continue
        if n + plan.point[p].need > room:
            return i, n
        t = int(min(observed[i], now))
        if t < state.point[p].seen:
            counters[OUT_OF_ORDER] += 1
            continue
        if now - t > history_ms:
            counters[HISTORY] += 1
            continue
        state.point[p].seen = t
        state.point[p].silent = 0
        counters[EVALUATED] += 1
        v = float(value[i])
        q = whole(quality[i])
        c = q & 0x0F
        usable = (c == 0 or c == 1 or c == 4) and math.isfinite(v)
        known = v if usable else math.nan
        state.point[p].value = known
        # Gates first: a reading that ends a suppression is judged without it.
        for j in range(plan.point[p].listen_start, plan.point[p + 1].listen_start):
            op = int(plan.listener[j])
            if plan.op[op].kind == GATE:
                n = _operate(plan, state, out, n, op, t, now, v, usable, q)
        for s in range(int(plan.point[p].start), int(plan.point[p + 1].start)):
            # Nearly always nothing is the matter: seen from three small columns, without a call.
            if state.condition[s] == NORMAL:
                if not usable:
                    continue
                if v < plan.limit[s] if plan.high[s] else v > plan.limit[s]:
                    continue
            n = judge(plan, state, out, n, s, t, now, known, v, q)
        for j in range(plan.point[p].listen_start, plan.point[p + 1].listen_start):
            op = int(plan.listener[j])
            if plan.op[op].kind != GATE:
                n = _operate(plan, state, out, n, op, t, now, v, usable, q)
    return last, n


@njit(cache=True, nogil=True)
def _fall_silent(plan: Any, state: Any, out: Any, n: int, p: int, now: int) -> int:
    """A point has just been noticed to be silent: what several points decide is decided without it."""
    for j in range(plan.point[p].listen_start, plan.point[p + 1].listen_start):
        op = int(plan.listener[j])
        if plan.op[op + 1].program_start == plan.op[op].program_start:
            continue
        t = max(now, state.op_time[op])
        if plan.op[op].kind == GATE:
            closed = execute(plan, state, int(plan.op[op].program_start), t, whole(0)) == 1.0
            n = turn_gate(plan, state, out, n, int(plan.op[op].gate), 1 if closed else 0, t)
            continue
        judged, s, shown = signal(plan, state, op, t, math.nan, False, whole(0))
        if not judged:
            continue
        for step in range(int(plan.op[op].start), int(plan.op[op + 1].start)):
            if math.isnan(s):
                n = doubt(plan, state, out, n, step, now)
            else:
                n = judge(plan, state, out, n, step, t, now, s, shown, whole(0))
    return n


@njit(cache=True, nogil=True)
def _hush(plan: Any, state: Any, out: Any, n: int, p: int, now: int) -> int:
    """A point speaks no more: alarms that stand on it alone become unknown, the others are decided without it."""
    state.point[p].silent = 1
    for s in range(int(plan.point[p].start), int(plan.point[p + 1].start)):
        n = doubt(plan, state, out, n, s, now)
    n = _fall_silent(plan, state, out, n, p, now)
    for j in range(plan.point[p].listen_start, plan.point[p + 1].listen_start):
        op = int(plan.listener[j])
        if plan.op[op].whole and plan.op[op].point == p:
            for s in range(int(plan.op[op].start), int(plan.op[op + 1].start)):
                n = doubt(plan, state, out, n, s, now)
    return n


@njit(cache=True, nogil=True)
def _silences(plan: Any, state: Any, out: Any, n: int, now: int) -> int:
    for i in range(plan.silent_point.shape[0]):
        p = int(plan.silent_point[i])
        if not state.point[p].silent and (
            now - max(state.point[p].seen, state.point[p].begun) > plan.point[p].hush
        ):
            n = _hush(plan, state, out, n, p, now)
    return n


@njit(cache=True, nogil=True)
def lose(
    point: I32, died: int, now: int, plan: Any, state: Any, out: Any, written: int
) -> int:  # fmt: skip
    """The source of these points said that it is gone; what it said is unknown until it speaks again.

    ``out`` has room for two transitions of every step. Points that have spoken since ``died`` live on.
    """
    n = written
    for i in range(point.shape[0]):
        p = int(point[i])
        if p < 0 or p >= plan.point.shape[0] - 1 or plan.point[p].watched == 0:
            continue
        if state.point[p].silent or state.point[p].seen > died:
            continue
        state.point[p].value = math.nan
        n = _hush(plan, state, out, n, p, now)
    return n


@njit(cache=True, nogil=True)
def _stale(plan: Any, state: Any, out: Any, n: int, now: int) -> int:
    steps = plan.step.shape[0]
    for i in range(plan.stale.shape[0]):
        p = int(plan.stale[i].point)
        # History that a point hands in late says nothing of its silence now: count from the watch's begin at least.
        since = max(state.point[p].seen, state.point[p].begun)
        if state.stale[i] == 0:
            if now - since > plan.stale[i].ms:
                state.stale[i] = 1
                n = emit(plan, state, out, n, steps + i, RAISED, since + plan.stale[i].ms, math.nan, whole(0))
        elif state.point[p].seen >= 0 and now - state.point[p].seen <= plan.stale[i].ms:
            # A stale alarm taken over from the records stands until the point really speaks.
            state.stale[i] = 0
            n = emit(plan, state, out, n, steps + i, CLEARED, state.point[p].seen, math.nan, whole(0))
    return n


@njit(cache=True, nogil=True)
def clock(now: int, plan: Any, state: Any, out: Any, written: int) -> int:
    """What time alone brings about; ``out`` has room for two transitions of every step. Returns those written."""
    n = written
    for op in range(plan.op.shape[0] - 1):
        if plan.op[op].kind == AVERAGE:
            n = averages.by_clock(plan, state, out, n, op, now)
    for s in range(plan.step.shape[0]):
        if state.condition[s] == PENDING_ON and now - state.step[s].arrived >= plan.step[s].on_ms:
            state.condition[s] = ACTIVE
            n = emit(
                plan,
                state,
                out,
                n,
                s,
                RAISED,
                state.step[s].since + plan.step[s].on_ms,
                state.step[s].held,
                whole(state.step[s].held_quality),
            )
    n = _stale(plan, state, out, n, now)
    return _silences(plan, state, out, n, now)


@njit(cache=True, nogil=True)
def found(op: int, t: int, now: int, plan: Any, state: Any, out: Any, written: int) -> int:
    """A finding of forensics concerns this operation: its steps are judged as true at ``t``."""
    n = written
    for step in range(int(plan.op[op].start), int(plan.op[op + 1].start)):
        n = judge(plan, state, out, n, step, t, now, 1.0, state.point[plan.op[op].point].value, whole(0))
    return n


@njit(cache=True, nogil=True)
def turn_back(now: int, plan: Any, state: Any) -> None:
    """The platform's own clock was set back to ``now``: nothing may be known of later than that."""
    for p in range(state.point.shape[0]):
        state.point[p].seen = min(state.point[p].seen, now)
        state.point[p].begun = min(state.point[p].begun, now)
    for s in range(state.step.shape[0]):
        state.step[s].since = min(state.step[s].since, now)
        state.step[s].arrived = min(state.step[s].arrived, now)
    for op in range(state.op_time.shape[0]):
        if state.op_time[op] <= now:
            continue
        state.op_time[op] = now
        kind = plan.op[op].kind
        if kind == AVERAGE:
            if averages.leaf_of(plan, op, now) < state.whole[op, 0]:
                state.whole[op, 0] = -1
                state.whole[op, 1] = state.whole[op, 3] = 0
                state.broken[op, 0] = state.broken[op, 1] = 0.0
        elif plan.op[op + 1].ring_start > plan.op[op].ring_start:
            state.whole[op, 0] = state.whole[op, 1] = 0
        else:
            # Times among the figures: flat since, changed at.
            state.whole[op, 1] = min(state.whole[op, 1], now)
            state.whole[op, 2] = min(state.whole[op, 2], now)


@njit(cache=True, nogil=True)
def replay(
    first: int, second: int, until: int, most: int, history_ms: int, point: I32, observed: I64, value: F64, quality: U8, plan: Any,
    state: Any, out: Any, counters: I64,
) -> tuple[int, int, int]:  # fmt: skip
    """Stored rows, ordered by time, as if they came in now, the clock looked at once a second up to ``until``.

    ``most``: transitions one look at the clock can bring about. Returns (rows done, next second, transitions written);
    stops when there is not that much room left.
    """
    room = out.shape[0]
    n = 0
    i = first
    while True:
        if n + most > room:
            return i, second, n
        j = i
        while j < point.shape[0] and observed[j] <= second:
            j += 1
        if j > i:
            done, n = evaluate(
                i, j, second, history_ms, point, observed, value, quality, plan, state, out, n, counters
            )
            if done < j:
                return done, second, n
            i = j
            if n + most > room:
                return i, second, n
        if second > until:
            return i, second, n
        n = clock(second, plan, state, out, n)
        second += 1000
