"""People know better what belongs together: splitting and merging groups, with the reason in the history."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from parksight.alarms.events import GroupsChanged
from parksight.alarms.flow.announcer import Announcer
from parksight.alarms.flow.housekeeping import entry
from parksight.alarms.handling.mirror import members
from parksight.alarms.models import Alarm, Group, JournalEntry
from parksight.alarms.workflow import MERGE
from parksight.cases.requests import LinkTo
from parksight.cases.service import CaseService
from parksight.kernel import audit
from parksight.kernel.clock import Clock
from parksight.kernel.db import emit
from parksight.kernel.errors import conflict, not_found
from parksight.kernel.permissions import Caller


class GroupService:
    """
    Args:
        announcer: makes records of groups; its desk opens the case of a group that was split off.
        cases: the engine; None where there are no cases (command line, small tests).
    """

    def __init__(self, clock: Clock, announcer: Announcer, cases: CaseService | None) -> None:
        self.clock = clock
        self.announcer = announcer
        self.cases = cases

    def split(
        self, session: Session, caller: Caller, group_id: int, ids: Sequence[int], reason: str
    ) -> Group:
        """Alarms that do not belong to a group make one of their own, with its own case.

        Raises:
            ProblemError: 404 not there or not theirs; 409 closed, strangers among them, or nothing left.
        """
        group = get(session, caller, group_id)
        self._open(group)
        mine = members(session, group)
        leaving = [a for a in mine if a.id in set(ids)]
        if len(leaving) != len(set(ids)):
            raise conflict("alarms.split_strangers")
        if len(leaving) == len(mine):
            raise conflict("alarms.split_all")
        now = self.clock.now()
        found = self.announcer.found(session, leaving, now)
        self._move(session, caller, leaving, group, found, reason, "split")
        self.announcer.recount(session, group, [a for a in mine if a not in leaving])
        if self.cases is not None and group.case_id is not None and found.case_id is not None:
            self.cases.link(session, caller, found.case_id, LinkTo("related", group.case_id))
        audit.record(
            session, caller, action="alarms.group.split", subject=("alarm_group", group.id),
            after={"group": found.id, "alarms": sorted(a.id for a in leaving), "reason": reason},
        )  # fmt: skip
        emit(
            session, GroupsChanged(what="split", ids=(group.id, found.id), enterprise_id=group.enterprise_id)
        )
        return found

    def merge(
        self, session: Session, caller: Caller, group_id: int, others: Sequence[int], reason: str
    ) -> Group:
        """Groups with the same cause become one; the cases of the others are closed as part of its case.

        Raises:
            ProblemError: 404 not there or not theirs; 409 closed, or merged with itself.
        """
        group = get(session, caller, group_id)
        self._open(group)
        joining = [get(session, caller, other) for other in dict.fromkeys(others)]
        if any(other.id == group.id for other in joining):
            raise conflict("alarms.merge_itself")
        for other in joining:
            self._open(other)
            self._move(session, caller, members(session, other), other, group, reason, "merged")
            other.merged_into_id, other.size = group.id, 0
            if self.cases is not None and other.case_id is not None and group.case_id is not None:
                self.cases.link(session, caller, other.case_id, LinkTo("duplicate_of", group.case_id))
                self.cases.act(session, caller, other.case_id, MERGE, comment=reason)
            else:
                other.handling, other.closed_at = "closed", self.clock.now()
        self.announcer.recount(session, group, members(session, group))
        audit.record(
            session, caller, action="alarms.group.merge", subject=("alarm_group", group.id),
            after={"merged": [o.id for o in joining], "reason": reason},
        )  # fmt: skip
        ids = (group.id, *(o.id for o in joining))
        emit(session, GroupsChanged(what="merged", ids=ids, enterprise_id=group.enterprise_id))
        return group

    def _open(self, group: Group) -> None:
        if group.handling == "closed":
            raise conflict("alarms.group_closed", id=group.id)

    def _move(
        self, session: Session, caller: Caller, alarms: Sequence[Alarm], source: Group, target: Group, reason: str,
        why: str,
    ) -> None:  # fmt: skip
        now = self.clock.now()
        for alarm in alarms:
            alarm.group_id = target.id
            if alarm.handling not in ("new", "suppressed"):
                alarm.handling = target.handling if target.handling != "new" else "acknowledged"
        rows = [
            entry(
                a,
                "moved",
                now,
                caller,
                comment=reason,
                detail={"from": source.id, "group": target.id, "why": why},
            )
            for a in alarms
        ]
        if rows:
            session.execute(insert(JournalEntry), rows)
        session.flush()


def get(session: Session, caller: Caller, group_id: int) -> Group:
    """One group, 404 when it is not the caller's to see; one of several enterprises is the zone's."""
    group: Group | None = session.scalar(
        caller.scoped(select(Group).where(Group.id == group_id), Group.enterprise_id)
    )
    if group is None:
        raise not_found("alarms.group", group_id)
    return group
