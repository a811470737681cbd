"""How the one door of telemetry is doing, and what it turned away."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel

from parksight.kernel.errors import ProblemError
from parksight.kernel.i18n import has, language_of, translate
from parksight.kernel.permissions import Caller
from parksight.kernel.web import requires, service
from parksight.telemetry.ingest.pipeline import IngestPipeline

router = APIRouter(prefix="/api/v1/ingest", tags=["ingest"])

Reading = Annotated[Caller, requires("telemetry.ingest.read")]
Ingest = Annotated[IngestPipeline, Depends(service("ingest"))]


class Counters(BaseModel):
    """received = stored + sum of rejected + in_flight, of one moment."""

    received: int
    stored: int
    rejected: dict[str, int]
    in_flight: int


class SourceCounters(Counters):
    """Counters of one source (gateway device id; 0 where the device is not known)."""

    source: int
    throttled: bool


class IngestStatus(BaseModel):
    """State of the door.

    Attributes:
        reasons: text of each reason in ``rejected``, in the caller's language.
        sources: busiest first, at most ``sources_limit``; empty for callers limited to enterprises.
        figures: ticks, notes on stored rows (late, clock_skew, suspect …), back-pressure, throttled sources,
            flapping points and links, duplicate window, rejects log, failures, limits.
    """

    server_ms: int
    counters: Counters
    reasons: dict[str, str]
    sources: list[SourceCounters]
    sources_total: int
    figures: dict[str, Any]
    live: dict[str, Any]


class RejectOut(BaseModel):
    """Something that was turned away.

    Attributes:
        at: ms since the epoch.
        count: readings or frames it stands for.
        raw_hex: bytes as received, hexadecimal.
        raw_text: the same as text where it is printable.
        rows: point, observed_at, value, quality of rejected rows (at most 64).
    """

    at: int
    source: int
    reason: str
    reason_text: str
    count: int
    raw_hex: str | None
    raw_text: str | None
    rows: list[tuple[int, int, float | None, int]]


class Rejects(BaseModel):
    """Newest first; ``next_before`` continues the list."""

    items: list[RejectOut]
    next_before: int | None
    log: dict[str, int]


def zone_only(caller: Caller) -> None:
    """Raw frames and sources of the whole zone are not for callers limited to enterprises."""
    if caller.enterprises is not None:
        raise ProblemError("telemetry.zone_only", 403)


def _reason_text(reason: str, language: str) -> str:
    key = f"telemetry.reject.{reason}"
    return translate(key, language) if has(key, language) else reason


@router.get("/status", operation_id="ingest_status")
def status(
    caller: Reading,
    request: Request,
    ingest: Ingest,
    sources_limit: Annotated[int, Query(ge=0, le=1000)] = 50,
) -> IngestStatus:
    """Counters, limits and what is going on at the door of telemetry."""
    total, lines = ingest.books.all()
    figures = ingest.figures()
    throttled = set(figures["throttled_sources"])
    language = language_of(request)
    zone_wide = caller.enterprises is None
    busiest = sorted(lines, key=lambda s: -lines[s].received)[:sources_limit] if zone_wide else []
    if not zone_wide:
        for key in ("throttled_sources", "flapping_points", "flapping_links"):
            figures.pop(key)
    hub = getattr(request.app.state, "live_hub", None)
    return IngestStatus(
        server_ms=ingest.clock.now_ms(),
        counters=Counters(**total.as_dict()),
        reasons={r: _reason_text(r, language) for r in total.rejected},
        sources=[SourceCounters(source=s, throttled=s in throttled, **lines[s].as_dict()) for s in busiest],
        sources_total=len(lines),
        figures=figures,
        live=hub.figures() if hub is not None else {},
    )


@router.get("/rejects", operation_id="ingest_rejects")
def rejects(
    caller: Reading,
    request: Request,
    ingest: Ingest,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    source: Annotated[int | None, Query(ge=-(2**53), le=2**53)] = None,
    reason: Annotated[str | None, Query(max_length=64)] = None,
    before: Annotated[int | None, Query(ge=0, le=2**53, description="ms; older entries only")] = None,
) -> Rejects:
    """Specimens of what was turned away, newest first; everything is counted in ``/ingest/status``."""
    zone_only(caller)
    found = ingest.rejects.recent(limit, source, reason, before)
    language = language_of(request)
    return Rejects(
        items=[
            RejectOut(
                at=r.at, source=r.source, reason=r.reason, reason_text=_reason_text(r.reason, language),
                count=r.count, raw_hex=r.raw.hex() if r.raw is not None else None,
                raw_text=_text(r.raw), rows=list(r.rows),
            )
            for r in found
        ],
        next_before=found[-1].at if len(found) == limit else None,
        log=ingest.rejects.figures(),
    )  # fmt: skip


def _text(raw: bytes | None) -> str | None:
    if raw is None:
        return None
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return text if all(c.isprintable() or c in "\r\n\t" for c in text) else None
