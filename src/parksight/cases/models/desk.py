"""What a person keeps for their own work with cases."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from parksight.kernel.db import Base


class SavedFilter(Base):
    """A list as somebody likes to see it; ``query`` holds the list's parameters as texts."""

    __tablename__ = "cases_saved_filter"
    __table_args__ = (UniqueConstraint("user_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("kernel_user.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(80))
    query: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
