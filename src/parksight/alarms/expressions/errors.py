"""What is wrong with an expression, and where."""

from __future__ import annotations


class ExpressionError(ValueError):
    """The text is no expression of the language.

    Attributes:
        code: locale key, ``alarms.expression.<what>``.
        position: zero-based character at which it went wrong.
        params: what the text of the message needs.
    """

    def __init__(self, what: str, position: int, **params: object) -> None:
        self.code = f"alarms.expression.{what}"
        self.position = position
        self.params = params
        super().__init__(f"{what} at {position}: {params}")
