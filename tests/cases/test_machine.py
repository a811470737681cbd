"""Any sequence of people, clicks and time: no illegal state, no lost history, no gap in the ledger, nothing told twice."""

from __future__ import annotations

import itertools
import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule
from tests.cases.kit import TRIAL, Zone

from parksight.cases.models import Case
from parksight.cases.types import Declared
from parksight.kernel.errors import ProblemError

_PEOPLE = st.sampled_from(["operator", "safety", "safety2", "leader", "planner", "boss1", "worker1", "boss2"])
_WAYS = st.sampled_from([t.code for t in Declared(TRIAL).type.transitions])
_DECLARED = Declared(TRIAL)


class Engine(RuleBasedStateMachine):
    cases = Bundle("cases")

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        folder = Path(self._folder.name)
        self.zone = Zone(f"sqlite:///{folder / 'records.sqlite'}", folder, TRIAL)
        self.zone.furnish()
        self.seen: dict[int, list[str]] = {}
        self.extension: dict[int, int] = {}

    @initialize(target=cases)
    def first(self) -> int:
        return self.zone.open("planner")

    @rule(target=cases, who=_PEOPLE, house=st.sampled_from([None, 1, 2]))
    def open(self, who: str, house: int | None) -> object:
        try:
            return self.zone.open(who, enterprise_id=house)
        except ProblemError as error:
            assert error.status in (403, 404)
            return multiple()

    @rule(case_id=cases, who=_PEOPLE, way=_WAYS, to=_PEOPLE, minutes=st.integers(1, 90), late=st.booleans())
    def act(self, case_id: int, who: str, way: str, to: str, minutes: int, late: bool) -> None:
        before = self.zone.case(case_id)
        values: dict[str, object] = {}
        if way in ("assign", "transfer"):
            values = {"to_user": self.zone.ids[to]}
        elif way == "fix":
            values = {"measure": "已修复"}
        elif way == "ask-extension":
            values = {"clock": "fix", "minutes": minutes}
        elif way in ("grant-extension", "refuse-extension"):
            values = {"extension": self.extension.get(case_id, 1)}
        occurred = self.zone.clock.now() - timedelta(minutes=5) if late else None
        try:
            after = self.zone.act(who, case_id, way, fields=values, comment="说明", occurred_at=occurred)
        except ProblemError as error:
            assert error.status in (403, 404, 409, 422), error
            now = self.zone.case(case_id)
            assert (now.state, now.version, now.head_hash) == (before.state, before.version, before.head_hash)
            return
        transition = _DECLARED.transitions[way]
        assert before.state in transition.sources
        assert after.version == before.version + 1
        if transition.target not in ("<same>", "<previous>"):
            assert after.state == transition.target
        entry = self.zone.history(case_id)[-1]
        if way == "ask-extension":
            self.extension[case_id] = _detail(entry.body)["extension"]
        for barred in transition.not_by:
            doers = {
                i for e in self.zone.history(case_id)[:-1] if e.transition == barred for i in (e.by_id, e.for_id)
            } - {None}  # fmt: skip
            assert not doers & {entry.by_id, entry.for_id}

    @rule(case_id=cases, who=_PEOPLE)
    def comment(self, case_id: int, who: str) -> None:
        try:
            with self.zone.db.session() as session:
                self.zone.service.comment(session, self.zone.who(who), case_id, "看过")
        except ProblemError as error:
            assert error.status in (403, 404)

    @rule(minutes=st.sampled_from([1, 20, 60, 200, 1440]))
    def time_passes(self, minutes: int) -> None:
        self.zone.minutes(minutes)

    @rule()
    def escalate(self) -> None:
        while self.zone.escalator.run_once():
            pass

    @rule(who=st.sampled_from(["safety", "planner"]), deputy=st.sampled_from(["safety2", "leader"]))
    def leave(self, who: str, deputy: str) -> None:
        self.zone.absent(who, deputy, days=1)

    @invariant()
    def histories_hold_and_lose_nothing(self) -> None:
        verdict = self.zone.verdict()
        assert verdict.sound, verdict.text
        for case_id in range(1, verdict.checked + 1):
            hashes = [e.hash for e in self.zone.history(case_id)]
            known = self.seen.get(case_id, [])
            assert hashes[: len(known)] == known
            self.seen[case_id] = hashes

    @invariant()
    def every_moment_has_one_holder(self) -> None:
        with self.zone.db.read() as session:
            cases = session.query(Case).all()
        for case in cases:
            assert case.state in _DECLARED.states
            assert _DECLARED.states[case.state].phase == case.phase
            spans = self.zone.spans(case.id)
            assert spans[0].since == case.opened_at
            closings = 0
            for a, b in itertools.pairwise(spans):
                assert a.until is not None
                assert a.until <= b.since
                closings += a.until != b.since
            assert closings <= case.reopened
            assert spans[-1].until == case.closed_at
            total = sum(((s.until or self.zone.clock.now()) - s.since for s in spans), timedelta())
            if not case.reopened:
                assert total == (case.closed_at or self.zone.clock.now()) - case.opened_at

    @invariant()
    def nothing_is_told_twice(self) -> None:
        told = Counter((m.key, r) for m in self.zone.teller.said for r in m.recipients)
        assert max(told.values(), default=0) <= 1

    def teardown(self) -> None:
        self.zone.close()
        self._folder.cleanup()


def _detail(body: str) -> dict[str, int]:
    import json

    return json.loads(body)["detail"]  # type: ignore[no-any-return]


Engine.TestCase.settings = settings(
    max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
TestEngine = Engine.TestCase
