"""What devices said that is no number: kept in the records, because it was acknowledged."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from parksight.kernel.db import Base


class Hj212Information(Base):
    """A log line, an instrument id, a boot time or the content of a frame without readings.

    Attributes:
        cn: command it came with (3020 information, 3019 instrument id, 2081 boot time …).
        observed_at: DataTime of the frame, None when it bore none.
        name: field as sent, ``cp`` for a whole content.
        text: what it says.
    """

    __tablename__ = "gateways_hj212_information"
    __table_args__ = (Index("ix_gateways_hj212_information_device", "device_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    device_id: Mapped[int] = mapped_column(
        ForeignKey("gateways_device.id", ondelete="CASCADE"), type_=Integer
    )
    cn: Mapped[int] = mapped_column(Integer)
    observed_at: Mapped[datetime | None] = mapped_column(default=None)
    received_at: Mapped[datetime]
    name: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text)
