"""Escalation by the clock: in order, once, through restarts and down-time."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import func, select
from tests.cases.kit import CHINA, TRIAL, Zone

from parksight.cases.models import CaseEvent
from parksight.cases.neighbours import NoticeTeller
from parksight.cases.requests import Owner
from parksight.kernel.settings import Settings
from parksight.notifications.chains import Chains
from parksight.notifications.models import InboxItem, NoticeRow
from parksight.notifications.service import Notifier
from parksight.notifications.words import spoken


def _told(zone: Zone, name: str) -> list[str]:
    return [m.text for m in zone.teller.to(zone.ids[name]) if "assigned" not in m.text]


def _run(zone: Zone) -> None:
    while zone.escalator.run_once():
        pass


def test_rungs_fire_in_their_order_and_once(trial: Zone) -> None:
    case_id = trial.open("leader", owner=Owner(user_id=trial.ids["safety"]))
    trial.act("operator", case_id, "assign", fields={"to_user": trial.ids["safety"]})
    for _ in range(3):
        _run(trial)
    assert _told(trial, "safety") == []
    trial.minutes(80)
    for _ in range(3):
        _run(trial)
    assert _told(trial, "safety") == ["cases.tell.warned"]
    trial.minutes(20)
    _run(trial)
    assert _told(trial, "safety") == ["cases.tell.warned", "cases.tell.overdue"]
    assert _told(trial, "operator") == ["cases.tell.overdue"]
    trial.minutes(50)
    _run(trial)
    assert _told(trial, "leader") == ["cases.tell.overdue"]
    escalated = [e for e in trial.history(case_id) if e.what == "escalated"]
    assert [e.late for e in escalated] == [False, False, False]
    assert trial.teller.to(trial.ids["leader"])[-1].priority == 1


def test_after_down_time_all_is_made_up_in_order_with_one_message(trial: Zone, tmp_path: Path) -> None:
    first = trial.open(owner=Owner(user_id=trial.ids["safety"]))
    trial.minutes(10)
    second = trial.open(owner=Owner(user_id=trial.ids["safety"]))
    for case_id in (first, second):
        trial.act("operator", case_id, "assign", fields={"to_user": trial.ids["safety"]})
    # The process is gone; a new one finds the records and the clock ten hours later.
    after = Zone(trial.url, tmp_path, TRIAL)
    after.ids = trial.ids
    after.clock.advance(10 * 60 + 10 * 3600)
    _run(after)
    assert [m.text for m in after.teller.to(after.ids["safety"])] == ["cases.tell.several"]
    assert after.teller.to(after.ids["leader"])[0].params["count"] == 2
    with after.db.read() as session:
        entries = session.scalars(
            select(CaseEvent).where(CaseEvent.what == "escalated").order_by(CaseEvent.id)
        ).all()
    assert [e.occurred_at for e in entries] == sorted(e.occurred_at for e in entries)
    assert {e.late for e in entries} == {True}
    said = len(after.teller.said)
    _run(after)
    assert len(after.teller.said) == said
    assert after.verdict().sound
    after.close()


def test_a_message_that_cannot_be_queued_leaves_the_rung_to_the_next_look(trial: Zone) -> None:
    case_id = trial.open(owner=Owner(user_id=trial.ids["safety"]))
    trial.minutes(81)
    working = trial.outside.teller

    class Full:
        def tell(self, session: object, message: object) -> None:
            raise OSError("disk full")

    trial.outside.teller = Full()  # type: ignore[assignment]
    with pytest.raises(OSError, match="disk full"):
        _run(trial)
    assert [r.fired_at for r in trial.rungs(case_id)] == [None] * 4
    trial.outside.teller = working
    _run(trial)
    assert _told(trial, "operator") == ["cases.tell.warned"]  # reported: the operator holds it


def test_two_processes_share_the_work(trial: Zone, tmp_path: Path) -> None:
    cases = [trial.open() for _ in range(20)]
    trial.minutes(101)
    other = Zone(trial.url, tmp_path, TRIAL)
    other.ids = trial.ids
    other.clock.advance(101 * 60)
    threads = [threading.Thread(target=_run, args=(z,)) for z in (trial, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    told = [c for z in (trial, other) for m in z.teller.to(trial.ids["operator"]) for c in m.cases]
    assert sorted(set(told)) == sorted(cases)
    with trial.db.read() as session:
        fired = session.scalar(
            select(func.count()).select_from(CaseEvent).where(CaseEvent.what == "escalated")
        )
    assert fired == 40  # the yellow and the red rung of each
    assert trial.verdict().sound
    other.close()


def test_closing_and_pausing_keep_rungs_from_firing(trial: Zone) -> None:
    case_id = trial.open(owner=Owner(user_id=trial.ids["safety"]))
    trial.act("leader", case_id, "cancel", comment="误报")
    waiting = trial.open()
    trial.act("operator", waiting, "assign", fields={"to_user": trial.ids["safety"]})
    trial.act("safety", waiting, "accept")
    trial.act("safety", waiting, "fix", fields={"measure": "已修复"})
    trial.minutes(5000)
    _run(trial)
    assert _told(trial, "safety") == []


def test_the_deputy_of_an_absent_owner_is_told(trial: Zone) -> None:
    case_id = trial.open()
    trial.act("operator", case_id, "assign", fields={"to_user": trial.ids["safety"]})
    trial.absent("safety", "safety2")
    trial.minutes(81)
    _run(trial)
    assert (_told(trial, "safety"), _told(trial, "safety2")) == ([], ["cases.tell.warned"])


def test_people_read_it_in_their_inbox_with_the_reason(trial: Zone) -> None:
    rules = Settings(data_dir=trial.folder).notifications
    trial.outside.teller = NoticeTeller(Notifier(trial.clock, rules, Chains(rules, CHINA)))
    case_id = trial.open()
    trial.act("operator", case_id, "assign", fields={"to_user": trial.ids["safety"]})
    trial.minutes(81)
    _run(trial)
    with trial.db.read() as session:
        rows = session.scalars(select(InboxItem).where(InboxItem.user_id == trial.ids["safety"])).all()
        titles = [spoken(session.get_one(NoticeRow, r.notice_id).title, "zh-CN") for r in rows]
    number = trial.case(case_id).number
    assert titles == [f"{number} 交您办理：井盖缺失", f"{number} 即将超期：井盖缺失"]
    assert "升级规则第 1 级" in spoken(rows[1].why, "zh-CN")
