"""What is wrong with planned shifts: gaps, too few people, somebody twice, somebody away, too little rest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from parksight.duty import pattern
from parksight.duty.models import Absence, Desk, Shift, ShiftPerson


@dataclass(frozen=True, slots=True)
class Watch:
    """A shift reduced to what is checked; ``shift_id`` None for one that is only previewed."""

    starts_at: datetime
    ends_at: datetime
    people: tuple[int, ...]
    shift_id: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    kind: str
    starts_at: datetime
    ends_at: datetime
    shift_id: int | None = None
    user_id: int | None = None
    deputy_id: int | None = None


def examine(
    session: Session, desk: Desk, watches: Sequence[Watch], start: datetime, end: datetime, rest: timedelta
) -> list[Found]:
    """Findings about one desk's shifts between two instants, in order of time.

    Args:
        watches: the shifts, previewed or stored.
        rest: least time between two shifts of a person.
    """
    out: list[Found] = []
    if desk.continuous:
        spans = [(w.starts_at, w.ends_at) for w in watches]
        out += [Found("gap", g.starts_at, g.ends_at) for g in pattern.gaps(spans, start, end)]
    for watch in watches:
        if len(watch.people) < desk.min_crew:
            out.append(Found("short", watch.starts_at, watch.ends_at, watch.shift_id))
    people = {p for w in watches for p in w.people}
    out += _twice(
        watches, _elsewhere(session, people, start - rest, end + rest, {w.shift_id for w in watches}), rest
    )
    out += _away(session, watches, people, start, end)
    return sorted(out, key=lambda f: (f.starts_at, f.kind, f.shift_id or 0, f.user_id or 0))


def _elsewhere(
    session: Session, people: Iterable[int], start: datetime, end: datetime, but: set[int | None]
) -> list[Watch]:
    rows = session.execute(
        select(Shift, ShiftPerson.user_id)
        .join(ShiftPerson, ShiftPerson.shift_id == Shift.id)
        .where(
            ShiftPerson.user_id.in_(sorted(people)), ShiftPerson.removed_at.is_(None), Shift.state != "cancelled",
            Shift.starts_at < end, Shift.ends_at > start,
        )
    )  # fmt: skip
    return [Watch(s.starts_at, s.ends_at, (user,), s.id) for s, user in rows if s.id not in but]


def _twice(watches: Sequence[Watch], others: Sequence[Watch], rest: timedelta) -> list[Found]:
    out = []
    here = {id(w) for w in watches}
    by_person: dict[int, list[Watch]] = {}
    for watch in (*watches, *others):
        for person in watch.people:
            by_person.setdefault(person, []).append(watch)
    for person, theirs in by_person.items():
        theirs.sort(key=lambda w: (w.starts_at, w.ends_at))
        before = theirs[0]
        for after in theirs[1:]:
            if id(before) in here or id(after) in here:
                shown = after if id(after) in here else before
                if after.starts_at < before.ends_at:
                    last = min(before.ends_at, after.ends_at)
                    out.append(Found("double", after.starts_at, last, shown.shift_id, person))
                elif after.starts_at - before.ends_at < rest:
                    out.append(Found("rest", before.ends_at, after.starts_at, shown.shift_id, person))
            before = max(before, after, key=lambda w: w.ends_at)
    return out


def _away(
    session: Session, watches: Sequence[Watch], people: Iterable[int], start: datetime, end: datetime
) -> list[Found]:
    rows = session.scalars(
        select(Absence).where(
            Absence.user_id.in_(sorted(people)), Absence.state.in_(("requested", "accepted")),
            Absence.starts_at < end, Absence.ends_at > start,
        )
    )  # fmt: skip
    out = []
    for row in rows:
        for watch in watches:
            if row.user_id in watch.people and pattern.overlap(
                (row.starts_at, row.ends_at), (watch.starts_at, watch.ends_at)
            ):
                deputy = row.deputy_id if row.state == "accepted" else None
                first, last = max(row.starts_at, watch.starts_at), min(row.ends_at, watch.ends_at)
                out.append(Found("absent", first, last, watch.shift_id, row.user_id, deputy))
    return out
