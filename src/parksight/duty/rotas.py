"""Desks and rotas, and the shifts that the clock makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from parksight.duty import pattern, repository
from parksight.duty.events import ShiftsChanged
from parksight.duty.models import Desk, Handover, Rota, Shift, ShiftPerson
from parksight.duty.schemas import DeskIn, DeskPatch, RotaEnd, RotaIn
from parksight.kernel import audit
from parksight.kernel.clock import Clock
from parksight.kernel.db import emit
from parksight.kernel.errors import ProblemError, conflict, forbidden, invalid, not_found
from parksight.kernel.identity.models import Post, User
from parksight.kernel.permissions import Caller
from parksight.kernel.settings import DutySettings


def cycle_of(rota: Rota) -> pattern.Cycle:
    """The rota as arithmetic."""
    kinds = {
        k["code"]: pattern.ShiftKind(k["code"], time.fromisoformat(k["start"]), time.fromisoformat(k["end"]))
        for k in rota.kinds
    }
    return pattern.Cycle(kinds, rota.days, rota.first_day, rota.last_day)


class Rotas:
    """
    Args:
        clock: time.
        zone: civil time zone of shifts.
        settings: how far ahead shifts are made.
    """

    def __init__(self, clock: Clock, zone: ZoneInfo, settings: DutySettings) -> None:
        self._clock, self.zone, self._settings = clock, zone, settings

    def create_desk(self, session: Session, caller: Caller, body: DeskIn) -> Desk:
        """A new desk.

        Raises:
            ProblemError: 409 code taken; 404 post; 403 for another enterprise's, or for the zone's by an enterprise.
        """
        if not caller.may_see_enterprise(body.enterprise_id):
            raise forbidden("duty.desk.write")
        if session.scalar(select(Desk.id).where(Desk.code == body.code)) is not None:
            raise conflict("duty.desk.code_taken", desk=body.code)
        if session.get(Post, body.post_id) is None:
            raise not_found("post", body.post_id)
        now = self._clock.now()
        row = Desk(**body.model_dump(), created_at=now, updated_at=now)
        session.add(row)
        session.flush()
        audit.record(
            session, caller, action="duty.desk.create", subject=("duty_desk", row.id), after=body.model_dump()
        )
        return row  # fmt: skip

    def update_desk(self, session: Session, caller: Caller, desk_id: int, body: DeskPatch) -> Desk:
        row = repository.desk(session, caller, desk_id)
        if row.version != body.version:
            raise conflict("kernel.stale_version", seen=body.version, present=row.version)
        given = {
            k: v for k, v in body.model_dump(exclude_unset=True, exclude={"version"}).items() if v is not None
        }
        before = {k: getattr(row, k) for k in given}
        for key, value in given.items():
            setattr(row, key, value)
        row.version += 1
        row.updated_at = self._clock.now()
        audit.record(
            session,
            caller,
            action="duty.desk.update",
            subject=("duty_desk", row.id),
            before=before,
            after=given,
        )
        return row  # fmt: skip

    def build(self, session: Session, caller: Caller, desk_id: int, body: RotaIn) -> Rota:
        """The rota of a body, checked but not stored; for previews too.

        Raises:
            ProblemError: 404; 422 for codes that do not fit together or people who do not exist.
        """
        desk = repository.desk(session, caller, desk_id)
        kinds, crews = [k.code for k in body.kinds], [c.code for c in body.crews]
        for what, codes in (("kinds", kinds), ("crews", crews)):
            if len(set(codes)) != len(codes):
                raise invalid("duty.rota.code_twice", f"/{what}")
        for number, day in enumerate(body.days):
            for kind, crew in day.items():
                if kind not in kinds or crew not in crews:
                    raise invalid(
                        "duty.rota.unknown_code",
                        f"/days/{number}",
                        unknown=kind if kind not in kinds else crew,
                    )
        if body.last_day is not None and body.last_day < body.first_day:
            raise invalid("duty.rota.ends_before", "/last_day")
        members = {m for c in body.crews for m in c.members}
        known = repository.names(session, members)
        for member in sorted(members):
            if member not in known or not known[member].active:
                raise invalid("duty.rota.unknown_person", "/crews", person=member)
            if desk.enterprise_id is not None or caller.enterprises is not None:
                _same_house(session, desk, known[member])
        now = self._clock.now()
        return Rota(
            desk_id=desk.id, name=body.name, kinds=[k.model_dump() for k in body.kinds],
            crews=[c.model_dump() for c in body.crews], days=[dict(d) for d in body.days],
            first_day=body.first_day, last_day=body.last_day, version=1, created_at=now, updated_at=now,
        )  # fmt: skip

    def create(self, session: Session, caller: Caller, desk_id: int, body: RotaIn) -> Rota:
        """Store a rota and make its shifts ahead.

        Raises:
            ProblemError: as :meth:`build`; 422 ``duty.rota.in_the_past``; 409 ``duty.rota.overlaps`` another rota of
                the desk.
        """
        row = self.build(session, caller, desk_id, body)
        if row.first_day < self.today():
            raise invalid("duty.rota.in_the_past", "/first_day")
        for other in session.scalars(select(Rota).where(Rota.desk_id == desk_id)):
            last, mine = other.last_day or date.max, row.last_day or date.max
            if other.first_day <= mine and row.first_day <= last:
                raise conflict("duty.rota.overlaps", rota=other.name)
        session.add(row)
        session.flush()
        audit.record(
            session, caller, action="duty.rota.create", subject=("duty_rota", row.id),
            after=body.model_dump(mode="json"),
        )  # fmt: skip
        self.generate(session, row)
        return row

    def end(self, session: Session, caller: Caller, rota_id: int, body: RotaEnd) -> Rota:
        """No shift begins after ``last_day``; those made already are cancelled unless a handover leads into them."""
        row = repository.rota(session, caller, rota_id)
        if row.version != body.version:
            raise conflict("kernel.stale_version", seen=body.version, present=row.version)
        if body.last_day < self.today() - timedelta(days=1):
            raise invalid("duty.rota.in_the_past", "/last_day")
        if row.last_day is not None and body.last_day > row.last_day:
            raise invalid("duty.rota.only_shorter", "/last_day", day=row.last_day.isoformat())
        before, row.last_day = row.last_day, body.last_day
        row.version += 1
        row.updated_at = self._clock.now()
        after = pattern.instant(body.last_day + timedelta(days=1), time(), self.zone)
        bound = select(Handover.to_shift_id).where(Handover.state.in_(("signed", "handed_over")))
        gone = list(
            session.scalars(
                select(Shift).where(
                    Shift.rota_id == row.id, Shift.starts_at >= max(after, self._clock.now()),
                    Shift.state == "planned", Shift.id.not_in(bound),
                )
            )
        )  # fmt: skip
        for shift in gone:
            shift.state = "cancelled"
        audit.record(
            session, caller, action="duty.rota.end", subject=("duty_rota", row.id),
            before={"last_day": before.isoformat() if before else None},
            after={"last_day": body.last_day.isoformat(), "cancelled": len(gone)}, reason=body.reason,
        )  # fmt: skip
        emit(session, ShiftsChanged(desk_id=row.desk_id))
        return row

    def today(self) -> date:
        """The present civil day of the zone."""
        return self._clock.now().astimezone(self.zone).date()

    def planned(self, rota: Rota, first: date, last: date) -> Iterator[pattern.Planned]:
        return pattern.plan(cycle_of(rota), first, last, self.zone)

    def generate(self, session: Session, rota: Rota) -> int:
        """Make the shifts of a rota that are still missing, up to the horizon; returns how many. Idempotent."""
        first = max(rota.first_day, self.today() - timedelta(days=1))
        last = self.today() + timedelta(days=self._settings.horizon_days)
        # What was over before the rota was made is nobody's shift: no handover is owed for it.
        wanted = [p for p in self.planned(rota, first, last) if p.ends_at > rota.created_at]
        if not wanted:
            return 0
        there: set[tuple[datetime, str]] = {
            (row.starts_at, row.code)
            for row in session.execute(
                select(Shift.starts_at, Shift.code).where(
                    Shift.rota_id == rota.id, Shift.starts_at >= wanted[0].starts_at
                )
            )
        }
        kinds = {k["code"]: k for k in rota.kinds}
        crews = {c["code"]: c for c in rota.crews}
        made = 0
        for item in wanted:
            if (item.starts_at, item.code) in there:
                continue
            kind = kinds[item.code]
            shift = Shift(
                desk_id=rota.desk_id, rota_id=rota.id, code=item.code, name=kind["name"], name_en=kind["name_en"],
                crew=item.crew, starts_at=item.starts_at, ends_at=item.ends_at, state="planned",
            )  # fmt: skip
            session.add(shift)
            session.flush()
            for place, member in enumerate(crews[item.crew]["members"]):
                session.add(
                    ShiftPerson(
                        shift_id=shift.id, user_id=member, leads=place == 0, added_at=self._clock.now()
                    )
                )
            made += 1
        if made:
            emit(session, ShiftsChanged(desk_id=rota.desk_id))
        return made

    def generate_all(self, session: Session) -> int:
        """Shifts of all rotas of active desks, up to the horizon; what the clock does."""
        rotas = session.scalars(
            select(Rota).join(Desk, Desk.id == Rota.desk_id).where(Desk.active).order_by(Rota.id)
        ).all()
        return sum(
            self.generate(session, r) for r in rotas if r.last_day is None or r.last_day >= self.today()
        )


def _same_house(session: Session, desk: Desk, user: User) -> None:
    """An enterprise's desk is manned by that enterprise's people."""
    if repository.enterprise_of(session, user.id) != desk.enterprise_id:
        raise ProblemError("duty.rota.other_house", 422, {"person": user.name}, "/crews")
