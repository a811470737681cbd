"""Paths into JSON documents: the part of JSONPath (RFC 9535) that device messages need, without filters.

``$`` the document, ``.name`` or ``['any name']`` a member, ``[3]`` an element, ``[*]`` or ``.*`` each of them.
Evaluation only walks: no recursion, no expression, no code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_STEP = re.compile(
    r"\.(?P<name>[A-Za-z_\u0080-\uffff][\w\u0080-\uffff-]*)|\.(?P<star>\*)|\[(?P<index>\d{1,6})\]|\[(?P<each>\*)\]"
    r"|\['(?P<quoted>[^']{1,200})'\]"
)
#: Values one path may yield; more is cut off by the caller's own limits long before.
MAX_STEPS = 16


class _Each:
    """The step that takes every member or element."""


EACH = _Each()
Step = str | int | _Each
Match = tuple[str, object]


class SelectorError(ValueError):
    """The text is no path."""


class Selector:
    """A parsed path.

    Raises:
        SelectorError: naming the place where the text stops being a path.
    """

    def __init__(self, text: str) -> None:
        if not text.startswith("$"):
            raise SelectorError(f"a path begins with $, not {text[:20]!r}")
        self.text = text
        steps: list[Step] = []
        at = 1
        while at < len(text):
            found = _STEP.match(text, at)
            if found is None:
                raise SelectorError(f"{text!r} is no path from position {at} on")
            if found["index"] is not None:
                steps.append(int(found["index"]))
            elif found["each"] is not None or found["star"] is not None:
                steps.append(EACH)
            else:
                steps.append(found["name"] if found["name"] is not None else found["quoted"])
            at = found.end()
        if len(steps) > MAX_STEPS:
            raise SelectorError(f"{text!r} has more than {MAX_STEPS} steps")
        self.steps = tuple(steps)
        self.many = EACH in steps

    def first(self, document: object) -> object:
        """The first value the path leads to, None where it leads nowhere."""
        return next((value for _, value in self.each(document)), None)

    def each(self, document: object) -> Iterator[Match]:
        """Every value the path leads to, with the key (or number) of the last ``*`` passed; lazily."""
        stack: list[tuple[int, str, object]] = [(0, "", document)]
        steps = self.steps
        while stack:
            depth, key, value = stack.pop()
            if depth == len(steps):
                yield key, value
                continue
            step = steps[depth]
            if isinstance(step, _Each):
                if isinstance(value, dict):
                    stack.extend((depth + 1, str(k), v) for k, v in reversed(list(value.items())))
                elif isinstance(value, list):
                    stack.extend((depth + 1, str(i), v) for i, v in reversed(list(enumerate(value))))
            elif isinstance(step, str):
                if isinstance(value, dict) and step in value:
                    stack.append((depth + 1, key, value[step]))
            elif isinstance(value, list) and step < len(value):
                stack.append((depth + 1, key, value[step]))
