"""Recordings end with their time or when there are too many; what is somebody's evidence never does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from parksight.cases.models import Evidence
from parksight.kernel import audit
from parksight.kernel.clock import Clock
from parksight.kernel.db import Database
from parksight.kernel.errors import conflict
from parksight.kernel.files.models import StoredFile
from parksight.kernel.files.service import Files
from parksight.kernel.permissions import SYSTEM, Caller
from parksight.kernel.settings import LookoutSettings
from parksight.lookout.recording.models import Recording

_PORTION = 200


@dataclass(frozen=True, slots=True)
class Stock:
    """What is kept; ``evidence`` counts recordings that are somebody's evidence or held by a person."""

    recordings: int
    bytes: int
    evidence: int
    evidence_bytes: int
    oldest_ms: int | None


@dataclass(frozen=True, slots=True)
class Cleared:
    """What one run took away."""

    recordings: int
    bytes: int


def protected() -> ColumnElement[bool]:
    """Whether a recording may not be taken by the retention."""
    shown = select(Evidence.file_id).where(Evidence.file_id.is_not(None))
    return or_(Recording.held.is_(True), Recording.file_id.in_(shown), Recording.track_file_id.in_(shown))


class Retention:
    """
    Args:
        settings: days and bytes that unprotected recordings may have; protected ones do not count against the bytes.
    """

    def __init__(self, db: Database, clock: Clock, files: Files, settings: LookoutSettings) -> None:
        self.db, self.clock, self.files, self.settings = db, clock, files, settings
        self.cleared = 0
        self.cleared_bytes = 0

    def stock(self, session: Session) -> Stock:
        kept = Recording.state == "done"
        size = func.coalesce(func.sum(Recording.bytes), 0)
        whole = session.execute(select(func.count(), size, func.min(Recording.began_ms)).where(kept)).one()
        evidence = session.execute(select(func.count(), size).where(kept, protected())).one()
        return Stock(int(whole[0]), int(whole[1]), int(evidence[0]), int(evidence[1]), whole[2])

    def run(self) -> Cleared:
        """Take away what is too old, then the oldest until the rest fits."""
        count = freed = 0
        while True:
            with self.db.session() as session:
                rows = self._due(session)
                for row, why in rows:
                    freed += self.take_away(session, SYSTEM, row, why)
                count += len(rows)
            if len(rows) < _PORTION:
                self.cleared += count
                self.cleared_bytes += freed
                return Cleared(count, freed)

    def _due(self, session: Session) -> list[tuple[Recording, str]]:
        free = (Recording.state == "done", ~protected())
        oldest = select(Recording).where(*free).order_by(Recording.created_at, Recording.id).limit(_PORTION)
        edge = self.clock.now() - timedelta(days=self.settings.keep_days)
        due = [(r, "days") for r in session.scalars(oldest.where(Recording.created_at < edge))]
        if due:
            return due
        total = session.scalar(select(func.coalesce(func.sum(Recording.bytes), 0)).where(*free)) or 0
        over = total - self.settings.keep_gb * 2**30
        for row in session.scalars(oldest):
            if over <= 0:
                break
            due.append((row, "bytes"))
            over -= row.bytes
        return due

    def take_away(self, session: Session, caller: Caller, row: Recording, reason: str) -> int:
        """Delete the bytes of a recording; row and hash stay. Returns the bytes set free.

        Raises:
            ProblemError: 409 ``lookout.recording.evidence`` when it is protected, or is not finished.
        """
        if row.state != "done":
            raise conflict("lookout.recording.not_done", state=row.state)
        if session.scalar(select(Recording.id).where(Recording.id == row.id, protected())) is not None:
            raise conflict("lookout.recording.evidence")
        freed = 0
        for file_id in (row.file_id, row.track_file_id):
            stored = session.get(StoredFile, file_id) if file_id is not None else None
            if stored is not None and stored.removed_at is None:
                self.files.remove(session, SYSTEM, stored.id, f"lookout.recording.{reason}")
                session.flush()
                freed += self.files.discard(session, stored.sha256)
        row.state, row.deleted_at = "deleted", self.clock.now()
        audit.record(
            session, caller, action="lookout.recording.delete", subject=("recording", row.id),
            before={"sha256": row.sha256, "bytes": row.bytes}, reason=reason,
        )  # fmt: skip
        return freed
