"""All shipped protocols put together, in one place for the composition root and for tests."""

from __future__ import annotations

from fastapi import APIRouter

from parksight.gateways.api import router as common_router
from parksight.gateways.context import GatewayContext
from parksight.gateways.hj212 import SPEC as HJ212
from parksight.gateways.hj212.gateway import Hj212Gateway
from parksight.gateways.http import SPEC as HTTP
from parksight.gateways.http.api import router as http_router
from parksight.gateways.http.gateway import HttpGateway
from parksight.gateways.http.points import PointIndex
from parksight.gateways.modbus import SPEC as MODBUS
from parksight.gateways.modbus.api import router as modbus_router
from parksight.gateways.modbus.gateway import ModbusGateway
from parksight.gateways.modbus.templates import TemplateLibrary
from parksight.gateways.mqtt import SPEC as MQTT
from parksight.gateways.mqtt.gateway import MqttGateway
from parksight.gateways.protocols import Gateway
from parksight.gateways.spec import ProtocolSpec
from parksight.kernel.db import Database
from parksight.kernel.settings import Settings

SPECS: tuple[ProtocolSpec, ...] = (HJ212, MODBUS, MQTT, HTTP)
#: The particular routes before the common ones, which have ``/gateways/{name}``.
ROUTERS: tuple[APIRouter, ...] = (modbus_router, http_router, common_router)


def gateways(context: GatewayContext, settings: Settings, db: Database) -> list[Gateway]:
    """The gateways that the settings enable, in start order; pushing over HTTP is always there."""
    found: list[Gateway] = [HttpGateway(context, settings.push, PointIndex(db))]
    if settings.hj212.enabled:
        found.append(Hj212Gateway(context, settings.hj212, settings.zone.timezone))
    if settings.modbus.enabled:
        found.append(
            ModbusGateway(context, settings.modbus, TemplateLibrary(settings.data_dir / "modbus-templates"))
        )
    if settings.mqtt.enabled:
        found.append(MqttGateway(context, settings.mqtt))
    return found
