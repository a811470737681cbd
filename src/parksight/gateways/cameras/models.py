"""How a camera is reached. What it is and where it stands is the registry's, how it sees is the lookout's."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from parksight.kernel.db import Base


class CameraLink(Base):
    """One camera's addresses and credentials.

    Attributes:
        camera_id: record of ``registry_camera``, one link each.
        protocol: ``onvif``, ``isapi``, ``gb28181`` or ``rtsp`` (video only).
        host, port: of its control service (HTTP); None for ``rtsp`` and ``gb28181``.
        main_url, sub_url: stream addresses without credentials; None: asked for by ONVIF, or sent by GB/T 28181.
        channel: channel number (ISAPI) or channel id of 20 digits (GB/T 28181).
        username, password: the password sealed (``kernel.sealing``); None: no sign-in.
        options: checked by ``config.LinkOptions``: transport, delay of the telemetry, upstream server, speeds.
        simulated: a camera of the demo zone; its pictures say so.
    """

    __tablename__ = "gateways_camera_link"

    camera_id: Mapped[int] = mapped_column(
        ForeignKey("registry_camera.id"), primary_key=True, autoincrement=False
    )
    protocol: Mapped[str] = mapped_column(String(16), index=True)
    host: Mapped[str | None] = mapped_column(String(255), default=None)
    port: Mapped[int | None] = mapped_column(Integer, default=None)
    main_url: Mapped[str | None] = mapped_column(String(500), default=None)
    sub_url: Mapped[str | None] = mapped_column(String(500), default=None)
    channel: Mapped[str | None] = mapped_column(String(32), default=None)
    username: Mapped[str | None] = mapped_column(String(100), default=None)
    password: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    options: Mapped[dict[str, Any]] = mapped_column(default=dict)
    simulated: Mapped[bool] = mapped_column(default=False)
    enabled: Mapped[bool] = mapped_column(default=True)
    version: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
