"""What the API shows and takes of duty. Instants are UTC; civil times ``HH:MM`` and days are the zone's."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(min_length=1, max_length=120, strip_whitespace=True)]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
Short = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,32}$")]
Key = Annotated[int, Field(ge=1, le=2**31 - 1)]
Civil = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=400, strip_whitespace=True)]
Category = Literal["event", "alarm", "instruction", "visit", "equipment", "weather", "drill", "other"]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Person(BaseModel):
    """An account, as far as everybody on duty may know it."""

    id: int
    name: str
    name_en: str


class DeskIn(Body):
    code: Code
    name: Name
    name_en: str = Field("", max_length=120)
    post_id: Key
    enterprise_id: Key | None = None
    min_crew: int = Field(1, ge=1, le=50)
    continuous: bool = True


class DeskPatch(Body):
    version: int
    name: Name | None = None
    name_en: str | None = Field(None, max_length=120)
    min_crew: int | None = Field(None, ge=1, le=50)
    continuous: bool | None = None
    active: bool | None = None


class DeskOut(BaseModel):
    """A desk, who is there now, and how the handover out of the last shift stands."""

    id: int
    code: str
    name: str
    name_en: str
    post_id: int
    post_code: str
    enterprise_id: int | None
    min_crew: int
    continuous: bool
    active: bool
    version: int
    on_duty: list[OnDutyOut]
    shift: ShiftOut | None
    handover_due: ShiftOut | None = Field(description="the shift whose handover is late or missing")


class OnDutyOut(BaseModel):
    """Somebody who is on duty; ``acting_for`` is whom the rota names, when this is the deputy."""

    person: Person
    desk_id: int
    desk_code: str
    shift_id: int
    starts_at: datetime
    ends_at: datetime
    leads: bool
    acting_for: Person | None


class ShiftKindIn(Body):
    """One row of the shift table; an end at or before the start lies on the next day."""

    code: Short
    name: Name
    name_en: str = Field("", max_length=120)
    start: Civil
    end: Civil


class CrewIn(Body):
    """A crew; its first member leads."""

    code: Short
    name: Name
    name_en: str = Field("", max_length=120)
    members: list[Key] = Field(default_factory=list, max_length=50)


class RotaIn(Body):
    """A repeating pattern: ``days`` has one ``{shift code: crew code}`` per day of the cycle, e.g. 四班三运转."""

    name: Name
    kinds: list[ShiftKindIn] = Field(min_length=1, max_length=12)
    crews: list[CrewIn] = Field(min_length=1, max_length=24)
    days: list[dict[Short, Short]] = Field(min_length=1, max_length=366)
    first_day: date
    last_day: date | None = None


class RotaEnd(Body):
    version: int
    last_day: date
    reason: Reason


class RotaOut(BaseModel):
    id: int
    desk_id: int
    name: str
    kinds: list[dict[str, Any]]
    crews: list[dict[str, Any]]
    days: list[dict[str, str]]
    first_day: date
    last_day: date | None
    version: int


class PlannedOut(BaseModel):
    code: str
    crew: str
    starts_at: datetime
    ends_at: datetime
    people: list[Person]


class Finding(BaseModel):
    """What is wrong with a plan: nobody there, too few, one person twice, or somebody who is away.

    ``kind``: ``gap``, ``short``, ``double``, ``absent`` (with deputy, or without), ``rest`` (less than the least rest
    between two shifts).
    """

    kind: Literal["gap", "short", "double", "absent", "rest"]
    starts_at: datetime
    ends_at: datetime
    shift_id: int | None = None
    person: Person | None = None
    deputy: Person | None = None
    text: str


class Preview(BaseModel):
    """The shifts a rota would make, with what is wrong; nothing is stored."""

    shifts: list[PlannedOut]
    findings: list[Finding]


class ShiftPersonOut(BaseModel):
    person: Person
    leads: bool
    added_at: datetime
    removed_at: datetime | None
    reason: str
    replaces: Person | None


HandoverStanding = Literal["none", "due", "late", "missing", "draft", "signed", "done"]


class ShiftOut(BaseModel):
    """A shift. ``handover``: none (not yet over), due, late, missing, draft, signed by the leaving person, done."""

    id: int
    desk_id: int
    rota_id: int | None
    code: str
    name: str
    name_en: str
    crew: str
    starts_at: datetime
    ends_at: datetime
    state: str
    handover: HandoverStanding
    people: list[ShiftPersonOut]


class Calendar(BaseModel):
    """Shifts of a span with what is wrong with them."""

    shifts: list[ShiftOut]
    findings: list[Finding]


class ShiftIn(Body):
    """A shift by hand, beside the rota."""

    code: Short
    name: Name
    name_en: str = Field("", max_length=120)
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    people: list[Key] = Field(min_length=1, max_length=50)
    reason: Reason


class ReplaceIn(Body):
    """Take somebody off a shift, put somebody on it, or both."""

    off: Key | None = None
    on: Key | None = None
    reason: Reason


class SwapIn(Body):
    """Two people exchange their shifts."""

    shift_id: Key
    user_id: Key
    with_shift_id: Key
    with_user_id: Key
    reason: Reason


class AbsenceIn(Body):
    user_id: Key | None = Field(None, description="whose; oneself by default")
    deputy_id: Key
    kind: Literal["leave", "sick", "training", "trip", "other"] = "leave"
    reason: str = Field("", max_length=400)
    starts_at: AwareDatetime
    ends_at: AwareDatetime


class Decision(Body):
    accept: bool
    reason: str = Field("", max_length=400)


class EndIn(Body):
    reason: str = Field("", max_length=400)


class AbsenceOut(BaseModel):
    """``standing``: requested, upcoming, active, over, declined, withdrawn, or lapsed (never accepted)."""

    id: int
    person: Person
    deputy: Person
    enterprise_id: int | None
    kind: str
    reason: str
    starts_at: datetime
    ends_at: datetime
    state: str
    standing: str
    requested_at: datetime
    decided_at: datetime | None
    decision: str
    ended_at: datetime | None


class Link(Body):
    """A record that an entry is about."""

    kind: Annotated[str, StringConstraints(pattern=r"^[a-z_.]{1,40}$")]
    id: Annotated[str, StringConstraints(min_length=1, max_length=80)]


class LogIn(Body):
    """A line; ``occurred_at`` is when it happened, now by default."""

    text: str = Field(min_length=1, max_length=4000)
    category: Category = "event"
    occurred_at: AwareDatetime | None = None
    links: list[Link] = Field(default_factory=list, max_length=20)
    corrects_id: Key | None = None


class LogOut(BaseModel):
    """A line; ``late``: written down long after it happened. ``corrected_by`` names the newer lines about it."""

    id: int
    desk_id: int
    shift_id: int | None
    occurred_at: datetime
    recorded_at: datetime
    late: bool
    category: str
    text: str
    links: list[Link]
    author_id: int | None
    author: str
    corrects_id: int | None
    corrected_by: list[int]


class DraftIn(Body):
    """``shift_id``: the shift that is left; by default the one that is running or waits to be handed over."""

    shift_id: Key | None = None


class RemarkIn(Body):
    """``item`` is ``<section>/<item key>``, or ``*`` for the handover as a whole."""

    item: str = Field(min_length=1, max_length=80)
    text: str = Field(max_length=2000)


class HandoverSignIn(BaseModel):
    """A signature. People with a password prove themselves anew; others by their session."""

    model_config = ConfigDict(extra="forbid")

    password: str | None = Field(None, max_length=256)
    code: str | None = Field(None, max_length=20, description="of the second factor, where one is in force")
    hash: str | None = Field(
        None, max_length=64, description="what the page showed; refused when it is not what is there"
    )


class RefuseIn(Body):
    reason: str = Field(min_length=1, max_length=1000)


class HandoverItem(BaseModel):
    key: str
    text: str
    text_key: str
    subject: Link | None
    page: str | None
    severity: str
    since: datetime | None
    open: bool
    remark: str | None


class HandoverSection(BaseModel):
    code: str
    title: str
    total: int
    items: list[HandoverItem]


class Signature(BaseModel):
    """``method``: ``password`` or ``password+totp`` (proved anew), or ``session``."""

    person: Person
    at: datetime
    method: str


class HandoverOut(BaseModel):
    """``hash`` covers snapshot and remarks and is what is signed; ``snapshot_hash`` the snapshot alone."""

    id: int
    desk_id: int
    state: str
    from_shift: ShiftOut
    to_shift: ShiftOut
    since: datetime
    until: datetime
    drafted_by: Person | None
    drafted_at: datetime
    snapshot_hash: str
    hash: str
    sections: list[HandoverSection]
    remark: str | None
    left: Signature | None
    taken: Signature | None
    refused: Signature | None
    refusal: str
    may: list[Literal["remark", "sign", "accept", "refuse"]] = Field(
        description="what the caller may do with it now"
    )


class HandoverRow(BaseModel):
    id: int
    desk_id: int
    from_shift_id: int
    to_shift_id: int
    state: str
    drafted_at: datetime
    left_at: datetime | None
    taken_at: datetime | None
    refusal: str


DeskOut.model_rebuild()
