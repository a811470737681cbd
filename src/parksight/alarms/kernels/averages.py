"""Means over legal periods on the civil clock, reading by reading.

Readings make means of *leaves* (a minute, or the point's own period if that is longer), leaves make *middles* (an
hour, or the whole period if that is shorter), middles make the mean that is judged. A mean of a part is the plain
mean of its valid parts, of which it needs ``least``: what :func:`parksight.standards.averaging.block_mean` and
``rolling_mean`` do with whole series, which the tests hold it to.

Parameters: 0 leaf ms, 1 middle ms, 2 least leaves of a middle, 3 middles of a period, 4 least of them, 5 1 for a
moving mean, 6 offset of the civil clock ms, 7 patience ms.
Whole figures: 0 leaf (its number since the epoch, -1 none), 1 readings in it, 2 middle (-1 none), 3 valid leaves in it.
Broken figures: 0 sum of the leaf, 1 sum of the middle.
"""

from __future__ import annotations

import math
from typing import Any

from numba import njit

from parksight.alarms.kernels.judge import judge, whole


@njit(cache=True, nogil=True)
def leaf_of(plan: Any, op: int, t: int) -> int:
    return int((t + int(plan.parameter[op, 6])) // int(plan.parameter[op, 0]))


@njit(cache=True, nogil=True)
def _fold(plan: Any, state: Any, op: int) -> None:
    """The leaf has ended."""
    if state.whole[op, 1] > 0:
        state.broken[op, 1] += state.broken[op, 0] / state.whole[op, 1]
        state.whole[op, 3] += 1
    state.whole[op, 1] = 0
    state.broken[op, 0] = 0.0


@njit(cache=True, nogil=True)
def _mean(plan: Any, state: Any, op: int, middle: int) -> float:
    """Mean of the period that ends with ``middle``, from the ring of middles; NaN when not valid."""
    size = int(plan.parameter[op, 3])
    first = plan.op[op].ring_start
    total = 0.0
    count = 0
    for m in range(middle - size + 1, middle + 1):
        at = first + m % size
        if state.ring[at].time == m and not math.isnan(state.ring[at].value):
            total += state.ring[at].value
            count += 1
    return total / count if count >= int(plan.parameter[op, 4]) else math.nan


@njit(cache=True, nogil=True)
def _close(
    plan: Any, state: Any, out: Any, n: int, op: int, middle: int, mean: float, now: int, quality: int
) -> int:
    """A middle has ended with ``mean``; judges the period if one ends with it."""
    size = int(plan.parameter[op, 3])
    at = plan.op[op].ring_start + middle % size
    state.ring[at].time = middle
    state.ring[at].value = mean
    if plan.parameter[op, 5] == 0.0 and (middle + 1) % size:
        return n
    value = _mean(plan, state, op, middle)
    end = (middle + 1) * int(plan.parameter[op, 1]) - int(plan.parameter[op, 6])
    for s in range(int(plan.op[op].start), int(plan.op[op + 1].start)):
        n = judge(plan, state, out, n, s, end, now, value, value, quality)
    return n


@njit(cache=True, nogil=True)
def advance(plan: Any, state: Any, out: Any, n: int, op: int, leaf: int, now: int, quality: int) -> int:
    """Time has reached ``leaf``: everything that ended before it is closed, silent periods included."""
    if state.whole[op, 0] < 0:
        state.whole[op, 0] = leaf
        state.whole[op, 2] = _middle(plan, op, leaf)
        return n
    if leaf <= state.whole[op, 0]:
        return n
    _fold(plan, state, op)
    state.whole[op, 0] = leaf
    wanted = _middle(plan, op, leaf)
    middle = state.whole[op, 2]
    if wanted > middle:
        valid = state.whole[op, 3]
        mean = state.broken[op, 1] / valid if valid >= int(plan.parameter[op, 2]) else math.nan
        n = _close(plan, state, out, n, op, middle, mean, now, quality)
        # A long silence: no more than what one period holds can still say anything.
        for m in range(max(middle + 1, wanted - int(plan.parameter[op, 3])), wanted):
            n = _close(plan, state, out, n, op, m, math.nan, now, quality)
        state.whole[op, 2] = wanted
        state.whole[op, 3] = 0
        state.broken[op, 1] = 0.0
    return n


@njit(cache=True, nogil=True)
def _middle(plan: Any, op: int, leaf: int) -> int:
    return int(leaf * int(plan.parameter[op, 0]) // int(plan.parameter[op, 1]))


@njit(cache=True, nogil=True)
def take(
    plan: Any, state: Any, out: Any, n: int, op: int, t: int, now: int, value: float, quality: int
) -> int:  # fmt: skip
    """A reading (NaN: unusable, but time has passed)."""
    leaf = leaf_of(plan, op, t)
    n = advance(plan, state, out, n, op, leaf, now, quality)
    if leaf == state.whole[op, 0] and not math.isnan(value):
        state.broken[op, 0] += value
        state.whole[op, 1] += 1
    return n


@njit(cache=True, nogil=True)
def by_clock(plan: Any, state: Any, out: Any, n: int, op: int, now: int) -> int:
    """Closes a period that ended long enough ago, whether or not another reading comes."""
    if state.whole[op, 0] < 0:
        return n
    leaf = leaf_of(plan, op, now - int(plan.parameter[op, 7]))
    if _middle(plan, op, leaf) > state.whole[op, 2]:
        n = advance(plan, state, out, n, op, leaf, now, whole(0))
    return n
