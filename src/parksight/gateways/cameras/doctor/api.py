"""``POST /api/v1/cameras/{id}/doctor``: examine a camera now."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from parksight.gateways.cameras.doctor import head, video
from parksight.gateways.cameras.doctor.checks import Check, Verdict, fail, ok, unknown
from parksight.gateways.cameras.gateway import CamerasGateway, Link
from parksight.gateways.cameras.protocols import CameraError, Stream
from parksight.gateways.cameras.ptz.api import HeadsDep, SeenCamera
from parksight.gateways.cameras.ptz.heads import Heads
from parksight.gateways.cameras.rtsp.session import Target
from parksight.kernel.errors import ProblemError, not_found
from parksight.kernel.i18n import has, language_of, translate
from parksight.kernel.permissions import Caller
from parksight.kernel.web import requires

router = APIRouter(
    prefix="/api/v1/cameras", tags=["cameras"], generate_unique_id_function=lambda route: route.name
)
#: Examinations at a time; each plays a stream for some seconds.
MOST = 4


class CameraCheckOut(BaseModel):
    """One step: ``detail`` is the evidence, ``action`` what to do about it."""

    check: str
    verdict: Verdict
    title: str
    detail: str
    action: str | None
    params: dict[str, object]


class CameraDoctorOut(BaseModel):
    """``cause`` is the first step that failed; None where everything that was looked at is well."""

    camera_id: int
    cause: str | None
    checks: list[CameraCheckOut]


def cameras_gateway(request: Request) -> CamerasGateway:
    found: CamerasGateway | None = request.app.state.gateways.manager.get(CamerasGateway.name)
    if found is None:
        raise not_found("gateways.gateway", CamerasGateway.name)
    return found


_busy = asyncio.Semaphore(MOST)


@router.post("/{camera_id}/doctor")
async def examine_camera(
    camera_id: SeenCamera, _caller: Annotated[Caller, requires("cameras.video.read")], request: Request,
    heads: HeadsDep, gateway: Annotated[CamerasGateway, Depends(cameras_gateway)], stream: Stream = "main",
) -> CameraDoctorOut:  # fmt: skip
    """Why there is no picture: name, port, sign-in, stream, codec, transport, packets, key picture, clock, position."""
    if _busy.locked():
        raise ProblemError("gateways.cameras.doctor_busy", HTTPStatus.TOO_MANY_REQUESTS, {"most": MOST})
    async with _busy:
        checks = await examine(camera_id, stream, heads, gateway)
    language = language_of(request)
    cause = next((c.name for c in checks if c.verdict == "fail"), None)
    return CameraDoctorOut(camera_id=camera_id, cause=cause, checks=[shown(c, language) for c in checks])


async def examine(
    camera_id: int, stream: Stream, heads: Heads, gateway: CamerasGateway, patience: video.Patience | None = None
) -> list[Check]:  # fmt: skip
    """All steps: the link, the way of the picture, the way to the head."""
    try:
        link = gateway.link(camera_id)
    except CameraError as error:
        found = [fail("link", error.reason, detail=error.detail)]
        return [*found, *(unknown(n) for n in (*video.STEPS, *head.STEPS))]
    looked = asyncio.create_task(head.examine(heads.mounted(camera_id), link.protocol))
    try:
        return [
            ok("link", protocol=link.protocol),
            *await _video(link, stream, heads, patience),
            *await looked,
        ]
    finally:
        looked.cancel()


async def _video(
    link: Link, stream: Stream, heads: Heads, patience: video.Patience | None
) -> list[Check]:  # fmt: skip
    url, detail = link.url(stream), ""
    if url is None:
        try:
            url = await heads.stream_uri(link.camera_id, stream)
        except CameraError as error:
            detail = f"{error.reason} {error.detail}".strip()
    if url is None:
        if link.protocol == "gb28181":
            return [unknown(n, "none") for n in video.STEPS]
        return [fail("name", "no_address", detail=detail), *(unknown(n) for n in video.STEPS[1:])]
    target = Target(url, link.username, link.password, link.options.transport)
    return await video.examine(target, heads.clock, patience or video.Patience())


def shown(check: Check, language: str) -> CameraCheckOut:
    """A step in the reader's language."""
    key = f"gateways.cameras.check.{check.name}"
    text = f"{key}.{check.variant}"
    if not has(text):  # a reason that any step may end with
        text = f"gateways.cameras.check.any.{check.variant}"
    if not has(text):
        text = "gateways.cameras.check.any.fail"
    params = {**check.params, "reason": check.variant}
    return CameraCheckOut(
        check=check.name, verdict=check.verdict, title=translate(key, language),
        detail=translate(text, language, **params),
        action=translate(f"{text}.action", language, **params) if has(f"{text}.action") else None,
        params=check.params,
    )  # fmt: skip
