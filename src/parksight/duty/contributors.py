"""What other rooms say at a handover. A room registers a contributor in ``app.py``; duty never asks a room by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from sqlalchemy.orm import Session

from parksight.kernel.permissions import Caller

Severity = Literal["critical", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to hand over.

    Attributes:
        key: stable within its section, e.g. ``alarm:17``; remarks hang on it.
        text: translation key of the sentence, with ``params``; free text of people goes in as a parameter.
        subject: kind and key of the record behind it, page: where a person sees it.
        since: since when it is so, or when it happened.
        open: still open at the end of the shift; False for what only changed.
    """

    key: str
    text: str
    params: dict[str, object] = field(default_factory=dict)
    subject: tuple[str, str] | None = None
    page: str | None = None
    severity: Severity = "info"
    since: datetime | None = None
    open: bool = True


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with its items.

    Attributes:
        code: stable, e.g. ``alarms``; title: translation key.
        total: how many there are when ``items`` shows only the first.
    """

    code: str
    title: str
    items: Sequence[Item] = ()
    total: int | None = None


class HandoverContributor(Protocol):
    """Says what the next shift must know; only what ``caller`` may see, without changing anything."""

    @property
    def name(self) -> str:
        """Stable name, shown when the contributor fails."""
        ...

    def contribute(
        self, session: Session, caller: Caller, since: datetime, until: datetime
    ) -> Sequence[Section]:
        """What is open at ``until`` and what changed since ``since`` (both UTC)."""
        ...
