"""The delay ledger: every minute and working day of a case belongs to exactly one holder."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.cases.kit import CHINA, START, Zone

from parksight.cases.ledger import working_days
from parksight.cases.models import Span
from parksight.cases.timing import Timing
from parksight.kernel.calendar import ZoneCalendar

TIMING = Timing(ZoneCalendar(), CHINA)


@given(st.lists(st.integers(0, 5 * 1440), min_size=1, max_size=10))
@settings(max_examples=200)
def test_working_days_of_holders_add_up_to_those_of_the_case(lengths: list[int]) -> None:
    spans, at = [], START
    for n, minutes in enumerate(lengths):
        until = at + timedelta(minutes=minutes)
        spans.append(Span(case_id=1, holder_kind="user", holder_key=str(n), state="s", since=at, until=until))
        at = until
    parts = working_days(TIMING, spans, at)
    whole = Span(case_id=1, holder_kind="zone", holder_key="", state="s", since=START, until=at)
    assert sum(parts) == working_days(TIMING, [whole], at)[0]
    first = START.astimezone(CHINA).date()
    days = [first + timedelta(days=d) for d in range(1, (at.astimezone(CHINA).date() - first).days + 1)]
    assert sum(parts) == sum(ZoneCalendar().is_working_day(d) for d in days)


def test_the_account_of_a_case_and_of_many(trial: Zone) -> None:
    case_id = trial.open()
    trial.minutes(30)
    trial.act("operator", case_id, "assign", fields={"to_user": trial.ids["safety"]})
    trial.minutes(40)
    trial.act("safety", case_id, "accept")
    trial.minutes(2 * 1440)
    trial.act("safety", case_id, "fix", fields={"measure": "已修复"})
    trial.minutes(5)
    account = trial.as_("leader").get(f"/api/v1/cases/{case_id}/ledger").json()
    held = {(h["holder"]["kind"], h["holder"]["name"]): h["minutes"] for h in account["holders"]}
    assert held == {("role", "值班员"): 30, ("user", "safety"): 2920, ("user", "planner"): 5}
    assert account["minutes"] == 2955
    assert account["working_days"] == 2
    assert [s["state"] for s in account["spans"]] == ["reported", "assigned", "fixing", "fixed"]
    trial.act("safety2", case_id, "verify")
    trial.minutes(600)
    assert trial.as_("leader").get(f"/api/v1/cases/{case_id}/ledger").json()["minutes"] == 2955
    # A window cuts spans off at its ends.
    start, end = START + timedelta(minutes=10), START + timedelta(minutes=50)
    window = {"start": start.isoformat(), "end": end.isoformat()}
    whole = trial.as_("leader").get("/api/v1/cases/ledger", params=window).json()
    assert {h["holder"]["key"]: h["minutes"] for h in whole["holders"]} == {
        "duty_operator": 20, str(trial.ids["safety"]): 20,
    }  # fmt: skip
    assert trial.as_("boss1").get("/api/v1/cases/ledger", params=window).json()["holders"] == []
