"""The outermost layer: request id, security headers, figures, and the net under everything."""

from __future__ import annotations

import secrets
import time

import structlog
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from parksight.kernel.http.headers import security_headers
from parksight.kernel.http.metrics import HttpMetrics
from parksight.kernel.http.problems import incident
from parksight.kernel.settings import Settings

access = structlog.get_logger("parksight.access")

#: Paths whose every request would only fill the log.
_QUIET = frozenset({"/api/v1/health", "/metrics"})


class RequestContext:
    """Gives each request an id, its headers and a line in the log; turns what escapes into a problem."""

    def __init__(self, app: ASGIApp, settings: Settings, metrics: HttpMetrics) -> None:
        self.app = app
        self._headers = security_headers(settings)
        self._names = {name for name, _ in self._headers}
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        request_id = secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        if scope["type"] == "websocket":
            await self.app(scope, receive, send)
            return
        status = 0
        began = time.perf_counter()

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                # A route may be stricter than the house (file downloads), so its own header stands.
                given = {name.lower() for name, _ in message.get("headers", ())}
                extra = [pair for pair in self._headers if pair[0] not in given]
                extra.append((b"x-request-id", request_id.encode()))
                if b"cache-control" not in given and scope["path"].startswith("/api/"):
                    extra.append((b"cache-control", b"no-store"))
                message = {**message, "headers": [*message.get("headers", ()), *extra]}
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        except Exception:
            self._metrics.errors.inc()
            answer = incident(HTTPConnection(scope))
            if status:
                raise  # the answer has begun: only the server can cut the connection
            await answer(scope, receive, send_with_headers)
        finally:
            self._note(scope, status, time.perf_counter() - began)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", None) or "unmatched"
        self._metrics.requests.labels(scope["method"], route, str(status)).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        if scope["path"] in _QUIET:
            return
        caller = scope["state"].get("caller")
        access.info(
            "request",
            method=scope["method"],
            path=scope["path"],
            status=status,
            ms=round(seconds * 1000, 1),
            caller=getattr(caller, "id", None),
            kind=getattr(caller, "kind", None),
            peer=(scope.get("client") or ("", 0))[0],
        )
