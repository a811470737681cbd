"""Every time a camera was asked to look somewhere, and what came of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Float, ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from parksight.kernel.db import Base

STATES = ("turning", "looking", "done", "refused", "failed")


class Look(Base):
    """One request.

    Attributes:
        reaction_id: of alarms' linkage; the same one is answered once. None: a person asked.
        state: ``turning`` → ``looking`` (on target, recording) → ``done``; ``refused``: no camera could or may;
            ``failed``: one should have, and did not.
        camera_id, pan, tilt, zoom: what was turned and to which pose.
        tried: cameras that came first and why they did not turn; ``others``: those that were no choice, and why.
        target_s: seconds from the request until the target was in the middle; None: never.
        clip_id, snapshot_id: recordings.
    """

    __tablename__ = "lookout_look"
    __table_args__ = (CheckConstraint(f"state IN {STATES!r}", name="state_known"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    reaction_id: Mapped[int | None] = mapped_column(unique=True, default=None)
    alarm_id: Mapped[int | None] = mapped_column(index=True, default=None)
    case_id: Mapped[int | None] = mapped_column(index=True, default=None)
    enterprise_id: Mapped[int | None] = mapped_column(index=True, default=None)
    lon: Mapped[float] = mapped_column(Float)
    lat: Mapped[float] = mapped_column(Float)
    state: Mapped[str] = mapped_column(String(12))
    reason: Mapped[str | None] = mapped_column(String(40), default=None)
    camera_id: Mapped[int | None] = mapped_column(ForeignKey("registry_camera.id"), default=None)
    pan: Mapped[float | None] = mapped_column(Float, default=None)
    tilt: Mapped[float | None] = mapped_column(Float, default=None)
    zoom: Mapped[float | None] = mapped_column(Float, default=None)
    distance_m: Mapped[float | None] = mapped_column(Float, default=None)
    tried: Mapped[list[Any]] = mapped_column(default=list)
    others: Mapped[list[Any]] = mapped_column(default=list)
    low: Mapped[list[Any]] = mapped_column(default=list)
    turned: Mapped[bool] = mapped_column(default=False)
    target_s: Mapped[float | None] = mapped_column(Float, default=None)
    clip_id: Mapped[int | None] = mapped_column(default=None)
    snapshot_id: Mapped[int | None] = mapped_column(default=None)
    attached: Mapped[int] = mapped_column(Integer, default=0)
    by_id: Mapped[int | None] = mapped_column(default=None)
    by_name: Mapped[str] = mapped_column(String(200), default="")
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None] = mapped_column(default=None)
