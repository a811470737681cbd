"""Tables of the gateways: devices that send or are asked, what their addresses mean, who knocked unknown.

Ids of points, enterprises, things and credentials are plain integers of other rooms: a point may be retired
without the history of its mapping breaking.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from parksight.kernel.db import Base


class Device(Base):
    """A field device, spoken to through one protocol.

    Credentials to push with are the kernel's (``kernel_device_credential.device_id`` is this row).

    Attributes:
        code: unique, human-made, e.g. ``E017.GDS01``.
        protocol: ``hj212``, ``mqtt``, ``modbus`` or ``http``; the key of its :class:`ProtocolSpec`.
        address: how the protocol finds it: MN (hj212), ``broker|node`` or client id (mqtt),
            ``host:port/unit`` (modbus), the push key, by default the code (http). Unique in the protocol.
        config: validated by the protocol's own config model.
        policy: validated by the protocol's own policy model: what to tolerate, what to answer.
        simulated: all values of its points carry the SIMULATED flag.
        version: grows with each change; an update names the one it saw.
    """

    __tablename__ = "gateways_device"
    __table_args__ = (
        UniqueConstraint("protocol", "address"),
        Index("ix_gateways_device_enterprise", "enterprise_id"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    code: Mapped[str] = mapped_column(String(96), unique=True)
    protocol: Mapped[str] = mapped_column(String(16), index=True)
    name: Mapped[str] = mapped_column(String(200))
    name_en: Mapped[str] = mapped_column(String(200), default="")
    enterprise_id: Mapped[int | None] = mapped_column(default=None)
    thing_id: Mapped[int | None] = mapped_column(index=True, default=None)
    address: Mapped[str] = mapped_column(String(200))
    config: Mapped[dict[str, Any]] = mapped_column(default=dict)
    policy: Mapped[dict[str, Any]] = mapped_column(default=dict)
    simulated: Mapped[bool] = mapped_column(default=False)
    enabled: Mapped[bool] = mapped_column(default=True, index=True)
    version: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class PointMapping(Base):
    """What one address of a device means: ``raw * scale + offset`` in ``source_unit`` is its point's value.

    Attributes:
        address: as the protocol names it: ``a21026-Rtd``, ``h40001``, ``tanks/B-08:level``.
        point_id: point of telemetry.
        source_unit: unit of the scaled value; None: the unit the point itself expects from its source.
    """

    __tablename__ = "gateways_mapping"
    __table_args__ = (
        UniqueConstraint("device_id", "address"),
        CheckConstraint("scale <> 0", name="scale_not_zero"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    device_id: Mapped[int] = mapped_column(
        ForeignKey("gateways_device.id", ondelete="CASCADE"), type_=Integer
    )
    address: Mapped[str] = mapped_column(String(200))
    point_id: Mapped[int] = mapped_column(Integer, index=True)
    source_unit: Mapped[str | None] = mapped_column(String(24), default=None)
    scale: Mapped[float] = mapped_column(Float, default=1.0)
    offset: Mapped[float] = mapped_column(Float, default=0.0)


class UnknownDevice(Base):
    """Somebody who spoke a protocol correctly but is no device of ours (yet).

    Attributes:
        address: what it called itself, in the form of ``Device.address``.
        count: frames seen.
        sample: the newest frame, cut to 4 KiB.
        fields: address -> newest value as text, for the onboarding page; bounded.
    """

    __tablename__ = "gateways_unknown"
    __table_args__ = (UniqueConstraint("protocol", "address"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    protocol: Mapped[str] = mapped_column(String(16))
    address: Mapped[str] = mapped_column(String(200))
    peer: Mapped[str] = mapped_column(String(200), default="")
    first_seen: Mapped[datetime]
    last_seen: Mapped[datetime] = mapped_column(index=True)
    count: Mapped[int] = mapped_column(default=0)
    sample: Mapped[bytes] = mapped_column(LargeBinary, default=b"")
    fields: Mapped[dict[str, Any]] = mapped_column(default=dict)
