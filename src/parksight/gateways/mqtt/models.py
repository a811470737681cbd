"""The brokers the platform is a client of."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from parksight.kernel.db import Base


class MqttConnection(Base):
    """A connection to a broker.

    Attributes:
        name: first part of the addresses of its devices; does not change.
        config: validated by :class:`parksight.gateways.mqtt.config.ConnectionConfig`.
        password: sealed with the installation's key; None for none.
    """

    __tablename__ = "gateways_mqtt_connection"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    config: Mapped[dict[str, Any]] = mapped_column(default=dict)
    password: Mapped[str | None] = mapped_column(Text, default=None)
    enabled: Mapped[bool] = mapped_column(default=True)
    version: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
