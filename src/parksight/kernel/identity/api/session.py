"""``/session``: signing in and out, one's own password and second factor."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from parksight.kernel.errors import ProblemError, forbidden
from parksight.kernel.identity.callers import Identity, csrf_cookie, csrf_token, session_cookie
from parksight.kernel.identity.models import User
from parksight.kernel.identity.schemas import (
    PasswordChange,
    RecoveryCodes,
    SessionUser,
    SessionView,
    SignIn,
    TotpCode,
    TotpOff,
    TotpSecret,
    TotpView,
)
from parksight.kernel.identity.services import IdentityServices
from parksight.kernel.identity.sessions import SignedIn
from parksight.kernel.permissions import Caller
from parksight.kernel.settings import Settings
from parksight.kernel.web import ReadSession, WriteSession, public, service, signed_in

router = APIRouter(prefix="/api/v1/session", tags=["session"])
Services = Annotated[IdentityServices, Depends(service("identity"))]


def person(caller: Annotated[Caller, signed_in()]) -> Caller:
    """The caller as a person in a browser: tokens and devices do not manage accounts."""
    if caller.kind != "user" or caller.id is None:
        raise forbidden("signed-in")
    return caller


Person = Annotated[Caller, Depends(person)]


def set_cookies(response: Response, settings: Settings, signed: SignedIn) -> None:
    """Give the browser its session; the CSRF cookie is the one that scripts may read."""
    seconds = settings.security.session_hours * 3600
    secure = settings.server.secure
    response.set_cookie(
        session_cookie(settings), signed.token, max_age=seconds, httponly=True, samesite="strict",
        secure=secure, path="/",
    )  # fmt: skip
    response.set_cookie(
        csrf_cookie(settings), signed.csrf, max_age=seconds, httponly=False, samesite="strict",
        secure=secure, path="/",
    )  # fmt: skip


def clear_cookies(response: Response, settings: Settings) -> None:
    for name in (session_cookie(settings), csrf_cookie(settings)):
        response.delete_cookie(name, path="/", secure=settings.server.secure, samesite="strict")


@router.post("", dependencies=[public("whoever signs in is not signed in yet")], operation_id="sign_in")
def sign_in(request: Request, response: Response, body: SignIn, services: Services) -> SessionView:
    """Sign in; sets the session cookie. A second factor is asked for with ``kernel.sign_in.code_required``."""
    settings: Settings = request.app.state.settings
    peer = request.client.host if request.client else ""
    agent = request.headers.get("user-agent", "")
    signed = services.sessions.sign_in(body.username, body.password, body.code, peer, agent)
    set_cookies(response, settings, signed)
    identity = services.callers.resolve("session", signed.token)
    if identity is None:
        raise ProblemError("kernel.not_signed_in", HTTPStatus.UNAUTHORIZED)
    with request.app.state.db.read() as session:
        user = session.get_one(User, signed.user_id)
    return view(request, user, identity, signed.csrf)


@router.get("", operation_id="who_am_i")
def who_am_i(request: Request, caller: Annotated[Caller, signed_in()], session: ReadSession) -> SessionView:
    """Who is signed in and what they may do."""
    identity: Identity = request.state.identity
    if caller.kind == "device" or caller.id is None:
        raise forbidden("signed-in")
    user = session.get_one(User, caller.id)
    token = getattr(request.state, "session_token", None)
    return view(request, user, identity, csrf_token(token) if token else None)


def view(request: Request, user: User, identity: Identity, csrf: str | None) -> SessionView:
    caller = identity.caller
    return SessionView(
        user=SessionUser(
            id=user.id, username=user.username, name=user.name, name_en=user.name_en,
            language=user.language, department_id=user.department_id, post_id=user.post_id,
            demo=user.demo, totp=user.totp_confirmed_at is not None,
        ),
        kind=caller.kind,
        roles=list(caller.roles),
        grants=list(caller.grants),
        enterprises=None if caller.enterprises is None else sorted(caller.enterprises),
        departments=sorted(caller.departments),
        must_change_password=caller.must_change_password,
        csrf=csrf,
        expires_at=identity.expires_at,
        server_ms=request.app.state.clock.now_ms(),
    )  # fmt: skip


@router.delete("", status_code=HTTPStatus.NO_CONTENT, operation_id="sign_out")
def sign_out(
    request: Request, response: Response, caller: Person, session: WriteSession, services: Services
) -> None:
    """Sign out this browser."""
    services.sessions.end(session, caller, request.state.identity.row_id)
    clear_cookies(response, request.app.state.settings)


@router.post("/password", status_code=HTTPStatus.NO_CONTENT, operation_id="change_password")
def change_password(
    request: Request, body: PasswordChange, caller: Person, session: WriteSession, services: Services
) -> None:
    """Change one's own password; one's other sessions end. A wrong present password counts as an attempt."""
    services.sessions.rate.check(f"password:{caller.id}")
    keep = request.state.identity.row_id
    services.accounts.change_password(session, caller, body.current, body.password, keep)


@router.get("/totp", operation_id="second_factor")
def second_factor(caller: Person, session: ReadSession, services: Services) -> TotpView:
    """Whether the second factor is on."""
    enabled, left = services.second_factor.state(session, caller)
    return TotpView(enabled=enabled, recovery_codes_left=left)


@router.post("/totp", operation_id="begin_second_factor")
def begin_second_factor(caller: Person, session: WriteSession, services: Services) -> TotpSecret:
    """A new secret for the authenticator; in force once a code of it is confirmed."""
    secret, uri = services.second_factor.begin(session, caller)
    return TotpSecret(secret=secret, uri=uri)


@router.put("/totp", operation_id="confirm_second_factor")
def confirm_second_factor(
    body: TotpCode, caller: Person, session: WriteSession, services: Services
) -> RecoveryCodes:
    """Switch the second factor on with a first code; the answer shows the recovery codes this once."""
    services.sessions.rate.check(f"totp:{caller.id}")
    return RecoveryCodes(codes=services.second_factor.confirm(session, caller, body.code))


@router.delete("/totp", status_code=HTTPStatus.NO_CONTENT, operation_id="end_second_factor")
def end_second_factor(body: TotpOff, caller: Person, session: WriteSession, services: Services) -> None:
    """Take the second factor off again; needs the password."""
    services.sessions.rate.check(f"password:{caller.id}")
    services.second_factor.off(session, caller, body.password)
