"""A person's desk: kept lists, and many cases at once."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from parksight.cases.schemas.common import Clean, RecordId, Text, Word
from parksight.cases.schemas.inputs import FieldValues

FilterName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80, pattern=Clean)
]
_Key = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,40}$")]
_Value = Annotated[str, StringConstraints(max_length=300, pattern=Clean)]


class FilterIn(BaseModel):
    """A list to keep; the same name replaces it. ``query``: parameters of the list as texts."""

    model_config = ConfigDict(extra="forbid")

    name: FilterName
    query: Annotated[dict[_Key, _Value], Field(max_length=30)]


class FilterOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    query: dict[str, str]


class ChosenIn(BaseModel):
    """A case and the version it was chosen at: a case that has changed since is left alone."""

    model_config = ConfigDict(extra="forbid")

    id: RecordId
    version: Annotated[int, Field(ge=1, le=2**31)]


class BulkIn(BaseModel):
    """One transition for many cases."""

    model_config = ConfigDict(extra="forbid")

    items: Annotated[list[ChosenIn], Field(min_length=1, max_length=200)]
    transition: Word
    fields: FieldValues = Field(default_factory=dict)
    comment: Text = ""


class BulkRefusal(BaseModel):
    """Why one of many was left as it is, in the reader's language."""

    id: int
    number: str
    code: str
    text: str


class BulkOut(BaseModel):
    """What became of a bulk action: each case is either done or refused with its reason."""

    done: list[int]
    refused: list[BulkRefusal]
