"""Routes of broker connections and JSON templates: thin."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from parksight.gateways.mqtt.config import ConnectionConfig
from parksight.gateways.mqtt.gateway import MqttGateway
from parksight.gateways.mqtt.models import MqttConnection
from parksight.gateways.mqtt.schemas import (
    MqttConnectionIn,
    MqttConnectionOut,
    MqttConnectionPatch,
    MqttTemplatesOut,
)
from parksight.kernel.errors import not_found
from parksight.kernel.permissions import Caller
from parksight.kernel.web import ReadSession, WriteSession, requires

router = APIRouter(
    prefix="/api/v1/gateways/mqtt", tags=["gateways"], generate_unique_id_function=lambda route: route.name
)


def mqtt_gateway(request: Request) -> MqttGateway:
    found: MqttGateway | None = request.app.state.gateways.manager.get("mqtt")
    if found is None:
        raise not_found("gateways.gateway", "mqtt")
    return found


MayRead = Annotated[Caller, requires("gateways.gateway.read")]
MayWrite = Annotated[Caller, requires("gateways.gateway.write")]
Gateway = Annotated[MqttGateway, Depends(mqtt_gateway)]
Id = Annotated[int, Path(ge=1, le=2**31 - 1)]


def _out(row: MqttConnection, gateway: MqttGateway) -> MqttConnectionOut:
    running = gateway.sessions.get(row.name)
    return MqttConnectionOut(
        id=row.id, name=row.name, config=ConnectionConfig.model_validate(row.config),
        has_password=row.password is not None, enabled=row.enabled, version=row.version,
        created_at=row.created_at, updated_at=row.updated_at,
        connected=running is not None and running.connected,
        last_error=gateway.unusable.get(row.name) or (running.last_error if running else None),
        counters=dict(running.figures()) if running else {}, rejected=dict(running.rejected) if running else {},
    )  # fmt: skip


@router.get("/templates")
async def list_mqtt_templates(_caller: MayRead, gateway: Gateway) -> MqttTemplatesOut:
    """JSON templates, and files that could not be read."""
    return MqttTemplatesOut(templates=gateway.library.all(), broken=gateway.library.broken)


@router.get("/connections")
def list_mqtt_connections(caller: MayRead, session: ReadSession, gateway: Gateway) -> list[MqttConnectionOut]:
    """The brokers the platform is a client of."""
    return [_out(r, gateway) for r in gateway.records.all(session, caller)]


@router.post("/connections", status_code=201)
def create_mqtt_connection(
    data: MqttConnectionIn,
    caller: MayWrite,
    session: WriteSession,
    gateway: Gateway,
) -> MqttConnectionOut:
    """Become a client of a broker."""
    return _out(gateway.records.create(session, caller, data), gateway)


@router.get("/connections/{connection_id}")
def get_mqtt_connection(
    connection_id: Id, caller: MayRead, session: ReadSession, gateway: Gateway
) -> MqttConnectionOut:
    """One broker connection with its figures."""
    return _out(gateway.records.one(session, caller, connection_id), gateway)


@router.patch("/connections/{connection_id}")
def update_mqtt_connection(
    connection_id: Id,
    data: MqttConnectionPatch,
    caller: MayWrite,
    session: WriteSession,
    gateway: Gateway,
) -> MqttConnectionOut:
    """Change the stated fields of a connection; it is renewed."""
    return _out(gateway.records.update(session, caller, connection_id, data), gateway)


@router.delete("/connections/{connection_id}", status_code=204)
def delete_mqtt_connection(
    connection_id: Id, caller: MayWrite, session: WriteSession, gateway: Gateway
) -> Response:
    """Stop being a client of a broker that no device uses."""
    gateway.records.delete(session, caller, connection_id)
    return Response(status_code=204)
