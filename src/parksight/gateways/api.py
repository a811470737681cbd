"""Routes of gateways and devices: thin."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Path, Query, Request, Response

from parksight.gateways import repository
from parksight.gateways.models import Device, PointMapping, UnknownDevice
from parksight.gateways.protocols import GatewayStatus
from parksight.gateways.room import Gateways
from parksight.gateways.schemas import (
    MAX_ID,
    ActivityOut,
    ConnectionOut,
    DeviceImportRow,
    DeviceIn,
    DeviceOut,
    DevicePatch,
    DiagnosisOut,
    FrameOut,
    FramesOut,
    GatewayOut,
    ImportReport,
    MappingIn,
    MappingOut,
    OnboardIn,
    OnboardOut,
    ProposalOut,
    ProtocolOut,
    UnknownDetail,
    UnknownOut,
)
from parksight.kernel.errors import not_found
from parksight.kernel.i18n import language_of
from parksight.kernel.permissions import Caller
from parksight.kernel.web import Page, Paging, ReadSession, WriteSession, paging, requires, service
from parksight.telemetry.models import Point

router = APIRouter(prefix="/api/v1", tags=["gateways"], generate_unique_id_function=lambda route: route.name)

Room = Annotated[Gateways, Depends(service("gateways"))]
MayRead = Annotated[Caller, requires("gateways.device.read")]
MayWrite = Annotated[Caller, requires("gateways.device.write")]
MayReadGateways = Annotated[Caller, requires("gateways.gateway.read")]
Id = Annotated[int, Path(ge=1, le=MAX_ID)]
Window = Annotated[Paging, Depends(paging)]
#: Rows one import request may carry.
MAX_IMPORT = 5_000


# -- gateways ------------------------------------------------------------------------------------------


def _gateway(room: Gateways, status: GatewayStatus) -> GatewayOut:
    watch = room.manager.supervision[status.name]
    out = GatewayOut.model_validate(status)
    devices = room.context.directory.devices(status.name)
    out.devices = len(devices)
    lines = (room.context.activity.get(d.id) for d in devices)
    out.last_frame_at = max((a.last_frame_at for a in lines if a and a.last_frame_at), default=None)
    out.restarts, out.last_error = watch.restarts, watch.last_error
    return out


@router.get("/gateways")
async def list_gateways(_caller: MayReadGateways, room: Room) -> list[GatewayOut]:
    """State, limits and counters of every field protocol."""
    return [_gateway(room, s) for s in room.manager.status()]


@router.get("/gateways/protocols")
async def list_protocols(_caller: MayReadGateways, room: Room) -> list[ProtocolOut]:
    """Protocols a device may use, with the JSON Schemas of their configuration."""
    return [
        ProtocolOut(
            name=s.name,
            config_schema=s.config.model_json_schema(),
            policy_schema=s.policy.model_json_schema(),
            default_address=s.default_address,
        )
        for s in room.service.specs.values()
    ]


@router.get("/gateways/{name}")
async def get_gateway(name: str, _caller: MayReadGateways, room: Room) -> GatewayOut:
    """State, limits and counters of one field protocol."""
    gateway = room.manager.get(name)
    if gateway is None:
        raise not_found("gateways.gateway", name)
    return _gateway(room, gateway.status())


@router.get("/gateways/{name}/connections")
async def list_connections(
    name: str, caller: MayReadGateways, room: Room, window: Window
) -> Page[ConnectionOut]:
    """Who is connected now; enterprise users see the connections of their own devices."""
    gateway = room.manager.get(name)
    if gateway is None:
        raise not_found("gateways.gateway", name)
    rows = gateway.connections(limit=100_000)
    if caller.enterprises is not None:
        rows = [r for r in rows if _may_see(room, caller, r.device_id)]
    shown = rows[window.offset : window.offset + window.limit]
    items = [ConnectionOut.model_validate(r) for r in shown]
    return Page(items=items, total=len(rows), limit=window.limit, offset=window.offset)


def _may_see(room: Gateways, caller: Caller, device_id: int | None) -> bool:
    device = room.context.directory.device(device_id) if device_id is not None else None
    return device is not None and caller.may_see_enterprise(device.enterprise_id)


# -- unknown devices -----------------------------------------------------------------------------------
# Senders that belong to nobody yet: for callers who see the whole zone only.


def _zone_wide(caller: Caller) -> None:
    if caller.enterprises is not None:
        raise not_found("gateways.unknown_device", "-")


def _unknown_out(row: UnknownDevice) -> UnknownOut:
    return UnknownOut(
        id=row.id, protocol=row.protocol, address=row.address, peer=row.peer, first_seen=row.first_seen,
        last_seen=row.last_seen, count=row.count, fields=len(row.fields),
    )  # fmt: skip


@router.get("/devices/unknown")
def list_unknown(
    caller: MayRead,
    room: Room,
    session: ReadSession,
    window: Window,
    protocol: Annotated[str | None, Query(max_length=16)] = None,
    q: Annotated[str | None, Query(max_length=200)] = None,
    sort: Annotated[str, Query(max_length=40)] = "-last_seen",
) -> Page[UnknownOut]:
    """Who speaks to us without being a device on record."""
    _zone_wide(caller)
    room.context.unknown.flush()
    rows, total = repository.unknown(
        session, protocol=protocol, q=q, sort=sort, limit=window.limit, offset=window.offset
    )
    items = [_unknown_out(r) for r in rows]
    return Page(items=items, total=total, limit=window.limit, offset=window.offset)


@router.get("/devices/unknown/{unknown_id}")
def get_unknown(unknown_id: Id, caller: MayRead, room: Room, session: ReadSession) -> UnknownDetail:
    """An unknown device with a point suggested for each field it sent."""
    _zone_wide(caller)
    row = repository.unknown_one(session, unknown_id)
    return UnknownDetail(
        **_unknown_out(row).model_dump(),
        sample_hex=row.sample.hex(),
        sample_text=printable(row.sample),
        proposals=[
            ProposalOut.model_validate(p, from_attributes=True) for p in room.onboarding.proposals(row)
        ],
    )


@router.post("/devices/unknown/{unknown_id}/onboard", status_code=201)
def onboard(
    unknown_id: Id, data: OnboardIn, caller: MayWrite, room: Room, session: WriteSession
) -> OnboardOut:
    """Make the device, its points and mappings in one step."""
    _zone_wide(caller)
    device, created = room.onboarding.onboard(session, caller, unknown_id, data)
    mappings = repository.mappings(session, device.id)
    return OnboardOut(
        device=_device_out(room, device, len(mappings)),
        points_created=created,
        mappings=[_mapping_out(room, m, p) for m, p in mappings],
    )


@router.delete("/devices/unknown/{unknown_id}", status_code=204)
def dismiss_unknown(unknown_id: Id, caller: MayWrite, room: Room, session: WriteSession) -> Response:
    """Take an unknown device off the list; it returns when it speaks again."""
    _zone_wide(caller)
    room.onboarding.dismiss(session, caller, unknown_id)
    return Response(status_code=204)


# -- devices -------------------------------------------------------------------------------------------


def _device_out(room: Gateways, device: Device, mappings: int) -> DeviceOut:
    out = DeviceOut.model_validate(device)
    out.mappings = mappings
    activity = room.context.activity.get(device.id)
    out.activity = ActivityOut.model_validate(activity) if activity is not None else None
    return out


@router.get("/devices")
def list_devices(
    caller: MayRead,
    room: Room,
    session: ReadSession,
    window: Window,
    protocol: Annotated[str | None, Query(max_length=16)] = None,
    enterprise_id: Annotated[int | None, Query(ge=1, le=MAX_ID)] = None,
    thing_id: Annotated[int | None, Query(ge=1, le=MAX_ID)] = None,
    enabled: bool | None = None,
    q: Annotated[str | None, Query(max_length=200)] = None,
    sort: Annotated[str, Query(max_length=40)] = "code",
) -> Page[DeviceOut]:
    """Devices the caller may see, with what they did lately."""
    rows, total = repository.devices(
        session, caller, protocol=protocol, enterprise_id=enterprise_id, thing_id=thing_id, enabled=enabled,
        q=q, sort=sort, limit=window.limit, offset=window.offset,
    )  # fmt: skip
    counts = repository.mapping_counts(session, [d.id for d in rows])
    items = [_device_out(room, d, counts.get(d.id, 0)) for d in rows]
    return Page(items=items, total=total, limit=window.limit, offset=window.offset)


@router.post("/devices", status_code=201)
def create_device(data: DeviceIn, caller: MayWrite, room: Room, session: WriteSession) -> DeviceOut:
    """Put a device on record."""
    return _device_out(room, room.service.create(session, caller, data), 0)


@router.post("/devices/import")
def import_devices(
    rows: Annotated[list[DeviceImportRow], Body(max_length=MAX_IMPORT)],
    caller: MayWrite,
    room: Room,
    session: WriteSession,
    request: Request,
    update: bool = False,
) -> ImportReport:
    """Make many devices with their mappings (``update``: change those whose code exists); a report per row."""
    return room.service.import_rows(session, caller, rows, update=update, language=language_of(request))


@router.get("/devices/{device_id}")
def get_device(device_id: Id, caller: MayRead, room: Room, session: ReadSession) -> DeviceOut:
    """One device with what it did lately."""
    device = repository.device(session, caller, device_id)
    return _device_out(room, device, repository.mapping_counts(session, [device_id]).get(device_id, 0))


@router.patch("/devices/{device_id}")
def update_device(
    device_id: Id, data: DevicePatch, caller: MayWrite, room: Room, session: WriteSession
) -> DeviceOut:
    """Change the stated fields of a device."""
    device = room.service.update(session, caller, device_id, data)
    return _device_out(room, device, repository.mapping_counts(session, [device_id]).get(device_id, 0))


@router.delete("/devices/{device_id}", status_code=204)
def delete_device(device_id: Id, caller: MayWrite, room: Room, session: WriteSession) -> Response:
    """Remove a device and its mappings; points and their history stay."""
    room.service.delete(session, caller, device_id)
    return Response(status_code=204)


def _mapping_out(room: Gateways, mapping: PointMapping, point: Point | None) -> MappingOut:
    problem = room.context.directory.broken.get((mapping.device_id, mapping.address))
    return MappingOut(
        address=mapping.address,
        point_id=mapping.point_id,
        point=point.code if point else "",
        point_name=point.name if point else "",
        unit=point.unit if point else "",
        source_unit=mapping.source_unit,
        scale=mapping.scale,
        offset=mapping.offset,
        problem=problem if point else "gateways.mapping.point_unknown",
    )


@router.get("/devices/{device_id}/mappings")
def get_mappings(device_id: Id, caller: MayRead, room: Room, session: ReadSession) -> list[MappingOut]:
    """What the addresses of a device mean."""
    repository.device(session, caller, device_id)
    return [_mapping_out(room, m, p) for m, p in repository.mappings(session, device_id)]


@router.put("/devices/{device_id}/mappings")
def put_mappings(
    device_id: Id,
    rows: Annotated[list[MappingIn], Body(max_length=5_000)],
    caller: MayWrite,
    room: Room,
    session: WriteSession,
) -> list[MappingOut]:
    """Replace all mappings of a device."""
    room.service.put_mappings(session, caller, device_id, rows)
    return [_mapping_out(room, m, p) for m, p in repository.mappings(session, device_id)]


@router.get("/devices/{device_id}/frames")
def list_frames(
    device_id: Id,
    caller: MayRead,
    room: Room,
    session: ReadSession,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    deviating: bool = False,
) -> FramesOut:
    """The newest raw frames of a device, newest first."""
    repository.device(session, caller, device_id)
    log = room.context.frames
    items = [
        FrameOut(
            seq=f.seq, at_ms=f.at_ms, direction="out" if f.direction == "out" else "in", peer=f.peer,
            length=f.length, cut=f.length > len(f.data), deviations=list(f.deviations), hex=f.data.hex(),
            text=printable(f.data),
        )
        for f in log.read(device_id, limit, deviating=deviating)
    ]  # fmt: skip
    return FramesOut(items=items, total=log.total(device_id), kept=log.per_device)


@router.get("/devices/{device_id}/diagnosis")
def diagnose_device(
    device_id: Id, caller: MayRead, room: Room, session: ReadSession, request: Request
) -> DiagnosisOut:
    """Why is this device silent? Checks in order, each with what to do."""
    device = repository.device(session, caller, device_id)
    return room.doctor.diagnose(session, device, language_of(request))


def printable(data: bytes) -> str:
    """Bytes as people can read them: UTF-8 where it is, ``\\xNN`` elsewhere, no control characters."""
    text = data.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() or c == "\n" else f"\\x{ord(c):02x}" for c in text)
