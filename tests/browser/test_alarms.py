"""Alarms as the desk uses them: they appear by themselves, are acknowledged by keyboard, and are never lost."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.living import Site

pytestmark = pytest.mark.browser


def provoke(site: Site, index: int) -> dict:
    """Raise an alarm for real: a meter's limit is put far below what it reads. Returns the point."""
    with site.client() as client:
        found = client.get("/api/v1/points", params={"kind": "energy.active_power", "state": "online"}).json()
        point = found["items"][index]
        rule = client.get("/api/v1/alarm-rules", params={"point_id": point["id"]}).json()["items"][0]
        step = {"limit": -1e6, "deadband": 0.0, "on_delay_s": 0.0, "off_delay_s": 0.0, "priority": 2}
        definition = {**rule["definition"], "hh": None, "h": step, "l": None, "ll": None}
        body = {"version": rule["version"], "definition": definition}
        client.patch(f"/api/v1/alarm-rules/{rule['id']}", json=body).raise_for_status()
        until = time.monotonic() + 90
        while time.monotonic() < until:
            query = {"point_id": point["id"], "state": "unacknowledged"}
            if client.get("/api/v1/alarms", params=query).json()["total"]:
                return point
            time.sleep(0.5)
    raise AssertionError("no alarm was raised within 90 s")


def test_an_alarm_is_acknowledged_by_keyboard_with_a_comment(page: Page, site: Site) -> None:
    point = provoke(site, 0)
    page.goto(f"{site.url}/alarms?point_id={point['id']}")
    row = page.get_by_role("row").filter(has_text=point["code"]).first
    expect(row).to_contain_text("二级")
    page.keyboard.press("j")
    expect(page.locator("[data-row]").first).to_be_focused()
    page.keyboard.press("a")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill("已派人查看")
    page.keyboard.press("Control+Enter")
    expect(dialog).to_be_hidden()
    expect(row).to_contain_text("已派人查看")
    with site.client() as client:
        alarm = client.get("/api/v1/alarms", params={"point_id": point["id"]}).json()["items"][0]
    assert alarm["handling"] == "acknowledged"
    assert alarm["condition"] == "active", "acknowledging does not make an alarm go away"


def test_an_open_alarm_is_listed_whatever_the_window(page: Page, site: Site) -> None:
    point = provoke(site, 1)
    window = "from=2026-01-01T00:00:00.000Z&to=2026-01-01T01:00:00.000Z"
    page.goto(f"{site.url}/alarms?{window}&point_id={point['id']}")
    expect(page.get_by_role("row").filter(has_text=point["code"]).first).to_be_visible()


def test_many_alarms_are_acknowledged_at_once(page: Page, site: Site) -> None:
    points = [provoke(site, i) for i in (2, 3)]
    page.goto(f"{site.url}/alarms?state=unacknowledged&priority=2")
    for point in points:
        row = page.get_by_role("row").filter(has_text=point["code"]).first
        row.get_by_role("checkbox").check()
    page.get_by_role("button", name="确认所选 2 条").click()
    page.get_by_role("dialog").get_by_role("button", name="确认").click()
    for point in points:
        expect(page.get_by_role("row").filter(has_text=point["code"])).to_have_count(0)


def test_the_way_down_from_an_alarm_is_the_trend_around_it(page: Page, site: Site) -> None:
    point = provoke(site, 4)
    page.goto(f"{site.url}/alarms?point_id={point['id']}")
    row = page.get_by_role("row").filter(has_text=point["code"]).first
    row.get_by_role("link", name="趋势").click()
    expect(page).to_have_url(re.compile(rf"/trends\?points={point['id']}&from="))
    expect(page.locator(".u-over")).to_be_visible()


def test_filters_narrow_and_files_hold_what_is_shown(page: Page, site: Site, tmp_path: Path) -> None:
    point = provoke(site, 5)
    page.goto(f"{site.url}/alarms?q={point['code']}")
    expect(page.get_by_role("row").filter(has_text=point["code"]).first).to_be_visible()
    with page.expect_download() as found:
        page.get_by_role("button", name="CSV", exact=True).click()
    target = tmp_path / "alarms.csv"
    found.value.save_as(target)
    lines = target.read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) >= 2
    assert all(point["code"] in line for line in lines[1:])


def test_journal_and_rules_tell_who_and_which_version(page: Page, site: Site) -> None:
    point = provoke(site, 6)
    page.goto(f"{site.url}/alarms?tab=journal&point_id={point['id']}")
    expect(page.get_by_role("row").filter(has_text=point["code"]).first).to_contain_text("发生")
    page.goto(f"{site.url}/alarms?tab=rules&point_id={point['id']}")
    expect(page).to_have_url(re.compile(r"/alarms/rules/\d+$"))
    main = page.get_by_role("main")
    expect(main).to_contain_text("v2")
    expect(main.get_by_label("高 限值", exact=True)).to_have_value("-1000000")


def test_somebody_without_the_right_cannot_change_a_rule(sign_in: Callable[..., Page], site: Site) -> None:
    page = sign_in("auditor")
    page.goto(f"{site.url}/alarms?tab=rules")
    expect(page.get_by_role("button", name="新建规则")).to_have_count(0)
    page.get_by_role("link", name=re.compile("^查看")).first.click()
    expect(page.get_by_label("高 限值", exact=True)).to_be_visible()
    for name in ("保存为新版本", "申请变更", "紧急生效"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)


def test_a_group_is_unfolded_and_opened_by_keyboard(page: Page, site: Site) -> None:
    provoke(site, 7)
    page.goto(f"{site.url}/alarms")
    grid = page.get_by_role("treegrid")
    expect(grid.get_by_role("row").nth(1)).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    expect(page.locator("[data-row='0']")).to_be_focused()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("键盘操作")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.locator("[data-row='0']").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/alarms/\d+$"))


def test_the_page_of_an_alarm_shows_its_surroundings_and_takes_a_cause(page: Page, site: Site) -> None:
    point = provoke(site, 8)
    with site.client() as client:
        alarm = client.get("/api/v1/alarms", params={"point_id": point["id"]}).json()["items"][0]
    page.goto(f"{site.url}/alarms/{alarm['id']}")
    main = page.get_by_role("main")
    expect(main.locator(".u-over")).to_be_visible()
    for title in ("前后趋势", "同一起因的报警", "邻近测点", "同一规则的历史", "起因统计", "日志"):
        expect(main.get_by_role("heading", name=title)).to_be_visible()
    for action, said in (("确认", "已确认"), ("开始核实", "核实中"), ("定性", "已定性")):
        main.locator("[data-test=actions]").get_by_role("button", name=action, exact=True).click()
        dialog = page.get_by_role("dialog")
        if action == "定性":
            expect(dialog.get_by_role("button", name=action, exact=True)).to_be_disabled()
            dialog.locator(".el-select").click()
            page.get_by_role("option", name="干扰误报").click()
        dialog.get_by_role("button", name=action, exact=True).click()
        expect(dialog).to_be_hidden()
        expect(main.locator("[aria-current=step]")).to_have_text(said)
