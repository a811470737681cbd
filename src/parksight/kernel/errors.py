"""Errors as RFC 9457 problem details: a stable code, what is wrong, where, and what to do.

Texts live in ``locales/<lang>/errors.json`` of the module that owns the code and are looked up by
``kernel.i18n`` when the response is written; code carries parameters, never sentences.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus


@dataclass(eq=False)
class ProblemError(Exception):
    """An error meant for the person or program that called us.

    Args:
        code: stable dotted code, e.g. ``registry.enterprise.not_found``; also the translation key.
        status: HTTP status.
        params: values for the translated text.
        where: JSON pointer, row/column or field the problem is about.
    """

    code: str
    status: int = HTTPStatus.BAD_REQUEST
    params: dict[str, object] = field(default_factory=dict)
    where: str | None = None

    def __str__(self) -> str:
        detail = ", ".join(f"{k}={v!r}" for k, v in self.params.items())
        return f"{self.code}({detail})" + (f" at {self.where}" if self.where else "")


def not_found(kind: str, key: object) -> ProblemError:
    """404 for a record that does not exist or that the caller may not know of."""
    return ProblemError("kernel.not_found", HTTPStatus.NOT_FOUND, {"kind": kind, "key": key})


def conflict(code: str, **params: object) -> ProblemError:
    """409 for a change that contradicts the present state."""
    return ProblemError(code, HTTPStatus.CONFLICT, params)


def forbidden(permission: str) -> ProblemError:
    """403 naming the permission that is missing."""
    return ProblemError("kernel.forbidden", HTTPStatus.FORBIDDEN, {"permission": permission})


def invalid(code: str, where: str | None = None, **params: object) -> ProblemError:
    """422 for input that is well-formed but wrong."""
    return ProblemError(code, HTTPStatus.UNPROCESSABLE_ENTITY, params, where)
