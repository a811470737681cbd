"""Import: formats, encodings, upsert, reports, limits, scope, garbage."""

from __future__ import annotations

import csv
import io
import json
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from sqlalchemy import func, select
from tests.registry.kit import Park, caller

from parksight.registry.events import EquipmentChanged
from parksight.registry.kinds import KINDS
from parksight.registry.models import Equipment, ImportRow
from parksight.registry.transfer import columns
from parksight.registry.transfer.readers import FileProblem, open_file

HEAD = "code,name,kind,enterprise_code,longitude,latitude,height_m,properties.volume_m3\r\n"


def outcome(report: dict[str, object]) -> tuple[object, ...]:
    return tuple(report[k] for k in ("accepted", "updated", "unchanged", "refused"))


def table(*lines: str) -> bytes:
    return (HEAD + "\r\n".join(lines) + "\r\n").encode()


def test_rows_are_made_updated_left_alone_or_refused_with_reason(park: Park) -> None:
    park.make("enterprises", code="E001")
    first = park.load(
        "equipment", table("T1,苯储罐,tank,E001,120.77,41.80,16.5,5000", "T2,罐二,tank,E001,120.78,41.80,,")
    )
    assert outcome(first) == (2, 0, 0, 0)
    second = park.load(
        "equipment",
        table(
            "T1,苯储罐,tank,E001,120.77,41.80,17,",
            "T2,罐二,tank,E001,,,,",
            "T3,罐三,tank,E009,,,,",
            "T4,罐四,spaceship,E001,,,,",
            "T5,罐五,tank,E001,120.77,,,",
            "T6,罐六,tank,E001,120.77,41.8,high,",
            "T6,罐六,tank,E001,,,,",
            ",无编码,tank,E001,,,,",
            "T7,,tank,E001,,,,",
            "T8,罐八,tank,E001,1,2,3,4,5",
        ),
    )
    assert outcome(second) == (1, 1, 1, 7)
    assert second["total"] == 10
    problems = {(r["row"], r["column"]): r["reason"] for r in second["rows"]}  # type: ignore[attr-defined]
    assert problems == {
        (4, "enterprise_code"): "registry.reference_unknown",
        (5, "kind"): "registry.word_unknown",
        (6, "latitude"): "registry.import.half_position",
        (7, "height_m"): "registry.import.not_number",
        (9, "code"): "registry.import.missing",
        (10, "name"): "registry.import.missing",
        (11, None): "registry.import.value_without_column",
    }
    texts = {r["row"]: r["text"] for r in second["rows"]}  # type: ignore[attr-defined]
    assert "“E009”" in texts[4]
    assert "high" in texts[7]
    tanks = {e["code"]: e for e in park.http.get("/api/v1/equipment").json()["items"]}
    assert sorted(tanks) == ["T1", "T2", "T6"]
    assert (tanks["T1"]["height_m"], tanks["T1"]["properties"], tanks["T1"]["version"]) == (
        17,
        {"volume_m3": 5000},
        2,
    )
    assert tanks["T2"]["geometry"] == {"type": "Point", "coordinates": [120.78, 41.8]}, (
        "an empty cell states nothing"
    )


def test_the_whole_report_is_kept(park: Park) -> None:
    park.make("enterprises", code="E001")
    report = park.load(
        "equipment", table(*(f"T{i},n,{'tank' if i % 2 else 'x'},E001,,,," for i in range(300)))
    )
    assert (outcome(report), len(report["rows"])) == ((150, 0, 0, 150), 100)  # type: ignore[arg-type]
    address = f"/api/v1/registry/imports/{report['id']}"
    rows = park.http.get(f"{address}/rows", params={"limit": 1000}).json()
    assert rows["total"] == 300
    assert [r["row"] for r in rows["items"]] == list(range(2, 302))
    refused = park.http.get(f"{address}/rows", params={"outcome": "refused", "offset": 140}).json()
    assert (refused["total"], len(refused["items"])) == (150, 10)
    chinese = park.http.get(address, headers={"accept-language": "zh-CN"}).json()
    assert "不是允许的取值" in chinese["rows"][0]["text"]
    assert park.http.get("/api/v1/registry/imports").json()["items"][0]["sha256"] == report["sha256"]


def test_a_rehearsal_changes_nothing_but_keeps_its_report(park: Park) -> None:
    park.make("enterprises", code="E001")
    before = len(park.events)
    report = park.load("equipment", table("T1,n,tank,E001,,,,", "T2,n,x,E001,,,,"), dry_run=True)
    assert (outcome(report), report["dry_run"]) == ((1, 0, 0, 1), True)
    assert park.http.get("/api/v1/equipment").json()["total"] == 0
    assert park.http.get("/api/v1/search", params={"q": "T1"}).json() == []
    assert not [e for e in park.events[before:] if isinstance(e, EquipmentChanged)]
    assert park.http.get(f"/api/v1/registry/imports/{report['id']}/rows").json()["total"] == 2


def test_one_event_names_all_records_of_an_import(park: Park) -> None:
    park.make("enterprises", code="E001")
    park.load("equipment", table(*(f"T{i},n,tank,E001,,,," for i in range(600))))
    changed = [e for e in park.events if isinstance(e, EquipmentChanged)]
    assert [(e.action, len(e.ids)) for e in changed] == [("import", 600)]


@pytest.mark.parametrize(
    ("encoding", "mark", "found"),
    [
        ("utf-8", "", "utf-8"),
        ("utf-8", "﻿", "utf-8-sig"),
        ("gb18030", "", "gb18030"),
        ("utf-16", "", "utf-16"),
    ],
)
def test_chinese_tables_are_read_in_the_encodings_of_the_country(
    park: Park, encoding: str, mark: str, found: str
) -> None:
    text = mark + "编码;名称;行业;化工企业\nE1;青原𬬮业;new_energy;是\n"
    report = park.load("enterprises", text.encode(encoding))
    assert (outcome(report), report["encoding"]) == ((1, 0, 0, 0), found)
    shown = park.http.get("/api/v1/enterprises").json()["items"][0]
    assert (shown["name"], shown["chemical"]) == ("青原𬬮业", True)


def test_xlsx_keeps_types(park: Park) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["code", "name", "person_code", "post", "valid_from"])
    sheet.append([17.0, "=1+1 安全员", "P1", "safety", date(2026, 1, 2)])
    sheet["B2"].data_type = "s"
    park.make("people", code="P1")
    buffer = io.BytesIO()
    book.save(buffer)
    report = park.load("assignments", buffer.getvalue(), "posts.xlsx")
    assert outcome(report) == (1, 0, 0, 0), report
    shown = park.http.get("/api/v1/assignments").json()["items"][0]
    assert (shown["code"], shown["name"], shown["valid_from"]) == ("17", "=1+1 安全员", "2026-01-02")


def test_geojson_with_the_maps_short_names(park: Park) -> None:
    ring = [[[120.77, 41.8], [120.771, 41.8], [120.771, 41.801], [120.77, 41.8]]]
    features = [
        {"type": "Feature", "id": f"B{i}", "geometry": {"type": "Polygon", "coordinates": ring},
         "properties": {"n": f"厂房{i}", "h": 12.5, "b": 0, "k": "shed", "t": 0.4, "owner": "x"}}
        for i in range(3)
    ]  # fmt: skip
    features.append(
        {
            "type": "Feature",
            "id": "B9",
            "geometry": {"type": "Polygon", "coordinates": [[[0, 0]]]},
            "properties": {"n": "x"},
        }
    )
    features.append(
        {
            "type": "Feature",
            "id": "B8",
            "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 1], [1, 0], [0, 0]]]},
            "properties": {"n": "x"},
        }
    )
    content = json.dumps({"type": "FeatureCollection", "features": [*features, 5]}).encode()
    report = park.load("buildings", content, "b.geojson")
    assert outcome(report) == (3, 0, 0, 3)
    assert [r["reason"] for r in report["rows"]] == [  # type: ignore[attr-defined]
        "registry.geometry.not_geojson", "registry.geometry.not_valid", "registry.import.feature_broken",
    ]  # fmt: skip
    shown = park.http.get("/api/v1/buildings").json()["items"][0]
    assert shown["properties"] == {"height": 12.5, "base": 0, "class": "shed", "tone": 0.4, "owner": "x"}
    assert shown["kind"] == "building"


def test_parents_may_stand_further_up_in_the_same_file(park: Park) -> None:
    report = park.load(
        "places",
        b"code,name,kind,parent_code\nA,a,boundary,\nB,b,zone,A\nC,c,parcel,B\nD,d,parcel,E\nE,e,zone,A\n",
    )
    assert outcome(report) == (4, 0, 0, 1)
    places = {p["code"]: p for p in park.http.get("/api/v1/places").json()["items"]}
    assert places["C"]["parent_id"] == places["B"]["id"]
    assert places["B"]["parent_id"] == places["A"]["id"]


@pytest.mark.parametrize(
    ("content", "filename", "reason"),
    [
        (b"", "a.csv", "empty"),
        (b"\xff\xfe\x00", "a.csv", "encoding_unknown"),
        (b"\x81\xff\xff\xfe,1\n", "a.csv", "encoding_unknown"),
        (b"name\nx\n", "a.csv", "no_code_column"),
        (b"code,name,colour\nx,y,z\n", "a.csv", "column_unknown"),
        (b"code,name,CODE\nx,y,z\n", "a.csv", "column_twice"),
        ("code,编码,name\nx,y,z\n".encode(), "a.csv", "column_twice"),
        (b'code,name\n"x,y\n', "a.csv", "csv_broken"),
        (b"PK\x03\x04 this is no workbook", "a.xlsx", "xlsx_broken"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a.xls", "old_excel"),
        (b'{"type":"FeatureCollection","features":[', "a.geojson", "geojson_broken"),
        (b'{"type":"Topology","features":[]}', "a.geojson", "geojson_broken"),
        (b"code\n" + b"x\n" * 5001, "a.csv", "too_many_rows"),
    ],
)  # fmt: skip
def test_files_that_are_refused_as_a_whole(park: Park, content: bytes, filename: str, reason: str) -> None:
    report = park.load("enterprises", content, filename)
    assert report["problem"] == f"registry.import.{reason}"
    assert report["problem_text"] not in (None, report["problem"])
    assert park.http.get("/api/v1/enterprises", params={"active": True}).json()["total"] == 0


def test_a_file_beyond_the_size_limit_is_refused(park: Park) -> None:
    answer = park.http.post("/api/v1/registry/import/people", files={"file": ("a.csv", b"x" * 4_000_001)})
    assert (answer.status_code, answer.json()["code"]) == (413, "registry.import.too_large_file")


def test_an_enterprise_imports_only_its_own(park: Park) -> None:
    mine = park.make("enterprises", code="E001")
    other = park.make("enterprises", code="E002")
    park.make("equipment", code="T9", kind="tank", enterprise_id=other["id"])
    park.who = caller("integrator", int(str(mine["id"])))
    report = park.load(
        "equipment",
        table("T1,n,tank,E001,,,,", "T2,n,tank,E002,,,,", "T3,n,tank,,,,,", "T9,stolen,tank,E001,,,,"),
    )
    assert outcome(report) == (1, 0, 0, 3)
    assert [r["reason"] for r in report["rows"]] == [  # type: ignore[attr-defined]
        "registry.reference_unknown", "registry.import.not_yours", "registry.import.not_yours",
    ]  # fmt: skip
    taken = park.load("enterprises", b"code,name\nE002,mine now\nE003,new\nE001,renamed\n")
    assert outcome(taken) == (0, 1, 0, 2)


def test_credit_codes_stay_unique(park: Park) -> None:
    content = (
        b"code,name,credit_code\nA,a,91110108551385082Q\nB,b,91110108551385082q\nC,c,91110108551385082A\n"
    )
    report = park.load("enterprises", content)
    assert [r["reason"] for r in report["rows"]] == [
        "registry.taken",
        "registry.enterprise.credit_code_invalid",
    ]  # type: ignore[attr-defined]


def test_thousands_of_rows_in_a_few_statements(park: Park) -> None:
    park.make("enterprises", code="E001")
    report = park.load(
        "equipment", table(*(f"T{i},储罐{i},tank,E001,120.7,41.8,5,{i}" for i in range(5_000)))
    )
    assert outcome(report) == (5_000, 0, 0, 0)
    with park.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Equipment)) == 5_000
        assert session.scalar(select(func.count()).select_from(ImportRow)) == 5_000
    assert park.http.get("/api/v1/search", params={"q": "储罐4321"}).json()[0]["code"] == "T4321"


@pytest.mark.parametrize("kind", ["equipment", "enterprises", "places", "units", "cameras", "people"])
@pytest.mark.parametrize("format", ["csv", "xlsx", "geojson"])
def test_what_is_exported_imports_unchanged(park: Park, kind: str, format: str) -> None:  # noqa: A002
    owner = park.make(
        "enterprises",
        code="E001",
        name="=HYPERLINK(1)",
        industry="new_energy",
        geometry={"type": "Point", "coordinates": [120.5, 41.5]},
    )
    zone = park.make(
        "zones",
        code="Z1",
        geometry={"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]},
        properties={"height": 1.5},
    )
    park.make("units", code="U1", enterprise_id=owner["id"])
    park.make(
        "equipment",
        code="T1",
        kind="tank",
        enterprise_id=owner["id"],
        unit_id=1,
        zone_id=zone["id"],
        height_m=-0.0,
    )
    park.make(
        "cameras",
        code="C1",
        kind="lookout",
        azimuth_deg=359.5,
        geometry={"type": "Point", "coordinates": [120.5, 41.5]},
    )
    park.make("people", code="P1", name="+86", phone="+86 10 1234")
    answer = park.http.get(f"/api/v1/registry/export/{kind}", params={"format": format})
    if format == "geojson" and kind == "people":
        assert answer.json()["code"] == "registry.no_position"
        return
    assert answer.status_code == 200
    report = park.load(kind, answer.content, f"x.{format}")
    assert (report["problem"], report["refused"], report["accepted"], report["updated"]) == (None, 0, 0, 0), (
        report
    )
    assert int(str(report["unchanged"])) == park.http.get(f"/api/v1/{kind}").json()["total"]


def test_exports_do_not_run_in_spreadsheets(park: Park) -> None:
    for i, name in enumerate(("=1+1", "+1", "-1", "@SUM(A1)")):
        park.make("people", code=f"P{i}", name=name)
    text = park.http.get("/api/v1/registry/export/people").content.decode("utf-8-sig")
    names = [row["name"] for row in csv.DictReader(io.StringIO(text))]
    assert names == ["'=1+1", "'+1", "'-1", "'@SUM(A1)"]
    book = load_workbook(io.BytesIO(park.http.get("/api/v1/registry/export/people?format=xlsx").content))
    sheet = book.active
    assert sheet is not None
    assert {c.data_type for row in sheet.iter_rows(min_row=2) for c in row if c.value is not None} == {"s"}


def test_exports_keep_to_the_scope(park: Park) -> None:
    mine, other = park.make("enterprises", code="E001"), park.make("enterprises", code="E002")
    park.make("people", code="P1", enterprise_id=mine["id"])
    park.make("people", code="P2", enterprise_id=other["id"])
    park.who = caller("integrator", int(str(mine["id"])))
    text = park.http.get("/api/v1/registry/export/people").content.decode("utf-8-sig")
    assert [r["code"] for r in csv.DictReader(io.StringIO(text))] == ["P1"]


def test_the_template_names_every_column(park: Park) -> None:
    for kind in KINDS.values():
        text = park.http.get(f"/api/v1/registry/import/{kind.name}/template").content.decode("utf-8-sig")
        source = open_file(io.BytesIO((text + "x\n").encode()), "t.csv")
        assert source.columns == columns.names(kind)


CELLS = st.one_of(
    st.text(max_size=12),
    st.floats(),
    st.integers(),
    st.booleans(),
    st.none(),
    st.just("{}"),
    st.just("POINT(1 2)"),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(sorted(KINDS)),
    heads=st.lists(st.one_of(st.sampled_from(("code", "name", "kind", "geometry", "properties", "longitude", "latitude", "properties.x", "chemical", "height_m", "valid_from", "enterprise_code")), st.text(max_size=6)), max_size=6),
    rows=st.lists(st.lists(CELLS, max_size=7), max_size=4),
)  # fmt: skip
def test_tables_of_nonsense_are_reported_never_raised(
    park: Park, kind: str, heads: list[str], rows: list[list[object]]
) -> None:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(heads)
    writer.writerows(rows)
    report = park.load(kind, buffer.getvalue().encode("utf-8", "surrogatepass"))
    counted = sum(int(str(report[k])) for k in ("accepted", "updated", "unchanged", "refused"))
    assert counted == report["total"]


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(("type", "coordinates", "geometry", "properties", "code", "name", "id", "h", "kind", "longitude")), inner, max_size=5)),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=st.sampled_from(sorted(KINDS)), features=st.lists(JSON, max_size=4))
def test_geojson_nonsense_is_reported_never_raised(park: Park, kind: str, features: list[object]) -> None:
    content = json.dumps({"type": "FeatureCollection", "features": features}).encode("utf-8", "surrogatepass")
    report = park.load(kind, content, "x.geojson")
    assert report["problem"] is None
    assert report["refused"] + report["accepted"] + report["updated"] + report["unchanged"] == len(features)  # type: ignore[operator]


@settings(max_examples=150, deadline=None)
@given(
    prefix=st.sampled_from((b"", b"PK\x03\x04", b"{", b"\xef\xbb\xbf", b"code,name\n", b"\xff\xfe", b'{"type":"FeatureCollection","features":[')),
    content=st.binary(max_size=200),
    name=st.sampled_from(("a.csv", "a.xlsx", "a.json", "")),
)  # fmt: skip
def test_bytes_of_nonsense_read_as_rows_or_as_a_named_problem(
    prefix: bytes, content: bytes, name: str
) -> None:
    try:
        source = open_file(io.BytesIO(prefix + content), name)
        assert all(row.number >= 1 for row in source.rows)
    except FileProblem as problem:
        assert problem.reason.startswith("registry.import.")
