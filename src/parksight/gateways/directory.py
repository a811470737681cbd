"""What the gateways know of devices and addresses: plain dicts in memory, reloaded when the records change.

Reading is lock-free (dict lookups of immutable rows on the event loop); reloading builds new per-device dicts
in a worker thread and swaps them in.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from parksight.gateways.events import DevicesChanged
from parksight.gateways.models import Device, PointMapping
from parksight.kernel.bus import Event
from parksight.kernel.db import Database
from parksight.kernel.errors import ProblemError
from parksight.telemetry.events import PointsChanged
from parksight.telemetry.models import Point
from parksight.telemetry.protocols import UNMAPPED
from parksight.telemetry.quality import QualityFlag
from parksight.telemetry.units import conversion

log = structlog.get_logger(__name__)

#: More changed devices than this and everything is read again.
_INCREMENTAL = 500


class Mapped(NamedTuple):
    """Where a raw value goes: ``raw * factor + shift`` is what ``ReadingBatch.value`` of the point wants."""

    point: int
    factor: float
    shift: float
    period_s: float


@dataclass(frozen=True, slots=True)
class DeviceRecord:
    """A device as gateways see it; compare ``version`` to learn whether it changed."""

    id: int
    code: str
    protocol: str
    name: str
    name_en: str
    address: str
    enterprise_id: int | None
    enabled: bool
    simulated: bool
    version: int
    config: Mapping[str, Any] = field(default_factory=dict)
    policy: Mapping[str, Any] = field(default_factory=dict)

    @property
    def quality_flags(self) -> int:
        """Flags to or onto the quality of everything this device says."""
        return int(QualityFlag.SIMULATED) if self.simulated else 0


_NONE: dict[str, Mapped] = {}


def mapping_conversion(mapping: PointMapping, point: Any) -> tuple[float, float]:
    """Factor and shift from the device's raw number to what the ingest expects for the point.

    The ingest itself applies the point's own scale and unit conversion. Where the mapping names a unit it
    overrides the point's idea of the source, so that part is undone here.

    Raises:
        ProblemError: the units do not convert into each other.
    """
    if mapping.source_unit is None:
        return mapping.scale, mapping.offset
    factor, shift = conversion(mapping.source_unit, point.source_unit or point.unit)
    factor, shift = mapping.scale * factor, mapping.offset * factor + shift
    return factor / point.scale, (shift - point.shift) / point.scale


class DeviceDirectory:
    """Implements :class:`parksight.telemetry.protocols.PointDirectory` over the records.

    Args:
        db: the records; its bus tells of changes. Call :meth:`load` once before the gateways start.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._lock = threading.Lock()
        self._devices: dict[int, DeviceRecord] = {}
        self._maps: dict[int, dict[str, Mapped]] = {}
        self._by_address: dict[tuple[str, str], int] = {}
        self._by_code: dict[str, int] = {}
        self._point_devices: dict[int, set[int]] = {}
        self._version = 0
        self._listeners: list[Callable[[], None]] = []
        self._task: asyncio.Task[None] | None = None
        self._dirty: set[int] = set()
        self._dirty_all = False
        #: Mappings whose units do not fit their point: (device id, address) -> problem code.
        self.broken: dict[tuple[int, str], str] = {}
        self._unsubscribe = [
            db.bus.subscribe(DevicesChanged.subject(), self._on_devices),
            db.bus.subscribe(PointsChanged.subject(), self._on_points),
        ]

    # -- what gateways ask -------------------------------------------------------------------------

    @property
    def version(self) -> int:
        return self._version

    def resolve(self, device_id: int, address: str) -> int:
        hit = self._maps.get(device_id, _NONE).get(address)
        return UNMAPPED if hit is None else hit.point

    def lookup(self, device_id: int, address: str) -> Mapped | None:
        """Point and conversion of an address, None where it is not mapped."""
        return self._maps.get(device_id, _NONE).get(address)

    def mappings(self, device_id: int) -> Mapping[str, Mapped]:
        """All addresses of a device; a snapshot that is replaced, never changed."""
        return self._maps.get(device_id, _NONE)

    def device(self, device_id: int) -> DeviceRecord | None:
        return self._devices.get(device_id)

    def by_address(self, protocol: str, address: str) -> DeviceRecord | None:
        """The device that answers to an address, enabled or not; None when unknown."""
        key = self._by_address.get((protocol, address))
        return None if key is None else self._devices.get(key)

    def by_code(self, code: str) -> DeviceRecord | None:
        key = self._by_code.get(code)
        return None if key is None else self._devices.get(key)

    def devices(self, protocol: str | None = None, *, enabled_only: bool = False) -> list[DeviceRecord]:
        """Devices of a protocol (None: all), by id."""
        rows = list(self._devices.values())
        return sorted(
            (d for d in rows if protocol in (None, d.protocol) and (d.enabled or not enabled_only)),
            key=lambda d: d.id,
        )

    def points_of(self, device_id: int) -> list[int]:
        """Distinct points a device feeds, ascending."""
        return sorted({m.point for m in self._maps.get(device_id, _NONE).values()})

    def devices_of(self, point_id: int) -> list[int]:
        """Devices that feed a point, ascending."""
        return sorted(self._point_devices.get(point_id, ()))

    # -- keeping up with the records ---------------------------------------------------------------

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` after each reload, on the loop that handled the event; returns the undo."""
        self._listeners.append(listener)

        def undo() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return undo

    def load(self) -> None:
        """Read everything again, in this thread."""
        with self._lock, self._db.read() as session:
            devices = {d.id: d for d in _devices(session, None)}
            maps, broken = _mappings(session, None)
            self._devices = devices
            self._maps = maps
            self.broken = broken
            self._reindex()

    def reload(self, ids: Iterable[int]) -> None:
        """Read some devices again, in this thread."""
        wanted = set(ids)
        if len(wanted) > _INCREMENTAL:
            self.load()
            return
        with self._lock, self._db.read() as session:
            found = {d.id: d for d in _devices(session, wanted)}
            maps, broken = _mappings(session, wanted)
            devices, all_maps = dict(self._devices), dict(self._maps)
            for device_id in wanted:
                devices.pop(device_id, None)
                all_maps.pop(device_id, None)
            self._devices = devices | found
            self._maps = all_maps | maps
            self.broken = {k: v for k, v in self.broken.items() if k[0] not in wanted} | broken
            self._reindex()

    def _reindex(self) -> None:
        devices = self._devices.values()
        self._by_address = {(d.protocol, d.address): d.id for d in devices}
        self._by_code = {d.code: d.id for d in devices}
        points: dict[int, set[int]] = {}
        for device_id, rows in self._maps.items():
            for mapped in rows.values():
                points.setdefault(mapped.point, set()).add(device_id)
        self._point_devices = points
        self._version += 1

    def _on_devices(self, event: Event) -> None:
        if isinstance(event, DevicesChanged):
            self._schedule(event.ids)

    def _on_points(self, event: Event) -> None:
        if not isinstance(event, PointsChanged):
            return
        if event.ids is None:
            self._schedule(None)
            return
        touched = {d for p in event.ids for d in self._point_devices.get(p, ())}
        if touched:
            self._schedule(tuple(touched))

    def _schedule(self, ids: tuple[int, ...] | None) -> None:
        """Reload soon; what changes while a reload runs is taken by the next one, however many events tell it."""
        if ids is None:
            self._dirty_all = True
        else:
            self._dirty.update(ids)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._refresh(*self._take_dirty())
            self._tell()
            return
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._refresh_later())

    def _take_dirty(self) -> tuple[bool, tuple[int, ...]]:
        taken = (self._dirty_all, tuple(self._dirty))
        self._dirty_all, self._dirty = False, set()
        return taken

    async def _refresh_later(self) -> None:
        while self._dirty_all or self._dirty:
            await asyncio.to_thread(self._refresh, *self._take_dirty())
            self._tell()

    def _refresh(self, everything: bool, ids: tuple[int, ...]) -> None:
        if everything:
            self.load()
        else:
            self.reload(ids)

    def _tell(self) -> None:
        for listener in list(self._listeners):
            try:
                listener()
            except Exception:
                log.exception("directory_listener_failed", listener=getattr(listener, "__qualname__", "?"))

    def close(self) -> None:
        for undo in self._unsubscribe:
            undo()


def _devices(session: Session, ids: set[int] | None) -> list[DeviceRecord]:
    statement = select(Device)
    if ids is not None:
        statement = statement.where(Device.id.in_(ids))
    return [
        DeviceRecord(
            id=d.id, code=d.code, protocol=d.protocol, name=d.name, name_en=d.name_en, address=d.address,
            enterprise_id=d.enterprise_id,enabled=d.enabled,
            simulated=d.simulated, version=d.version, config=dict(d.config), policy=dict(d.policy),
        )
        for d in session.scalars(statement)
    ]  # fmt: skip


def _mappings(
    session: Session, ids: set[int] | None
) -> tuple[dict[int, dict[str, Mapped]], dict[tuple[int, str], str]]:
    statement = select(
        PointMapping, Point.unit, Point.source_unit, Point.scale, Point.shift, Point.period_s
    ).join(Point, Point.id == PointMapping.point_id)
    if ids is not None:
        statement = statement.where(PointMapping.device_id.in_(ids))
    maps: dict[int, dict[str, Mapped]] = {}
    broken: dict[tuple[int, str], str] = {}
    for row in session.execute(statement):
        mapping: PointMapping = row[0]
        try:
            factor, shift = mapping_conversion(mapping, row)
        except ProblemError as problem:
            broken[mapping.device_id, mapping.address] = problem.code
            continue
        maps.setdefault(mapping.device_id, {})[mapping.address] = Mapped(
            mapping.point_id, factor, shift, row.period_s
        )
    return maps, broken
