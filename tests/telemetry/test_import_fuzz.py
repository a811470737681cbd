"""Whatever a table holds, an import answers with a report, and accepted rows are sound points."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from tests.telemetry.kit import START, records

from parksight.kernel.clock import SimulatedClock
from parksight.kernel.permissions import SYSTEM
from parksight.telemetry.catalogue import Catalogue
from parksight.telemetry.live_table import LiveTable
from parksight.telemetry.models import Point
from parksight.telemetry.points.service import PointService
from parksight.telemetry.points.transfer import COLUMNS, PointImporter
from parksight.telemetry.units import QUANTITIES, UNITS

_FOLDER = TemporaryDirectory()
_DB = records(Path(_FOLDER.name))
_CLOCK = SimulatedClock(START)
_CATALOGUE = Catalogue(_DB)
_IMPORTER = PointImporter(_DB, _CLOCK, PointService(_DB, _CLOCK, LiveTable(_CATALOGUE)))

cell = st.one_of(
    st.text(max_size=8),
    st.sampled_from([*QUANTITIES, *UNITS]),
    st.sampled_from(
        ["P1", "P2", "点", "1", "-1", "1e400", "nan", "inf", "true", "是", "{}", '{"a":1}', "[", "=1+1"]
    ),
    st.floats().map(str),
)
tables = st.lists(
    st.sampled_from([*COLUMNS, "properties.x", "properties."]), min_size=1, max_size=8, unique=True
).flatmap(
    lambda heads: st.tuples(
        st.just(heads), st.lists(st.lists(cell, min_size=len(heads), max_size=len(heads)), max_size=6)
    )
)


def check(data: bytes, name: str) -> None:
    report = _IMPORTER.run(SYSTEM, io.BytesIO(data), name, all_rows=True)
    assert report.total == report.accepted + report.updated + report.unchanged + report.refused
    assert len(report.rows) == report.total
    assert all(r.reason and r.text for r in report.rows if r.outcome == "refused")
    columns = _CATALOGUE.current()  # every point in the records can be put to work
    with _DB.read() as session:
        assert int(columns.known.sum()) == session.scalar(select(func.count(Point.id)))


@given(tables)
@settings(max_examples=120, deadline=None)
def test_any_table_is_answered_with_a_report(table: tuple[list[str], list[list[str]]]) -> None:
    heads, lines = table
    if "code" not in heads:
        heads, lines = ["code", *heads], [[f"P{i}", *line] for i, line in enumerate(lines)]
    file = io.StringIO()
    csv.writer(file).writerows([heads, *lines])
    check(file.getvalue().encode("utf-8", "replace"), "p.csv")


@given(st.binary(max_size=300), st.sampled_from(["p.csv", "p.xlsx", "p.geojson", "p"]))
@settings(max_examples=80, deadline=None)
def test_any_bytes_are_answered_with_a_report(data: bytes, name: str) -> None:
    check(data, name)


@given(
    st.integers(1, 3),
    st.sampled_from(sorted(QUANTITIES)),
    st.floats(0.1, 1000),
    st.text(min_size=1, max_size=9),
)
@settings(max_examples=60, deadline=None)
def test_a_sound_row_is_accepted_as_it_is(number: int, quantity: str, period: float, name: str) -> None:
    file = io.StringIO()
    name = "".join(c for c in name if c.isprintable()).strip() or "x"
    code = f"SOUND{number}.{quantity}"
    csv.writer(file).writerows(
        [
            ["code", "name", "quantity", "period_s"],
            [code, "'" + name if name[0] in "=+-@" else name, quantity, period],
        ]
    )
    report = _IMPORTER.run(SYSTEM, io.BytesIO(file.getvalue().encode()), "p.csv", all_rows=True)
    assert report.refused == 0, report
    with _DB.read() as session:
        point = session.scalars(select(Point).where(Point.code == code)).one()
        assert (point.quantity, point.unit, point.period_s) == (quantity, QUANTITIES[quantity].unit, period)
