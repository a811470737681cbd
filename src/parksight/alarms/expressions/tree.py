"""The tree of an expression. A value is a number or a truth; unknown is a third answer of either."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Type = Literal["number", "truth"]
#: ``self``: the point the rule watches; ``code``: a point by its code; ``kind``: the point of that kind on the
#: same thing as the watched one.
RefKind = Literal["self", "code", "kind"]


@dataclass(frozen=True, slots=True)
class Reference:
    """A point an expression reads; ``name`` is empty for ``self``."""

    kind: RefKind
    name: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """One operation.

    Attributes:
        op: ``number``, ``load``, an operator sign, ``and``, ``or``, ``not``, ``negate`` or a function's name.
        type: what it gives.
        children: its operands.
        value: of a ``number``.
        reference: of a ``load``.
    """

    op: str
    type: Type
    position: int
    children: tuple[Node, ...] = ()
    value: float = 0.0
    reference: Reference | None = None


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        yield one
        waiting.extend(reversed(one.children))


def references(node: Node) -> list[Reference]:
    """The distinct points read, in the order of the text."""
    return list(dict.fromkeys(n.reference for n in walk(node) if n.reference is not None))
