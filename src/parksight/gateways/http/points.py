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
        self._told = 1
        self._read = 0
        self._known: tuple[dict[str, int], dict[int, int | None]] = ({}, {})
        self._undo = db.bus.subscribe(PointsChanged.subject(), self._changed)

    def _changed(self, _event: Event) -> None:
        self._told += 1

    def current(self) -> tuple[Mapping[str, int], Mapping[int, int | None]]:
        """Code -> id and id -> enterprise (None: the zone's own).

        Whoever asks while somebody else is reading waits for that reading: an old answer would reject good rows.
        """
        if self._read != self._told:
            with self._lock:
                if self._read != self._told:
                    told = self._told  # a change during the reading makes the next caller read again
                    with self._db.read() as session:
                        rows = session.execute(select(Point.id, Point.code, Point.enterprise_id)).all()
                    self._known = ({r.code: r.id for r in rows}, {r.id: r.enterprise_id for r in rows})
                    self._read = told
        return self._known

    def close(self) -> None:
        self._undo()
