"""The store's parts alone: days of odd zones, exact values, aggregates of parts, what to merge when."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.telemetry.store.kit import DAY, HOUR

from parksight.telemetry.protocols import Columns
from parksight.telemetry.store import aggregate as agg
from parksight.telemetry.store.codec import FLOAT, NOTHING, from_scaled, to_scaled
from parksight.telemetry.store.compaction import due
from parksight.telemetry.store.days import LATEST, LocalDays
from parksight.telemetry.store.files import FileCache, groups_with
from parksight.telemetry.store.merging import SegmentWriter
from parksight.telemetry.store.rows import NAMES, concat, sort_unique, sorted_spans
from parksight.telemetry.store.segment import HOUR as HOURS
from parksight.telemetry.store.segment import MINUTE, Segment, read_roll, read_rows

#: Half-hour offset, summer time, midnight that does not exist, a day left out (Apia, 2011-12-30).
ZONES = ["Asia/Shanghai", "Asia/Kolkata", "Europe/Berlin", "America/Sao_Paulo", "Pacific/Apia", "UTC"]


@pytest.mark.parametrize("zone", ZONES)
@settings(max_examples=150, deadline=None)
@given(at=st.integers(0, LATEST - 1))
def test_days_are_the_civil_days_of_the_zone(zone: str, at: int) -> None:
    days = LocalDays(zone)
    number = days.number(at)
    civil = datetime.fromtimestamp(at // 1000, ZoneInfo(zone)).date()
    assert date.fromisoformat(days.name(number)) == civil
    assert days.start(number) <= at < days.start(number + 1)
    assert days.numbers(np.array([at, at], np.int64)).tolist() == [number, number]
    for width in (1_000, 60_000, 90_000, HOUR, DAY, 7 * DAY):
        low, high = days.floor(at, width), days.ceil(at, width)
        assert low <= at <= high
        assert days.floor(low, width) == low
        assert days.ceil(high, width) == high
        assert days.floor(high, width) == high


def test_days_of_summer_time_have_23_and_25_hours() -> None:
    days = LocalDays("Europe/Berlin")
    for civil, hours in (("2026-03-29", 23), ("2026-10-25", 25), ("2026-07-01", 24)):
        noon = int(datetime.fromisoformat(civil + "T12:00").replace(tzinfo=UTC).timestamp() * 1000)
        number = days.number(noon)
        assert days.start(number + 1) - days.start(number) == hours * HOUR


decimals = st.builds(lambda k, d: k / 10**d, st.integers(-(10**9), 10**9), st.integers(0, 8))
anything = st.floats(allow_nan=True, allow_infinity=True)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 3), st.one_of(decimals, anything)), max_size=60))
def test_every_value_comes_back_the_very_same(pairs: list[tuple[int, float]]) -> None:
    pairs.sort(key=lambda pair: pair[0])
    point = np.array([p for p, _ in pairs], np.int32)
    value = np.array([v for _, v in pairs], np.float64)
    k, digits, x, floats = to_scaled(point, value)
    assert np.array_equal(from_scaled(k, digits, x), value, equal_nan=True)
    assert floats == int((digits == FLOAT).sum())
    assert np.array_equal(digits == NOTHING, np.isnan(value))


def test_readings_of_an_instrument_become_integers() -> None:
    rng = np.random.default_rng(1)
    for decimals_of in range(5):
        value = np.round(rng.normal(500, 100, 1000), decimals_of)
        _, digits, _, floats = to_scaled(np.ones(1000, np.int32), value)
        assert floats == 0
        assert set(digits) == {decimals_of}


times = st.lists(st.integers(0, 5 * HOUR), min_size=1, max_size=50, unique=True)


@settings(max_examples=100, deadline=None)
@given(times, times, st.integers(0, 2**31))
def test_parts_add_up_unless_they_touch(first: list[int], second: list[int], seed: int) -> None:
    def part(listed: list[int]) -> agg.Partials:
        at = np.array(sorted(listed), np.int64)
        return agg.aggregate(
            np.ones(len(at), np.int32), at, at / 1000.0, (at % 7).astype(np.uint8), at - at % HOUR
        )

    folded, touching = agg.fold(agg.concat([part(second), part(first)]))
    whole = part(list({*first, *second}))
    assert folded.start.tolist() == whole.start.tolist()
    clean = ~touching
    for name in ("count", "usable", "minimum", "maximum", "last", "quality", "first_at", "last_at"):
        assert np.array_equal(getattr(folded, name)[clean], getattr(whole, name)[clean], equal_nan=name in ("minimum", "maximum", "last"))  # fmt: skip
    assert np.allclose(folded.total[clean], whole.total[clean], rtol=1e-12)
    for hour in {t - t % HOUR for t in {*first} & {*second}}:
        assert touching[folded.start == hour].all(), "a row written twice must not be added up"


def test_a_segment_gives_back_its_rows_and_aggregates(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    days, files = LocalDays("Asia/Kolkata"), FileCache()
    day = days.number(1_772_323_200_000)
    start = days.start(day)
    per, points = 2_000, np.arange(1, 120, dtype=np.int32)
    at = start + np.sort(rng.choice(DAY // 1000, per, replace=False)) * 1000
    n = per * len(points)
    value = np.round(np.cumsum(rng.normal(0, 0.1, n)), 3)
    value[rng.integers(0, n, 50)] = np.nan
    value[rng.integers(0, n, 50)] = np.pi
    rows = Columns(np.repeat(points, per), np.tile(at, len(points)), value, np.zeros(n, np.uint8), np.tile(at, len(points)) + rng.integers(-5_000, 10**9, n))  # fmt: skip
    writer = SegmentWriter(tmp_path, 1, day, days)
    writer.add(rows)
    segment, daily = writer.finish(1, 1, 0)
    assert (segment.rows, segment.points, segment.first_at) == (n, len(points), int(at[0]))
    assert int(daily.count.sum()) == n
    path = segment.rows_path(tmp_path)
    back = read_rows(files, path, "", start, None, start, start + DAY)
    for name in Columns.__slots__:
        assert np.array_equal(getattr(back, name), getattr(rows, name), equal_nan=name == "value")
    footer = files.footer(path, "")
    few = np.array([7, 8, 50], np.int32)
    assert 0 < len(groups_with(footer, few)) < len(footer.rows)
    part = read_rows(files, path, "", start, few, int(at[100]), int(at[200]))
    expected = np.isin(rows.point, few) & (rows.observed_at >= at[100]) & (rows.observed_at < at[200])
    assert np.array_equal(part.value, rows.value[expected], equal_nan=True)
    assert np.array_equal(part.received_at, rows.received_at[expected])
    # Kolkata's day begins at half past an hour of the epoch: the first hour's bucket begins before it.
    hours = read_roll(files, segment.roll_path(tmp_path), "", start, few, start - HOUR, start + DAY, HOURS)
    assert int(hours.start[0]) == start - HOUR // 2
    assert int(hours.count.sum()) == 3 * per
    assert (
        len(read_roll(files, segment.roll_path(tmp_path), "", start, few, 0, 2**41, MINUTE)) == 0
    )  # too sparse


def _segments(*sizes: int, made_at: int = 0) -> tuple[Segment, ...]:
    return tuple(
        Segment(i, 1, i, i, size, 1, 0, 1, 1, 1, True, made_at) for i, size in enumerate(sizes, start=1)
    )


def test_an_open_day_keeps_few_segments_and_rewrites_little() -> None:
    segments: tuple[Segment, ...] = ()
    written = 0
    for i in range(400):
        segments += _segments(1000)
        written += 1000
        found = due(segments, closed=False, now_ms=0)
        if found:
            assert found == segments[-len(found) :]
            size = sum(s.rows for s in found)
            written += size
            segments = segments[: -len(found)] + _segments(size)
        assert len(segments) <= 3 + max(1, (i + 1).bit_length())
    assert sum(s.rows for s in segments) == 400_000
    assert written / 400_000 < 6


def test_a_closed_day_becomes_one_but_not_for_every_late_row() -> None:
    assert due(_segments(1000), True, 0) == ()
    assert due(_segments(1_000_000, 10), True, 0) == ()
    assert len(due(_segments(1_000_000, 10), True, 6 * HOUR)) == 2
    assert len(due(_segments(1_000_000, 200_000), True, 0)) == 2
    assert len(due(_segments(1_000_000, 1, 1, 1), True, 0)) == 4


@given(
    st.lists(st.tuples(st.integers(1, 9) | st.just(2**30), st.integers(0, 6)), min_size=1, max_size=80),
    st.integers(1, 30),
)
@settings(max_examples=150, deadline=None)
def test_rows_sorted_in_spans_are_the_rows_sorted_at_once(keys: list[tuple[int, int]], size: int) -> None:
    point, at = (np.array(column) for column in zip(*keys, strict=True))
    order = np.arange(len(keys))
    rows = Columns(
        point.astype(np.int32), at.astype(np.int64), order.astype(np.float64), np.zeros(len(keys), np.uint8),
        order.astype(np.int64),
    )  # fmt: skip
    spans = list(sorted_spans(rows, size))
    for before, after in pairwise(spans):
        assert before.point[-1] < after.point[0], "a point in two spans"
    whole, joined = sort_unique(rows), concat(spans)
    for name in NAMES:
        assert np.array_equal(getattr(joined, name), getattr(whole, name))
