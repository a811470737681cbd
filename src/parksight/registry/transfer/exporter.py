"""Records to CSV, XLSX and GeoJSON; what leaves here can be imported again.

Text cells that a spreadsheet would run as a formula get an apostrophe in front (CSV) or are typed as text (XLSX).
"""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import msgspec
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from sqlalchemy.orm import Session

from parksight.kernel.errors import ProblemError
from parksight.kernel.permissions import Caller
from parksight.registry import repository
from parksight.registry.kinds import Kind
from parksight.registry.transfer import columns as table

MEDIA = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "geojson": "application/geo+json",
}
#: Longest text a spreadsheet cell holds (ECMA-376 limit of common programs).
_CELL = 32_767
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def guarded(text: str) -> str:
    """Text no spreadsheet program runs (OWASP: CSV injection)."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def check(kind: Kind, format: str) -> None:  # noqa: A002
    """Refuse what cannot be exported before the answer begins.

    Raises:
        ProblemError: 422 for an unknown format, or GeoJSON of a kind without position.
    """
    if format not in MEDIA:
        allowed = ", ".join(MEDIA)
        raise ProblemError(
            "registry.export.format_unknown", 422, {"format": format, "allowed": allowed}, "format"
        )
    if format == "geojson" and not kind.located:
        raise ProblemError("registry.no_position", 422, {"kind": kind.name}, "format")


def export(session: Session, caller: Caller, kind: Kind, format: str) -> Iterator[bytes]:  # noqa: A002
    """The active records the caller may see, as a stream of bytes (see :func:`check`)."""
    check(kind, format)
    statement = repository.listing(caller, kind)
    if format == "geojson":
        return _geojson(session, kind, statement)
    return _csv(session, kind, statement) if format == "csv" else _xlsx(session, kind, statement)


def template(kind: Kind) -> bytes:
    """An empty table with the headings of a kind, ready to be filled in."""
    return ("﻿" + ",".join(table.names(kind)) + "\r\n").encode()


def _rows(session: Session, kind: Kind, statement: Any) -> Iterator[dict[str, Any]]:
    """Cells by column; references as codes, looked up per portion."""
    portion: list[Any] = []
    for record in repository.stream(session, statement):
        portion.append(record)
        if len(portion) == repository.CHUNK:
            yield from _cells(session, kind, portion)
            portion = []
    yield from _cells(session, kind, portion)


def _cells(session: Session, kind: Kind, records: list[Any]) -> Iterator[dict[str, Any]]:
    codes = {
        r.field: repository.code_of(
            session, r.model, {i for x in records if (i := getattr(x, r.field)) is not None}
        )
        for r in kind.references
    }
    columns = {r.field: r.column for r in kind.references}
    for record in records:
        cells: dict[str, Any] = {}
        for name in kind.fields:
            value = getattr(record, name)
            cells[columns.get(name, name)] = codes[name].get(value) if name in columns else value
        if kind.point_only and cells["geometry"] is not None:
            cells["longitude"], cells["latitude"] = cells["geometry"]["coordinates"][:2]
        yield cells


def _text(value: Any) -> Any:
    if isinstance(value, dict):
        return msgspec.json.encode(value).decode() if value else ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value


def _csv(session: Session, kind: Kind, statement: Any) -> Iterator[bytes]:
    names = table.names(kind)
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    buffer.write("﻿")  # without the mark, Excel reads UTF-8 as the machine's old code page
    writer.writerow(names)
    for cells in _rows(session, kind, statement):
        line = [_text(cells.get(n)) for n in names]
        writer.writerow([guarded(v) if isinstance(v, str) else v for v in line])
        if buffer.tell() > 64 * 1024:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


def _xlsx(session: Session, kind: Kind, statement: Any) -> Iterator[bytes]:
    names = table.names(kind)
    book = Workbook(write_only=True)
    sheet = book.create_sheet(kind.name)
    sheet.append(list(names))
    for cells in _rows(session, kind, statement):
        line = []
        for name in names:
            value = _text(cells.get(name))
            if isinstance(value, str):
                if len(value) > _CELL:
                    raise ProblemError(
                        "registry.export.cell_too_long", 413, {"code": cells["code"], "column": name}
                    )
                cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("", value))
                cell.data_type = "s"
                line.append(cell)
            else:
                line.append(value)
        sheet.append(line)
    file = tempfile.SpooledTemporaryFile(max_size=8 * 1024 * 1024)  # noqa: SIM115 - closed by the generator below
    book.save(file)
    file.seek(0)
    return _drain(file)


def _drain(file: Any) -> Iterator[bytes]:
    with file:
        while portion := file.read(64 * 1024):
            yield portion


def _geojson(session: Session, kind: Kind, statement: Any) -> Iterator[bytes]:
    yield b'{"type":"FeatureCollection","features":['
    first = True
    for cells in _rows(session, kind, statement):
        geometry = cells.pop("geometry")
        cells.pop("longitude", None)
        cells.pop("latitude", None)
        nested = cells.pop("properties")
        plain = {k: v for k, v in cells.items() if v is not None}
        feature = {"type": "Feature", "geometry": geometry, "properties": {**plain, "properties": nested}}
        yield (b"" if first else b",\n") + msgspec.json.encode(feature)
        first = False
    yield b"]}\n"
