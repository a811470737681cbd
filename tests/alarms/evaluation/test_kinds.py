"""Each kind of rule against its plain explanation, however the stream is cut and whenever the process restarts."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.alarms.evaluation.plain import PlainWatch, Row
from tests.alarms.kit import NOW, columns

from parksight.alarms.evaluation import Evaluator, RuleRow, Transitions, compile_rules, memory, rule_of
from parksight.alarms.expressions import Reference
from parksight.alarms.kernels import CLEARED, CONFIRMED, DOUBTED, RAISED
from parksight.alarms.models import STEPS

WORDS = {RAISED: "raised", CLEARED: "cleared", DOUBTED: "doubted", CONFIRMED: "confirmed"}
#: All rows come in before this, so that nothing is capped or too old.
LATE = NOW + 3_600_000
OTHERS = {Reference("code", "A"): (2, 10.0), Reference("code", "B"): (3, 10.0)}

VALUES = st.one_of(
    st.sampled_from((0.0, 1.0, 2.0, 3.0, 5.0)), st.integers(-4, 12).map(float), st.just(float("nan"))
)
QUALITIES = st.sampled_from((0, 0, 0, 0, 1, 2, 3, 4, 5, 0x80, 0x42))
ROWS = st.lists(st.tuples(st.integers(1, 3), st.integers(-4, 15), VALUES, QUALITIES), min_size=1, max_size=40)
DELAYS = {
    "on_delay_s": st.sampled_from((0.0, 0.0, 2.0)),
    "off_delay_s": st.sampled_from((0.0, 0.0, 3.0)),
    "priority": st.just(2),
}
ON = st.fixed_dictionaries(DELAYS).map(lambda step: {"on": step})
TRUTHS = (
    "self > 2", "self > [A]", "[A] >= 1 and self < 5 or [B] == 0", "not ([A] > 2)", "good([A]) and self != 1",
    "abs(self - avg([A], [B])) > 1.5", "self / [A] > 1 or max([A], [B], 3) == min(self, 4)", "-self < [B] * 2 - 3",
)  # fmt: skip
TRUTH = st.sampled_from(TRUTHS)
AGE = st.sampled_from((None, None, 5.0))


def limits(*values: float) -> st.SearchStrategy[dict[str, Any]]:
    lowest, low, high, highest = values
    step = st.fixed_dictionaries({**DELAYS, "deadband": st.sampled_from((0.0, 0.5))})
    named = [("ll", lowest), ("l", low), ("h", high), ("hh", highest)]
    return st.lists(st.sampled_from(named), min_size=1, unique=True).flatmap(
        lambda chosen: st.tuples(*(step for _ in chosen)).map(
            lambda steps: {n: {**s, "limit": v} for (n, v), s in zip(chosen, steps, strict=True)}
        )
    )


def signal(kind: str, **parts: Any) -> st.SearchStrategy[dict[str, Any]]:
    made = {k: v if isinstance(v, st.SearchStrategy) else st.just(v) for k, v in parts.items()}
    return st.fixed_dictionaries({"kind": st.just(kind), **made})


BASELINE = st.sampled_from(
    ({"how": "given", "mean": 2.0, "sigma": 1.5}, {"how": "learned", "readings": 10, "least_sigma": 0.5})
)
KINDS: dict[str, tuple[st.SearchStrategy[dict[str, Any]], st.SearchStrategy[dict[str, Any]]]] = {
    "rate": (signal("rate", window_s=st.sampled_from((4.0, 10.0)), per_s=st.sampled_from((1.0, 60.0)), absolute=st.booleans()), limits(-3, -0.5, 0.5, 3)),
    "deviation": (signal("deviation", other=st.sampled_from(("[A]", "[A] * 2 - [B]")), relative=st.booleans(), absolute=st.booleans(), max_age_s=AGE), limits(-2, -1, 1, 4)),
    "flat": (signal("flat", tolerance=st.sampled_from((0.0, 1.0)), after_s=st.sampled_from((3.0, 8.0))), ON),
    "range": (signal("range", low=st.sampled_from((None, 1.0)), high=st.sampled_from((None, 4.0))), ON),
    "state": (signal("state", values=st.sampled_from(([1.0], [2.0, 3.0]))), ON),
    "change": (signal("change", before=st.sampled_from(([], [1.0])), after=st.sampled_from(([], [2.0, 0.0])), hold_s=st.sampled_from((2.0, 6.0))), ON),
    "truth": (signal("expression", text=TRUTH, max_age_s=AGE), ON),
    "number": (signal("expression", text=st.sampled_from(("self - [A]", "avg(self, [A], [B])", "max(self, 2) * [B] / [A]")), max_age_s=AGE), limits(-2, 0, 2, 6)),
    "vote": (signal("vote", least=st.integers(1, 3), voters=st.lists(TRUTH, min_size=3, max_size=4), bad=st.sampled_from(("unknown", "trips", "drops", "degrades")), max_age_s=AGE), ON),
    "count": (signal("count", when=TRUTH, least=st.integers(1, 4), window_s=st.sampled_from((3.0, 20.0)), every_reading=st.booleans(), max_age_s=AGE), ON),
    "ewma": (signal("ewma", weight=st.sampled_from((0.2, 1.0)), baseline=BASELINE), limits(-3, -1, 1, 3)),
    "cusum": (signal("cusum", slack=st.sampled_from((0.0, 0.5)), direction=st.sampled_from(("up", "down", "both")), baseline=BASELINE),
              limits(1, 2, 3, 4).filter(lambda d: not {"l", "ll"} & d.keys())),
    "suspect": (signal("suspect", bad=st.booleans(), findings=[], hold_s=60.0), ON),
}  # fmt: skip


@st.composite
def rule_rows(draw: st.DrawFn, kind: str) -> list[RuleRow]:
    made, steps = KINDS[kind]
    out = []
    for number in range(1, draw(st.integers(1, 3)) + 1):
        chosen = {k: v for k, v in draw(made).items() if v is not None}
        definition = {"signal": chosen, **draw(steps)}
        conversions = {Reference("code", "A"): (2.0, 1.0)} if draw(st.booleans()) else {}
        out.append(
            RuleRow(number, 1, 1, definition, 10.0, low=0.0, high=3.0, inputs=OTHERS, conversions=conversions)
        )
    return out


def told(batches: list[Transitions | None]) -> dict[tuple[int, str], list[tuple[str, int]]]:
    """What happened to each step, in order."""
    out: dict[tuple[int, str], list[tuple[str, int]]] = defaultdict(list)
    for batch in batches:
        if batch is not None:
            for key, step, what, at in zip(batch.key, batch.step, batch.what, batch.at, strict=True):
                out[rule_of(int(key)), STEPS[step]].append((WORDS[int(what)], int(at)))
    return out


def stream(draw_rows: list[tuple[int, int, float, int]]) -> list[Row]:
    """Times go on, with steps back now and then: some rows are older than their point's newest."""
    at, out = NOW, []
    for point, ahead, value, quality in draw_rows:
        at += ahead * 1000 if ahead > 0 else 0
        out.append((point, at + min(ahead, 0) * 1000, value, quality))
    return out


@pytest.mark.parametrize("kind", sorted(KINDS))
@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data(), rows=ROWS)
def test_a_kind_is_what_its_plain_explanation_says(
    kind: str, data: st.DataObject, rows: list[tuple[int, int, float, int]], tmp_path: Path
) -> None:
    rules = data.draw(rule_rows(kind))
    readings = stream(rows)
    expected: dict[tuple[int, str], list[tuple[str, int]]] = defaultdict(list)
    for rule, step, what, at in PlainWatch(rules).on_rows(readings):
        expected[rule, step].append((what, at))

    plan = compile_rules(rules)
    whole = Evaluator(plan, NOW, 10**12)
    assert told([whole.on_tick(columns(readings), LATE)]) == expected, "in one batch"

    cuts = sorted(data.draw(st.lists(st.integers(0, len(readings)), max_size=4)))
    parts = Evaluator(plan, NOW, 10**12)
    happened = []
    for first, last in zip([0, *cuts], [*cuts, len(readings)], strict=True):
        happened.append(parts.on_tick(columns(readings[first:last]), LATE))
    assert told(happened) == expected, "cut into ticks"

    process = Evaluator(plan, NOW, 10**12)
    happened = []
    for first, last in zip([0, *cuts], [*cuts, len(readings)], strict=True):
        happened.append(process.on_tick(columns(readings[first:last]), LATE))
        memory.write(tmp_path / "state.npz", process.snapshot())
        process = Evaluator(compile_rules(rules), LATE, 10**12)
        kept = memory.read(tmp_path / "state.npz")
        assert kept is not None
        process.resume(kept)
    assert told(happened) == expected, "across restarts"


def test_an_operation_that_computes_something_else_begins_anew() -> None:
    def rule(window: float) -> RuleRow:
        s = {"kind": "rate", "window_s": window, "per_s": 1.0, "absolute": False}
        h = {"limit": 1.0, "deadband": 0.0, "on_delay_s": 0.0, "off_delay_s": 0.0, "priority": 1}
        return RuleRow(1, 1, 1, {"signal": s, "h": h}, 1.0)

    e = Evaluator(compile_rules([rule(4.0)]), NOW, 10**12)
    e.on_tick(columns([(1, NOW, 0.0, 0), (1, NOW + 2000, 1.0, 0)]), LATE)
    e.replace(compile_rules([rule(8.0)]), LATE)
    assert e.on_tick(columns([(1, NOW + 4000, 100.0, 0)]), LATE) is None, "its window is empty again"
    assert e.on_tick(columns([(1, NOW + 8000, 200.0, 0)]), LATE) is not None


def test_memory_is_bounded_by_the_rules_whatever_comes_in() -> None:
    count = {"kind": "count", "when": "self > 0", "least": 500, "window_s": 86_400.0, "every_reading": True}
    rate = {"kind": "rate", "window_s": 86_400.0, "per_s": 1.0, "absolute": False}
    step = {"on_delay_s": 0.0, "off_delay_s": 0.0, "priority": 1}
    h = {"h": {**step, "limit": 1e9, "deadband": 0.0}}
    rules = [
        RuleRow(1, 1, 1, {"signal": count, "on": step}, 1.0),
        RuleRow(2, 1, 1, {"signal": rate, **h}, 1.0),
    ]
    e = Evaluator(compile_rules(rules), NOW, 10**12)
    before = sum(column.nbytes for column in e.snapshot().state)
    rows = [(1, NOW + i, float(i), 0) for i in range(5_000)]
    e.on_tick(columns(rows), LATE)
    assert sum(column.nbytes for column in e.snapshot().state) == before
    assert int(np.max(e.snapshot().state.whole[:, 1])) == 500
