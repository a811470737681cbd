"""What a file is, from its first bytes. Only kinds on this list are taken; active content is not on it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

#: Bytes that are looked at.
HEAD = 4096

_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"%PDF-", "application/pdf"),
    (8, b"WAVE", "audio/wav"),
    (0, b"OggS", "audio/ogg"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (0, b"PAR1", "application/vnd.apache.parquet"),
)
_OFFICE = {
    "xl/workbook.xml": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "word/document.xml": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}
ALLOWED = frozenset(kind for _, _, kind in _MAGIC) | frozenset(_OFFICE.values()) | {
    "video/mp4", "text/plain", "text/csv", "application/json", "application/geo+json",
}  # fmt: skip
#: Kinds a browser may show in the page; everything else is downloaded.
SHOWN = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "video/mp4", "video/webm",
                   "audio/wav", "audio/ogg", "audio/mpeg"})  # fmt: skip


def sniff(path: Path, name: str = "") -> str | None:
    """Media type of a file by its content, None when it is not a kind we take.

    The name only tells CSV from other text; it never makes a kind acceptable.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
    if not head:
        return None
    for offset, magic, kind in _MAGIC:
        if head[offset : offset + len(magic)] == magic and (offset == 0 or head[:4] == b"RIFF"):
            return kind
    if head[4:8] == b"ftyp":
        return "video/mp4"
    if head[:4] == b"PK\x03\x04":
        return _office(path)
    return _text(path, head, name.lower())


def _office(path: Path) -> str | None:
    try:
        with zipfile.ZipFile(path) as archive:
            members = set(archive.namelist())
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return None
    if any(member.lower().endswith("vbaproject.bin") for member in members):
        return None
    return next((kind for member, kind in _OFFICE.items() if member in members), None)


def _text(path: Path, head: bytes, name: str) -> str | None:
    if any(byte < 32 and byte not in (9, 10, 12, 13) for byte in head):
        return None
    try:
        start = head.decode("utf-8-sig", "strict" if len(head) < HEAD else "ignore")
    except UnicodeDecodeError:
        try:  # Excel in China still writes CSV in its own code page
            start = head.decode("gb18030", "strict" if len(head) < HEAD else "ignore")
        except UnicodeDecodeError:
            return None
    lead = start.lstrip().lower()
    if lead.startswith("<"):  # markup may carry script: SVG, HTML, XML
        return None
    if lead.startswith(("{", "[")) and name.endswith((".json", ".geojson")):
        return _json(path, name)
    return "text/csv" if name.endswith(".csv") else "text/plain"


def _json(path: Path, name: str) -> str | None:
    try:
        json.loads(path.read_text("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    return "application/geo+json" if name.endswith(".geojson") else "application/json"
