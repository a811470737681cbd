"""A tree as a program for a stack machine: what the compiled kernel runs (:mod:`parksight.alarms.kernels.machine`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from parksight.alarms.expressions.errors import ExpressionError
from parksight.alarms.expressions.tree import Node, Reference

CONST, LOAD, ADD, SUBTRACT, MULTIPLY, DIVIDE, NEGATE = 0, 1, 2, 3, 4, 5, 6
LESS, LESS_EQUAL, MORE, MORE_EQUAL, EQUAL, NOT_EQUAL = 7, 8, 9, 10, 11, 12
AND, OR, NOT, MINIMUM, MAXIMUM, AVERAGE, ABSOLUTE, GOOD = 13, 14, 15, 16, 17, 18, 19, 20

_CODES: Final = {
    "+": ADD, "-": SUBTRACT, "*": MULTIPLY, "/": DIVIDE, "negate": NEGATE, "<": LESS, "<=": LESS_EQUAL, ">": MORE,
    ">=": MORE_EQUAL, "==": EQUAL, "!=": NOT_EQUAL, "and": AND, "or": OR, "not": NOT, "min": MINIMUM, "max": MAXIMUM,
    "avg": AVERAGE, "abs": ABSOLUTE, "good": GOOD,
}  # fmt: skip
#: Depth of the machine's stack; deeper programs are refused when they are compiled.
STACK = 48


@dataclass(frozen=True, slots=True)
class Program:
    """``code`` holds pairs (operation, argument): an index into ``constants``, a slot, or a number of operands."""

    code: tuple[tuple[int, int], ...]
    constants: tuple[float, ...]


def compile_tree(node: Node, slots: Mapping[Reference, int]) -> Program:
    """The program of a checked tree.

    Args:
        slots: where the machine finds the points it reads.

    Raises:
        ExpressionError: needs a deeper stack than there is.
    """
    code: list[tuple[int, int]] = []
    constants: list[float] = []
    depth = deepest = 0
    waiting: list[tuple[Node, bool]] = [(node, False)]
    while waiting:
        one, operands_done = waiting.pop()
        if one.children and not operands_done:
            waiting.append((one, True))
            waiting.extend((child, False) for child in reversed(one.children))
            continue
        depth += 1 - len(one.children)
        deepest = max(deepest, depth)
        if one.op == "number":
            code.append((CONST, len(constants)))
            constants.append(one.value)
        elif one.op == "load":
            assert one.reference is not None
            code.append((LOAD, slots[one.reference]))
        else:
            code.append((_CODES[one.op], len(one.children)))
    if deepest > STACK:
        raise ExpressionError("too_deep", node.position, limit=STACK)
    return Program(tuple(code), tuple(constants))
