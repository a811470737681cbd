"""The first two users of the case engine, each from the world outside to the closed case with its proof."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect
from tests.browser import casework
from tests.browser.casework import choose, confirm, do, photo, state
from tests.living import Site

pytestmark = pytest.mark.browser
PHONE = {"width": 390, "height": 844}
CAUSE, REAL = "原因", "真实"


def meter(site: Site) -> tuple[str, Callable[[float], None]]:
    """A point with an alarm rule, and a device of its own that pushes its readings to the HTTP gateway."""
    code = f"FIRST.USER.{time.time_ns()}"
    name = f"一号试验压力 {code[-6:]}"
    step = {"limit": 100.0, "deadband": 1.0, "on_delay_s": 0.0, "off_delay_s": 0.0, "priority": 1}
    with site.client() as client:

        def made(path: str, body: object, method: str = "POST") -> dict:
            answer = client.request(method, f"/api/v1{path}", json=body)
            assert answer.is_success, answer.text
            return answer.json()

        point = made(
            "/points", {"code": code, "name": name, "quantity": "power", "unit": "kW", "period_s": 5.0}
        )
        device = made(
            "/devices", {"code": f"{code}.DEV", "protocol": "http", "name": name, "address": f"{code}.DEV"}
        )
        made(f"/devices/{device['id']}/mappings", [{"address": "P", "point_id": point["id"]}], "PUT")
        token = made(f"/devices/{device['id']}/credentials", {"name": "test", "days": 1})["token"]
        made("/alarm-rules", {"point_id": point["id"], "definition": {"h": step}})

    def push(value: float) -> None:
        reading = {"address": "P", "t": int(time.time() * 1000), "v": value, "q": "good"}
        answer = httpx.post(
            f"{site.url}/api/v1/ingest/observations", json={"readings": [reading]},
            headers={"Authorization": f"Bearer {token}"}, timeout=30,
        )  # fmt: skip
        assert answer.json()["stored"] == 1, answer.text

    return name, push


def test_an_alarm_is_handled_from_the_gateway_to_its_cause(
    sign_in: Callable[..., Page], site: Site, tmp_path: Path
) -> None:
    name, push = meter(site)
    page = sign_in("duty")
    page.goto(f"{site.url}/work?type=alarms.handling&q={name[-6:]}")
    expect(page.get_by_text("没有符合条件的事项。")).to_be_visible()
    push(50.0)
    push(150.0)
    found = page.get_by_role("link", name=re.compile(name))
    expect(found).to_be_visible(timeout=30_000)  # by itself: nobody reloads the inbox
    found.click()
    state(page, "新报警")
    case_id = int(page.url.rsplit("/", 1)[1].split("?")[0])
    confirm(do(page, "acknowledge"))
    state(page, "已确认")
    confirm(do(page, "verify"))
    state(page, "核实中")
    dialog = do(page, "classify")
    choose(page, dialog, CAUSE, REAL)
    confirm(dialog)
    state(page, "已定性")
    confirm(do(page, "respond"))
    state(page, "处置中")

    push(50.0)
    page.wait_for_timeout(1_500)
    state(page, "处置中")  # clearing never closes
    dialog = do(page, "close")
    expect(dialog).to_contain_text(f"还缺： {CAUSE}")
    expect(dialog.locator("footer .solid")).to_be_disabled()
    casework.act(site, "duty", case_id, "close", 422)
    choose(page, dialog, CAUSE, REAL)
    confirm(dialog)
    state(page, "已关闭")
    closed = casework.case(site, case_id)
    assert closed["phase"] == "final"
    assert closed["fields"]["cause"] == "real"
    steps = [e["transition"] for e in closed["history"] if e["transition"]]
    assert steps == ["acknowledge", "verify", "classify", "respond", "close"]
    casework.proven(page, site, tmp_path)


def test_a_snap_report_goes_from_the_phone_to_the_closed_case(
    sign_in: Callable[..., Page], site: Site, tmp_path: Path
) -> None:
    title = f"围堰开裂 {time.time_ns()}"
    reporter = sign_in("planner", **PHONE)
    reporter.context.grant_permissions(["geolocation"], origin=site.url)
    reporter.context.set_geolocation({"longitude": 120.77, "latitude": 41.8, "accuracy": 6})
    reporter.goto(f"{site.url}/report")
    reporter.get_by_label("拍照或选择文件").set_input_files(photo())
    expect(reporter.locator(".photos img")).to_be_visible()
    expect(reporter.locator(".photos")).to_contain_text("±6 m")
    reporter.get_by_label("看到了什么").fill(title)
    choose(reporter, reporter, "类别", "安全")
    reporter.get_by_role("button", name="提交", exact=True).click()
    mine = reporter.get_by_role("link", name=title)
    expect(mine).to_be_visible()
    mine.click()
    state(reporter, "已上报")
    address = reporter.url
    case_id = int(address.rsplit("/", 1)[1].split("?")[0])
    shown = casework.case(site, case_id)
    assert [(e["kind"], e["lon"], e["accuracy_m"]) for e in shown["evidence"]] == [("photo", 120.77, 6.0)]

    with site.client() as client:
        firm = client.get("/api/v1/enterprises", params={"q": "E001"}).json()["items"][0]
    duty = sign_in("duty", **PHONE)
    duty.goto(f"{site.url}/work")
    duty.get_by_role("link", name=title).click()
    dialog = do(duty, "assign")
    choose(duty, dialog, "企业", firm["name"])
    choose(duty, dialog, "缓急", "紧急")
    confirm(dialog)
    state(duty, "已派单")

    fixer = sign_in("firm", **PHONE)
    fixer.goto(f"{site.url}/work")
    fixer.get_by_role("link", name=title).click()
    confirm(do(fixer, "accept"))
    state(fixer, "整改中")
    dialog = do(fixer, "fix")
    dialog.get_by_label("整改措施").fill("已灌浆修补")
    expect(dialog.locator("footer .solid")).to_be_disabled()  # no photo yet
    dialog.get_by_label("添加照片或文件").set_input_files(photo("after.jpg"))
    confirm(dialog)
    state(fixer, "待复核")
    expect(fixer.locator("[data-action=verify]")).to_have_count(0)
    fixer.locator("details.why summary").click()
    expect(fixer.locator("details.why")).to_contain_text(re.compile("复核通过.*不是您的环节"))
    assert casework.act(site, "firm", case_id, "verify", 403)["code"] == "cases.refused.who"

    confirm(do(reporter, "verify"))
    state(reporter, "已关闭")
    ended = casework.case(site, case_id)
    assert (ended["phase"], ended["result"], len(ended["evidence"])) == ("final", "done", 2)
    casework.proven(reporter, site, tmp_path)


def test_who_fixed_it_may_not_verify_it_whatever_rights_he_has(
    sign_in: Callable[..., Page], site: Site
) -> None:
    made = casework.report(site, f"灭火器过期 {time.time_ns()}")
    with site.client("safety") as client:
        officer = client.get("/api/v1/session").json()["user"]["id"]
    casework.act(site, "duty", made["id"], "assign", fields={"grade": "ordinary", "to_user": officer})
    page = sign_in("safety")
    page.goto(f"{site.url}/work/{made['id']}")
    confirm(do(page, "accept"))
    dialog = do(page, "fix")
    dialog.get_by_label("整改措施").fill("已更换")
    dialog.get_by_label("添加照片或文件").set_input_files(photo())
    confirm(dialog)
    page.locator("details.why summary").click()
    expect(page.locator("details.why")).to_contain_text(re.compile("复核通过.*不能自己办自己查"))
    assert casework.act(site, "safety", made["id"], "verify", 403)["code"] == "cases.refused.separation"
    casework.act(site, "environment", made["id"], "verify")
