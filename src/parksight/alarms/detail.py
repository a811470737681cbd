"""The page of one alarm: its group, what its rule did before, what is around it, what linkage did, its journal."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from statistics import median
from typing import Literal, cast

import numpy as np
from sqlalchemy import func
from sqlalchemy.orm import Session

from parksight.alarms import grouped, repository, surroundings, view
from parksight.alarms.models import Alarm, Group, Reaction, Rule, Suppression, Window
from parksight.alarms.providers import Providers
from parksight.alarms.repository import Found, pick
from parksight.alarms.schemas import AlarmDetail, Neighbour, RuleHistory, RuleRef
from parksight.alarms.workflow import ACKNOWLEDGE, CLASSIFY, CLOSE, RESPOND, VERIFY
from parksight.kernel.permissions import Caller
from parksight.telemetry.live_table import LiveTable, State
from parksight.telemetry.models import Point

HISTORY_DAYS = 90
_LAST, _MEMBERS, _JOURNAL, _NEIGHBOURS = 10, 50, 500, 20
#: What the case offers from each handling.
_NEXT = {
    "new": (ACKNOWLEDGE,), "acknowledged": (VERIFY, CLASSIFY, CLOSE), "verifying": (CLASSIFY, CLOSE),
    "classified": (VERIFY, RESPOND, CLOSE), "responding": (VERIFY, CLOSE), "closed": (), "suppressed": (),
}  # fmt: skip


def detail(
    session: Session,
    caller: Caller,
    found: Found,
    providers: Providers,
    live: LiveTable | None,
    now: datetime,
) -> AlarmDetail:
    """All that is known around one alarm."""
    a = found.alarm
    group = None if a.group_id is None else session.get(Group, a.group_id)
    window = None if a.window_id is None else session.get(Window, a.window_id)
    silence = None if a.suppression_id is None else session.get(Suppression, a.suppression_id)
    entries = session.execute(
        repository.journal(caller, alarm_id=a.id, point_id=None, what=None, start=None, end=None).limit(
            _JOURNAL
        )
    )
    return AlarmDetail(
        **view.alarm(found).model_dump(),
        rule=_rule(session, a),
        group=None if group is None else grouped.shown(session, caller, [group], providers)[0],
        members=[] if group is None else grouped.members(session, caller, group.id, _MEMBERS),
        history=_history(session, caller, a, now),
        neighbours=_neighbours(session, caller, a, live, view.ms(now)),
        reactions=grouped.reactions(session, caller, Reaction.alarm_id == a.id),
        journal=[view.journal(entry, point) for entry, point in entries],
        window=None if window is None else view.window(window, repository.alarms_of_windows(session, [window.id]).get(window.id, 0)),
        suppression=None if silence is None else view.suppression(silence),
        actions=actions(caller, a, group),
    )  # fmt: skip


def actions(caller: Caller, a: Alarm, group: Group | None) -> list[str]:
    """What the caller may do with an alarm as it stands."""
    out: list[str] = []
    mine = group is not None and group.case_id is not None and caller.may_see_enterprise(group.enterprise_id)
    for action in _NEXT[a.handling]:
        needed = "alarms.alarm.acknowledge" if action == ACKNOWLEDGE else "alarms.alarm.handle"
        if caller.may(needed) and (mine or action == ACKNOWLEDGE):
            out.append(action)
    if a.latching and a.condition == "cleared" and a.reset_at is None and caller.may("alarms.alarm.handle"):
        out.append("reset")
    if caller.may("alarms.alarm.shelve"):
        out += ["unshelve"] if a.suppressed == "shelved" else ["shelve"] if a.suppressed is None else []
    if caller.may("alarms.service.write"):
        out.append("return-to-service" if a.suppressed == "out_of_service" else "out-of-service")
    if mine and a.handling != "closed" and caller.may("alarms.group.write"):
        out.append("split")
    return out


def _rule(session: Session, a: Alarm) -> RuleRef | None:
    rule = session.get(Rule, a.rule_id)
    if rule is None:
        return None
    said = rule.rationale or {}
    causes = said.get("causes") or []
    return RuleRef(
        id=rule.id, code=rule.code, name=rule.name, version=a.rule_version, basis=rule.basis,
        response=str(said.get("response") or ""), causes=[str(c) for c in causes], current_version=rule.version,
        changed_at=rule.updated_at,
    )  # fmt: skip


def _history(session: Session, caller: Caller, a: Alarm, now: datetime) -> RuleHistory:
    """The same step of the same rule at the same point."""
    since = now - timedelta(days=HISTORY_DAYS)
    same = (
        Alarm.rule_id == a.rule_id, Alarm.point_id == a.point_id, Alarm.step == a.step, Alarm.raised_at >= since,
    )  # fmt: skip
    scoped = caller.scoped(
        pick(Alarm.cause, Alarm.raised_at, Alarm.cleared_at, Alarm.repeats).where(*same), Alarm.enterprise_id
    )
    rows = session.execute(scoped.order_by(Alarm.id.desc()).limit(10_000)).all()
    total = session.scalar(caller.scoped(pick(func.count(Alarm.id)).where(*same), Alarm.enterprise_id)) or 0
    stood = [(r.cleared_at - r.raised_at).total_seconds() for r in rows if r.cleared_at is not None]
    last = repository.joined(caller).where(*same, Alarm.id != a.id).order_by(Alarm.id.desc()).limit(_LAST)
    return RuleHistory(
        days=HISTORY_DAYS, occurrences=total, repeats=sum(r.repeats for r in rows),
        causes=dict(Counter(r.cause for r in rows if r.cause)), seconds_standing=median(stood) if stood else None,
        last=[view.alarm(f) for f in repository.found(session, last)],
    )  # fmt: skip


def _neighbours(
    session: Session, caller: Caller, a: Alarm, live: LiveTable | None, now_ms: int
) -> list[Neighbour]:
    points = surroundings.adjacent(
        session, caller, thing_id=a.thing_id, unit_id=a.unit_id, but=a.point_id, limit=_NEIGHBOURS
    )
    worst = _open_priorities(session, caller, points)
    rows = (
        live.rows(np.array([p.id for p in points], np.int32), now_ms) if live is not None and points else None
    )
    out: list[Neighbour] = []
    for i, point in enumerate(points):
        ref = view.point_ref(point)
        if ref is None:
            continue
        if rows is None:
            value, observed, state = None, None, State.UNKNOWN
        else:
            value = float(rows.value[i]) if np.isfinite(rows.value[i]) else None
            observed = int(rows.observed_at[i]) if rows.observed_at[i] >= 0 else None
            state = State(int(rows.state[i]))
        word = cast(Literal["unknown", "online", "suspect", "stale"], state.name.lower())
        out.append(
            Neighbour(
                point=ref, value=value, observed_at=observed, state=word, open_priority=worst.get(point.id)
            )
        )
    return out


def _open_priorities(session: Session, caller: Caller, points: list[Point]) -> dict[int, int]:
    statement = pick(Alarm.point_id, func.min(Alarm.priority)).where(
        Alarm.point_id.in_([p.id for p in points]), Alarm.condition != "cleared"
    )
    rows = session.execute(caller.scoped(statement, Alarm.enterprise_id).group_by(Alarm.point_id))
    return {int(r[0]): int(r[1]) for r in rows}
