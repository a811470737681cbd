"""What duty calls above itself, in its own unit of work, so that a notice is sent if and only if the change stands.

Set by the composition root; without them duty works and tells nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from parksight.duty.models import Absence, Handover, Shift


@dataclass(slots=True)
class Hooks:
    """Callables to add to."""

    on_absence: list[Callable[[Session, Absence], None]] = field(default_factory=list)
    on_handover: list[Callable[[Session, Handover], None]] = field(default_factory=list)
    #: The shift whose handover is ``late`` or ``missing``; called again after a restart, so whoever tells keeps count.
    on_overdue: list[Callable[[Session, Shift, str], None]] = field(default_factory=list)

    def absence(self, session: Session, row: Absence) -> None:
        for call in self.on_absence:
            call(session, row)

    def handover(self, session: Session, row: Handover) -> None:
        for call in self.on_handover:
            call(session, row)

    def overdue(self, session: Session, shift: Shift, standing: str) -> None:
        for call in self.on_overdue:
            call(session, shift, standing)
