"""Point codes as the push gateway needs them: code or id -> point, with the enterprise it belongs to."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from sqlalchemy import select

from parksight.kernel.bus import Event
from parksight.kernel.db import Database
from parksight.telemetry.events import PointsChanged
from parksight.telemetry.models import Point


class PointIndex:
    """Codes and owners of all points, read again after a change by whoever asks next (call it in a thread).

    Args:
        db: the records; its bus tells of changes.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._lock = threading.Lock()
        self._dirty = True
        self._codes: dict[str, int] = {}
        self._owners: dict[int, int | None] = {}
        self._undo = db.bus.subscribe(PointsChanged.subject(), self._changed)

    def _changed(self, _event: Event) -> None:
        self._dirty = True

    def current(self) -> tuple[Mapping[str, int], Mapping[int, int | None]]:
        """Code -> id and id -> enterprise (None: the zone's own)."""
        if self._dirty:
            with self._lock:
                if self._dirty:
                    self._dirty = False
                    with self._db.read() as session:
                        rows = session.execute(select(Point.id, Point.code, Point.enterprise_id)).all()
                    self._codes = {r.code: r.id for r in rows}
                    self._owners = {r.id: r.enterprise_id for r in rows}
        return self._codes, self._owners

    def close(self) -> None:
        self._undo()
