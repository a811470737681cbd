"""What the engine refuses, counts and remembers."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from tests.cases.kit import START, Zone

from parksight.cases.declaration import GRANT_EXTENSION
from parksight.cases.events import CaseClosed, CaseMoved, CasesOpened, CasesOverdue
from parksight.cases.models import Case, CaseClock, ClockPlan, Extension
from parksight.cases.requests import LinkTo, NewCase, Origin, Owner, Party, Subject
from parksight.kernel.errors import ProblemError
from parksight.kernel.permissions import SYSTEM


def _assigned(trial: Zone, to: str = "safety") -> int:
    case_id = trial.open()
    trial.act("operator", case_id, "assign", fields={"to_user": trial.ids[to]})
    return case_id


def _fixed(trial: Zone, by: str = "safety") -> int:
    case_id = _assigned(trial, by)
    trial.act(by, case_id, "accept")
    trial.act(by, case_id, "fix", fields={"measure": "已修复"})
    return case_id


def test_who_fixed_may_not_verify_not_even_through_a_deputy(trial: Zone) -> None:
    case_id = _fixed(trial)
    with pytest.raises(ProblemError) as refused:
        trial.act("safety", case_id, "verify")
    assert (refused.value.code, refused.value.status) == ("cases.refused.separation", 403)
    assert trial.offers("safety", case_id)["verify"] is False
    # A deputy who is otherwise entitled to verify may still not do it as the one who fixed.
    assert trial.act("safety2", case_id, "verify").state == "closed"


def test_what_a_deputy_fixed_neither_the_deputy_nor_the_absent_owner_may_verify(trial: Zone) -> None:
    case_id = _assigned(trial)
    trial.act("safety", case_id, "accept")
    assert "fix" not in {t for t, may in trial.offers("safety2", case_id).items() if may}
    trial.absent("safety", "safety2")
    trial.act("safety2", case_id, "fix", fields={"measure": "代为修复"})
    entry = trial.history(case_id)[-1]
    assert (entry.by_id, entry.for_id) == (trial.ids["safety2"], trial.ids["safety"])
    for name in ("safety", "safety2"):
        with pytest.raises(ProblemError, match=r"refused\.separation"):
            trial.act(name, case_id, "verify")
    assert trial.verdict().sound


def test_an_accepted_deputy_acts_only_while_the_owner_is_away(trial: Zone) -> None:
    case_id = _assigned(trial)
    trial.absent("safety", "planner", days=1)
    assert trial.offers("planner", case_id)["accept"]
    trial.minutes(25 * 60)
    with pytest.raises(ProblemError, match=r"refused\.who"):
        trial.act("planner", case_id, "accept")


def test_more_time_is_granted_by_another_and_keeps_the_old_plan(trial: Zone) -> None:
    case_id = _assigned(trial)
    with pytest.raises(ProblemError, match=r"extension\.measure"):
        trial.act("safety", case_id, "ask-extension", fields={"clock": "fix"}, comment="等配件")
    trial.act("safety", case_id, "ask-extension", fields={"clock": "fix", "minutes": 60}, comment="等配件")
    with trial.db.read() as session:
        request = session.scalars(select(Extension)).one()
    assert trial.offers("safety", case_id)[GRANT_EXTENSION] is False
    with pytest.raises(ProblemError, match=r"refused\.separation"):
        trial.act("safety", case_id, GRANT_EXTENSION, fields={"extension": request.id}, comment="好")
    trial.act("leader", case_id, GRANT_EXTENSION, fields={"extension": request.id}, comment="同意")
    with trial.db.read() as session:
        clock = session.scalars(select(CaseClock)).one()
        plans = session.scalars(select(ClockPlan).order_by(ClockPlan.plan)).all()
    assert clock.due_at == START + timedelta(minutes=160)
    assert [(p.plan, p.minutes, p.reason) for p in plans] == [(1, 100, ""), (2, 160, "等配件")]
    with pytest.raises(ProblemError, match="not_from_here"):
        trial.act("leader", case_id, GRANT_EXTENSION, fields={"extension": request.id}, comment="再次")


def test_a_pause_stops_the_clock_and_the_light(trial: Zone) -> None:
    case_id = _assigned(trial)
    trial.act("safety", case_id, "accept")
    trial.minutes(70)
    trial.act("safety", case_id, "fix", fields={"measure": "已修复"})
    trial.minutes(500)
    trial.escalator.run_once()
    page = trial.as_("safety").get(f"/api/v1/cases/{case_id}").json()
    assert (page["light"], page["clocks"][0]["used_minutes"]) == ("green", 70)
    trial.act("safety2", case_id, "reject", comment="没修好")
    trial.minutes(11)
    page = trial.as_("safety").get(f"/api/v1/cases/{case_id}").json()
    assert (page["light"], page["clocks"][0]["used_minutes"], page["returned"]) == ("yellow", 81, 1)
    trial.minutes(19)
    assert trial.as_("safety").get(f"/api/v1/cases/{case_id}").json()["light"] == "red"


def test_late_entries_are_labelled_and_only_where_allowed(trial: Zone) -> None:
    case_id = trial.open(occurred_at=START - timedelta(hours=3))
    assert trial.case(case_id).late
    trial.minutes(30)
    at = START + timedelta(minutes=1)
    with pytest.raises(ProblemError, match=r"cases\.late"):
        trial.act("operator", case_id, "assign", fields={"to_user": trial.ids["safety"]}, occurred_at=at)
    trial.act("operator", case_id, "assign", fields={"to_user": trial.ids["safety"]})
    trial.minutes(60)
    with pytest.raises(ProblemError, match="out_of_order"):
        trial.act("safety", case_id, "accept", occurred_at=START + timedelta(minutes=2))
    with pytest.raises(ProblemError, match="future"):
        trial.act("safety", case_id, "accept", occurred_at=START + timedelta(days=1))
    trial.act("safety", case_id, "accept", occurred_at=START + timedelta(minutes=40))
    entry = trial.history(case_id)[-1]
    assert entry.late
    assert entry.recorded_at - entry.occurred_at == timedelta(minutes=50)
    shown = trial.as_("safety").get(f"/api/v1/cases/{case_id}").json()["history"][-1]
    assert (shown["late"], shown["lag_s"]) == (True, 3000)


def test_a_queue_that_sends_twice_and_one_that_is_behind(trial: Zone) -> None:
    case_id = _assigned(trial)
    version = trial.case(case_id).version
    for _ in range(2):
        trial.act("safety", case_id, "accept", request_id="phone-00001", version=version)
    assert len(trial.history(case_id)) == 3
    body = {"transition": "fix", "fields": {"measure": "已修复"}, "version": version}
    answer = trial.as_("safety").post(f"/api/v1/cases/{case_id}/act", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "cases.changed")
    assert "safety" in str(answer.json())


def test_transfer_return_cancel_and_reopen(trial: Zone) -> None:
    case_id = _assigned(trial)
    trial.act("safety", case_id, "transfer", fields={"to_user": trial.ids["safety2"]}, comment="不归我管")
    trial.act("safety2", case_id, "accept")
    returned = trial.act("safety2", case_id, "return", comment="缺资料")
    assert (returned.state, returned.returned) == ("assigned", 1)
    with pytest.raises(ProblemError, match="comment_required"):
        trial.act("leader", case_id, "cancel")
    trial.act("leader", case_id, "cancel", comment="重复")
    assert (trial.case(case_id).state, trial.case(case_id).result) == ("cancelled", "cancelled")
    reopened = trial.act("leader", case_id, "reopen", comment="不是重复")
    assert (reopened.state, reopened.reopened, reopened.closed_at) == ("fixing", 1, None)
    assert trial.verdict().sound


def test_returning_twice_goes_back_the_way_it_came(trial: Zone) -> None:
    case_id = _assigned(trial)
    trial.act("safety", case_id, "accept")
    trial.act("safety", case_id, "return", comment="等")
    assert trial.act("safety", case_id, "return", comment="也不归我").state == "reported"


def test_enterprises_stay_apart(trial: Zone) -> None:
    mine, theirs = trial.open("boss1", enterprise_id=1), trial.open("boss2", enterprise_id=2)
    assert trial.as_("boss1").get("/api/v1/cases").json()["total"] == 1
    for path in ("", "/ledger", "/export"):
        assert trial.as_("boss1").get(f"/api/v1/cases/{theirs}{path}").status_code == 404
    with pytest.raises(ProblemError, match="not_found"):
        trial.open("boss1", enterprise_id=2)
    with pytest.raises(ProblemError, match="other_enterprise"):
        trial.act("operator", mine, "assign", fields={"to_enterprise": 2})
    with trial.db.session() as session, pytest.raises(ProblemError, match="other_enterprise"):
        trial.service.participate(
            session, trial.who("leader"), mine, Party("user", trial.ids["boss2"], "watcher")
        )
    with trial.db.session() as session:
        trial.service.link(session, trial.who("leader"), mine, LinkTo("related", theirs))
    assert trial.as_("boss1").get(f"/api/v1/cases/{mine}").json()["links"] == []
    with trial.db.session() as session, pytest.raises(ProblemError, match="not_found"):
        trial.service.link(session, trial.who("boss1"), mine, LinkTo("related", theirs))


def test_links_of_parents_do_not_run_in_a_circle(trial: Zone) -> None:
    a, b, c = (trial.open() for _ in range(3))
    with trial.db.session() as session:
        leader = trial.who("leader")
        trial.service.link(session, leader, a, LinkTo("parent", b))
        trial.service.link(session, leader, b, LinkTo("parent", c))
        with pytest.raises(ProblemError, match="link_circle"):
            trial.service.link(session, leader, c, LinkTo("parent", a))


def test_a_burst_of_a_thousand_opens_at_once_and_tells_each_person_once(trial: Zone) -> None:
    wishes = [
        NewCase(
            "cases.report", f"报警 {n}", enterprise_id=1, origin=Origin("alarms.group", str(n)), key=f"group:{n}",
            owner=Owner(post_id=1), subject=Subject("equipment", "1"), priority=2,
        )
        for n in range(1000)
    ]  # fmt: skip
    began = trial.clock.monotonic()
    with trial.db.session() as session:
        cases = trial.service.open_many(session, SYSTEM, wishes)
    assert began == trial.clock.monotonic()
    assert len({c.number for c in cases}) == 1000
    with trial.db.session() as session:
        again = trial.service.open_many(session, SYSTEM, wishes)
    assert [c.id for c in again] == [c.id for c in cases]
    assert len(trial.teller.said) == 1
    assert trial.teller.said[0].params["count"] == 1000
    assert len([e for e in trial.events if isinstance(e, CasesOpened)]) == 1
    assert trial.verdict().checked == 1000


def test_events_tell_of_moves_closing_and_lateness(trial: Zone) -> None:
    case_id = _fixed(trial)
    trial.act("safety2", case_id, "verify")
    moves = [e.transition for e in trial.events if isinstance(e, CaseMoved)]
    assert moves == ["assign", "accept", "fix", "verify"]
    closed = [e for e in trial.events if isinstance(e, CaseClosed)]
    assert [(e.case.id, e.result) for e in closed] == [(case_id, "done")]
    late = trial.open()
    trial.minutes(101)
    trial.escalator.run_once()
    overdue = [e for e in trial.events if isinstance(e, CasesOverdue)]
    assert [(e.clock, [c.id for c in e.cases]) for e in overdue] == [("fix", [late])]


def test_followers_move_with_the_case_or_stop_it(trial: Zone) -> None:
    heard: list[tuple[str, str, str]] = []

    def follow(_session: object, _caller: object, case: Case, transition: str, source: str) -> None:
        heard.append((case.state, transition, source))
        if transition == "accept":
            raise ProblemError("kernel.forbidden", 403, {"permission": "x"})

    trial.outside.follow("cases.report", follow)
    case_id = _assigned(trial)
    with pytest.raises(ProblemError):
        trial.act("safety", case_id, "accept")
    assert heard[0] == ("assigned", "assign", "reported")
    assert trial.case(case_id).state == "assigned"  # rolled back with the follower


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"nonsense": 1}, "unknown"), ({}, "required"), ({"measure": 7}, "kind"), ({"measure": "x"}, "limits"),
        ({"measure": "x" * 201}, "limits"), ({"measure": "a\x00b"}, "kind"),
    ],
)  # fmt: skip
def test_fields_are_held_to_their_declaration(trial: Zone, fields: dict[str, object], code: str) -> None:
    case_id = _assigned(trial)
    trial.act("safety", case_id, "accept")
    with pytest.raises(ProblemError, match=rf"cases\.field\.{code}"):
        trial.act("safety", case_id, "fix", fields=fields)


def test_an_escalation_can_be_armed_anew(trial: Zone) -> None:
    case_id = _assigned(trial)
    trial.minutes(81)
    trial.escalator.run_once()
    with trial.db.session() as session:
        trial.service.rearm(session, SYSTEM, case_id, "fix", "更严重")
    assert [r.step for r in trial.rungs(case_id) if not r.void and r.fired_at is None] == [-1, 1, 2]
    assert trial.verdict().sound
