"""The zone's own small control route on loopback: status and scenarios, for the command line and the demo page."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from parkzone.history import HistoryProgress
from parkzone.scenarios.stage import Stage, UnknownScenarioError
from parkzone.texts import preferred

MAX_BODY = 4096
#: Method, path and body to the cameras' process; status and answer back.
CamerasAsker = Callable[[str, str, dict[str, Any] | None], Awaitable[tuple[int, Any]]]


class Control:
    """Serves ``GET /status``, ``GET /scenarios``, ``POST /scenarios/{name}`` (start), ``DELETE`` (stop), and the cameras.

    Every request needs ``Authorization: Bearer <token>``.

    Args:
        counters: figures of the devices for the status.
        cameras: asks the cameras' process.
    """

    def __init__(
        self,
        stage: Stage,
        history: Callable[[], HistoryProgress | None],
        counters: Callable[[], dict[str, Any]],
        token: str,
        cameras: CamerasAsker | None = None,
    ) -> None:
        self.stage = stage
        self._history = history
        self._counters = counters
        self._token = token
        self._cameras = cameras
        self._server: uvicorn.Server | None = None
        self._task: asyncio.Task[None] | None = None
        self.app = Starlette(
            routes=[
                Route("/status", self._status, methods=["GET"]),
                Route("/scenarios", self._list, methods=["GET"]),
                Route("/scenarios/{name}", self._start, methods=["POST"]),
                Route("/scenarios/{name}", self._stop, methods=["DELETE"]),
                Route("/cameras", self._pass_on, methods=["GET"]),
                Route("/cameras/{rest:path}", self._pass_on, methods=["POST"]),
                Route("/fires/{rest:path}", self._pass_on, methods=["PUT", "DELETE"]),
                Route("/light", self._pass_on, methods=["PUT"]),
                Route("/scenarios/{name}/stop", self._stop, methods=["POST"]),
            ]
        )

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port."""
        config = uvicorn.Config(
            self.app, host=host, port=port, log_level="warning", access_log=False, lifespan="off"
        )
        self._server = uvicorn.Server(config)
        # the zone handles signals itself
        self._server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]  # no hook for it
        self._task = asyncio.create_task(self._server.serve())
        while not self._server.started:
            if self._task.done():
                self._task.result()
                raise OSError(f"control route could not listen on {host}:{port}")
            await asyncio.sleep(0.01)
        return int(self._server.servers[0].sockets[0].getsockname()[1])

    async def stop(self) -> None:
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            await asyncio.gather(self._task, return_exceptions=True)
            self._server = self._task = None

    def _refused(self, request: Request) -> Response | None:
        given = request.headers.get("authorization", "")
        if hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode()):
            return None
        return JSONResponse({"error": "unauthorized"}, 401)

    async def _status(self, request: Request) -> Response:
        if (refused := self._refused(request)) is not None:
            return refused
        history = self._history()
        language = preferred(request.headers.get("accept-language"))
        return JSONResponse({
            "simulated": True, "at": self.stage.engine.at_ms, "seed": self.stage.engine.park.seed,
            "history": asdict(history) if history else None, "scenarios": self.stage.view(language),
            "counters": self._counters(),
        })  # fmt: skip

    async def _list(self, request: Request) -> Response:
        if (refused := self._refused(request)) is not None:
            return refused
        return JSONResponse(self.stage.view(preferred(request.headers.get("accept-language"))))

    async def _start(self, request: Request) -> Response:
        if (refused := self._refused(request)) is not None:
            return refused
        body = await request.body()
        try:
            wanted = json.loads(body[:MAX_BODY]) if body else {}
            duration = wanted.get("duration_s")
            self.stage.start(request.path_params["name"], None if duration is None else float(duration))
        except UnknownScenarioError as error:
            return JSONResponse({"error": "unknown_scenario", "name": str(error)}, 404)
        except (ValueError, AttributeError, TypeError) as error:
            return JSONResponse({"error": "invalid", "detail": str(error)[:300]}, 422)
        return JSONResponse(self._one(request))

    async def _stop(self, request: Request) -> Response:
        if (refused := self._refused(request)) is not None:
            return refused
        try:
            self.stage.stop(request.path_params["name"])
        except UnknownScenarioError as error:
            return JSONResponse({"error": "unknown_scenario", "name": str(error)}, 404)
        return JSONResponse(self._one(request))

    async def _pass_on(self, request: Request) -> Response:
        """Knobs, fires and light are the cameras' own; here they have the zone's address."""
        if (refused := self._refused(request)) is not None:
            return refused
        if self._cameras is None:
            return JSONResponse({"error": "no_cameras"}, 503)
        body = await request.body()
        try:
            wanted = json.loads(body[:MAX_BODY]) if body else None
        except ValueError as error:
            return JSONResponse({"error": "invalid", "detail": str(error)[:300]}, 422)
        status, answer = await self._cameras(request.method, f"/control{request.url.path}", wanted)
        return JSONResponse(answer, status)

    def _one(self, request: Request) -> dict[str, Any]:
        views = self.stage.view(preferred(request.headers.get("accept-language")))
        return next(v for v in views if v["name"] == request.path_params["name"])
