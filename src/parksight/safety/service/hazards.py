"""Use cases of major hazard sources: register, change, identify again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from parksight.alarms.repository import pick
from parksight.kernel import audit
from parksight.kernel.clock import Clock
from parksight.kernel.db import emit
from parksight.kernel.errors import ProblemError, conflict, invalid, not_found
from parksight.kernel.permissions import SYSTEM, Caller
from parksight.registry.models import Unit
from parksight.safety import repository
from parksight.safety.events import HazardIdentified
from parksight.safety.models import Chemical, Hazard, HazardPoint, Identification
from parksight.safety.schemas import ChemicalIn, HazardImportRow, HazardIn, HazardPatch, HazardPointIn
from parksight.safety.service.identifying import Verdict, classes_known, identify, row_of
from parksight.telemetry.models import Point

_FACTS = ("kind", "persons", "declared_level", "record_no", "assessed_on", "assessment_ends_on", "remark")


class Hazards:
    """
    Args:
        clock: time.
        zone: civil time zone: the law in force is that of the zone's day.
    """

    def __init__(self, clock: Clock, zone: ZoneInfo) -> None:
        self._clock, self._zone = clock, zone

    def today(self) -> date:
        return self._clock.now().astimezone(self._zone).date()

    def create(self, session: Session, caller: Caller, data: HazardIn, *, simulated: bool = False) -> Hazard:
        """Register a unit.

        Raises:
            ProblemError: 404 unit or point; 409 the unit is registered; 422 a substance or date that is wrong.
        """
        unit = repository.unit(session, caller, data.unit_id)
        _dates(data.assessed_on, data.assessment_ends_on)
        now = self._clock.now()
        row = Hazard(
            unit_id=unit.id, enterprise_id=unit.enterprise_id, simulated=simulated, created_at=now, updated_at=now,
            **{name: getattr(data, name) for name in _FACTS},
        )  # fmt: skip
        try:
            with session.begin_nested():
                session.add(row)
        except IntegrityError:
            raise conflict("safety.hazard.taken", unit=unit.code) from None
        self._replace_chemicals(session, row, data.chemicals)
        self._replace_points(session, caller, row, data.points)
        self._identify(session, caller, row, "created")
        audit.record(
            session, caller, action="safety.hazard.create", subject=("safety_hazard", row.id),
            after={"unit": unit.code, **_shown(row), "chemicals": len(data.chemicals), "points": len(data.points)},
        )  # fmt: skip
        return row

    def update(self, session: Session, caller: Caller, hazard_id: int, patch: HazardPatch) -> Hazard:
        """Change facts, chemicals or points of a source as it was seen at ``patch.version``.

        Raises:
            ProblemError: 404; 409 ``safety.changed``; 422 as :meth:`create`.
        """
        row = repository.hazard(session, caller, hazard_id).hazard
        if row.version != patch.version:
            raise conflict("safety.changed", version=row.version)
        before = {**_shown(row), **_lists(session, row)}
        stated = {n: getattr(patch, n) for n in patch.model_fields_set if n in _FACTS}
        for name, value in stated.items():
            if value is None and name in ("kind", "record_no", "remark"):
                raise invalid("safety.hazard.must_have", f"/{name}", field=name)
            setattr(row, name, value)
        _dates(row.assessed_on, row.assessment_ends_on)
        if patch.chemicals is not None:
            self._replace_chemicals(session, row, patch.chemicals)
        if patch.points is not None:
            self._replace_points(session, caller, row, patch.points)
        session.flush()
        after = {**_shown(row), **_lists(session, row)}
        if after == before:
            return row
        row.version += 1
        row.updated_at = self._clock.now()
        if {"chemicals", "persons"} & {n for n in after if after[n] != before[n]}:
            self._identify(session, caller, row, "changed")
        audit.record(
            session, caller, action="safety.hazard.update", subject=("safety_hazard", row.id), before=before, after=after
        )  # fmt: skip
        return row

    def load(
        self, session: Session, caller: Caller, rows: Sequence[HazardImportRow]
    ) -> tuple[dict[str, int], list[tuple[int, ProblemError]]]:
        """Many sources by unit code: made, changed where they differ, or refused with the reason."""
        counts = {"accepted": 0, "updated": 0, "unchanged": 0}
        refused: list[tuple[int, ProblemError]] = []
        for number, row in enumerate(rows):
            try:
                with session.begin_nested():
                    counts[self._load_one(session, caller, row)] += 1
            except ProblemError as problem:
                refused.append((number, problem))
        return counts, refused

    def _load_one(self, session: Session, caller: Caller, row: HazardImportRow) -> str:
        unit = session.scalar(
            caller.scoped(select(Unit), Unit.enterprise_id).where(Unit.code == row.unit_code)
        )
        if unit is None:
            raise not_found("registry.unit", row.unit_code)
        points = self._by_code(session, caller, row)
        there = session.scalar(select(Hazard).where(Hazard.unit_id == unit.id))
        facts = {name: getattr(row, name) for name in _FACTS}
        if there is None:
            made = HazardIn(unit_id=unit.id, chemicals=row.chemicals, points=points, **facts)
            self.create(session, caller, made, simulated=row.simulated)
            return "accepted"
        version = there.version
        patch = HazardPatch(version=version, chemicals=row.chemicals, points=points, **facts)
        return "unchanged" if self.update(session, caller, there.id, patch).version == version else "updated"

    @staticmethod
    def _by_code(session: Session, caller: Caller, row: HazardImportRow) -> list[HazardPointIn]:
        codes = [code for code, _, _ in row.points]
        columns = pick(Point.code, Point.id)
        statement = caller.scoped(columns, Point.enterprise_id).where(Point.code.in_(codes))
        known: dict[str, int] = {code: point_id for code, point_id in session.execute(statement)}  # noqa: C416
        missing = [code for code in codes if code not in known]
        if missing:
            raise not_found("telemetry.point", missing[0])
        return [HazardPointIn(point_id=known[c], parameter=p, interlock=i) for c, p, i in row.points]

    def refresh(self, session: Session) -> int:
        """Identify every source again; how many verdicts are no longer what they were."""
        changed = 0
        for row in session.scalars(select(Hazard).order_by(Hazard.id)):
            verdict = self._verdict(session, row)
            if _figures(verdict) != (row.state, row.s, row.r, row.level, row.problem):
                self._keep(session, SYSTEM, row, verdict, "rules")
                changed += 1
        return changed

    # --- parts ----------------------------------------------------------------------------------------

    def _replace_chemicals(self, session: Session, row: Hazard, wanted: Sequence[ChemicalIn]) -> None:
        session.execute(delete(Chemical).where(Chemical.hazard_id == row.id))
        for item in wanted:
            found = row_of(item.substance)
            classes_known(item.hazard_classes)
            if item.as_of > self.today():
                raise invalid("safety.hazard.future", "/chemicals", value=item.as_of.isoformat())
            session.add(
                Chemical(
                    hazard_id=row.id, substance=item.substance, name=item.name or found.name_zh, tonnes=item.tonnes,
                    hazard_classes=list(item.hazard_classes), condition_confirmed=item.condition_confirmed,
                    origin=item.origin, as_of=item.as_of,
                )
            )  # fmt: skip
        session.flush()

    @staticmethod
    def _replace_points(
        session: Session, caller: Caller, row: Hazard, wanted: Sequence[HazardPointIn]
    ) -> None:
        ids = [item.point_id for item in wanted]
        if len(set(ids)) != len(ids):
            raise invalid("safety.hazard.point_twice", "/points")
        visible = caller.scoped(select(Point.id), Point.enterprise_id).where(
            Point.id.in_(ids), Point.enterprise_id == row.enterprise_id
        )
        unknown = sorted(set(ids) - set(session.scalars(visible)))
        if unknown:
            raise not_found("telemetry.point", unknown[0])
        session.execute(delete(HazardPoint).where(HazardPoint.hazard_id == row.id))
        session.add_all(HazardPoint(hazard_id=row.id, **item.model_dump()) for item in wanted)
        session.flush()

    def _verdict(self, session: Session, row: Hazard) -> Verdict:
        return identify(repository.chemicals(session, row.id), row.persons, self.today())

    def _identify(self, session: Session, caller: Caller, row: Hazard, why: str) -> None:
        self._keep(session, caller, row, self._verdict(session, row), why)

    def _keep(self, session: Session, caller: Caller, row: Hazard, verdict: Verdict, why: str) -> None:
        before = row.level
        row.state, row.s, row.r, row.level, row.problem = _figures(verdict)
        session.add(
            Identification(
                hazard_id=row.id, at=self._clock.now(), by_name=caller.name, why=why, state=verdict.state, s=verdict.s,
                r=verdict.r, level=verdict.level, problem=verdict.problem, problem_text=verdict.problem_text,
                persons=row.persons, alpha=verdict.alpha, lines=verdict.lines,
            )
        )  # fmt: skip
        session.flush()
        emit(
            session,
            HazardIdentified(
                id=row.id, unit_id=row.unit_id, enterprise_id=row.enterprise_id, state=row.state, level=row.level,
                before=before,
            ),
        )  # fmt: skip


def _figures(verdict: Verdict) -> tuple[str, float | None, float | None, int | None, str | None]:
    return verdict.state, verdict.s, verdict.r, verdict.level, verdict.problem


def _dates(assessed: date | None, ends: date | None) -> None:
    if ends is not None and assessed is not None and ends < assessed:
        raise invalid("safety.hazard.dates", "/assessment_ends_on")


def _shown(row: Hazard) -> dict[str, Any]:
    """Facts as the audit chain keeps them."""
    return {
        name: value.isoformat() if isinstance(value := getattr(row, name), date) else value for name in _FACTS
    }


def _lists(session: Session, row: Hazard) -> dict[str, Any]:
    chemicals = [
        [
            c.substance,
            c.name,
            c.tonnes,
            c.hazard_classes,
            c.condition_confirmed,
            c.origin,
            c.as_of.isoformat(),
        ]
        for c in repository.chemicals(session, row.id)
    ]
    points = [
        [p.point_id, p.parameter, p.interlock] for p in repository.points(session, [row.id]).get(row.id, [])
    ]
    return {"chemicals": chemicals, "points": points}
