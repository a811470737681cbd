"""One archive of everything, and the way back.

An archive is a tar file, compressed by the ending of its name (``.tar.zst`` or ``.tar.gz``). Its first member
``manifest.json`` lists every other member with size and SHA-256; nothing is put in place before all of them are
proved. The records are taken before the files: a file is stored before its record and outlives it, so every
record in the archive has its file.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, Protocol, cast

import pyarrow as pa
from sqlalchemy import inspect

from parksight import __version__
from parksight.kernel import audit, migrate, postgres
from parksight.kernel.bus import Bus
from parksight.kernel.clock import Clock, SystemClock
from parksight.kernel.db import Database
from parksight.kernel.errors import ProblemError
from parksight.kernel.files.service import FOLDER as FILES
from parksight.kernel.sealing import KEY_FILE
from parksight.kernel.settings import Settings

FORMAT = 1
MANIFEST = "manifest.json"
_RECORDS = {"sqlite": "records/records.sqlite", "postgresql": "records/records.pgdump"}
_MAX_MANIFEST = 256 * 2**20
_CHUNK = 1 << 20
_UNREADABLE = (
    tarfile.TarError, zlib.error, pa.ArrowException, OSError, EOFError, ValueError, KeyError, TypeError,
    AttributeError, RecursionError,
)  # fmt: skip


class BackupPart(Protocol):
    """What another part of the house adds to the archive."""

    @property
    def name(self) -> str: ...

    def dump(self, folder: Path) -> None:
        """Write a consistent copy into ``folder``, which exists and is empty."""
        ...

    def restore(self, folder: Path) -> None:
        """Put the copy in ``folder`` in place; the place is empty."""
        ...


@dataclass(frozen=True)
class SqlitePart:
    """A SQLite file of a part, copied while others may write to it; absent files are skipped."""

    name: str

    file: Path

    def dump(self, folder: Path) -> None:
        if self.file.is_file():
            copy_sqlite(self.file, folder / self.file.name)

    def restore(self, folder: Path) -> None:
        copy = folder / self.file.name
        if copy.is_file():
            self.file.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(copy, self.file)


def copy_sqlite(source: Path, target: Path) -> None:
    """A consistent copy of a SQLite database by its own backup interface."""
    with (
        contextlib.closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=30)) as read,
        contextlib.closing(sqlite3.connect(target)) as write,
    ):
        read.backup(write)
        write.execute("PRAGMA journal_mode=DELETE")


def backup(
    settings: Settings, target: Path, parts: Sequence[BackupPart] = (), clock: Clock | None = None
) -> dict[str, Any]:
    """Write one archive of records, files, the sealing key and the given parts.

    Args:
        settings: whose data.
        target: a new file ending in ``.tar.zst`` or ``.tar.gz``; readable by its owner only, for it holds
            everything.
        parts: what else belongs in it.
        clock: for the date in the manifest.

    Returns:
        The manifest without its list of members: ``version``, ``revision``, ``engine``, ``created_at``,
        ``audit_head``, ``parts``, ``files`` (how many members), ``bytes``.

    Raises:
        ProblemError: ``kernel.backup.exists``, ``kernel.backup.not_readable`` (bad ending), ``program_failed``.
    """
    if target.exists():
        raise ProblemError("kernel.backup.exists", 409, {"file": target})
    _compression(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".backup-", dir=target.parent) as scratch:
        folder = Path(scratch)
        manifest = _dump_records(settings, folder)
        for part in parts:
            place = folder / "parts" / part.name
            place.mkdir(parents=True)
            part.dump(place)
        members = {path.relative_to(folder).as_posix(): path for path in _walk(folder)}
        stored = settings.data_dir / FILES
        for path in _walk(stored):
            if "incoming" not in path.relative_to(stored).parts:
                members[f"{FILES}/{path.relative_to(stored).as_posix()}"] = path
        key = settings.data_dir / KEY_FILE
        if key.is_file():
            members[KEY_FILE] = key
        listed: dict[str, dict[str, Any]] = {
            name: {"size": p.stat().st_size, "sha256": _sha256(p)} for name, p in members.items()
        }
        manifest |= {
            "format": FORMAT,
            "version": __version__,
            "created_at": (clock or SystemClock()).now().isoformat(),
            "zone": settings.zone.name,
            "parts": [part.name for part in parts],
        }
        partial = folder / "archive"
        with _writing(partial, target) as tar:
            _add_text(tar, MANIFEST, json.dumps({**manifest, "members": listed}, ensure_ascii=False))
            for name, path in members.items():
                tar.add(path, name, recursive=False, filter=_anonymous)
        with partial.open("rb") as done:
            os.fsync(done.fileno())
        partial.replace(target)
        total = sum(int(entry["size"]) for entry in listed.values())
    return {**manifest, "files": len(listed), "bytes": total, "archive_bytes": target.stat().st_size}


def restore(
    archive: Path,
    settings: Settings,
    parts: Sequence[BackupPart] = (),
    *,
    force: bool = False,
    clock: Clock | None = None,
) -> dict[str, Any]:
    """Prove an archive and put its contents in place.

    Args:
        archive: made by :func:`backup`.
        settings: where to; the same kind of database.
        parts: those that can take their share back.
        force: move data that are there aside (``<data_dir>.before-restore-<time>``) instead of refusing.
        clock: names the folder of what was there.

    Returns:
        The manifest's head, ``files``, ``moved_aside`` (folder or None) and ``audit_sound``.

    Raises:
        ProblemError: ``kernel.backup.occupied``, ``damaged``, ``not_readable``, ``newer``, ``other_engine``,
            ``unknown_part``. Unless it is ``program_failed``, nothing has been changed.
    """
    occupied = _occupied(settings)
    if occupied and not force:
        raise ProblemError("kernel.backup.occupied", 409, {"folder": occupied})
    data = settings.data_dir.resolve()
    data.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=data.parent) as scratch:
        folder = Path(scratch)
        manifest = _unpack(archive, folder)
        known = {part.name: part for part in parts}
        _fits(manifest, settings, known)
        now = (clock or SystemClock()).now()
        aside = _move_aside(data, f"{data.name}.before-restore-{now:%Y%m%dT%H%M%S}")
        try:
            data.mkdir(parents=True, exist_ok=True)
            _place(manifest, folder, settings, known)
        except BaseException:
            if aside is not None:
                _empty(data)
                _move_children(aside, data)
                aside.rmdir()
            raise
    db = Database(settings.records_url, Bus())
    try:
        with db.read() as session:
            report = audit.verify(session, (int(manifest["audit_head"][0]), str(manifest["audit_head"][1])))
    finally:
        db.close()
    shown = {k: v for k, v in manifest.items() if k != "members"}
    return {
        **shown,
        "files": len(manifest["members"]),
        "moved_aside": str(aside) if aside else None,
        "audit_sound": report.sound,
    }


def _dump_records(settings: Settings, folder: Path) -> dict[str, Any]:
    db = Database(settings.records_url, Bus())
    try:
        engine = db.engine.dialect.name
        target = folder / _RECORDS[engine]
        target.parent.mkdir(parents=True)
        # The head is noted before the copy is taken, so that it lies on the copy's past.
        revision = migrate.current(db)
        with db.read() as session:
            head = audit.head(session)
        if engine == "sqlite":
            copy_sqlite(Path(str(db.engine.url.database)), target)
        else:
            postgres.dump(db.engine.url, target)
    finally:
        db.close()
    return {"engine": engine, "revision": revision, "audit_head": list(head)}


def _unpack(archive: Path, folder: Path) -> dict[str, Any]:
    """Extract into ``folder`` and prove every member; nothing outside the manifest is accepted."""

    def unreadable(reason: object) -> ProblemError:
        params: dict[str, object] = {"file": archive.name, "reason": reason}
        return ProblemError("kernel.backup.not_readable", 422, params)

    def damaged(member: str) -> ProblemError:
        return ProblemError("kernel.backup.damaged", 422, {"member": member[:200]})

    found: dict[str, str] = {}
    manifest: dict[str, Any] | None = None
    try:
        with _reading(archive) as tar:
            for member in tar:
                if manifest is None:
                    manifest = _manifest(tar, member)
                    continue
                listed = manifest["members"].get(member.name)
                if listed is None or not member.isreg() or member.size != listed["size"]:
                    raise damaged(member.name)
                source = tar.extractfile(member)
                if source is None:
                    raise damaged(member.name)
                found[member.name] = _extract(source, folder / _safe(member.name))
    except _UNREADABLE as error:
        raise unreadable(error) from error
    if manifest is None:
        raise unreadable("it is empty")
    for name, listed in manifest["members"].items():
        if found.get(name) != listed["sha256"]:
            raise damaged(name)
    return manifest


def _manifest(tar: tarfile.TarFile, member: tarfile.TarInfo) -> dict[str, Any]:
    source = tar.extractfile(member) if member.name == MANIFEST and member.size <= _MAX_MANIFEST else None
    if source is None:
        raise ValueError("it does not begin with a manifest")
    manifest = json.loads(source.read())
    if manifest["format"] != FORMAT:
        raise ValueError(f"format {manifest['format']} is not known")
    for name in manifest["members"]:
        _safe(name)
    for key in ("engine", "version", "audit_head", "parts"):
        manifest[key]
    return cast(dict[str, Any], manifest)


def _safe(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\\" in name or "\0" in name:
        raise ValueError(f"the name {name[:80]!r} leads elsewhere")
    return path


def _extract(source: IO[bytes], target: Path) -> str:
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with target.open("xb") as out:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            out.write(chunk)
        out.flush()
        os.fsync(out.fileno())
    return digest.hexdigest()


def _fits(manifest: dict[str, Any], settings: Settings, known: dict[str, BackupPart]) -> None:
    ours = "sqlite" if settings.records_url.startswith("sqlite") else "postgresql"
    if manifest["engine"] != ours:
        raise ProblemError("kernel.backup.other_engine", 422, {"theirs": manifest["engine"], "ours": ours})
    if _numbers(manifest["version"]) > _numbers(__version__):
        raise ProblemError("kernel.backup.newer", 422, {"version": manifest["version"]})
    for name in manifest["parts"]:
        if name not in known:
            raise ProblemError("kernel.backup.unknown_part", 422, {"part": name})


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in str(version).split(".") if part.isdigit())


def _place(manifest: dict[str, Any], folder: Path, settings: Settings, known: dict[str, BackupPart]) -> None:
    data = settings.data_dir
    if (folder / FILES).is_dir():
        shutil.move(folder / FILES, data / FILES)
    if (folder / KEY_FILE).is_file():
        shutil.move(folder / KEY_FILE, data / KEY_FILE)
        (data / KEY_FILE).chmod(0o600)
    for name in manifest["parts"]:
        place = folder / "parts" / name
        place.mkdir(parents=True, exist_ok=True)  # an empty part leaves no member
        known[name].restore(place)
    db = Database(settings.records_url, Bus())
    url = db.engine.url
    db.close()
    records = folder / _RECORDS[str(manifest["engine"])]
    # The records last: they are what says that the installation is whole.
    if manifest["engine"] == "sqlite":
        target = Path(str(url.database))
        target.parent.mkdir(parents=True, exist_ok=True)
        for extra in ("-wal", "-shm"):
            target.with_name(target.name + extra).unlink(missing_ok=True)
        shutil.move(records, target)
    else:
        postgres.restore(url, records)


def _occupied(settings: Settings) -> str | None:
    if settings.data_dir.is_dir() and any(settings.data_dir.iterdir()):
        return str(settings.data_dir)
    url = settings.records_url
    if url.startswith("sqlite"):
        file = Path(url.removeprefix("sqlite:///"))
        return str(file) if file.exists() else None
    db = Database(url, Bus())
    try:
        return "PostgreSQL" if inspect(db.engine).get_table_names() else None
    finally:
        db.close()


def _move_aside(data: Path, name: str) -> Path | None:
    if not data.is_dir() or not any(data.iterdir()):
        return None
    aside = data.parent / name
    aside.mkdir()
    _move_children(data, aside)
    return aside


def _move_children(source: Path, target: Path) -> None:
    for child in list(source.iterdir()):
        shutil.move(child, target / child.name)


def _empty(folder: Path) -> None:
    for child in list(folder.iterdir()):
        if child.is_dir() and not child.is_symlink():
            shutil.rmtree(child)
        else:
            child.unlink()


def _walk(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                yield path


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _add_text(tar: tarfile.TarFile, name: str, text: str) -> None:
    content = text.encode("utf-8")
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), 0o600
    tar.addfile(info, io.BytesIO(content))


def _anonymous(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mode = 0o600
    return info


def _compression(path: Path) -> str:
    for ending, name in ((".tar.zst", "zstd"), (".tar.gz", "gzip"), (".tgz", "gzip")):
        if path.name.endswith(ending):
            return name
    reason = "the name must end in .tar.zst or .tar.gz"
    raise ProblemError("kernel.backup.not_readable", 422, {"file": path.name, "reason": reason})


@contextlib.contextmanager
def _writing(path: Path, named: Path) -> Iterator[tarfile.TarFile]:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as raw:
        if _compression(named) == "zstd":
            stream: Any = pa.CompressedOutputStream(raw, "zstd")
        else:
            stream = gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=6, mtime=0)
        with stream, tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as tar:
            yield tar


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[tarfile.TarFile]:
    with path.open("rb") as raw:
        if _compression(path) == "zstd":
            stream: Any = pa.CompressedInputStream(raw, "zstd")
        else:
            stream = gzip.GzipFile(fileobj=raw, mode="rb")
        with stream, tarfile.open(fileobj=stream, mode="r|") as tar:
            yield tar
            # tar stops at its own end; the compression's checksum over everything comes after it
            while stream.read(_CHUNK):
                pass
