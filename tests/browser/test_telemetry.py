"""Trends, points and forensics as people use them: curves, filters, files, verdicts."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.living import Site

pytestmark = pytest.mark.browser


def some_points(site: Site, count: int, username: str = "admin", **narrowed: object) -> list[dict]:
    with site.client(username) as client:
        answer = client.get("/api/v1/points", params={"limit": count, "state": "online", **narrowed})
        answer.raise_for_status()
        return answer.json()["items"]


def save(page: Page, press: Callable[[], None], folder: Path) -> Path:
    with page.expect_download() as found:
        press()
    target = folder / found.value.suggested_filename
    found.value.save_as(target)
    return target


def test_trend_draws_curves_with_statistics_and_a_link_that_shares_them(page: Page, site: Site) -> None:
    points = some_points(site, 2, kind="energy.active_power")
    ids = ",".join(str(p["id"]) for p in points)
    page.goto(f"{site.url}/trends?points={ids}")
    expect(page.locator(".u-over")).to_be_visible()
    rows = page.get_by_role("row").filter(has=page.get_by_role("button", name=points[0]["name"], exact=True))
    expect(rows.first).to_contain_text("%")
    expect(rows.first.get_by_role("cell").nth(2)).to_have_text(re.compile(r"\d"))
    # The picture is not empty: some pixel of the canvas is inked.
    inked = page.evaluate(
        "(() => { const c = document.querySelector('.uplot canvas');"
        " const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        " let n = 0; for (let i = 3; i < d.length; i += 4) if (d[i] > 200) n++; return n })()"
    )
    assert inked > 500


def test_zooming_asks_the_server_again_for_finer_buckets(page: Page, site: Site) -> None:
    point = some_points(site, 1, kind="energy.active_power")[0]
    page.goto(f"{site.url}/trends?points={point['id']}")
    over = page.locator(".u-over")
    expect(over).to_be_visible()
    page.wait_for_timeout(500)
    box = over.bounding_box()
    assert box is not None
    with page.expect_response(lambda r: "/observations/buckets" in r.url) as answer:
        page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 60)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.99, box["y"] + 70, steps=4)
        page.mouse.up()
    asked = answer.value.json()
    assert asked["width_ms"] < 60_000
    assert asked["end"] - asked["start"] < 2 * 3_600_000
    expect(page).to_have_url(re.compile(r"from=.*to="))
    page.keyboard.press("Tab")
    page.locator(".chart").focus()
    page.keyboard.press("0")
    expect(page).not_to_have_url(re.compile("from="))


def test_trend_by_keyboard_and_as_a_table(page: Page, site: Site) -> None:
    point = some_points(site, 1, kind="energy.active_power")[0]
    page.goto(f"{site.url}/trends?points={point['id']}")
    expect(page.locator(".u-over")).to_be_visible()
    page.locator(".chart").focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("columnheader", name="光标处")).to_be_visible()
    page.get_by_role("button", name="数据表").click()
    table = page.get_by_role("table", name="数据表")
    expect(table.get_by_role("row").nth(1)).to_contain_text(re.compile(r"\d{2}:\d{2}:\d{2}"))


def test_raw_readings_leave_as_a_file(page: Page, site: Site, tmp_path: Path) -> None:
    point = some_points(site, 1, kind="energy.active_power")[0]
    page.goto(f"{site.url}/trends?points={point['id']}")
    expect(page.locator(".u-over")).to_be_visible()
    file = save(page, lambda: page.get_by_role("button", name="CSV", exact=True).click(), tmp_path)
    text = file.read_text(encoding="utf-8-sig")
    assert point["code"] in text
    assert len(text.splitlines()) > 5


def test_points_narrow_by_text_and_keep_it_in_the_address(page: Page, site: Site) -> None:
    point = some_points(site, 1)[0]
    page.goto(f"{site.url}/points")
    rows = page.get_by_role("table", name="测点").get_by_role("row")
    expect(rows).to_have_count(51)
    page.get_by_label("名称或编码").fill(point["code"])
    expect(page).to_have_url(re.compile("q="))
    expect(rows).to_have_count(2)
    expect(rows.nth(1)).to_contain_text(point["code"])
    page.reload()
    expect(rows).to_have_count(2)
    rows.nth(1).get_by_role("button", name=point["name"]).click()
    drawer = page.get_by_role("dialog")
    expect(drawer).to_contain_text("数据来源")
    drawer.get_by_role("link", name="看趋势").click()
    expect(page).to_have_url(re.compile(f"/trends.*points={point['id']}"))


def test_values_on_the_list_are_alive(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/points?kind=energy.active_power")
    table = page.get_by_role("table", name="测点")
    expect(table.get_by_role("row").nth(1)).to_be_visible()
    values = table.locator(".figure")
    first = values.all_inner_texts()
    for _ in range(60):
        page.wait_for_timeout(500)
        if values.all_inner_texts() != first:
            break
    assert values.all_inner_texts() != first


def test_list_of_points_leaves_as_a_file(page: Page, site: Site, tmp_path: Path) -> None:
    page.goto(f"{site.url}/points?kind=energy.active_power")
    expect(page.get_by_role("table", name="测点")).to_be_visible()
    file = save(page, lambda: page.get_by_role("button", name="导出列表 CSV").click(), tmp_path)
    lines = file.read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) > 5
    assert all("energy.active_power" in line for line in lines[1:])


def test_a_file_of_points_is_rehearsed_and_reported_row_by_row(
    page: Page, site: Site, tmp_path: Path
) -> None:
    file = tmp_path / "points.csv"
    file.write_text(
        "code,name,quantity,unit\nTEST.IMPORT.1,导入试验,temperature,degC\nTEST.IMPORT.2,坏行,temperature,kW\n",
        encoding="utf-8",
    )
    page.goto(f"{site.url}/points")
    page.get_by_role("button", name="导入", exact=True).click()
    dialog = page.get_by_role("dialog")
    take = dialog.get_by_role("button", name="导入", exact=True)
    expect(take).to_be_disabled()
    dialog.locator("input[type=file]").set_input_files(file)
    dialog.get_by_role("button", name="试算").click()
    expect(dialog.get_by_role("row", name=re.compile("TEST.IMPORT.2"))).to_be_visible()
    take.click()
    expect(dialog).to_contain_text("已导入")
    with site.client() as client:
        assert client.get("/api/v1/points/by-code/TEST.IMPORT.1").status_code == 200
        assert client.get("/api/v1/points/by-code/TEST.IMPORT.2").status_code == 404


def test_a_finding_is_shown_with_its_evidence_and_dismissed(page: Page, site: Site) -> None:
    point = some_points(site, 1, kind="energy.active_power")[0]
    with site.client() as client:
        limit = {"version": point["version"], "plausible_low": 1e6, "plausible_high": 2e6}
        client.patch(f"/api/v1/points/{point['id']}", json=limit).raise_for_status()
        client.post("/api/v1/forensics/run", json={"points": [point["id"]]}).raise_for_status()
    page.goto(f"{site.url}/forensics?kind=out_of_range&point_id={point['id']}")
    row = page.get_by_role("row").filter(has_text=point["code"]).first
    expect(row).to_contain_text("超出合理范围")
    expect(row).to_contain_text("下限")
    row.get_by_role("button", name="排除").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("说明").fill("试验限值")
    dialog.get_by_role("button", name="保存").click()
    expect(row).to_contain_text("已排除")
    expect(row).to_contain_text("试验限值")


def test_an_enterprise_user_meets_only_own_points(sign_in: Callable[..., Page], site: Site) -> None:
    with site.client("firm-user") as client:
        own = client.get("/api/v1/session").json()["enterprises"]
        assert own
    strangers = [p for p in some_points(site, 1000) if p["enterprise_id"] not in own]
    assert strangers
    page = sign_in("firm-user")
    page.goto(f"{site.url}/points?q={strangers[0]['code']}")
    expect(page.get_by_text("没有符合条件的测点")).to_be_visible()
