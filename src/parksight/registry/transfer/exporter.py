"""Records to CSV, XLSX and GeoJSON; what leaves here can be imported again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from sqlalchemy.orm import Session

from parksight.kernel import documents
from parksight.kernel.documents import to_csv, to_xlsx
from parksight.kernel.errors import ProblemError
from parksight.kernel.permissions import Caller
from parksight.registry import repository
from parksight.registry.kinds import Kind
from parksight.registry.transfer import columns as table

MEDIA = {
    "csv": documents.MEDIA["csv"],
    "xlsx": documents.MEDIA["xlsx"],
    "geojson": "application/geo+json",
}


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
    names, rows = table.names(kind), _table(session, kind, statement)
    return to_csv(names, rows) if format == "csv" else to_xlsx(kind.name, names, rows)


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


def _table(session: Session, kind: Kind, statement: Any) -> Iterator[list[Any]]:
    names = table.names(kind)
    for cells in _rows(session, kind, statement):
        yield [cells.get(name) for name in names]


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
