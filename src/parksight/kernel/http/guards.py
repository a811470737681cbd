"""Doors a request passes before any route: host name, size, who asks, cross-site protection."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from http import HTTPStatus

import anyio.to_thread
import structlog
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from parksight.kernel.errors import ProblemError
from parksight.kernel.http.metrics import HttpMetrics
from parksight.kernel.http.problems import response
from parksight.kernel.identity.callers import CallerDirectory, Identity, csrf_token
from parksight.kernel.identity.origins import allowed_hosts, host_allowed, origin_allowed
from parksight.kernel.settings import Settings

_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
#: What a person may still do while their password has to be changed.
_BEFORE_CHANGE = ("/api/v1/session", "/api/v1/meta")


async def refuse(scope: Scope, receive: Receive, send: Send, error: ProblemError) -> None:
    """Answer with a problem before the route: a response for HTTP, a refused handshake for a WebSocket."""
    answer = response(HTTPConnection(scope), error)
    if scope["type"] == "websocket":
        message = await receive()
        if message["type"] != "websocket.connect":
            return
        if "websocket.http.response" in scope.get("extensions", {}):
            await answer(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008, "reason": error.code})
        return
    await answer(scope, receive, send)


class HostGuard:
    """Refuses requests that name another host: the defence against DNS rebinding."""

    def __init__(self, app: ASGIApp, settings: Settings, metrics: HttpMetrics) -> None:
        self.app = app
        self._allowed = allowed_hosts(settings)
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            conn = HTTPConnection(scope)
            if not host_allowed(conn, self._allowed):
                self._metrics.refused.labels("host").inc()
                host = conn.headers.get("host", "")[:100]
                error = ProblemError(
                    "kernel.host_not_allowed", HTTPStatus.MISDIRECTED_REQUEST, {"host": host}
                )
                await refuse(scope, receive, send, error)
                return
        await self.app(scope, receive, send)


class BodyGuard:
    """Limits the size of request bodies, declared or streamed.

    Args:
        app: what comes next.
        default: bytes.
        by_prefix: other limits for paths that start so; the longest prefix counts.
    """

    def __init__(
        self, app: ASGIApp, default: int, by_prefix: Mapping[str, int], metrics: HttpMetrics
    ) -> None:
        self.app = app
        self._default = default
        self._prefixes = sorted(by_prefix.items(), key=lambda item: -len(item[0]))
        self._metrics = metrics

    def limit(self, path: str) -> int:
        return next((size for prefix, size in self._prefixes if path.startswith(prefix)), self._default)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self.limit(scope["path"])
        declared = HTTPConnection(scope).headers.get("content-length")
        if declared is not None and (not declared.isdigit() or int(declared) > limit):
            self._metrics.refused.labels("body").inc()
            error = ProblemError("kernel.body_too_large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            await refuse(scope, receive, send, error)
            return
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > limit:
                self._metrics.refused.labels("body").inc()
                # Not our own error: FastAPI lets only this one through while it reads a body.
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return message

        await self.app(scope, counted, send)


class Authentication:
    """Puts the caller on ``request.state.caller`` and refuses what crosses sites.

    A cookie counts only together with our own origin, and for unsafe methods with the ``X-CSRF-Token`` header;
    tokens in ``Authorization`` are never sent by a browser on its own and need neither.
    """

    def __init__(
        self, app: ASGIApp, settings: Settings, directory: CallerDirectory, metrics: HttpMetrics
    ) -> None:
        self.app = app
        self._settings = settings
        self._directory = directory
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        conn = HTTPConnection(scope)
        state = scope.setdefault("state", {})
        state["caller"] = None
        state["identity"] = None
        try:
            identity = await self._identify(conn)
            self._check_site(conn, identity)
            if identity is not None:
                state["caller"] = identity.caller
                state["identity"] = identity
                structlog.contextvars.bind_contextvars(caller=identity.caller.id)
                if identity.caller.must_change_password and not conn.url.path.startswith(_BEFORE_CHANGE):
                    raise ProblemError("kernel.password.must_change", HTTPStatus.FORBIDDEN)
        except ProblemError as error:
            self._metrics.refused.labels(error.code.removeprefix("kernel.")).inc()
            await refuse(scope, receive, send, error)
            return
        await self.app(scope, receive, send)

    async def _identify(self, conn: HTTPConnection) -> Identity | None:
        shown = self._directory.secret_of(conn)
        if shown is None:
            return None
        identity = self._directory.remembered(shown[1])
        if identity is None:
            identity = await anyio.to_thread.run_sync(self._directory.resolve, *shown)
        if identity is not None and identity.method == "session":
            conn.state.session_token = shown[1]
        return identity

    def _check_site(self, conn: HTTPConnection, identity: Identity | None) -> None:
        if identity is not None and identity.method != "session":
            return
        unsafe = conn.scope["type"] == "websocket" or conn.scope["method"] not in _SAFE
        if not unsafe:
            return
        if not origin_allowed(conn, self._settings):
            raise ProblemError("kernel.origin_not_allowed", HTTPStatus.FORBIDDEN)
        if identity is None or conn.scope["type"] == "websocket":
            return
        given = conn.headers.get("x-csrf-token", "")
        wanted = csrf_token(conn.state.session_token)
        if not hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode()):
            raise ProblemError("kernel.csrf", HTTPStatus.FORBIDDEN)
