"""Rows to CSV and XLSX, safe to open in spreadsheet programs.

Text cells that a spreadsheet would run as a formula get an apostrophe in front (CSV) or are typed as text (XLSX).
"""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from parksight.kernel.errors import ProblemError

MEDIA = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}
#: Longest text a spreadsheet cell holds (ECMA-376 limit of common programs).
CELL = 32_767
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_PORTION = 64 * 1024

Cell = str | int | float | bool | datetime | date | dict[str, Any] | list[Any] | None


def guarded(text: str) -> str:
    """Text no spreadsheet program runs (OWASP: CSV injection)."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _plain(value: Any) -> Any:
    if isinstance(value, dict | list):
        return msgspec.json.encode(value).decode() if value else ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value


def to_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """A CSV file in portions; its mark makes spreadsheet programs read it as UTF-8."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    buffer.write("﻿")
    writer.writerow(columns)
    for row in rows:
        cells = (_plain(v) for v in row)
        writer.writerow([guarded(v) if isinstance(v, str) else v for v in cells])
        if buffer.tell() > _PORTION:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


def to_xlsx(sheet: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """A workbook of one sheet in portions; text cells are typed as text, so that none is taken for a formula.

    Raises:
        ProblemError: 413 ``kernel.export.cell_too_long`` for a text no spreadsheet cell holds; nothing was sent yet.
    """
    book = Workbook(write_only=True)
    page = book.create_sheet(sheet[:31])
    page.append(list(columns))
    for number, row in enumerate(rows, 2):
        line: list[object] = []
        for name, raw in zip(columns, row, strict=True):
            value = _plain(raw)
            if isinstance(value, str):
                if len(value) > CELL:
                    page.close()
                    raise ProblemError("kernel.export.cell_too_long", 413, {"row": number, "column": name})
                cell = WriteOnlyCell(page, ILLEGAL_CHARACTERS_RE.sub("", value))
                cell.data_type = "s"
                line.append(cell)
            else:
                line.append(value)
        page.append(line)
    file = tempfile.SpooledTemporaryFile(max_size=8 * 1024 * 1024)  # noqa: SIM115 - closed by the generator below
    book.save(file)
    file.seek(0)
    return _drain(file)


def _drain(file: Any) -> Iterator[bytes]:
    with file:
        while portion := file.read(_PORTION):
            yield portion
