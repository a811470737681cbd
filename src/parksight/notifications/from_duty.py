"""Notices about duty itself: deputies asked, answers given, handovers to sign and overdue ones. Hooked into duty's own units of work."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from parksight.duty.hooks import Hooks
from parksight.duty.models import Absence, Desk, Handover, Shift
from parksight.duty.repository import crew
from parksight.kernel.identity.models import Post, User
from parksight.notifications.models import NoticeRow
from parksight.notifications.notice import Notice, Text, person, post
from parksight.notifications.service import Notifier


class DutyNotices:
    """
    Args:
        notifier: tells people.
    """

    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier

    def attach(self, hooks: Hooks) -> None:
        hooks.on_absence.append(self.absence)
        hooks.on_handover.append(self.handover)
        hooks.on_overdue.append(self.overdue)

    def absence(self, session: Session, row: Absence) -> None:
        """The deputy hears of a request and of its end, the absent person of the answer."""
        names = {
            u.id: u.name for u in session.scalars(select(User).where(User.id.in_((row.user_id, row.deputy_id))))
        }  # fmt: skip
        to_deputy = row.state in ("requested", "withdrawn", "ended")
        self._notifier.notify(
            session,
            Notice(
                kind=f"duty.absence.{row.state}", priority=2 if row.state == "requested" else 3,
                recipients=[
                    person(
                        row.deputy_id if to_deputy else row.user_id,
                        Text("notifications.why.you_deputise" if to_deputy else "notifications.why.your_absence"),
                    )
                ],
                title=Text(
                    f"notifications.absence.{row.state}",
                    {"name": names[row.user_id], "deputy": names[row.deputy_id]},
                ),
                subject=("duty_absence", str(row.id)), page="/duty/absences", enterprise_id=row.enterprise_id,
                expires_at=row.ends_at,
            ),
        )  # fmt: skip

    def handover(self, session: Session, row: Handover) -> None:
        """The next shift hears that it is to sign; the leaving one that it was refused."""
        if row.state == "signed":
            shift, key, why = row.to_shift_id, "notifications.handover.signed", "notifications.why.next_shift"
        elif row.state == "refused":
            shift, key, why = (
                row.from_shift_id,
                "notifications.handover.refused",
                "notifications.why.your_shift",
            )
        else:
            return
        desk = session.get(Desk, row.desk_id)
        assert desk is not None  # a foreign key
        self._notifier.notify(
            session,
            Notice(
                kind=f"duty.handover.{row.state}", priority=2,
                recipients=[person(user_id, Text(why)) for user_id in crew(session, shift)],
                title=Text(key, {"desk": desk.name, "desk_en": desk.name_en, "reason": row.refusal}),
                subject=("duty_handover", str(row.id)), page=f"/duty/handovers/{row.id}",
                enterprise_id=desk.enterprise_id,
            ),
        )  # fmt: skip

    def overdue(self, session: Session, row: Shift, standing: str) -> None:
        """The leaving shift and whoever answers for the desk's post hear once that a handover is late or missing."""
        kind, key = f"duty.handover.{standing}", f"duty.handover.{standing}:{row.id}"
        if session.scalar(
            select(NoticeRow.id).where(NoticeRow.kind == kind, NoticeRow.dedupe_key == key).limit(1)
        ):
            return  # an earlier process told them
        desk = session.get_one(Desk, row.desk_id)
        code = session.get_one(Post, desk.post_id).code
        leaving = Text("notifications.why.your_shift")
        self._notifier.notify(
            session,
            Notice(
                kind=kind, priority=2 if standing == "late" else 3,
                recipients=[
                    *(person(user_id, leaving) for user_id in crew(session, row.id)),
                    post(code, Text("notifications.why.desk", {"desk": desk.name, "desk_en": desk.name_en or desk.name})),
                ],
                title=Text(
                    f"notifications.handover.{standing}",
                    {
                        "desk": desk.name, "desk_en": desk.name_en or desk.name, "shift": row.name,
                        "shift_en": row.name_en or row.name,
                    },
                ),
                subject=("duty_shift", str(row.id)), page="/duty/handovers", enterprise_id=desk.enterprise_id,
                dedupe_key=key,
            ),
        )  # fmt: skip
