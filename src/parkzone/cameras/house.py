"""All cameras in one process: RTSP on one port, ONVIF, photographs and the control route on another."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
from dataclasses import asdict
from typing import Any

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from parkzone.cameras.crew import CrewError
from parkzone.cameras.digest import Digest
from parkzone.cameras.onvif.device import OnvifDevice
from parkzone.cameras.onvif.security import MAX_REQUEST, Tokens
from parkzone.cameras.rtsp.server import RtspServer
from parkzone.cameras.stage import Fire
from parkzone.cameras.studio import Studio

#: Sign-in of every simulated camera. It guards nothing; it is there so that signing in is tried.
USERNAME, PASSWORD = "viewer", "parkzone-2026"
MAX_BODY = 16 * 1024


class House:
    """Owns studio and servers.

    Args:
        token: of the control route.
    """

    def __init__(self, seed: int, token: str, username: str = USERNAME, password: str = PASSWORD) -> None:
        self.studio = Studio(seed)
        self.rtsp = RtspServer(self.studio, username, password)
        self._token = token
        self._digest = Digest("parkzone", username, password)
        self.host, self.rtsp_port, self.http_port = "127.0.0.1", 0, 0
        tokens = Tokens(username, password)
        self._devices = {
            code: OnvifDevice(source, tokens, self._stream_url(code), self._snapshot_url(code))
            for code, source in self.studio.sources.items()
        }
        self._uvicorn: uvicorn.Server | None = None
        self._serving: asyncio.Task[None] | None = None
        self.app = Starlette(routes=[
            Route("/control/cameras", self._status, methods=["GET"]),
            Route("/control/cameras/{code}", self._knobs, methods=["POST"]),
            Route("/control/fires/{key}", self._fire, methods=["PUT", "DELETE"]),
            Route("/control/light", self._light, methods=["PUT"]),
            Route("/{code}/onvif/{service}", self._onvif, methods=["POST"]),
            Route("/{code}/snapshot.jpg", self._snapshot, methods=["GET"]),
        ])  # fmt: skip

    def _stream_url(self, code: str) -> Any:
        return lambda stream: f"rtsp://{self.host}:{self.rtsp_port}/{code}/{stream}"

    def _snapshot_url(self, code: str) -> Any:
        return lambda: f"http://{self.host}:{self.http_port}/{code}/snapshot.jpg"

    async def start(self, host: str, rtsp_port: int, http_port: int, *, warm: bool = False) -> None:
        """Listen; OSError where a port is taken."""
        self.host = host
        self.rtsp_port = await self.rtsp.start(host, rtsp_port)
        config = uvicorn.Config(
            self.app, host=host, port=http_port, log_level="warning", access_log=False, lifespan="off",
            timeout_keep_alive=75,
        )  # fmt: skip
        self._uvicorn = uvicorn.Server(config)
        self._uvicorn.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]  # no hook for it
        self._serving = asyncio.create_task(self._uvicorn.serve())
        while not self._uvicorn.started:
            if self._serving.done():
                with contextlib.suppress(SystemExit):
                    self._serving.result()
                raise OSError(f"cameras could not listen on {host}:{http_port}")
            await asyncio.sleep(0.01)
        self.http_port = int(self._uvicorn.servers[0].sockets[0].getsockname()[1])
        await self.studio.start(warm=warm)

    async def stop(self) -> None:
        await self.rtsp.stop()
        await self.studio.stop()
        if self._uvicorn is not None and self._serving is not None:
            self._uvicorn.should_exit = True
            self._uvicorn.force_exit = True
            await asyncio.gather(self._serving, return_exceptions=True)

    # -- as a camera ---------------------------------------------------------------------------------------

    async def _onvif(self, request: Request) -> Response:
        device = self._devices.get(request.path_params["code"])
        if device is None or device.source.knobs.off:
            return Response(status_code=404 if device is None else 503)
        data = await request.body()
        if len(data) > MAX_REQUEST:
            return Response(status_code=413)
        base = f"{request.url.scheme}://{request.url.netloc}/{device.source.code}/onvif"
        status, text = device.answer(data, base)
        return Response(text, status, media_type="application/soap+xml; charset=utf-8")

    async def _snapshot(self, request: Request) -> Response:
        source = self.studio.sources.get(request.path_params["code"])
        if source is None or source.knobs.off:
            return Response(status_code=404 if source is None else 503)
        verdict = self._digest.check("GET", request.headers.get("authorization", ""))
        if not verdict:
            challenge = self._digest.challenge(stale=verdict is None)
            return Response(status_code=401, headers={"www-authenticate": challenge})
        try:
            return Response(await self.studio.photograph(source.code), media_type="image/jpeg")
        except CrewError as error:
            return Response(str(error), 503)

    # -- control -------------------------------------------------------------------------------------------

    def _refused(self, request: Request) -> Response | None:
        given = request.headers.get("authorization", "")
        if hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode()):
            return None
        return JSONResponse({"error": "unauthorized"}, 401)

    async def _status(self, request: Request) -> Response:
        return self._refused(request) or JSONResponse(self.view())

    def view(self) -> dict[str, Any]:
        """Everything that can be seen of the cameras."""
        studio = self.studio
        cameras = []
        for source in studio.sources.values():
            now = source.head.true(studio.clock())
            cameras.append({
                "code": source.code, "name": source.filmer.name, "name_en": source.filmer.name_en,
                "kind": source.filmer.kind, "pan": now.pan, "tilt": now.tilt, "zoom": now.zoom, "moving": now.moving,
                "viewers": {s: len(sinks) for s, sinks in source.sinks.items()}, "knobs": source.knobs.turned,
            })  # fmt: skip
        return {
            "simulated": True, "cameras": cameras, "fires": {k: msgspec.to_builtins(f) for k, f in studio.fires.items()},
            "light_s": studio.light_s, "problem": studio.problem, "rtsp": dict(self.rtsp.counters),
            "sessions": len(self.rtsp.sessions),
            "crew": {
                "running": studio.crew.running, "taken": studio.crew.taken, "cpu_s": round(studio.crew.cpu_s, 3),
                "renderer": studio.crew.ready.renderer if studio.crew.ready else None,
            },
            "first_picture_s": studio.first_picture_s,
        }  # fmt: skip

    async def _knobs(self, request: Request) -> Response:
        if (refused := self._refused(request)) is not None:
            return refused
        source = self.studio.sources.get(request.path_params["code"])
        if source is None:
            return JSONResponse({"error": "unknown_camera"}, 404)
        try:
            wanted = await _body(request)
            if wanted.pop("reset", False):
                source.turn_knobs(asdict(type(source.knobs)()))
            source.turn_knobs(wanted)
        except ValueError as error:
            return JSONResponse({"error": "invalid", "detail": str(error)[:300]}, 422)
        if source.knobs.cut or source.knobs.off:
            self.rtsp.drop(source.code)
        return JSONResponse({"code": source.code, "knobs": source.knobs.turned})

    async def _fire(self, request: Request) -> Response:
        if (refused := self._refused(request)) is not None:
            return refused
        key = request.path_params["key"][:64]
        if request.method == "DELETE":
            return JSONResponse({"out": self.studio.put_out(key)})
        try:
            wanted = {"since_s": self.studio.clock(), **await _body(request)}
            fire = msgspec.convert(wanted, Fire)
            if fire.kind not in ("smoke", "flame") or not 0.1 <= fire.size <= 60.0:
                raise ValueError("kind is smoke or flame, size 0.1 to 60 m")
            if not (abs(fire.lon) <= 180 and abs(fire.lat) <= 90 and abs(fire.height) <= 1000):
                raise ValueError("no place on earth")
            self.studio.light_fire(key, fire)
        except ValueError as error:  # msgspec's errors are ValueErrors, too
            return JSONResponse({"error": "invalid", "detail": str(error)[:300]}, 422)
        return JSONResponse({"key": key, **msgspec.to_builtins(fire)})

    async def _light(self, request: Request) -> Response:
        """``{"at": seconds of UTC}`` lights the park as at that moment; ``{"at": null}`` as now."""
        if (refused := self._refused(request)) is not None:
            return refused
        try:
            at = (await _body(request)).get("at")
            if at is not None and not 0.0 <= float(at) <= 1e11:
                raise ValueError("at is seconds since 1970")
            self.studio.light_s = None if at is None else float(at)
        except (ValueError, TypeError) as error:
            return JSONResponse({"error": "invalid", "detail": str(error)[:300]}, 422)
        return JSONResponse({"light_s": self.studio.light_s})


async def _body(request: Request) -> dict[str, Any]:
    data = await request.body()
    if len(data) > MAX_BODY:
        raise ValueError("body too long")
    wanted = json.loads(data) if data else {}
    if not isinstance(wanted, dict):
        raise ValueError("an object is wanted")
    return wanted
