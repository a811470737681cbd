"""A small zone with a real record database, a real store and a simulated clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from parksight.alarms.models import Alarm, Rule
from parksight.command.service import CommandService
from parksight.gateways.protocols import GatewayStatus
from parksight.kernel.bus import Bus
from parksight.kernel.clock import SimulatedClock
from parksight.kernel.db import Database
from parksight.kernel.permissions import ROLES, Caller
from parksight.kernel.settings import StoreSettings, ZoneSettings
from parksight.registry.models import Enterprise, Equipment
from parksight.telemetry.catalogue import Catalogue
from parksight.telemetry.live_table import LiveTable
from parksight.telemetry.models import Point
from parksight.telemetry.protocols import Columns
from parksight.telemetry.store import DuckDbStore

#: 2026-03-18 14:37:20 in Shanghai.
NOW = datetime(2026, 3, 18, 6, 37, 20, tzinfo=UTC)
NOW_MS = round(NOW.timestamp() * 1000)
#: 2026-03-18 00:00 in Shanghai.
MIDNIGHT = round(datetime(2026, 3, 17, 16, tzinfo=UTC).timestamp() * 1000)
MINUTE = 60_000
QUARTER = 15 * MINUTE
DAY = 86_400_000
SIMULATED = 0x80

DUTY = Caller(id=1, name="值班员", grants=ROLES["duty_operator"], roles=("duty_operator",), enterprises=None)


class Doors:
    """Books and gateways with figures set by the test."""

    def __init__(self) -> None:
        self.stored = 900
        self.rejected: Counter[str] = Counter({"unmapped": 60, "out_of_range": 30})
        self.in_flight = 10

    def ingest_counters(self) -> dict[str, Any]:
        return {
            "received": self.stored + self.rejected.total() + self.in_flight,
            "stored": self.stored, "rejected": dict(self.rejected), "in_flight": self.in_flight,
        }  # fmt: skip

    def status(self) -> list[GatewayStatus]:
        return [
            GatewayStatus("hj212", True, "127.0.0.1:8612", 64, {}, {"frames": 10}, {"crc": 3, "length": 1})
        ]


class Zone:
    """Two enterprises, their meters, tanks and stacks, the zone's weather; use as a context manager."""

    def __init__(self, tmp_path: Path) -> None:
        self.clock = SimulatedClock(NOW)
        self.db = Database(f"sqlite:///{tmp_path / 'records.sqlite'}", Bus(), self.clock)
        self.db.create_all()
        self.store = DuckDbStore(
            tmp_path / "store", StoreSettings(memory_limit_mb=256, threads=1), "Asia/Shanghai", self.clock
        )
        self.catalogue = Catalogue(self.db)
        self.live = LiveTable(self.catalogue)
        self.doors = Doors()
        self.command = CommandService(
            self.db, self.clock, ZoneSettings(), self.live, self.store, self.doors, self.doors
        )
        with self.db.session() as session:
            for i in (1, 2):
                session.add(
                    Enterprise(
                        id=i, code=f"E{i}", name=f"企业{i}", name_en=f"Firm {i}", created_at=NOW, updated_at=NOW,
                        min_lon=120.7 + i, max_lon=120.7 + i, min_lat=41.8, max_lat=41.8,
                    )
                )  # fmt: skip

    def __enter__(self) -> Zone:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _tb: TracebackType | None
    ) -> None:
        self.command.close()
        self.catalogue.close()
        self.store.close()
        self.db.close()

    def point(self, point_id: int, kind: str, unit: str, quantity: str, **fields: Any) -> int:
        values = {
            "id": point_id, "code": f"P{point_id:03d}", "name": f"点{point_id}", "name_en": f"Point {point_id}",
            "kind": kind, "unit": unit, "quantity": quantity, "period_s": 60.0, "created_at": NOW,
            "updated_at": NOW, **fields,
        }  # fmt: skip
        with self.db.session() as session:
            session.add(Point(**values))
        self.catalogue.invalidate(None)
        return point_id

    def meter(self, point_id: int, enterprise_id: int | None, unit: str = "kW") -> int:
        return self.point(point_id, "energy.active_power", unit, "power", enterprise_id=enterprise_id)

    def thing(self, thing_id: int, enterprise_id: int | None, lon: float | None = None) -> int:
        box: dict[str, float] = {} if lon is None else dict.fromkeys(("min_lon", "max_lon"), lon)
        if lon is not None:
            box |= dict.fromkeys(("min_lat", "max_lat"), 41.8)
        with self.db.session() as session:
            session.add(
                Equipment(
                    id=thing_id, code=f"EQ{thing_id}", name=f"设备{thing_id}", kind="tank",
                    enterprise_id=enterprise_id, created_at=NOW, updated_at=NOW, **box,
                )
            )  # fmt: skip
        return thing_id

    def rule(self, point_id: int, **steps: float) -> int:
        entry = {"deadband": 0.0, "on_delay_s": 0.0, "off_delay_s": 0.0, "priority": 2}
        with self.db.session() as session:
            rule = Rule(
                code=f"R{point_id}", point_id=point_id, target={"kind": "point", "point_id": point_id}, created_at=NOW, updated_at=NOW,
                definition={step: {"limit": limit, **entry} for step, limit in steps.items()},
            )  # fmt: skip
            session.add(rule)
            session.flush()
            return rule.id

    def alarm(self, point_id: int, priority: int, ago_s: float, rule_id: int, **fields: Any) -> int:
        raised = NOW - timedelta(seconds=ago_s)
        values = {
            "point_id": point_id, "rule_id": rule_id, "rule_version": 1, "step": "H", "priority": priority,
            "raised_at": raised, "recorded_at": raised, "value": 9.0, "limit": 8.0, **fields,
        }  # fmt: skip
        with self.db.session() as session:
            alarm = Alarm(**values)
            session.add(alarm)
            session.flush()
            return alarm.id

    def observe(self, rows: Iterable[tuple[int, int, float]], quality: int = 0) -> None:
        """Readings (point, observed ms, value), stored and in the live table."""
        p, o, v = (np.array(c) for c in zip(*rows, strict=True))
        columns = Columns(
            p.astype(np.int32), o.astype(np.int64), v.astype(np.float64),
            np.full(len(p), quality, np.uint8), o.astype(np.int64) + 400,
        )  # fmt: skip
        self.store.append(columns)
        self.live.update(columns)
