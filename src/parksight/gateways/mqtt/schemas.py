"""What the API of broker connections shows and takes. A password goes in and never comes out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from parksight.gateways.mqtt.config import ConnectionConfig
from parksight.gateways.mqtt.template import Template

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class MqttConnectionIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Name
    config: ConnectionConfig
    password: Annotated[str | None, Field(max_length=400, description="kept sealed")] = None
    enabled: bool = True


class MqttConnectionPatch(BaseModel):
    """Fields to change; an empty password removes it."""

    model_config = ConfigDict(extra="forbid")

    version: Annotated[int, Field(ge=0, le=2**31 - 1)]
    config: ConnectionConfig | None = None
    password: Annotated[str | None, Field(max_length=400)] = None
    enabled: bool | None = None


class MqttConnectionOut(BaseModel):
    id: int
    name: str
    config: ConnectionConfig
    has_password: bool
    enabled: bool
    version: int
    created_at: datetime
    updated_at: datetime
    connected: bool
    last_error: str | None
    counters: dict[str, int]
    rejected: dict[str, int]


class MqttTemplatesOut(BaseModel):
    templates: list[Template]
    broken: dict[str, str]
