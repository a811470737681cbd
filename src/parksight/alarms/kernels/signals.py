"""Signals of the operations, one reading at a time: what a step compares, and what it shows.

Each returns ``(judged, signal, shown)``: ``judged`` False says nothing (not enough is known yet), a NaN signal says
that the condition is unknown. Parameters and figures per kind:

==========  =====================================================  ===========================================
kind        parameters                                             whole / broken figures
==========  =====================================================  ===========================================
rate        0 window ms, 1 per ms, 2 size only                     0 head, 1 entries
flat        0 tolerance, 1 after ms                                0 has, 1 since, 2 last / 0 value
range       0 low, 1 high                                          -
state       (constants: values)                                    -
change      0 hold ms, 1 number of former values                   0 1 seen, 2 changed, 1 at / 0 value
expression  0 age ms, 1 true or false                              -
deviation   0 age ms                                               -
vote        0 age ms, 1 least, 2 what unknown voters do            -
count       0 age ms, 1 least, 2 window ms, 3 every reading        0 head, 1 entries, 2 was true
ewma        0 weight, 1 mean, 2 sigma, 3 readings to learn,        0 learnt, 1 begun / 0 average, 1 mean, 2 squares
            4 least sigma
cusum       0 slack, 1-4 as ewma, 5 direction, 6 ceiling           0 learnt / 0 up, 1 mean, 2 squares, 3 down
suspect     0 bad counts, 1 hold ms, 2 kinds of findings           0 held until
==========  =====================================================  ===========================================
"""

from __future__ import annotations

import math
from typing import Any

from numba import njit

from parksight.alarms.kernels.codes import (
    CHANGE,
    COUNT,
    CUSUM,
    DEVIATION,
    EWMA,
    EXPRESSION,
    FLAT,
    RANGE,
    RATE,
    STATE,
    SUSPECT,
    VOTE,
    VOTE_DEGRADES,
    VOTE_DROPS,
    VOTE_TRIPS,
    WINDOW_PARTS,
)
from parksight.alarms.kernels.machine import execute


@njit(cache=True, nogil=True)
def rate(plan: Any, state: Any, op: int, t: int, v: float) -> tuple[bool, float, float]:
    first = plan.op[op].ring_start
    size = plan.op[op + 1].ring_start - first
    window = int(plan.parameter[op, 0])
    part = max(1, -(-window // WINDOW_PARTS))
    head, count = state.whole[op, 0], state.whole[op, 1]
    newest = first + (head + count - 1) % size
    if count == 0 or state.ring[newest].time // part != t // part:
        if count == size:
            head = (head + 1) % size
            count -= 1
        at = first + (head + count) % size
        state.ring[at].time = t
        state.ring[at].value = v
        count += 1
    while state.ring[first + head].time < t - window:
        head = (head + 1) % size
        count -= 1
    state.whole[op, 0], state.whole[op, 1] = head, count
    span = t - state.ring[first + head].time
    if 2 * span < window:
        return False, math.nan, math.nan
    change = (v - state.ring[first + head].value) / span * plan.parameter[op, 1]
    if plan.parameter[op, 2] != 0.0:
        change = abs(change)
    return True, change, change


@njit(cache=True, nogil=True)
def flat(plan: Any, state: Any, op: int, t: int, v: float) -> tuple[bool, float, float]:
    gap = t - state.whole[op, 2] > plan.point[plan.op[op].point].hush
    if state.whole[op, 0] == 0 or gap or abs(v - state.broken[op, 0]) > plan.parameter[op, 0]:
        state.whole[op, 0] = 1
        state.whole[op, 1] = t
        state.broken[op, 0] = v
    state.whole[op, 2] = t
    return True, 1.0 if t - state.whole[op, 1] >= plan.parameter[op, 1] else 0.0, v


@njit(cache=True, nogil=True)
def among(plan: Any, first: int, last: int, v: float) -> bool:
    found = False
    for i in range(first, last):
        found |= plan.const[i] == v
    return found


@njit(cache=True, nogil=True)
def change(plan: Any, state: Any, op: int, t: int, v: float) -> tuple[bool, float, float]:
    first, last = int(plan.op[op].const_start), int(plan.op[op + 1].const_start)
    middle = first + int(plan.parameter[op, 1])
    before = state.broken[op, 0]
    fits = (middle == first or among(plan, first, middle, before)) and (
        last == middle or among(plan, middle, last, v)
    )
    if state.whole[op, 0] == 0:
        state.whole[op, 0] = 1
    elif v != before and fits:
        state.whole[op, 0] = 2
        state.whole[op, 1] = t
    state.broken[op, 0] = v
    held = state.whole[op, 0] == 2 and t - state.whole[op, 1] < plan.parameter[op, 0]
    return True, 1.0 if held else 0.0, v


@njit(cache=True, nogil=True)
def vote(plan: Any, state: Any, op: int, t: int) -> tuple[bool, float, float]:
    age = int(plan.parameter[op, 0])
    least = int(plan.parameter[op, 1])
    policy = int(plan.parameter[op, 2])
    votes = 0
    unknown = 0
    for program in range(int(plan.op[op].program_start), int(plan.op[op + 1].program_start)):
        r = execute(plan, state, program, t, age)
        if math.isnan(r):
            unknown += 1
        elif r != 0.0:
            votes += 1
    voters = plan.op[op + 1].program_start - plan.op[op].program_start
    if unknown == voters and policy != VOTE_TRIPS:
        return True, math.nan, 0.0
    if policy == VOTE_TRIPS:
        votes += unknown
    elif policy == VOTE_DEGRADES:
        least = max(1, least - unknown)
    elif policy != VOTE_DROPS and votes < least <= votes + unknown:
        return True, math.nan, float(votes)
    return True, 1.0 if votes >= least else 0.0, float(votes)


@njit(cache=True, nogil=True)
def count(plan: Any, state: Any, op: int, t: int) -> tuple[bool, float, float]:
    first = plan.op[op].ring_start
    size = plan.op[op + 1].ring_start - first
    window = int(plan.parameter[op, 2])
    head, entries = state.whole[op, 0], state.whole[op, 1]
    r = execute(plan, state, int(plan.op[op].program_start), t, int(plan.parameter[op, 0]))
    if not math.isnan(r):
        if r != 0.0 and (plan.parameter[op, 3] != 0.0 or state.whole[op, 2] == 0):
            if entries == size:
                head = (head + 1) % size
                entries -= 1
            state.ring[first + (head + entries) % size].time = t
            entries += 1
        state.whole[op, 2] = 1 if r != 0.0 else 0
    while entries > 0 and state.ring[first + head].time <= t - window:
        head = (head + 1) % size
        entries -= 1
    state.whole[op, 0], state.whole[op, 1] = head, entries
    reached = entries >= int(plan.parameter[op, 1])
    if math.isnan(r) and not reached:
        return True, math.nan, float(entries)
    return True, 1.0 if reached else 0.0, float(entries)


@njit(cache=True, nogil=True)
def _baseline(plan: Any, state: Any, op: int, v: float) -> tuple[bool, float, float]:
    """(known, mean, sigma); learns from ``v`` as long as it has not learnt enough (Welford 1962)."""
    wanted = int(plan.parameter[op, 3])
    if wanted == 0:
        return True, plan.parameter[op, 1], plan.parameter[op, 2]
    n = state.whole[op, 0]
    if n >= wanted:
        sigma = max(math.sqrt(state.broken[op, 2] / (n - 1)), plan.parameter[op, 4])
        return True, state.broken[op, 1], sigma
    n += 1
    step = v - state.broken[op, 1]
    state.broken[op, 1] += step / n
    state.broken[op, 2] += step * (v - state.broken[op, 1])
    state.whole[op, 0] = n
    return False, 0.0, 1.0


@njit(cache=True, nogil=True)
def ewma(plan: Any, state: Any, op: int, v: float) -> tuple[bool, float, float]:
    known, mean, sigma = _baseline(plan, state, op, v)
    if not known:
        return False, math.nan, math.nan
    weight = plan.parameter[op, 0]
    before = state.broken[op, 0] if state.whole[op, 1] else mean
    average = weight * v + (1.0 - weight) * before
    state.whole[op, 1] = 1
    state.broken[op, 0] = average
    z = (average - mean) / (sigma * math.sqrt(weight / (2.0 - weight)))
    return True, z, z


@njit(cache=True, nogil=True)
def cusum(plan: Any, state: Any, op: int, v: float) -> tuple[bool, float, float]:
    known, mean, sigma = _baseline(plan, state, op, v)
    if not known:
        return False, math.nan, math.nan
    z = (v - mean) / sigma
    slack, ceiling = plan.parameter[op, 0], plan.parameter[op, 6]
    up = min(ceiling, max(0.0, state.broken[op, 0] + z - slack))
    down = min(ceiling, max(0.0, state.broken[op, 3] - z - slack))
    state.broken[op, 0], state.broken[op, 3] = up, down
    direction = plan.parameter[op, 5]
    s = up if direction > 0 else down if direction < 0 else max(up, down)
    return True, s, s


@njit(cache=True, nogil=True)
def finding(plan: Any, state: Any, op: int, t: int, v: float, quality: int) -> tuple[bool, float, float]:
    code = quality & 0x0F
    marked = code == 2 or (plan.parameter[op, 0] != 0.0 and code == 3)
    return True, 1.0 if marked or t < state.whole[op, 0] else 0.0, v


@njit(cache=True, nogil=True)
def signal(
    plan: Any, state: Any, op: int, t: int, v: float, usable: bool, quality: int
) -> tuple[bool, float, float]:  # fmt: skip
    """The signal of an operation after a reading ``v`` of one of its points."""
    kind = plan.op[op].kind
    if kind in (EXPRESSION, DEVIATION):
        r = execute(plan, state, int(plan.op[op].program_start), t, int(plan.parameter[op, 0]))
        return True, r, state.point[plan.op[op].point].value if plan.parameter[op, 1] != 0.0 else r
    if kind == VOTE:
        return vote(plan, state, op, t)
    if kind == COUNT:
        return count(plan, state, op, t)
    if kind == SUSPECT:
        return finding(plan, state, op, t, v, quality)
    if kind == RANGE:
        # A value outside its plausible range is marked suspect at the door: here that is no reason not to judge it.
        if not math.isfinite(v) or not (usable or quality & 0x0F == 2):
            return True, math.nan, v
        outside = v < plan.parameter[op, 0] or v > plan.parameter[op, 1]
        return True, 1.0 if outside else 0.0, v
    if not usable:
        return True, math.nan, v
    if kind == RATE:
        return rate(plan, state, op, t, v)
    if kind == FLAT:
        return flat(plan, state, op, t, v)
    if kind == STATE:
        return (
            True,
            1.0 if among(plan, int(plan.op[op].const_start), int(plan.op[op + 1].const_start), v) else 0.0,
            v,
        )
    if kind == CHANGE:
        return change(plan, state, op, t, v)
    if kind == EWMA:
        return ewma(plan, state, op, v)
    if kind == CUSUM:
        return cusum(plan, state, op, v)
    return False, math.nan, math.nan
