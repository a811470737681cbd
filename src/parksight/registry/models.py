"""Tables of the registry: places, parties and things.

Integer keys inside, codes outside (decision 001). A record is retired (``active`` false), never deleted:
observations, alarms and histories go on pointing at it.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from parksight.kernel.db import Base


class Record:
    """Columns of every kind.

    Attributes:
        code: unique in its kind; what people and imports use.
        properties: free data of the kind, JSON.
        version: grows with each change; an update names the one it saw.
    """

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    name_en: Mapped[str] = mapped_column(String(200), default="")
    properties: Mapped[dict[str, Any]] = mapped_column(default=dict)
    active: Mapped[bool] = mapped_column(default=True, index=True)
    version: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Located:
    """GeoJSON geometry (WGS 84) and its bounding box in degrees; all None when the position is unknown."""

    geometry: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    min_lon: Mapped[float | None] = mapped_column(Float, default=None)
    min_lat: Mapped[float | None] = mapped_column(Float, default=None)
    max_lon: Mapped[float | None] = mapped_column(Float, default=None)
    max_lat: Mapped[float | None] = mapped_column(Float, default=None)


class Place(Record, Located, Base):
    """A piece of ground or what is drawn on it; see ``words.PLACE_KINDS``.

    ``properties`` for drawing: ``height`` and ``base`` in metres, ``tone`` 0..1, ``class`` (road class 1-3 or
    building form), ``major`` (index contour), ``elevation_m``. ``enterprise_id`` None: the zone's own, shown to everybody.
    """

    __tablename__ = "registry_place"
    __table_args__ = (
        Index("ix_registry_place_kind_version", "kind", "version"),
        Index("ix_registry_place_box", "min_lon", "max_lon", "min_lat", "max_lat"),
    )

    kind: Mapped[str] = mapped_column(String(24))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("registry_place.id"), index=True, default=None)
    #: No foreign key: it would close a circle with the enterprise's parcel, which migrations cannot draw.
    enterprise_id: Mapped[int | None] = mapped_column(index=True, default=None)


class Enterprise(Record, Located, Base):
    """A firm in the zone. ``credit_code`` per GB 32100-2015; None when not known, never a placeholder."""

    __tablename__ = "registry_enterprise"

    industry: Mapped[str | None] = mapped_column(String(32), index=True, default=None)
    credit_code: Mapped[str | None] = mapped_column(String(18), unique=True, default=None)
    status: Mapped[str] = mapped_column(String(16), default="producing", index=True)
    chemical: Mapped[bool] = mapped_column(default=False, index=True)
    legal_representative: Mapped[str | None] = mapped_column(String(100), default=None)
    contact_name: Mapped[str | None] = mapped_column(String(100), default=None)
    contact_phone: Mapped[str | None] = mapped_column(String(40), default=None)
    address: Mapped[str | None] = mapped_column(String(300), default=None)
    parcel_id: Mapped[int | None] = mapped_column(ForeignKey("registry_place.id"), index=True, default=None)
    zone_id: Mapped[int | None] = mapped_column(ForeignKey("registry_place.id"), index=True, default=None)


class Site(Record, Located, Base):
    """Where an enterprise works: a plant, a store, an office."""

    __tablename__ = "registry_site"

    enterprise_id: Mapped[int] = mapped_column(ForeignKey("registry_enterprise.id"), index=True)
    parcel_id: Mapped[int | None] = mapped_column(ForeignKey("registry_place.id"), index=True, default=None)
    address: Mapped[str | None] = mapped_column(String(300), default=None)


class Unit(Record, Located, Base):
    """A process unit (工艺单元) of a site: tank farm, workshop, boiler house, treatment plant."""

    __tablename__ = "registry_unit"

    enterprise_id: Mapped[int] = mapped_column(ForeignKey("registry_enterprise.id"), index=True)
    site_id: Mapped[int | None] = mapped_column(ForeignKey("registry_site.id"), index=True, default=None)


class Equipment(Record, Located, Base):
    """A thing that measures or is measured. ``enterprise_id`` None: the zone's own (weather, air stations).

    ``height_m``: height of the thing, or of the outlet of a stack, above ground.
    """

    __tablename__ = "registry_equipment"
    __table_args__ = (CheckConstraint("height_m >= 0", name="height_not_negative"),)

    kind: Mapped[str] = mapped_column(String(24), index=True)
    enterprise_id: Mapped[int | None] = mapped_column(
        ForeignKey("registry_enterprise.id"), index=True, default=None
    )
    site_id: Mapped[int | None] = mapped_column(ForeignKey("registry_site.id"), index=True, default=None)
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("registry_unit.id"), index=True, default=None)
    zone_id: Mapped[int | None] = mapped_column(ForeignKey("registry_place.id"), index=True, default=None)
    height_m: Mapped[float | None] = mapped_column(Float, default=None)


class Camera(Record, Located, Base):
    """A camera as a record; streams and calibration belong to the lookout module.

    ``height_m`` above ground, ``azimuth_deg`` clockwise from north of its rest position.
    """

    __tablename__ = "registry_camera"
    __table_args__ = (
        CheckConstraint("azimuth_deg >= 0 AND azimuth_deg < 360", name="azimuth_range"),
        CheckConstraint("height_m >= 0", name="height_not_negative"),
    )

    kind: Mapped[str] = mapped_column(String(16), index=True)
    enterprise_id: Mapped[int | None] = mapped_column(
        ForeignKey("registry_enterprise.id"), index=True, default=None
    )
    zone_id: Mapped[int | None] = mapped_column(ForeignKey("registry_place.id"), index=True, default=None)
    height_m: Mapped[float | None] = mapped_column(Float, default=None)
    azimuth_deg: Mapped[float | None] = mapped_column(Float, default=None)


class Person(Record, Base):
    """Somebody with a duty. Only what reaching and naming them needs; no identity numbers."""

    __tablename__ = "registry_person"

    enterprise_id: Mapped[int | None] = mapped_column(
        ForeignKey("registry_enterprise.id"), index=True, default=None
    )
    phone: Mapped[str | None] = mapped_column(String(40), default=None)


class Assignment(Record, Base):
    """A person holds a post (``post`` is the code of a kernel post) for a time; ``unit_id`` narrows it."""

    __tablename__ = "registry_assignment"

    person_id: Mapped[int] = mapped_column(ForeignKey("registry_person.id"), index=True)
    enterprise_id: Mapped[int | None] = mapped_column(
        ForeignKey("registry_enterprise.id"), index=True, default=None
    )
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("registry_unit.id"), index=True, default=None)
    post: Mapped[str] = mapped_column(String(64), index=True)
    valid_from: Mapped[date | None] = mapped_column(Date, default=None)
    valid_to: Mapped[date | None] = mapped_column(Date, default=None)


class ImportRun(Base):
    """One import with its counts; ``problem`` is set when the file as a whole was refused."""

    __tablename__ = "registry_import"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(24), index=True)
    filename: Mapped[str] = mapped_column(String(255))
    format: Mapped[str] = mapped_column(String(8))
    encoding: Mapped[str | None] = mapped_column(String(16), default=None)
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]
    dry_run: Mapped[bool]
    by_id: Mapped[int | None] = mapped_column(index=True, default=None)
    by_name: Mapped[str] = mapped_column(String(120))
    at: Mapped[datetime] = mapped_column(index=True)
    total: Mapped[int] = mapped_column(default=0)
    accepted: Mapped[int] = mapped_column(default=0)
    updated: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)
    problem: Mapped[str | None] = mapped_column(String(96), default=None)
    problem_params: Mapped[dict[str, Any]] = mapped_column(default=dict)


class ImportRow(Base):
    """What became of one row of an import; ``params`` fill the translated text of ``reason``."""

    __tablename__ = "registry_import_row"
    __table_args__ = (Index("ix_registry_import_row_run", "import_id", "outcome", "row"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    import_id: Mapped[int] = mapped_column(ForeignKey("registry_import.id"))
    row: Mapped[int]
    code: Mapped[str] = mapped_column(String(64), default="")
    outcome: Mapped[str] = mapped_column(String(12))
    reason: Mapped[str | None] = mapped_column(String(96), default=None)
    column: Mapped[str | None] = mapped_column(String(64), default=None)
    params: Mapped[dict[str, Any]] = mapped_column(default=dict)


class SearchEntry(Base):
    """One searchable record. On SQLite a trigram FTS5 table follows this one by triggers (``search.py``)."""

    __tablename__ = "registry_search"
    __table_args__ = (UniqueConstraint("kind", "record_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(24), index=True)
    record_id: Mapped[int]
    enterprise_id: Mapped[int | None] = mapped_column(index=True, default=None)
    code: Mapped[str] = mapped_column(String(96), index=True)
    name: Mapped[str] = mapped_column(String(200))
    name_en: Mapped[str] = mapped_column(String(200), default="")
    detail: Mapped[str] = mapped_column(Text, default="")
    lon: Mapped[float | None] = mapped_column(Float, default=None)
    lat: Mapped[float | None] = mapped_column(Float, default=None)
