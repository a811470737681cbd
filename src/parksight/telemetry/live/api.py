"""The WebSocket ``/api/v1/live``; see docs/developer/house-rules.md for its messages."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
import structlog
from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect, WebSocketState

from parksight.kernel.errors import ProblemError
from parksight.kernel.identity.callers import caller_from_connection
from parksight.kernel.permissions import Caller
from parksight.telemetry.live.client import LiveClient
from parksight.telemetry.live.hub import LiveHub, encode

log = structlog.get_logger(__name__)
router = APIRouter(tags=["live"])

PERMISSION = "telemetry.point.read"
#: Longest message a client may send, characters: 5,000 ten-digit ids take 55,000.
MAX_MESSAGE = 256 * 1024
#: Messages a client may send per second on average, and at once.
MESSAGE_RATE, MESSAGE_BURST = 10.0, 60.0
# RFC 6455 7.4: 1008 policy, 1009 too big, 1013 try again later; 4401 and 4403 are ours (4000-4999 private use).
SIGNED_OUT, FORBIDDEN, POLICY, TOO_BIG, TRY_LATER = 4401, 4403, 1008, 1009, 1013

_Id = Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)]
_Name = Annotated[str, msgspec.Meta(max_length=40)]


class Request(msgspec.Struct):
    """What a client may say."""

    op: Literal["subscribe", "unsubscribe"]
    points: Annotated[list[_Id], msgspec.Meta(max_length=20_000)] = []
    topics: Annotated[list[_Name], msgspec.Meta(max_length=100)] = []


_DECODER = msgspec.json.Decoder(Request)


@router.websocket("/api/v1/live")
async def live(websocket: WebSocket) -> None:
    """Live values and topics. The kernel has checked origin and session before this runs."""
    hub: LiveHub = websocket.app.state.live_hub
    caller: Caller | None = getattr(websocket.state, "caller", None)
    await websocket.accept()
    if caller is None:
        await websocket.close(SIGNED_OUT, "not signed in")
        return
    if not caller.may(PERMISSION):
        await websocket.close(FORBIDDEN, PERMISSION)
        return
    client = hub.join(caller)
    if client is None:
        await websocket.close(TRY_LATER, "too many live clients")
        return
    client.answer(
        encode(
            {
                "op": "hello",
                "server_ms": hub.clock.now_ms(),
                "tick_ms": hub.settings.tick_ms,
                "limits": {
                    "points": hub.settings.max_points_per_client,
                    "clients": hub.settings.max_clients,
                    "message": MAX_MESSAGE,
                },
            }
        )
    )
    tasks = [
        asyncio.create_task(_send(websocket, hub, client)),
        asyncio.create_task(_receive(websocket, hub, client)),
        asyncio.create_task(_watch(websocket, hub, client)),
        asyncio.create_task(client.ended.wait()),
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        hub.leave(client)
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception) and not isinstance(result, WebSocketDisconnect | OSError):
                log.error("live_client_failed", error=repr(result))
        if websocket.client_state is WebSocketState.CONNECTED:
            code, reason = client.closed or (1011, "internal error")
            with contextlib.suppress(RuntimeError, OSError):
                await websocket.close(code, reason)


async def _send(websocket: WebSocket, hub: LiveHub, client: LiveClient) -> None:
    while True:
        text = await client.next()
        if text is not None:
            await websocket.send({"type": "websocket.send", "text": text})
        elif client.closed is not None:
            return
        else:
            ids, topics = client.take_owed()
            for message in (*topics, *([hub.values(ids)] if len(ids) else ())):
                client.sent += 1
                await websocket.send({"type": "websocket.send", "text": message})


async def _receive(websocket: WebSocket, hub: LiveHub, client: LiveClient) -> None:
    tokens, at = MESSAGE_BURST, hub.clock.monotonic()
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return
        data: Any = message.get("text") or message.get("bytes") or ""
        now = hub.clock.monotonic()
        tokens, at = min(MESSAGE_BURST, tokens + (now - at) * MESSAGE_RATE) - 1.0, now
        if tokens < 0:
            hub.counters["closed_for_rate"] += 1
            client.close(POLICY, "too many messages")
            return
        if len(data) > MAX_MESSAGE:
            client.close(TOO_BIG, f"messages may have {MAX_MESSAGE} characters")
            return
        try:
            request = _DECODER.decode(data)
        except msgspec.DecodeError as error:
            hub.counters["bad_messages"] += 1
            client.answer(encode({"op": "error", "code": "telemetry.live.bad_message", "detail": str(error)}))
            continue
        await _obey(hub, client, request)


async def _obey(hub: LiveHub, client: LiveClient, request: Request) -> None:
    if request.op == "unsubscribe":
        hub.unsubscribe(client, request.points, request.topics)
        client.answer(encode({"op": "unsubscribed", "points": request.points, "topics": request.topics}))
        return
    await hub.refresh()
    points, refused, topics, refused_topics = hub.subscribe(client, request.points, request.topics)
    client.answer(
        encode(
            {"op": "subscribed", "points": points, "refused": refused, "topics": topics,
             "refused_topics": refused_topics}
        )
    )  # fmt: skip
    if points:
        client.answer(hub.values(np.array(points, np.int32)))


async def _watch(websocket: WebSocket, hub: LiveHub, client: LiveClient) -> None:
    """End with the session; follow changes of rights."""
    while True:
        await asyncio.sleep(hub.recheck_s)
        try:
            caller = await asyncio.to_thread(caller_from_connection, websocket)
        except ProblemError:  # a token that was revoked
            caller = None
        if caller is None:
            client.close(SIGNED_OUT, "session ended")
            return
        if not caller.may(PERMISSION):
            client.close(FORBIDDEN, PERMISSION)
            return
        if caller != client.caller:
            hub.rescope(client, caller)
