"""What a rule watches. Classes and places are followed: points that appear later are watched from then on."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from parksight.alarms.schemas.common import Code, PointId, RecordId

__all__ = ["ClassTarget", "PlaceTarget", "PointTarget", "Target"]

Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]


class PointTarget(BaseModel):
    """One point, by id or by code (exactly one)."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["point"]
    point_id: PointId | None = None
    point: Code | None = None

    @model_validator(mode="after")
    def _which(self) -> Self:
        if (self.point_id is None) == (self.point is None):
            raise PydanticCustomError("alarms.rule.point_one_of", "give either point_id or point")
        return self


class _Selector(BaseModel):
    """Points by what they measure.

    Attributes:
        point_kind: class tag or its beginning: ``gas`` selects ``gas`` and ``gas.methane``.
        without: codes of points that are spared.
    """

    model_config = ConfigDict(extra="forbid")

    quantity: Word | None = None
    point_kind: Word | None = None
    unit: Word | None = None
    without: Annotated[list[Code], Field(max_length=500)] = []


class ClassTarget(_Selector):
    """All points of a class, of the enterprises named or of the whole zone."""

    kind: Literal["class"]
    enterprise_ids: Annotated[list[RecordId] | None, Field(min_length=1, max_length=500)] = None

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.quantity is None and self.point_kind is None and self.unit is None:
            raise PydanticCustomError("alarms.rule.class_empty", "a class names a quantity, a kind or a unit")
        return self


class PlaceTarget(_Selector):
    """All points at a place: a zone or parcel, an enterprise, one of its sites or units, or one thing."""

    kind: Literal["place"]
    place: Literal["place", "enterprise", "site", "unit", "thing"]
    id: RecordId


Target = Annotated[PointTarget | ClassTarget | PlaceTarget, Field(discriminator="kind")]
