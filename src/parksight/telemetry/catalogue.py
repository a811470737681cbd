"""What the hot path knows of the points: one immutable set of NumPy columns, indexed by point id.

The records are the truth; the catalogue is rebuilt from them when ``telemetry.points.changed`` says so, by
whoever asks for it next, so that rows arriving after the event already meet the new definition.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from parksight.kernel.bus import Event
from parksight.kernel.db import Database
from parksight.telemetry.events import PointsChanged
from parksight.telemetry.models import Point
from parksight.telemetry.protocols import F64, I32, I64, U8
from parksight.telemetry.units import QUANTITIES, conversion

log = structlog.get_logger(__name__)

ACTIVE = 1
DISCRETE = 2
#: Enterprise column value of points that belong to the zone itself.
NO_ENTERPRISE = 0
#: More changed ids than this and the whole table is read again.
_INCREMENTAL = 2_000


@dataclass(frozen=True, slots=True)
class PointColumns:
    """Definitions of all points; row ``i`` is point id ``i``, ids without a point have ``flags == 0``.

    Attributes:
        flags: :data:`ACTIVE` and :data:`DISCRETE`; 0 where there is no (active) point.
        known: 1 where a point exists, active or not.
        factor: stored value = raw * factor + shift, scale and unit conversion in one.
        low: plausible range in the stored unit, infinite where unbounded.
        reject_low: impossible range in the stored unit, infinite where unbounded.
        or_quality: quality flags or-ed onto every row (SIMULATED).
        period_ms: expected period.
        enterprise: enterprise id, :data:`NO_ENTERPRISE` for the zone's own.
        kind: index into ``kinds``.
        version: grows with every rebuild.
    """

    flags: U8
    known: U8
    factor: F64
    shift: F64
    low: F64
    high: F64
    reject_low: F64
    reject_high: F64
    or_quality: U8
    period_ms: I64
    enterprise: I64
    kind: I32
    kinds: tuple[str, ...]
    version: int

    def __len__(self) -> int:
        return len(self.flags)


_ROW = (
    Point.id, Point.active, Point.quantity, Point.unit, Point.source_unit, Point.scale, Point.shift,
    Point.plausible_low, Point.plausible_high, Point.impossible_low, Point.impossible_high,
    Point.simulated, Point.period_s, Point.enterprise_id, Point.kind,
)  # fmt: skip


def empty(size: int = 0, kinds: tuple[str, ...] = ("",), version: int = 0) -> PointColumns:
    """A catalogue of ``size`` ids without any point."""
    inf = np.inf
    return PointColumns(
        flags=np.zeros(size, np.uint8),
        known=np.zeros(size, np.uint8),
        factor=np.ones(size),
        shift=np.zeros(size),
        low=np.full(size, -inf),
        high=np.full(size, inf),
        reject_low=np.full(size, -inf),
        reject_high=np.full(size, inf),
        or_quality=np.zeros(size, np.uint8),
        period_ms=np.full(size, 60_000, np.int64),
        enterprise=np.zeros(size, np.int64),
        kind=np.zeros(size, np.int32),
        kinds=kinds,
        version=version,
    )


def build(
    rows: Iterable[Any], base: PointColumns | None = None, changed: Iterable[int] = (), version: int = 0
) -> PointColumns:
    """Columns from rows with the attributes of :class:`Point`.

    Args:
        rows: the points to enter (all of them, or only the changed ones when ``base`` is given).
        base: columns to start from; ids in ``changed`` that no row mentions are removed.
        version: of the columns replaced, when there is no ``base``.
    """
    rows = list(rows)
    top = max((r.id for r in rows), default=0) + 1
    old = base or empty(version=version)
    out = empty(max(top, len(old)), version=old.version + 1)
    for name in (f.name for f in fields(PointColumns)):
        column = getattr(old, name)
        if isinstance(column, np.ndarray):
            getattr(out, name)[: len(column)] = column
    kinds = {k: i for i, k in enumerate(old.kinds)}
    for point_id in changed:
        if point_id < len(out):
            out.flags[point_id] = out.known[point_id] = 0
    for r in rows:
        _enter(out, r, kinds)
    return replace(out, kinds=tuple(kinds))


def _enter(out: PointColumns, r: Any, kinds: dict[str, int]) -> None:
    i, q = r.id, QUANTITIES[r.quantity]
    out.flags[i] = (ACTIVE if r.active else 0) | (DISCRETE if q.discrete else 0)
    out.known[i] = 1
    factor, shift = conversion(r.source_unit or r.unit, r.unit)
    out.factor[i], out.shift[i] = r.scale * factor, r.shift * factor + shift
    out.low[i] = -np.inf if r.plausible_low is None else r.plausible_low
    out.high[i] = np.inf if r.plausible_high is None else r.plausible_high
    to_unit, to_shift = conversion(q.unit, r.unit)
    nature_low = -np.inf if q.low is None else q.low * to_unit + to_shift
    nature_high = np.inf if q.high is None else q.high * to_unit + to_shift
    out.reject_low[i] = nature_low if r.impossible_low is None else max(nature_low, r.impossible_low)
    out.reject_high[i] = nature_high if r.impossible_high is None else min(nature_high, r.impossible_high)
    out.or_quality[i] = 0x80 if r.simulated else 0
    out.period_ms[i] = max(1, round(r.period_s * 1000))
    out.enterprise[i] = r.enterprise_id or NO_ENTERPRISE
    out.kind[i] = kinds.setdefault(r.kind, len(kinds))


class Catalogue:
    """The current :class:`PointColumns`, refreshed lazily from the records.

    Args:
        db: the records; its bus tells of changes.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._lock = threading.Lock()
        self._dirty_lock = threading.Lock()
        self._dirty: set[int] = set()
        self._all_dirty = True
        self._loading = False
        self._columns = empty()
        self._unsubscribe = db.bus.subscribe(PointsChanged.subject(), self._on_change)

    def _on_change(self, event: Event) -> None:
        if isinstance(event, PointsChanged):
            self.invalidate(event.ids)

    def invalidate(self, ids: Iterable[int] | None) -> None:
        """Read these points (None: all) again before the next use. Never waits for the records."""
        with self._dirty_lock:
            if ids is None:
                self._all_dirty = True
            else:
                self._dirty.update(ids)
                self._all_dirty |= len(self._dirty) > _INCREMENTAL

    @property
    def dirty(self) -> bool:
        """Whether :meth:`current` would read the records."""
        return self._all_dirty or bool(self._dirty) or self._loading

    def peek(self) -> PointColumns:
        """The definitions last loaded, without a look at the records (for the event loop)."""
        return self._columns

    def current(self) -> PointColumns:
        """The definitions as of the last committed change; queries the records only after one.

        When the records do not answer, the last known definitions stay in force and the next call tries
        again; only the very first load raises.
        """
        if not self.dirty:
            return self._columns
        with self._lock:
            with self._dirty_lock:
                # Until the columns are replaced, others must wait for them instead of using the old ones.
                self._loading = wanted = self._all_dirty or bool(self._dirty)
                everything, self._all_dirty = self._all_dirty, False
                ids, self._dirty = sorted(self._dirty), set()
            if not wanted:
                return self._columns
            try:
                self._columns = self._load(None if everything else ids)
            except SQLAlchemyError:
                self.invalidate(None if everything else ids)
                if not self._columns.version:
                    raise
                log.exception("point_catalogue_reload_failed")
            finally:
                self._loading = False
            return self._columns

    def _load(self, ids: list[int] | None) -> PointColumns:
        with self._db.read() as session:
            if ids is None:
                return build(session.execute(select(*_ROW)), version=self._columns.version)
            rows = session.execute(select(*_ROW).where(Point.id.in_(ids))).all()
        return build(rows, self._columns, ids)

    def close(self) -> None:
        self._unsubscribe()
