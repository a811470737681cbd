"""A zone with a running alarm service, a real store of observations, and people with different permissions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import update
from starlette.testclient import TestClient
from tests.alarms.kit import NOW, Watch

from parksight.alarms.evaluation.watch import Keeping
from parksight.alarms.service import AlarmService
from parksight.alarms.tuning import TuningService
from parksight.kernel.permissions import ROLES, Caller
from parksight.kernel.settings import AlarmSettings, StoreSettings
from parksight.telemetry.models import Point
from parksight.telemetry.protocols import Columns
from parksight.telemetry.store import DuckDbStore

STEP = {"deadband": 0.0, "on_delay_s": 0.0, "off_delay_s": 0.0}


def person(
    number: int, role: str = "safety_officer", *enterprises: int, grants: tuple[str, ...] | None = None
) -> Caller:
    return Caller(
        id=number, name=f"人{number}", grants=ROLES[role] if grants is None else grants, roles=(role,),
        enterprises=frozenset(enterprises) if enterprises else None,
    )  # fmt: skip


def limit(value: float, priority: int = 2, **more: Any) -> dict[str, Any]:
    return {"h": {**STEP, "limit": value, "priority": priority, **more}}


class Desk:
    """See the module; points 1 to 20 of ten seconds, odd ones of enterprise 1, point 1 on thing 1 in unit 1."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.watch = Watch(f"sqlite:///{folder / 'records.sqlite'}")
        self.watch.furnish()
        self.clock = self.watch.clock
        self.store = DuckDbStore(folder / "observations", StoreSettings(), "Asia/Shanghai", self.clock)
        self.store.start()
        self.tuning = TuningService(
            self.watch.db, self.store, self.watch.rules, self.clock, AlarmSettings(), "Asia/Shanghai"
        )
        assert isinstance(self.watch.http, TestClient)
        self.watch.http.app.state.alarm_tuning = self.tuning  # type: ignore[attr-defined]
        self.watch.service.start()

    def service(self) -> AlarmService:
        """A service that survives restarts, on the same records and observations."""
        keeping = Keeping(self.folder / "alarms", self.store)
        return AlarmService(self.watch.db, self.clock, AlarmSettings(grace_s=0), keeping=keeping)

    def ask(
        self, who: Caller, method: str, path: str, body: Any = None, status: int = 200, **query: Any
    ) -> Any:
        """JSON of an answer with the status expected."""
        self.watch.who = who
        answer = self.watch.http.request(method, f"/api/v1/alarm-rules{path}", json=body, params=query)
        assert answer.status_code == status, answer.text
        return answer.json() if "json" in answer.headers["content-type"] else answer.text

    def rule(self, point: int, definition: dict[str, Any], **more: Any) -> dict[str, Any]:
        body = {
            "point_id": point,
            "code": f"R{point}-{self.clock.now_ms()}",
            "definition": definition,
            **more,
        }
        made: dict[str, Any] = self.ask(person(1), "POST", "", body, 201)
        self.watch.service.recompile()
        return made

    def point(self, number: int, **values: Any) -> None:
        with self.watch.db.session() as session:
            session.execute(update(Point).where(Point.id == number).values(**values))

    def keep(
        self, point: int, start_s: float, step_s: float, values: list[float], quality: int = 0
    ) -> Columns:
        """Store observations, beginning ``start_s`` after NOW (negative: before)."""
        n = len(values)
        at = NOW + round(start_s * 1000) + np.arange(n, dtype=np.int64) * round(step_s * 1000)
        rows = Columns(
            np.full(n, point, np.int32), at, np.array(values), np.full(n, quality, np.uint8), at.copy()
        )
        self.store.append(rows)
        return rows

    def close(self) -> None:
        self.tuning.close()
        self.watch.close()
        self.store.close()
