"""What the API shows and takes of notifications."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Key = Annotated[int, Field(ge=1, le=2**31 - 1)]
Civil = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=120, strip_whitespace=True)]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
Language = Literal["zh-CN", "en"]
Personal = Literal["email", "sms", "web_push"]
Host = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,253}$")]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/?#@]+([/?#]\S*)?$", max_length=1000)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class DeliveryBrief(BaseModel):
    """How a channel fared, for the person it was for."""

    kind: str
    state: str
    reason: str | None
    at: datetime


class ItemOut(BaseModel):
    """A notice in the inbox; ``why`` says why this person was notified, ``times`` how often it came."""

    id: int
    notice_id: int
    kind: str
    priority: int
    title: str
    body: str
    why: str
    subject_kind: str | None
    subject_id: str | None
    page: str | None
    enterprise_id: int | None
    times: int
    created_at: datetime
    last_at: datetime
    read_at: datetime | None
    deliveries: list[DeliveryBrief]


class InboxCount(BaseModel):
    """Unread items, in all and by priority."""

    unread: int
    by_priority: dict[str, int]


class ReadIn(Body):
    """Which items are read; all of the inbox up to ``up_to`` when no ids are given."""

    ids: list[Key] = Field(default_factory=list, max_length=1000)
    up_to: Key | None = None


class ReadOut(BaseModel):
    changed: int
    unread: int


class PreferenceIn(Body):
    """``channels``: priority to channels in order of trial; the inbox is always served."""

    version: int = Field(0, ge=0, description="the one that was seen; 0 when there was none")
    language: Language | None = None
    channels: dict[Literal["1", "2", "3", "4"], list[Personal]]
    quiet_from: Civil | None = None
    quiet_until: Civil | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> PreferenceIn:
        if (self.quiet_from is None) != (self.quiet_until is None):
            raise ValueError("quiet hours need both a start and an end")
        for kinds in self.channels.values():
            if len(set(kinds)) != len(kinds):
                raise ValueError("a channel may appear once in a priority")
        return self


class PreferenceOut(BaseModel):
    """One's wishes, or what holds without any (``version`` 0). ``available``: kinds that are set up here;
    ``reachable``: those among them by which this person can be reached."""

    version: int
    language: str | None
    channels: dict[str, list[str]]
    quiet_from: str | None
    quiet_until: str | None
    available: list[str]
    reachable: list[str]


class TrialIn(Body):
    """Of which priority the test is: each has its own channels, and quiet hours spare only the first."""

    priority: int = Field(3, ge=1, le=4)


class TrialOut(BaseModel):
    """The notice that was made; the inbox shows how each channel fared with it."""

    notice_id: int


class PushKey(BaseModel):
    """What the browser needs to subscribe; null where push is off."""

    key: str | None


class PushKeys(Body):
    p256dh: str = Field(min_length=80, max_length=100)
    auth: str = Field(min_length=16, max_length=40)


class PushIn(Body):
    """What ``PushSubscription.toJSON()`` gives in the browser."""

    endpoint: Url
    keys: PushKeys


class PushOut(BaseModel):
    id: int
    host: str
    agent: str
    created_at: datetime
    used_at: datetime | None


class EmailConfig(Body):
    kind: Literal["email"]
    host: Host
    port: int = Field(25, ge=1, le=65535)
    security: Literal["plain", "starttls", "ssl"] = "starttls"
    sender: Annotated[str, StringConstraints(pattern=r"^[^\s<>@]+@[^\s<>@]+$", max_length=200)]
    user: str | None = Field(None, max_length=200)


class SmsConfig(Body):
    """Placeholders ``{phone}``, ``{text}``, ``{key}``, ``{secret}``; ``success``: text a good answer holds."""

    kind: Literal["sms"]
    method: Literal["GET", "POST"] = "POST"
    url: Url
    content_type: Literal["json", "form", "text"] = "json"
    body: str = Field("", max_length=8000)
    headers: dict[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,60}$")], Annotated[str, StringConstraints(pattern=r"^[^\r\n]{0,500}$")]] = Field(
        default_factory=dict, max_length=20
    )  # fmt: skip
    success: str = Field("", max_length=200)


class PushConfig(Body):
    """``subject``: how the makers of browsers reach the operator, ``mailto:`` or ``https:``."""

    kind: Literal["web_push"]
    subject: Annotated[
        str, StringConstraints(pattern=r"^(mailto:[^\s@]+@[^\s@]+|https://\S+)$", max_length=200)
    ]


class RobotConfig(Body):
    """``server`` only for private deployments."""

    kind: Literal["wecom", "dingtalk", "feishu"]
    server: Url | None = None


class RelayConfig(Body):
    """Any other service; its Apprise address is the secret ``url``."""

    kind: Literal["relay"]


ChannelConfig = Annotated[
    EmailConfig | SmsConfig | PushConfig | RobotConfig | RelayConfig, Field(discriminator="kind")
]
Secrets = dict[
    Literal["password", "secret", "token", "sign", "url"], Annotated[str, StringConstraints(max_length=2000)]
]


class ChannelIn(Body):
    code: Code
    name: Name
    name_en: str = Field("", max_length=120)
    config: ChannelConfig
    secrets: Secrets = Field(default_factory=dict, description="sealed; never shown again")
    posts: list[Code] = Field(default_factory=list, max_length=100)
    language: Language = "zh-CN"
    max_priority: int = Field(4, ge=1, le=4)
    rank: int = Field(100, ge=0, le=1000)
    enabled: bool = True


class ChannelPatch(Body):
    """Members that are not given stay; ``secrets`` replaces those named."""

    version: int
    name: Name | None = None
    name_en: str | None = Field(None, max_length=120)
    config: ChannelConfig | None = None
    secrets: Secrets | None = None
    posts: list[Code] | None = Field(None, max_length=100)
    language: Language | None = None
    max_priority: int | None = Field(None, ge=1, le=4)
    rank: int | None = Field(None, ge=0, le=1000)
    enabled: bool | None = None


class ChannelOut(BaseModel):
    """A channel; ``secrets`` names what is kept sealed, ``figures`` counts deliveries of the last 24 hours."""

    id: int
    code: str
    name: str
    name_en: str
    kind: str
    config: dict[str, Any]
    secrets: list[str]
    posts: list[str]
    language: str
    max_priority: int
    rank: int
    enabled: bool
    version: int
    host: str | None
    host_allowed: bool
    figures: dict[str, int]
    updated_at: datetime


class TestOut(BaseModel):
    """What came of a test message."""

    __test__ = False

    ok: bool
    reason: str | None
    text: str
    detail: str
    ms: int


class DeliveryOut(BaseModel):
    id: int
    notice_id: int
    notice_kind: str
    title: str
    user_id: int | None
    user: str | None
    channel: str | None
    kind: str
    enterprise_id: int | None
    priority: int
    state: str
    reason: str | None
    reason_text: str | None
    attempts: int
    created_at: datetime
    next_at: datetime | None
    sent_at: datetime | None


class AttemptOut(BaseModel):
    at: datetime
    outcome: str
    reason: str | None
    detail: str
    ms: int


class StatusOut(BaseModel):
    """Deliveries by state, the oldest that waits, and the limits."""

    states: dict[str, int]
    oldest_queued_at: datetime | None
    hosts: list[str]
    limits: dict[str, Any]
