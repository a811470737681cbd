"""The language of rules: what it takes, what it says of what it does not take, and that nothing else ever happens."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.alarms.evaluation.plain import PlainRule, Told
from tests.alarms.kit import NOW, columns

from parksight.alarms.evaluation import Evaluator, RuleRow, compile_rules
from parksight.alarms.expressions import ExpressionError, Node, Reference, parse, references
from parksight.alarms.schemas import RuleIn
from parksight.kernel.i18n import has

A, B = Reference("code", "A"), Reference("kind", "pump.state")


def test_points_are_named_three_ways() -> None:
    node = parse("self > [E001.TK03 LEVEL] or {pump.state} == 0 and self < 2")
    assert references(node) == [Reference("self"), Reference("code", "E001.TK03 LEVEL"), B]


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("self + 2 * 3 > 1", "(self + (2 * 3)) > 1"),
        ("not self > 1 and [A] > 2 or true", "((not (self > 1)) and ([A] > 2)) or true"),
        ("-self * 2 - 3 - 4 < 0", "((((-self) * 2) - 3) - 4) < 0"),
        ("self / 2 / 2 > 1e-3", "((self / 2) / 2) > .001"),
    ],
)
def test_operators_bind_as_in_arithmetic(text: str, same: str) -> None:
    def shape(node: Node) -> Any:
        return (node.op, node.value, node.reference, [shape(c) for c in node.children])

    assert shape(parse(text)) == shape(parse(same))


@pytest.mark.parametrize(
    ("text", "code", "position"),
    [
        ("", "ends_early", 0), ("self >", "ends_early", 6), ("self > 3)", "unexpected", 8), ("(self > 3", "ends_early", 9),
        ("self ? 3", "character", 5), ("self > [A", "unclosed", 7), ("self > [ ]", "empty_point", 7),
        ("1 < self < 3", "chained", 9), ("self > 1 + (self > 2)", "want_number", 17), ("self and true", "want_truth", 0),
        ("not self", "want_truth", 4), ("import os", "unknown_word", 0), ("self.__class__", "character", 4),
        ("max()", "unexpected", 4), ("abs(self, 2) > 1", "arguments", 0), ("min(self [A])", "expected", 9),
        ("1 + 1", "no_point", 0), ("self > 1e999", "number", 7), ("self > 1; self", "character", 8),
        ("self > 3 self", "unexpected", 9), ("or", "unexpected", 0), ("max(self > 1, 2) > 1", "want_number", 9),
        ("(" * 30 + "self" + ")" * 30, "too_deep", 24), ("self+" * 400 + "self", "too_long", 2000),
        ("+".join(f"[P{i}]" for i in range(17)), "too_many_points", 0), ("- " * 40 + "self", "too_deep", 48),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_place(text: str, code: str, position: int) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert (caught.value.code, caught.value.position) == (f"alarms.expression.{code}", position)
    assert has(caught.value.code, "zh-CN")
    assert has(caught.value.code, "en")


@settings(max_examples=400, deadline=None)
@given(
    text=st.one_of(
        st.text(max_size=80), st.text("self [A]{k}()+-*/<>=!andornotmixbsg.,0123e \n", max_size=60)
    )
)
@example("__import__('os').system('true')")
@example("self\x00> 1")
def test_any_text_is_an_expression_or_a_named_mistake(text: str) -> None:
    try:
        node = parse(text)
    except ExpressionError as error:
        assert 0 <= error.position <= max(len(text), 1)
        assert has(error.code)
    else:
        assert references(node)


NUMBERS = st.one_of(st.just("self"), st.just("[A]"), st.integers(0, 9).map(str), st.just("0.5"))


def _deeper(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    two = st.tuples(inner, st.sampled_from(("+", "-", "*", "/")), inner).map(
        lambda p: f"({p[0]} {p[1]} {p[2]})"
    )
    several = st.tuples(st.sampled_from(("min", "max", "avg")), st.lists(inner, min_size=1, max_size=3))
    return st.one_of(
        two,
        inner.map(lambda x: f"-{x}"),
        inner.map(lambda x: f"abs({x})"),
        several.map(lambda p: f"{p[0]}({', '.join(p[1])})"),
    )


AMOUNTS = st.recursive(NUMBERS, _deeper, max_leaves=8)
COMPARED = st.one_of(
    st.tuples(AMOUNTS, st.sampled_from(("<", "<=", ">", ">=", "==", "!=")), AMOUNTS).map(" ".join),
    st.sampled_from(("good([A])", "true", "false")),
)
CONDITIONS = st.recursive(
    COMPARED,
    lambda c: st.one_of(
        c.map(lambda x: f"not ({x})"),
        st.tuples(c, st.sampled_from(("and", "or")), c).map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
    ),
    max_leaves=6,
)
READING = st.one_of(st.sampled_from((0.0, 1.0, -2.0, 0.5, 7.0)), st.just(math.nan))


@settings(max_examples=300, deadline=None)
@given(text=CONDITIONS, own=READING, other=READING)
def test_the_machine_computes_what_the_tree_says(text: str, own: float, other: float) -> None:
    text = f"({text}) or self != self"  # every expression names a point
    on = {"on_delay_s": 0.0, "off_delay_s": 0.0, "priority": 1}
    row = RuleRow(
        1, 1, 1, {"signal": {"kind": "expression", "text": text}, "on": on}, 10.0, inputs={A: (2, 10.0)}
    )
    e = Evaluator(compile_rules([row]), NOW)
    e.on_tick(columns([(2, NOW, other, 0), (1, NOW, own, 0)]), NOW)
    history = {p: [Told(NOW, None if math.isnan(v) else v, v, 0)] for p, v in ((1, own), (2, other))}
    expected = PlainRule(row, history, {1: 30_000, 2: 30_000}).value(parse(text), NOW, None)
    assert bool(e.standing()) == (expected == 1.0)


def test_a_rule_with_a_wrong_expression_is_refused_with_the_character() -> None:
    signal = {"kind": "expression", "text": "self > 1 and or"}
    with pytest.raises(ValueError, match="character 14"):
        RuleIn.model_validate({"point": "P", "definition": {"signal": signal, "on": {"priority": 1}}})
