"""Stored days through old and new rules: the figures of a change, the preview of a draft, limits and cancelling."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert
from tests.alarms.kit import NOW, columns
from tests.alarms.rules.kit import STEP, Desk, limit, person

from parksight.alarms.evaluation import Evaluator, RuleRow, compile_rules
from parksight.alarms.models import Alarm
from parksight.alarms.tuning.confirmed import Confirmed, Judged
from parksight.alarms.tuning.replay import replay
from parksight.alarms.tuning.result import sentence, summarise
from parksight.alarms.tuning.spans import Collector, Span
from parksight.kernel.settings import AlarmSettings
from parksight.telemetry.protocols import Columns

ANNA, BO = person(1), person(2)
HOUR = 3_600


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.close()


def day_with_peaks(desk: Desk, point: int, peaks: list[tuple[float, float]]) -> None:
    """A day before NOW, a reading each ten seconds, 20 but for peaks (begin in s after the day's begin, length in s)."""
    values = [20.0] * 8_640
    for begin, length in peaks:
        for i in range(int(begin // 10), int((begin + length) // 10)):
            values[i] = 50.0
    desk.keep(point, -86_400, 10, values)


def wait(desk: Desk, job: dict[str, Any], seconds: float = 400) -> dict[str, Any]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found: dict[str, Any] = desk.ask(ANNA, "GET", f"/tuning/{job['id']}")
        if found["state"] not in ("waiting", "running"):
            return found
        time.sleep(0.05)
    raise AssertionError("the replay does not end")


def confirm(desk: Desk, rule: int, raised_s: float, cleared_s: float, cause: str = "real") -> None:
    """An alarm that was closed with a cause."""

    def at(seconds: float) -> datetime:
        return datetime.fromtimestamp(NOW / 1000 - 86_400 + seconds, UTC)

    row = {
        "point_id": 1, "rule_id": rule, "rule_version": 1, "step": "H", "priority": 2, "raised_at": at(raised_s),
        "recorded_at": at(raised_s), "value": 50.0, "limit": 40.0, "quality": 0, "condition": "cleared",
        "cleared_at": at(cleared_s), "handling": "closed", "cause": cause,
    }  # fmt: skip
    with desk.watch.db.session() as session:
        session.execute(insert(Alarm), [row])


def test_the_figures_of_a_change(desk: Desk) -> None:
    flicker = [(HOUR + 600 * i, 10) for i in range(41)]
    day_with_peaks(desk, 1, [*flicker, (10 * HOUR, 600), (12 * HOUR, 900)])
    rule = desk.rule(1, limit(40))
    confirm(desk, rule["id"], 10 * HOUR, 10 * HOUR + 600)
    confirm(desk, rule["id"], 12 * HOUR, 12 * HOUR + 900)
    confirm(desk, rule["id"], HOUR, HOUR + 10, "nuisance")
    draft = {"h": {**STEP, "limit": 40, "priority": 2, "on_delay_s": 35}}
    body = {"rule_id": rule["id"], "rule": {"point_id": 1, "definition": draft}, "days": 1}
    job = desk.ask(ANNA, "POST", "/tuning", body, 202)
    done = wait(desk, job)
    result = done["result"]
    assert done["state"] == "done", done
    assert (result["before"]["alarms"], result["after"]["alarms"], result["fewer"]) == (43, 2, 41)
    assert (result["confirmed"], result["missed"], result["confirmed_known"]) == (2, 0, True)
    assert (result["later"], result["later_s"]) == (2, [35.0, 35.0])
    assert (result["rows"], result["coverage"]) == (8_640, 1.0)
    shifted = [d for d in result["differences"] if d["what"] == "shifted"]
    assert [(d["shift_s"], d["confirmed"]) for d in shifted] == [(35.0, True), (35.0, True)]
    assert sum(d["what"] == "removed" for d in result["differences"]) == result["differences_total"] - 2 == 41
    assert result["text"] == "报警减少 41 条，已确认事件 2 起，无漏报，2 起最多推迟 35 秒。"

    asked = {"rule_id": rule["id"], "base_version": 1, "reason": "抖动", "tuning_id": job["id"],
             "rule": {"point_id": 1, "definition": draft}}  # fmt: skip
    proposal = desk.ask(ANNA, "POST", "/proposals", asked, 201)
    assert (proposal["tuning"]["fewer"], proposal["tuning"]["missed"]) == (41, 0)
    shown = desk.ask(BO, "GET", f"/proposals/{proposal['id']}")["tuning"]
    assert (shown["text"], shown["differences"]) == (
        done["result"]["text"],
        done["result"]["differences"][:100],
    )
    assert [p["code"] for p in shown["points"]] == ["P001"]
    listed = desk.ask(BO, "GET", "/proposals")["items"][0]["tuning"]
    assert "differences" not in listed
    assert listed["fewer"] == 41

    deaf = {**body, "rule": {"point_id": 1, "definition": limit(60)}}
    result = wait(desk, desk.ask(ANNA, "POST", "/tuning", deaf, 202))["result"]
    assert (result["fewer"], result["missed"]) == (43, 2)
    assert "漏报 2 起" in result["text"]


def test_a_new_rule_has_no_before_and_nothing_confirmed_says_so(desk: Desk) -> None:
    day_with_peaks(desk, 1, [(HOUR, 60)])
    body = {"rule": {"point_id": 1, "definition": limit(40)}, "days": 1}
    result = wait(desk, desk.ask(ANNA, "POST", "/tuning", body, 202))["result"]
    assert (result["before"], result["after"]["alarms"], result["confirmed_known"]) == (None, 1, False)
    assert "无法判断" in result["text"]


def test_a_preview_shows_spans_suppression_and_problems(desk: Desk) -> None:
    day_with_peaks(desk, 1, [(20 * HOUR, 600), (22 * HOUR, 300)])
    values = [1.0] * 8_640
    values[21 * 360 :] = [0.0] * len(values[21 * 360 :])
    desk.keep(3, -86_400, 10, values)
    rule = {"point_id": 1, "definition": limit(40), "suppression": "[P003] == 0"}
    found = desk.ask(ANNA, "POST", "/preview", {"rule": rule, "hours": 12})
    assert [(s["raised_at"] - NOW) // 1000 + 86_400 for s in found["spans"]] == [20 * HOUR, 22 * HOUR]
    assert [s["suppressed"] for s in found["spans"]] == [False, True]
    assert (found["total"], found["spans"][0]["value"], found["rows"]) == (2, 50.0, 2 * 4_320)
    broken = {
        "point_id": 1,
        "definition": {"signal": {"kind": "expression", "text": "{pump} > 1"}, "on": {"priority": 1}},
    }
    found = desk.ask(ANNA, "POST", "/preview", {"rule": broken})
    assert (found["rows"], found["points"], len(found["problems"])) == (0, [], 1)
    too_much = {
        "rule": {"code": "X", "target": {"kind": "class", "quantity": "temperature"}, "definition": limit(1)},
        "hours": 168,
    }
    desk.tuning.settings = AlarmSettings(preview_rows=1_000)
    assert desk.ask(ANNA, "POST", "/preview", too_much, 422)["code"] == "alarms.tuning.too_much"


def test_replays_wait_are_limited_and_can_be_cancelled(desk: Desk) -> None:
    class Slow:
        """The store of the desk, held up until the gate opens."""

        def __init__(self, store: Any) -> None:
            self.gate = threading.Event()
            self._store = store

        def raw(self, points: Any, start: int, end: int, limit: int | None = None) -> Columns:
            self.gate.wait(30)
            found: Columns = self._store.raw(points, start, end, limit)
            return found

    slow = Slow(desk.store)
    desk.tuning.store = slow
    desk.tuning.settings = AlarmSettings(tuning_waiting=1)
    body = {"rule": {"point_id": 1, "definition": limit(40)}, "days": 90}
    first = desk.ask(ANNA, "POST", "/tuning", body, 202)
    while desk.ask(ANNA, "GET", f"/tuning/{first['id']}")["state"] == "waiting":
        time.sleep(0.02)
    second = desk.ask(ANNA, "POST", "/tuning", body, 202)
    assert desk.ask(ANNA, "POST", "/tuning", body, 409)["code"] == "alarms.tuning.busy"
    assert desk.ask(ANNA, "DELETE", f"/tuning/{second['id']}")["state"] == "cancelled"
    desk.ask(ANNA, "DELETE", f"/tuning/{first['id']}")
    slow.gate.set()
    assert wait(desk, first)["state"] == "cancelled"
    assert [j["state"] for j in desk.ask(BO, "GET", "/tuning")] == ["cancelled", "cancelled"]
    stranger = person(5, "safety_officer", 2)
    desk.ask(stranger, "GET", f"/tuning/{first['id']}", None, 404)
    not_done = {"rule": body["rule"], "reason": "x", "tuning_id": first["id"]}
    assert desk.ask(ANNA, "POST", "/proposals", not_done, 409)["code"] == "alarms.tuning.not_done"


class Kept:
    """Rows in memory, given out as the store does: by point, then time."""

    def __init__(self, rows: Columns) -> None:
        self.rows = rows

    def raw(self, points: Any, start: int, end: int, limit: int | None = None) -> Columns:
        inside = (
            (self.rows.observed_at >= start)
            & (self.rows.observed_at < end)
            & np.isin(self.rows.point, points)
        )
        order = np.lexsort((self.rows.observed_at, self.rows.point))
        order = order[inside[order]]
        return Columns(*(getattr(self.rows, n)[order] for n in Columns.__slots__))


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.integers(1, 2), st.integers(0, 7_200), st.sampled_from((0.0, 30.0, 45.0, 55.0))),
        max_size=60,
    ),
    on=st.sampled_from((0.0, 30.0, 600.0)),
)
def test_a_replay_raises_what_the_live_evaluation_raised(
    rows: list[tuple[int, int, float]], on: float
) -> None:
    definition = {
        "h": {**STEP, "limit": 40.0, "deadband": 2.0, "on_delay_s": on, "priority": 2},
        "stale": {"factor": 4.0, "priority": 4},
    }  # fmt: skip
    rules = [RuleRow(1, 1, p, definition, 60.0) for p in (1, 2)]
    rows = sorted({(t, p): (p, t, v) for p, t, v in rows}.values(), key=lambda r: (r[1], r[0]))
    stored = columns([(p, NOW + 1000 * t, v, 0) for p, t, v in rows])
    begin, end = NOW - 86_400_000, NOW + 7_300_000
    live = Evaluator(compile_rules(rules), begin, 10**15)
    seen = Collector(NOW)
    at, second = 0, begin
    while second < end:  # fmt: skip
        last = at
        while last < len(rows) and stored.observed_at[last] <= second:
            last += 1
        part = Columns(*(getattr(stored, n)[at:last] for n in Columns.__slots__))
        seen.add(b for b in (live.on_tick(part, second), live.on_second(second)) if b is not None)
        at = last
        # Between readings nothing but delays, silence and patience can end: look often enough near them.
        quiet = at == len(rows) or stored.observed_at[at] - second > 2_000
        second += (
            1000 if not quiet or second > NOW - 2_000 else 1_000 * max(1, (NOW - 2_000 - second) // 1000)
        )
    expected = [(s.point, s.step, s.raised_at, s.cleared_at) for s in seen.finish(end)]
    found = replay(Kept(stored), [rules, rules], NOW, end, 0, lambda _: True)
    for spans in found.spans:
        assert [(s.point, s.step, s.raised_at, s.cleared_at) for s in spans] == expected


def span(raised: int, cleared: int | None, step: int = 1, point: int = 1) -> Span:
    return Span(point, step, 2, raised * 1000, 50.0, 40.0, None if cleared is None else cleared * 1000)


def test_one_long_alarm_for_many_short_ones_is_fewer_and_misses_nothing() -> None:
    short = [span(0, 10), span(20, 30), span(40, 50)]
    judged = Judged([Confirmed(1, 1, 20_000, 30_000)], any_judged=True)
    result = summarise(short, [span(0, 60)], judged, 100_000, 1, 1.0)
    assert (result.fewer, result.missed, result.later_s) == (2, 0, [])
    assert sentence(result, "en") == "2 fewer alarms, no confirmed event missed (of 1)."


def test_another_step_is_the_same_event_and_a_standing_one_lasts_until_now() -> None:
    judged = Judged([Confirmed(1, 1, 5_000, None)], any_judged=True)
    result = summarise([span(5, None)], [span(12, None, step=0)], judged, 100_000, 1, 1.0)
    assert (result.fewer, result.missed, result.later, result.later_s) == (0, 0, 1, [7.0])
    assert result.after.minutes == pytest.approx(88 / 60, abs=0.05)
