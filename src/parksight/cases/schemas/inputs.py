"""What people and programs send."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from parksight.cases.schemas.common import (
    Clean,
    LinkKind,
    PartyKind,
    PositionIn,
    Priority,
    RecordId,
    RequestId,
    TagWord,
    Text,
    Title,
    Word,
)

FieldValues = Annotated[dict[str, Any], Field(max_length=60)]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SubjectIn(_In):
    kind: Word
    id: Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=Clean)]


class OwnerIn(_In):
    user_id: RecordId | None = None
    post_id: RecordId | None = None
    department_id: RecordId | None = None
    enterprise_id: RecordId | None = None


class ParticipantIn(_In):
    kind: PartyKind
    id: RecordId
    role: Word


class LinkIn(_In):
    kind: LinkKind
    other_id: RecordId


class EvidenceIn(_In):
    """Evidence kept elsewhere: a stored file, readings of a point, or a piece of video."""

    kind: Literal["file", "photo", "observation", "video"]
    file_id: RecordId | None = None
    position: PositionIn | None = None
    taken_at: AwareDatetime | None = None
    device: Annotated[str, StringConstraints(max_length=200, pattern=Clean)] = ""
    note: Annotated[str, StringConstraints(max_length=1000, pattern=Clean)] = ""
    point_id: RecordId | None = None
    camera_id: RecordId | None = None
    reference: Annotated[str | None, StringConstraints(max_length=500, pattern=Clean)] = None
    start: AwareDatetime | None = None
    end: AwareDatetime | None = None


class CaseIn(_In):
    """A new case. ``key``: of the sender's queue; sending it twice opens one case."""

    type: Word
    title: Title
    description: Text = ""
    subject: SubjectIn | None = None
    enterprise_id: RecordId | None = None
    position: PositionIn | None = None
    priority: Priority = 3
    occurred_at: AwareDatetime | None = None
    fields: FieldValues = Field(default_factory=dict)
    owner: OwnerIn | None = None
    participants: Annotated[list[ParticipantIn], Field(max_length=50)] = Field(default_factory=list)
    links: Annotated[list[LinkIn], Field(max_length=20)] = Field(default_factory=list)
    evidence: Annotated[list[EvidenceIn], Field(max_length=20)] = Field(default_factory=list)
    tags: Annotated[list[TagWord], Field(max_length=20)] = Field(default_factory=list)
    anonymous: bool = False
    drill: bool = False
    key: RequestId | None = None


class ActIn(_In):
    """A transition. ``version``: the one it was decided on; when the case has changed since, nothing happens (409)."""

    transition: Word
    fields: FieldValues = Field(default_factory=dict)
    evidence_ids: Annotated[list[RecordId], Field(max_length=50)] = Field(default_factory=list)
    comment: Text = ""
    occurred_at: AwareDatetime | None = None
    version: Annotated[int | None, Field(ge=1, le=2**31)] = None
    request_id: RequestId | None = None


class ReviseIn(_In):
    """Corrections; what is left out stays."""

    title: Title | None = None
    description: Text | None = None
    priority: Priority | None = None
    position: PositionIn | None = None
    tags: Annotated[list[TagWord] | None, Field(max_length=20)] = None
    reason: Text = ""
    version: Annotated[int | None, Field(ge=1, le=2**31)] = None


class CommentIn(_In):
    text: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000, pattern=Clean)
    ]
    request_id: RequestId | None = None


class CaseSignIn(_In):
    """A signature: the meaning, the statement as shown to the signer, and a fresh proof of who signs."""

    meaning: Word
    statement: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000, pattern=Clean)
    ]
    password: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    code: Annotated[str | None, StringConstraints(max_length=20)] = None
