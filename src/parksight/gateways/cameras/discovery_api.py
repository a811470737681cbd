"""``POST /api/v1/camera-discovery``: look for ONVIF devices on the local network, now and only now."""

from __future__ import annotations

import asyncio
import ipaddress
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, field_validator
from sqlalchemy import select

from parksight.gateways.cameras import discovery
from parksight.gateways.cameras.models import CameraLink
from parksight.kernel import audit
from parksight.kernel.db import Database
from parksight.kernel.errors import ProblemError, forbidden
from parksight.kernel.permissions import Caller
from parksight.kernel.web import database, requires

router = APIRouter(prefix="/api/v1", tags=["cameras"], generate_unique_id_function=lambda route: route.name)
_busy = asyncio.Lock()


class CameraDiscoveryIn(BaseModel):
    """``interface``: the platform's own address on the network to ask, where it has several."""

    model_config = ConfigDict(extra="forbid")

    seconds: Annotated[float, Field(ge=0.5, le=discovery.MAX_SECONDS)] = 3.0
    interface: str | None = None

    @field_validator("interface")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        return str(ipaddress.IPv4Address(value)) if value is not None else None


class FoundCameraOut(BaseModel):
    """What a device said of itself; ``linked`` are the cameras whose link has this address."""

    address: str
    endpoint: str
    services: list[str]
    name: str
    hardware: str
    location: str
    head: bool
    linked: list[int]


class CameraDiscoveryOut(BaseModel):
    devices: list[FoundCameraOut]
    counters: dict[str, int]


@router.post("/camera-discovery")
async def discover_cameras(
    data: CameraDiscoveryIn, caller: Annotated[Caller, requires("cameras.link.write")], request: Request
) -> CameraDiscoveryOut:
    """One WS-Discovery probe; answers are listed, nothing is entered."""
    if caller.enterprises is not None:
        raise forbidden("cameras.link.write")  # the network is the zone's
    if _busy.locked():
        raise ProblemError("gateways.cameras.discovery_busy", HTTPStatus.TOO_MANY_REQUESTS)
    async with _busy:
        try:
            found = await discovery.search(data.seconds, interface=data.interface)
        except OSError as error:
            raise ProblemError(
                "gateways.cameras.discovery_failed", HTTPStatus.BAD_GATEWAY,
                {"detail": error.strerror or str(error)},
            ) from error  # fmt: skip
    linked = await asyncio.to_thread(_noted, database(request), caller, found)
    devices = [
        FoundCameraOut(
            address=d.address, endpoint=d.endpoint, services=list(d.services), name=d.name, hardware=d.hardware,
            location=d.location, head=d.head, linked=linked.get(d.address, []),
        )
        for d in found.devices
    ]  # fmt: skip
    return CameraDiscoveryOut(devices=devices, counters=dict(found.counters))


def _noted(db: Database, caller: Caller, found: discovery.Search) -> dict[str, list[int]]:
    """Which links know the addresses; that somebody searched goes into the audit log."""
    linked: dict[str, list[int]] = {}
    with db.session() as session:
        hosts = {d.address for d in found.devices}
        for camera_id, host in session.execute(
            select(CameraLink.camera_id, CameraLink.host).where(CameraLink.host.in_(hosts))
        ):
            linked.setdefault(str(host), []).append(camera_id)
        audit.record(
            session, caller, action="cameras.discovery.search", subject=("gateways.network", "local"),
            after={"devices": len(found.devices), "counters": dict(found.counters)},
        )  # fmt: skip
    return linked
