"""Use cases of rules: making, changing at once, importing. Changes a second person approves are in ``proposals``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError
from sqlalchemy.orm import Session

from parksight.alarms import repository
from parksight.alarms.models import CONTENT, Rule
from parksight.alarms.rules import writing
from parksight.alarms.rules.content import check_delays, content_of, read_by
from parksight.alarms.rules.importing import Import, ImportOutcome, first_problem
from parksight.alarms.rules.proposals import Proposals
from parksight.alarms.rules.targets import Settled, of_point, settle
from parksight.alarms.rules.writing import Authority
from parksight.alarms.schemas import RuleIn, RulePatch
from parksight.kernel.clock import Clock
from parksight.kernel.errors import conflict, invalid
from parksight.kernel.permissions import Caller
from parksight.kernel.settings import AlarmSettings
from parksight.telemetry.models import Point

COMMISSION = "alarms.rule.commission"
EMERGENCY = "alarms.rule.emergency"


class RuleService:
    """Use cases of rules.

    Args:
        clock: stamps of versions.
        settings: the priority matrix, how long commissioning lasts, kinds of points that take no delay.
    """

    def __init__(self, clock: Clock, settings: AlarmSettings | None = None) -> None:
        self.clock = clock
        self.settings = settings or AlarmSettings()
        self.proposals = Proposals(clock, self.settle)

    def settle(self, session: Session, caller: Caller, data: RuleIn) -> tuple[str, Settled, dict[str, Any]]:
        """A rule as the tables would keep it: its code, target and content.

        Raises:
            ProblemError: 422 with the first thing that is wrong, 403 beyond the caller's scope.
        """
        settled = settle(session, caller, data.watched)
        code = data.code or (settled.point.code if settled.point is not None else "")
        return code, settled, self.content(session, caller, data, settled)

    def content(self, session: Session, caller: Caller, data: RuleIn, settled: Settled) -> dict[str, Any]:
        """Columns of a rule for a settled target (see :meth:`settle`)."""
        content = content_of(data, settled.target, self.settings.priority_matrix)
        check_delays(content, self.settings.never_delay_kinds, settled.point_kind)
        named = [r.name for r in read_by(content["definition"], content["suppression"]) if r.kind == "code"]
        if named:
            known = {p.code for p in points_by_code(session, caller, named)}
            for name in named:
                if name not in known:
                    raise invalid("alarms.rule.point_unknown", "/definition", value=name)
        return content

    def create(self, session: Session, caller: Caller, data: RuleIn) -> Rule:
        """Make a rule while a plant is being commissioned.

        Raises:
            ProblemError: 422 unknown point, 409 code taken, 409 the caller may only propose.
        """
        if not caller.may(COMMISSION):
            raise conflict("alarms.rule.needs_approval")
        code, settled, content = self.settle(session, caller, data)
        writing.code_is_free(session, code)
        authority = Authority.commissioning(caller)
        return writing.make(session, caller, code, settled, content, self.clock.now(), authority)

    def update(self, session: Session, caller: Caller, rule_id: int, data: RulePatch) -> Rule:
        """Make the next version of a rule at once: in commissioning, or in an emergency with a reason.

        Raises:
            ProblemError: 409 somebody changed it meanwhile, or a second person has to approve it.
        """
        rule = writing.get(session, caller, rule_id)
        if rule.version != data.version:
            raise conflict("alarms.rule.changed_meanwhile", seen=data.version, current=rule.version)
        patched = self._patched(session, caller, rule, data)
        changed = writing.differences(rule, patched)
        if changed:
            authority = self._authority(caller, rule, data.reason)
            writing.change(session, caller, rule, changed, self.clock.now(), authority)
        return rule

    def _authority(self, caller: Caller, rule: Rule, reason: str | None) -> Authority:
        if reason:
            caller.require(EMERGENCY)
            return Authority.emergency(caller, reason)
        if caller.may(COMMISSION) and self.in_commissioning(rule):
            return Authority.commissioning(caller)
        raise conflict("alarms.rule.needs_approval")

    def in_commissioning(self, rule: Rule) -> bool:
        return writing.in_commissioning(rule, self.clock.now(), self.settings.commissioning_days)

    def _patched(self, session: Session, caller: Caller, rule: Rule, data: RulePatch) -> dict[str, Any]:
        """The content with what the patch names."""
        stated = data.model_fields_set - {"version", "reason"}
        merged = rule_in(rule).model_dump(exclude_none=True)
        for name in stated:
            value = getattr(data, name)
            if value is None and name not in ("never_delay", "suppression"):
                continue
            merged[name] = value.model_dump(exclude_none=True) if hasattr(value, "model_dump") else value
        wanted = checked(merged)
        point = session.get(Point, rule.point_id) if rule.point_id is not None else None
        kind = str(rule.target.get("point_kind") or "")
        settled = (
            of_point(point) if point is not None else Settled(rule.target, None, rule.enterprise_id, kind)
        )
        return self.content(session, caller, wanted, settled)

    def load(
        self, session: Session, caller: Caller, rows: Sequence[dict[str, Any]], reason: str = ""
    ) -> ImportOutcome:  # fmt: skip
        """Make or change many rules at once; a row that cannot be taken is reported and the others are.

        With the permission to commission, new rules and those still being commissioned are taken at once; everything
        else becomes one batch of proposals.
        """
        return Import(self, session, caller, reason).run(rows)


def rule_in(rule: Rule) -> RuleIn:
    """A rule in force as it would be written."""
    fields = {name: getattr(rule, name) for name in CONTENT}
    fields["suppression"] = fields["suppression"] or None
    return RuleIn.model_validate({"code": rule.code, **fields})


def checked(fields: dict[str, Any]) -> RuleIn:
    """A rule from merged fields.

    Raises:
        ProblemError: 422 with the first thing that is wrong.
    """
    try:
        return RuleIn.model_validate(fields)
    except ValidationError as error:
        code, params = first_problem(error)
        raise invalid(
            code, str(params["where"]), **{k: v for k, v in params.items() if k != "where"}
        ) from None


def points_by_code(session: Session, caller: Caller, codes: Sequence[str]) -> list[Any]:
    """Points the caller may see."""
    statement = repository.pick(Point.id, Point.code).where(Point.code.in_(codes))
    return list(session.execute(caller.scoped(statement, Point.enterprise_id)))
