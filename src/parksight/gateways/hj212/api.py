"""Routes of HJ 212 alone: asking a device, what it said that is no number, its key."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import AwareDatetime, BaseModel, Field, model_validator
from sqlalchemy import func, select

from parksight.gateways import repository
from parksight.gateways.hj212.codec.commands import Cn
from parksight.gateways.hj212.config import SEALED
from parksight.gateways.hj212.devices import PROTOCOL, DeviceState
from parksight.gateways.hj212.gateway import Hj212Gateway
from parksight.gateways.hj212.models import Hj212Information
from parksight.gateways.hj212.requester import Outcome
from parksight.gateways.models import Device
from parksight.gateways.room import Gateways
from parksight.gateways.schemas import MAX_ID, DevicePatch
from parksight.kernel import audit
from parksight.kernel.db import Database
from parksight.kernel.errors import not_found
from parksight.kernel.permissions import Caller
from parksight.kernel.sealing import Sealer
from parksight.kernel.web import (
    Page,
    Paging,
    ReadSession,
    WriteSession,
    database,
    paging,
    requires,
    service,
)

router = APIRouter(prefix="/api/v1", tags=["gateways"], generate_unique_id_function=lambda route: route.name)

Room = Annotated[Gateways, Depends(service("gateways"))]
MayRead = Annotated[Caller, requires("gateways.device.read")]
MayWrite = Annotated[Caller, requires("gateways.device.write")]
MayAsk = Annotated[Caller, requires("gateways.device.command")]
Id = Annotated[int, Path(ge=1, le=MAX_ID)]
Window = Annotated[Paging, Depends(paging)]

_GETS: dict[str, int] = {
    "get_realtime_interval": Cn.GET_REALTIME_INTERVAL, "get_minute_interval": Cn.GET_MINUTE_INTERVAL,
    "get_sampling_cycle": Cn.SAMPLING_CYCLE, "get_sample_out_time": Cn.SAMPLE_OUT_TIME,
    "get_instrument_id": Cn.INSTRUMENT_ID, "get_information": Cn.INFORMATION,
    "start_realtime": Cn.REALTIME, "stop_realtime": Cn.STOP_REALTIME, "start_status": Cn.STATUS,
    "stop_status": Cn.STOP_STATUS,
}  # fmt: skip


class RequestIn(BaseModel, extra="forbid"):
    """What to ask a device. Commands that would make it act on the plant do not exist."""

    command: Literal[
        "get_time", "set_time", "get_realtime_interval", "set_realtime_interval", "get_minute_interval",
        "set_minute_interval", "get_sampling_cycle", "get_sample_out_time", "get_instrument_id",
        "get_information", "start_realtime", "stop_realtime", "start_status", "stop_status", "history",
    ]  # fmt: skip
    factor: Annotated[str | None, Field(max_length=6, pattern=r"^[A-Za-z0-9]+$")] = None
    information: Annotated[str | None, Field(max_length=6, pattern=r"^[A-Za-z0-9]+$")] = None
    interval: Annotated[int | None, Field(ge=1, le=3600, description="seconds, or minutes")] = None
    history: Literal[2031, 2041, 2051, 2061] | None = None
    begin: AwareDatetime | None = None
    end: AwareDatetime | None = None

    @model_validator(mode="after")
    def _complete(self) -> RequestIn:
        if self.command == "history":
            if self.history is None or self.begin is None or self.end is None or self.end < self.begin:
                raise ValueError("history needs history, begin and an end not before it")
        elif self.command == "set_realtime_interval":
            if self.interval is None or self.interval < 30:
                raise ValueError("the real-time interval is 30 to 3600 seconds")
        elif self.command == "set_minute_interval" and self.interval not in (
            1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30,
        ):  # fmt: skip
            raise ValueError("the minute interval is one of 1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30")
        return self


class RequestOut(BaseModel):
    """How it ended; ``fields`` is what a single answer said."""

    qn: str
    ready: int | None
    result: int | None
    frames: int
    attempts: int
    fields: dict[str, str]


class KeyIn(BaseModel, extra="forbid"):
    """The SM4 key of a device; null removes it."""

    key: Annotated[str | None, Field(pattern=r"^[0-9A-Fa-f]{32}$", description="32 hexadecimal digits")]
    version: int


class InformationOut(BaseModel, from_attributes=True):
    """Something a device said that is no number."""

    id: int
    cn: int
    observed_at: datetime | None
    received_at: datetime
    name: str
    text: str


def _running(room: Gateways) -> Hj212Gateway:
    gateway = room.manager.get(PROTOCOL)
    if not isinstance(gateway, Hj212Gateway):
        raise not_found("gateways.gateway", PROTOCOL)
    return gateway


def _own(device: Device) -> Device:
    if device.protocol != PROTOCOL:
        raise not_found("gateways.hj212.device", device.id)
    return device


def _note(db: Database, caller: Caller, device_id: int, asked: RequestIn) -> None:
    """Check the scope and put the request on record before it is sent."""
    with db.session() as session:
        _own(repository.device(session, caller, device_id))
        audit.record(
            session, caller, action="gateways.hj212.request", subject=("gateways.device", device_id),
            after=asked.model_dump(mode="json", exclude_none=True),
        )  # fmt: skip


async def _ask(gateway: Hj212Gateway, state: DeviceState, asked: RequestIn) -> Outcome:
    requester = gateway.requester
    if asked.command == "set_time":
        return await requester.set_time(state, asked.factor)
    if asked.command == "get_time":
        return await requester.request(state, Cn.GET_TIME, [("PolId", asked.factor)] if asked.factor else [])
    if asked.command == "history" and asked.begin and asked.end and asked.history:
        begin, end = (int(t.timestamp() * 1000) for t in (asked.begin, asked.end))
        return await requester.request_history(state, asked.history, begin, end)
    if asked.command == "set_realtime_interval":
        return await requester.request(
            state, Cn.SET_REALTIME_INTERVAL, [("RtdInterval", str(asked.interval))]
        )
    if asked.command == "set_minute_interval":
        return await requester.request(state, Cn.SET_MINUTE_INTERVAL, [("MinInterval", str(asked.interval))])
    fields = [("PolId", asked.factor), ("InfoId", asked.information)]
    return await requester.request(state, _GETS[asked.command], [(n, v) for n, v in fields if v])


@router.post("/devices/{device_id}/hj212/requests")
async def request_hj212(
    device_id: Id, asked: RequestIn, caller: MayAsk, room: Room, request: Request
) -> RequestOut:
    """Ask a device and wait for its answer; one request per device at a time. 409 when it is not connected."""
    gateway = _running(room)
    await asyncio.to_thread(_note, database(request), caller, device_id, asked)
    outcome = await _ask(gateway, gateway.device(device_id), asked)
    return RequestOut(
        qn=outcome.qn, ready=outcome.ready, result=outcome.result, frames=outcome.frames,
        attempts=outcome.attempts, fields=outcome.fields,
    )  # fmt: skip


@router.get("/devices/{device_id}/hj212/information")
def list_hj212_information(
    device_id: Id,
    caller: MayRead,
    session: ReadSession,
    window: Window,
    cn: Annotated[int | None, Query(ge=1000, le=9999)] = None,
) -> Page[InformationOut]:
    """Log lines, instrument ids, boot times, newest first."""
    _own(repository.device(session, caller, device_id))
    statement = select(Hj212Information).where(Hj212Information.device_id == device_id)
    if cn is not None:
        statement = statement.where(Hj212Information.cn == cn)
    total = session.scalar(select(func.count()).select_from(statement.subquery())) or 0
    rows = session.scalars(
        statement.order_by(Hj212Information.id.desc()).limit(window.limit).offset(window.offset)
    )
    items = [InformationOut.model_validate(r) for r in rows]
    return Page(items=items, total=total, limit=window.limit, offset=window.offset)


@router.put("/devices/{device_id}/hj212/key", status_code=204)
def put_hj212_key(
    device_id: Id, data: KeyIn, caller: MayWrite, room: Room, session: WriteSession, request: Request
) -> None:
    """Set or remove the SM4 key of a device. It is kept sealed and never shown again."""
    device = _own(repository.device(session, caller, device_id))
    config = dict(device.config)
    config.pop("sm4_key", None)
    if data.key is not None:
        sealer = Sealer(request.app.state.settings.data_dir)
        config["sm4_key"] = SEALED + sealer.seal(data.key)
    room.service.update(session, caller, device_id, DevicePatch(version=data.version, config=config))
