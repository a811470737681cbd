"""Gateways, devices and onboarding in a real browser on a living park."""

from __future__ import annotations

import csv
import re
import socket
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect
from tests.living import Site

from parksight.gateways.hj212.codec.crc import crc_text

pytestmark = pytest.mark.browser


def digits(text: str) -> int:
    return int(re.sub(r"\D", "", text.split("\n")[0]))


def test_the_books_of_the_door_balance_and_move(
    page: Page, site: Site, axe: Callable[[Page], list[str]]
) -> None:
    page.goto(f"{site.url}/gateways")
    books = page.locator("[data-test=door] b")
    expect(books).to_have_count(4)
    first = books.nth(0).inner_text()
    expect(books.nth(0)).not_to_have_text(first, timeout=30_000)
    received, stored, rejected, in_flight = (digits(t) for t in books.all_inner_texts())
    assert received == stored + rejected + in_flight > 0
    rows = page.get_by_role("table").locator("tbody tr")
    expect(rows).to_have_count(4)
    expect(rows.filter(has_text="HJ 212")).to_contain_text("运行")
    assert axe(page) == []


def test_a_gateway_leads_to_its_connections_and_their_devices(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/gateways")
    page.get_by_role("link", name="HJ 212 数采仪").click()
    expect(page).to_have_url(re.compile("/gateways/hj212"))
    rows = page.get_by_role("table").locator("tbody tr")
    expect(rows).to_have_count(50)
    rows.first.locator("[data-label=设备] a").click()
    expect(page.locator("[data-test=diagnosis]")).to_be_visible()


def test_a_filter_narrows_the_devices_and_lives_in_the_address(
    page: Page, site: Site, tmp_path: Path
) -> None:
    page.goto(f"{site.url}/devices")
    rows = page.get_by_role("table").locator("tbody tr")
    expect(rows).to_have_count(50)
    page.get_by_role("textbox", name="编号、名称或地址").fill("E001.")
    expect(page).to_have_url(re.compile(r"[?&]q=E001\."))
    expect(rows.nth(49)).to_have_count(0)
    narrowed = rows.count()
    assert 0 < narrowed < 50
    assert all("E001." in text for text in rows.locator("td:first-child").all_inner_texts())
    with page.expect_download() as saved:
        page.get_by_role("button", name="导出 CSV").click()
    file = tmp_path / "devices.csv"
    saved.value.save_as(file)
    with file.open(encoding="utf-8-sig", newline="") as stream:
        table = list(csv.DictReader(stream))
    assert len(table) == narrowed
    assert {row["code"].split(".")[0] for row in table} == {"E001"}
    page.reload()
    expect(rows).to_have_count(narrowed)
    page.get_by_role("button", name="清除筛选").click()
    expect(rows).to_have_count(50)


def test_a_disabled_device_says_so_and_what_to_do(page: Page, site: Site) -> None:
    with site.client("integrator") as api:
        device = api.get(
            "/api/v1/devices", params={"protocol": "modbus", "limit": 1, "sort": "-code"}
        ).json()["items"][0]
        url = f"/api/v1/devices/{device['id']}"
        off = api.patch(url, json={"version": device["version"], "enabled": False}).json()
        try:
            page.goto(f"{site.url}/devices/{device['id']}")
            diagnosis = page.locator("[data-test=diagnosis]")
            expect(diagnosis.locator("li.cause")).to_contain_text("设备是否启用")
            expect(diagnosis.get_by_role("status")).to_contain_text("怎么做")
            page.get_by_role("button", name="启用", exact=True).click()
            expect(page.get_by_role("button", name="停用", exact=True)).to_be_visible()
            assert api.get(url).json()["enabled"] is True
        finally:
            now = api.get(url).json()
            if not now["enabled"]:
                api.patch(url, json={"version": now["version"], "enabled": True})
        assert off["enabled"] is False


def test_raw_frames_open_to_their_bytes(page: Page, site: Site, axe: Callable[[Page], list[str]]) -> None:
    with site.client() as api:
        found = api.get("/api/v1/gateways/hj212/connections", params={"limit": 1}).json()["items"][0]
    page.goto(f"{site.url}/devices/{found['device_id']}?tab=frames")
    page.locator("button.line").first.click()
    expect(page.locator("pre").first).to_contain_text("##0")
    page.get_by_role("button", name="十六进制").click()
    expect(page.locator("pre").first).to_contain_text("23 23 30")
    assert axe(page) == []


def speak(site: Site, mn: str) -> None:
    """Three frames of a data logger nobody knows."""
    with site.client() as api:
        host, port = api.get("/api/v1/gateways/hj212").json()["listening"].rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=10) as line:
        for value in (31.2, 32.5, 30.9):
            now = datetime.now(ZoneInfo("Asia/Shanghai")).strftime("%Y%m%d%H%M%S")
            body = f"QN={now}001;ST=31;CN=2011;PW=123456;MN={mn};Flag=4;CP=&&DataTime={now};a21026-Rtd={value},a21026-Flag=N;x90001-Rtd=1,x90001-Flag=N&&"
            line.sendall(f"##{len(body):04d}{body}".encode() + crc_text(body.encode()) + b"\r\n")


def test_an_unknown_sender_becomes_a_device_with_points(
    page: Page, site: Site, axe: Callable[[Page], list[str]]
) -> None:
    mn = f"BROWSER{time.time_ns()}"[:24]
    speak(site, mn)
    page.goto(f"{site.url}/devices/unknown?q={mn}")
    link = page.get_by_role("link", name=mn)
    for _ in range(20):
        if link.count():
            break
        page.wait_for_timeout(500)
        page.get_by_role("button", name="刷新").click()
    link.click()
    rows = page.locator("[aria-labelledby=pts] li")
    expect(rows).to_have_count(2)
    expect(rows.first.get_by_role("checkbox")).to_be_checked()
    expect(rows.nth(1).get_by_role("checkbox")).not_to_be_checked()
    assert axe(page) == []
    create = page.get_by_role("button", name=re.compile("建立设备与 1 个测点"))
    code = rows.first.get_by_role("textbox", name="测点编号")
    code.fill("")
    expect(rows.first).to_contain_text("缺少测点编号")
    expect(create).to_be_disabled()
    code.fill(f"{mn}.so2")
    create.click()
    expect(page).to_have_url(re.compile(r"/devices/\d+$"))
    expect(page.get_by_role("table")).to_contain_text(f"{mn}.so2")
    speak(site, mn)
    expect(page.get_by_role("table").locator("[data-label=当前值]")).to_contain_text(
        re.compile(r"3\d\.\d"), timeout=30_000
    )


def test_an_enterprise_has_no_gateways_page(sign_in: Callable[..., Page], site: Site) -> None:
    page = sign_in("firm")
    page.goto(f"{site.url}/gateways")
    expect(page.get_by_role("alert")).to_contain_text("gateways.gateway.read")
