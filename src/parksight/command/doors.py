"""Trust and intake: which points may be believed, and the books of the doors."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import numpy as np

from parksight.command.repository import PointRow, Thing
from parksight.command.schemas import (
    Coverage,
    Drill,
    Figure,
    GatewayRow,
    IngestPanel,
    Kpi,
    PointState,
    StalePoint,
)
from parksight.gateways.protocols import GatewayStatus
from parksight.kernel.clock import Clock
from parksight.telemetry.live_table import STALE_PERIODS, LiveTable, State
from parksight.telemetry.protocols import I32, Store

#: The past is judged by minute buckets: a point with a shorter period must have spoken in these.
_PAST_WINDOW_MS = 180_000
_MINUTE_MS = 60_000
_WORST = 5
#: A rate is taken over at least this long.
_RATE_SPAN_S = 5.0


class Books(Protocol):
    """The ingest pipeline's counters; see ``telemetry.ingest.pipeline.IngestPipeline``."""

    def ingest_counters(self) -> dict[str, Any]: ...


class Gateways(Protocol):
    """What runs at the doors; see ``gateways.manager.GatewayManager``."""

    def status(self) -> list[GatewayStatus]: ...


class RateMeter:
    """Rows per second from a counter that only grows; None until it was looked at twice.

    Args:
        clock: gives monotonic time.
        count: reads the counter.
    """

    def __init__(self, clock: Clock, count: Callable[[], int]) -> None:
        self._clock = clock
        self._count = count
        self._seen: deque[tuple[float, int]] = deque(maxlen=16)
        self._lock = threading.Lock()

    def __call__(self) -> float | None:
        with self._lock:
            now, count = self._clock.monotonic(), self._count()
            if not self._seen or now - self._seen[-1][0] >= 1.0:
                self._seen.append((now, count))
            older = [s for s in self._seen if now - s[0] >= _RATE_SPAN_S]
            base = older[-1] if older else self._seen[0]
            if now - base[0] < 1.0:
                return None
            return max(0.0, (count - base[1]) / (now - base[0]))


def state_now(live: LiveTable, now_ms: int, scope: frozenset[int] | None) -> PointState:
    return PointState(**live.coverage(now_ms, scope).as_dict())


def state_then(points: Sequence[PointRow], store: Store, at_ms: int) -> PointState:
    """Points by what they had said by then; whether one had *never* spoken is not told apart from stale."""
    online = suspect = 0
    for window, ids in _by_window(points):
        start = (at_ms - window) // _MINUTE_MS * _MINUTE_MS
        found = store.buckets(ids, start, at_ms + 1, _MINUTE_MS)
        spoke = np.unique(found.point[found.count > 0])
        usable = np.unique(found.point[found.usable > 0])
        online += len(usable)
        suspect += len(spoke) - len(usable)
    total = len(points)
    return PointState(total=total, online=online, suspect=suspect, stale=total - online - suspect, unknown=0)


def _by_window(points: Sequence[PointRow]) -> Iterable[tuple[int, list[int]]]:
    groups: dict[int, list[int]] = {}
    for p in points:
        window = max(_PAST_WINDOW_MS, round(p.period_s * 1000 * STALE_PERIODS))
        groups.setdefault(window, []).append(p.id)
    return groups.items()


def stale_ids(live: LiveTable, now_ms: int) -> I32:
    """Stale points, those silent for the longest time first."""
    ids = live.ids_in_state(State.STALE, now_ms)
    order = np.argsort(live.rows(ids, now_ms).observed_at, kind="stable")
    found: I32 = ids[order]
    return found


def worst(
    ids: Iterable[int], points: dict[int, PointRow], live: LiveTable, now_ms: int, firms: dict[int, Thing]
) -> list[StalePoint]:
    mine = [points[i] for i in ids if i in points][:_WORST]
    rows = live.rows([p.id for p in mine], now_ms)
    out = []
    for p, observed in zip(mine, rows.observed_at, strict=True):
        firm = firms.get(p.enterprise_id) if p.enterprise_id is not None else None
        out.append(
            StalePoint(
                point_id=p.id, code=p.code, name=p.name, name_en=p.name_en,
                enterprise=firm.named if firm else None,
                observed_at=int(observed) if observed >= 0 else None, period_s=p.period_s,
            )
        )  # fmt: skip
    return out


def ingest(books: Books, rate: float | None, statuses: Sequence[GatewayStatus]) -> IngestPanel:
    return IngestPanel(
        **books.ingest_counters(),
        rate=rate,
        gateways=[
            GatewayRow(
                name=s.name,
                running=s.running,
                listening=s.listening,
                connections=s.connections,
                rejected=sum(s.rejected.values()),
            )
            for s in statuses
        ],
    )


def count(
    value: float | None, drill: Drill | None, unit: str = "", coverage: Coverage | None = None
) -> Figure:
    """A number that is counted, not measured: it has no age of its own."""
    return Figure(value=value, unit=unit, drill=drill, coverage=coverage)


def kpi(key: str, figure: Figure, of: float | None = None) -> Kpi:
    return Kpi(key=key, figure=figure, of=of)
