"""The desk: search in every word, lists as files and on paper, kept lists, one transition for many cases."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook
from pypdf import PdfReader
from tests.cases.kit import Zone

from parksight.cases import search
from parksight.cases.models import Case


def _open(zone: Zone, title: str, name: str = "planner", **more: object) -> dict[str, Any]:
    body = {"type": "cases.report", "title": title, "fields": {"category": "safety"}, **more}
    answer = zone.as_(name).post("/api/v1/cases", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def _numbers(zone: Zone, q: str, name: str = "operator") -> set[str]:
    found = zone.as_(name).get("/api/v1/cases", params={"q": q}).json()
    return {c["number"] for c in found["items"]}


@pytest.fixture(params=[True, False], ids=["trigrams", "scanned"])
def indexed(request: pytest.FixtureRequest, zone: Zone) -> Zone:
    if request.param:
        search.install(zone.db.engine)
        search.install(zone.db.engine)  # once is enough
    return zone


def test_words_are_found_wherever_they_stand(indexed: Zone) -> None:
    zone = indexed
    one = _open(zone, "罐区围堰开裂", description="Crack in the bund wall, 100%", enterprise_id=1)
    two = _open(zone, "南门照明不亮", enterprise_id=2)
    zone.as_("operator").post(f"/api/v1/cases/{two['id']}/comments", json={"text": "电工已到场 electrician"})
    assert _numbers(zone, "围堰") == {one["number"]}
    assert _numbers(zone, "罐区围") == {one["number"]}
    assert _numbers(zone, "BUND wall") == {one["number"]}
    assert _numbers(zone, "100%") == {one["number"]}
    assert _numbers(zone, "电工") == _numbers(zone, "ELECTRIC") == {two["number"]}
    assert _numbers(zone, "照明 electrician") == {two["number"]}  # title and comment
    assert _numbers(zone, "围堰 照明") == set()
    assert _numbers(zone, one["number"][-4:]) == {one["number"]}
    assert _numbers(zone, "围堰", "boss2") == set()  # not theirs
    assert _numbers(zone, "_") == set()


def test_a_changed_title_is_found_anew(zone: Zone) -> None:
    search.install(zone.db.engine)
    case = _open(zone, "路灯不亮", enterprise_id=1)
    answer = zone.as_("operator").patch(
        f"/api/v1/cases/{case['id']}", json={"title": "井盖缺失", "reason": "误报"}
    )
    if answer.status_code == 200:
        assert _numbers(zone, "井盖缺") == {case["number"]}
        assert _numbers(zone, "路灯不") == set()
    else:  # only owner or supervisor may
        assert answer.status_code == 403


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(q=st.text(max_size=100))
def test_no_query_breaks_the_search(zone: Zone, q: str) -> None:
    search.install(zone.db.engine)
    with zone.db.read() as session:
        session.query(Case).where(search.matching(session, q)).all()


def test_the_list_as_files_recomputes_its_figures(zone: Zone) -> None:
    for n in range(3):
        _open(zone, f"=裂缝{n}", enterprise_id=1 + n % 2)
    listed = zone.as_("operator").get("/api/v1/cases").json()
    raw = zone.as_("operator").get("/api/v1/cases/export", params={"format": "csv"})
    rows = list(csv.DictReader(io.StringIO(raw.content.decode("utf-8-sig"))))
    assert {r["number"] for r in rows} == {c["number"] for c in listed["items"]}
    assert all(r["title"].startswith("'=") for r in rows)
    assert {json.loads(r["fields"])["category"] for r in rows} == {"safety"}
    book = zone.as_("operator").get("/api/v1/cases/export", params={"format": "xlsx", "enterprise_id": 1})
    page = load_workbook(io.BytesIO(book.content)).active
    assert page is not None
    assert page.max_row == 1 + 2
    own = zone.as_("boss1").get("/api/v1/cases/export", params={"format": "csv"})
    if own.status_code == 200:
        assert own.content.count(b"SP-") == 2


def test_a_case_and_a_list_on_paper(zone: Zone) -> None:
    case = _open(zone, "罐区围堰开裂", description="东侧 #read(x) $", enterprise_id=1)
    zone.as_("operator").post(f"/api/v1/cases/{case['id']}/comments", json={"text": "已通知企业"})
    for language, word in (("zh-CN", "处理记录"), ("en", "History")):
        answer = zone.as_("operator").get(
            f"/api/v1/cases/{case['id']}/pdf", headers={"accept-language": language}
        )
        text = "".join("".join(p.extract_text().split()) for p in PdfReader(io.BytesIO(answer.content)).pages)
        for shown in (
            case["number"],
            "罐区围堰开裂",
            "东侧#read(x)$",
            "已通知企业",
            word,
            case["head_hash"][:0],
        ):
            assert shown in text
    listed = zone.as_("operator").get("/api/v1/cases/export", params={"format": "pdf"})
    assert case["number"] in "".join(p.extract_text() for p in PdfReader(io.BytesIO(listed.content)).pages)
    assert zone.as_("boss2").get(f"/api/v1/cases/{case['id']}/pdf").status_code in (403, 404)


def test_kept_lists_are_ones_own(zone: Zone) -> None:
    kept = zone.as_("operator").post(
        "/api/v1/cases/filters", json={"name": "逾期", "query": {"light": "red"}}
    )
    assert kept.status_code == 201
    again = zone.as_("operator").post(
        "/api/v1/cases/filters", json={"name": "逾期", "query": {"box": "mine"}}
    )
    assert again.json() == {"id": kept.json()["id"], "name": "逾期", "query": {"box": "mine"}}
    assert zone.as_("safety").get("/api/v1/cases/filters").json() == []
    assert zone.as_("safety").delete(f"/api/v1/cases/filters/{kept.json()['id']}").status_code == 404
    for n in range(49):
        zone.as_("operator").post("/api/v1/cases/filters", json={"name": f"f{n}", "query": {}})
    full = zone.as_("operator").post("/api/v1/cases/filters", json={"name": "one more", "query": {}})
    assert (full.status_code, full.json()["code"]) == (409, "cases.filter.too_many")
    assert zone.as_("operator").delete(f"/api/v1/cases/filters/{kept.json()['id']}").status_code == 204


def test_many_at_once_are_each_done_or_named(zone: Zone) -> None:
    cases = [_open(zone, f"裂缝{n}", enterprise_id=1) for n in range(3)]
    zone.as_("operator").post(f"/api/v1/cases/{cases[2]['id']}/comments", json={"text": "又看了一次"})
    items = [{"id": c["id"], "version": c["version"]} for c in cases]
    body = {"items": items, "transition": "assign", "fields": {"grade": "ordinary", "to_enterprise": 1}}
    answer = zone.as_("operator").post("/api/v1/cases/bulk", json=body).json()
    assert answer["done"] == [cases[0]["id"], cases[1]["id"]]
    assert [(r["id"], r["number"], r["code"]) for r in answer["refused"]] == [
        (cases[2]["id"], cases[2]["number"], "cases.changed")
    ]
    assert {c["state"] for c in zone.as_("operator").get("/api/v1/cases").json()["items"]} == {
        "assigned",
        "reported",
    }
    unsafe = zone.as_("operator").post(
        "/api/v1/cases/bulk", json={"items": items[2:], "transition": "dismiss"}
    )
    assert unsafe.json()["refused"][0]["code"] == "cases.bulk.unsafe"
    twice = {"items": [items[0], items[0]], "transition": "assign"}
    assert zone.as_("operator").post("/api/v1/cases/bulk", json=twice).status_code == 422
    other = (
        zone.as_("boss2").post("/api/v1/cases/bulk", json={"items": items[:1], "transition": "accept"}).json()
    )
    assert (other["refused"][0]["code"], other["refused"][0]["number"]) == ("kernel.not_found", "")
