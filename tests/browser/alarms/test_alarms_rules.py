"""The rule editor on real data: a replay, when it is out of date, what the site's settings say, places by name."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from tests.browser.alarms.kit import meter
from tests.living import Site

pytestmark = pytest.mark.browser
HIGH = "高 限值"


def test_a_changed_draft_outdates_its_replay(sign_in: Callable[..., Page], site: Site) -> None:
    tank = meter(site, "试验液位")
    tank.push(50, 110, 50, apart_s=5)
    page = sign_in("safety")
    page.goto(f"{site.url}/alarms/rules/{tank.rule_id}")
    main = page.get_by_role("main")
    main.get_by_label(HIGH, exact=True).fill("120")
    main.get_by_label("天数").select_option("1")
    main.get_by_role("button", name="开始回放").click()
    expect(main.get_by_role("status").filter(has_text="报警减少 1 条")).to_be_visible()
    main.get_by_label(HIGH, exact=True).fill("130")
    expect(main).to_contain_text("草稿已更改，请重新回放")


def test_the_matrix_of_the_site_is_shown_and_a_place_is_found_by_its_name(
    sign_in: Callable[..., Page], site: Site
) -> None:
    with site.client() as client:
        matrix = client.get("/api/v1/alarms/limits").json()["priority_matrix"]
        firm = client.get("/api/v1/enterprises", params={"limit": 1}).json()["items"][0]
    page = sign_in("safety")
    page.goto(f"{site.url}/alarms/rules/new")
    main = page.get_by_role("main")
    main.get_by_label("后果").select_option("major")
    main.get_by_label("可用时间").select_option("soon")
    level = {1: "一级", 2: "二级", 3: "三级", 4: "四级"}[matrix["major"]["soon"]]
    expect(main.get_by_role("status").filter(has_text="矩阵")).to_contain_text(level)
    main.get_by_label("监视对象").first.select_option("place")
    main.get_by_role("combobox", name="哪一个").press_sequentially(firm["name"][:4])
    page.get_by_role("option").filter(has_text=firm["code"]).click()
    expect(main.locator(".el-select").filter(has_text=firm["name"])).to_be_visible()
