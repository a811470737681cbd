"""One step, one judgement: the only place where a condition becomes active, unknown or cleared."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from parksight.alarms.kernels.codes import (
    ACTIVE,
    CLEARED,
    CONFIRMED,
    DOUBTED,
    NORMAL,
    PENDING_OFF,
    PENDING_ON,
    RAISED,
    RELEASED,
    SUPPRESSED,
    UNKNOWN,
)


@njit(cache=True, nogil=True)
def whole(byte: Any) -> int:
    """A byte as the whole number everything else is: ``int()`` would stay unsigned, and all be compiled twice."""
    return np.int64(byte)  # type: ignore[return-value]  # an int to the compiler


@njit(cache=True, nogil=True)
def emit(out: Any, n: int, step: int, what: int, at: int, value: float, quality: int) -> int:
    out.step[n] = step
    out.what[n] = what
    out.at[n] = at
    out.value[n] = value
    out.quality[n] = quality
    return n + 1


@njit(cache=True, nogil=True)
def judge(
    plan: Any, state: Any, out: Any, n: int, s: int, t: int, now: int, signal: float, shown: float, quality: int
) -> int:  # fmt: skip
    """Step ``s`` meets a signal at time ``t``; NaN is unusable. Returns the transitions written so far."""
    before = state.state[s]
    if math.isnan(signal):
        if before == PENDING_ON:
            state.state[s] = NORMAL
        elif before in (ACTIVE, PENDING_OFF):
            state.state[s] = UNKNOWN
            n = emit(out, n, s, DOUBTED, t, shown, quality)
        return n
    limit = plan.limit[s]
    high = plan.high[s]
    if before <= PENDING_ON:
        beyond = signal >= limit if high else signal <= limit
        if not beyond:
            state.state[s] = NORMAL
            return n
        if before == NORMAL:
            state.since[s] = t
            state.arrived[s] = now
        state.held[s] = shown
        state.held_quality[s] = quality
        if t - state.since[s] >= plan.on_ms[s]:
            state.state[s] = ACTIVE
            n = emit(out, n, s, RAISED, state.since[s] + plan.on_ms[s], shown, quality)
        else:
            state.state[s] = PENDING_ON
        return n
    returned = signal < plan.back[s] if high else signal > plan.back[s]
    if returned:
        if before != PENDING_OFF:
            state.since[s] = t
        if t - state.since[s] >= plan.off_ms[s]:
            state.state[s] = NORMAL
            return emit(out, n, s, CLEARED, state.since[s] + plan.off_ms[s], shown, quality)
        state.state[s] = PENDING_OFF
    else:
        state.state[s] = ACTIVE
    if before == UNKNOWN:
        n = emit(out, n, s, CONFIRMED, t, shown, quality)
    return n


@njit(cache=True, nogil=True)
def doubt(state: Any, out: Any, n: int, s: int, now: int) -> int:
    """Nobody speaks any more: a standing alarm becomes unknown."""
    if state.state[s] == ACTIVE or state.state[s] == PENDING_OFF:
        state.state[s] = UNKNOWN
        n = emit(out, n, s, DOUBTED, now, math.nan, 0)
    return n


@njit(cache=True, nogil=True)
def turn_gate(plan: Any, state: Any, out: Any, n: int, gate: int, closed: int, t: int) -> int:
    """The suppressing condition of a rule has come or gone: standing alarms are told."""
    if state.gate[gate] == closed:
        return n
    state.gate[gate] = closed
    what = SUPPRESSED if closed else RELEASED
    steps = plan.key.shape[0]
    for i in range(plan.gate_start[gate], plan.gate_start[gate + 1]):
        s = int(plan.gate_step[i])
        stands = state.stale[s - steps] == 1 if s >= steps else state.state[s] >= ACTIVE
        if stands:
            n = emit(out, n, s, what, t, math.nan, 0)
    return n
