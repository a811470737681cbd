"""Types all schemas of cases share. Instants are ISO 8601 with a zone."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

Clean = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
RecordId = Annotated[int, Field(ge=1, le=2**53)]
Priority = Annotated[int, Field(ge=1, le=4, description="1 is the highest")]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.-]*$", max_length=64)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300, pattern=Clean)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=4000, pattern=Clean)]
TagWord = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40, pattern=Clean)]
RequestId = Annotated[str, StringConstraints(min_length=8, max_length=80, pattern=r"^[A-Za-z0-9_.:-]+$")]
#: green: in time; yellow: past 80 % of the time; red: overdue; none: no clock runs.
CaseLight = Literal["green", "yellow", "red", "none"]
PartyKind = Literal["user", "post", "department", "enterprise"]
LinkKind = Literal["parent", "cause", "repeat_of", "duplicate_of", "related"]


class PositionIn(BaseModel):
    """WGS 84 degrees; ``accuracy_m`` as the device estimates it."""

    lon: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
    lat: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
    accuracy_m: Annotated[float | None, Field(ge=0, le=1e7, allow_inf_nan=False)] = None


class PartyOut(BaseModel):
    """A person, post, department, enterprise, role or the zone."""

    kind: Literal["user", "post", "department", "enterprise", "role", "zone"]
    id: int | None
    key: str
    name: str
    name_en: str
