"""Text to tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from parksight.alarms.expressions.errors import ExpressionError

#: Characters of an expression; more is a program, not a condition.
MAX_LENGTH = 2_000
MAX_TOKENS = 600

_TOKEN: Final = re.compile(
    r"""(?P<space>[ \t\r\n]+)
      | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<code>\[[^\[\]\x00-\x1f\x7f]{1,130}\])
      | (?P<kind>\{[^{}\x00-\x1f\x7f]{1,130}\})
      | (?P<word>[A-Za-z_][A-Za-z_0-9]*)
      | (?P<sign><=|>=|==|!=|[-+*/()<>,])""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Token:
    """``kind``: ``number``, ``code``, ``kind``, ``word``, ``sign`` or ``end``."""

    kind: str
    text: str
    position: int


def tokens(text: str) -> list[Token]:
    """All tokens and an ``end``.

    Raises:
        ExpressionError: too long, or a character that belongs to no token.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError("too_long", MAX_LENGTH, limit=MAX_LENGTH)
    out: list[Token] = []
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            what = "unclosed" if text[at] in "[{" else "character"
            raise ExpressionError(what, at, character=text[at])
        if found.lastgroup != "space":
            out.append(Token(str(found.lastgroup), found.group(), at))
            if len(out) > MAX_TOKENS:
                raise ExpressionError("too_big", at, limit=MAX_TOKENS)
        at = found.end()
    out.append(Token("end", "", len(text)))
    return out
