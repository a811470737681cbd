"""Files to rows: CSV (UTF-8, UTF-16 with mark, GB 18030), XLSX, GeoJSON. Rows come one by one.

A file that cannot be read as a whole raises :class:`FileProblem`; what is wrong with one row is the importer's.
"""

from __future__ import annotations

import codecs
import csv
import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import msgspec
import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

_SNIFF = 64 * 1024
_PORTION = 1024 * 1024
MAX_COLUMNS = 200
#: Unpacked size of an XLSX: protects against archives that explode.
MAX_UNPACKED = 512 * 1024 * 1024
FORMATS = ("csv", "xlsx", "geojson")

# A geometry cell of 50,000 vertices is about 2 MB; the module-wide default of 128 KB would refuse a long road.
csv.field_size_limit(4 * 1024 * 1024)


class FileProblem(Exception):  # noqa: N818 - it is the file that has a problem, not the program
    """The file as a whole is refused; ``reason`` is a translation key below ``registry.import``."""

    def __init__(self, reason: str, **params: object) -> None:
        super().__init__(f"{reason} {params}")
        self.reason = f"registry.import.{reason}"
        self.params = params


@dataclass(frozen=True)
class Row:
    """One row: its number as people count it in that file (CSV line of the record, sheet row, feature from 1)."""

    number: int
    cells: Mapping[str, Any]


@dataclass(frozen=True)
class Source:
    """An opened file. ``columns`` is None where rows name their own (GeoJSON)."""

    format: str
    encoding: str | None
    columns: tuple[str, ...] | None
    rows: Iterator[Row]


def open_file(file: BinaryIO, filename: str, format: str | None = None) -> Source:  # noqa: A002
    """Open by stated format, else by what the file is, else by its name.

    Raises:
        FileProblem: unknown format or encoding, broken archive, no heading, not GeoJSON.
    """
    file.seek(0)
    head = file.read(_SNIFF)
    file.seek(0)
    if not head.strip(b"\x00 \t\r\n\xef\xbb\xbf"):
        raise FileProblem("empty")
    chosen = format or _guess(head, filename)
    if chosen == "xlsx":
        return _xlsx(file)
    if chosen == "geojson":
        return _geojson(file)
    if chosen == "csv":
        return _csv(file, head)
    raise FileProblem("format_unknown", format=str(chosen)[:20], allowed=", ".join(FORMATS))


def _guess(head: bytes, filename: str) -> str:
    if head.startswith(b"PK\x03\x04"):
        return "xlsx"
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        raise FileProblem("old_excel")
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return "geojson"
    suffix = filename.rsplit(".", 1)[-1].lower() if "." in filename else ""
    return {"json": "geojson", "geojson": "geojson", "xlsx": "xlsx"}.get(suffix, "csv")


def _encoding(file: BinaryIO, head: bytes) -> str:
    """The only encoding the whole file can be read in, tried strictly in the order of likelihood."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        candidates = ["utf-16"]
    elif head.startswith(codecs.BOM_UTF8):
        candidates = ["utf-8-sig"]
    else:
        candidates = ["utf-8", "gb18030"]
    for name in candidates:
        decoder = codecs.getincrementaldecoder(name)("strict")
        file.seek(0)
        try:
            while portion := file.read(_PORTION):
                decoder.decode(portion)
            decoder.decode(b"", final=True)
        except UnicodeError:
            continue
        file.seek(0)
        return name
    raise FileProblem("encoding_unknown", tried=", ".join(candidates))


def _csv(file: BinaryIO, head: bytes) -> Source:
    encoding = _encoding(file, head)
    stream = io.TextIOWrapper(file, encoding=encoding, errors="strict", newline="")
    first = stream.readline()
    stream.seek(0)
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(stream, delimiter=delimiter, strict=True)
    try:
        heading = next(reader, None)
    except csv.Error as error:
        raise FileProblem("csv_broken", line=reader.line_num, detail=str(error)[:80]) from None
    columns = _heading(heading or [])

    def rows() -> Iterator[Row]:
        try:
            while True:
                number = reader.line_num + 1
                cells = next(reader, None)
                if cells is None:
                    break
                if any(c.strip() for c in cells):
                    yield Row(number, _cells(columns, [_unguard(c) for c in cells]))
        except csv.Error as error:
            raise FileProblem("csv_broken", line=reader.line_num, detail=str(error)[:80]) from None
        finally:
            stream.detach()

    return Source("csv", encoding, columns, rows())


def _unguard(cell: str) -> str:
    """Take back the apostrophe that exports put before a formula sign."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in ("=", "+", "-", "@", "\t", "\r") else cell


def _heading(cells: list[Any]) -> tuple[str, ...]:
    names = [str(c).strip() if c is not None else "" for c in cells]
    while names and not names[-1]:
        names.pop()
    if not any(names):
        raise FileProblem("no_heading")
    if len(names) > MAX_COLUMNS:
        raise FileProblem("too_many_columns", limit=MAX_COLUMNS, columns=len(names))
    seen: set[str] = set()
    for name in names:
        if name and name.casefold() in seen:
            raise FileProblem("column_twice", column=name[:60])
        seen.add(name.casefold())
    return tuple(names)


def _cells(columns: tuple[str, ...], values: list[Any]) -> dict[str, Any]:
    cells = dict(zip(columns, values, strict=False))
    extra = [v for v in values[len(columns) :] if v not in (None, "")]
    # A value without a heading must not get lost: the importer refuses the row for it.
    if extra or cells.pop("", None) not in (None, ""):
        cells[""] = extra[0] if extra else values[columns.index("")]
    return cells


def _xlsx(file: BinaryIO) -> Source:
    try:
        with zipfile.ZipFile(file) as archive:
            unpacked = sum(item.file_size for item in archive.infolist())
        if unpacked > MAX_UNPACKED:
            raise FileProblem("unpacked_too_large", limit=MAX_UNPACKED, size=unpacked)
        file.seek(0)
        book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        lines = sheet.iter_rows(values_only=True)
        heading = next(lines, None)
    except FileProblem:
        raise
    except _XLSX_BROKEN as error:
        raise FileProblem("xlsx_broken", detail=f"{type(error).__name__}: {error}"[:80]) from None
    columns = _heading(list(heading or []))

    def rows() -> Iterator[Row]:
        try:
            for number, cells in enumerate(lines, start=2):
                values = [_unguard(c) if isinstance(c, str) else c for c in cells]
                if any(v not in (None, "") for v in values):
                    yield Row(number, _cells(columns, values))
        except _XLSX_BROKEN as error:
            raise FileProblem("xlsx_broken", detail=f"{type(error).__name__}: {error}"[:80]) from None
        finally:
            book.close()

    return Source("xlsx", None, columns, rows())


# What openpyxl lets through for archives that are not, or not quite, workbooks. Broken XML is a SyntaxError with both of its
# parsers, the standard library's and lxml.
_XLSX_BROKEN = (
    InvalidFileException, zipfile.BadZipFile, zipfile.LargeZipFile, KeyError, ValueError, TypeError, IndexError,
    AttributeError, OSError, EOFError, SyntaxError, NotImplementedError, RuntimeError, OverflowError, MemoryError,
    ArithmeticError, AssertionError, zlib.error,
)  # fmt: skip


_JSON_BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _Feature(msgspec.Struct):
    type: str
    geometry: dict[str, Any] | None = None
    properties: dict[str, Any] | None = None
    id: str | int | None = None


class _Collection(msgspec.Struct):
    type: str
    features: list[msgspec.Raw]


def _geojson(file: BinaryIO) -> Source:
    data = file.read().removeprefix(codecs.BOM_UTF8)
    try:
        collection = msgspec.json.decode(data, type=_Collection)
    except _JSON_BROKEN as error:
        raise FileProblem("geojson_broken", detail=str(error)[:120]) from None
    if collection.type != "FeatureCollection":
        raise FileProblem("geojson_broken", detail=f"type {collection.type[:40]!r}")

    def rows() -> Iterator[Row]:
        for number, raw in enumerate(collection.features, start=1):
            try:
                feature = msgspec.json.decode(raw, type=_Feature)
            except _JSON_BROKEN as error:
                yield Row(number, {"": str(error)[:80]})
                continue
            cells: dict[str, Any] = dict(feature.properties or {})
            if feature.id is not None:
                cells.setdefault("code", str(feature.id))
            if feature.geometry is not None:
                cells["geometry"] = feature.geometry
            yield Row(number, cells)

    return Source("geojson", "utf-8", None, rows())
