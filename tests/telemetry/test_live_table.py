"""Newest values, staleness and coverage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.telemetry.kit import NOW, add_points, columns, records

from parksight.kernel.permissions import Caller
from parksight.telemetry import panel
from parksight.telemetry.catalogue import Catalogue
from parksight.telemetry.live_table import LiveTable, State


@pytest.fixture
def live(tmp_path: Path) -> LiveTable:
    db = records(tmp_path)
    add_points(db, 4, first=1, enterprise_id=1, kind="gas.toxic", period_s=10)
    add_points(db, 4, first=5, enterprise_id=2, kind="gas.lel", period_s=60)
    add_points(db, 1, first=9, kind="weather", period_s=60)
    add_points(db, 1, first=10, active=False)
    return LiveTable(Catalogue(db))


def states(live: LiveTable, ids: list[int], now: int = NOW) -> list[str]:
    return [State(s).name for s in live.rows(ids, now).state]


def test_never_seen_is_unknown_and_age_decides_by_its_own_period(live: LiveTable) -> None:
    assert states(live, [1, 5, 99, -3]) == ["UNKNOWN"] * 4
    live.update(columns([(1, NOW, 1.0, 0, NOW), (5, NOW, 1.0, 0, NOW)]))
    assert states(live, [1, 5], NOW + 30_000) == ["ONLINE", "ONLINE"]
    assert states(live, [1, 5], NOW + 30_001) == ["STALE", "ONLINE"]
    assert states(live, [1, 5], NOW + 180_001) == ["STALE", "STALE"]


def test_staleness_is_of_the_observation_not_of_the_connection(live: LiveTable) -> None:
    """A living gateway that repeats old readings of a dead sensor keeps nothing green."""
    live.update(columns([(1, NOW - 60_000, 1.0, 0, NOW)]))
    assert states(live, [1]) == ["STALE"]


def test_suspect_and_bad_are_not_online(live: LiveTable) -> None:
    live.update(columns([(i, NOW, 1.0, q, NOW) for i, q in enumerate((0, 0x81, 2, 3, 4, 5, 6), start=1)]))
    assert states(live, [1, 2, 3, 4, 5, 6, 7]) == [
        "ONLINE", "ONLINE", "SUSPECT", "SUSPECT", "ONLINE", "ONLINE", "ONLINE",
    ]  # fmt: skip


row = st.tuples(
    st.integers(1, 9),
    st.integers(-1000, 1000),
    st.floats(-1e6, 1e6),
    st.integers(0, 6),
    st.integers(-500, 500),
)


@given(st.lists(row, max_size=60), st.integers(1, 7))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_newest_by_observation_capped_at_arrival_wins(
    live: LiveTable, rows: list[tuple[int, int, float, int, int]], size: int
) -> None:
    fresh = LiveTable(live._catalogue)
    absolute = [(p, NOW + o, v, q, NOW + r) for p, o, v, q, r in rows]
    for i in range(0, len(absolute), size):
        fresh.update(columns(absolute[i : i + size]))
    expected: dict[int, tuple[int, float, int, int]] = {}
    for p, o, v, q, r in absolute:
        if p not in expected or min(o, r) >= expected[p][0]:
            expected[p] = (min(o, r), v, q, o)
    got = fresh.rows(list(range(1, 10)), NOW)
    for p in range(1, 10):
        if p in expected:
            _, v, q, o = expected[p]
            assert (got.value[p - 1], got.quality[p - 1], got.observed_at[p - 1]) == (v, q, o)
        assert got.count[p - 1] == sum(1 for r in absolute if r[0] == p)


def test_coverage_counts_every_active_point_once(live: LiveTable) -> None:
    live.update(
        columns(
            [
                (1, NOW, 1.0, 0, NOW),
                (2, NOW, 1.0, 2, NOW),
                (3, NOW - 99_000, 1.0, 0, NOW),
                (10, NOW, 1, 0, NOW),
            ]
        )
    )
    assert live.coverage(NOW).as_dict() == {"total": 9, "online": 1, "suspect": 1, "stale": 1, "unknown": 6}
    assert live.coverage(NOW, frozenset({2})).as_dict()["unknown"] == 4
    by = live.coverage_by_enterprise(NOW)
    assert {e: c.total for e, c in by.items()} == {1: 4, 2: 4, None: 1}
    assert live.coverage_by_kind(NOW)["gas.toxic"].online == 1
    assert live.ids_in_state(State.SUSPECT, NOW).tolist() == [2]


def test_panel_stays_within_the_callers_scope(live: LiveTable) -> None:
    live.update(columns([(1, NOW, 1.0, 0, NOW)]))
    everyone = Caller(id=1, name="zone", enterprises=None)
    shown = panel.points_online(live, everyone, NOW)
    assert (shown["total"], shown["online"], shown["share"]) == (9, 1, pytest.approx(1 / 9))
    assert shown["drill"]["stale"].endswith("state=stale")
    one = Caller(id=2, name="e1", enterprises=frozenset({2}))
    assert panel.points_online(live, one, NOW)["total"] == 4
    nobody = Caller(id=3, name="none", enterprises=frozenset())
    assert panel.points_online(live, nobody, NOW)["share"] is None
    assert panel.by_kind(live, everyone, NOW)["gas"]["total"] == 8
    assert [r["enterprise_id"] for r in panel.by_enterprise(live, everyone, NOW)][-1] == 1


def test_quality_can_be_revised_within_a_span(live: LiveTable) -> None:
    live.update(columns([(1, NOW, 1.0, 0x80, NOW)]))
    live.revise_quality(1, NOW + 1, NOW + 2, 2)
    assert live.rows([1], NOW).quality[0] == 0x80
    live.revise_quality(1, NOW, NOW + 1, 2)
    assert live.rows([1], NOW).quality[0] == 0x82


def test_negative_ids_are_a_programming_error(live: LiveTable) -> None:
    with pytest.raises(ValueError, match="negative"):
        live.update(columns([(-1, NOW, 1.0, 0, NOW)]))
    live.update(columns([(50_000, NOW, 1.0, 0, NOW)]))  # grows
    assert np.isclose(live.rows([50_000], NOW).value[0], 1.0)
