"""Checks of what people enter: typed fields with limits, as the type declares them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy.orm import Session

from parksight.cases import people
from parksight.cases.declaration import Field
from parksight.cases.requests import Owner
from parksight.kernel.errors import ProblemError, invalid

_PARTIES = ("user", "post", "department", "enterprise")
#: Longest text where a field declares no limit.
_LONGEST = 4000
_MANY = 200


def clean(session: Session, fields: Sequence[Field], given: Mapping[str, Any]) -> dict[str, Any]:
    """The values in plain JSON types; empty ones of optional fields are left out.

    Raises:
        ProblemError: 422 naming the field: ``cases.field.unknown``, ``.required``, ``.kind``, ``.limits``, ``.choice`` or
            ``.nobody`` (a person, post, department or enterprise that is not there).
    """
    known = {f.code: f for f in fields}
    for code in given:
        if code not in known:
            raise _wrong("unknown", code)
    values: dict[str, Any] = {}
    for code, one in known.items():
        value = given.get(code)
        if value is None or value == "" or value == []:
            if one.required:
                raise _wrong("required", code)
            continue
        if one.many:
            if not isinstance(value, list | tuple) or len(value) > _MANY:
                raise _wrong("kind", code, kind=one.kind)
            values[code] = [_one(session, one, v) for v in value]
        else:
            values[code] = _one(session, one, value)
    return values


def _wrong(what: str, code: str, **params: object) -> ProblemError:
    return invalid(f"cases.field.{what}", f"/fields/{code}", field=code, **params)


def _one(session: Session, one: Field, value: Any) -> Any:
    kind = one.kind
    if kind == "boolean":
        if isinstance(value, bool):
            return value
    elif kind in ("number", "integer", *_PARTIES):
        return _number(session, one, value)
    elif isinstance(value, datetime | date):
        return _one(session, one, value.isoformat())
    elif isinstance(value, str):
        return _text(one, value)
    raise _wrong("kind", one.code, kind=kind)


def _number(session: Session, one: Field, value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _wrong("kind", one.code, kind=one.kind)
    if one.kind != "number":
        if value != int(value) or abs(value) > 2**53:
            raise _wrong("kind", one.code, kind=one.kind)
        value = int(value)
    else:
        value = float(value)
    low, high = one.minimum, one.maximum
    if (low is not None and value < low) or (high is not None and value > high):
        raise _wrong("limits", one.code, minimum=low, maximum=high)
    if one.kind in _PARTIES and not people.exists(session, one.kind, value):
        raise _wrong("nobody", one.code, kind=one.kind, key=value)
    return value


def _text(one: Field, value: str) -> str:
    value = value.strip()
    if any(ord(c) < 32 and c not in "\t\n\r" for c in value):
        raise _wrong("kind", one.code, kind=one.kind)
    if one.kind == "choice":
        if value not in one.choices:
            raise _wrong("choice", one.code, value=value[:80], choices=", ".join(one.choices))
    elif one.kind == "text":
        low, high = one.minimum or 0, one.maximum or _LONGEST
        if not low <= len(value) <= high:
            raise _wrong("limits", one.code, minimum=int(low), maximum=int(high))
    elif one.kind == "date":
        try:
            return date.fromisoformat(value).isoformat()
        except ValueError:
            raise _wrong("kind", one.code, kind="date") from None
    elif one.kind == "instant":
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            raise _wrong("kind", one.code, kind="instant") from None
        if at.tzinfo is None:
            raise _wrong("kind", one.code, kind="instant")
        return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    else:
        raise _wrong("kind", one.code, kind=one.kind)
    return value


def owner_from(fields: Sequence[Field], values: Mapping[str, Any]) -> Owner:
    """Whom the party fields name; of several of one kind the first."""
    named: dict[str, int] = {}
    for one in fields:
        if one.kind in _PARTIES and one.code in values and not one.many:
            named.setdefault(one.kind, int(values[one.code]))
    return Owner(named.get("user"), named.get("post"), named.get("department"), named.get("enterprise"))
