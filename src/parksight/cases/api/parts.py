"""What is added to cases: comments, evidence, links, watchers, participants, signatures."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Annotated, BinaryIO, Literal

from fastapi import APIRouter, Depends, Form, UploadFile
from fastapi.responses import FileResponse
from pydantic import AwareDatetime
from sqlalchemy import select

from parksight.cases.api.common import CaseId, Language, Reading, ReadingActor, Service, Writing, evidence
from parksight.cases.detail import Desk
from parksight.cases.models import Evidence
from parksight.cases.requests import LinkTo, NewEvidence, Party
from parksight.cases.schemas import CaseDetail, CaseSignIn, CommentIn, EvidenceIn, LinkIn, ParticipantIn
from parksight.cases.schemas.common import LinkKind, PartyKind, RequestId, Word
from parksight.cases.service.moving import done_already
from parksight.kernel.db import clock_of
from parksight.kernel.errors import invalid, not_found
from parksight.kernel.files.models import StoredFile
from parksight.kernel.files.service import Files
from parksight.kernel.files.sniff import SHOWN
from parksight.kernel.identity.services import IdentityServices
from parksight.kernel.permissions import Caller
from parksight.kernel.web import ReadSession, RowId, WriteSession, service

router = APIRouter(prefix="/cases/{case_id}", tags=["cases"])
Store = Annotated[Files, Depends(service("files"))]
_CHUNK = 1 << 20
_Degrees = Annotated[float | None, Form(ge=-180, le=180)]


def _answer(session: WriteSession, caller: Caller, cases: Service, case_id: int, language: str) -> CaseDetail:
    session.flush()
    return Desk(cases).page(session, cases.actor(session, caller), case_id, clock_of(session).now(), language)


@router.post("/comments", operation_id="comment_case", status_code=HTTPStatus.CREATED)
def comment(
    case_id: CaseId, caller: Writing, session: WriteSession, cases: Service, language: Language, body: CommentIn
) -> CaseDetail:  # fmt: skip
    cases.comment(session, caller, case_id, body.text, request_id=body.request_id)
    return _answer(session, caller, cases, case_id, language)


@router.post("/evidence", operation_id="add_evidence", status_code=HTTPStatus.CREATED)
def add_evidence(
    case_id: CaseId, caller: Writing, session: WriteSession, cases: Service, language: Language, body: EvidenceIn
) -> CaseDetail:  # fmt: skip
    """A stored file, readings of a point as they stand in the store, or a piece of video."""
    cases.add_evidence(session, caller, case_id, evidence(session, caller, cases, body))
    return _answer(session, caller, cases, case_id, language)


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk


@router.post("/evidence/upload", operation_id="upload_evidence", status_code=HTTPStatus.CREATED)
def upload_evidence(
    case_id: CaseId, file: UploadFile, caller: Writing, session: WriteSession, cases: Service, store: Store,
    language: Language, kind: Annotated[Literal["photo", "file"], Form()] = "photo", lon: _Degrees = None,
    lat: Annotated[float | None, Form(ge=-90, le=90)] = None,
    accuracy_m: Annotated[float | None, Form(ge=0, le=1e7)] = None,
    taken_at: Annotated[AwareDatetime | None, Form()] = None,
    device: Annotated[str, Form(max_length=200, pattern=r"^[^\x00-\x1f]*$")] = "",
    note: Annotated[str, Form(max_length=1000)] = "",
    request_id: Annotated[RequestId | None, Form()] = None,
) -> CaseDetail:  # fmt: skip
    """A photo or file from the device, with where and when it was taken; the same ``request_id`` is kept once."""
    if (lon is None) != (lat is None):
        raise invalid("cases.position", "/lon")
    case = cases.find(session, caller, case_id)
    if request_id is not None and done_already(session, case.id, request_id):
        return _answer(session, caller, cases, case_id, language)
    stored = store.keep(
        session, caller, _chunks(file.file), file.filename or "file", enterprise_id=case.enterprise_id,
        purpose="case.evidence",
    )  # fmt: skip
    at = (lon, lat) if lon is not None and lat is not None else None
    new = NewEvidence(kind, stored.id, at, accuracy_m, taken_at, device, note, request_id=request_id)
    cases.add_evidence(session, caller, case_id, new)
    return _answer(session, caller, cases, case_id, language)


@router.get("/evidence/{evidence_id}/content", operation_id="download_evidence", response_class=FileResponse)
def download_evidence(
    case_id: CaseId, evidence_id: RowId, actor: ReadingActor, session: ReadSession, cases: Service, store: Store
) -> FileResponse:  # fmt: skip
    """The bytes of a photo or file; who sees the case sees its evidence."""
    case = cases.room.find(session, actor, case_id)
    row = session.scalar(select(Evidence).where(Evidence.id == evidence_id, Evidence.case_id == case.id))
    stored = session.get(StoredFile, row.file_id) if row is not None and row.file_id is not None else None
    if row is None or stored is None or stored.removed_at is not None:
        raise not_found("cases.evidence", evidence_id)
    return FileResponse(
        store.open_path(stored), media_type=stored.media_type, filename=stored.name,
        content_disposition_type="inline" if stored.media_type in SHOWN else "attachment",
        headers={
            "ETag": f'"{stored.sha256}"', "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cache-Control": "private, max-age=31536000, immutable",
        },
    )  # fmt: skip


@router.post("/links", operation_id="link_case", status_code=HTTPStatus.CREATED)
def link(
    case_id: CaseId, caller: Writing, session: WriteSession, cases: Service, language: Language, body: LinkIn
) -> CaseDetail:  # fmt: skip
    """This case is ``kind`` … the other one."""
    cases.link(session, caller, case_id, LinkTo(body.kind, body.other_id))
    return _answer(session, caller, cases, case_id, language)


@router.delete("/links/{kind}/{other_id}", operation_id="unlink_case")
def unlink(
    case_id: CaseId, kind: LinkKind, other_id: RowId, caller: Writing, session: WriteSession, cases: Service,
    language: Language,
) -> CaseDetail:  # fmt: skip
    cases.link(session, caller, case_id, LinkTo(kind, other_id), on=False)
    return _answer(session, caller, cases, case_id, language)


@router.put("/watch", operation_id="watch_case")
def watch(
    case_id: CaseId, caller: Reading, session: WriteSession, cases: Service, language: Language
) -> CaseDetail:  # fmt: skip
    """Be told about the case."""
    cases.watch(session, caller, case_id)
    return _answer(session, caller, cases, case_id, language)


@router.delete("/watch", operation_id="unwatch_case")
def unwatch(
    case_id: CaseId, caller: Reading, session: WriteSession, cases: Service, language: Language
) -> CaseDetail:  # fmt: skip
    cases.watch(session, caller, case_id, on=False)
    return _answer(session, caller, cases, case_id, language)


@router.post("/participants", operation_id="add_case_participant", status_code=HTTPStatus.CREATED)
def add_participant(
    case_id: CaseId, caller: Writing, session: WriteSession, cases: Service, language: Language, body: ParticipantIn
) -> CaseDetail:  # fmt: skip
    cases.participate(session, caller, case_id, Party(body.kind, body.id, body.role))
    return _answer(session, caller, cases, case_id, language)


@router.delete("/participants/{role}/{kind}/{party_id}", operation_id="remove_case_participant")
def remove_participant(
    case_id: CaseId, role: Word, kind: PartyKind, party_id: RowId, caller: Writing, session: WriteSession,
    cases: Service, language: Language,
) -> CaseDetail:  # fmt: skip
    cases.participate(session, caller, case_id, Party(kind, party_id, role), on=False)
    return _answer(session, caller, cases, case_id, language)


@router.post("/signatures", operation_id="sign_case", status_code=HTTPStatus.CREATED)
def sign(
    case_id: CaseId, caller: Writing, session: WriteSession, cases: Service, language: Language, body: CaseSignIn,
    identity: Annotated[IdentityServices, Depends(service("identity"))],
) -> CaseDetail:  # fmt: skip
    """Stand for something with a fresh password (and code): an unattended screen cannot sign."""
    method = identity.sessions.prove(
        caller, body.password, body.code
    )  # before our unit of work holds any lock
    cases.sign(session, caller, case_id, meaning=body.meaning, statement=body.statement, method=method)
    return _answer(session, caller, cases, case_id, language)
