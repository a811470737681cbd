"""Routes of heads: thin. Who may see the video sees where the head points; who may turn it turns it."""

from __future__ import annotations

from collections.abc import Awaitable
from http import HTTPStatus
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Path, Request, Response, WebSocket
from sqlalchemy import select
from starlette.requests import HTTPConnection

from parksight.gateways.cameras.protocols import CameraError
from parksight.gateways.cameras.ptz import aiming, joystick
from parksight.gateways.cameras.ptz.heads import Heads, Mount
from parksight.gateways.cameras.ptz.models import CameraTour
from parksight.gateways.cameras.ptz.schemas import (
    PtzAbsoluteIn,
    PtzAimOut,
    PtzBoxIn,
    PtzCentreIn,
    PtzLockIn,
    PtzLockOut,
    PtzPose,
    PtzPresetIn,
    PtzPresetOut,
    PtzSpeedIn,
    PtzStateOut,
    PtzTourIn,
    PtzTourOut,
    PtzTourPatch,
    TourStep,
)
from parksight.gateways.cameras.ptz.tour_records import TourRecords
from parksight.gateways.cameras.ptz.views import lock_out, state_out
from parksight.kernel.db import Database
from parksight.kernel.errors import ProblemError, conflict, not_found
from parksight.kernel.permissions import Caller
from parksight.kernel.web import ReadSession, RowId, WriteSession, database, requires
from parksight.registry.models import Camera

router = APIRouter(
    prefix="/api/v1/cameras", tags=["cameras"], generate_unique_id_function=lambda route: route.name
)
T = TypeVar("T")

MayWatch = Annotated[Caller, requires("cameras.video.read")]
MayTurn = Annotated[Caller, requires("cameras.ptz.control")]


def camera_heads(request: HTTPConnection) -> Heads:
    found: Heads | None = request.app.state.gateways.manager.get(Heads.name)
    if found is None:
        raise not_found("gateways.gateway", Heads.name)
    return found


HeadsDep = Annotated[Heads, Depends(camera_heads)]
Token = Annotated[str, Path(min_length=1, max_length=64)]


def camera_in_scope(db: Database, caller: Caller, camera_id: int) -> None:
    """404 for a camera that does not exist or is not this caller's to know of."""
    with db.read() as session:
        query = caller.scoped(select(Camera.id).where(Camera.id == camera_id), Camera.enterprise_id)
        if session.scalar(query) is None:
            raise not_found("registry.camera", camera_id)


def seen_camera(camera_id: RowId, caller: MayWatch, request: Request) -> int:
    camera_in_scope(database(request), caller, camera_id)
    return camera_id


def seen_head(camera_id: Annotated[int, Depends(seen_camera)], heads: HeadsDep) -> Mount:
    mount = heads.mounted(camera_id)
    if mount is None:
        raise ProblemError("gateways.cameras.ptz.no_head", HTTPStatus.NOT_FOUND, {"camera": camera_id})
    return mount


def turned_head(mount: Annotated[Mount, Depends(seen_head)], _caller: MayTurn) -> Mount:
    return mount


SeenCamera = Annotated[int, Depends(seen_camera)]
Seen = Annotated[Mount, Depends(seen_head)]
Turned = Annotated[Mount, Depends(turned_head)]


async def asked(work: Awaitable[T]) -> T:
    """A device's refusal as a problem: 502, for it is the camera's, not the caller's."""
    try:
        return await work
    except CameraError as error:
        raise ProblemError(
            f"gateways.cameras.error.{error.reason}", HTTPStatus.BAD_GATEWAY, {"detail": error.detail}
        ) from error


@router.get("/{camera_id}/ptz")
async def get_ptz(mount: Seen, caller: MayWatch, heads: HeadsDep) -> PtzStateOut:
    """Where the head points, what it can do, who holds it, how its telemetry fares."""
    return state_out(mount, caller, heads.clock.now_ms())


@router.post("/{camera_id}/ptz/absolute", status_code=204)
async def ptz_absolute(data: PtzAbsoluteIn, mount: Turned, caller: MayTurn) -> Response:
    """Turn to a pose, degrees as the camera reports them."""
    await asked(mount.control.absolute(caller, data.pan, data.tilt, data.zoom, data.speed))
    return Response(status_code=204)


@router.post("/{camera_id}/ptz/continuous", status_code=204)
async def ptz_continuous(data: PtzSpeedIn, mount: Turned, caller: MayTurn) -> Response:
    """Turn at a speed; stops by itself unless renewed within 600 ms. All zero: stop. The joystick has a WebSocket."""
    await asked(mount.control.continuous(caller, f"http-{caller.id}", (data.pan, data.tilt, data.zoom)))
    return Response(status_code=204)


@router.post("/{camera_id}/ptz/stop", status_code=204)
async def ptz_stop(mount: Turned, caller: MayTurn) -> Response:
    """Stop now."""
    await asked(mount.control.stop(caller))
    return Response(status_code=204)


@router.post("/{camera_id}/ptz/centre")
async def ptz_centre(data: PtzCentreIn, mount: Turned, caller: MayTurn, heads: HeadsDep) -> PtzAimOut:
    """Bring a clicked point to the middle of the picture."""
    pose = _pose(data.pose, mount)
    aim = aiming.centre(
        heads.model_of(mount.head.camera_id), data.u, data.v, pose.pan, pose.tilt, pose.zoom, data.aspect
    )
    return await _go(mount, caller, aim)


@router.post("/{camera_id}/ptz/box")
async def ptz_box(data: PtzBoxIn, mount: Turned, caller: MayTurn, heads: HeadsDep) -> PtzAimOut:
    """Turn and zoom so that a drawn box fills the picture."""
    pose = _pose(data.pose, mount)
    able = await asked(mount.head.able())
    aim = aiming.box(
        heads.model_of(mount.head.camera_id), (data.u0, data.v0, data.u1, data.v1), pose.pan, pose.tilt, pose.zoom,
        data.aspect, able.zoom,
    )  # fmt: skip
    return await _go(mount, caller, aim)


def _pose(given: PtzPose | None, mount: Mount) -> PtzPose:
    if given is not None:
        return given
    at = mount.head.now()
    if at is None:
        raise conflict("gateways.cameras.ptz.pose_unknown")
    return PtzPose(pan=at.pan, tilt=at.tilt, zoom=at.zoom)


async def _go(mount: Mount, caller: Caller, aim: aiming.Aim) -> PtzAimOut:
    able = await asked(mount.head.able())
    tilt = min(max(aim.tilt, able.tilt[0]), able.tilt[1])
    await asked(mount.control.absolute(caller, aim.pan, tilt, aim.zoom))
    return PtzAimOut(pan=aim.pan, tilt=tilt, zoom=aim.zoom, rough=aim.rough)


@router.post("/{camera_id}/ptz/lock")
async def ptz_lock(data: PtzLockIn, mount: Turned, caller: MayTurn) -> PtzLockOut:
    """Claim the head: nobody else and no automation turns it until the claim ends or is given back."""
    lock = lock_out(
        await mount.control.take(caller, data.minutes, data.reason, takeover=data.takeover), caller
    )
    assert lock is not None
    return lock


@router.delete("/{camera_id}/ptz/lock", status_code=204)
async def ptz_unlock(mount: Turned, caller: MayTurn) -> Response:
    """Give the head back."""
    await mount.control.release(caller)
    return Response(status_code=204)


@router.get("/{camera_id}/ptz/presets")
async def list_ptz_presets(mount: Seen) -> list[PtzPresetOut]:
    """The presets kept in the device."""
    return [PtzPresetOut(token=p.token, name=p.name) for p in await asked(mount.head.device.presets())]


@router.post("/{camera_id}/ptz/presets", status_code=201)
async def set_ptz_preset(data: PtzPresetIn, mount: Turned, caller: MayTurn) -> PtzPresetOut:
    """Keep where the head points now as a preset of the device."""
    token = await asked(mount.control.set_preset(caller, data.name, data.token))
    return PtzPresetOut(token=token, name=data.name)


@router.post("/{camera_id}/ptz/presets/{token}/go", status_code=204)
async def go_ptz_preset(token: Token, mount: Turned, caller: MayTurn) -> Response:
    """Turn to a preset."""
    await asked(mount.control.go_preset(caller, token))
    return Response(status_code=204)


@router.delete("/{camera_id}/ptz/presets/{token}", status_code=204)
async def delete_ptz_preset(token: Token, mount: Turned, caller: MayTurn) -> Response:
    """Remove a preset from the device."""
    await asked(mount.control.remove_preset(caller, token))
    return Response(status_code=204)


def _records(heads: HeadsDep) -> TourRecords:
    return TourRecords(heads.clock, heads.limits.tours_per_camera)


Records = Annotated[TourRecords, Depends(_records)]


def _tour_out(row: CameraTour, mount: Mount | None) -> PtzTourOut:
    running = mount is not None and mount.tour is not None and mount.tour.tour_id == row.id
    steps = [TourStep.model_validate(s) for s in row.steps]
    return PtzTourOut(id=row.id, name=row.name, steps=steps, version=row.version, running=running)


@router.get("/{camera_id}/ptz/tours")
def list_ptz_tours(
    camera_id: SeenCamera, session: ReadSession, records: Records, heads: HeadsDep
) -> list[PtzTourOut]:
    """Patrol tours of the camera."""
    return [_tour_out(r, heads.mounted(camera_id)) for r in records.all(session, camera_id)]


@router.post("/{camera_id}/ptz/tours", status_code=201)
def create_ptz_tour(
    data: PtzTourIn, camera_id: SeenCamera, caller: MayTurn, session: WriteSession, records: Records
) -> PtzTourOut:
    """Keep a tour: looks with their stay."""
    return _tour_out(records.create(session, caller, camera_id, data), None)


@router.put("/{camera_id}/ptz/tours/{tour_id}")
def update_ptz_tour(
    tour_id: RowId, data: PtzTourPatch, camera_id: SeenCamera, caller: MayTurn, session: WriteSession,
    records: Records, heads: HeadsDep,
) -> PtzTourOut:  # fmt: skip
    """Change a tour; one under way goes on as it was until it is started again."""
    return _tour_out(records.update(session, caller, camera_id, tour_id, data), heads.mounted(camera_id))


@router.delete("/{camera_id}/ptz/tours/{tour_id}", status_code=204)
def delete_ptz_tour(
    tour_id: RowId, camera_id: SeenCamera, caller: MayTurn, session: WriteSession, records: Records, heads: HeadsDep
) -> Response:  # fmt: skip
    """Remove a tour that is not under way."""
    mount = heads.mounted(camera_id)
    if mount is not None and mount.tour is not None and mount.tour.tour_id == tour_id:
        raise conflict("gateways.cameras.tour.running")
    records.delete(session, caller, camera_id, tour_id)
    return Response(status_code=204)


def stored_tour(tour_id: RowId, camera_id: SeenCamera, session: ReadSession, records: Records) -> CameraTour:
    row = records.one(session, camera_id, tour_id)
    session.expunge(row)
    return row


@router.post("/{camera_id}/ptz/tours/{tour_id}/start", status_code=204)
async def start_ptz_tour(
    row: Annotated[CameraTour, Depends(stored_tour)], mount: Turned, caller: MayTurn, heads: HeadsDep
) -> Response:
    """Begin a tour; it gives way to operators and alarms and goes on afterwards."""
    steps = [TourStep.model_validate(s) for s in row.steps]
    await heads.begin_tour(mount, caller, row.id, row.name, steps)
    return Response(status_code=204)


@router.post("/{camera_id}/ptz/tour/stop", status_code=204)
async def stop_ptz_tour(mount: Turned, caller: MayTurn, heads: HeadsDep) -> Response:
    """End the tour that is under way."""
    mount.control.check(caller)
    await heads.end_tour(mount, caller)
    return Response(status_code=204)


@router.websocket("/{camera_id}/ptz/joystick")
async def ptz_joystick(websocket: WebSocket, camera_id: int, heads: HeadsDep) -> None:
    await joystick.joystick(websocket, camera_id, heads)
