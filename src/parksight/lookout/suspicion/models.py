"""What cameras may have seen. The case says what people made of it; the row mirrors its state."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Float, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from parksight.kernel.db import Base

STATES = ("suspected", "supported", "confirmed", "dismissed", "closed")


class Suspicion(Base):
    """
    Attributes:
        detector: what noticed it and its version, e.g. ``classical/1``.
        box: x, y, width, height in the picture looked at, as shares of its size.
        pose: pan, tilt, zoom the camera reported then; None: not known.
        times: how often it was noticed while it was open; ``last_ms`` the newest time.
    """

    __tablename__ = "lookout_suspicion"
    __table_args__ = (
        CheckConstraint(f"state IN {STATES!r}", name="state_known"),
        Index("ix_lookout_suspicion_open", "camera_id", "kind", "state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    camera_id: Mapped[int] = mapped_column(ForeignKey("registry_camera.id"))
    enterprise_id: Mapped[int | None] = mapped_column(index=True, default=None)
    kind: Mapped[str] = mapped_column(String(12))
    detector: Mapped[str] = mapped_column(String(80))
    state: Mapped[str] = mapped_column(String(12), default="suspected")
    score: Mapped[float] = mapped_column(Float)
    box: Mapped[list[Any]]
    pose: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    first_ms: Mapped[int]
    last_ms: Mapped[int]
    times: Mapped[int] = mapped_column(default=1)
    case_id: Mapped[int | None] = mapped_column(index=True, default=None)
    simulated: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
