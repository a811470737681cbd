"""Major hazard sources as the API takes and shows them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

__all__ = [
    "ChemicalIn", "ChemicalOut", "DerivationLine", "FactorOut", "HazardDetail", "HazardImport", "HazardImportReport",
    "HazardImportRow", "HazardIn", "HazardOut", "HazardPatch", "HazardPointIn", "HazardPointOut", "HazardState",
    "HazardSummary", "IdentificationOut", "Level", "Parameter", "SubstanceOut", "UnitKindWord", "Watch",
]  # fmt: skip

Clean = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
RecordId = Annotated[int, Field(ge=1, le=2**53)]
PointId = Annotated[int, Field(ge=1, le=2**31 - 1)]
Level = Annotated[int, Field(ge=1, le=4, description="1 is the gravest")]
Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=Clean)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120, pattern=Clean)]
UnitKindWord = Literal["production", "tank_farm", "warehouse"]
HazardState = Literal["major", "below", "unknown"]
Parameter = Literal["temperature", "pressure", "level", "flow", "gas", "other"]
Symbol = Annotated[str, StringConstraints(strip_whitespace=True, max_length=8, pattern=r"^[JW][0-9.]+$")]


class ChemicalIn(BaseModel):
    """A substance the unit may hold.

    ``substance``: CAS number, Table 2 symbol, or a name or alias of GB 18218-2018; ``tonnes`` the design maximum.
    """

    model_config = ConfigDict(extra="forbid")

    substance: Name
    name: Name | None = Field(None, description="as the enterprise calls it; default: the standard's name")
    tonnes: Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
    hazard_classes: Annotated[list[Symbol], Field(max_length=12)] = []
    condition_confirmed: bool = False
    origin: Line = ""
    as_of: date


class ChemicalOut(BaseModel):
    """``condition``: what the row asks of content or state, to be confirmed by a person."""

    id: int
    substance: str
    name: str
    tonnes: float
    hazard_classes: list[str]
    condition: str
    condition_confirmed: bool
    origin: str
    as_of: date


class HazardPointIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    point_id: PointId
    parameter: Parameter
    interlock: bool = False


class _Facts(BaseModel):
    model_config = ConfigDict(extra="forbid")

    persons: Annotated[int | None, Field(ge=0, le=100_000_000)] = None
    declared_level: Level | None = None
    record_no: Annotated[str, StringConstraints(strip_whitespace=True, max_length=64, pattern=Clean)] = ""
    assessed_on: date | None = None
    assessment_ends_on: date | None = None
    remark: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000, pattern=Clean)] = ""


class HazardIn(_Facts):
    """A unit to identify. ``persons`` left out is not zero: the level stays unknown until somebody has counted."""

    unit_id: RecordId
    kind: UnitKindWord
    chemicals: Annotated[list[ChemicalIn], Field(max_length=200)] = []
    points: Annotated[list[HazardPointIn], Field(max_length=2000)] = []


class HazardPatch(BaseModel):
    """Changes; what is not named stays. ``chemicals`` and ``points`` replace the whole list."""

    model_config = ConfigDict(extra="forbid")

    version: Annotated[int, Field(ge=1, le=2**31 - 1)]
    kind: UnitKindWord | None = None
    persons: Annotated[int | None, Field(ge=0, le=100_000_000)] = None
    declared_level: Level | None = None
    record_no: Annotated[
        str | None, StringConstraints(strip_whitespace=True, max_length=64, pattern=Clean)
    ] = None
    assessed_on: date | None = None
    assessment_ends_on: date | None = None
    remark: Annotated[
        str | None, StringConstraints(strip_whitespace=True, max_length=2000, pattern=Clean)
    ] = None
    chemicals: Annotated[list[ChemicalIn] | None, Field(max_length=200)] = None
    points: Annotated[list[HazardPointIn] | None, Field(max_length=2000)] = None


class Watch(BaseModel):
    """How far the source is watched now: its points by state, and the open alarms on them.

    ``online_share`` None: it has no points, which is not the same as all being well.
    """

    points: int
    online: int
    suspect: int
    stale: int
    unknown: int
    online_share: float | None
    open_alarms: int
    worst_priority: int | None


class Party(BaseModel):
    id: int
    code: str
    name: str
    name_en: str


class HazardOut(BaseModel):
    """A source with its newest identification.

    Attributes:
        state: ``below``: s < 1, no major hazard; ``unknown``: it could not be identified, ``problem_text`` says why.
        disagrees: the level found differs from the level declared.
        position: (lon, lat) of the unit; None: not drawn.
    """

    id: int
    unit: Party
    enterprise: Party
    kind: UnitKindWord
    state: HazardState
    level: int | None
    s: float | None
    r: float | None
    problem: str | None
    problem_text: str | None
    declared_level: int | None
    disagrees: bool
    persons: int | None
    record_no: str
    assessed_on: date | None
    assessment_ends_on: date | None
    remark: str
    position: tuple[float, float] | None
    watch: Watch
    simulated: bool
    version: int
    updated_at: int


class FactorOut(BaseModel):
    """A value of the law: what it is, where it stands, and whether it is verified."""

    value: float
    unit: str
    standard: str
    clause: str
    confidence: str
    verified: bool


class DerivationLine(BaseModel):
    """``ratio`` = tonnes / threshold; ``weighted`` = beta x ratio."""

    substance: str
    name: str
    tonnes: float
    threshold: FactorOut
    beta: FactorOut
    ratio: float
    weighted: float


class IdentificationOut(BaseModel):
    """A verdict with its derivation: s is the sum of the ratios, R is alpha times the sum of the weighted ones."""

    id: int
    at: int
    by_name: str
    why: str
    state: HazardState
    level: int | None
    s: float | None
    r: float | None
    problem: str | None
    problem_text: str
    persons: int | None
    alpha: FactorOut | None
    lines: list[DerivationLine]


class HazardPointOut(BaseModel):
    """A point with its newest value and the limits of the alarm rule in force on it."""

    point: dict[str, Any]
    parameter: Parameter
    interlock: bool
    value: float | None
    observed_at: int | None
    state: Literal["unknown", "online", "suspect", "stale"]
    limits: dict[str, float]
    rule_id: int | None
    rule_version: int | None
    open_priority: int | None


class HazardDetail(HazardOut):
    chemicals: list[ChemicalOut]
    points: list[HazardPointOut]
    identification: IdentificationOut | None


class HazardSummary(BaseModel):
    """Sources by level, those below s = 1, and those nobody can tell; all the caller may see."""

    by_level: dict[int, int]
    below: int
    unknown: int
    disagreeing: int
    assessment_overdue: int
    watch: Watch


class SubstanceOut(BaseModel):
    """A row of GB 18218-2018 to choose from."""

    table: str
    entry: str
    name_zh: str
    name_en: str
    cas: str
    condition: str


class HazardImportRow(_Facts):
    """A source by codes, as systems send it."""

    unit_code: Name
    kind: UnitKindWord
    chemicals: Annotated[list[ChemicalIn], Field(max_length=200)] = []
    points: Annotated[list[tuple[Name, Parameter, bool]], Field(max_length=2000, description="code, parameter, interlock")] = []  # fmt: skip
    simulated: bool = False


class HazardImport(BaseModel):
    model_config = ConfigDict(extra="forbid")

    rows: Annotated[list[HazardImportRow], Field(min_length=1, max_length=1000)]


class HazardImportReport(BaseModel):
    """Per refused row: its number, what is wrong, in words."""

    accepted: int
    updated: int
    unchanged: int
    refused: int
    problems: list[dict[str, Any]]
