"""What every route asks for: the list by which tests prove that no route forgot to check."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from starlette.routing import WebSocketRoute

from parksight.kernel.web import current_caller


@dataclass(frozen=True)
class RoutePermission:
    """One route.

    Attributes:
        path: template, e.g. ``/api/v1/users/{user_id}``.
        methods: HTTP methods; ``WEBSOCKET`` for a WebSocket.
        permissions: what it asks for: ``module.noun.verb``, ``signed-in``, ``public: reason`` or
            ``loopback or module.noun.verb``; empty when it asks for nothing.
    """

    path: str
    methods: tuple[str, ...]
    permissions: tuple[str, ...]

    @property
    def guarded(self) -> bool:
        return bool(self.permissions)


def _asked(dependant: Dependant) -> tuple[str, ...]:
    calls = list(_calls(dependant))
    asked = tuple(
        dict.fromkeys(p for call in calls if isinstance(p := getattr(call, "permission", None), str))
    )
    return asked or (("signed-in",) if current_caller in calls else ())


def _calls(dependant: Dependant) -> Iterator[object]:
    yield dependant.call
    for inner in dependant.dependencies:
        yield from _calls(inner)


def route_permissions(app: FastAPI) -> list[RoutePermission]:
    """Every route of an application with what it asks for, ordered by path.

    Mounts and plain Starlette routes are listed too: they can ask for nothing, so a test must name those it
    accepts (the built site).
    """
    out: list[RoutePermission] = []
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        dependant = getattr(context, "dependant", None) or getattr(route, "dependant", None)
        asked = _asked(dependant) if isinstance(dependant, Dependant) else ()
        if isinstance(route, WebSocketRoute):
            methods: tuple[str, ...] = ("WEBSOCKET",)
        else:
            methods = tuple(sorted((getattr(context, "methods", None) or {"ANY"}) - {"HEAD", "OPTIONS"}))
        path = getattr(context, "path", None) or getattr(route, "path", "") or "/"
        out.append(RoutePermission(str(path), methods, asked))
    return sorted(out, key=lambda r: (r.path, r.methods))


def unguarded(app: FastAPI) -> list[RoutePermission]:
    """Routes that ask for nothing; empty but for the built site in a good application."""
    return [route for route in route_permissions(app) if not route.guarded]
