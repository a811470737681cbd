"""Records of work safety as the API shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import numpy as np
from sqlalchemy.orm import Session

from parksight.kernel.i18n import translate
from parksight.safety import repository
from parksight.safety.models import Chemical, HazardPoint, Identification
from parksight.safety.repository import Found
from parksight.safety.schemas import (
    ChemicalOut,
    DerivationLine,
    FactorOut,
    HazardDetail,
    HazardOut,
    HazardPointOut,
    HazardState,
    IdentificationOut,
    Parameter,
    UnitKindWord,
    Watch,
)
from parksight.safety.service.identifying import row_of
from parksight.telemetry.live_table import LiveTable, State

_STATES = {s.value: s.name.lower() for s in State}
_STEPS = ("hh", "h", "l", "ll")


def ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


class Watching:
    """Points, their newest states and open alarms of some sources, read once for all of them."""

    def __init__(
        self, session: Session, live: LiveTable | None, hazard_ids: Sequence[int], now_ms: int
    ) -> None:
        self.points = repository.points(session, hazard_ids)
        self.ids = sorted({p.point_id for rows in self.points.values() for p in rows})
        self.alarms = repository.open_alarms(session, self.ids)
        self.at = {p: i for i, p in enumerate(self.ids)}
        self.rows = live.rows(np.array(self.ids, np.int32), now_ms) if live is not None and self.ids else None

    def state(self, point_id: int) -> str:
        return "unknown" if self.rows is None else _STATES[int(self.rows.state[self.at[point_id]])]

    def value(self, point_id: int) -> tuple[float | None, int | None]:
        """Newest value and when it was observed; None where there is none."""
        if self.rows is None:
            return None, None
        i = self.at[point_id]
        value, at = float(self.rows.value[i]), int(self.rows.observed_at[i])
        return (value if np.isfinite(value) else None), (at if at >= 0 else None)

    def of(self, hazard_ids: Sequence[int]) -> Watch:
        """The watch over some of the sources together."""
        ids = {p.point_id for h in hazard_ids for p in self.points.get(h, [])}
        counts = dict.fromkeys(("online", "suspect", "stale", "unknown"), 0)
        for point in ids:
            counts[self.state(point)] += 1
        hit = [self.alarms[p] for p in ids if p in self.alarms]
        return Watch(
            points=len(ids), **counts, online_share=counts["online"] / len(ids) if ids else None,
            open_alarms=sum(n for n, _ in hit), worst_priority=min((w for _, w in hit), default=None),
        )  # fmt: skip


def hazard(found: Found, watching: Watching, language: str) -> HazardOut:
    return HazardOut(**_head(found, watching, language))


def _head(found: Found, watching: Watching, language: str) -> dict[str, Any]:
    row, unit, enterprise = found.hazard, found.unit, found.enterprise
    where = None
    if None not in (unit.min_lon, unit.max_lon, unit.min_lat, unit.max_lat):
        where = (
            (cast(float, unit.min_lon) + cast(float, unit.max_lon)) / 2,
            (cast(float, unit.min_lat) + cast(float, unit.max_lat)) / 2,
        )
    return {
        "id": row.id, "unit": _party(unit), "enterprise": _party(enterprise), "kind": cast(UnitKindWord, row.kind),
        "state": cast(HazardState, row.state), "level": row.level, "s": row.s, "r": row.r, "problem": row.problem,
        "problem_text": translate(row.problem, language) if row.problem else None,
        "declared_level": row.declared_level,
        "disagrees": row.state != "unknown" and row.level != row.declared_level, "persons": row.persons,
        "record_no": row.record_no, "assessed_on": row.assessed_on, "assessment_ends_on": row.assessment_ends_on,
        "remark": row.remark, "position": where, "watch": watching.of([row.id]), "simulated": row.simulated,
        "version": row.version, "updated_at": ms(row.updated_at),
    }  # fmt: skip


def _party(record: Any) -> dict[str, Any]:
    return {"id": record.id, "code": record.code, "name": record.name, "name_en": record.name_en}


def detail(session: Session, found: Found, watching: Watching, language: str) -> HazardDetail:
    """A source with chemicals, points and the derivation of its level."""
    row = found.hazard
    newest = repository.newest_identification(session, row.id)
    return HazardDetail(
        **_head(found, watching, language),
        chemicals=[chemical(c) for c in repository.chemicals(session, row.id)],
        points=points(session, watching.points.get(row.id, []), watching),
        identification=None if newest is None else identification(newest),
    )  # fmt: skip


def chemical(row: Chemical) -> ChemicalOut:
    return ChemicalOut(
        id=row.id, substance=row.substance, name=row.name, tonnes=row.tonnes, hazard_classes=row.hazard_classes,
        condition=row_of(row.substance).condition, condition_confirmed=row.condition_confirmed, origin=row.origin,
        as_of=row.as_of,
    )  # fmt: skip


def points(session: Session, rows: Sequence[HazardPoint], watching: Watching) -> list[HazardPointOut]:
    """Points with newest value and the limits of the rule in force."""
    ids = [r.point_id for r in rows]
    named, rules = repository.named_points(session, ids), repository.limit_rules(session, ids)
    out: list[HazardPointOut] = []
    for row in rows:
        point, rule = named[row.point_id], rules.get(row.point_id)
        value, at = watching.value(row.point_id)
        alarmed = watching.alarms.get(row.point_id)
        definition: Mapping[str, Any] = rule.definition if rule is not None else {}
        out.append(
            HazardPointOut(
                point={**_party(point), "unit": point.unit, "kind": point.kind}, parameter=cast(Parameter, row.parameter),
                interlock=row.interlock, value=value, observed_at=at, state=cast(Any, watching.state(row.point_id)),
                limits={s: float(definition[s]["limit"]) for s in _STEPS if definition.get(s)},
                rule_id=rule.id if rule else None, rule_version=rule.version if rule else None,
                open_priority=alarmed[1] if alarmed else None,
            )
        )  # fmt: skip
    return out


def identification(row: Identification) -> IdentificationOut:
    return IdentificationOut(
        id=row.id, at=ms(row.at), by_name=row.by_name, why=row.why, state=cast(HazardState, row.state), level=row.level,
        s=row.s, r=row.r, problem=row.problem, problem_text=row.problem_text, persons=row.persons,
        alpha=FactorOut(**row.alpha) if row.alpha else None, lines=[DerivationLine(**line) for line in row.lines],
    )  # fmt: skip
