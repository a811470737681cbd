"""The kinds of record as one table: everything generic (routes, import, export, search) reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from parksight.kernel.errors import ProblemError, not_found
from parksight.registry import events, models, schemas, words


@dataclass(frozen=True)
class Reference:
    """A foreign key as tables show it: the other record's code.

    Attributes:
        field: column of the record, ``unit_id``.
        column: column of import and export tables, ``unit_code``.
        model: table of the other record.
        same_enterprise: whether the other record must belong to the same enterprise.
    """

    field: str
    column: str
    model: Any
    same_enterprise: bool = False


@dataclass(frozen=True)
class Kind:
    """One kind of record.

    Attributes:
        name: plural; path, import and export name.
        noun: permission and event word.
        place_kinds: for views of the place table, the kinds it holds; the first is the default.
        filters: columns a list may be narrowed by.
        label: locale prefix of the words of the ``kind`` column, for search.
    """

    name: str
    noun: str
    model: Any
    schema: type[schemas.RecordIn]
    event: type[events.RecordsChanged]
    references: tuple[Reference, ...] = ()
    filters: tuple[str, ...] = ()
    place_kinds: tuple[str, ...] = ()
    label: str = ""

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(self.schema.model_fields)

    @property
    def located(self) -> bool:
        return "geometry" in self.schema.model_fields

    @property
    def point_only(self) -> bool:
        return self.located and self.model is not models.Place and self.noun not in ("site", "unit")

    @property
    def required(self) -> tuple[str, ...]:
        """Fields without which a record cannot be made."""
        return tuple(
            f for f, info in self.schema.model_fields.items()
            if info.is_required() and not (f == "kind" and self.place_kinds)
        )  # fmt: skip

    @property
    def scope(self) -> Any:
        """Column that says whose the record is."""
        return self.model.id if self.model is models.Enterprise else self.model.enterprise_id


_ENTERPRISE = Reference("enterprise_id", "enterprise_code", models.Enterprise)
_PARCEL = Reference("parcel_id", "parcel_code", models.Place)
_ZONE = Reference("zone_id", "zone_code", models.Place)
_SITE = Reference("site_id", "site_code", models.Site, same_enterprise=True)
_UNIT = Reference("unit_id", "unit_code", models.Unit, same_enterprise=True)
_PARENT = Reference("parent_id", "parent_code", models.Place)
_PERSON = Reference("person_id", "person_code", models.Person, same_enterprise=True)


def _places(name: str, *kinds: str) -> Kind:
    return Kind(
        name=name, noun="place", model=models.Place, schema=schemas.PlaceIn, event=events.PlaceChanged,
        references=(_PARENT, _ENTERPRISE), filters=("kind", "parent_id", "enterprise_id"),
        place_kinds=kinds, label="registry.place_kind",
    )  # fmt: skip


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        _places("places"),
        _places("zones", *words.ZONE_KINDS),
        _places("parcels", "parcel"),
        _places("roads", "road"),
        _places("buildings", "building"),
        Kind(
            "enterprises", "enterprise", models.Enterprise, schemas.EnterpriseIn, events.EnterpriseChanged,
            (_PARCEL, _ZONE), ("industry", "status", "chemical", "zone_id", "parcel_id"),
            label="registry.industry",
        ),
        Kind(
            "sites", "site", models.Site, schemas.SiteIn, events.SiteChanged, (_ENTERPRISE, _PARCEL),
            ("enterprise_id", "parcel_id"),
        ),
        Kind(
            "units", "unit", models.Unit, schemas.UnitIn, events.UnitChanged, (_ENTERPRISE, _SITE),
            ("enterprise_id", "site_id"),
        ),
        Kind(
            "equipment", "equipment", models.Equipment, schemas.EquipmentIn, events.EquipmentChanged,
            (_ENTERPRISE, _SITE, _UNIT, _ZONE), ("kind", "enterprise_id", "site_id", "unit_id", "zone_id"),
            label="registry.equipment_kind",
        ),
        Kind(
            "cameras", "camera", models.Camera, schemas.CameraIn, events.CameraChanged, (_ENTERPRISE, _ZONE),
            ("kind", "enterprise_id", "zone_id"), label="registry.camera_kind",
        ),
        Kind(
            "people", "person", models.Person, schemas.PersonIn, events.PersonChanged, (_ENTERPRISE,),
            ("enterprise_id",),
        ),
        Kind(
            "assignments", "assignment", models.Assignment, schemas.AssignmentIn, events.AssignmentChanged,
            (_PERSON, _ENTERPRISE, _UNIT), ("person_id", "enterprise_id", "unit_id", "post"),
        ),
    )
}  # fmt: skip

#: The kind that stands for each noun (and so for each table) in search, picking and links.
BY_NOUN: dict[str, Kind] = {kind.noun: kind for kind in reversed(KINDS.values())}


def kind_named(name: str) -> Kind:
    """The kind of that plural name.

    Raises:
        ProblemError: 404 naming what exists.
    """
    kind = KINDS.get(name)
    if kind is None:
        raise not_found("registry.kind", name)
    return kind


def place_kind_allowed(kind: Kind, value: str) -> bool:
    return not kind.place_kinds or value in kind.place_kinds


def check_place_kind(kind: Kind, value: str) -> None:
    """A road is not made through ``/zones``."""
    if not place_kind_allowed(kind, value):
        allowed = ", ".join(kind.place_kinds)
        raise ProblemError("registry.word_unknown", 422, {"value": value, "allowed": allowed}, "/kind")


def _plain(info: Any) -> Any:
    return info.annotation


def _out(kind: Kind) -> type[BaseModel]:
    # Records were checked when they came in; showing them does not check geometry again.
    fields: dict[str, Any] = {name: (_plain(info), ...) for name, info in kind.schema.model_fields.items()}
    return create_model(f"{kind.schema.__name__.removesuffix('In')}Out", __base__=schemas.Stamp, **fields)


def _stated(kind: Kind, name: str, extra: dict[str, Any]) -> type[BaseModel]:
    """All fields optional: only those that are stated count (``model_fields_set``)."""
    fields: dict[str, Any] = dict(extra)
    for field_name, info in kind.schema.model_fields.items():
        checked = Annotated[(info.annotation, *info.metadata)] if info.metadata else info.annotation
        fields[field_name] = (checked, None)
    return create_model(name, __config__=ConfigDict(extra="forbid"), **fields)


def _per_table(make: Any) -> dict[str, type[BaseModel]]:
    by_noun = {noun: make(kind) for noun, kind in BY_NOUN.items()}
    return {name: by_noun[kind.noun] for name, kind in KINDS.items()}


_Version = Annotated[int, Field(ge=1, description="the version this change was made from")]
#: Shown by the API, per kind name.
OUT = _per_table(_out)
#: Body of PATCH, per kind name.
PATCH = _per_table(
    lambda kind: _stated(
        kind, f"{kind.schema.__name__.removesuffix('In')}Patch", {"version": (_Version, ...)}
    )
)
#: What an import row states, per kind name.
ROW = _per_table(lambda kind: _stated(kind, f"{kind.schema.__name__.removesuffix('In')}Row", {}))
