"""The table of stored files; the bytes lie in the data folder under their SHA-256."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from parksight.kernel.db import Base


class StoredFile(Base):
    """One uploaded file.

    Attributes:
        sha256: 64 hex digits; several rows may share one content.
        media_type: found from the content, not believed from the sender.
        name: as the sender called it, cleaned; for showing and downloading only.
        enterprise_id: whose it is; None for the zone's own.
        purpose: free tag of the module that keeps it, e.g. ``case.evidence``.
        removed_at: the row stays, the bytes go once no other row needs them.
    """

    __tablename__ = "kernel_file"

    id: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    size: Mapped[int]
    media_type: Mapped[str] = mapped_column(String(100))
    name: Mapped[str] = mapped_column(String(200))
    enterprise_id: Mapped[int | None] = mapped_column(index=True, default=None)
    purpose: Mapped[str] = mapped_column(String(80), default="")
    uploaded_by: Mapped[int | None] = mapped_column(ForeignKey("kernel_user.id"), default=None)
    created_at: Mapped[datetime]
    removed_at: Mapped[datetime | None] = mapped_column(default=None)
