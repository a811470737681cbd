"""The inner loops of the evaluation, compiled: whole batches, no Python per row.

Threshold steps are sorted by point; ``start[p] : start[p + 1]`` are those of point ``p``.
"""

from __future__ import annotations

import math

from numba import njit

from parksight.telemetry.protocols import F64, I32, I64, U8

# State of a step.
NORMAL, PENDING_ON, ACTIVE, PENDING_OFF, UNKNOWN = 0, 1, 2, 3, 4
# What happened.
RAISED, CLEARED, DOUBTED, CONFIRMED, WITHDRAWN = 1, 2, 3, 4, 5
# Places in the counters array.
EVALUATED, OUT_OF_ORDER, HISTORY = 0, 1, 2


@njit(cache=True, nogil=True)
def evaluate(
    first: int, now: int, history_ms: int,
    point: I32, observed: I64, value: F64, quality: U8,
    start: I32, watched: U8, seen: I64,
    high: U8, limit: F64, back: F64, on_ms: I64, off_ms: I64,
    state: U8, since: I64, arrived: I64, held: F64, held_quality: U8,
    out_step: I32, out_what: U8, out_at: I64, out_value: F64, out_quality: U8, counters: I64,
) -> tuple[int, int]:  # fmt: skip
    """Judge rows ``first:`` in their order; returns (rows done, transitions written).

    Stops before a row whose transitions might not fit into the output; call again with more room.
    Time of a row is its observation time, capped at ``now``: a clock that runs ahead must not hide what follows.
    """
    points = watched.shape[0]
    room = out_step.shape[0]
    n = 0
    for i in range(first, point.shape[0]):
        p = point[i]
        if p < 0 or p >= points or watched[p] == 0:
            continue
        a, b = start[p], start[p + 1]
        if n + (b - a) > room:
            return i, n
        t = min(observed[i], now)
        if t < seen[p]:
            counters[OUT_OF_ORDER] += 1
            continue
        if now - t > history_ms:
            counters[HISTORY] += 1
            continue
        seen[p] = t
        counters[EVALUATED] += 1
        v = value[i]
        c = quality[i] & 0x0F
        usable = (c == 0 or c == 1 or c == 4) and math.isfinite(v)
        for s in range(a, b):
            what = 0
            at = t
            if not usable:
                if state[s] == PENDING_ON:
                    state[s] = NORMAL
                elif state[s] == ACTIVE or state[s] == PENDING_OFF:
                    state[s] = UNKNOWN
                    what = DOUBTED
            else:
                beyond = v >= limit[s] if high[s] else v <= limit[s]
                returned = v < back[s] if high[s] else v > back[s]
                now_state = state[s]
                if now_state <= PENDING_ON:
                    if not beyond:
                        state[s] = NORMAL
                    else:
                        if now_state == NORMAL:
                            since[s] = t
                            arrived[s] = now
                        held[s] = v
                        held_quality[s] = quality[i]
                        if t - since[s] >= on_ms[s]:
                            state[s] = ACTIVE
                            what = RAISED
                            at = since[s] + on_ms[s]
                        else:
                            state[s] = PENDING_ON
                elif returned:
                    if now_state != PENDING_OFF:
                        since[s] = t
                    if t - since[s] >= off_ms[s]:
                        state[s] = NORMAL
                        what = CLEARED
                        at = since[s] + off_ms[s]
                    else:
                        state[s] = PENDING_OFF
                        if now_state == UNKNOWN:
                            what = CONFIRMED
                else:
                    state[s] = ACTIVE
                    if now_state == UNKNOWN:
                        what = CONFIRMED
            if what:
                out_step[n] = s
                out_what[n] = what
                out_at[n] = at
                out_value[n] = v
                out_quality[n] = quality[i]
                n += 1
    return point.shape[0], n


@njit(cache=True, nogil=True)
def doubt(points: I32, start: I32, state: U8, out_step: I32) -> int:
    """Points fell silent: their standing alarms become unknown; returns how many steps were written."""
    n = 0
    for i in range(points.shape[0]):
        for s in range(start[points[i]], start[points[i] + 1]):
            if state[s] == ACTIVE or state[s] == PENDING_OFF:
                state[s] = UNKNOWN
                out_step[n] = s
                n += 1
    return n
