"""Dependencies of the routes of cases."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Request

from parksight.cases import access
from parksight.cases.people import Actor
from parksight.cases.requests import NewEvidence
from parksight.cases.schemas import EvidenceIn, PositionIn
from parksight.cases.service import CaseService
from parksight.kernel.db import clock_of
from parksight.kernel.errors import invalid
from parksight.kernel.i18n import language_of
from parksight.kernel.permissions import Caller
from parksight.kernel.web import ReadSession, WriteSession, requires, service

Reading = Annotated[Caller, requires(access.READ)]
Writing = Annotated[Caller, requires(access.WRITE)]
Service = Annotated[CaseService, Depends(service("cases"))]
CaseId = Annotated[int, Path(ge=1, le=2**53)]


def language(request: Request) -> str:
    return language_of(request)


Language = Annotated[str, Depends(language)]


def position(given: PositionIn | None) -> tuple[float, float] | None:
    return None if given is None else (given.lon, given.lat)


def evidence(session: WriteSession, caller: Caller, cases: CaseService, body: EvidenceIn) -> NewEvidence:
    """What was sent as evidence; readings are taken from the store here, so that nobody can send their own.

    Raises:
        ProblemError: 404 a point the caller may not see; 422 ``cases.evidence.content``.
    """
    content: dict[str, object] | None = None
    if body.kind == "observation":
        readings = cases.room.outside.readings
        if readings is None or body.point_id is None or body.start is None or body.end is None:
            raise invalid("cases.evidence.content", "/point_id")
        content = readings.window(session, caller, body.point_id, body.start, body.end)
    elif body.kind == "video":
        if body.camera_id is None or body.start is None or body.end is None or body.end <= body.start:
            raise invalid("cases.evidence.content", "/camera_id")
        content = {
            "camera_id": body.camera_id, "reference": body.reference or "",
            "from_ms": round(body.start.timestamp() * 1000), "to_ms": round(body.end.timestamp() * 1000),
        }  # fmt: skip
    return NewEvidence(
        body.kind, body.file_id, position(body.position), body.position.accuracy_m if body.position else None,
        body.taken_at, body.device, body.note, content,
    )  # fmt: skip


def reader(caller: Reading, session: ReadSession, cases: Service) -> Actor:
    """The caller with posts held and people acted for."""
    return cases.room.people.actor(session, caller, clock_of(session).now())


ReadingActor = Annotated[Actor, Depends(reader)]
