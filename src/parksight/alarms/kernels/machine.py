"""The stack machine of expressions: numbers, and 0 or 1 for truths; NaN is unknown."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from parksight.alarms.expressions import bytecode as b
from parksight.telemetry.protocols import F64

_STACK = b.STACK
_CONST, _LOAD, _ADD, _SUBTRACT, _MULTIPLY, _DIVIDE, _NEGATE = (
    b.CONST, b.LOAD, b.ADD, b.SUBTRACT, b.MULTIPLY, b.DIVIDE, b.NEGATE,
)  # fmt: skip
_LESS, _LESS_EQUAL, _MORE, _MORE_EQUAL, _EQUAL, _NOT_EQUAL = (
    b.LESS, b.LESS_EQUAL, b.MORE, b.MORE_EQUAL, b.EQUAL, b.NOT_EQUAL,
)  # fmt: skip
_AND, _OR, _NOT, _MINIMUM, _MAXIMUM, _AVERAGE, _ABSOLUTE = (
    b.AND, b.OR, b.NOT, b.MINIMUM, b.MAXIMUM, b.AVERAGE, b.ABSOLUTE,
)  # fmt: skip


@njit(cache=True, nogil=True)
def value_at(plan: Any, state: Any, point: int, t: int, age: int) -> float:
    """A point's value as known at ``t``: NaN when unusable, never heard, or older than ``age`` ms (0: its own hush)."""
    seen = state.point[point].seen
    limit = age if age > 0 else plan.point[point].hush
    if seen < 0 or t - seen > limit:
        return math.nan
    return float(state.point[point].value)


@njit(cache=True, nogil=True)
def _compare(op: int, x: float, y: float) -> float:
    if math.isnan(x) or math.isnan(y):
        return math.nan
    if op == _LESS:
        return 1.0 if x < y else 0.0
    if op == _LESS_EQUAL:
        return 1.0 if x <= y else 0.0
    if op == _MORE:
        return 1.0 if x > y else 0.0
    if op == _MORE_EQUAL:
        return 1.0 if x >= y else 0.0
    if op == _EQUAL:
        return 1.0 if x == y else 0.0
    return 1.0 if x != y else 0.0


@njit(cache=True, nogil=True)
def _arithmetic(op: int, x: float, y: float) -> float:
    if op == _ADD:
        r = x + y
    elif op == _SUBTRACT:
        r = x - y
    elif op == _MULTIPLY:
        r = x * y
    elif y == 0.0:
        r = math.nan
    else:
        r = x / y
    return r if math.isfinite(r) else math.nan


@njit(cache=True, nogil=True)
def _logic(op: int, x: float, y: float) -> float:
    """Kleene: what decides the result decides it, known or not."""
    if op == _AND:
        if x == 0.0 or y == 0.0:
            return 0.0
        return math.nan if math.isnan(x) or math.isnan(y) else 1.0
    if (not math.isnan(x) and x != 0.0) or (not math.isnan(y) and y != 0.0):
        return 1.0
    return math.nan if math.isnan(x) or math.isnan(y) else 0.0


@njit(cache=True, nogil=True)
def _several(op: int, stack: F64, first: int, top: int) -> float:
    """Least, greatest or mean of ``stack[first:top]``; unknown when one of them is."""
    r = stack[first]
    for i in range(first + 1, top):
        x = stack[i]
        if math.isnan(x):
            return math.nan
        if op == _AVERAGE:
            r += x
        elif (op == _MINIMUM and x < r) or (op == _MAXIMUM and x > r):
            r = x
    if op == _AVERAGE:
        r /= top - first
    return r if math.isfinite(r) else math.nan


@njit(cache=True, nogil=True)
def execute(plan: Any, state: Any, program: int, t: int, age: int) -> float:
    """Result of a program at time ``t``."""
    stack = np.empty(_STACK, np.float64)
    top = 0
    for pc in range(int(plan.code_start[program]), int(plan.code_start[program + 1])):
        op = int(plan.code[pc, 0])
        argument = int(plan.code[pc, 1])
        if op == _CONST:
            stack[top] = plan.number[argument]
            top += 1
        elif op == _LOAD:
            stack[top] = value_at(plan, state, argument, t, age)
            top += 1
        elif op == _NEGATE:
            stack[top - 1] = -stack[top - 1]
        elif op == _ABSOLUTE:
            stack[top - 1] = abs(stack[top - 1])
        elif op == _NOT:
            x = stack[top - 1]
            stack[top - 1] = x if math.isnan(x) else 1.0 - x
        elif op <= _DIVIDE:
            top -= 1
            stack[top - 1] = _arithmetic(op, stack[top - 1], stack[top])
        elif op <= _NOT_EQUAL:
            top -= 1
            stack[top - 1] = _compare(op, stack[top - 1], stack[top])
        elif op <= _OR:
            top -= 1
            stack[top - 1] = _logic(op, stack[top - 1], stack[top])
        elif op <= _AVERAGE:
            first = top - argument
            stack[first] = _several(op, stack, first, top)
            top = first + 1
        else:
            stack[top - 1] = 0.0 if math.isnan(stack[top - 1]) else 1.0
    return float(stack[0])
