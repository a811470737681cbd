"""What was recorded. The bytes are files of the kernel; this says what they show, and of which moment."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Float, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from parksight.kernel.db import Base

KINDS = ("clip", "snapshot")
STATES = ("recording", "done", "failed", "deleted")
REASONS = ("alarm", "person", "suspicion")


def _one_of(column: str, words: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(w) for w in words)})"


class Recording(Base):
    """One clip or picture.

    Attributes:
        reason: why it was made; ``subject_kind`` and ``subject_id`` say of what: ``alarm``, ``suspicion``, ``place``.
        began_ms, ended_ms: moment of its first and last picture by the platform's clock, ms since the epoch.
        wall_exact: those moments rest on the camera's own sender reports, not on arrival.
        device_offset_ms: the camera's clock less ours when it was taken; None: the camera told no time.
        file_id: the MP4 or JPEG; ``track_file_id``: its poses and labels, JSON lines.
        sha256: of the file.
        frames, dropped: pictures in it; pictures of its span that came damaged or not at all.
        calibration: version of the calibration that projects its labels; None: the camera was not calibrated.
        failed: a key of the locale files, ``lookout.recording.failed.<reason>``.
        held: a person wants it kept whatever the retention says.
        deleted_at: the retention, or a person, took the bytes; the row and the hash stay.
    """

    __tablename__ = "lookout_recording"
    __table_args__ = (
        CheckConstraint(_one_of("kind", KINDS), name="kind_known"),
        CheckConstraint(_one_of("state", STATES), name="state_known"),
        CheckConstraint(_one_of("reason", REASONS), name="reason_known"),
        Index("ix_lookout_recording_camera_began", "camera_id", "began_ms"),
        Index("ix_lookout_recording_state_created", "state", "created_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    camera_id: Mapped[int] = mapped_column(ForeignKey("registry_camera.id"))
    enterprise_id: Mapped[int | None] = mapped_column(index=True, default=None)
    kind: Mapped[str] = mapped_column(String(12))
    state: Mapped[str] = mapped_column(String(12))
    reason: Mapped[str] = mapped_column(String(12))
    subject_kind: Mapped[str | None] = mapped_column(String(24), default=None)
    subject_id: Mapped[str | None] = mapped_column(String(40), default=None)
    case_id: Mapped[int | None] = mapped_column(index=True, default=None)
    began_ms: Mapped[int | None] = mapped_column(default=None)
    ended_ms: Mapped[int | None] = mapped_column(default=None)
    wall_exact: Mapped[bool] = mapped_column(default=False)
    device_offset_ms: Mapped[float | None] = mapped_column(Float, default=None)
    file_id: Mapped[int | None] = mapped_column(ForeignKey("kernel_file.id"), default=None)
    track_file_id: Mapped[int | None] = mapped_column(ForeignKey("kernel_file.id"), default=None)
    sha256: Mapped[str | None] = mapped_column(String(64), default=None)
    bytes: Mapped[int] = mapped_column(default=0)
    frames: Mapped[int] = mapped_column(Integer, default=0)
    dropped: Mapped[int] = mapped_column(Integer, default=0)
    codec: Mapped[str | None] = mapped_column(String(8), default=None)
    width: Mapped[int | None] = mapped_column(Integer, default=None)
    height: Mapped[int | None] = mapped_column(Integer, default=None)
    calibration: Mapped[int | None] = mapped_column(Integer, default=None)
    simulated: Mapped[bool] = mapped_column(default=False)
    failed: Mapped[str | None] = mapped_column(String(40), default=None)
    held: Mapped[bool] = mapped_column(default=False)
    by_id: Mapped[int | None] = mapped_column(default=None)
    by_name: Mapped[str] = mapped_column(String(200), default="")
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None] = mapped_column(default=None)
    deleted_at: Mapped[datetime | None] = mapped_column(default=None)
