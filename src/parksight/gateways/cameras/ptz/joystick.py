"""The joystick's WebSocket: speeds in, and a stop in every case.

``/api/v1/cameras/{id}/ptz/joystick``. Client: ``{"pan": -1..1, "tilt": -1..1, "zoom": -1..1}`` at most 40 times a second,
renewed within 600 ms while it is held; all zero, ``{}`` or closing: stop. Server: ``{"op":"hello","renew_ms":600}``, then
``{"op":"pose",…}`` ten times a second while it drags, ``{"op":"error","code":…}`` where a speed was refused.
A WebSocket and not only POST, because its end is noticed at once: a lost tab must not leave a head turning.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from typing import Annotated, Any

import msgspec
from fastapi import WebSocket
from sqlalchemy import select
from starlette.websockets import WebSocketState

from parksight.gateways.cameras.protocols import CameraError
from parksight.gateways.cameras.ptz.heads import Heads, Mount
from parksight.kernel.errors import ProblemError
from parksight.kernel.identity.callers import caller_from_connection
from parksight.kernel.permissions import Caller
from parksight.registry.models import Camera

PERMISSION = "cameras.ptz.control"
#: RFC 6455 7.4 and, from 4000, our own as in the live WebSocket.
SIGNED_OUT, FORBIDDEN, NOT_FOUND, POLICY, TRY_LATER = 4401, 4403, 4404, 1008, 1013
MAX_MESSAGE = 512
#: How often session and rights are looked at again, s.
RECHECK_S = 5.0

_Unit = Annotated[float, msgspec.Meta(ge=-1, le=1)]


class _Speed(msgspec.Struct):
    pan: _Unit = 0.0
    tilt: _Unit = 0.0
    zoom: _Unit = 0.0


_DECODER = msgspec.json.Decoder(_Speed)


async def joystick(websocket: WebSocket, camera_id: int, heads: Heads) -> None:
    """Serve one joystick. The kernel has checked origin and session before this runs."""
    caller: Caller | None = getattr(websocket.state, "caller", None)
    await websocket.accept()
    if caller is None:
        await websocket.close(SIGNED_OUT, "not signed in")
        return
    if not caller.may(PERMISSION):
        await websocket.close(FORBIDDEN, PERMISSION)
        return
    mount = heads.mounted(camera_id)
    if mount is None or not await asyncio.to_thread(_visible, websocket, caller, camera_id):
        await websocket.close(NOT_FOUND, "no such head")
        return
    if heads.joysticks >= heads.limits.joysticks:
        await websocket.close(TRY_LATER, "too many joysticks")
        return
    heads.joysticks += 1
    session = secrets.token_hex(8)
    try:
        await _serve(websocket, heads, mount, caller, session)
    finally:
        heads.joysticks -= 1
        await mount.control.lost(session, "connection_lost")


def _visible(websocket: WebSocket, caller: Caller, camera_id: int) -> bool:
    with websocket.app.state.db.read() as session:
        query = caller.scoped(select(Camera.id).where(Camera.id == camera_id), Camera.enterprise_id)
        return session.scalar(query) is not None


async def _serve(websocket: WebSocket, heads: Heads, mount: Mount, caller: Caller, session: str) -> None:
    await _tell(websocket, {"op": "hello", "renew_ms": heads.limits.dead_man_ms})
    tasks = [
        asyncio.create_task(_receive(websocket, heads, mount, caller, session)),
        asyncio.create_task(_watch(websocket)),
        asyncio.create_task(_pose(websocket, mount, session)),
    ]
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    # Before anything else: whatever ended it, the head stands still.
    await mount.control.lost(session, "session_lost" if tasks[1] in done else "connection_lost")
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    if websocket.client_state is WebSocketState.CONNECTED:
        code, reason = next((t.result() for t in done if t.exception() is None), (1011, "internal error"))
        with contextlib.suppress(RuntimeError, OSError):
            await websocket.close(code, reason)


async def _receive(
    websocket: WebSocket, heads: Heads, mount: Mount, caller: Caller, session: str
) -> tuple[int, str]:  # fmt: skip
    clock, rate = heads.clock, heads.limits.joystick_rate
    tokens, at = rate, clock.monotonic()
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return 1000, ""
        data: Any = message.get("text") or message.get("bytes") or "{}"
        now = clock.monotonic()
        tokens, at = min(rate, tokens + (now - at) * rate) - 1.0, now
        if tokens < 0 or len(data) > MAX_MESSAGE:
            heads.counters["joystick_closed"] += 1
            return POLICY, "too many or too long messages"
        try:
            wanted = _DECODER.decode(data)
            await mount.control.continuous(caller, session, (wanted.pan, wanted.tilt, wanted.zoom))
        except msgspec.DecodeError as error:
            await _tell(websocket, {"op": "error", "code": "bad_message", "detail": str(error)[:200]})
        except ProblemError as problem:
            await _tell(websocket, {"op": "error", "code": problem.code, "params": problem.params})
        except CameraError as error:
            code = f"gateways.cameras.error.{error.reason}"
            await _tell(websocket, {"op": "error", "code": code, "detail": error.detail})


async def _watch(websocket: WebSocket) -> tuple[int, str]:
    """End with the session or the right."""
    while True:
        await asyncio.sleep(RECHECK_S)
        try:
            caller = await asyncio.to_thread(caller_from_connection, websocket)
        except ProblemError:  # a token that was revoked
            caller = None
        if caller is None:
            return SIGNED_OUT, "session ended"
        if not caller.may(PERMISSION):
            return FORBIDDEN, PERMISSION


async def _pose(websocket: WebSocket, mount: Mount, session: str) -> tuple[int, str]:
    while True:
        await asyncio.sleep(0.1)
        drag, at = mount.control.drag, mount.head.now()
        if drag is not None and drag.session == session and at is not None:
            await _tell(
                websocket, {"op": "pose", "pan": at.pan, "tilt": at.tilt, "zoom": at.zoom, "at_ms": at.at_ms}
            )


async def _tell(websocket: WebSocket, content: dict[str, Any]) -> None:
    await websocket.send({"type": "websocket.send", "text": msgspec.json.encode(content).decode()})
