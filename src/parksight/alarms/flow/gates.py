"""Silences the evaluation itself brings about (suppression by design, a rule out of service): their records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from parksight.alarms import kernels
from parksight.alarms.flow import housekeeping
from parksight.alarms.models import Alarm, Rule, Suppression
from parksight.kernel.permissions import SYSTEM

#: Words for why the evaluation keeps an alarm silent.
GATES = {kernels.BY_DESIGN: "by_design", kernels.OUT_OF_SERVICE: "out_of_service"}
_PORTION = 500
#: What happened to a standing alarm: code, gate, observation time, platform time.
Gated = tuple[int, int, datetime, datetime]


def begin(
    session: Session, source: Mapping[str, Any], kind: str, since: datetime, until: datetime | None
) -> int:
    """The record of a silence that began with an alarm (given as a row); ``until``: it is over already."""
    rule = session.get(Rule, source["rule_id"])
    said = rule.service_reason if rule is not None and kind == "out_of_service" else ""
    record = Suppression(
        kind=kind, rule_id=source["rule_id"], step=source["step"], point_id=source["point_id"],
        enterprise_id=source["enterprise_id"], reason=said or f"alarms.{kind}.reason",
        reference=f"rule v{source['rule_version']}", owner_name="ParkSight", from_at=since, kept_silent=1,
        ended_at=until, ended_reason=None if until is None else "condition",
    )  # fmt: skip
    session.add(record)
    session.flush()
    return record.id


def begin_fresh(session: Session, rows: Iterable[dict[str, Any]]) -> None:
    """Records of alarms the evaluation keeps silent from their beginning."""
    for row in rows:
        if row["suppressed"] in GATES.values() and not row["suppression_id"]:
            row["suppression_id"] = begin(
                session, row, row["suppressed"], row["raised_at"], row["cleared_at"]
            )
            if row["condition"] == "cleared":
                row["suppressed"] = None


def change(session: Session, gated: Mapping[int, Gated]) -> tuple[dict[int, str | None], list[Alarm]]:
    """Standing alarms the evaluation silenced or released.

    Returns:
        Alarm id -> why it is silent now, and the alarms that are to be announced.
    """
    ids, now_silent, released = sorted(gated), {}, []
    for start in range(0, len(ids), _PORTION):
        portion = select(Alarm).where(Alarm.id.in_(ids[start : start + _PORTION])).order_by(Alarm.id)
        for alarm in session.scalars(portion):
            if _change(session, alarm, *gated[alarm.id]) and alarm.condition != "cleared":
                released.append(alarm)
            now_silent[alarm.id] = alarm.suppressed
    session.flush()
    return now_silent, released


def _change(session: Session, alarm: Alarm, what: int, gate: int, observed: datetime, now: datetime) -> bool:
    """Whether it is silent no more."""
    if what == kernels.SUPPRESSED and alarm.suppressed is None:
        kind = GATES.get(gate, "by_design")
        alarm.suppressed, alarm.suppression_id = kind, begin(session, _row(alarm), kind, observed, None)
        housekeeping.note(session, alarm, "suppressed", now, SYSTEM)
    elif what == kernels.RELEASED and alarm.suppressed in GATES.values():
        record = session.get(Suppression, alarm.suppression_id)
        if record is None or record.owner_id is not None or record.until_at is not None:
            return False  # a person's silence goes on
        housekeeping.end(record, now, "condition", SYSTEM)
        alarm.suppressed = None
        housekeeping.note(session, alarm, "unsuppressed", now, SYSTEM)
        return True
    return False


def _row(alarm: Alarm) -> dict[str, Any]:
    names = ("rule_id", "step", "point_id", "enterprise_id", "rule_version")
    return {name: getattr(alarm, name) for name in names}


def end_cleared(session: Session, ids: list[int]) -> None:
    """What the evaluation kept silent has cleared: nothing is silenced any more."""
    for start in range(0, len(ids), _PORTION):
        silent = (
            select(Alarm, Suppression)
            .join(Suppression, Suppression.id == Alarm.suppression_id)
            .where(
                Alarm.id.in_(ids[start : start + _PORTION]), Alarm.suppressed.in_(tuple(GATES.values())),
                Suppression.owner_id.is_(None), Suppression.until_at.is_(None),
            )
        )  # fmt: skip
        for alarm, record in session.execute(silent):
            alarm.suppressed = None
            housekeeping.end(record, alarm.cleared_at or record.from_at, "condition", SYSTEM)
    session.flush()
