"""The delay ledger: every moment of a case belongs to exactly one holder.

Spans are cut by record time, so that nobody can date work back out of their account. A working day belongs to whoever
held the case at the midnight that ended it, the last one to whoever held it when it was closed; the day of opening does
not count. So the working days of the holders add up to those of the case.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from parksight.cases.declaration import CaseType
from parksight.cases.models import Case, Participant, Span
from parksight.cases.timing import Timing
from parksight.kernel.identity.models import Post


@dataclass(frozen=True)
class Holder:
    """``key`` is the id of a user, post, department or enterprise, or the name of a role; empty for the zone."""

    kind: str
    key: str = ""


ZONE = Holder("zone")


def holder_of(session: Session, case: Case, spec: str, participants: Sequence[Participant]) -> Holder:
    """Who a declared holder is for this case; the owner where there is nobody of that kind."""
    kind, _, rest = spec.partition(":")
    if kind == "reporter" and case.reporter_id is not None:
        return Holder("user", str(case.reporter_id))
    if kind == "enterprise" and case.enterprise_id is not None:
        return Holder("enterprise", str(case.enterprise_id))
    if kind == "role":
        return Holder("role", rest)
    if kind == "participant":
        found = next((p for p in participants if p.role == rest), None)
        if found is not None:
            return Holder(found.kind, str(found.party_id))
    if kind == "post":
        post_id = session.scalar(select(Post.id).where(Post.code == rest))
        if post_id is not None:
            return Holder("post", str(post_id))
    return owner_of(case)


def owner_of(case: Case) -> Holder:
    """The owner, the most definite there is; the zone for a case nobody owns."""
    for name in ("user", "post", "department", "enterprise"):
        key = getattr(case, f"owner_{name}_id")
        if key is not None:
            return Holder(name, str(key))
    return ZONE


def state_holder(
    session: Session, case: Case, case_type: CaseType, participants: Sequence[Participant]
) -> Holder:  # fmt: skip
    """Who holds a case in the state it is in."""
    spec = next((s.holder for s in case_type.states if s.code == case.state), "owner")
    holder = holder_of(session, case, spec, participants)
    if holder == ZONE and (case_type.owner or "").startswith("role:"):
        # nobody took it up yet: it waits for those whom the type names
        return holder_of(session, case, case_type.owner or "", participants)
    return holder


def begin(session: Session, held: Iterable[tuple[Case, Holder]], now: datetime) -> None:
    """First spans of new or reopened cases."""
    rows = [_row(case, holder, now) for case, holder in held]
    if rows:
        session.execute(insert(Span), rows)


def hand_over(session: Session, case: Case, holder: Holder, now: datetime) -> None:
    """End the running span and begin the next, unless holder and state stay the same; a final state begins none."""
    last = session.scalar(select(Span).where(Span.case_id == case.id, Span.until.is_(None)))
    over = case.phase == "final"
    same = last is not None and (last.holder_kind, last.holder_key, last.state) == (
        holder.kind,
        holder.key,
        case.state,
    )
    if same and not over:
        return
    if last is not None:
        session.execute(update(Span).where(Span.id == last.id).values(until=now))
        session.expire(last)
    if not over:
        begin(session, [(case, holder)], now)


def _row(case: Case, holder: Holder, now: datetime) -> dict[str, object]:
    return {
        "case_id": case.id, "holder_kind": holder.kind, "holder_key": holder.key,
        "state": case.state, "since": now, "until": None,
    }  # fmt: skip


def working_days(timing: Timing, spans: Sequence[Span], now: datetime) -> list[int]:
    """Working days of each span of one case, in order; together they are the working days of the case."""
    counts = [0] * len(spans)
    for first, last in _runs(spans):
        begin_day = timing.day_of(spans[first].since)
        end = spans[last].until or now
        day = begin_day + timedelta(days=1)
        last_day = timing.day_of(end)
        while day <= last_day:
            if timing.is_working(day):
                at = min(timing.end_of(day), end)
                owner = next(i for i in range(last, first - 1, -1) if spans[i].since < at or i == first)
                counts[owner] += 1
            day += timedelta(days=1)
    return counts


def _runs(spans: Sequence[Span]) -> Iterable[tuple[int, int]]:
    """Stretches of spans that follow on each other; reopening begins a new one."""
    first = 0
    for i in range(1, len(spans) + 1):
        if i == len(spans) or spans[i - 1].until != spans[i].since:
            if spans:
                yield first, i - 1
            first = i
