"""Types and references all schemas of alarms share."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

Clean = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
Code = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=128, pattern=r"^\S[^\x00-\x1f\x7f]*$"),
]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300, pattern=Clean)]
Number = Annotated[float, Field(ge=-1e300, le=1e300, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]
Priority = Annotated[int, Field(ge=1, le=4, description="1 is the highest")]
RecordId = Annotated[int, Field(ge=1, le=2**53)]
PointId = Annotated[int, Field(ge=1, le=2**31 - 1)]
StepWord = Literal["HH", "H", "L", "LL", "STALE", "ON"]
Condition = Literal["active", "unknown", "cleared"]
Handling = Literal["new", "acknowledged", "verifying", "classified", "responding", "closed", "suppressed"]
Cause = Literal["real", "test", "sensor", "communication", "calibration", "nuisance", "drill"]
Silence = Literal["shelved", "by_design", "out_of_service", "chattering"]
IsaState = Literal["NORM", "UNACK", "ACKED", "RTNUN", "LATCH_UNACK", "LATCH_ACK", "SHLVD", "DSUPR", "OOSRV"]
Instant = Annotated[int, Field(ge=0, le=253_402_300_799_000, description="ms since the epoch")]
Remark = Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000, pattern=Clean)]
Reason = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000, pattern=Clean)
]
Reference = Annotated[str, StringConstraints(strip_whitespace=True, max_length=120, pattern=Clean)]


class PointRef(BaseModel):
    id: int
    code: str
    name: str
    name_en: str
    unit: str
    kind: str


class Named(BaseModel):
    id: int
    code: str
    name: str
    name_en: str
