"""Whatever is inserted, late, twice, marked, compacted, reopened: answers equal those of the naive model."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.telemetry.store.kit import (
    DAY,
    HOUR,
    MIDNIGHT,
    SHANGHAI,
    Model,
    Row,
    as_dict,
    close_enough,
    columns,
    open_store,
    same,
    steady,
    tuples,
)

from parksight.telemetry.store import compaction, merging

POINTS = [1, 2, 3, 70_000]
WIDTHS = [7_000, 60_000, 90_000, 300_000, HOUR, 6 * HOUR, DAY, 3 * DAY]
SPAN = 4 * DAY

values = st.one_of(
    st.integers(-5000, 5000).map(lambda k: k / 100),
    st.floats(-1e12, 1e12, allow_nan=False),
    st.just(float("nan")),
)
qualities = st.builds(
    lambda code, flags: code | flags, st.integers(0, 6), st.sampled_from([0, 0x10, 0x40, 0x90])
)
# Times on a coarse grid, so that the same point and time come again.
times = st.one_of(
    st.integers(0, SPAN // 20_000 - 1).map(lambda i: MIDNIGHT + i * 20_000),
    st.integers(0, 200).map(lambda i: MIDNIGHT + DAY - 100_000 + i * 1000),
)
rows = st.lists(
    st.tuples(st.sampled_from(POINTS), times, values, qualities, st.integers(0, SPAN).map(lambda d: MIDNIGHT + d)),
    min_size=1, max_size=40,
)  # fmt: skip
spans = st.tuples(times, st.integers(0, 2 * DAY)).map(lambda s: (s[0], s[0] + s[1]))
steps = st.one_of(
    st.tuples(st.just("rows"), rows),
    st.tuples(st.just("series"), st.sampled_from(POINTS), times, st.sampled_from([5_000, 60_000])),
    st.tuples(st.just("mark"), st.sampled_from(POINTS), spans, st.integers(0, 6)),
    st.tuples(st.just("compact"), st.integers(0, 8)),
    st.tuples(st.just("reopen")),
)


@pytest.mark.parametrize("timezone", [SHANGHAI, "Asia/Kolkata"])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plan=st.lists(steps, min_size=2, max_size=10), spans_asked=st.lists(spans, min_size=2, max_size=3))
def test_answers_equal_the_model(
    timezone: str, plan: list[tuple[Any, ...]], spans_asked: list[tuple[int, int]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _run(Path(folder), timezone, plan, spans_asked)


def _run(
    folder: Path, timezone: str, plan: list[tuple[Any, ...]], spans_asked: list[tuple[int, int]]
) -> None:
    model = Model(timezone)
    store = open_store(folder, timezone)
    try:
        for step in plan:
            match step:
                case ("rows", listed):
                    model.append(columns(listed))
                    store.append(columns(listed))
                case ("series", point, start, period):
                    block = steady([point], start, 300, period)
                    model.append(block)
                    store.append(block)
                case ("mark", point, (start, end), code):
                    assert store.mark(point, start, end, code) == model.mark(point, start, end, code)
                case ("compact", days):
                    store.compact(MIDNIGHT + days * DAY)
                case ("reopen",):
                    store.close()
                    store = open_store(folder, timezone)
        _compare(store, model, spans_asked)
        # Once more after everything was merged into one segment a day.
        store.compact(MIDNIGHT + 20 * DAY)
        store.compact(MIDNIGHT + 21 * DAY)
        assert store.stats()["segments"] == store.stats()["partitions"]
        _compare(store, model, spans_asked)
    finally:
        store.close()


def _compare(store: Any, model: Model, spans_asked: list[tuple[int, int]]) -> None:
    for start, end in [*spans_asked, (MIDNIGHT - DAY, MIDNIGHT + SPAN + DAY)]:
        expected = model.raw(POINTS, start, end)
        assert same(tuples(store.raw(POINTS, start, end)), expected)
        assert same(tuples(store.raw(POINTS, start, end, limit=7)), expected[:7])
        assert same(tuples(store.raw([2], start, end)), model.raw([2], start, end))
        streamed: list[Row] = sorted(r for part in store.raw_by_day(POINTS, start, end) for r in tuples(part))
        assert same(streamed, expected)
        if end > start:
            for width in WIDTHS:
                found = as_dict(store.buckets(POINTS, start, end, width))
                assert close_enough(found, model.buckets(POINTS, start, end, width)), width
    newest = {p: (o, v, q, r) for p, o, v, q, r in tuples(store.last())}
    for point in POINTS:
        assert (point in newest) == any(p == point for p, _ in model.rows)
        if point in newest:
            at, *rest = newest[point]
            assert same([(point, at, *rest)], [(point, at, *model.rows[(point, at)])])


def test_small_chunks_of_a_merge_give_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "CHUNK_ROWS", 50)
    monkeypatch.setattr(merging, "_ROLL_BUFFER", 10)
    monkeypatch.setattr(compaction, "FLUSH_ROWS", 100)
    model, store = Model(), open_store(tmp_path)
    for i in range(5):
        block = steady(range(1, 12), MIDNIGHT + i * 150_000, 40, 5_000)
        model.append(block)
        store.append(block)
        store.compact(MIDNIGHT + HOUR)
    store.compact(MIDNIGHT + 3 * DAY)
    assert store.stats()["segments"] == 1
    points = list(range(1, 12))
    assert same(tuples(store.raw(points, 0, 2**41)), model.raw(points, 0, 2**41))
    for width in (60_000, HOUR, DAY):
        found = as_dict(store.buckets(points, MIDNIGHT, MIDNIGHT + DAY, width))
        assert close_enough(found, model.buckets(points, MIDNIGHT, MIDNIGHT + DAY, width))
    store.close()
