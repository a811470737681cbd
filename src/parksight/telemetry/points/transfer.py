"""Points as tables: import with a report per row, export, template.

A row updates the point of its code or makes it; a column that the file does not have, or a blank cell, leaves
an existing point's field as it was. References are given as codes (``enterprise_code``, ``place_code``,
``thing_code``), free properties as JSON or as columns ``properties.<name>``.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec
from pydantic import ValidationError
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from parksight.kernel import audit
from parksight.kernel.clock import Clock
from parksight.kernel.db import Database, emit
from parksight.kernel.documents import to_csv, to_xlsx
from parksight.kernel.errors import ProblemError
from parksight.kernel.i18n import translate
from parksight.kernel.permissions import Caller
from parksight.registry.models import Enterprise, Equipment, Place
from parksight.registry.transfer.readers import FileProblem, Row, open_file
from parksight.telemetry.events import PointsChanged
from parksight.telemetry.models import Point
from parksight.telemetry.points import repository
from parksight.telemetry.points.schemas import ImportedRow, ImportReport, PointIn
from parksight.telemetry.points.service import PointService

#: Reference column -> (field, table).
REFERENCES: dict[str, tuple[str, Any]] = {
    "enterprise_code": ("enterprise_id", Enterprise),
    "place_code": ("place_id", Place),
    "thing_code": ("thing_id", Equipment),
}
_PLAIN = tuple(n for n in PointIn.model_fields if not n.endswith("_id") and n != "properties")
COLUMNS: tuple[str, ...] = (*_PLAIN, *REFERENCES, "properties")
_BOOLEAN = frozenset({"active", "simulated"})
_YES = frozenset({"1", "true", "yes", "y", "是", "有"})
_NO = frozenset({"0", "false", "no", "n", "否", "无"})
MAX_BYTES = 64 * 1024 * 1024
MAX_ROWS = 100_000
REPORTED_ROWS = 5_000
_CHUNK = 500
MEDIA = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class _Refused(Exception):  # noqa: N818 - a verdict on a row, not a failure
    def __init__(self, reason: str, column: str | None = None, **params: object) -> None:
        super().__init__(reason)
        self.reason, self.column, self.params = reason, column, params


class PointImporter:
    """Reads files of points; on ``app.state.point_importer``.

    Args:
        db: records.
        clock: stamps.
        points: rules of single points.
    """

    def __init__(self, db: Database, clock: Clock, points: PointService) -> None:
        self.db = db
        self.clock = clock
        self.points = points

    def run(
        self,
        caller: Caller,
        file: BinaryIO,
        filename: str,
        *,
        dry_run: bool = False,
        format: str | None = None,  # noqa: A002
        all_rows: bool = False,
        language: str | None = None,
    ) -> ImportReport:
        """Import a CSV or XLSX file; ``dry_run`` only rehearses. All accepted rows are one unit of work.

        Raises:
            ProblemError: 413 when the file is larger than :data:`MAX_BYTES`.
        """
        file.seek(0, io.SEEK_END)
        if file.tell() > MAX_BYTES:
            raise ProblemError("registry.import.too_large_file", 413, {"limit": MAX_BYTES})
        printable = "".join(c for c in filename if c.isprintable())[:200]
        report = ImportReport(
            filename=printable, dry_run=dry_run, total=0, accepted=0, updated=0, unchanged=0, refused=0,
            rows=[], rows_omitted=0,
        )  # fmt: skip
        try:
            source = open_file(file, filename, format)
            if source.format not in MEDIA:
                raise FileProblem("format_unknown", format=source.format, allowed=", ".join(MEDIA))
            _check_columns(source.columns or ())
            rows = _limited(source.rows)
        except FileProblem as problem:
            report.problem = problem.reason
            report.problem_text = translate(problem.reason, language, **problem.params)
            return report
        with self.db.session() as session:
            run = _Run(session, caller, self.points, self.clock, report, all_rows, language)
            rehearsal = session.begin_nested() if dry_run else None
            run.write(rows)
            if rehearsal is not None:
                rehearsal.rollback()
            else:
                run.finish()
        return report


def _limited(rows: Iterator[Row]) -> list[Row]:
    out: list[Row] = []
    for row in rows:
        if len(out) >= MAX_ROWS:
            raise FileProblem("too_many_rows", limit=MAX_ROWS)
        out.append(row)
    return out


def _check_columns(columns: tuple[str, ...]) -> None:
    if "code" not in columns:
        raise FileProblem("no_code_column", columns=", ".join(columns)[:120])
    for column in columns:
        if column and column not in COLUMNS and not column.startswith("properties."):
            raise FileProblem("column_unknown", column=column[:60], hint=", ".join(COLUMNS))


class _Run:
    """One import within its unit of work."""

    def __init__(
        self,
        session: Session,
        caller: Caller,
        points: PointService,
        clock: Clock,
        report: ImportReport,
        all_rows: bool,
        language: str | None,
    ) -> None:
        self.session, self.caller, self.points, self.clock = session, caller, points, clock
        self.report, self.all_rows, self.language = report, all_rows, language
        self.changed: list[int] = []
        self.created: list[str] = []
        self.before: dict[str, dict[str, Any]] = {}
        self.known: dict[str, dict[str, int]] = {}

    def write(self, rows: list[Row]) -> None:
        self.report.total = len(rows)
        for column, (_, model) in REFERENCES.items():
            self.known[column] = dict(self.session.execute(select(model.code, model.id)).all())
        seen: dict[str, int] = {}
        for start in range(0, len(rows), _CHUNK):
            part = rows[start : start + _CHUNK]
            codes = [str(r.cells.get("code") or "").strip() for r in part]
            found = self.session.scalars(select(Point).where(Point.code.in_(set(codes))))
            existing = {p.code: p for p in found}
            fresh: list[tuple[Row, dict[str, Any]]] = []
            for row, code in zip(part, codes, strict=True):
                try:
                    if code and seen.setdefault(code, row.number) != row.number:
                        raise _Refused("registry.import.code_twice", "code", row=seen[code])
                    values = self._values(row)
                    if (point := existing.get(code)) is not None:
                        self._change(row, point, values)
                    else:
                        fresh.append((row, self._new(values)))
                except _Refused as refused:
                    self._note(row, code, "refused", refused)
                except ProblemError as problem:
                    where = (problem.where or "").lstrip("/") or None
                    self._note(row, code, "refused", _Refused(problem.code, where, **problem.params))
            self._insert(fresh)

    def _values(self, row: Row) -> dict[str, Any]:
        if row.cells.get("") not in (None, ""):
            raise _Refused("registry.import.value_without_column", None, value=str(row.cells[""])[:60])
        values: dict[str, Any] = {}
        properties: dict[str, Any] = {}
        for column, cell in row.cells.items():
            if isinstance(cell, str):
                cell = cell.strip()
            if cell in (None, ""):
                continue
            if column in REFERENCES:
                target = self.known[column].get(str(cell))
                if target is None:
                    raise _Refused("registry.reference_unknown", column, field=column, value=str(cell)[:64])
                values[REFERENCES[column][0]] = target
            elif column == "properties":
                properties |= _object(cell)
            elif column.startswith("properties."):
                properties[column.removeprefix("properties.")] = cell
            elif column:
                values[column] = _cell(column, cell)
        if properties:
            values["properties"] = properties
        return values

    def _new(self, values: dict[str, Any]) -> dict[str, Any]:
        try:
            point = PointIn.model_validate(values)
        except ValidationError as error:
            raise _refusal(error) from None
        if not self.caller.may_see_enterprise(point.enterprise_id):
            raise _Refused("registry.import.not_yours", "enterprise_code")
        return point.model_dump()

    def _change(self, row: Row, point: Point, values: dict[str, Any]) -> None:
        for owner in (point.enterprise_id, values.get("enterprise_id", point.enterprise_id)):
            if not self.caller.may_see_enterprise(owner):
                raise _Refused("registry.import.not_yours", "enterprise_code")
        if "properties" in values:
            values["properties"] = {**point.properties, **values["properties"]}
        current = {name: getattr(point, name) for name in PointIn.model_fields}
        try:
            checked = PointIn.model_validate({**current, **values})
        except ValidationError as error:
            raise _refusal(error) from None
        changed = self.points.changes(point, {name: getattr(checked, name) for name in values})
        if not changed:
            self._note(row, point.code, "unchanged")
            return
        self.points.check_change(point, changed)
        self.before[point.code] = {n: [getattr(point, n), v] for n, v in changed.items()}
        self.points.apply(point, changed)
        self.changed.append(point.id)
        self._note(row, point.code, "updated")

    def _insert(self, fresh: list[tuple[Row, dict[str, Any]]]) -> None:
        self.session.flush()
        if not fresh:
            return
        now = self.clock.now()
        lines = [{**values, "version": 1, "created_at": now, "updated_at": now} for _, values in fresh]
        ids = self.session.scalars(insert(Point).returning(Point.id, sort_by_parameter_order=True), lines)
        for (row, values), point_id in zip(fresh, ids, strict=True):
            self.changed.append(point_id)
            self.created.append(values["code"])
            self._note(row, values["code"], "accepted")

    def _note(self, row: Row, code: str, outcome: Any, refused: _Refused | None = None) -> None:
        setattr(self.report, outcome, getattr(self.report, outcome) + 1)
        if refused is None and not self.all_rows:
            return
        if len(self.report.rows) >= REPORTED_ROWS:
            self.report.rows_omitted += 1
            return
        noted = ImportedRow(row=row.number, code=code[:96], outcome=outcome)
        if refused is not None:
            noted.column, noted.reason = refused.column, refused.reason
            params = {"column": refused.column or "", **refused.params}
            noted.text = translate(refused.reason, self.language, **params)
        self.report.rows.append(noted)

    def finish(self) -> None:
        """Audit in portions, so that no entry of the chain grows without bound, and tell the others."""
        counts = {n: getattr(self.report, n) for n in ("accepted", "updated", "unchanged", "refused")}
        updated = list(self.before.items())
        portions = max(1, math.ceil(max(len(self.created), len(updated)) / _CHUNK))
        for i in range(portions):
            part = slice(i * _CHUNK, (i + 1) * _CHUNK)
            audit.record(
                self.session, self.caller, action="telemetry.point.import",
                subject=("file", self.report.filename or "?"),
                after={"portion": i + 1, "of": portions, **counts,
                       "created": self.created[part], "changed": dict(updated[part])},
            )  # fmt: skip
        if self.changed:
            emit(self.session, PointsChanged(ids=tuple(self.changed) if len(self.changed) <= 1000 else None))


def _refusal(error: ValidationError) -> _Refused:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    column = ".".join(str(part) for part in first["loc"]) or None
    return _Refused("telemetry.import.value", column, detail=first["msg"].removeprefix("Value error, ")[:300])


def _object(cell: Any) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(str(cell))
    except msgspec.DecodeError:
        value = None
    if not isinstance(value, dict):
        raise _Refused("registry.import.not_object", "properties", value=str(cell)[:60])
    return value


def _cell(column: str, cell: Any) -> Any:
    if column in _BOOLEAN:
        word = str(cell).casefold()
        if word in _YES or word in _NO:
            return word in _YES
        raise _Refused("registry.import.not_yes_no", column, value=str(cell)[:60])
    if isinstance(cell, float) and cell.is_integer() and column in ("code", "name", "name_en", "priority"):
        cell = int(cell)  # spreadsheets keep 42 as 42.0
    return str(cell) if column in ("code", "name", "name_en", "unit", "source_unit", "kind") else cell


def template() -> bytes:
    """An empty CSV with all headings."""
    return ("\ufeff" + ",".join(COLUMNS) + "\r\n").encode()


def export(session: Session, caller: Caller, wanted: repository.Wanted, format: str) -> Iterator[bytes]:  # noqa: A002
    """The points a list would show, as a table that :class:`PointImporter` reads back unchanged."""
    rows = _cells(session, caller, wanted)
    return to_csv(COLUMNS, rows) if format == "csv" else to_xlsx("points", COLUMNS, rows)


def _cells(session: Session, caller: Caller, wanted: repository.Wanted) -> Iterator[list[Any]]:
    codes = {
        column: {i: c for c, i in session.execute(select(model.code, model.id))}
        for column, (_, model) in REFERENCES.items()
    }
    statement = repository.narrowed(caller, wanted).order_by(Point.code).execution_options(yield_per=_CHUNK)
    for point in session.scalars(statement):
        line: list[Any] = [getattr(point, n) for n in _PLAIN]
        line += [codes[c].get(getattr(point, field)) for c, (field, _) in REFERENCES.items()]
        line.append(msgspec.json.encode(point.properties).decode() if point.properties else None)
        yield [("true" if v else "false") if isinstance(v, bool) else v for v in line]
