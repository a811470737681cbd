"""What the API takes and shows. ``…In`` is also what one row of an import must fulfil."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

import msgspec
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from parksight.registry import gb32100, geometry, words

MAX_PROPERTIES_BYTES = 64_000
POINT = frozenset({"Point"})


def _blank_is_none(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


def _credit_code(value: str) -> str:
    code = gb32100.normalise(value)
    if not gb32100.is_valid(code):
        raise PydanticCustomError(
            "registry.enterprise.credit_code_invalid", "fails the check of GB 32100", {"value": value[:40]}
        )
    return code


def _properties(value: dict[str, Any]) -> dict[str, Any]:
    try:
        size = len(msgspec.json.encode(value))
    except (TypeError, ValueError, UnicodeEncodeError, RecursionError):
        raise PydanticCustomError("registry.properties_not_json", "not valid JSON") from None
    if size > MAX_PROPERTIES_BYTES:
        raise PydanticCustomError(
            "registry.properties_too_large", "larger than {limit} bytes", {"limit": MAX_PROPERTIES_BYTES}
        )
    return value


def _checked(allowed: frozenset[str]) -> AfterValidator:
    def check(value: dict[str, Any] | None) -> dict[str, Any] | None:
        if value is not None:
            try:
                geometry.parse(value, allowed)
            except geometry.GeometryError as error:
                params = {k: str(v) for k, v in error.params.items()}
                raise PydanticCustomError(
                    error.reason, f"geometry: {error}".replace("{", "(").replace("}", ")"), params
                ) from None
        return value

    return AfterValidator(check)


def _word(allowed: tuple[str, ...]) -> tuple[AfterValidator, WithJsonSchema]:
    def check(value: str) -> str:
        if value not in allowed:
            params = {"value": value[:40], "allowed": ", ".join(allowed)}
            raise PydanticCustomError("registry.word_unknown", "allowed: {allowed}", params)
        return value

    return AfterValidator(check), WithJsonSchema({"type": "string", "enum": list(allowed)})


# No control characters, no surrogates: they break files, screens and logs alike.
Clean = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
Code = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^\w[\w.:/#\-]{0,63}$")]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=Clean)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=Clean)]
Optional100 = Annotated[
    Annotated[str, StringConstraints(strip_whitespace=True, max_length=100, pattern=Clean)] | None,
    BeforeValidator(_blank_is_none),
]
Address = Annotated[
    Annotated[str, StringConstraints(strip_whitespace=True, max_length=300, pattern=Clean)] | None,
    BeforeValidator(_blank_is_none),
]
Phone = Annotated[
    Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[0-9 +()\-#*,;/转ext.]{3,40}$")]
    | None,
    BeforeValidator(_blank_is_none),
]
CreditCode = Annotated[
    Annotated[str, AfterValidator(_credit_code)] | None,
    BeforeValidator(_blank_is_none),
]
Ref = Annotated[int, Field(ge=1, le=2**53)] | None
Height = Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)] | None
Properties = Annotated[dict[str, Any], AfterValidator(_properties)]
PointGeometry = Annotated[dict[str, Any] | None, _checked(POINT)]
AnyGeometry = Annotated[dict[str, Any] | None, _checked(geometry.TYPES)]
PlaceKind = Annotated[str, *_word(words.PLACE_KINDS)]
Industry = Annotated[str, *_word(words.INDUSTRIES)]
EnterpriseStatus = Annotated[str, *_word(words.ENTERPRISE_STATUSES)]
EquipmentKind = Annotated[str, *_word(words.EQUIPMENT_KINDS)]
CameraKind = Annotated[str, *_word(words.CAMERA_KINDS)]


class RecordIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    code: Code
    name: Name
    name_en: Text = ""
    properties: Properties = Field(default_factory=dict)


class PlaceIn(RecordIn):
    kind: PlaceKind
    parent_id: Ref = None
    enterprise_id: Ref = None
    geometry: AnyGeometry = None


class EnterpriseIn(RecordIn):
    industry: Annotated[Industry | None, BeforeValidator(_blank_is_none)] = None
    credit_code: CreditCode = None
    status: EnterpriseStatus = "producing"
    chemical: bool = False
    legal_representative: Optional100 = None
    contact_name: Optional100 = None
    contact_phone: Phone = None
    address: Address = None
    parcel_id: Ref = None
    zone_id: Ref = None
    geometry: PointGeometry = None


class SiteIn(RecordIn):
    enterprise_id: Annotated[int, Field(ge=1, le=2**53)]
    parcel_id: Ref = None
    address: Address = None
    geometry: AnyGeometry = None


class UnitIn(RecordIn):
    enterprise_id: Annotated[int, Field(ge=1, le=2**53)]
    site_id: Ref = None
    geometry: AnyGeometry = None


class EquipmentIn(RecordIn):
    kind: EquipmentKind
    enterprise_id: Ref = None
    site_id: Ref = None
    unit_id: Ref = None
    zone_id: Ref = None
    height_m: Height = None
    geometry: PointGeometry = None


class CameraIn(RecordIn):
    kind: CameraKind = "low"
    enterprise_id: Ref = None
    zone_id: Ref = None
    height_m: Height = None
    azimuth_deg: Annotated[float, Field(ge=0, lt=360, allow_inf_nan=False)] | None = None
    geometry: PointGeometry = None


class PersonIn(RecordIn):
    enterprise_id: Ref = None
    phone: Phone = None


class AssignmentIn(RecordIn):
    person_id: Annotated[int, Field(ge=1, le=2**53)]
    enterprise_id: Ref = None
    unit_id: Ref = None
    post: Code
    valid_from: date | None = None
    valid_to: date | None = None


class Stamp(BaseModel):
    """What the platform adds to each record."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    active: bool
    version: int
    created_at: datetime
    updated_at: datetime


class ImportRunOut(BaseModel):
    """Counts of an import; ``total = accepted + updated + unchanged + refused``."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    kind: str
    filename: str
    format: str
    encoding: str | None
    sha256: str
    size: int
    dry_run: bool
    by_name: str
    at: datetime
    total: int
    accepted: int
    updated: int
    unchanged: int
    refused: int
    problem: str | None
    problem_text: str | None = None


class ImportRowOut(BaseModel):
    row: int
    code: str
    outcome: str
    reason: str | None
    column: str | None
    text: str | None


class ImportReport(ImportRunOut):
    """The run with its first refused rows; all rows are at ``/registry/imports/{id}/rows``."""

    rows: list[ImportRowOut] = Field(default_factory=list)


class SearchHit(BaseModel):
    kind: str
    id: int
    code: str
    name: str
    name_en: str
    enterprise_id: int | None
    position: tuple[float, float] | None
    href: str


class PickHit(BaseModel):
    """Something at the place asked for; ``distance_m`` is 0 inside its outline."""

    kind: str
    noun: str
    id: int
    code: str
    name: str
    name_en: str
    enterprise_id: int | None
    distance_m: float
    href: str


class LayerInfo(BaseModel):
    name: str
    href: str
    features: int


class TabOut(BaseModel):
    key: str
    title: str
    href: str


class EnterpriseSummary(BaseModel):
    """First page of an enterprise: the record, what it has, and the tabs the caller may open."""

    enterprise: dict[str, Any]
    counts: dict[str, int]
    tabs: list[TabOut]
