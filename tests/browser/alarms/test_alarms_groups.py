"""What people close in bulk, and rehearse before it is let loose."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from tests.browser.alarms.kit import meter
from tests.browser.casework import choose
from tests.living import Site

pytestmark = pytest.mark.browser


def test_many_are_closed_with_one_cause_and_those_that_stand_say_why_not(
    sign_in: Callable[..., Page], site: Site
) -> None:
    calm, standing = meter(site, "批量甲"), meter(site, "批量乙")
    for one in (calm, standing):
        alarm = one.raised()
        with site.client("duty") as client:
            client.post(f"/api/v1/alarms/{alarm['id']}/acknowledge", json={}).raise_for_status()
    calm.push(10)
    calm.alarm(condition="cleared")
    page = sign_in("duty")
    page.goto(f"{site.url}/alarms?view=flat&q=批量")
    main = page.get_by_role("main")
    for one in (calm, standing):
        main.get_by_role("row").filter(has_text=one.point["code"]).get_by_role("checkbox").check()
    main.get_by_role("button", name="关闭所选 2 项").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("footer .solid")).to_be_disabled()
    choose(page, dialog, "起因", "测试")
    dialog.locator("footer .solid").click()
    expect(dialog.get_by_role("alert")).to_contain_text(standing.name)
    expect(dialog.get_by_role("alert")).not_to_contain_text(calm.name)
    assert calm.alarm(handling="closed")["cause"] == "test"
    assert standing.alarm()["handling"] == "acknowledged"
    page.keyboard.press("Escape")
    expect(main.get_by_role("row").filter(has_text=calm.point["code"])).to_have_count(0)
    expect(main.get_by_role("row").filter(has_text=standing.point["code"])).to_be_visible()


def test_a_linkage_is_rehearsed_on_an_alarm_before_it_is_let_loose(
    sign_in: Callable[..., Page], site: Site
) -> None:
    tank = meter(site, "联动试验")
    tank.raised()
    code = f"LINK.{tank.point['code'][-6:]}"
    with site.client("safety") as client:
        rule = client.get(f"/api/v1/alarm-rules/{tank.rule_id}").json()["code"]
        body = {
            "code": code, "name": f"联动 {code}", "enabled": False,
            "definition": {"match": {"rules": [rule]}, "actions": [{"kind": "card", "text": "关闭进料阀"}, {"kind": "wind"}]},
        }  # fmt: skip
        client.post("/api/v1/alarms/linkages", json=body).raise_for_status()
    page = sign_in("safety")
    page.goto(f"{site.url}/alarms?tab=linkage")
    main = page.get_by_role("main")
    main.get_by_role("button", name=f"查看 {code}").click()
    dialog = page.get_by_role("dialog")
    option = dialog.locator("section.try option").filter(has_text=tank.name).first
    dialog.locator("section.try select").select_option(option.get_attribute("value"))
    dialog.get_by_role("button", name="演练", exact=True).click()
    expect(dialog.get_by_role("status")).to_contain_text("会触发此联动")
    expect(dialog.locator("section.try")).to_contain_text("应对卡")
    dialog.get_by_role("checkbox", name="一级").check()
    dialog.get_by_role("button", name="演练", exact=True).click()
    expect(dialog.get_by_role("status")).to_contain_text("不会触发此联动")
    with site.client() as client:
        done = client.get("/api/v1/alarms/reactions").json()["items"]
    assert code not in {r["linkage_code"] for r in done}, "a rehearsal leaves nothing behind"
