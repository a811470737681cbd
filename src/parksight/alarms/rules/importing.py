"""Many rules in one request: whole portions looked up and written at once."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from parksight.alarms import repository
from parksight.alarms.events import RulesChanged
from parksight.alarms.models import Rule
from parksight.alarms.rules import writing
from parksight.alarms.rules.targets import Settled, of_point, settle
from parksight.alarms.rules.writing import Authority
from parksight.alarms.schemas import RuleIn, RuleRow
from parksight.kernel import audit
from parksight.kernel.db import emit
from parksight.kernel.errors import ProblemError
from parksight.kernel.permissions import Caller
from parksight.telemetry.models import Point

if TYPE_CHECKING:
    from parksight.alarms.rules.service import RuleService

_PORTION = 500


@dataclass(slots=True)
class ImportOutcome:
    """Counts of an import, and per refused row (index, code, reason, params)."""

    accepted: int = 0
    updated: int = 0
    unchanged: int = 0
    proposed: int = 0
    batch_id: str | None = None
    problems: list[tuple[int, str, str, dict[str, object]]] = field(default_factory=list)


class Import:
    """One import on its way."""

    def __init__(self, service: RuleService, session: Session, caller: Caller, reason: str) -> None:
        self._service = service
        self._session = session
        self._caller = caller
        self._reason = reason
        self._authority = Authority.commissioning(caller)
        self._at_once = caller.may("alarms.rule.commission")
        self._seen: set[str] = set()
        self._now = service.clock.now()
        self.outcome = ImportOutcome()

    def run(self, rows: Sequence[dict[str, Any]]) -> ImportOutcome:
        out = self.outcome
        good: list[tuple[int, RuleIn]] = []
        for index, row in enumerate(rows):
            try:
                good.append((index, _parse(row)))
            except ValidationError as error:
                out.problems.append((index, str(row.get("code", ""))[:128], *first_problem(error)))
        for start in range(0, len(good), _PORTION):
            self._portion(good[start : start + _PORTION])
        if out.accepted or out.updated or out.proposed:
            counts = {
                n: getattr(out, n) for n in ("accepted", "updated", "unchanged", "proposed", "batch_id")
            }
            audit.record(
                self._session, self._caller, action="alarms.rule.import", subject=("alarm_rule", "*"),
                after={**counts, "refused": len(out.problems), "how": self._authority.how},
            )  # fmt: skip
        if out.accepted or out.updated:
            emit(self._session, RulesChanged(count=out.accepted + out.updated))
        return out

    def _portion(self, rows: list[tuple[int, RuleIn]]) -> None:
        settled = self._targets(rows)
        wanted: dict[str, tuple[int, Settled, dict[str, Any]]] = {}
        for index, row in rows:
            target = settled[index]
            if target is None:
                continue
            code = row.code or (target.point.code if target.point is not None else "")
            if code in self._seen:
                self._refuse(index, code, "alarms.rule.code_twice", {"value": code})
                continue
            try:
                content = self._service.content(self._session, self._caller, row, target)
            except ProblemError as problem:
                self._refuse(index, code, problem.code, problem.params)
                continue
            self._seen.add(code)
            wanted[code] = (index, target, content)
        existing = {r.code: r for r in self._session.scalars(select(Rule).where(Rule.code.in_(wanted)))}
        fresh: list[dict[str, Any]] = []
        changed: list[Rule] = []
        for code, (index, target, content) in wanted.items():
            rule = existing.get(code)
            if rule is None:
                self._new(code, target, content, fresh)
            elif self._matches(index, rule, target):
                self._next(rule, target, content, changed)
        self._session.flush()
        if fresh:
            made = insert(Rule).returning(Rule, sort_by_parameter_order=True)
            changed.extend(self._session.scalars(made, fresh))
            self.outcome.accepted += len(fresh)
        writing.keep(self._session, changed, self._authority)

    def _targets(self, rows: list[tuple[int, RuleIn]]) -> dict[int, Settled | None]:
        """By index; points are looked up all at once."""
        named = {i: w for i, row in rows if (w := row.watched).kind == "point"}
        codes = [w.point for w in named.values() if w.point is not None]
        ids = [w.point_id for w in named.values() if w.point_id is not None]
        columns = repository.pick(Point.id, Point.code, Point.kind, Point.enterprise_id)
        statement = columns.where(Point.code.in_(codes) | Point.id.in_(ids))
        points = list(self._session.execute(self._caller.scoped(statement, Point.enterprise_id)))
        by_code, by_id = {p.code: p for p in points}, {p.id: p for p in points}
        out: dict[int, Settled | None] = {}
        for index, row in rows:
            out[index] = None
            if index in named:
                w = named[index]
                point = by_id.get(w.point_id) if w.point is None else by_code.get(w.point)
                if point is None:
                    value = w.point if w.point is not None else w.point_id
                    self._refuse(index, row.code or str(value), "alarms.rule.point_unknown", {"value": value})
                else:
                    out[index] = of_point(point)
                continue
            try:
                out[index] = settle(self._session, self._caller, row.watched)
            except ProblemError as problem:
                self._refuse(index, row.code or "", problem.code, problem.params)
        return out

    def _matches(self, index: int, rule: Rule, target: Settled) -> bool:
        if not self._caller.may_see_enterprise(rule.enterprise_id):
            self._refuse(index, rule.code, "alarms.rule.taken", {"value": rule.code})
            return False
        if rule.target["kind"] == "point" and rule.target != target.target:
            self._refuse(index, rule.code, "alarms.rule.other_point", {"value": rule.code})
            return False
        return True

    def _new(self, code: str, target: Settled, content: dict[str, Any], fresh: list[dict[str, Any]]) -> None:
        if self._at_once:
            fresh.append({**writing.row_of(code, target, content, self._now), "approved": False})
        else:
            self._propose(None, code, target, content)

    def _next(self, rule: Rule, target: Settled, content: dict[str, Any], changed: list[Rule]) -> None:
        news = writing.differences(rule, content)
        if not news:
            self.outcome.unchanged += 1
        elif self._at_once and self._service.in_commissioning(rule):
            writing.apply(rule, news, self._now, self._authority)
            changed.append(rule)
            self.outcome.updated += 1
        else:
            self._propose(rule, rule.code, target, content)

    def _propose(self, rule: Rule | None, code: str, target: Settled, content: dict[str, Any]) -> None:
        out = self.outcome
        out.batch_id = out.batch_id or secrets.token_hex(8)
        self._service.proposals.add(
            self._session, self._caller, rule, code, target.enterprise_id, content, self._reason or "import",
            batch_id=out.batch_id,
        )  # fmt: skip
        out.proposed += 1

    def _refuse(self, index: int, code: str, reason: str, params: dict[str, object]) -> None:
        self.outcome.problems.append((index, code, reason, params))


def _parse(row: dict[str, Any]) -> RuleIn:
    return RuleIn.model_validate(row) if "definition" in row else RuleRow.model_validate(row).nested()


def first_problem(error: ValidationError) -> tuple[str, dict[str, object]]:
    """Locale key and parameters of the first thing pydantic found wrong."""
    item = error.errors(include_url=False)[0]
    kind = str(item["type"])
    where = ".".join(str(part) for part in item["loc"])
    params: dict[str, object] = {k: str(v) for k, v in (item.get("ctx") or {}).items()}
    reason = kind if kind.startswith("alarms.") else "alarms.rule.invalid"
    return reason, {**params, "where": where, "message": str(item["msg"])}
