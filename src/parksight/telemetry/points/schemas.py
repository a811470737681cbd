"""What the API shows and takes of points."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self

import msgspec
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from parksight.telemetry.units import QUANTITIES, UNITS, conversion

MAX_PROPERTIES_BYTES = 16 * 1024


def _bounded(value: dict[str, Any]) -> dict[str, Any]:
    try:
        size = len(msgspec.json.encode(value))
    except (msgspec.ValidationError, TypeError, ValueError, RecursionError):
        raise ValueError("properties must be plain JSON") from None
    if size > MAX_PROPERTIES_BYTES:
        raise ValueError(f"properties take {size} bytes, at most {MAX_PROPERTIES_BYTES}")
    return value


Code = Annotated[str, Field(min_length=1, max_length=96, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/#\-]*$")]
Text = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f]*$")]
Kind = Annotated[str, Field(max_length=64, pattern=r"^([a-z0-9_]+(\.[a-z0-9_]+)*)?$")]
Number = Annotated[float, Field(allow_inf_nan=False, ge=-1e300, le=1e300)]
RecordId = Annotated[int, Field(ge=1, le=2**53)]
PointId = Annotated[int, Field(ge=1, le=2**31 - 1)]
Properties = Annotated[dict[str, Any], AfterValidator(_bounded)]
Positive = Annotated[float, Field(gt=0, le=366 * 86_400, allow_inf_nan=False)]


class PointIn(BaseModel):
    """A point as it is made; see :class:`parksight.telemetry.models.Point` for the meaning of the fields."""

    model_config = ConfigDict(extra="forbid")

    code: Code
    name: Annotated[Text, Field(min_length=1)]
    name_en: Text = ""
    quantity: Annotated[str, Field(max_length=40)]
    unit: Annotated[str | None, Field(max_length=24, description="default: the quantity's own")] = None
    source_unit: Annotated[str | None, Field(max_length=24)] = None
    scale: Number = 1.0
    shift: Number = 0.0
    period_s: Positive = 60.0
    resolution: Annotated[float | None, Field(gt=0, le=1e300, allow_inf_nan=False)] = None
    plausible_low: Number | None = None
    plausible_high: Number | None = None
    impossible_low: Number | None = None
    impossible_high: Number | None = None
    enterprise_id: RecordId | None = None
    place_id: RecordId | None = None
    thing_id: RecordId | None = None
    kind: Kind = ""
    priority: Annotated[int, Field(ge=0, le=100)] = 0
    active: bool = True
    simulated: bool = False
    properties: Properties = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (problem := inconsistency(self)) is not None:
            raise ValueError(problem)
        if self.unit is None:
            self.unit = QUANTITIES[self.quantity].unit
        return self


def inconsistency(point: Any) -> str | None:
    """What contradicts within a point, in words for the developer; None when nothing does."""
    quantity = QUANTITIES.get(point.quantity)
    if quantity is None:
        return f"quantity {point.quantity!r} is none of {', '.join(QUANTITIES)}"
    unit = point.unit or quantity.unit
    for name, symbol in (("unit", unit), ("source_unit", point.source_unit or unit)):
        if symbol not in UNITS:
            return f"{name} {symbol!r} is unknown"
        if UNITS[symbol].dimension != UNITS[quantity.unit].dimension:
            known = [u.symbol for u in UNITS.values() if u.dimension == UNITS[quantity.unit].dimension]
            return f"{name} {symbol!r} does not measure {point.quantity}: use one of {', '.join(known)}"
    conversion(point.source_unit or unit, unit)
    if point.scale == 0:
        return "scale must not be 0: every value would be lost"
    for low, high in (("plausible_low", "plausible_high"), ("impossible_low", "impossible_high")):
        a, b = getattr(point, low), getattr(point, high)
        if a is not None and b is not None and a >= b:
            return f"{low} must be below {high}"
    return None


class PointPatch(BaseModel):
    """Fields to change; ``version`` is the one that was seen."""

    model_config = ConfigDict(extra="forbid")

    version: Annotated[int, Field(ge=1, le=2**31 - 1)]
    code: Code | None = None
    name: Annotated[Text, Field(min_length=1)] | None = None
    name_en: Text | None = None
    quantity: Annotated[str, Field(max_length=40)] | None = None
    unit: Annotated[str, Field(max_length=24)] | None = None
    source_unit: Annotated[str | None, Field(max_length=24)] = None
    scale: Number | None = None
    shift: Number | None = None
    period_s: Positive | None = None
    resolution: Annotated[float | None, Field(gt=0, le=1e300, allow_inf_nan=False)] = None
    plausible_low: Number | None = None
    plausible_high: Number | None = None
    impossible_low: Number | None = None
    impossible_high: Number | None = None
    enterprise_id: RecordId | None = None
    place_id: RecordId | None = None
    thing_id: RecordId | None = None
    kind: Kind | None = None
    priority: Annotated[int, Field(ge=0, le=100)] | None = None
    active: bool | None = None
    simulated: bool | None = None
    properties: Properties | None = None

    def stated(self) -> dict[str, Any]:
        """The fields that the request mentions."""
        return {name: getattr(self, name) for name in self.model_fields_set if name != "version"}


#: Fields that may be set back to "none"; the others cannot be null.
NULLABLE = frozenset(
    {
        "source_unit", "resolution", "plausible_low", "plausible_high", "impossible_low", "impossible_high",
        "enterprise_id", "place_id", "thing_id",
    }
)  # fmt: skip

StateWord = Literal["unknown", "online", "suspect", "stale"]
CodeWord = Literal["good", "unknown", "suspect", "bad", "substituted", "calibration", "maintenance"]
FlagWord = Literal["resent", "clock_skew", "late", "simulated"]


class LastValue(BaseModel):
    """The newest value of a point with its age and worth.

    Attributes:
        value: in the point's unit; None when nothing was measured.
        observed_at: ms since the epoch; None when nothing ever came.
        age_s: seconds since the observation; None when nothing ever came.
        quality: the raw byte; ``quality_code`` and ``quality_flags`` spell it out.
        state: online, suspect, stale (older than three expected periods) or unknown (never seen).
        count: rows stored since this process started.
    """

    value: float | None
    observed_at: int | None
    received_at: int | None
    age_s: float | None
    quality: int
    quality_code: CodeWord
    quality_flags: list[FlagWord]
    state: StateWord
    count: int


class PointOut(BaseModel):
    """A point with its newest value."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    code: str
    name: str
    name_en: str
    quantity: str
    unit: str
    source_unit: str | None
    scale: float
    shift: float
    period_s: float
    resolution: float | None
    plausible_low: float | None
    plausible_high: float | None
    impossible_low: float | None
    impossible_high: float | None
    enterprise_id: int | None
    place_id: int | None
    thing_id: int | None
    kind: str
    priority: int
    active: bool
    simulated: bool
    properties: dict[str, Any]
    version: int
    created_at: datetime
    updated_at: datetime
    last: LastValue


class QuantityOut(BaseModel):
    """A quantity and the units that measure it, canonical first."""

    key: str
    label: str
    unit: str
    units: list[str]
    discrete: bool


class Vocabulary(BaseModel):
    """What may be chosen for a point."""

    quantities: list[QuantityOut]
    kinds: list[str]


class ImportedRow(BaseModel):
    """What became of one row of an imported file."""

    row: int
    code: str
    outcome: Literal["accepted", "updated", "unchanged", "refused"]
    column: str | None = None
    reason: str | None = None
    text: str | None = None


class ImportReport(BaseModel):
    """What became of an imported file.

    Attributes:
        problem: why the file as a whole was refused; no row was looked at then.
        rows: refused rows (all rows when asked for), at most 5,000.
        rows_omitted: rows that the limit left out of ``rows``; the counts include them.
    """

    filename: str
    dry_run: bool
    total: int
    accepted: int
    updated: int
    unchanged: int
    refused: int
    problem: str | None = None
    problem_text: str | None = None
    rows: list[ImportedRow]
    rows_omitted: int
