"""The observations API over a real application, records and store; each caller sees their own."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from tests.telemetry.kit import add_points, records
from tests.telemetry.store.kit import DAY, HOUR, MIDNIGHT, columns, open_store, steady

from parksight.kernel.audit import AuditEntry
from parksight.kernel.clock import SimulatedClock
from parksight.kernel.http.problems import add_handlers
from parksight.kernel.permissions import ROLES, Caller
from parksight.kernel.settings import QuerySettings, Settings
from parksight.kernel.web import current_caller
from parksight.telemetry.catalogue import Catalogue
from parksight.telemetry.live_table import LiveTable
from parksight.telemetry.observations_api import install
from parksight.telemetry.queries.ladder import WIDTHS, width_for

ZONE = Caller(1, "李值班", grants=ROLES["duty_operator"], enterprises=None)
FIRM = Caller(2, "Wang", grants=ROLES["enterprise_manager"], enterprises=frozenset({7}))
READER = Caller(3, "Zhao", grants=ROLES["enterprise_user"], enterprises=frozenset({7}))
PATH = "/api/v1/observations"
NOW = MIDNIGHT + 2 * DAY + 6 * HOUR


class Room:
    """An application with the one router; ``as_`` says who asks."""

    def __init__(self, folder: Path, **limits: Any) -> None:
        self.db = records(folder)
        add_points(self.db, 3, 1, enterprise_id=7, period_s=60, kind="gas.h2s", simulated=True, name_en="Gas")
        add_points(self.db, 2, 4, enterprise_id=8, period_s=60, place_id=5, thing_id=6)
        add_points(self.db, 1, 6, enterprise_id=None, period_s=60, code="ZONE", name="=HYPERLINK(1)")
        self.store = open_store(folder / "store")
        self.clock = SimulatedClock(datetime.fromtimestamp(NOW / 1000, UTC))
        self.live = LiveTable(Catalogue(self.db))
        self.app = FastAPI()
        limited = Settings(queries=QuerySettings(**limits))
        self.queries = install(self.app, limited, self.db, self.store, self.live, self.clock)
        add_handlers(self.app)
        self.who: Caller | None = ZONE
        self.app.dependency_overrides[current_caller] = lambda: self.who
        self.http = TestClient(self.app, headers={"Accept-Language": "en"})

    def fill(self) -> None:
        """A row a minute of six points for two days and six hours, the first day sorted, an hour missing."""
        rows = steady(range(1, 7), MIDNIGHT, 54 * 60, 60_000)
        rows.quality[rows.point <= 3] = 0x80
        keep = ~((rows.observed_at >= MIDNIGHT + 3 * HOUR) & (rows.observed_at < MIDNIGHT + 4 * HOUR))
        self.store.append(type(rows)(*(getattr(rows, n)[keep] for n in rows.__slots__)))
        self.store.compact(MIDNIGHT + 3 * DAY)
        self.store.append(columns([(1, NOW - 30_000, float("nan"), 0x83, NOW - 29_000)]))
        self.live.load(self.store.last())

    def get(self, path: str, as_: Caller = ZONE, **params: Any) -> Any:
        self.who = as_
        return self.http.get(PATH + path, params=params)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path)
    made.fill()
    yield made
    made.queries.close()
    made.store.close()
    made.db.close()


def test_newest_values_by_ids_and_by_what_they_belong_to(room: Room) -> None:
    got = room.get("/last", points="6,1").json()
    assert [i["point"] for i in got["items"]] == [6, 1]
    assert got["server_ms"] == NOW
    one = got["items"][1]
    assert one["value"] is None
    assert one["quality_code"] == "bad"
    assert one["quality_flags"] == ["simulated"]
    assert one["age_s"] == 30.0
    for chosen, expected in (
        ({"enterprise": 8}, [4, 5]), ({"place": 5}, [4, 5]), ({"thing": 6}, [4, 5]), ({"kind": "gas"}, [1, 2, 3]),
        ({"kind": "gas", "enterprise": 8}, []),
    ):  # fmt: skip
        assert [i["point"] for i in room.get("/last", **chosen).json()["items"]] == expected
    assert room.get("/last").json()["code"] == "telemetry.query.choose_points"
    assert room.get("/last", points="1", kind="gas").status_code == 422


def test_nobody_sees_the_points_of_another_enterprise(room: Room) -> None:
    span = {"start": MIDNIGHT, "end": NOW}
    for path, extra in (("/last", {}), ("/buckets", span), ("/raw", span), ("/export", span)):
        assert room.get(path, FIRM, points="1,2", **extra).status_code == 200
        for foreign in ("1,4", "6", "999", "4294967295"):
            assert room.get(path, FIRM, points=foreign, **extra).status_code == 404
    assert room.get("/last", FIRM, enterprise=8).json()["items"] == []
    assert room.get("/export", FIRM, enterprise=8, **span).json()["code"] == "telemetry.export.no_points"
    assert "P00004" not in room.get("/export", FIRM, kind="gas", **span).text


def test_permissions_are_asked_for(room: Room) -> None:
    span = {"start": MIDNIGHT, "end": NOW, "points": "1"}
    assert (
        room.get("/export", READER, **span).json()["detail"] == "This needs the permission telemetry.export."
    )
    nobody = Caller(9, "Nobody", enterprises=None)
    for path in ("/last", "/buckets", "/raw"):
        assert room.get(path, nobody, **span).status_code == 403


def test_a_course_has_readable_buckets_coverage_and_quality(room: Room) -> None:
    got = room.get("/buckets", points="2,4", start=MIDNIGHT, end=MIDNIGHT + DAY, pixels=48).json()
    assert got["width_ms"] == HOUR
    two, four = got["series"]
    assert (two["point"], two["unit"], two["simulated"], four["simulated"]) == (2, "degC", True, False)
    assert len(two["start"]) == 23  # the missing hour is a hole, not a zero
    assert MIDNIGHT + 3 * HOUR not in two["start"]
    assert two["bucket_coverage"] == [1.0] * 23
    assert two["coverage"] == pytest.approx(23 / 24)
    assert set(two["quality"]) == {0x80}
    rows = room.store.raw([2], MIDNIGHT, MIDNIGHT + HOUR).value
    assert two["min"][0] == rows.min()
    assert two["max"][0] == rows.max()
    assert two["mean"][0] == pytest.approx(float(rows.mean()))
    # The hour under way is judged by what could have come in until now.
    late = room.get("/buckets", points="1", start=NOW - HOUR, end=NOW + HOUR, width_ms=HOUR).json()["series"][
        0
    ]
    assert late["bucket_coverage"] == [pytest.approx(1.0)]
    assert late["quality"] == [0x83]
    days = room.get("/buckets", points="1", start=MIDNIGHT, end=NOW, width_ms=DAY).json()
    assert [s % DAY for s in days["series"][0]["start"]] == [16 * HOUR] * 3


def test_pages_of_rows_join_without_gap_or_repetition(room: Room) -> None:
    rows, after, pages = [], None, 0
    while pages == 0 or after:
        params = {"points": "3,1,2", "start": MIDNIGHT, "end": MIDNIGHT + HOUR, "limit": 50}
        got = room.get("/raw", **params, **({"after": after} if after else {})).json()
        rows += list(zip(got["point"], got["observed_at"], strict=True))
        assert {p["unit"] for p in got["points"]} == {"degC"}
        after, pages = got["next"], pages + 1
    assert rows == [(p, MIDNIGHT + i * 60_000) for p in (1, 2, 3) for i in range(60)]
    assert pages == 4


def test_a_csv_names_its_origin_says_what_is_simulated_and_is_harmless(room: Room) -> None:
    got = room.get("/export", points="1,6", start=NOW - 3 * HOUR, end=NOW + 1)
    assert got.headers["content-type"].startswith("text/csv")
    assert "attachment" in got.headers["content-disposition"]
    text = got.content.decode("utf-8-sig")
    lines = list(csv.reader(io.StringIO(text)))
    facts = {line[0]: line[1] for line in lines if line[0].startswith("# ") and len(line) == 2}
    assert facts["# origin"].startswith("ParkSight")
    assert "Qingyuan Economic Development Zone" in facts["# origin"]
    assert facts["# of them simulated"] == str(sum(1 for x in lines if x[0] == "1"))
    assert "simulated: their values describe no real plant" in text
    head = next(line for line in lines if line[0] == "point_id")
    rows = [dict(zip(head, line, strict=True)) for line in lines if line[0] in ("1", "6")]
    assert facts["# end of file, rows"] == str(len(rows))
    names = {r["point_name"] for r in rows}
    assert names == {"Gas", "'=HYPERLINK(1)"}
    bad = next(r for r in rows if r["quality"] == "bad")
    assert bad["value"] == ""
    assert bad["flags"] == "simulated"
    first = rows[0]
    assert datetime.fromisoformat(first["time_local"]) == datetime.fromisoformat(first["time_utc"])
    assert first["time_local"].endswith("+08:00")
    stored = room.store.raw([1], NOW - 3 * HOUR, NOW + 1)
    assert [float(r["value"] or "nan") for r in rows if r["point_id"] == "1"][:-1] == stored.value.tolist()[
        :-1
    ]
    with room.db.read() as session:
        entry = session.query(AuditEntry).one()
    assert entry.action == "telemetry.observation.export"


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_programs_get_the_same_rows_with_metadata(room: Room, kind: str) -> None:
    got = room.get("/export", FIRM, kind="gas.h2s", start=MIDNIGHT, end=NOW + 1, format=kind)
    assert got.status_code == 200
    source = io.BytesIO(got.content)
    table = pq.read_table(source) if kind == "parquet" else pa.ipc.open_stream(source).read_all()
    facts = json.loads(table.schema.metadata[b"parksight"])
    assert facts["simulated_points"] == "3"
    assert facts["made_by"] == "Wang"
    stored = room.store.raw([1, 2, 3], MIDNIGHT, NOW + 1)
    assert table.num_rows == len(stored)
    order = np.lexsort((table["observed_at"].cast(pa.int64()).to_numpy(), table["point_id"].to_numpy()))
    values = table["value"].to_numpy()[order]
    assert np.array_equal(values, stored.value, equal_nan=True)
    assert math.isnan(values[stored.quality == 0x83][0])
    assert set(table["flags"].to_pylist()) == {"simulated"}
    assert set(table["point_code"].to_pylist()) == {"P00001", "P00002", "P00003"}


def test_limits_are_said_clearly(tmp_path: Path) -> None:
    room = Room(
        tmp_path, max_points=2, max_buckets=1_000, max_raw_rows=100, max_last_points=2, export_max_rows=1_000
    )
    span = {"start": MIDNIGHT, "end": MIDNIGHT + DAY}
    for path, params, code in (
        ("/last", {"points": "1,2,3"}, "query.too_many_points"),
        ("/last", {"kind": "gas"}, "query.too_many_points"),
        ("/buckets", {"points": "1,2,3", **span}, "query.too_many_points"),
        ("/buckets", {"points": "1", "width_ms": 1000, **span}, "query.too_many_buckets"),
        ("/buckets", {"points": "1", "start": 5, "end": 5}, "query.empty_span"),
        ("/raw", {"points": "1", "limit": 101, **span}, "query.page_too_long"),
        ("/export", {"points": "1", **span}, "export.too_large"),
    ):
        got = room.get(path, **params)
        assert got.status_code == 422
        assert got.json()["code"] == f"telemetry.{code}"
        assert got.json()["action"]
        assert "{" not in got.json()["detail"]
    room.queries.close()
    room.store.close()
    room.db.close()


def test_export_places_are_given_back(room: Room) -> None:
    span = {"start": MIDNIGHT, "end": MIDNIGHT + HOUR}
    for _ in range(4):
        assert room.get("/export", points="1", **span).status_code == 200
        assert room.get("/export", points="999", **span).status_code == 404
        assert room.get("/export", points="1", start=5, end=4).status_code == 422
    assert room.queries.figures()["exports"] == 0
    room.queries._exports = room.queries.settings.max_exports
    assert room.get("/export", points="1", **span).json()["code"] == "telemetry.export.busy"


@pytest.mark.parametrize("span", [1, 999, 60_000, HOUR, DAY, 40 * DAY, 3650 * DAY])
@pytest.mark.parametrize("pixels", [2, 3, 800, 4096])
def test_the_ladder_gives_at_most_a_bucket_per_two_pixels(span: int, pixels: int) -> None:
    width = width_for(span, pixels)
    assert width in WIDTHS
    assert span / width <= pixels // 2 or width == WIDTHS[-1]
    narrower = [w for w in WIDTHS if w < width]
    assert not narrower or span / narrower[-1] > pixels // 2
