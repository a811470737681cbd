"""The duplicate window against a plain dictionary."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.telemetry.kit import NOW, batch

from parksight.telemetry.catalogue import ACTIVE, empty
from parksight.telemetry.ingest.dedupe import Window
from parksight.telemetry.ingest.reasons import Reason
from parksight.telemetry.ingest.tick import Judge, Limits

LIMITS = Limits(300_000, 120_000, 86_400_000, 12.0)


def judge(rows: int) -> tuple[Judge, object]:
    points = empty(64)
    points.flags[1:] = ACTIVE
    points.known[1:] = 1
    return Judge(LIMITS, Window(rows, seed=12345)), points


ticks = st.lists(
    st.lists(st.tuples(st.integers(1, 8), st.integers(0, 40), st.sampled_from([1.0, 2.0])), max_size=40),
    max_size=12,
)


@given(ticks)
@settings(max_examples=150, deadline=None)
def test_within_the_window_verdicts_equal_a_dictionary(
    rows_by_tick: list[list[tuple[int, int, float]]],
) -> None:
    """All rows of the example fit into the window, so every verdict must be exact."""
    judged, points = judge(1_000)
    known: dict[tuple[int, int], float] = {}
    corrections = 0
    for rows in rows_by_tick:
        result = judged.judge(
            [batch([r[0] for r in rows], [NOW + r[1] for r in rows], [r[2] for r in rows], backfill=True)],
            points,
        )
        expected = []
        for point, at, value in rows:
            before = known.get((point, at))
            expected.append(before == value)
            if before != value:
                corrections += before is not None
                known[point, at] = value
        assert (result.verdict == Reason.DUPLICATE).tolist() == expected
        assert len(result.rows) == expected.count(False)
        assert result.notes.get("correction", 0) == corrections
        corrections = 0


@given(st.integers(16, 200), st.integers(1, 60), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_the_last_rows_are_always_known_and_memory_is_bounded(window: int, per_tick: int, seed: int) -> None:
    judged, points = judge(window)
    rng = np.random.default_rng(seed)
    stored: list[tuple[int, int]] = []
    for tick in range(12):
        at = NOW + tick * 1000 + rng.permutation(1000)[:per_tick]
        ids = rng.integers(1, 64, per_tick)
        judged.judge([batch(ids.tolist(), at.tolist(), 1.0)], points)
        stored += zip(ids.tolist(), at.tolist(), strict=True)
        last = stored[-min(window, len(stored)) :]
        again = [batch([p for p, _ in last], [t for _, t in last], 1.0, backfill=True)]
        assert (judged.judge(again, points).verdict == Reason.DUPLICATE).all()
    slots = len(judged.window.young) + len(judged.window.old)
    assert slots <= 4 * 2 ** (max(window, per_tick, 1 << 14) * 2).bit_length()


def test_rows_taken_back_are_new_again() -> None:
    judged, points = judge(100)
    rows = [batch([1, 2, 3], NOW, 5.0)]
    first = judged.judge(rows, points)
    judged.undo(first)
    assert (judged.judge(rows, points).verdict == Reason.STORED).all()
    assert (judged.judge(rows, points).verdict == Reason.DUPLICATE).all()


def test_not_a_number_repeats_itself() -> None:
    judged, points = judge(100)
    rows = [batch([1], NOW, float("nan"), 3)]
    assert judged.judge(rows, points).verdict[0] == Reason.STORED
    assert judged.judge(rows, points).verdict[0] == Reason.DUPLICATE


@pytest.mark.parametrize("regular", [True, False])
def test_probe_chains_stay_short(regular: bool) -> None:
    """Frames of neighbouring points at one instant must not cluster."""
    from parksight.telemetry.ingest.dedupe import FREE, slot_of

    window = Window(100_000, seed=99)
    ids = np.tile(np.arange(1, 1001), 100) if regular else np.random.default_rng(1).integers(1, 9999, 100_000)
    at = np.repeat(NOW + np.arange(100) * 1000, 1000)
    window.seen(ids.astype(np.int64), at.astype(np.int64), np.ones(100_000))
    table = window.young
    mask = len(table) - 1
    used = np.flatnonzero(table[:, 0] != FREE)
    home = np.array([slot_of(int(table[i, 0]), int(table[i, 1]), window.seed, mask) for i in used[:20_000]])
    assert np.mean((used[:20_000] - home) & mask) < 8


def test_a_full_window_changes_tables_without_growing_again() -> None:
    """Growing anew at every turn stopped the ticks of a busy system for a tenth of a second each."""
    window = Window(50_000, seed=7)
    tables: set[int] = set()
    for tick in range(60):
        ids = np.arange(1, 5_001, dtype=np.int64)
        window.seen(ids, np.full(5_000, NOW + tick * 1000), np.ones(5_000))
        if window.rotations >= 2:
            tables |= {window.young.ctypes.data, window.old.ctypes.data}
    assert window.rotations >= 4
    assert len(tables) == 2
    assert len(window.young) == len(window.old) == 2**17
    assert window.figures()["bytes"] <= 96 * 2**16
