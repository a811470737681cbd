"""Patrol tours as records; presets live in the devices."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from parksight.kernel.db import Base


class CameraTour(Base):
    """A round of looks: ``steps`` as ``schemas.TourStep`` checks them."""

    __tablename__ = "gateways_camera_tour"
    __table_args__ = (UniqueConstraint("camera_id", "name"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    camera_id: Mapped[int] = mapped_column(ForeignKey("registry_camera.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    steps: Mapped[list[Any]]
    version: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
