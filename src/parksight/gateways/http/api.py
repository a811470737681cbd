"""The route of the push gateway."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from parksight.gateways.http.gateway import MEDIA_TYPES, PATH, HttpGateway
from parksight.gateways.http.textual import COLUMNS
from parksight.kernel.errors import ProblemError
from parksight.kernel.i18n import has, language_of, translate
from parksight.kernel.permissions import Caller
from parksight.kernel.web import requires

router = APIRouter(tags=["gateways"])

_READING = {
    "type": "object",
    "properties": {
        "address": {"type": "string", "description": "address mapped for the device"},
        "point": {"type": "string", "description": "point code, instead of address"},
        "t": {"description": "ms since the epoch, or ISO 8601 with an offset"},
        "v": {"type": ["number", "boolean", "null"]},
        "q": {"description": "quality word or code; unknown when left out"},
    },
    "additionalProperties": False,
}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["readings"],
                    "properties": {
                        "device": {"type": "string"},
                        "backfill": {"type": "boolean"},
                        "readings": {"type": "array", "items": _READING},
                    },
                    "additionalProperties": False,
                }
            },
            "text/csv": {"schema": {"type": "string", "description": f"header with {', '.join(COLUMNS)}"}},
            "application/vnd.apache.arrow.stream": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


class RowErrorOut(BaseModel):
    row: int = Field(description="number of the row, from 0")
    reason: str
    detail: str


class PushOut(BaseModel):
    """What became of the rows: received = stored + rejected. Answered once the stored ones are durable."""

    received: int
    stored: int
    rejected: dict[str, int]
    errors: list[RowErrorOut] = Field(description="the first rows that were refused before the ingest")


def push_gateway(request: Request) -> HttpGateway:
    gateway = request.app.state.gateways.manager.get("http")
    if gateway is None:
        raise ProblemError("gateways.push.stopped", HTTPStatus.SERVICE_UNAVAILABLE)
    found: HttpGateway = gateway
    return found


@router.post(PATH, openapi_extra=_BODY, operation_id="push_observations")
async def push_observations(
    request: Request,
    caller: Annotated[Caller, requires("gateways.observation.push")],
    gateway: Annotated[HttpGateway, Depends(push_gateway)],
    device: Annotated[str | None, Query(max_length=96, description="device code, for CSV and Arrow")] = None,
    backfill: Annotated[bool, Query(description="history: not judged for lateness or clock skew")] = False,
) -> PushOut:
    """Hand over observations as JSON, CSV or an Arrow IPC stream; the answer means they are durable."""
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    peer = f"{request.client.host}:{request.client.port}" if request.client else "-"
    with gateway.intake() as take:
        parts: list[bytes] = []
        async for part in request.stream():
            take(len(part))
            parts.append(part)
        body = b"".join(parts)
        parts.clear()
        report = await gateway.push(caller, media_type, body, peer=peer, device=device, backfill=backfill)
    language = language_of(request)
    return PushOut(
        received=report.received,
        stored=report.stored,
        rejected=dict(report.rejected),
        errors=[
            RowErrorOut(row=e.row, reason=e.reason, detail=_detail(e.reason, e.value, language))
            for e in report.errors
        ],
    )


def _detail(reason: str, value: str, language: str) -> str:
    key = f"gateways.row.{reason}"
    return translate(key, language, value=value) if has(key) else f"{reason}: {value}"


__all__ = ["MEDIA_TYPES", "PushOut", "router"]
