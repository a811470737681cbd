"""Rules as versioned data: making, changing, importing. Old versions stay for ever."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from parksight.alarms import repository
from parksight.alarms.evaluation import RuleRow as CompiledRow
from parksight.alarms.events import RulesChanged
from parksight.alarms.models import CONTENT, Rule, RuleVersion
from parksight.alarms.schemas import RuleIn, RulePatch, RuleRow
from parksight.kernel import audit
from parksight.kernel.clock import Clock
from parksight.kernel.db import emit
from parksight.kernel.errors import conflict, invalid, not_found
from parksight.kernel.permissions import Caller
from parksight.telemetry.models import Point

_PORTION = 500
_VERSIONED = CONTENT


@dataclass(slots=True)
class ImportOutcome:
    """Counts of an import, and per refused row (index, code, reason, params)."""

    accepted: int = 0
    updated: int = 0
    unchanged: int = 0
    problems: list[tuple[int, str, str, dict[str, object]]] = field(default_factory=list)


class RuleService:
    """Use cases of rules.

    Args:
        clock: stamps of versions.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def create(self, session: Session, caller: Caller, data: RuleIn) -> Rule:
        """Make a rule.

        Raises:
            ProblemError: 422 unknown point, 409 code taken.
        """
        point = self._point(session, caller, data)
        code = data.code or point.code
        if session.scalar(select(Rule.id).where(Rule.code == code)) is not None:
            raise conflict("alarms.rule.taken", value=code)
        now = self.clock.now()
        rule = Rule(
            code=code, point_id=point.id, enterprise_id=point.enterprise_id, version=1, created_at=now,
            updated_at=now, target={"kind": "point", "point_id": point.id}, **_content(data),
        )  # fmt: skip
        session.add(rule)
        session.flush()
        self._keep_version(session, caller, rule)
        audit.record(
            session, caller, action="alarms.rule.create", subject=("alarm_rule", rule.id),
            after={"code": code, "point_id": point.id, **_content(data)},
        )  # fmt: skip
        emit(session, RulesChanged(count=1))
        return rule

    def update(self, session: Session, caller: Caller, rule_id: int, data: RulePatch) -> Rule:
        """Make the next version of a rule, if nobody did so since ``data.version``."""
        rule = get(session, caller, rule_id)
        if rule.version != data.version:
            raise conflict("alarms.rule.changed_meanwhile", seen=data.version, current=rule.version)
        stated = data.model_dump(exclude_unset=True, exclude={"version", "reason"})
        if data.definition is not None:
            stated["definition"] = data.definition.model_dump(exclude_none=True)
        changed = {k: v for k, v in stated.items() if v is not None and getattr(rule, k) != v}
        if not changed:
            return rule
        before = {k: getattr(rule, k) for k in changed}
        self._apply(rule, changed)
        session.flush()
        self._keep_version(session, caller, rule)
        audit.record(
            session, caller, action="alarms.rule.update", subject=("alarm_rule", rule.id), before=before,
            after=changed,
        )  # fmt: skip
        emit(session, RulesChanged(count=1))
        return rule

    def load(self, session: Session, caller: Caller, rows: Sequence[dict[str, Any]]) -> ImportOutcome:
        """Make or change many rules at once; a row that cannot be taken is reported and the others are."""
        outcome = ImportOutcome()
        checked: list[tuple[int, RuleIn]] = []
        for index, row in enumerate(rows):
            try:
                checked.append((index, _parse(row)))
            except ValidationError as error:
                outcome.problems.append((index, str(row.get("code", ""))[:128], *_first(error)))
        seen: set[str] = set()
        for start in range(0, len(checked), _PORTION):
            self._load_portion(session, caller, checked[start : start + _PORTION], seen, outcome)
        if outcome.accepted or outcome.updated:
            counts = {n: getattr(outcome, n) for n in ("accepted", "updated", "unchanged")}
            audit.record(
                session, caller, action="alarms.rule.import", subject=("alarm_rule", "*"),
                after={**counts, "refused": len(outcome.problems)},
            )  # fmt: skip
            emit(session, RulesChanged(count=outcome.accepted + outcome.updated))
        return outcome

    def _load_portion(
        self,
        session: Session,
        caller: Caller,
        rows: list[tuple[int, RuleIn]],
        seen: set[str],
        outcome: ImportOutcome,
    ) -> None:
        codes = [r.point for _, r in rows if r.point is not None]
        ids = [r.point_id for _, r in rows if r.point_id is not None]
        statement = repository.pick(Point.id, Point.code, Point.enterprise_id)
        visible = caller.scoped(
            statement.where(Point.code.in_(codes) | Point.id.in_(ids)), Point.enterprise_id
        )
        points = list(session.execute(visible))
        by_code, by_id = {p.code: p for p in points}, {p.id: p for p in points}
        wanted: dict[str, tuple[RuleIn, Any]] = {}
        for index, row in rows:
            point = by_id.get(row.point_id) if row.point is None else by_code.get(row.point)
            code = row.code or (point.code if point is not None else "")
            if point is None:
                value = row.point if row.point is not None else row.point_id
                outcome.problems.append((index, code, "alarms.rule.point_unknown", {"value": value}))
            elif code in seen:
                outcome.problems.append((index, code, "alarms.rule.code_twice", {"value": code}))
            else:
                seen.add(code)
                wanted[code] = (row, point)
        existing = {r.code: r for r in session.scalars(select(Rule).where(Rule.code.in_(wanted)))}
        now = self.clock.now()
        fresh: list[dict[str, Any]] = []
        versions: list[Rule] = []
        for code, (row, point) in wanted.items():
            content = _content(row)
            rule = existing.get(code)
            if rule is None:
                fresh.append(
                    {"code": code, "point_id": point.id, "enterprise_id": point.enterprise_id, "version": 1,
                     "target": {"kind": "point", "point_id": point.id}, "created_at": now, "updated_at": now, **content}
                )  # fmt: skip
                continue
            if rule.point_id != point.id:
                index = next(i for i, r in rows if r is row)
                outcome.problems.append((index, code, "alarms.rule.other_point", {"value": code}))
                continue
            changed = {k: v for k, v in content.items() if getattr(rule, k) != v}
            if not changed:
                outcome.unchanged += 1
                continue
            self._apply(rule, changed)
            versions.append(rule)
            outcome.updated += 1
        session.flush()
        if fresh:
            made = insert(Rule).returning(Rule, sort_by_parameter_order=True)
            versions.extend(session.scalars(made, fresh))
            outcome.accepted += len(fresh)
        if versions:
            session.execute(insert(RuleVersion), [self._version(caller, rule) for rule in versions])

    def _point(self, session: Session, caller: Caller, data: RuleIn) -> Point:
        which = Point.id == data.point_id if data.point is None else Point.code == data.point
        point: Point | None = session.scalar(caller.scoped(select(Point).where(which), Point.enterprise_id))
        if point is None:
            value = data.point_id if data.point is None else data.point
            raise invalid("alarms.rule.point_unknown", "/point", value=value)
        return point

    def _apply(self, rule: Rule, changed: dict[str, Any]) -> None:
        for name, value in changed.items():
            setattr(rule, name, value)
        rule.version += 1
        rule.updated_at = self.clock.now()

    def _version(self, caller: Caller, rule: Rule) -> dict[str, Any]:
        content = {name: getattr(rule, name) for name in _VERSIONED}
        return {
            "rule_id": rule.id, "version": rule.version, "at": rule.updated_at, "by_id": caller.id,
            "by_name": caller.name, **content,
        }  # fmt: skip

    def _keep_version(self, session: Session, caller: Caller, rule: Rule) -> None:
        session.execute(insert(RuleVersion), [self._version(caller, rule)])


def get(session: Session, caller: Caller, rule_id: int) -> Rule:
    """One rule, 404 when it is not the caller's to see."""
    rule: Rule | None = session.scalar(
        caller.scoped(select(Rule).where(Rule.id == rule_id), Rule.enterprise_id)
    )
    if rule is None:
        raise not_found("alarms.rule", rule_id)
    return rule


def enabled(session: Session) -> list[CompiledRow]:
    """All rules to evaluate: enabled, on active points."""
    statement = (
        select(Rule.id, Rule.version, Rule.point_id, Rule.definition, Point.period_s)
        .join(Point, Point.id == Rule.point_id)
        .where(Rule.enabled.is_(True), Point.active.is_(True))
    )
    return [CompiledRow(*row) for row in session.execute(statement)]


def _content(data: RuleIn) -> dict[str, Any]:
    return {
        "name": data.name, "definition": data.definition.model_dump(exclude_none=True), "basis": data.basis,
        "enabled": data.enabled, "rationale": data.rationale.model_dump(mode="json", exclude_defaults=True),
    }  # fmt: skip


def _parse(row: dict[str, Any]) -> RuleIn:
    return RuleIn.model_validate(row) if "definition" in row else RuleRow.model_validate(row).nested()


def _first(error: ValidationError) -> tuple[str, dict[str, object]]:
    item = error.errors(include_url=False)[0]
    kind = str(item["type"])
    where = ".".join(str(part) for part in item["loc"])
    params: dict[str, object] = {k: str(v) for k, v in (item.get("ctx") or {}).items()}
    reason = kind if kind.startswith("alarms.") else "alarms.rule.invalid"
    return reason, {**params, "where": where, "message": str(item["msg"])}
