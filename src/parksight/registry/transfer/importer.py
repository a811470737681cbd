"""Import of thousands of rows: check without the database, then write in one short transaction.

A row updates the record of its code or makes it. What a row does not state stays as it was. Refused rows change
nothing and are reported with reason, row and column; the report is kept, of rehearsals (``dry_run``) too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, BinaryIO

from pydantic import BaseModel, ValidationError
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from parksight.kernel import audit
from parksight.kernel.clock import Clock
from parksight.kernel.db import Database, emit
from parksight.kernel.errors import ProblemError
from parksight.kernel.permissions import Caller
from parksight.registry import repository, search
from parksight.registry.kinds import BY_NOUN, ROW, Kind, Reference, place_kind_allowed
from parksight.registry.models import Enterprise, ImportRow, ImportRun, Place
from parksight.registry.service import box_columns, noun_of
from parksight.registry.transfer import columns as table
from parksight.registry.transfer.readers import FileProblem, Row, Source, open_file

_PORTION = 500

#: pydantic's word for what is wrong -> our reason.
_REASONS = {
    "missing": "registry.import.missing",
    "string_too_short": "registry.import.missing",
    "string_too_long": "registry.import.too_long",
    "string_pattern_mismatch": "registry.import.characters",
    "greater_than": "registry.import.too_small",
    "greater_than_equal": "registry.import.too_small",
    "less_than": "registry.import.too_large",
    "less_than_equal": "registry.import.too_large",
}


@dataclass(frozen=True)
class ImportLimits:
    """What one import may be; beyond it the file is refused as a whole, before anything is written."""

    max_bytes: int = 64 * 1024 * 1024
    max_rows: int = 100_000


@dataclass(slots=True)
class _Checked:
    """A row after the checks that need no database."""

    number: int
    code: str
    values: dict[str, Any] = field(default_factory=dict)
    references: dict[str, str | None] = field(default_factory=dict)
    problems: list[table.CellProblem] = field(default_factory=list)


class Importer:
    """Reads files into the registry.

    Args:
        db: records.
        clock: stamps.
        limits: size and rows of one import.
    """

    def __init__(self, db: Database, clock: Clock, limits: ImportLimits | None = None) -> None:
        self.db = db
        self.clock = clock
        self.limits = limits or ImportLimits()

    def run(
        self,
        caller: Caller,
        kind: Kind,
        file: BinaryIO,
        filename: str,
        *,
        dry_run: bool = False,
        format: str | None = None,  # noqa: A002
    ) -> int:
        """Import a file; returns the id of the kept report.

        Raises:
            ProblemError: 413 when the file is larger than allowed (nothing is kept of it).
        """
        size, digest = self._measure(file)
        run = ImportRun(
            kind=kind.name, filename=_printable(filename), format=format or "?", sha256=digest, size=size,
            dry_run=dry_run, by_id=caller.id, by_name=caller.name, at=self.clock.now(), problem_params={},
        )  # fmt: skip
        rows: list[_Checked] = []
        try:
            source = open_file(file, filename, format)
            run.format, run.encoding = source.format, source.encoding
            rows = list(self._check(kind, source))
        except FileProblem as problem:
            run.problem, run.problem_params = problem.reason, {k: str(v) for k, v in problem.params.items()}
            rows = []
        with self.db.session() as session:
            session.add(run)
            session.flush()
            if dry_run:
                rehearsal = session.begin_nested()
                report = _Writer(session, caller, kind, self.clock, run).write(rows)
                rehearsal.rollback()
            else:
                report = _Writer(session, caller, kind, self.clock, run).write(rows)
            for start in range(0, len(report), 2_000):
                session.execute(insert(ImportRow), report[start : start + 2_000])
            counts = _counts(report)
            for name, value in counts.items():
                setattr(run, name, value)
            run.total = len(rows)
            audit.record(
                session, caller, action="registry.import.run", subject=("import", run.id),
                after={"kind": kind.name, "filename": run.filename, "sha256": digest, "dry_run": dry_run,
                       "problem": run.problem, **counts},
            )  # fmt: skip
            return run.id

    def _measure(self, file: BinaryIO) -> tuple[int, str]:
        digest = hashlib.sha256()
        size = 0
        file.seek(0)
        while portion := file.read(1024 * 1024):
            size += len(portion)
            if size > self.limits.max_bytes:
                raise ProblemError("registry.import.too_large_file", 413, {"limit": self.limits.max_bytes})
            digest.update(portion)
        return size, digest.hexdigest()

    def _check(self, kind: Kind, source: Source) -> Iterator[_Checked]:
        headings = table.mapping(kind, source.columns) if source.columns is not None else None
        seen: dict[str, int] = {}
        for count, row in enumerate(source.rows, start=1):
            if count > self.limits.max_rows:
                raise FileProblem("too_many_rows", limit=self.limits.max_rows)
            checked = _check_row(kind, row, headings)
            if checked.code and not checked.problems:
                first = seen.setdefault(checked.code, checked.number)
                if first != checked.number:
                    checked.problems.append(
                        table.CellProblem("registry.import.code_twice", "code", {"row": first})
                    )
            yield checked


def _printable(filename: str) -> str:
    return "".join(c for c in filename if c.isprintable())[:255] or "?"


def _counts(report: list[dict[str, Any]]) -> dict[str, int]:
    counts = {"accepted": 0, "updated": 0, "unchanged": 0}
    refused: set[int] = set()
    for line in report:
        if line["outcome"] == "refused":
            refused.add(line["row"])
        else:
            counts[line["outcome"]] += 1
    return {**counts, "refused": len(refused)}


def _check_row(kind: Kind, row: Row, headings: dict[str, str] | None) -> _Checked:
    checked = _Checked(row.number, "")
    try:
        stated = (
            table.feature_row(kind, row.cells)
            if headings is None
            else table.table_row(kind, row.cells, headings)
        )
    except table.CellProblem as problem:
        checked.problems.append(problem)
        return checked
    checked.code = str(stated.get("code") or "")[:64]
    if not checked.code:
        checked.problems.append(table.CellProblem("registry.import.missing", "code", {}))
        return checked
    for reference in kind.references:
        if reference.column in stated:
            code = stated.pop(reference.column)
            checked.references[reference.field] = None if code is None else str(code)
    try:
        model: BaseModel = ROW[kind.name].model_validate(stated)
    except ValidationError as error:
        checked.problems.extend(_problems(error))
        return checked
    checked.values = {name: getattr(model, name) for name in model.model_fields_set}
    checked.code = checked.values["code"]
    if kind.place_kinds and not place_kind_allowed(kind, checked.values.get("kind", kind.place_kinds[0])):
        params = {"value": checked.values["kind"], "allowed": ", ".join(kind.place_kinds)}
        checked.problems.append(table.CellProblem("registry.word_unknown", "kind", params))
    return checked


def _problems(error: ValidationError) -> Iterator[table.CellProblem]:
    for item in error.errors(include_url=False):
        name = str(item["loc"][0]) if item["loc"] else ""
        kind = item["type"]
        reason = (
            kind if kind.startswith("registry.") else _REASONS.get(kind, "registry.import.not_understood")
        )
        params = {k: str(v)[:120] for k, v in (item.get("ctx") or {}).items() if k != "error"}
        params.setdefault("value", str(item.get("input"))[:60])
        params.setdefault("limit", str(next((v for k, v in params.items() if k in _BOUNDS), "")))
        yield table.CellProblem(reason, name, params)


_BOUNDS = frozenset({"max_length", "gt", "ge", "lt", "le"})


class _Writer:
    """Writes checked rows in the given unit of work and says what became of each."""

    def __init__(self, session: Session, caller: Caller, kind: Kind, clock: Clock, run: ImportRun) -> None:
        self.session = session
        self.caller = caller
        self.kind = kind
        self.clock = clock
        self.run = run
        self.report: list[dict[str, Any]] = []
        self._codes: dict[Any, dict[str, tuple[int, int | None]]] = {}
        self._taken: dict[str, str] = {}
        self._changed: list[int] = []
        self._pending: list[tuple[_Checked, dict[str, Any]]] = []
        self._pending_codes: set[str] = set()

    def write(self, rows: list[_Checked]) -> list[dict[str, Any]]:
        self._load_codes()
        for start in range(0, len(rows), _PORTION):
            portion = rows[start : start + _PORTION]
            existing = self._existing([r.code for r in portion if not r.problems])
            updates: list[Any] = []
            for row in portion:
                if row.problems:
                    self._refuse(row, *row.problems)
                    continue
                try:
                    record = existing.get(row.code)
                    values = row.values | self._resolve(row, record)
                    if record is None:
                        self._make(row, values)
                    else:
                        if self._change(row, record, values):
                            updates.append(record)
                except table.CellProblem as problem:
                    self._refuse(row, problem)
            self._flush()
            if updates:
                self._update(updates)
        self._announce()
        return self.report

    def _load_codes(self) -> None:
        for reference in self.kind.references:
            if reference.model in self._codes:
                continue
            other = BY_NOUN[noun_of(reference.model)]
            owner = Enterprise.id if reference.model is Enterprise else reference.model.enterprise_id
            statement = repository.visible(
                self.caller, other, reference.model.code, reference.model.id, owner
            ).where(reference.model.active.is_(True))
            self._codes[reference.model] = {
                code: (record_id, owner_id) for code, record_id, owner_id in self.session.execute(statement)
            }
        if "credit_code" in self.kind.fields:
            holders = select(Enterprise.credit_code, Enterprise.code).where(
                Enterprise.credit_code.is_not(None)
            )
            self._taken = {str(credit): code for credit, code in self.session.execute(holders)}

    def _existing(self, codes: list[str]) -> dict[str, Any]:
        if not codes:
            return {}
        found = self.session.scalars(select(self.kind.model).where(self.kind.model.code.in_(codes)))
        return {record.code: record for record in found}

    def _resolve(self, row: _Checked, record: Any | None) -> dict[str, Any]:
        resolved: dict[str, Any] = {}
        for reference in self.kind.references:
            if reference.field not in row.references:
                continue
            code = row.references[reference.field]
            resolved[reference.field] = None if code is None else self._target(reference, code)[0]
        self._check_scope(resolved, record)
        owner = resolved.get("enterprise_id", getattr(record, "enterprise_id", None))
        for reference in self.kind.references:
            code = row.references.get(reference.field)
            if reference.same_enterprise and code is not None and self._target(reference, code)[1] != owner:
                raise table.CellProblem("registry.reference_of_other", reference.column, {"value": code})
        return resolved

    def _target(self, reference: Reference, code: str) -> tuple[int, int | None]:
        if reference.model is self.kind.model and code in self._pending_codes:
            self._flush()  # a parent further up in the same file
        target = self._codes[reference.model].get(code)
        if target is None:
            raise table.CellProblem("registry.reference_unknown", reference.column, {"value": code[:64]})
        return target

    def _check_scope(self, resolved: dict[str, Any], record: Any | None) -> None:
        """The caller may write the record as it is and as it will be."""
        if self.caller.enterprises is None:
            return
        if self.kind.model is Enterprise:
            allowed = record is not None and record.id in self.caller.enterprises
        else:
            before = self.caller.may_see_enterprise(record.enterprise_id) if record is not None else True
            owner = resolved.get("enterprise_id", getattr(record, "enterprise_id", None))
            allowed = before and self.caller.may_see_enterprise(owner)
        if not allowed:
            raise table.CellProblem("registry.import.not_yours", "enterprise_code", {})

    def _check_credit_code(self, row: _Checked) -> None:
        credit = row.values.get("credit_code")
        if credit and self._taken.setdefault(credit, row.code) != row.code:
            params = {"field": "credit_code", "value": credit}
            raise table.CellProblem("registry.taken", "credit_code", params)

    def _make(self, row: _Checked, values: dict[str, Any]) -> None:
        if self.kind.place_kinds:
            values.setdefault("kind", self.kind.place_kinds[0])
        for name in self.kind.required:
            if values.get(name) is None:
                column = next((r.column for r in self.kind.references if r.field == name), name)
                raise table.CellProblem("registry.import.missing", column, {})
        self._check_credit_code(row)
        self._pending.append((row, values))
        self._pending_codes.add(row.code)

    def _flush(self) -> None:
        """Insert what is pending and learn the ids."""
        if not self._pending:
            return
        now = self.clock.now()
        defaults = {
            name: info.get_default(call_default_factory=True)
            for name, info in self.kind.schema.model_fields.items()
            if not info.is_required()
        }
        lines = [
            {**defaults, **values, **box_columns(self.kind, values), "active": True, "version": 1,
             "created_at": now, "updated_at": now}
            for _, values in self._pending
        ]  # fmt: skip
        model = self.kind.model
        ids = self.session.scalars(insert(model).returning(model.id, sort_by_parameter_order=True), lines)
        # Only what the search and the references need: reading the rows back would decode every geometry again.
        records = [SimpleNamespace(id=made, **line) for made, line in zip(ids, lines, strict=True)]
        for (row, _), record in zip(self._pending, records, strict=True):
            self._note(row, "accepted")
            self._remember(record)
        search.put(self.session, self.kind.noun, records)
        self._pending.clear()
        self._pending_codes.clear()

    def _remember(self, record: Any) -> None:
        self._changed.append(record.id)
        codes = self._codes.get(self.kind.model)
        if codes is not None:
            codes[record.code] = (record.id, getattr(record, "enterprise_id", None))

    def _change(self, row: _Checked, record: Any, values: dict[str, Any]) -> bool:
        if self.kind.place_kinds and not place_kind_allowed(self.kind, record.kind):
            params = {"value": record.kind, "allowed": ", ".join(self.kind.place_kinds)}
            raise table.CellProblem("registry.import.other_kind", "code", params)
        if self.kind.model is Place and values.get("parent_id") == record.id:
            raise table.CellProblem("registry.place.circle", "parent_code", {"depth": 8})
        self._check_credit_code(row)
        if "properties" in values:
            values["properties"] = {**record.properties, **values["properties"]}
        change = {name: value for name, value in values.items() if getattr(record, name) != value}
        if not change and record.active:
            self._note(row, "unchanged")
            return False
        before = {name: getattr(record, name) for name in change if name != "geometry"}
        if "geometry" in change:
            change |= box_columns(self.kind, change)
        for name, value in change.items():
            setattr(record, name, value)
        record.active = True
        record.version += 1
        record.updated_at = self.clock.now()
        self._note(row, "updated", params={"before": _plain(before)})
        return True

    def _update(self, records: list[Any]) -> None:
        self.session.flush()
        search.put(self.session, self.kind.noun, records)
        for record in records:
            self._remember(record)

    def _refuse(self, row: _Checked, *problems: table.CellProblem) -> None:
        for problem in problems:
            self._note(row, "refused", problem.reason, problem.column, problem.params)

    def _note(
        self, row: _Checked, outcome: str, reason: str | None = None, column: str | None = None,
        params: dict[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self.report.append(
            {"import_id": self.run.id, "row": row.number, "code": row.code, "outcome": outcome,
             "reason": reason, "column": (column or "")[:64] or None, "params": params or {}}
        )  # fmt: skip

    def _announce(self) -> None:
        if self._changed and not self.run.dry_run:
            emit(self.session, self.kind.event(action="import", ids=tuple(self._changed)))


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {
        k: v if isinstance(v, str | int | float | bool | dict | None) else str(v) for k, v in values.items()
    }
