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
def whole(number: Any) -> int:
    """A number as the type all numbers here are: a byte or a constant of its own type would have all compiled twice."""
    return np.int64(number)  # type: ignore[return-value]  # an int to the compiler


@njit(cache=True, nogil=True)
def emit(
    plan: Any, state: Any, out: Any, n: int, step: int, what: int, at: int, value: float, quality: int
) -> int:  # fmt: skip
    """Write a transition, with the gate of its step as it stands at this moment."""
    steps = plan.step.shape[0]
    gate = plan.stale[step - steps].gate if step >= steps else plan.step[step].gate
    out[n].closed = state.gate[gate] if gate >= 0 else 0
    out[n].step = step
    out[n].what = what
    out[n].at = at
    out[n].value = value
    out[n].quality = quality
    return n + 1


@njit(cache=True, nogil=True)
def judge(
    plan: Any, state: Any, out: Any, n: int, s: int, t: int, now: int, signal: float, shown: float, quality: int
) -> int:  # fmt: skip
    """Step ``s`` meets a signal at time ``t``; NaN is unusable. Returns the transitions written so far."""
    before = state.condition[s]
    if math.isnan(signal):
        if before == PENDING_ON:
            state.condition[s] = NORMAL
        elif before in (ACTIVE, PENDING_OFF):
            state.condition[s] = UNKNOWN
            n = emit(plan, state, out, n, s, DOUBTED, t, shown, quality)
        return n
    limit = plan.limit[s]
    high = plan.high[s]
    if before <= PENDING_ON:
        beyond = signal >= limit if high else signal <= limit
        if not beyond:
            state.condition[s] = NORMAL
            return n
        if before == NORMAL:
            state.step[s].since = t
            state.step[s].arrived = now
        state.step[s].held = shown
        state.step[s].held_quality = quality
        if t - state.step[s].since >= plan.step[s].on_ms:
            state.condition[s] = ACTIVE
            n = emit(plan, state, out, n, s, RAISED, state.step[s].since + plan.step[s].on_ms, shown, quality)
        else:
            state.condition[s] = PENDING_ON
        return n
    returned = signal < plan.step[s].back if high else signal > plan.step[s].back
    if returned:
        if before != PENDING_OFF:
            state.step[s].since = t
        if t - state.step[s].since >= plan.step[s].off_ms:
            state.condition[s] = NORMAL
            return emit(
                plan, state, out, n, s, CLEARED, state.step[s].since + plan.step[s].off_ms, shown, quality
            )
        state.condition[s] = PENDING_OFF
    else:
        state.condition[s] = ACTIVE
    if before == UNKNOWN:
        n = emit(plan, state, out, n, s, CONFIRMED, t, shown, quality)
    return n


@njit(cache=True, nogil=True)
def doubt(plan: Any, state: Any, out: Any, n: int, s: int, now: int) -> int:
    """Nobody speaks any more: a standing alarm becomes unknown."""
    if state.condition[s] == ACTIVE or state.condition[s] == PENDING_OFF:
        state.condition[s] = UNKNOWN
        n = emit(plan, state, out, n, s, DOUBTED, now, math.nan, whole(0))
    return n


@njit(cache=True, nogil=True)
def turn_gate(plan: Any, state: Any, out: Any, n: int, gate: int, closed: int, t: int) -> int:
    """The suppressing condition of a rule has come or gone: standing alarms are told."""
    if state.gate[gate] == closed:
        return n
    state.gate[gate] = closed
    what = SUPPRESSED if closed else RELEASED
    steps = plan.step.shape[0]
    for i in range(plan.gate_start[gate], plan.gate_start[gate + 1]):
        s = int(plan.gate_step[i])
        stands = state.stale[s - steps] == 1 if s >= steps else state.condition[s] >= ACTIVE
        if stands:
            n = emit(plan, state, out, n, s, what, t, math.nan, whole(0))
    return n
