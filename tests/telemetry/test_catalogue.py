"""Definitions on the hot path follow the records."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from tests.telemetry.kit import add_points, records

from parksight.telemetry.catalogue import ACTIVE, DISCRETE, Catalogue, build
from parksight.telemetry.events import PointsChanged
from parksight.telemetry.models import Point


def test_columns_follow_events(tmp_path: Path) -> None:
    db = records(tmp_path)
    add_points(db, 3)
    catalogue = Catalogue(db)
    first = catalogue.current()
    assert first.flags.tolist() == [0, ACTIVE, ACTIVE, ACTIVE]
    assert catalogue.current() is first
    add_points(db, 1, first=9, quantity="state", unit="state", enterprise_id=5, kind="valve", period_s=0.5)
    with db.session() as session:
        session.delete(session.get_one(Point, 2))
        session.get_one(Point, 3).active = False
    assert catalogue.current() is first
    db.bus.publish(PointsChanged(ids=(2, 3, 9)))
    now = catalogue.current()
    assert now.version > first.version
    assert (now.known[2], now.known[3], now.flags[3]) == (0, 1, 0)
    assert (now.flags[9], now.enterprise[9], now.period_ms[9]) == (ACTIVE | DISCRETE, 5, 500)
    assert now.kinds[now.kind[9]] == "valve"
    assert first.known[2] == 1, "who still holds the old columns is not disturbed"
    db.bus.publish(PointsChanged(ids=None))
    assert catalogue.current().flags.tolist() == now.flags.tolist()
    catalogue.close()
    db.bus.publish(PointsChanged(ids=None))
    assert not catalogue.dirty


def test_bounds_are_in_the_stored_unit(tmp_path: Path) -> None:
    db = records(tmp_path)
    add_points(db, 1, unit="degF", source_unit="K", scale=2.0, shift=1.0, plausible_low=-4.0)
    add_points(db, 1, first=2, impossible_low=-300.0, impossible_high=900.0)
    c = Catalogue(db).current()
    assert c.reject_low[1] == pytest.approx(-459.67)
    assert (c.low[1], c.high[1]) == (-4.0, np.inf)
    raw = 136.575  # doubled and shifted by one: 274.15 K
    assert raw * c.factor[1] + c.shift[1] == pytest.approx(33.8)
    assert (c.reject_low[2], c.reject_high[2]) == (-273.15, 900.0)  # nature's bound is the tighter one


def test_old_definitions_stay_when_the_records_do_not_answer(tmp_path: Path) -> None:
    db = records(tmp_path)
    add_points(db, 1)
    catalogue = Catalogue(db)
    first = catalogue.current()
    with db.engine.connect() as connection:
        connection.execute(text("ALTER TABLE telemetry_point RENAME TO gone"))
        connection.commit()
    catalogue.invalidate([1])
    assert catalogue.current() is first
    assert catalogue.dirty
    with pytest.raises(SQLAlchemyError):
        Catalogue(db).current()
    with db.engine.connect() as connection:
        connection.execute(text("ALTER TABLE gone RENAME TO telemetry_point"))
        connection.commit()
    assert catalogue.current().version > first.version


def test_nobody_gets_old_definitions_while_new_ones_are_loaded(tmp_path: Path) -> None:
    db = records(tmp_path)
    catalogue = Catalogue(db)
    catalogue.current()
    for round_ in range(1, 20):
        add_points(db, 1, first=round_)
        catalogue.invalidate([round_])
        with ThreadPoolExecutor(4) as pool:
            seen = list(pool.map(lambda _: len(catalogue.current()), range(4)))
        assert seen == [round_ + 1] * 4


class Row:
    def __init__(self, point_id: int, active: bool, low: float | None, period: float) -> None:
        self.id, self.active, self.plausible_low, self.period_s = point_id, active, low, period
        self.quantity, self.unit, self.source_unit, self.scale, self.shift = "level", "m", None, 1.0, 0.0
        self.plausible_high = self.impossible_low = self.impossible_high = self.enterprise_id = None
        self.simulated, self.kind = False, f"k{point_id % 3}"


rows = st.lists(
    st.builds(Row, st.integers(1, 30), st.booleans(), st.none() | st.floats(-9, 9), st.floats(0.1, 99)),
    max_size=15, unique_by=lambda r: r.id,
)  # fmt: skip


@given(rows, rows, st.sets(st.integers(1, 40)))
@settings(max_examples=80, deadline=None)
def test_an_incremental_change_equals_a_full_load(old: list[Row], new: list[Row], gone: set[int]) -> None:
    changed = gone | {r.id for r in new}
    after = {r.id: r for r in old if r.id not in changed} | {r.id: r for r in new}
    stepwise, whole = build(new, build(old), changed), build(after.values())
    for i in range(1, 41):
        known = i < len(whole) and bool(whole.known[i])
        assert (i < len(stepwise) and bool(stepwise.known[i])) == known
        if known:
            for name in ("flags", "low", "period_ms", "factor"):
                assert getattr(stepwise, name)[i] == getattr(whole, name)[i]
            assert stepwise.kinds[stepwise.kind[i]] == whole.kinds[whole.kind[i]]
        elif i < len(stepwise):
            assert stepwise.flags[i] == 0
