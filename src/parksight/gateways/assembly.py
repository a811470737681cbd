"""All shipped protocols put together, in one place for the composition root and for tests."""

from __future__ import annotations

from fastapi import APIRouter

from parksight.gateways.api import router as common_router
from parksight.gateways.cameras.api import router as cameras_router
from parksight.gateways.cameras.discovery_api import router as discovery_router
from parksight.gateways.cameras.doctor.api import router as camera_doctor_router
from parksight.gateways.cameras.gateway import CamerasGateway
from parksight.gateways.cameras.ptz.api import router as ptz_router
from parksight.gateways.cameras.ptz.heads import Heads
from parksight.gateways.context import GatewayContext
from parksight.gateways.hj212 import SPEC as HJ212
from parksight.gateways.hj212.api import router as hj212_router
from parksight.gateways.hj212.gateway import Hj212Gateway
from parksight.gateways.http import SPEC as HTTP
from parksight.gateways.http.api import router as http_router
from parksight.gateways.http.credentials import router as credentials_router
from parksight.gateways.http.gateway import HttpGateway
from parksight.gateways.http.points import PointIndex
from parksight.gateways.modbus import SPEC as MODBUS
from parksight.gateways.modbus.api import router as modbus_router
from parksight.gateways.modbus.gateway import ModbusGateway
from parksight.gateways.modbus.templates import TemplateLibrary as ModbusTemplates
from parksight.gateways.mqtt import SPEC as MQTT
from parksight.gateways.mqtt.api import router as mqtt_router
from parksight.gateways.mqtt.gateway import MqttGateway
from parksight.gateways.mqtt.template import TemplateLibrary as MqttTemplates
from parksight.gateways.protocols import Gateway
from parksight.gateways.spec import ProtocolSpec
from parksight.kernel.db import Database
from parksight.kernel.sealing import Sealer
from parksight.kernel.settings import Settings
from parksight.telemetry.live_table import LiveTable

SPECS: tuple[ProtocolSpec, ...] = (HJ212, MODBUS, MQTT, HTTP)
#: The particular routes before the common ones, which have ``/gateways/{name}``.
ROUTERS: tuple[APIRouter, ...] = (
    hj212_router,
    credentials_router,
    modbus_router,
    mqtt_router,
    http_router,
    cameras_router,
    ptz_router,
    camera_doctor_router,
    discovery_router,
    common_router,
)


def gateways(context: GatewayContext, settings: Settings, db: Database, live: LiveTable) -> list[Gateway]:
    """The gateways that the settings enable, in start order."""

    def newest(device_id: int) -> int | None:
        points = context.directory.points_of(device_id)
        seen = live.newest(points).observed_at if points else ()
        return max((int(t) for t in seen if t > 0), default=None)

    found: list[Gateway] = []
    if settings.push.enabled:
        found.append(HttpGateway(context, settings.push, PointIndex(db)))
    if settings.hj212.enabled:
        found.append(
            Hj212Gateway(
                context,
                settings.hj212,
                db,
                settings.zone.timezone,
                newest=newest,
                unseal=Sealer(settings.data_dir).open,
            )
        )
    if settings.modbus.enabled:
        found.append(
            ModbusGateway(context, settings.modbus, ModbusTemplates(settings.data_dir / "modbus-templates"))
        )
    if settings.mqtt.enabled:
        library = MqttTemplates(settings.data_dir / "mqtt-templates")
        found.append(MqttGateway(context, settings.mqtt, db, Sealer(settings.data_dir), library))
    if settings.cameras.enabled:
        found += _cameras(context, settings, db)
    return found


def _cameras(context: GatewayContext, settings: Settings, db: Database) -> list[Gateway]:
    """Heads and video, each told what it needs of the other; heads first, for they stop what moves."""
    unseal = Sealer(settings.data_dir).open
    heads = Heads(db, context.clock, unseal, bus=context.bus)
    video = CamerasGateway(context, settings.cameras, db, unseal)
    video.track_of, video.watched = heads.track, heads.watched
    video.address_of, video.clock_offset = heads.stream_uri, heads.clock_offset_ms
    return [heads, video]


def body_limits(settings: Settings) -> dict[str, int]:
    """Request bodies of the gateways that may be larger than the house allows."""
    return {"/api/v1/ingest/observations": settings.push.max_body_mb * 2**20}
