"""Keeping files: streamed to disk, hashed, judged by content, stored once per content."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import unicodedata
from collections.abc import Iterable
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from parksight.kernel import audit
from parksight.kernel.clock import Clock
from parksight.kernel.errors import ProblemError, forbidden, not_found
from parksight.kernel.files.models import StoredFile
from parksight.kernel.files.sniff import sniff
from parksight.kernel.permissions import Caller
from parksight.kernel.settings import Settings

_SHA256 = re.compile(r"[0-9a-f]{64}")
FOLDER = "files"


def clean_name(name: str) -> str:
    """A harmless file name for showing: no folders, no control or bidirectional characters, not empty."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    kept = "".join(c for c in last if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp"))
    kept = kept.strip().lstrip(".")
    stem, dot, ending = kept.rpartition(".")
    if len(kept) > 200:
        kept = stem[: 199 - len(ending)] + dot + ending if dot and len(ending) <= 10 else kept[:200]
    return kept or "file"


class Files:
    """The file store; on ``app.state.files``.

    Args:
        settings: data folder and size limit.
        clock: time.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.folder = settings.data_dir / FOLDER
        self.max_bytes = settings.files.max_mb * 2**20
        self._clock = clock

    def path(self, sha256: str) -> Path:
        """Where a content lies.

        Raises:
            ProblemError: 404 for anything but a SHA-256, so that no other path can be asked for.
        """
        if not _SHA256.fullmatch(sha256):
            raise not_found("file", sha256[:80])
        return self.folder / sha256[:2] / sha256[2:4] / sha256

    def keep(
        self,
        session: Session,
        caller: Caller,
        chunks: Iterable[bytes],
        name: str,
        *,
        enterprise_id: int | None = None,
        purpose: str = "",
    ) -> StoredFile:
        """Store a file; the bytes are durable when it returns.

        Args:
            session: unit of work of the metadata.
            caller: who uploads; must be allowed to see the enterprise.
            chunks: the content, any size each.
            name: the sender's name for it.
            enterprise_id: whose it is; None (the zone's own) only for zone-wide callers.
            purpose: tag of the keeping module.

        Raises:
            ProblemError: 413 ``kernel.file.too_large``, 415 ``kernel.file.kind``, 422 ``kernel.file.empty``,
                403 for another enterprise.
        """
        if not caller.may_see_enterprise(enterprise_id):
            raise forbidden("kernel.file.write")
        incoming = self.folder / "incoming"
        incoming.mkdir(parents=True, exist_ok=True)
        part = incoming / secrets.token_hex(16)
        shown = clean_name(name)
        try:
            sha256, size = self._write(part, chunks)
            kind = sniff(part, shown)
            if kind is None:
                raise ProblemError("kernel.file.kind", HTTPStatus.UNSUPPORTED_MEDIA_TYPE, {"name": shown})
            target = self.path(sha256)
            target.parent.mkdir(parents=True, exist_ok=True)
            part.replace(target)
            _sync_folder(target.parent)
        finally:
            part.unlink(missing_ok=True)
        row = StoredFile(
            sha256=sha256, size=size, media_type=kind, name=shown, enterprise_id=enterprise_id,
            purpose=purpose[:80], uploaded_by=caller.id if caller.kind in ("user", "token") else None,
            created_at=self._clock.now(),
        )  # fmt: skip
        session.add(row)
        session.flush()
        after = {"sha256": sha256, "size": size, "name": shown, "media_type": kind, "purpose": purpose}
        audit.record(session, caller, action="kernel.file.keep", subject=("file", row.id), after=after)
        return row

    def find(self, session: Session, caller: Caller, file_id: int) -> StoredFile:
        """A file the caller may see; 404 otherwise."""
        statement = caller.scoped(select(StoredFile), StoredFile.enterprise_id)
        row: StoredFile | None = session.scalar(
            statement.where(StoredFile.id == file_id, StoredFile.removed_at.is_(None))
        )
        if row is None:
            raise not_found("file", file_id)
        return row

    def open_path(self, row: StoredFile) -> Path:
        """The bytes of a file; 410 ``kernel.file.lost`` when they are missing or were changed in size."""
        path = self.path(row.sha256)
        if not path.is_file() or path.stat().st_size != row.size:
            raise ProblemError("kernel.file.lost", HTTPStatus.GONE, {"name": row.name, "sha256": row.sha256})
        return path

    def intact(self, row: StoredFile) -> bool:
        """Whether the bytes still have the hash they were stored under."""
        path = self.path(row.sha256)
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == row.sha256

    def remove(self, session: Session, caller: Caller, file_id: int, reason: str) -> None:
        """Take a file away; its row and hash stay, its bytes go with a later :meth:`sweep`."""
        row = self.find(session, caller, file_id)
        row.removed_at = self._clock.now()
        before = {"sha256": row.sha256, "name": row.name}
        audit.record(
            session,
            caller,
            action="kernel.file.remove",
            subject=("file", row.id),
            before=before,
            reason=reason,
        )

    def sweep(self, session: Session, keep_days: float = 30.0) -> int:
        """Delete contents that no row needs any more; returns how many.

        Not at removal: an upload of the same content may be under way, and somebody may want it back.
        """
        cut = self._clock.now() - timedelta(days=keep_days)
        last = func.max(StoredFile.removed_at)
        gone = (
            select(StoredFile.sha256)
            .group_by(StoredFile.sha256)
            .having(func.count() == func.count(StoredFile.removed_at), last < cut)
        )
        deleted = 0
        for sha256 in session.scalars(gone):
            path = self.path(sha256)
            if path.is_file():
                path.unlink()
                deleted += 1
        return deleted

    def discard(self, session: Session, sha256: str) -> int:
        """Delete a content at once that no row needs any more; returns the bytes set free.

        Only for what the platform itself wrote and nobody else can be uploading: recordings whose time is over.
        """
        needed = select(func.count()).where(StoredFile.sha256 == sha256, StoredFile.removed_at.is_(None))
        path = self.path(sha256)
        if session.scalar(needed) or not path.is_file():
            return 0
        size = path.stat().st_size
        path.unlink()
        return size

    def _write(self, part: Path, chunks: Iterable[bytes]) -> tuple[str, int]:
        digest = hashlib.sha256()
        size = 0
        with part.open("xb") as out:
            for chunk in chunks:
                size += len(chunk)
                if size > self.max_bytes:
                    limit = self.max_bytes // 2**20
                    raise ProblemError(
                        "kernel.file.too_large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"limit_mb": limit}
                    )
                digest.update(chunk)
                out.write(chunk)
            out.flush()
            os.fsync(out.fileno())
        if size == 0:
            raise ProblemError("kernel.file.empty", HTTPStatus.UNPROCESSABLE_ENTITY)
        return digest.hexdigest(), size


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
