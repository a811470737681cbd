"""What other modules know and alarms ask for: small Protocols, filled by the composition root.

A question nobody can answer is answered "no provider", shown as such and never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy.orm import Session

from parksight.kernel.permissions import Caller


@dataclass(frozen=True, slots=True)
class Source:
    """The gateway device that feeds a point; ``connected`` None when nobody can say."""

    id: int
    code: str
    name: str
    name_en: str
    connected: bool | None = None


class Sources(Protocol):
    """Which device feeds which point."""

    def of_points(self, session: Session, points: Iterable[int]) -> Mapping[int, Source]: ...


class Permits(Protocol):
    """Permits that are worked under near a place (work safety registers it)."""

    def near(
        self, session: Session, caller: Caller, *, position: tuple[float, float], radius_m: float
    ) -> list[dict[str, Any]]: ...


class PeopleNearby(Protocol):
    """People who are near a place now, from positioning (whoever has it registers it)."""

    def near(
        self, session: Session, caller: Caller, *, position: tuple[float, float], radius_m: float
    ) -> list[dict[str, Any]]: ...


class Cameras(Protocol):
    """Who turns cameras when linkage asks (``CameraRequested``) and answers by ``linkage.answers.answered``."""

    def ready(self) -> bool: ...


@dataclass(slots=True)
class Providers:
    """Who answers; None: nobody does."""

    sources: Sources | None = None
    permits: Permits | None = None
    people: PeopleNearby | None = None
    cameras: Cameras | None = None
