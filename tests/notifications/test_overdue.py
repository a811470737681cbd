"""A handover that is late or missing is told once: to the leaving shift and to whoever answers for the desk's post."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from tests.duty.kit import START, Watch
from tests.notifications.kit import Bell

from parksight.duty.models import Shift
from parksight.duty.service import DutyService
from parksight.notifications.from_duty import DutyNotices
from parksight.notifications.models import InboxItem, NoticeRow

DAY, EVENING = 1, 4  # the members of crews A and D: on watch 08:00-16:00 and 16:00-24:00 on the first day


def told(bell: Bell) -> list[tuple[str, int, str]]:
    """(standing, person, reason) in order."""
    with bell.db.read() as session:
        rows = session.execute(
            select(NoticeRow.kind, InboxItem.user_id, InboxItem.why)
            .join(NoticeRow, NoticeRow.id == InboxItem.notice_id)
            .where(NoticeRow.kind.like("duty.handover.%"))
            .order_by(InboxItem.id)
        )
        return [(kind.rpartition(".")[2], user, why["key"].rpartition(".")[2]) for kind, user, why in rows]


def look_at(bell: Bell, minutes: float, duty: DutyService | None = None) -> int:
    """Let the platform look so many minutes after 08:00."""
    when: datetime = START + timedelta(minutes=minutes)
    bell.clock.advance((when - bell.clock.now()).total_seconds())
    return (duty or bell.watch.duty).remind()


def manned(bell: Bell) -> Watch:
    bell.watch.rota(bell.watch.desk())
    return bell.watch


def test_late_then_missing_each_once_also_after_a_restart(bell: Bell) -> None:
    watch = manned(bell)
    assert look_at(bell, 8 * 60 + 14) == 0, "within the time of grace"
    assert look_at(bell, 8 * 60 + 15) == 1
    late = [("late", DAY, "your_shift"), ("late", EVENING, "desk")]
    assert told(bell) == late
    assert look_at(bell, 8 * 60 + 16) == 0
    again = DutyService(watch.db, watch.clock, watch.settings, "Asia/Shanghai")
    DutyNotices(bell.room.notifier).attach(again.hooks)
    look_at(bell, 12 * 60, again)
    assert told(bell) == late, "what an earlier process told is not told again, however long ago"
    look_at(bell, 16 * 60 + 1, again)
    assert told(bell)[2:] == [("missing", DAY, "your_shift"), ("missing", 3, "desk")], (
        "who is on watch by then"
    )
    [item] = [i for i in bell.inbox(DAY) if "missing" in i["title"]]
    assert item["title"] == "The handover of Day at Command centre is missing"


def test_a_shift_that_was_handed_over_in_time_troubles_nobody(bell: Bell) -> None:
    manned(bell)
    with bell.db.session() as session:
        first = session.scalars(select(Shift).order_by(Shift.starts_at)).first()
        assert first is not None
        first.state = "handed_over"
    assert look_at(bell, 8 * 60 + 20) == 0
    assert told(bell) == []
