"""Tokens to a checked tree, by recursive descent.

::

    condition  := conjunct ("or" conjunct)*
    conjunct   := negation ("and" negation)*
    negation   := "not" negation | comparison
    comparison := sum (("<" | "<=" | ">" | ">=" | "==" | "!=") sum)?
    sum        := product (("+" | "-") product)*
    product    := signed (("*" | "/") signed)*
    signed     := "-" signed | primary
    primary    := number | "true" | "false" | point | function "(" condition ("," condition)* ")" | "(" condition ")"
    point      := "self" | "[" code "]" | "{" kind "}"
    function   := "min" | "max" | "avg" | "abs" | "good"

Values are in each point's own unit; nothing is converted. A reading that is unusable or too old is *unknown*, and
so is whatever needs it: arithmetic and comparisons with it, a division by zero. ``and``, ``or`` and ``not`` are
Kleene's: false and unknown is false, true or unknown is true. ``good(x)`` says whether ``x`` is known.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from parksight.alarms.expressions.errors import ExpressionError
from parksight.alarms.expressions.lexer import Token, tokens
from parksight.alarms.expressions.tree import Node, Reference, Type, references

MAX_DEPTH = 24
MAX_POINTS = 16
MAX_ARGUMENTS = 16
#: Function -> (least, most arguments, type of arguments or None for any, type of the result).
FUNCTIONS: Final[dict[str, tuple[int, int, Type | None, Type]]] = {
    "min": (1, MAX_ARGUMENTS, "number", "number"),
    "max": (1, MAX_ARGUMENTS, "number", "number"),
    "avg": (1, MAX_ARGUMENTS, "number", "number"),
    "abs": (1, 1, "number", "number"),
    "good": (1, 1, None, "truth"),
}
_COMPARISONS: Final = frozenset({"<", "<=", ">", ">=", "==", "!="})
_RESERVED: Final = frozenset({"and", "or", "not"})


def parse(text: str, wanted: Type | None = None) -> Node:
    """The tree of an expression.

    Args:
        wanted: what the whole must give; None takes either.

    Raises:
        ExpressionError: with the position of the first thing that is wrong.
    """
    parser = _Parser(tokens(text))
    node = parser.condition()
    parser.finish()
    if wanted is not None:
        _demand(node, wanted)
    points = references(node)
    if not points:
        raise ExpressionError("no_point", 0)
    if len(points) > MAX_POINTS:
        raise ExpressionError("too_many_points", 0, limit=MAX_POINTS)
    return node


def _demand(node: Node, wanted: Type) -> None:
    if node.type != wanted:
        raise ExpressionError(f"want_{wanted}", node.position)


class _Parser:
    def __init__(self, words: list[Token]) -> None:
        self._words = words
        self._at = 0
        self._depth = 0

    @property
    def _next(self) -> Token:
        return self._words[self._at]

    def _take(self) -> Token:
        token = self._words[self._at]
        self._at += 1
        return token

    def _is(self, *texts: str) -> bool:
        return self._next.kind in ("word", "sign") and self._next.text in texts

    def _expect(self, text: str) -> None:
        if not self._is(text):
            self._unexpected(text)
        self._at += 1

    def _unexpected(self, wanted: str = "") -> None:
        token = self._next
        if token.kind == "end":
            raise ExpressionError("ends_early", token.position, wanted=wanted)
        if wanted:
            raise ExpressionError("expected", token.position, wanted=wanted, found=token.text)
        raise ExpressionError("unexpected", token.position, found=token.text)

    def finish(self) -> None:
        if self._next.kind != "end":
            self._unexpected()

    def _deeper(self, inner: Callable[[], Node]) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ExpressionError("too_deep", self._next.position, limit=MAX_DEPTH)
        node = inner()
        self._depth -= 1
        return node

    def condition(self) -> Node:
        return self._deeper(lambda: self._chain(("or",), self._conjunct, "truth"))

    def _conjunct(self) -> Node:
        return self._chain(("and",), self._negation, "truth")

    def _negation(self) -> Node:
        if not self._is("not"):
            return self._comparison()
        position = self._take().position
        inner = self._deeper(self._negation)
        _demand(inner, "truth")
        return Node("not", "truth", position, (inner,))

    def _comparison(self) -> Node:
        left = self._sum()
        if not self._is(*_COMPARISONS):
            return left
        sign = self._take()
        right = self._sum()
        if self._is(*_COMPARISONS):
            raise ExpressionError("chained", self._next.position)
        _demand(left, "number")
        _demand(right, "number")
        return Node(sign.text, "truth", sign.position, (left, right))

    def _sum(self) -> Node:
        return self._chain(("+", "-"), self._product, "number")

    def _product(self) -> Node:
        return self._chain(("*", "/"), self._signed, "number")

    def _chain(self, signs: tuple[str, ...], operand: Callable[[], Node], kind: Type) -> Node:
        """Left-associative operators of one rank."""
        node = operand()
        while self._is(*signs):
            sign = self._take()
            right = operand()
            _demand(node, kind)
            _demand(right, kind)
            node = Node(sign.text, kind, sign.position, (node, right))
        return node

    def _signed(self) -> Node:
        if not self._is("-"):
            return self._primary()
        position = self._take().position
        inner = self._deeper(self._signed)
        _demand(inner, "number")
        return Node("negate", "number", position, (inner,))

    def _primary(self) -> Node:
        token = self._next
        if token.kind == "number":
            self._at += 1
            value = float(token.text)
            if value == float("inf"):
                raise ExpressionError("number", token.position, found=token.text)
            return Node("number", "number", token.position, value=value)
        if token.kind in ("code", "kind"):
            self._at += 1
            return self._point(token)
        if token.kind == "word" and token.text not in _RESERVED:
            self._at += 1
            return self._word(token)
        if self._is("("):
            self._at += 1
            node = self.condition()
            self._expect(")")
            return node
        self._unexpected()
        raise AssertionError("unexpected() raises")

    def _point(self, token: Token) -> Node:
        name = token.text[1:-1].strip()
        if not name:
            raise ExpressionError("empty_point", token.position)
        kind = "code" if token.kind == "code" else "kind"
        return Node("load", "number", token.position, reference=Reference(kind, name))  # type: ignore[arg-type]  # one of two words

    def _word(self, token: Token) -> Node:
        if token.text == "self":
            return Node("load", "number", token.position, reference=Reference("self"))
        if token.text in ("true", "false"):
            return Node("number", "truth", token.position, value=float(token.text == "true"))
        if token.text not in FUNCTIONS:
            raise ExpressionError(
                "unknown_word", token.position, found=token.text, allowed=", ".join(("self", *FUNCTIONS))
            )
        least, most, kind, result = FUNCTIONS[token.text]
        self._expect("(")
        arguments = [self.condition()]
        while self._is(","):
            self._at += 1
            arguments.append(self.condition())
        self._expect(")")
        if not least <= len(arguments) <= most:
            raise ExpressionError("arguments", token.position, function=token.text, least=least, most=most)
        if kind is not None:
            for argument in arguments:
                _demand(argument, kind)
        return Node(token.text, result, token.position, tuple(arguments))
