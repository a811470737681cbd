"""Errors on the wire: RFC 9457 problem details with our members ``code``, ``action``, ``where``, ``errors``.

``code`` is stable and for programs; ``title``, ``detail`` and ``action`` are for people, in their language.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from http import HTTPStatus

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import Response

from parksight.kernel.errors import ProblemError
from parksight.kernel.i18n import has, language_of, translate

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
_BY_STATUS = {
    400: "kernel.bad_request", 404: "kernel.no_such_route", 405: "kernel.method_not_allowed",
    413: "kernel.body_too_large", 415: "kernel.media_type", 426: "kernel.upgrade_required",
}  # fmt: skip
_MAX_ERRORS = 100


def pointer(location: Sequence[int | str]) -> str:
    """RFC 6901 pointer of a pydantic location: ``("body", "name")`` gives ``/body/name``."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)


def problem(
    conn: HTTPConnection, error: ProblemError, *, extra: Mapping[str, object] | None = None
) -> dict[str, object]:
    """The body of a problem response; members without a value are left out."""
    language = language_of(conn)
    params = {k: _shown(v) for k, v in error.params.items()}
    status = int(error.status)
    title_key = f"{error.code}.title"
    body: dict[str, object] = {
        "type": f"urn:parksight:problem:{error.code}",
        "title": translate(title_key if has(title_key) else f"kernel.status.{status}", language),
        "status": status,
        "detail": translate(error.code, language, **params),
        "instance": conn.url.path,
        "code": error.code,
    }
    if has(f"{error.code}.action"):
        body["action"] = translate(f"{error.code}.action", language, **params)
    if error.where is not None:
        body["where"] = error.where
    if params:
        body["params"] = params
    body.update(extra or {})
    return body


def _shown(value: object) -> object:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(str(v) for v in value)
    return str(value)


def response(
    conn: HTTPConnection,
    error: ProblemError,
    *,
    headers: Mapping[str, str] | None = None,
    extra: Mapping[str, object] | None = None,
) -> Response:
    """The problem as an HTTP response."""
    sent = dict(headers or {})
    status = int(error.status)
    if status == HTTPStatus.UNAUTHORIZED:
        sent.setdefault("WWW-Authenticate", "Bearer")
    retry = error.params.get("retry_after_s")
    if retry is not None:
        sent.setdefault("Retry-After", str(retry))
    sent.setdefault("Cache-Control", "no-store")
    sent.setdefault("Content-Language", language_of(conn))
    content = json.dumps(problem(conn, error, extra=extra), ensure_ascii=False, default=str, allow_nan=False)
    return Response(content, status_code=status, headers=sent, media_type=MEDIA_TYPE)


def incident(conn: HTTPConnection) -> Response:
    """500 for an exception nobody expected: logged with an id that the person can tell the administrator."""
    number = secrets.token_hex(6)
    log.exception("unexpected_error", incident=number, path=conn.url.path)
    error = ProblemError("kernel.unexpected", HTTPStatus.INTERNAL_SERVER_ERROR, {"incident": number})
    return response(conn, error, extra={"incident": number})


def validation_problems(
    conn: HTTPConnection, errors: Sequence[Mapping[str, object]]
) -> list[dict[str, object]]:
    """pydantic's errors as ``where``, ``code``, ``detail`` in the reader's language."""
    language = language_of(conn)
    out: list[dict[str, object]] = []
    for item in errors[:_MAX_ERRORS]:
        kind = str(item.get("type", "other"))
        context = item.get("ctx")
        params = {k: _shown(v) for k, v in context.items()} if isinstance(context, Mapping) else {}
        key = f"kernel.validation.{kind}"
        if not has(key):
            key = "kernel.validation.other"
            params["message"] = str(item.get("msg", kind))
        location = item.get("loc")
        where = pointer(location if isinstance(location, tuple | list) else ())
        out.append({"where": where, "code": kind, "detail": translate(key, language, **params)})
    return out


def add_handlers(app: FastAPI) -> None:
    """Answer every error of the routes as a problem."""

    @app.exception_handler(ProblemError)
    async def _problem(request: Request, error: ProblemError) -> Response:
        return response(request, error)

    @app.exception_handler(RequestValidationError)
    async def _validation(request: Request, error: RequestValidationError) -> Response:
        listed = validation_problems(request, error.errors())
        first = str(listed[0]["where"]) if listed else None
        about = ProblemError(
            "kernel.invalid_input", HTTPStatus.UNPROCESSABLE_ENTITY, {"count": len(error.errors())}, first
        )
        return response(request, about, extra={"errors": listed})

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        headers = dict(error.headers or {})
        if error.status_code < 400 or error.status_code in (204, 304):
            return Response(status_code=error.status_code, headers=headers)
        code = _BY_STATUS.get(error.status_code, f"kernel.status.{error.status_code}")
        params: dict[str, object] = {
            "method": request.method,
            "path": request.url.path,
            "allow": headers.get("allow", ""),
        }
        return response(request, ProblemError(code, error.status_code, params), headers=headers)
