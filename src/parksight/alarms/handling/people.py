"""What people do about alarms: through the case of their group where it has one, so that both pages agree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from sqlalchemy import select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from parksight.alarms.events import AlarmAcknowledged, GroupsChanged
from parksight.alarms.flow.announcer import ms
from parksight.alarms.flow.housekeeping import note
from parksight.alarms.handling import mirror
from parksight.alarms.models import Alarm, Group
from parksight.alarms.workflow import ACKNOWLEDGE, CLOSE
from parksight.cases.service import CaseService
from parksight.kernel import audit
from parksight.kernel.clock import Clock
from parksight.kernel.db import emit
from parksight.kernel.errors import ProblemError, conflict, not_found
from parksight.kernel.permissions import Caller


class HandlingService:
    """
    Args:
        cases: the engine; None where alarms are only acknowledged (command line, small tests).
    """

    def __init__(self, clock: Clock, cases: CaseService | None) -> None:
        self.clock = clock
        self.cases = cases

    # --- one alarm ------------------------------------------------------------------------------------

    def acknowledge(self, session: Session, caller: Caller, alarm_id: int, comment: str) -> Alarm:
        """Somebody has taken note of an alarm. Says nothing about the condition.

        The first acknowledgement of a group takes its case; an enterprise's own person takes the case only where the
        group is that enterprise's alone.

        Raises:
            ProblemError: 404 not there or not theirs; 409 acknowledged already, naming by whom; 409 kept silent.
        """
        alarm = get(session, caller, alarm_id)
        if alarm.handling == "suppressed":
            raise conflict("alarms.kept_silent")
        now = self.clock.now()
        group = None if alarm.group_id is None else session.get(Group, alarm.group_id)
        taken = (
            group.handling
            if group is not None and group.handling not in ("new", "closed")
            else "acknowledged"
        )
        # Conditional on the row as it is, so that of two people only one is the first.
        done = session.execute(
            update(Alarm).where(Alarm.id == alarm_id, Alarm.handling == "new").values(
                handling=taken, acknowledged_by=caller.name, acknowledged_by_id=caller.id, acknowledged_at=now,
                comment=comment or None,
            )
        )  # fmt: skip
        if not isinstance(done, CursorResult) or done.rowcount != 1:
            raise conflict("alarms.already_acknowledged", by=alarm.acknowledged_by, at=alarm.acknowledged_at)
        session.refresh(alarm)
        note(session, alarm, "acknowledged", now, caller, comment=comment)
        audit.record(
            session, caller, action="alarms.alarm.acknowledge", subject=("alarm", alarm.id),
            before={"handling": "new"}, after={"handling": taken, "comment": comment},
        )  # fmt: skip
        emit(
            session,
            AlarmAcknowledged(
                id=alarm.id, enterprise_id=alarm.enterprise_id, by_name=caller.name, at=ms(now)
            ),
        )
        if group is not None and group.handling == "new" and caller.may_see_enterprise(group.enterprise_id):
            mirror.only(session, [alarm.id])
            try:
                self._move(session, caller, group, ACKNOWLEDGE, {}, comment)
            finally:
                mirror.only(session, None)
        return alarm

    def reset(self, session: Session, caller: Caller, alarm_id: int, comment: str) -> Alarm:
        """Release a latching alarm whose condition has cleared.

        Raises:
            ProblemError: 409 when it does not latch, still stands, or was reset already.
        """
        alarm = get(session, caller, alarm_id)
        if not alarm.latching or alarm.condition != "cleared" or alarm.reset_at is not None:
            raise conflict("alarms.reset_impossible")
        alarm.reset_at = self.clock.now()
        note(session, alarm, "reset", alarm.reset_at, caller, comment=comment)
        audit.record(
            session,
            caller,
            action="alarms.alarm.reset",
            subject=("alarm", alarm.id),
            after={"comment": comment},
        )
        emit(session, GroupsChanged(what="reset", ids=(alarm.id,), enterprise_id=alarm.enterprise_id))
        return alarm

    # --- groups ---------------------------------------------------------------------------------------

    def act(
        self, session: Session, caller: Caller, group: Group, transition: str, *, cause: str | None = None,
        comment: str = "",
    ) -> Group:  # fmt: skip
        """Move the case of a group; its alarms follow.

        Raises:
            ProblemError: 409 no case, or not from here; 403 not theirs; for closing as
                :func:`~parksight.alarms.handling.mirror.check_closing`.
        """
        if transition == CLOSE:
            cause = cause or group.cause
            if cause is None:
                raise conflict("alarms.close_without_cause")
            mirror.check_closing(mirror.members(session, group))
        self._move(session, caller, group, transition, {} if cause is None else {"cause": cause}, comment)
        audit.record(
            session, caller, action=f"alarms.group.{transition}", subject=("alarm_group", group.id),
            after={"handling": group.handling, "cause": cause, "comment": comment},
        )  # fmt: skip
        return group

    def _move(
        self,
        session: Session,
        caller: Caller,
        group: Group,
        transition: str,
        fields: dict[str, str],
        comment: str,
    ) -> None:
        if self.cases is None or group.case_id is None:
            if transition == ACKNOWLEDGE:
                return  # the alarm itself is acknowledged; there is no case to take
            raise conflict("alarms.no_case")
        self.cases.act(session, caller, group.case_id, transition, fields=fields, comment=comment)
        session.refresh(group)

    def acknowledge_group(self, session: Session, caller: Caller, group: Group, comment: str) -> None:
        """Take note of everything in a group at once.

        Raises:
            ProblemError: 409 nothing left to acknowledge.
        """
        unseen = [a for a in mirror.members(session, group) if a.handling == "new"]
        if not unseen:
            raise conflict("alarms.group_acknowledged")
        for alarm in unseen:
            self.acknowledge(session, caller, alarm.id, comment)

    # --- many -----------------------------------------------------------------------------------------

    def acknowledge_many(
        self, session: Session, caller: Caller, ids: Sequence[int], comment: str
    ) -> tuple[list[int], list[tuple[int, ProblemError]]]:
        """Acknowledge what can be; each refusal says why. Nothing half-done: each alarm is a savepoint of its own."""
        return self._each(session, ids, lambda alarm_id: self.acknowledge(session, caller, alarm_id, comment))

    def close_many(
        self, session: Session, caller: Caller, ids: Sequence[int], cause: str, comment: str
    ) -> tuple[list[int], list[tuple[int, ProblemError]]]:
        """Close the groups of these alarms with one cause, where that is safe: not for critical ones, which are looked
        at one by one, and not where something still stands or is unseen.
        """
        done_groups: set[int] = set()

        def close(alarm_id: int) -> None:
            alarm = get(session, caller, alarm_id)
            group = group_of(session, caller, alarm)
            if group.id in done_groups or alarm.handling == "closed":
                return
            if group.priority == 1:
                raise conflict("alarms.close_critical_alone")
            self.act(session, caller, group, CLOSE, cause=cause, comment=comment)
            done_groups.add(group.id)

        return self._each(session, ids, close)

    def _each(
        self, session: Session, ids: Iterable[int], act: Callable[[int], object]
    ) -> tuple[list[int], list[tuple[int, ProblemError]]]:
        done: list[int] = []
        refused: list[tuple[int, ProblemError]] = []
        for alarm_id in dict.fromkeys(ids):
            try:
                with session.begin_nested():
                    act(alarm_id)
                done.append(alarm_id)
            except ProblemError as problem:
                refused.append((alarm_id, problem))
        return done, refused

    def note_silenced(self, session: Session, caller: Caller, alarms: Sequence[Alarm], reason: str) -> None:
        """Who shelves alarms or takes them out of service has taken note of them."""
        for alarm in alarms:
            self.acknowledge(session, caller, alarm.id, reason)


def get(session: Session, caller: Caller, alarm_id: int) -> Alarm:
    """One alarm, 404 when it is not the caller's to see."""
    alarm: Alarm | None = session.scalar(
        caller.scoped(select(Alarm).where(Alarm.id == alarm_id), Alarm.enterprise_id)
    )
    if alarm is None:
        raise not_found("alarms.alarm", alarm_id)
    return alarm


def group_of(session: Session, caller: Caller, alarm: Alarm) -> Group:
    """The group an alarm is handled in, where this caller may handle it.

    Raises:
        ProblemError: 409 it was never announced; 409 the group concerns several enterprises: the zone handles it.
    """
    group = None if alarm.group_id is None else session.get(Group, alarm.group_id)
    if group is None:
        raise conflict("alarms.no_case")
    if not caller.may_see_enterprise(group.enterprise_id):
        raise conflict("alarms.group_of_the_zone")
    return group
