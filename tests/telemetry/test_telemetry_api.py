"""Routes of telemetry over a real server: points, import, export, ingest status, rejects, scope."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import openpyxl
import pytest
from tests.telemetry.kit import NOW, batch
from tests.telemetry.site import Site

from parksight.telemetry.units import QUANTITIES


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path) as made:
        yield made


def make(client: httpx.Client, code: str = "E1.T1", **fields: Any) -> httpx.Response:
    body = {"code": code, "name": "储罐温度", "quantity": "temperature", "period_s": 10, **fields}
    return client.post("/api/v1/points", json=body)


def test_point_life(site: Site) -> None:
    admin = site.client("administrator")
    made = make(admin, source_unit="degF", enterprise_id=1, kind="tank.temperature")
    assert made.status_code == 201, made.text
    point = made.json()
    assert (point["unit"], point["version"], point["last"]["state"]) == ("degC", 1, "unknown")
    assert point["last"]["value"] is None
    assert make(admin).status_code == 409

    site.submit(batch([point["id"]], NOW, 212.0))
    seen = admin.get(f"/api/v1/points/{point['id']}").json()
    assert seen["last"]["value"] == pytest.approx(100.0)
    assert (seen["last"]["state"], seen["last"]["age_s"], seen["last"]["quality_code"]) == (
        "online",
        0.0,
        "good",
    )

    site.clock.advance(31)
    listed = admin.get("/api/v1/points", params={"state": "stale", "kind": "tank"}).json()
    assert [p["code"] for p in listed["items"]] == ["E1.T1"]
    assert admin.get("/api/v1/points", params={"state": "online"}).json()["total"] == 0

    url = f"/api/v1/points/{point['id']}"
    assert admin.patch(url, json={"version": 1, "unit": "K"}).status_code == 409  # holds values in degC
    changed = admin.patch(url, json={"version": 1, "period_s": 60, "plausible_high": 90})
    assert changed.json()["version"] == 2
    assert admin.patch(url, json={"version": 1, "name": "x"}).status_code == 409
    assert admin.patch(url, json={"version": 2, "name": None}).status_code == 422
    assert admin.patch(url, json={"version": 2, "plausible_low": 95}).status_code == 422
    assert admin.get(url).json()["last"]["state"] == "online"  # 31 s is fresh for a 60 s point

    assert admin.delete(url, params={"version": 2}).status_code == 409
    empty = make(admin, "E1.T2").json()
    assert admin.delete(f"/api/v1/points/{empty['id']}", params={"version": 1}).status_code == 204
    assert admin.get(f"/api/v1/points/{empty['id']}").status_code == 404
    audited = {e.action for e in site.audit()}
    assert {"telemetry.point.create", "telemetry.point.update", "telemetry.point.delete"} <= audited


def test_errors_say_what_and_what_to_do(site: Site) -> None:
    admin = site.client("administrator")
    wrong = make(admin, unit="ppm")
    assert wrong.status_code == 422
    assert "degF" in wrong.text
    assert make(admin, quantity="colour").status_code == 422
    missing = make(admin, enterprise_id=77)
    assert missing.status_code == 422
    assert "77" in missing.json()["detail"]
    assert admin.get("/api/v1/points", params={"sort": "secret"}).status_code == 422
    chinese = admin.get("/api/v1/points", params={"sort": "secret"}, headers={"accept-language": "zh"}).json()
    assert "排序" in chinese["detail"]


def test_enterprises_see_their_own_points_only(site: Site) -> None:
    admin, one = site.client("administrator"), site.client("enterprise_user", enterprises=[1])
    mine = make(admin, "A", enterprise_id=1).json()
    other = make(admin, "B", enterprise_id=2).json()
    zone = make(admin, "C").json()
    assert [p["code"] for p in one.get("/api/v1/points").json()["items"]] == ["A"]
    assert one.get(f"/api/v1/points/{mine['id']}").status_code == 200
    for hidden in (other, zone):
        assert one.get(f"/api/v1/points/{hidden['id']}").status_code == 404
        assert one.get(f"/api/v1/points/by-code/{hidden['code']}").status_code == 404
    assert make(one, "D", enterprise_id=1).status_code == 403
    assert one.get("/api/v1/ingest/rejects").status_code == 403
    assert one.get("/api/v1/ingest/status").json()["sources"] == []
    assert site.client(None).get("/api/v1/points").status_code == 401


def test_import_reports_every_row_and_export_reads_back(site: Site) -> None:
    admin = site.client("administrator")
    table = (
        "code,name,quantity,unit,enterprise_code,period_s,active,properties.loop\r\n"
        "P1,一号罐液位,level,m,E1,10,是,LT-101\r\n"
        "P2,二号罐液位,level,kPa,E1,10,是,\r\n"
        "P3,三号罐液位,level,m,E9,10,是,\r\n"
        "P1,重复,level,m,E1,10,是,\r\n"
        "P4,四号罐液位,level,m,E2,abc,是,\r\n"
        "P5,五号罐液位,level,,E2,5,否,\r\n"
    )
    rehearsal = admin.post(
        "/api/v1/points/import", params={"dry_run": True}, files={"file": ("p.csv", table)}
    )
    assert rehearsal.json()["accepted"] == 2
    assert admin.get("/api/v1/points", params={"active": False}).json()["total"] == 0
    report = admin.post("/api/v1/points/import", files={"file": ("p.csv", table)}).json()
    assert {k: report[k] for k in ("total", "accepted", "refused")} == {
        "total": 6,
        "accepted": 2,
        "refused": 4,
    }
    assert [(r["row"], r["column"]) for r in report["rows"]] == [
        (3, None), (4, "enterprise_code"), (5, "code"), (6, "period_s"),
    ]  # fmt: skip
    assert all(r["text"] for r in report["rows"])
    point = admin.get("/api/v1/points/by-code/P1").json()
    assert (point["properties"], point["enterprise_id"]) == ({"loop": "LT-101"}, 1)
    inactive = admin.get("/api/v1/points/by-code/P5").json()
    assert (inactive["active"], inactive["unit"]) == (False, "m")
    for form in ("csv", "xlsx"):
        exported = admin.get("/api/v1/points/export", params={"format": form})
        again = admin.post("/api/v1/points/import", files={"file": (f"p.{form}", exported.content)}).json()
        assert (again["total"], again["unchanged"]) == (1, 1), again  # the export leaves inactive points out
    lines = list(csv.DictReader(io.StringIO(admin.get("/api/v1/points/export").content.decode("utf-8-sig"))))
    assert lines[0]["enterprise_code"] == "E1"
    more = "code,priority\r\nP1,7\r\n"
    assert admin.post("/api/v1/points/import", files={"file": ("p.csv", more)}).json()["updated"] == 1
    assert admin.get("/api/v1/points/by-code/P1").json()["priority"] == 7
    bad = admin.post("/api/v1/points/import", files={"file": ("p.csv", "code,colour\r\nP1,red\r\n")}).json()
    assert bad["problem"] == "registry.import.column_unknown"


def test_thousands_of_rows_are_one_import(site: Site) -> None:
    admin = site.client("administrator")
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(["code", "name", "quantity", "enterprise_code", "period_s"])
    for i in range(3000):
        sheet.append([f"X{i}", f"点 {i}", "power", "E1", 10])
    file = io.BytesIO()
    book.save(file)
    report = admin.post("/api/v1/points/import", files={"file": ("p.xlsx", file.getvalue())}).json()
    assert (report["accepted"], report["refused"]) == (3000, 0)
    assert site.telemetry.catalogue.current().flags.sum() == 3000
    first = admin.get("/api/v1/points/by-code/X2999").json()["id"]
    assert site.submit(batch([first])).stored == 1


def test_ingest_status_adds_up_and_rejects_can_be_read(site: Site) -> None:
    admin = site.client("administrator")
    point = make(admin).json()["id"]
    site.submit(batch([point, -1, -1], NOW, [1.0, 2.0, 3.0], source=4, raw="##报文".encode()))
    site.telemetry.pipeline.reject(0, "bad_crc", 2, b"\xff\x00")
    status = admin.get("/api/v1/ingest/status", headers={"accept-language": "en"}).json()
    counters = status["counters"]
    assert counters == {
        "received": 5, "stored": 1, "rejected": {"unmapped": 2, "bad_crc": 2}, "in_flight": 0,
    }  # fmt: skip
    assert status["reasons"]["unmapped"] == "address maps to no point"
    assert {s["source"]: s["received"] for s in status["sources"]} == {4: 3, 0: 2}
    assert status["figures"]["limits"]["max_in_flight_rows"] > 0
    rejects = admin.get("/api/v1/ingest/rejects").json()["items"]
    assert [(r["reason"], r["raw_text"], r["raw_hex"]) for r in rejects] == [
        ("bad_crc", None, "ff00"), ("unmapped", "##报文", "##报文".encode().hex()),
    ]  # fmt: skip
    assert rejects[1]["rows"] == [[-1, NOW, 2.0, 0], [-1, NOW, 3.0, 0]]
    assert admin.get("/api/v1/ingest/rejects", params={"reason": "nothing"}).json()["items"] == []


def test_metrics_and_vocabulary(site: Site) -> None:
    from prometheus_client import generate_latest

    admin = site.client("administrator")
    point = make(admin).json()["id"]
    site.submit(batch([point]))
    text = generate_latest(site.app.state.metrics).decode()
    assert "parksight_ingest_stored_total 1.0" in text
    assert 'parksight_points{state="online"} 1.0' in text
    words = admin.get("/api/v1/points/vocabulary", headers={"accept-language": "zh"}).json()
    assert [q["key"] for q in words["quantities"]] == list(QUANTITIES)
    assert next(q for q in words["quantities"] if q["key"] == "temperature")["label"] == "温度"


def test_forensics_find_mark_and_forget(site: Site) -> None:
    admin = site.client("administrator")
    point = make(admin, resolution=0.1, period_s=60).json()["id"]
    rng = np.random.default_rng(7)
    values = np.round(20 + rng.normal(0, 1, 600), 1)
    values[400:500] = values[400]
    times = NOW - (600 - np.arange(600)) * 60_000
    site.submit(batch([point] * 600, times.tolist(), values.tolist(), backfill=True))
    ran = admin.post("/api/v1/forensics/run", json={"points": [point]})
    assert ran.json() == {"points": 1, "findings": 1}, ran.text
    found = admin.get("/api/v1/forensics/findings").json()["items"]
    assert [(f["kind"], f["state"], f["marked"]) for f in found] == [("flat_line", "open", 100)]
    assert np.count_nonzero(site.store.all().quality == 2) == 100
    assert admin.post("/api/v1/forensics/run", json={"points": [point]}).json()["findings"] == 0
    url = f"/api/v1/forensics/findings/{found[0]['id']}"
    review = {"version": found[0]["version"], "state": "dismissed", "note": "检修停车"}
    assert admin.patch(url, json=review).json()["reviewed_by"]
    assert np.count_nonzero(site.store.all().quality == 2) == 0
    assert admin.patch(url, json=review).status_code == 409
    assert admin.post("/api/v1/forensics/run", json={"points": [point]}).json()["findings"] == 0
    one = site.client("enterprise_user", enterprises=[1])
    assert one.get("/api/v1/forensics/findings").json()["total"] == 0
    assert one.patch(url, json=review).status_code == 403
