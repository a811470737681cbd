"""What the API shows of identity."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(min_length=1, max_length=120)]
Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
Key = Annotated[int, Field(ge=1, le=2**31 - 1)]
Language = Literal["zh-CN", "en"]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Row(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class SignIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    username: str = Field(min_length=1, max_length=80)
    password: str = Field(min_length=1, max_length=256)
    code: str | None = Field(None, max_length=32, description="second factor or recovery code")


class AssignmentBody(Body):
    """A role and its scope; ``scope_ids`` are departments or enterprises."""

    role: str = Field(max_length=40)
    scope: Literal["zone", "departments", "enterprises"] = "zone"
    scope_ids: list[Key] = Field(default_factory=list, max_length=1000)


class UserCreate(Body):
    username: str = Field(min_length=2, max_length=80)
    name: Name
    name_en: str = Field("", max_length=120)
    email: str = Field("", max_length=200)
    phone: str = Field("", max_length=40)
    language: Language | None = None
    organisation_id: Key | None = None
    department_id: Key | None = None
    post_id: Key | None = None
    oidc_subject: str | None = Field(None, min_length=1, max_length=255)
    password: str | None = Field(None, max_length=256, description="to be changed at the first sign-in")
    assignments: list[AssignmentBody] = Field(default_factory=list, max_length=20)


class UserUpdate(Body):
    """Only the members that are given change; ``version`` is the one that was seen."""

    version: int
    name: Name | None = None
    name_en: str | None = Field(None, max_length=120)
    email: str | None = Field(None, max_length=200)
    phone: str | None = Field(None, max_length=40)
    language: Language | None = None
    organisation_id: Key | None = None
    department_id: Key | None = None
    post_id: Key | None = None
    oidc_subject: str | None = Field(None, min_length=1, max_length=255)
    active: bool | None = None
    assignments: list[AssignmentBody] | None = Field(None, max_length=20)


class PasswordReset(Body):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=False)

    password: str = Field(min_length=1, max_length=256)


class PasswordChange(PasswordReset):
    current: str = Field(min_length=1, max_length=256)


class AssignmentView(Row):
    role: str
    scope: str
    scope_ids: list[int]


class UserView(Row):
    id: int
    username: str
    name: str
    name_en: str
    email: str
    phone: str
    language: str | None
    organisation_id: int | None
    department_id: int | None
    post_id: int | None
    oidc_subject: str | None
    must_change_password: bool
    totp: bool
    active: bool
    demo: bool
    created_at: datetime
    last_seen_at: datetime | None
    version: int
    assignments: list[AssignmentView]


class SessionUser(Row):
    id: int
    username: str
    name: str
    name_en: str
    language: str | None
    department_id: int | None
    post_id: int | None
    demo: bool
    totp: bool


class SessionView(BaseModel):
    """Who is signed in and what they may do; ``enterprises`` null means the whole zone."""

    user: SessionUser
    kind: str
    roles: list[str]
    grants: list[str]
    enterprises: list[int] | None
    departments: list[int]
    must_change_password: bool
    csrf: str | None
    expires_at: datetime | None
    server_ms: int


class TotpView(BaseModel):
    enabled: bool
    recovery_codes_left: int


class TotpSecret(BaseModel):
    """Shown once, for the authenticator."""

    secret: str
    uri: str


class TotpCode(Body):
    code: str = Field(min_length=6, max_length=8)


class TotpOff(BaseModel):
    model_config = ConfigDict(extra="forbid")

    password: str = Field(min_length=1, max_length=256)


class RecoveryCodes(BaseModel):
    """Shown once, to be kept on paper."""

    codes: list[str]


class RoleView(BaseModel):
    name: str
    title: str
    grants: list[str]
    scopes: list[str]


class OrganisationView(Row):
    id: int
    code: str
    name: str
    name_en: str
    kind: str
    enterprise_id: int | None


class OrganisationCreate(Body):
    code: Code
    name: Name
    name_en: str = Field("", max_length=120)
    kind: Literal["zone", "city", "group", "enterprise"]
    enterprise_id: Key | None = None


class DepartmentView(Row):
    id: int
    organisation_id: int
    code: str
    name: str
    name_en: str
    kind: str
    phone: str
    active: bool
    version: int


class DepartmentCreate(Body):
    organisation_id: Key
    code: Code
    name: Name
    name_en: str = Field("", max_length=120)
    kind: Literal["bureau", "city_department", "subsidiary", "other"] = "other"
    phone: str = Field("", max_length=40)


class DepartmentUpdate(Body):
    version: int
    name: Name | None = None
    name_en: str | None = Field(None, max_length=120)
    phone: str | None = Field(None, max_length=40)
    active: bool | None = None


class PostView(Row):
    id: int
    department_id: int
    code: str
    name: str
    name_en: str
    duties: str
    active: bool
    version: int


class PostCreate(Body):
    department_id: Key
    code: Code
    name: Name
    name_en: str = Field("", max_length=120)
    duties: str = Field("", max_length=4000)


class PostUpdate(Body):
    version: int
    name: Name | None = None
    name_en: str | None = Field(None, max_length=120)
    duties: str | None = Field(None, max_length=4000)
    active: bool | None = None


class TokenCreate(Body):
    name: Name
    grants: list[Annotated[str, Field(pattern=r"^(\*|[a-z_]+(\.(\*|[a-z_]+))*)$", max_length=80)]] = Field(
        min_length=1, max_length=50
    )
    days: int = Field(90, ge=1, le=3650)


class TokenView(Row):
    id: int
    user_id: int
    name: str
    hint: str
    grants: list[str]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


class TokenIssued(TokenView):
    """The token itself is shown this once."""

    token: str
