"""What callers hand to the engine, and what it says about what they may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from parksight.cases.declaration import Transition


@dataclass(frozen=True)
class Subject:
    """The place, thing or party a case concerns; ``kind`` as in the registry, ``id`` its key there."""

    kind: str
    id: str


@dataclass(frozen=True)
class Owner:
    """Who has to act; a person besides a post is that post's person."""

    user_id: int | None = None
    post_id: int | None = None
    department_id: int | None = None
    enterprise_id: int | None = None

    def __bool__(self) -> bool:
        return any((self.user_id, self.post_id, self.department_id, self.enterprise_id))


@dataclass(frozen=True)
class Party:
    """A participant: ``kind`` is ``user``, ``post``, ``department`` or ``enterprise``; ``role`` of the type or ``watcher``."""

    kind: str
    id: int
    role: str


@dataclass(frozen=True)
class LinkTo:
    """This case is ``kind`` (``models.LINKS``) … the case ``other_id``."""

    kind: str
    other_id: int


@dataclass(frozen=True)
class Origin:
    """What opened a case, e.g. ``("alarms.group", "17")``."""

    kind: str
    id: str


@dataclass(frozen=True)
class NewEvidence:
    """Something to show.

    Attributes:
        kind: ``file``, ``photo``, ``observation`` or ``video``.
        file_id: of a file or photo, stored through ``kernel.files``.
        position, accuracy_m: as the device gave them, WGS 84 degrees and metres.
        taken_at: the device's own time.
        device: what the device says of itself.
        content: of observations and video references; see :class:`parksight.cases.models.Evidence`.
        request_id: of the sender's queue; the same one is kept only once.
    """

    kind: str
    file_id: int | None = None
    position: tuple[float, float] | None = None
    accuracy_m: float | None = None
    taken_at: datetime | None = None
    device: str = ""
    note: str = ""
    content: Mapping[str, Any] | None = None
    request_id: str | None = None


@dataclass(frozen=True)
class NewCase:
    """All that a new case is opened with.

    Attributes:
        type_code: declared type.
        title: one line for people.
        enterprise_id: whose it is; None: the zone's.
        position: longitude and latitude, WGS 84 degrees.
        priority: 1 (highest) to 4.
        occurred_at: when it happened, if not now.
        owner: who has to act, if not whom the type names.
        key: the same key never opens a second case.
        anonymous: the enterprise is not to learn who reported.
        evidence: shown with it from the start.
    """

    type_code: str
    title: str
    description: str = ""
    subject: Subject | None = None
    enterprise_id: int | None = None
    position: tuple[float, float] | None = None
    priority: int = 3
    occurred_at: datetime | None = None
    fields: Mapping[str, Any] | None = None
    participants: tuple[Party, ...] = ()
    owner: Owner | None = None
    links: tuple[LinkTo, ...] = ()
    origin: Origin | None = None
    key: str | None = None
    simulated: bool = False
    drill: bool = False
    anonymous: bool = False
    tags: tuple[str, ...] = ()
    evidence: tuple[NewEvidence, ...] = ()


@dataclass(frozen=True)
class Refusal:
    """Why something may not be done: a code of the locale files and its parameters."""

    code: str
    params: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Offer:
    """A transition out of the present state.

    Attributes:
        allowed: the caller may do it, given what it demands.
        refusals: why not; empty when allowed.
        missing: demands that are not met yet (evidence, signature), though the caller may do it.
        acting_for: whom the caller would act for as deputy.
    """

    transition: Transition
    allowed: bool
    refusals: tuple[Refusal, ...] = ()
    missing: tuple[Refusal, ...] = ()
    acting_for: int | None = None
