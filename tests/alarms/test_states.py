"""No sequence of readings, people and time reaches an illegal state, loses an alarm or leaves a hole in the journal."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import select
from tests.alarms.kit import NOW, Watch, caller, step

from parksight.alarms.lifecycle import FOLLOWS, is_open, state_of
from parksight.alarms.models import CAUSES, HANDLINGS, STATES, Alarm, Group, JournalEntry, Suppression
from parksight.alarms.models.words import WHATS
from parksight.alarms.view import state
from parksight.cases.models import Case
from parksight.kernel.errors import ProblemError

_CONDITION = {
    "raised": "active", "repeated": "active", "known": "active", "unknown": "unknown", "cleared": "cleared",
    "withdrawn": "cleared",
}  # fmt: skip


@pytest.mark.parametrize("suppressed", [None, "chattering", "shelved", "by_design", "out_of_service"])
@pytest.mark.parametrize("latching", [False, True])
@pytest.mark.parametrize("acknowledged", [False, True])
@pytest.mark.parametrize("condition", ["active", "unknown", "cleared"])
def test_every_combination_has_one_state_of_the_standard(
    condition: str, acknowledged: bool, latching: bool, suppressed: str | None
) -> None:
    word = state_of(condition, acknowledged=acknowledged, suppressed=suppressed, latching=latching)
    assert word in STATES
    if suppressed in (None, "chattering"):
        expected = {
            ("cleared", True): "LATCH_ACK" if latching else "NORM",
            ("cleared", False): "LATCH_UNACK" if latching else "RTNUN",
        }
        assert word == expected.get((condition, acknowledged), "ACKED" if acknowledged else "UNACK")


def test_a_latched_alarm_is_open_until_it_is_reset(watch: Watch) -> None:
    body = {
        "code": "L",
        "target": {"kind": "point", "point_id": 1},
        "definition": {"h": step(40)},
        "latching": True,
    }
    assert watch.http.post("/api/v1/alarm-rules", json=body).status_code == 201
    watch.service.recompile()
    watch.clock.advance(10)
    watch.feed((1, 1, 50.0), (1, 2, 0.0))
    watch.alarms()
    watch.who = caller("duty_operator")
    seen = watch.http.post("/api/v1/alarms/1/acknowledge", json={}).json()
    assert (seen["state"], seen["open"]) == ("LATCH_ACK", True)
    closing = watch.http.post("/api/v1/alarms/1/close", json={"cause": "real"})
    assert closing.json()["code"] == "alarms.close_latched"
    assert watch.http.post("/api/v1/alarms/1/reset", json={}).json()["state"] == "NORM"
    assert watch.http.post("/api/v1/alarms/1/close", json={"cause": "real"}).json()["open"] is False
    assert watch.http.post("/api/v1/alarms/1/reset", json={}).status_code == 409


def test_handling_goes_no_way_the_declaration_does_not_know(watch: Watch) -> None:
    declared = watch.cases.types.find("alarms.handling")
    for source, targets in FOLLOWS.items():
        if source == "suppressed":
            continue
        ways = {t.target for t in declared.out_of(source)} - {"<same>", "<previous>", "merged"}
        assert ways - {"acknowledged"} == targets - {"acknowledged"}, source


class Desk(RuleBasedStateMachine):
    """Three alarms of one unit and one elsewhere; readings, people and time in any order."""

    @initialize()
    def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.watch = Watch(f"sqlite:///{Path(self.folder.name) / 'records.sqlite'}")
        self.watch.furnish(8)
        self.watch.rule(
            1, h=step(40, priority=1), hh=step(60, priority=1), stale={"factor": 3, "priority": 4}
        )
        self.watch.rule(3, h=step(40, priority=3))
        self.watch.rule(2, l=step(-40, priority=4))
        self.watch.service.start()
        self.watch.clock.advance(60)
        self.watch.who = caller("administrator", name="李值班")
        self.seen: set[int] = set()

    def teardown(self) -> None:
        if hasattr(self, "watch"):
            self.watch.close()
            self.folder.cleanup()

    @rule(
        point=st.sampled_from((1, 2, 3)),
        value=st.sampled_from((-50.0, 0.0, 50.0, 70.0)),
        quality=st.sampled_from((0, 0, 0, 2)),
    )
    def reads(self, point: int, value: float, quality: int) -> None:
        at = (self.watch.clock.now_ms() - NOW) / 1000
        self.watch.feed((point, at, value, quality))

    @rule(seconds=st.sampled_from((1, 20, 400, 7300)))
    def time_passes(self, seconds: int) -> None:
        self.watch.second(seconds)
        self.watch.service.recorder.tidy()

    def _ids(self) -> list[int]:
        return [a.id for a in self.watch.alarms()]

    def _post(self, path: str, **body: Any) -> None:
        answer = self.watch.http.post(f"/api/v1/alarms/{path}", json=body)
        assert answer.status_code in (200, 201, 404, 409, 422), answer.text

    @precondition(lambda self: self.watch.alarms())
    @rule(pick=st.integers(0, 30), what=st.sampled_from(("acknowledge", "verify", "respond", "reset")))
    def handles(self, pick: int, what: str) -> None:
        ids = self._ids()
        self._post(f"{ids[pick % len(ids)]}/{what}", comment="手工")

    @precondition(lambda self: self.watch.alarms())
    @rule(pick=st.integers(0, 30), cause=st.sampled_from(CAUSES), what=st.sampled_from(("classify", "close")))
    def judges(self, pick: int, cause: str, what: str) -> None:
        ids = self._ids()
        self._post(f"{ids[pick % len(ids)]}/{what}", cause=cause)

    @precondition(lambda self: self.watch.alarms())
    @rule(
        pick=st.integers(0, 30),
        what=st.sampled_from(("shelve", "unshelve", "out-of-service", "return-to-service")),
    )
    def silences(self, pick: int, what: str) -> None:
        ids = self._ids()
        body = {
            "shelve": {"reason": "检修", "minutes": 30},
            "out-of-service": {"reason": "检修", "reference": "W1", "hours": 1},
        }
        self._post(f"{ids[pick % len(ids)]}/{what}", **body.get(what, {}))

    @precondition(lambda self: self.watch.alarms())
    @rule(
        pick=st.integers(0, 30), what=st.sampled_from(("acknowledge", "verify", "respond", "reopen", "close"))
    )
    def works_on_the_case_page(self, pick: int, what: str) -> None:
        ids = self._ids()
        with self.watch.db.read() as session:
            group = session.get(Group, session.get_one(Alarm, ids[pick % len(ids)]).group_id or 0)
        if group is None or group.case_id is None:
            return
        try:
            with self.watch.db.session() as session:
                fields = {"cause": "real"} if what == "close" else {}
                self.watch.cases.act(
                    session, self.watch.who, group.case_id, what, fields=fields, comment="处置单"
                )
        except ProblemError as problem:
            assert problem.status in (403, 404, 409, 422), problem

    @precondition(lambda self: self.watch.alarms())
    @rule(a=st.integers(0, 30), b=st.integers(0, 30))
    def regroups(self, a: int, b: int) -> None:
        ids = self._ids()
        with self.watch.db.read() as session:
            one, other = (session.get_one(Alarm, ids[i % len(ids)]) for i in (a, b))
        if one.group_id is None or other.group_id is None:
            return
        if one.group_id == other.group_id:
            self._post(f"groups/{one.group_id}/split", alarm_ids=[one.id], reason="另一原因")
        else:
            self._post(f"groups/{one.group_id}/merge", group_ids=[other.group_id], reason="同一原因")

    @rule()
    def restarts(self) -> None:
        self.watch.service.stop()
        self.watch.service = self.watch.make_service()
        self.watch.service.start()

    @invariant()
    def nothing_illegal(self) -> None:
        if not hasattr(self, "watch"):
            return
        rows = {a.id: a for a in self.watch.alarms()}
        assert self.seen <= rows.keys(), "an alarm vanished"
        self.seen = set(rows)
        with self.watch.db.read() as session:
            groups = {g.id: g for g in session.scalars(select(Group))}
            cases = {c.id: c.state for c in session.scalars(select(Case))}
            entries: dict[int, list[str]] = {}
            for entry in session.scalars(select(JournalEntry).order_by(JournalEntry.id)):
                assert entry.what in WHATS
                entries.setdefault(entry.alarm_id, []).append(entry.what)
            running = list(session.scalars(select(Suppression).where(Suppression.ended_at.is_(None))))
        for a in rows.values():
            self._row(a, groups, entries[a.id])
        for g in groups.values():
            self._group(g, cases, [a for a in rows.values() if a.group_id == g.id])
        assert all(s.until_at is not None or s.kind in ("by_design", "chattering") for s in running)
        listed = self.watch.http.get("/api/v1/alarms", params={"limit": 1000, "end": 1}).json()["items"]
        still = {
            i
            for i, a in rows.items()
            if is_open(a.condition, a.handling, latching=a.latching, reset=a.reset_at is not None)
        }
        assert {a["id"] for a in listed} == still, "an open alarm is listed whatever the window"

    def _row(self, a: Alarm, groups: dict[int, Group], whats: list[str]) -> None:
        assert state(a) in STATES
        assert a.handling in HANDLINGS
        assert (a.condition == "cleared") == (a.cleared_at is not None)
        assert (a.handling == "closed") == (a.closed_at is not None)
        assert a.handling != "closed" or a.cause in CAUSES
        assert (a.handling == "suppressed") <= (a.annunciated_at is None)
        assert whats[0] == "raised"
        assert [_CONDITION[w] for w in whats if w in _CONDITION][-1] == a.condition, (
            "the journal says what is"
        )
        if a.group_id is not None and a.handling != "suppressed":
            group = groups[a.group_id]
            assert group.merged_into_id is None
            assert (group.handling == "closed") == (a.handling == "closed")
            assert a.handling in ("new", "closed", group.handling) or group.handling == "new"
        if a.annunciated_at is not None:
            assert a.group_id is not None, "what was announced is handled somewhere"

    def _group(self, g: Group, cases: dict[int, str], members: list[Alarm]) -> None:
        assert g.case_id is not None
        expected = "merged" if g.merged_into_id is not None else g.handling
        assert cases[g.case_id] == expected, "both pages agree"
        assert g.size == len(members)
        if members:
            first = min(members, key=lambda a: (a.raised_at, a.id))
            assert g.priority == min(a.priority for a in members)
            assert g.opened_at <= first.raised_at


TestDesk = Desk.TestCase
TestDesk.settings = settings(
    max_examples=12,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # a step takes too long to shrink by the thousand
)
