"""What telemetry shows on the one screen: how many points are alive, and what passes the door."""

from __future__ import annotations

from typing import Any

from parksight.kernel.permissions import Caller
from parksight.telemetry.ingest.pipeline import IngestPipeline
from parksight.telemetry.live_table import Coverage, LiveTable

#: Where each number drills down to: the records it was counted from.
_LIST = "/api/v1/points?active=true"


def points_online(live: LiveTable, caller: Caller, now_ms: int) -> dict[str, Any]:
    """Active points by state within the caller's scope, each with the address of its list.

    ``share`` is online / total, None without points: an empty park is not 100 % online.
    """
    coverage = live.coverage(now_ms, caller.enterprises)
    return {
        "title_key": "telemetry.panel.points",
        "server_ms": now_ms,
        **coverage.as_dict(),
        "share": coverage.online / coverage.total if coverage.total else None,
        "drill": {
            "total": _LIST,
            **{state: f"{_LIST}&state={state}" for state in ("online", "suspect", "stale", "unknown")},
        },
    }


def by_enterprise(live: LiveTable, caller: Caller, now_ms: int) -> list[dict[str, Any]]:
    """Coverage per enterprise (None: the zone's own), the least online first."""
    found = live.coverage_by_enterprise(now_ms, caller.enterprises)
    rows = [{"enterprise_id": e, **c.as_dict()} for e, c in found.items()]
    return sorted(rows, key=lambda r: r["online"] / r["total"])


def by_kind(live: LiveTable, caller: Caller, now_ms: int) -> dict[str, dict[str, int]]:
    """Coverage per topmost class word (``energy`` for ``energy.active_power``)."""
    sums: dict[str, Coverage] = {}
    for kind, c in live.coverage_by_kind(now_ms, caller.enterprises).items():
        top = sums.setdefault(kind.split(".")[0], Coverage())
        for name, value in c.as_dict().items():
            setattr(top, name, getattr(top, name) + value)
    return {kind: c.as_dict() for kind, c in sums.items()}


def ingest_figures(pipeline: IngestPipeline) -> dict[str, Any]:
    """The books of the door: received = stored + rejected + in flight."""
    return {**pipeline.ingest_counters(), "drill": "/api/v1/ingest/status"}
