"""Routes of camera links: thin."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from parksight.gateways.cameras.links import CameraLinks
from parksight.gateways.cameras.schemas import CameraLinkIn, CameraLinkOut, CameraLinksDone, CameraLinksIn
from parksight.kernel.permissions import Caller
from parksight.kernel.web import Page, Paging, ReadSession, RowId, WriteSession, paging, requires, service

router = APIRouter(prefix="/api/v1", tags=["cameras"], generate_unique_id_function=lambda route: route.name)

MayRead = Annotated[Caller, requires("cameras.link.read")]
MayWrite = Annotated[Caller, requires("cameras.link.write")]
Links = Annotated[CameraLinks, Depends(service("camera_links"))]


@router.get("/camera-links")
def list_camera_links(
    caller: MayRead, session: ReadSession, links: Links, page: Annotated[Paging, Depends(paging)]
) -> Page[CameraLinkOut]:
    """How the cameras are reached, without secrets."""
    items, total = links.all(session, caller, page.limit, page.offset)
    return Page(items=items, total=total, limit=page.limit, offset=page.offset)


@router.put("/camera-links")
def put_camera_links(
    data: CameraLinksIn, caller: MayWrite, session: WriteSession, links: Links
) -> CameraLinksDone:
    """Enter links by camera code, all or none; what is there is replaced."""
    return links.put_many(session, caller, data.links)


@router.get("/cameras/{camera_id}/link")
def get_camera_link(camera_id: RowId, caller: MayRead, session: ReadSession, links: Links) -> CameraLinkOut:
    """How one camera is reached, without its secret."""
    return links.one(session, caller, camera_id)


@router.put("/cameras/{camera_id}/link")
def put_camera_link(
    camera_id: RowId, data: CameraLinkIn, caller: MayWrite, session: WriteSession, links: Links
) -> CameraLinkOut:
    """Enter or replace how a camera is reached."""
    return links.put(session, caller, camera_id, data)


@router.delete("/cameras/{camera_id}/link", status_code=204)
def delete_camera_link(camera_id: RowId, caller: MayWrite, session: WriteSession, links: Links) -> Response:
    """Forget how a camera is reached; its streams end."""
    links.delete(session, caller, camera_id)
    return Response(status_code=204)
