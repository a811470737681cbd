"""Rules as records to rows of the compiler: expanded to points, their references resolved."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from parksight.alarms.evaluation import RuleRow
from parksight.alarms.expressions import Reference, parse
from parksight.alarms.models import Rule
from parksight.alarms.rules.content import read_by
from parksight.alarms.rules.targets import Places, Points, expand
from parksight.kernel.errors import ProblemError
from parksight.telemetry.units import conversion


class RuleLike(Protocol):
    """A rule in force, or a draft of one."""

    @property
    def id(self) -> int: ...

    @property
    def version(self) -> int: ...

    @property
    def target(self) -> dict[str, Any]: ...

    @property
    def definition(self) -> dict[str, Any]: ...

    @property
    def suppression(self) -> str: ...

    @property
    def in_service(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a rule cannot watch a point: locale key and its parameters."""

    rule_id: int
    point_id: int
    code: str
    params: dict[str, object]


@dataclass(slots=True)
class Sources:
    """Rules expanded: what can be compiled, and what cannot and why."""

    rows: list[RuleRow] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def expand_rules(session: Session, rules: Iterable[RuleLike], points: Points | None = None) -> Sources:
    """Rows for the compiler. A point that a rule cannot watch is left out and named."""
    found, places = points or Points.load(session), Places(session)
    out = Sources()
    for rule in rules:
        reads = (
            read_by(rule.definition, rule.suppression)
            if rule.suppression or "signal" in rule.definition
            else []
        )
        for point in expand(rule.target, found, places):
            _add(out, rule, point, reads, found)
    return out


def enabled(session: Session) -> Sources:
    """All rules to evaluate: enabled, on points in use."""
    columns = (Rule.id, Rule.version, Rule.target, Rule.definition, Rule.suppression, Rule.in_service)
    rules = session.execute(select(*columns).where(Rule.enabled.is_(True)).order_by(Rule.id))
    return expand_rules(session, rules)


def _add(out: Sources, rule: RuleLike, point: Any, reads: list[Reference], points: Points) -> None:
    low = -math.inf if point.plausible_low is None else point.plausible_low
    high = math.inf if point.plausible_high is None else point.plausible_high
    signal = rule.definition.get("signal") or {}
    try:
        inputs = {r: _resolve(r, point, points) for r in reads if r.kind != "self"}
        conversions = _conversions(signal, point, inputs)
        if signal.get("kind") == "range" and not any(map(math.isfinite, _bounds(signal, low, high))):
            raise ProblemError("alarms.rule.no_range")
    except ProblemError as problem:
        out.problems.append(Problem(rule.id, point.id, problem.code, problem.params))
        return
    out.rows.append(
        RuleRow(
            rule.id, rule.version, point.id, rule.definition, point.period_s, rule.suppression, rule.in_service, low,
            high, {r: (p.id, p.period_s) for r, p in inputs.items()}, conversions,
        )
    )  # fmt: skip


def _resolve(reference: Reference, point: Any, points: Points) -> Any:
    if reference.kind == "code":
        found = points.by_code.get(reference.name)
        if found is None:
            raise ProblemError("alarms.rule.point_unknown", params={"value": reference.name})
        return found
    siblings = points.siblings(point, reference.name)
    if len(siblings) != 1:
        params = {"kind": reference.name, "point": point.code, "count": len(siblings)}
        raise ProblemError("alarms.rule.no_sibling", params=params)
    return siblings[0]


def _conversions(
    signal: Mapping[str, Any], point: Any, inputs: Mapping[Reference, Any]
) -> dict[Reference, tuple[float, float]]:  # fmt: skip
    """A deviation from a single other point is taken in the watched point's unit."""
    if signal.get("kind") != "deviation":
        return {}
    reference = parse(signal["other"]).reference
    if reference is None or reference not in inputs or inputs[reference].unit == point.unit:
        return {}
    try:
        return {reference: conversion(inputs[reference].unit, point.unit)}
    except ProblemError:
        params = {"one": point.unit, "other": inputs[reference].unit}
        raise ProblemError("alarms.rule.units_differ", params=params) from None


def _bounds(signal: Mapping[str, Any], low: float, high: float) -> tuple[float, float]:
    given_low, given_high = signal.get("low"), signal.get("high")
    return (low if given_low is None else given_low), (high if given_high is None else given_high)
