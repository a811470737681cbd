"""``/session/oidc``: to the identity provider and back. People see these answers, so they are pages."""

from __future__ import annotations

from html import escape
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from parksight.kernel.errors import ProblemError
from parksight.kernel.i18n import has, language_of, translate
from parksight.kernel.identity.api.session import Services, set_cookies
from parksight.kernel.settings import Settings
from parksight.kernel.web import public

COOKIE = "parksight_oidc"
_PATH = "/api/v1/session/oidc"
router = APIRouter(prefix=_PATH, tags=["session"])
_OPEN = public("whoever signs in is not signed in yet")


@router.get(
    "", dependencies=[_OPEN], operation_id="begin_oidc", response_class=RedirectResponse, status_code=303
)
def begin(
    request: Request,
    services: Services,
    next_path: Annotated[str, Query(alias="next", max_length=400)] = "/",
) -> Response:
    """Go to the identity provider."""
    services.sessions.rate.check(request.client.host if request.client else "")
    url, state = services.oidc.begin(next_path)
    answer = RedirectResponse(url, HTTPStatus.SEE_OTHER)
    settings: Settings = request.app.state.settings
    # Lax, not strict: it must come along when the provider sends the browser back.
    answer.set_cookie(
        COOKIE, state, max_age=600, httponly=True, samesite="lax", secure=settings.server.secure, path=_PATH
    )
    return answer


@router.get(
    "/callback", dependencies=[_OPEN], operation_id="finish_oidc", response_class=HTMLResponse,
)  # fmt: skip
def callback(
    request: Request,
    services: Services,
    state: Annotated[str, Query(max_length=200)] = "",
    code: Annotated[str, Query(max_length=4000)] = "",
    iss: Annotated[str | None, Query(max_length=400)] = None,
    error: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Come back from the identity provider, signed in or told why not."""
    settings: Settings = request.app.state.settings
    peer = request.client.host if request.client else ""
    try:
        services.sessions.rate.check(peer)
        if error:
            raise ProblemError("kernel.oidc.refused", HTTPStatus.FORBIDDEN, {"reason": error})
        signed, next_path = services.oidc.finish(
            state, request.cookies.get(COOKIE, ""), code, iss, peer, request.headers.get("user-agent", "")
        )
    except ProblemError as problem:
        return _sorry(request, problem)
    # A page of our own goes on, not a redirect: after one that began elsewhere strict cookies stay behind.
    target = escape(next_path, quote=True)
    answer = HTMLResponse(
        f'<!doctype html><meta http-equiv="refresh" content="0; url={target}"><a href="{target}">ParkSight</a>'
    )
    set_cookies(answer, settings, signed)
    answer.delete_cookie(COOKIE, path=_PATH)
    return answer


def _sorry(request: Request, problem: ProblemError) -> HTMLResponse:
    language = language_of(request)
    texts = [translate(problem.code, language, **problem.params)]
    if has(f"{problem.code}.action"):
        texts.append(translate(f"{problem.code}.action", language, **problem.params))
    body = "".join(f"<p>{escape(text)}</p>" for text in texts)
    back = escape(translate("kernel.oidc.back", language))
    page = f'<!doctype html><html lang="{language}"><meta charset="utf-8"><title>ParkSight</title>{body}'
    return HTMLResponse(f'{page}<p><a href="/">{back}</a></p></html>', int(problem.status))
