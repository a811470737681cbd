"""What the engine asks of other rooms: small Protocols, filled by the composition root."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy.orm import Session

from parksight.kernel.permissions import Caller


class Presence(Protocol):
    """Who is there and who acts for whom (duty)."""

    def acting_for(self, session: Session, user_id: int, at: datetime) -> frozenset[int]:
        """Absent people whose accepted deputy this person is now."""
        ...

    def posts_of(self, session: Session, user_id: int, at: datetime) -> frozenset[int]:
        """Ids of the posts this person is on duty for now, whether or not they hold them."""
        ...

    def holders(self, session: Session, post_code: str, at: datetime) -> Sequence[int]:
        """Who answers for a post now: those on duty, else all who hold it; deputies for the absent."""
        ...

    def instead_of(self, session: Session, user_id: int, at: datetime) -> int:
        """Who is to be told in a person's place: the person, or the deputy of an absent one."""
        ...


@dataclass(frozen=True)
class Message:
    """Something to tell people.

    Attributes:
        recipients: user ids.
        text: key of the text; ``params`` its values (plain data).
        reason: key that says why they are told; ``reason_params`` its values.
        priority: 1 (highest) to 4.
        key: the same message is not sent twice to the same person.
        cases: ids it is about; one is linked to directly.
    """

    recipients: tuple[int, ...]
    text: str
    params: Mapping[str, object]
    reason: str
    reason_params: Mapping[str, object]
    priority: int
    key: str
    cases: tuple[int, ...]
    enterprise_id: int | None = None
    simulated: bool = False
    drill: bool = False


class Teller(Protocol):
    """Tells people (notifications): queued in the unit of work it is called in."""

    def tell(self, session: Session, message: Message) -> None: ...


class Readings(Protocol):
    """What a point read in a window (telemetry)."""

    def window(
        self, session: Session, caller: Caller, point_id: int, start: datetime, end: datetime
    ) -> dict[str, Any]:
        """``{point_id, point_code, unit, from_ms, to_ms, values: [[ms, value, quality], …]}``.

        Raises:
            ProblemError: 404 for a point the caller may not see.
        """
        ...


#: Called in the same unit of work after a case moved: ``(session, caller, case, transition, source)``.
Follower = Callable[[Session, Caller, Any, str, str], None]


@dataclass(slots=True)
class Outside:
    """Who answers; None: nobody does.

    Attributes:
        followers: by type, told of moves in the same unit of work (an alarm mirrors the state of its case).
    """

    presence: Presence | None = None
    teller: Teller | None = None
    readings: Readings | None = None
    followers: dict[str, list[Follower]] = field(default_factory=dict)

    def follow(self, type_code: str, follower: Follower) -> None:
        """Tell ``follower`` about moves of cases of a type (also ``*``), in the same unit of work."""
        self.followers.setdefault(type_code, []).append(follower)

    def moved(self, session: Session, caller: Caller, case: Any, transition: str, source: str) -> None:
        for follower in (*self.followers.get(case.type, ()), *self.followers.get("*", ())):
            follower(session, caller, case, transition, source)
