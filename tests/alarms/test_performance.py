"""Alarm performance: every figure recomputes from the export, with the standard's own formulas."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
import pytest
from openpyxl import load_workbook
from tests.alarms.kit import NOW, Watch, caller, step
from tests.alarms.test_handling import post

from parksight.standards import isa18

DAY = 86_400


@pytest.fixture
def month(watch: Watch) -> Watch:
    """Alarms spread over a day: a chatterer, a standing one, handled ones, a shelved one."""
    for i in range(1, 7):
        watch.rule(i, h=step(40, priority=1 + i % 4))
    watch.clock.advance(60)
    watch.feed((1, 1, 50.0), (2, 2, 50.0), (2, 30, 0.0), (3, 3, 50.0))
    watch.feed(*((4, 10 + 0.5 * i, 50.0 if i % 2 == 0 else 0.0) for i in range(40)))
    watch.alarms()
    watch.who = caller("duty_operator")
    watch.clock.advance(30)
    post(watch, "1/acknowledge")
    watch.clock.advance(90)
    post(watch, "2/acknowledge")
    post(watch, "2/close", cause="nuisance")
    post(watch, "3/shelve", reason="检修", minutes=10)
    watch.second(3600)  # the shelf ends now, not whenever the service's own thread next looks
    watch.feed(*((5, 3700 + 20 * i, 50.0 if i % 2 == 0 else 0.0) for i in range(4)))
    watch.second(0)
    watch.alarms()
    watch.who = caller("administrator")
    return watch


def figures(watch: Watch, **query: Any) -> dict[str, Any]:
    answer = watch.http.get("/api/v1/alarms/performance", params=query)
    assert answer.status_code == 200, answer.text
    out: dict[str, Any] = answer.json()
    return out


def exported(watch: Watch, form: str, **query: Any) -> list[dict[str, Any]]:
    content = watch.http.get("/api/v1/alarms/performance/export", params={"format": form, **query}).content
    if form == "csv":
        return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    sheet = load_workbook(io.BytesIO(content)).active
    assert sheet is not None
    heads, *lines = sheet.iter_rows(values_only=True)
    return [dict(zip(map(str, heads), line, strict=True)) for line in lines]


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_the_export_recomputes_to_the_same_figures(month: Watch, form: str) -> None:
    window = {"start": NOW - DAY * 1000, "end": NOW + DAY * 1000}
    shown = {f["name"]: f for f in figures(month, **window)["figures"]}
    rows = exported(month, form, **window)

    def column(name: str) -> Any:
        return np.array([float("nan") if r[name] in (None, "") else float(r[name]) for r in rows])

    at, identity = column("announced_s"), column("identity")
    again = isa18.performance(
        at, identity, column("priority"), column("cleared_s"), window["start"] / 1000, window["end"] / 1000
    )
    for name in (
        "per_day",
        "per_hour",
        "per_10_min",
        "peak_10_min",
        "time_in_flood",
        "top_ten_share",
        "standing",
    ):
        assert shown[name]["value"] == pytest.approx(getattr(again, name)), name
    waits = column("acknowledged_s") - at
    waits = waits[np.isfinite(waits)]
    assert shown["acknowledge_median"]["value"] == pytest.approx(np.median(waits))
    assert shown["acknowledge_p95"]["value"] == pytest.approx(np.percentile(waits, 95))
    closing = column("closed_s") - at
    assert shown["close_median"]["value"] == pytest.approx(np.nanmedian(closing))
    assert shown["chattering"]["value"] == len({r["identity"] for r in rows if int(r["repeats"]) > 0})


def test_figures_stand_beside_the_standards_with_their_confidence(month: Watch) -> None:
    page = figures(month, start=NOW - DAY * 1000, end=NOW + DAY * 1000)
    by_name = {f["name"]: f for f in page["figures"]}
    assert (by_name["per_day"]["acceptable"], by_name["per_day"]["manageable"], by_name["per_day"]["confidence"]) == (
        150, 300, "two_sources",
    )  # fmt: skip
    assert by_name["chattering"]["good"] is False
    assert (page["enough_data"], page["repeats"]) == (False, 17)
    assert [t["point"]["code"] for t in page["chattering"]] == ["P004"]
    assert {s["kind"]: (s["begun"], s["unauthorised"]) for s in page["suppressions"]} == {
        "shelved": (1, 0), "chattering": (1, 0),
    }  # fmt: skip
    assert page["causes"] == {"nuisance": 1}
    assert sum(page["priorities"].values()) == pytest.approx(1.0)


def test_any_window_and_any_enterprise(month: Watch) -> None:
    # two new ones, and the shelved one, announced when its shelf ended
    assert figures(month, start=NOW + 3_600_000, end=NOW + 7_200_000)["annunciated"] == 3
    one = figures(month, start=NOW - DAY * 1000, end=NOW + DAY * 1000, enterprise_id=1)["annunciated"]
    both = figures(month, start=NOW - DAY * 1000, end=NOW + DAY * 1000)["annunciated"]
    month.who = caller("enterprise_manager", 1)
    assert figures(month, start=NOW - DAY * 1000, end=NOW + DAY * 1000)["annunciated"] == one < both
    assert month.http.get("/api/v1/alarms/performance", params={"start": 5, "end": 5}).status_code == 422


def test_the_journal_can_be_taken_away(month: Watch) -> None:
    content = month.http.get("/api/v1/alarms/journal/export", params={"what": "repeated"}).content
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    assert (len(rows), {r["point_code"] for r in rows}) == (17, {"P004"})
