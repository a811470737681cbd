"""Being told: the bell of the right person, why, by which channel; and those who set the channels up."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.living import Site

pytestmark = pytest.mark.browser
API = "/api/v1/notifications"


@contextmanager
def absence(site: Site, absent: str, deputy: str) -> Iterator[str]:
    """Somebody asks somebody to act for them; the title the deputy reads. Withdrawn at the end."""
    with site.client(absent) as client:
        me = client.get("/api/v1/session").json()["user"]
        with site.client(deputy) as other:
            deputy_id = other.get("/api/v1/session").json()["user"]["id"]
        begins = datetime.now(UTC) + timedelta(days=3)
        body = {
            "deputy_id": deputy_id, "starts_at": begins.isoformat(),
            "ends_at": (begins + timedelta(days=1)).isoformat(),
        }  # fmt: skip
        asked = client.post("/api/v1/duty/absences", json=body)
        assert asked.status_code == 201, asked.text
        yield f"{me['name']} 请您代理，请答复"
        client.post(f"/api/v1/duty/absences/{asked.json()['id']}/end", json={}).raise_for_status()


def bell(page: Page) -> Locator:
    return page.locator("[data-test=bell]")


def panel(page: Page) -> Locator:
    return page.get_by_role("region", name="通知", exact=True)


def quiet(page: Page, site: Site) -> None:
    """A page that stays as it is: nothing on it but the bell can change what the test looks at."""
    page.goto(f"{site.url}/account")
    expect(bell(page)).to_be_visible()


def test_the_right_person_hears_at_once_with_the_reason_and_nobody_else(
    sign_in: Callable[..., Page], site: Site, axe: Callable[[Page], list[str]]
) -> None:
    deputy, stranger = sign_in("planner"), sign_in("energy")
    for page in (deputy, stranger):
        quiet(page, site)
    with site.client("planner") as client:
        before = client.get(f"{API}/inbox/count").json()["unread"]
    expect(bell(deputy)).to_have_attribute(
        "aria-label", re.compile("没有未读" if not before else f"{before} 条")
    )
    with absence(site, "integrator", "planner") as title:
        # No page is loaded anew and the next look of its own is two minutes away: this came over the live connection.
        expect(deputy.get_by_role("status").filter(has_text=title)).to_have_count(1)
        expect(bell(deputy)).to_have_attribute("aria-label", re.compile(f"，{before + 1} 条未读"))
        bell(deputy).focus()
        deputy.keyboard.press("Enter")
        item = panel(deputy).get_by_role("link").filter(has_text=title).first
        expect(item).to_contain_text("您是指定的代理人")
        expect(item.get_by_role("img", name="二级")).to_be_visible()
        assert axe(deputy) == []
        bell(stranger).click()
        expect(panel(stranger).get_by_text("全部通知")).to_be_visible()
        expect(panel(stranger).get_by_text(title)).to_have_count(0)
        expect(stranger.get_by_role("status").filter(has_text=title)).to_have_count(0)
        # By keyboard: into the list, back to the bell, into it again, and on to the page it is about.
        deputy.keyboard.press("ArrowDown")
        expect(item).to_be_focused()
        deputy.keyboard.press("Escape")
        expect(bell(deputy)).to_be_focused()
        expect(panel(deputy)).to_be_hidden()
        deputy.keyboard.press("ArrowDown")
        deputy.keyboard.press("ArrowDown")
        deputy.keyboard.press("Enter")
        deputy.wait_for_url(lambda url: "/duty/absences" in url)
        expect(bell(deputy)).not_to_have_attribute("aria-label", re.compile(f"，{before + 1} 条未读"))
        with site.client("planner") as client:
            newest = client.get(f"{API}/inbox", params={"kind": "duty."}).json()["items"][0]
        assert (newest["title"], newest["read_at"] is not None) == (title, True)


def test_what_is_read_in_one_window_is_read_in_the_other(sign_in: Callable[..., Page], site: Site) -> None:
    first, second = sign_in("leader"), sign_in("leader", width=390, height=844)
    for page in (first, second):
        quiet(page, site)
    with absence(site, "integrator", "leader") as title:
        for page in (first, second):
            expect(page.get_by_role("status").filter(has_text=title)).to_have_count(1)
        bell(second).click()
        expect(panel(second).get_by_role("link").filter(has_text=title).first).to_be_visible()
        assert second.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1")
        panel(second).get_by_role("button", name="全部标为已读").click()
        for page in (first, second):
            expect(bell(page)).to_have_attribute("aria-label", re.compile("没有未读"))


def test_the_inbox_says_why_and_can_be_taken_along(sign_in: Callable[..., Page], site: Site) -> None:
    page = sign_in("environment")
    with absence(site, "integrator", "environment") as title:
        page.goto(f"{site.url}/notifications?unread=true&kind=duty.")
        row = page.get_by_role("row").filter(has_text=title).first
        expect(row).to_contain_text("您是指定的代理人")
        expect(row).to_contain_text("收件箱")
        with page.expect_download() as file:
            page.get_by_role("button", name="CSV").click()
        text = file.value.path().read_text(encoding="utf-8-sig")
        assert title in text
        assert "您是指定的代理人" in text
        row.get_by_role("button", name="标为已读").click()
        expect(page.get_by_role("row").filter(has_text=title)).to_have_count(0)
        page.goto(f"{site.url}/notifications?unread=false&kind=duty.")
        page.get_by_role("row").filter(has_text=title).first.get_by_role("button", name="标为未读").click()
        expect(bell(page)).to_have_attribute("aria-label", re.compile("条未读"))


def test_wishes_are_kept_and_tried(sign_in: Callable[..., Page], site: Site) -> None:
    page = sign_in("safety")
    page.goto(f"{site.url}/notifications/preferences")
    third = page.get_by_role("group", name="三级")
    third.get_by_role("button", name=re.compile("浏览器推送")).click()
    third.get_by_role("button", name=re.compile("短信")).click()
    third.get_by_role("button", name=re.compile("邮件")).click()
    page.get_by_role("switch", name="免打扰时段").locator("xpath=..").click()
    page.locator("[data-test=keep]").click()
    expect(page.get_by_text("已保存")).to_be_visible()
    page.reload()
    expect(third.get_by_role("button", name=re.compile("短信 · 第 1 个尝试"))).to_have_attribute(
        "aria-pressed", "true"
    )
    expect(third.get_by_role("button", name=re.compile("浏览器推送"))).to_have_attribute(
        "aria-pressed", "false"
    )
    with site.client("safety") as client:
        kept = client.get(f"{API}/preferences").json()
        assert (kept["channels"]["3"], kept["quiet_from"]) == (["sms", "email"], "22:00")
    page.locator("[data-test=trial]").click()
    expect(page.locator("[data-test=trial-result]")).to_contain_text("您自己要求测试")


def test_a_channel_is_set_up_and_tested_and_its_secret_is_never_seen_again(
    page: Page, sign_in: Callable[..., Page], site: Site, axe: Callable[[Page], list[str]]
) -> None:
    answers: list[str] = []
    page.on("response", lambda r: answers.append(r.text()) if API in r.url and r.status < 300 else None)
    page.goto(f"{site.url}/admin/notifications")
    page.get_by_role("button", name="新建渠道").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("渠道类型").press("Enter")
    page.get_by_role("option", name="企业微信群").click()
    dialog.get_by_label("代码", exact=True).fill("browser-bot")
    dialog.get_by_label("名称", exact=True).fill("试用群")
    dialog.get_by_label("令牌", exact=True).fill("very-secret-token")
    assert axe(page) == []
    dialog.get_by_role("button", name="保存").click()
    row = page.get_by_role("row").filter(has_text="browser-bot")
    expect(row).to_contain_text("不在允许名单中")
    expect(row).to_contain_text("已封存：令牌")
    row.get_by_role("button", name=re.compile("^测试")).click()
    expect(row.locator("[data-test=test-result]")).to_contain_text("主机不在允许的名单中")
    row.get_by_role("button", name=re.compile("^修改")).click()
    expect(dialog.get_by_label("令牌", exact=True)).to_have_value("")
    expect(dialog).to_contain_text("已封存；留空保持不变")
    dialog.get_by_label("英文名称").fill("Trial group")
    dialog.get_by_role("switch", name="启用").locator("xpath=..").click()
    dialog.get_by_role("button", name="保存").click()
    expect(row).to_contain_text("已停用")
    with site.client() as client:
        kept = next(c for c in client.get(f"{API}/channels").json() if c["code"] == "browser-bot")
    assert (kept["secrets"], kept["name_en"], kept["enabled"]) == (["token"], "Trial group", False)
    assert answers
    assert not any("very-secret-token" in text for text in answers)
    auditor = sign_in("auditor")
    auditor.goto(f"{site.url}/admin/notifications")
    expect(auditor.get_by_role("row").filter(has_text="browser-bot")).to_be_visible()
    expect(auditor.get_by_role("button", name=re.compile("^(测试|修改|新建渠道)"))).to_have_count(0)
    firm = sign_in("firm")
    firm.goto(f"{site.url}/admin/notifications")
    expect(firm.get_by_role("alert")).to_contain_text("notifications.channel.read")


def test_every_message_and_each_try_of_it_can_be_looked_up(page: Page, site: Site) -> None:
    with site.client() as client:
        # Nothing listens there; the host is not listed either, so it is not even tried to reach it.
        config = {
            "kind": "email",
            "host": "127.0.0.1",
            "port": 9,
            "security": "plain",
            "sender": "a@zone.test",
        }
        made = client.post(
            f"{API}/channels", json={"code": "browser-mail", "name": "试用邮件", "config": config}
        ).json()
        me = client.get("/api/v1/session").json()["user"]
        user = client.get(f"/api/v1/users/{me['id']}").json()
        changed = (
            {"version": user["version"], "email": "admin@zone.test"}
            if "version" in user
            else {"email": "admin@zone.test"}
        )
        client.patch(f"/api/v1/users/{me['id']}", json=changed).raise_for_status()
        client.post(f"{API}/preferences/test", json={"priority": 2}).raise_for_status()
    page.goto(f"{site.url}/admin/notifications/deliveries?kind=email")
    row = page.get_by_role("row").filter(has_text="notifications.trial").first
    expect(row).to_contain_text("主机不在允许的名单中")
    row.get_by_role("button", name=re.compile("次尝试")).click()
    expect(page.get_by_role("dialog").get_by_role("listitem").first).to_contain_text("主机不在允许的名单中")
    expect(page.locator("[data-test=status]")).to_contain_text("失败")
    with site.client() as client:
        body = {"version": made["version"], "enabled": False}
        client.patch(f"{API}/channels/{made['id']}", json=body).raise_for_status()


def test_a_pushed_message_is_shown_and_leads_only_into_the_site(page: Page, site: Site) -> None:
    """The worker gets what the sender sends; who delivers it, the browser's maker, is not here."""
    page.context.grant_permissions(["notifications"], origin=site.url)
    page.goto(f"{site.url}/notifications/preferences")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    cdp = page.context.new_cdp_session(page)
    found: list[str] = []
    cdp.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda e: found.extend(r["registrationId"] for r in e["registrations"] if not r["isDeleted"]),
    )
    cdp.send("ServiceWorker.enable")
    page.wait_for_function("() => true")
    for key, target in (("k1", "/alarms/7"), ("k2", "//elsewhere.test/x"), ("k1", "/alarms/8")):
        content = {"title": "液位高", "body": "T-09", "page": target, "key": key, "priority": 1}
        cdp.send(
            "ServiceWorker.deliverPushMessage",
            {"origin": site.url, "registrationId": found[0], "data": json.dumps(content)},
        )
    shown = "async () => (await (await navigator.serviceWorker.ready).getNotifications()).map((n) => [n.tag, n.title, n.data.path, n.requireInteraction]).sort()"
    expect(page.locator("[data-test=push-state]")).to_be_visible()
    page.wait_for_function(
        "async () => (await (await navigator.serviceWorker.ready).getNotifications()).some((n) => n.data.path === '/alarms/8')"
    )
    assert page.evaluate(shown) == [
        ["k1", "液位高", "/alarms/8", True],
        ["k2", "液位高", "/notifications", True],
    ]
