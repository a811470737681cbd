"""Accounts, tokens, audit, settings and health in a real browser."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect
from tests.living import Site

pytestmark = pytest.mark.browser


def test_a_person_is_made_with_a_role_and_a_password_shown_once(
    page: Page, site: Site, axe: Callable[[Page], list[str]]
) -> None:
    name = f"browser-{time.time_ns()}"
    page.goto(f"{site.url}/admin/users")
    expect(page.get_by_role("table").locator("tbody tr").first).to_be_visible()
    assert axe(page) == []
    page.get_by_role("button", name="新增用户").click()
    drawer = page.get_by_role("dialog")
    drawer.get_by_label("用户名").fill(name)
    drawer.get_by_label("名称", exact=True).fill("试用员")
    drawer.get_by_role("button", name="增加角色").click()
    assert axe(page) == []
    drawer.get_by_role("button", name="建立").click()
    shown = drawer.locator("[data-test=temporary]")
    expect(shown).to_be_visible()
    password = shown.inner_text()
    with httpx.Client(base_url=site.url) as other:
        signed = other.post("/api/v1/session", json={"username": name, "password": password})
        assert (signed.status_code, signed.json()["must_change_password"]) == (200, True)
        assert signed.json()["roles"] == ["duty_operator"]
        page.goto(f"{site.url}/admin/users?q={name}")
        page.get_by_role("button", name="试用员").click()
        page.get_by_role("dialog").get_by_role("button", name="结束登录").click()
        page.locator(".el-message-box").get_by_role("button", name="结束登录").click()
        expect(page.get_by_role("dialog").get_by_role("status")).to_contain_text("所有登录已结束")
        assert other.get("/api/v1/session").status_code == 401
    page.get_by_role("dialog").get_by_role("button", name="锁定").click()
    page.locator(".el-message-box").get_by_role("button", name="锁定").click()
    expect(page.get_by_role("dialog").get_by_role("button", name="解锁")).to_be_visible()


def test_people_are_filtered_by_role_from_the_address(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/admin/users?role=auditor")
    rows = page.get_by_role("table").locator("tbody tr")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("auditor")


def test_a_token_is_shown_once_works_and_is_revoked(page: Page, site: Site) -> None:
    name = f"token {time.time_ns()}"
    page.goto(f"{site.url}/admin/tokens")
    page.get_by_role("button", name="签发令牌").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("用途").fill(name)
    # The select's placeholder lies over its input: typed as with the keyboard.
    dialog.get_by_role("combobox").press_sequentially("telemetry.*.read")
    page.get_by_role("option", name="telemetry.*.read").click()
    dialog.get_by_role("spinbutton").click()
    dialog.get_by_role("button", name="签发令牌").click()
    token = dialog.locator("[data-test=token]").inner_text()
    header = {"Authorization": f"Bearer {token}"}
    points = f"{site.url}/api/v1/points"
    assert httpx.get(points, headers=header).status_code == 200
    assert httpx.get(f"{site.url}/api/v1/users", headers=header).status_code == 403
    dialog.locator("footer").get_by_role("button", name="关闭").click()
    row = page.get_by_role("table").locator("tbody tr", has_text=name)
    expect(row).not_to_contain_text(token)
    row.get_by_role("button", name="吊销").click()
    page.locator(".el-message-box").get_by_role("button", name="吊销").click()
    expect(row).to_contain_text("已吊销")
    assert httpx.get(points, headers=header).status_code == 401


def test_the_chain_is_verified_narrowed_and_exported(
    page: Page, site: Site, tmp_path: Path, axe: Callable[[Page], list[str]]
) -> None:
    page.goto(f"{site.url}/admin/audit")
    page.get_by_role("button", name="校验链").click()
    expect(page.locator("[data-test=chain]")).to_contain_text("链完整")
    rows = page.get_by_role("table").locator("tbody tr")
    expect(rows).to_have_count(50)
    assert axe(page) == []
    page.goto(f"{site.url}/admin/audit?action=kernel.user.create")
    expect(rows.first).to_contain_text("kernel.user.create")
    assert all("kernel.user.create" in text for text in rows.all_inner_texts())
    rows.first.get_by_role("button", name="查看").click()
    expect(page.locator("[data-test=diff]")).to_contain_text("username")
    page.keyboard.press("Escape")
    with page.expect_download() as saved:
        page.get_by_role("button", name="导出 JSONL").click()
    file = tmp_path / "audit.jsonl"
    saved.value.save_as(file)
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert len(lines) > 100
    assert all("hash" in line for line in lines)


def test_settings_show_their_source_and_hide_secrets(
    page: Page, site: Site, axe: Callable[[Page], list[str]]
) -> None:
    page.goto(f"{site.url}/admin/settings?q=port")
    row = page.locator("dl > div", has_text="server.port")
    expect(row).to_contain_text(site.url.rsplit(":", 1)[1])
    expect(page.locator("dl > div", has_text="data_dir")).to_have_count(0)
    page.goto(f"{site.url}/admin/settings")
    expect(page.locator("dl > div", has_text="data_dir").first).to_be_visible()
    assert axe(page) == []


def test_health_says_that_it_works_and_counts(
    page: Page, site: Site, axe: Callable[[Page], list[str]]
) -> None:
    page.goto(f"{site.url}/admin/health")
    expect(page.locator("[data-test=health]")).to_contain_text("平台运行正常")
    expect(page.get_by_role("heading", name=re.compile("^ingest_received"))).to_be_visible()
    assert axe(page) == []


def test_only_those_who_may_see_people_and_audit(sign_in: Callable[..., Page], site: Site) -> None:
    page = sign_in("duty")
    for path, permission in (
        ("users", "kernel.user.read"),
        ("audit", "kernel.audit.read"),
        ("settings", "kernel.settings.read"),
    ):
        page.goto(f"{site.url}/admin/{path}")
        expect(page.get_by_role("alert")).to_contain_text(permission)
    page.goto(f"{site.url}/admin/tokens")
    expect(page.get_by_role("button", name="签发令牌")).to_be_visible()
