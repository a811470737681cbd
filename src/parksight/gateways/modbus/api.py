"""Device templates for the pages that set devices up."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from parksight.gateways.modbus.gateway import ModbusGateway
from parksight.gateways.modbus.templates import Template
from parksight.kernel.errors import not_found
from parksight.kernel.permissions import Caller
from parksight.kernel.web import requires

router = APIRouter(prefix="/api/v1/gateways/modbus", tags=["gateways"])


class TemplatesOut(BaseModel):
    templates: list[Template]
    broken: dict[str, str]


def modbus_gateway(request: Request) -> ModbusGateway:
    found: ModbusGateway | None = request.app.state.gateways.manager.get("modbus")
    if found is None:
        raise not_found("gateways.gateway", "modbus")
    return found


@router.get("/templates", operation_id="list_modbus_templates")
async def list_templates(
    _caller: Annotated[Caller, requires("gateways.device.read")],
    gateway: Annotated[ModbusGateway, Depends(modbus_gateway)],
) -> TemplatesOut:
    """Templates with their registers, and files that could not be read."""
    return TemplatesOut(templates=gateway.library.all(), broken=gateway.library.broken)
