"""``/files``: upload, metadata, download."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, BinaryIO

from fastapi import APIRouter, Depends, Form, Query, UploadFile
from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select
from starlette.responses import FileResponse

from parksight.kernel.files.models import StoredFile
from parksight.kernel.files.service import Files
from parksight.kernel.files.sniff import SHOWN
from parksight.kernel.permissions import Caller
from parksight.kernel.web import Page, Paging, ReadSession, RowId, WriteSession, paging, requires, service

router = APIRouter(prefix="/api/v1/files", tags=["files"])
Store = Annotated[Files, Depends(service("files"))]
Reader = Annotated[Caller, requires("kernel.file.read")]
Writer = Annotated[Caller, requires("kernel.file.write")]
_CHUNK = 1 << 20


class FileView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    sha256: str
    size: int
    media_type: str
    name: str
    enterprise_id: int | None
    purpose: str
    uploaded_by: int | None
    created_at: datetime


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk


@router.post("", status_code=HTTPStatus.CREATED, operation_id="upload_file", response_model=FileView)
def upload_file(
    file: UploadFile,
    caller: Writer,
    session: WriteSession,
    store: Store,
    enterprise_id: Annotated[int | None, Form(ge=1, le=2**31 - 1)] = None,
    purpose: Annotated[str, Form(max_length=80)] = "",
) -> StoredFile:
    """Keep a file; its kind is judged by its content."""
    name = file.filename or "file"
    return store.keep(session, caller, _chunks(file.file), name, enterprise_id=enterprise_id, purpose=purpose)


@router.get("", operation_id="list_files")
def list_files(
    caller: Reader,
    session: ReadSession,
    page: Annotated[Paging, Depends(paging)],
    purpose: Annotated[str | None, Query(max_length=80)] = None,
    enterprise_id: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
) -> Page[FileView]:
    """Files the caller may see, newest first."""
    statement = caller.scoped(select(StoredFile), StoredFile.enterprise_id)
    statement = statement.where(StoredFile.removed_at.is_(None))
    if purpose is not None:
        statement = statement.where(StoredFile.purpose == purpose)
    if enterprise_id is not None:
        statement = statement.where(StoredFile.enterprise_id == enterprise_id)
    total = session.scalar(select(func.count()).select_from(statement.subquery())) or 0
    rows = session.scalars(statement.order_by(StoredFile.id.desc()).limit(page.limit).offset(page.offset))
    items = [FileView.model_validate(row) for row in rows]
    return Page(items=items, total=total, limit=page.limit, offset=page.offset)


@router.get("/{file_id}", operation_id="get_file", response_model=FileView)
def get_file(file_id: RowId, caller: Reader, session: ReadSession, store: Store) -> StoredFile:
    return store.find(session, caller, file_id)


@router.get("/{file_id}/content", operation_id="download_file", response_class=FileResponse)
def download_file(file_id: RowId, caller: Reader, session: ReadSession, store: Store) -> FileResponse:
    """The bytes; pictures and sound may be shown in the page, everything else is downloaded."""
    row = store.find(session, caller, file_id)
    disposition = "inline" if row.media_type in SHOWN else "attachment"
    return FileResponse(
        store.open_path(row),
        media_type=row.media_type,
        filename=row.name,
        content_disposition_type=disposition,
        headers={
            "ETag": f'"{row.sha256}"',
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cache-Control": "private, max-age=31536000, immutable",
        },
    )


@router.delete("/{file_id}", status_code=HTTPStatus.NO_CONTENT, operation_id="remove_file")
def remove_file(
    file_id: RowId,
    caller: Annotated[Caller, requires("kernel.file.remove")],
    session: WriteSession,
    store: Store,
    reason: Annotated[str, Query(min_length=1, max_length=500)],
) -> None:
    """Take a file away; the history keeps its hash and the reason."""
    store.remove(session, caller, file_id, reason)
