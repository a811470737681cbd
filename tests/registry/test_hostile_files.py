"""Files made to hurt: bombs, deep nesting, damaged workbooks. Each is refused with a reason, none raises."""

from __future__ import annotations

import io
import zipfile

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.registry.kit import Park

from parksight.registry.transfer import readers
from parksight.registry.transfer.readers import FileProblem, open_file


def workbook() -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["code", "name"])
    for i in range(20):
        sheet.append([f"E{i}", f"企业{i}"])
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def repacked(content: bytes, change: dict[str, bytes]) -> bytes:
    """The workbook with some of its parts replaced."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, change.get(name, old.read(name)))
    return buffer.getvalue()


GOOD = workbook()


def rows(content: bytes, name: str = "a.xlsx") -> int:
    return sum(1 for _ in open_file(io.BytesIO(content), name).rows)


@settings(max_examples=150, deadline=None)
@given(
    changes=st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=6),
    cut=st.integers(0, len(GOOD)),
)
def test_damaged_workbooks_are_read_or_refused(changes: list[tuple[int, int]], cut: int) -> None:
    content = bytearray(GOOD)
    for position, value in changes:
        content[position] = value
    for damaged in (bytes(content), bytes(content[:cut])):
        try:
            rows(damaged)
        except FileProblem as problem:
            assert problem.reason.startswith("registry.import.")


@settings(max_examples=100, deadline=None)
@given(
    part=st.sampled_from(
        ("xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/styles.xml", "[Content_Types].xml")
    ),
    at=st.floats(0, 1),
    text=st.binary(max_size=20),
)
def test_damaged_parts_of_workbooks_are_read_or_refused(part: str, at: float, text: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(GOOD)) as archive:
        content = archive.read(part)
    position = int(at * len(content))
    damaged = repacked(GOOD, {part: content[:position] + text + content[position + len(text) :]})
    try:
        rows(damaged)
    except FileProblem as problem:
        assert problem.reason.startswith("registry.import.")


def test_an_archive_that_explodes_is_refused_before_unpacking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "MAX_UNPACKED", 5_000_000)
    bomb = repacked(GOOD, {"docProps/app.xml": b"0" * 6_000_000})
    assert len(bomb) < 50_000
    with pytest.raises(FileProblem, match="unpacked_too_large"):
        rows(bomb)


def test_entities_are_not_expanded() -> None:
    laughs = b"".join(b'<!ENTITY a%d "%s">' % (i, b"&a%d;" % (i - 1) * 10 if i else b"ha") for i in range(9))
    sheet = (
        b'<?xml version="1.0"?><!DOCTYPE worksheet ['
        + laughs
        + b']><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        b'<sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>&a8;</t></is></c></row></sheetData></worksheet>'
    )
    assert openpyxl.DEFUSEDXML
    with pytest.raises(FileProblem, match="xlsx_broken"):
        rows(repacked(GOOD, {"xl/worksheets/sheet1.xml": sheet}))


@pytest.mark.parametrize(
    "content",
    [
        b'{"type":"FeatureCollection","features":' + b"[" * 100_000,
        b'{"type":"FeatureCollection","features":[' + b'{"properties":' * 50_000 + b"1" + b"}" * 50_000 + b"]}",
        b'{"type":"FeatureCollection","features":[{"type":"Feature","geometry":{"type":"Polygon","coordinates":' + b"[" * 5_000 + b"]" * 5_000 + b'},"properties":{"code":"A","name":"a"}}]}',
        b'{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"code":"A","name":"a","x":1e999}}]}',
    ],
)  # fmt: skip
def test_deep_json_is_refused(park: Park, content: bytes) -> None:
    report = park.load("buildings", content, "a.geojson")
    assert report["problem"] is not None or report["refused"] == report["total"] == 1
    assert report["accepted"] == 0


def test_a_shape_with_too_many_corners_is_refused(park: Park) -> None:
    corners = ",".join(f"[{120 + i / 1e6:.6f},41]" for i in range(50_001))
    feature = f'{{"type":"Feature","geometry":{{"type":"LineString","coordinates":[{corners}]}},"properties":{{"code":"R","name":"r"}}}}'
    report = park.load(
        "roads", f'{{"type":"FeatureCollection","features":[{feature}]}}'.encode(), "a.geojson"
    )
    assert [r["reason"] for r in report["rows"]] == ["registry.geometry.too_many_vertices"]  # type: ignore[attr-defined]


def test_names_of_files_are_kept_printable(park: Park) -> None:
    report = park.load("people", b"code,name\nP1,a\n", "a\x00\n" + "x" * 400 + ".csv")
    assert str(report["filename"]).isprintable()
    assert len(str(report["filename"])) <= 255
