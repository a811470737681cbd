"""Routes of video: the WebSocket of pictures, snapshots, and how the streams are."""

from __future__ import annotations

import asyncio
import contextlib
from http import HTTPStatus
from typing import Annotated, Literal

import structlog
from fastapi import APIRouter, Depends, Query, Request, Response, WebSocket
from starlette.websockets import WebSocketDisconnect, WebSocketState

from parksight.gateways.cameras.gateway import CamerasGateway
from parksight.gateways.cameras.links import camera
from parksight.gateways.cameras.protocols import AccessUnit, CameraError, Stream
from parksight.gateways.cameras.schemas import CameraVideoStatus, StreamStatus
from parksight.gateways.cameras.video.relay import Relay
from parksight.gateways.cameras.video.viewer import Viewer, words
from parksight.kernel.db import Database
from parksight.kernel.errors import ProblemError
from parksight.kernel.i18n import language_of
from parksight.kernel.identity.callers import caller_from_connection
from parksight.kernel.permissions import Caller
from parksight.kernel.web import ReadSession, RowId, database, requires

log = structlog.get_logger(__name__)
router = APIRouter(
    prefix="/api/v1/cameras", tags=["cameras"], generate_unique_id_function=lambda route: route.name
)

PERMISSION = "cameras.video.read"
#: RFC 6455 7.4 and, from 4000, our own as in the live WebSocket.
SIGNED_OUT, FORBIDDEN, NOT_FOUND, TRY_LATER = 4401, 4403, 4404, 1013
#: How often session, rights and scope of a viewer are looked at again, s.
RECHECK_S = 5.0

MayWatch = Annotated[Caller, requires(PERMISSION)]


def cameras_gateway(request: Request) -> CamerasGateway:
    found: CamerasGateway | None = request.app.state.gateways.manager.get("cameras")
    if found is None:
        raise ProblemError("gateways.cameras.error.stopped", HTTPStatus.SERVICE_UNAVAILABLE)
    return found


Gateway = Annotated[CamerasGateway, Depends(cameras_gateway)]


def problem(error: CameraError) -> ProblemError:
    """A camera's refusal as an answer."""
    status = {
        "no_link": HTTPStatus.NOT_FOUND, "disabled": HTTPStatus.CONFLICT, "stopped": HTTPStatus.SERVICE_UNAVAILABLE,
        "snapshots_busy": HTTPStatus.SERVICE_UNAVAILABLE, "too_many_streams": HTTPStatus.SERVICE_UNAVAILABLE,
    }.get(error.reason, HTTPStatus.BAD_GATEWAY)  # fmt: skip
    return ProblemError(f"gateways.cameras.error.{error.reason}", status, {"detail": error.detail})


@router.websocket("/{camera_id}/video")
async def video(
    websocket: WebSocket, camera_id: int, stream: Stream = "main", form: Literal["mse", "raw"] = "mse"
) -> None:
    """Pictures as ``wire.py`` says. The kernel has checked origin and session before this runs."""
    caller: Caller | None = getattr(websocket.state, "caller", None)
    await websocket.accept()
    if caller is None:
        await websocket.close(SIGNED_OUT, "not signed in")
        return
    if not caller.may(PERMISSION):
        await websocket.close(FORBIDDEN, PERMISSION)
        return
    if not await asyncio.to_thread(_visible, websocket.app.state.db, caller, camera_id):
        await websocket.close(NOT_FOUND, "no such camera")
        return
    gateway: CamerasGateway | None = websocket.app.state.gateways.manager.get("cameras")
    settings = gateway.settings if gateway else None
    if gateway is None or settings is None:
        await websocket.close(TRY_LATER, "video is switched off")
        return
    viewer = Viewer(form, settings.queue_kb * 1024, settings.queue_pictures, language_of(websocket))
    await gateway.settled()
    try:
        relay = gateway.relay(camera_id, stream)
    except CameraError as error:
        viewer.state({"state": "lost", "reason": error.reason, "detail": error.detail})
        message = await viewer.next()
        assert message is not None
        await websocket.send_bytes(message)
        await websocket.close(TRY_LATER, error.reason)
        return
    if not gateway.admit(relay, viewer):
        await websocket.close(TRY_LATER, "too many viewers")
        return
    with gateway.watched(camera_id):
        await _serve(websocket, relay, viewer, caller)


async def _serve(websocket: WebSocket, relay: Relay, viewer: Viewer, caller: Caller) -> None:
    tasks = [
        asyncio.create_task(_send(websocket, viewer)),
        asyncio.create_task(_receive(websocket)),
        asyncio.create_task(_watch(websocket, relay.camera_id, viewer)),
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        relay.leave(viewer)
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception) and not isinstance(result, WebSocketDisconnect | OSError):
                log.error("video_viewer_failed", error=repr(result), caller=caller.id)
        if websocket.client_state is WebSocketState.CONNECTED:
            code, reason = viewer.closed or (1011, "internal error")
            with contextlib.suppress(RuntimeError, OSError):
                await websocket.close(code, reason)


async def _send(websocket: WebSocket, viewer: Viewer) -> None:
    while (message := await viewer.next()) is not None:
        await websocket.send({"type": "websocket.send", "bytes": message})


async def _receive(websocket: WebSocket) -> None:
    """Viewers have nothing to say; what they say ends at once with them."""
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass


async def _watch(websocket: WebSocket, camera_id: int, viewer: Viewer) -> None:
    """End with the session, the right, or the camera's move to another owner."""
    while True:
        await asyncio.sleep(RECHECK_S)
        try:
            caller = await asyncio.to_thread(caller_from_connection, websocket)
        except ProblemError:  # a token that was revoked
            caller = None
        if caller is None:
            viewer.close(SIGNED_OUT, "session ended")
        elif not caller.may(PERMISSION):
            viewer.close(FORBIDDEN, PERMISSION)
        elif not await asyncio.to_thread(_visible, websocket.app.state.db, caller, camera_id):
            viewer.close(NOT_FOUND, "no such camera")
        else:
            continue
        return


def _visible(db: Database, caller: Caller, camera_id: int) -> bool:
    with db.read() as session:
        try:
            camera(session, caller, camera_id)
        except ProblemError:
            return False
    return True


@router.get("/{camera_id}/video/status")
def get_camera_video_status(
    camera_id: RowId, caller: MayWatch, session: ReadSession, gateway: Gateway, request: Request
) -> CameraVideoStatus:
    """How the camera's streams are now."""
    camera(session, caller, camera_id)
    link = gateway.linked(camera_id)
    language = language_of(request)
    streams = [
        StreamStatus(**{**f, **words(f, language)})
        for f in (r.figures() for r in gateway.relays_of(camera_id))
    ]
    return CameraVideoStatus(
        camera_id=camera_id, linked=link is not None, enabled=link is not None and link.enabled,
        simulated=link is not None and link.simulated, streams=streams,
    )  # fmt: skip


@router.get(
    "/{camera_id}/snapshot", response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}, "description": "X-Captured-At: when it was taken, ms"}},
)  # fmt: skip
async def get_camera_snapshot(
    camera_id: RowId,
    caller: MayWatch,
    request: Request,
    gateway: Gateway,
    stream: Stream = "main",
    width: Annotated[int | None, Query(ge=64, le=8192, description="scaled down to this width")] = None,
) -> Response:
    """The newest picture as a JPEG; opens the stream for a moment where nobody looks."""
    db = database(request)

    def check() -> None:
        with db.read() as session:
            camera(session, caller, camera_id)

    await asyncio.to_thread(check)
    await gateway.settled()
    try:
        relay = gateway.relay(camera_id, stream)
        group = relay.group or await _first(relay, gateway.settings.snapshot_wait_s)
        data = await gateway.snapshots.take(group, width)
    except CameraError as error:
        raise problem(error) from error
    newest = group[-1]
    headers = {
        "X-Captured-At": str(round(newest.wall_ms)), "X-Captured-Exact": str(newest.wall_exact).lower(),
        "X-Simulated": str(relay.simulated).lower(), "Cache-Control": "no-store",
    }  # fmt: skip
    return Response(data, media_type="image/jpeg", headers=headers)


async def _first(relay: Relay, patience_s: float) -> tuple[AccessUnit, ...]:
    """Open the stream and wait for its first key picture."""
    came = asyncio.Event()
    end = relay.subscribe(lambda _unit: came.set())
    try:
        async with asyncio.timeout(patience_s):
            await came.wait()
    except TimeoutError:
        error = relay.source.state.error
        raise error or CameraError("no_picture", f"within {patience_s:g} s") from None
    finally:
        end()
    return relay.group
