"""Work that must be closed, as people look at it: table, board and calendar, on the desk, in the field, without a network."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pypdf
import pytest
from playwright.sync_api import Page, Route, expect
from tests.browser import casework
from tests.browser.casework import choose, confirm, do, photo, report, state
from tests.living import Site

pytestmark = pytest.mark.browser
PHONE = {"width": 390, "height": 844}
NO_NETWORK = ("ERR_INTERNET_DISCONNECTED", "ERR_FAILED", "WebSocket")


def test_work_is_a_table_a_board_and_a_calendar(page: Page, site: Site) -> None:
    made = report(site, f"路灯不亮 {time.time_ns()}")
    page.goto(f"{site.url}/work?box=all&type=cases.report")
    expect(page.get_by_role("row").filter(has_text=made["title"])).to_contain_text(made["number"])
    page.get_by_role("button", name="看板").click()
    lane = page.locator(".lane").filter(has=page.get_by_role("heading", name="已上报"))
    expect(lane.get_by_role("link", name=made["title"])).to_be_visible()
    page.get_by_role("button", name="日历").click()
    expect(page.locator(".grid .item").first).to_be_visible()
    page.reload()  # what is seen stands in the address
    expect(page.locator(".grid .day")).to_have_count(28)


def test_a_filter_is_kept_under_a_name(page: Page, site: Site) -> None:
    name = f"一级 {time.time_ns() % 10**6}"
    page.goto(f"{site.url}/work?box=all&priority=1&type=cases.report")
    page.get_by_role("button", name="常用筛选").click()
    page.get_by_placeholder("名称").fill(name)
    page.get_by_role("button", name="保存当前").click()
    expect(page.get_by_role("button", name=name, exact=True)).to_be_visible()
    page.goto(f"{site.url}/work")
    page.get_by_role("button", name="常用筛选").click()
    page.get_by_role("button", name=name, exact=True).click()
    page.wait_for_url(lambda url: "priority=1" in url and "box=all" in url)


def test_many_are_moved_at_once_and_each_refusal_is_named(sign_in: Callable[..., Page], site: Site) -> None:
    mark = f"井盖 {time.time_ns()}"
    cases = [report(site, f"{mark} {n}") for n in range(3)]
    with site.client() as client:
        safety = client.get("/api/v1/users", params={"q": "safety"}).json()["items"][0]
    page = sign_in("duty")
    page.goto(f"{site.url}/work?box=all&q={mark}")
    for made in cases:
        page.get_by_label(f"选择 {made['number']}").check()
    page.get_by_role("toolbar").get_by_role("button", name="派单").click()
    dialog = page.get_by_role("dialog")
    choose(page, dialog, "承办人", safety["name"])
    choose(page, dialog, "缓急", "一般")
    confirm(dialog)
    expect(page.get_by_role("row").filter(has_text=cases[0]["number"])).to_contain_text("已派单")
    assert [casework.case(site, c["id"])["state"] for c in cases] == ["assigned"] * 3
    fresh = report(site, f"{mark} 3")
    items = [
        {"id": c["id"], "version": c["version"]} for c in (cases[0], fresh)
    ]  # the first one is out of date
    body = {"items": items, "transition": "assign", "fields": {"grade": "ordinary", "to_user": safety["id"]}}
    with site.client("duty") as client:
        said = client.post("/api/v1/cases/bulk", json=body).json()
    assert said["done"] == [fresh["id"]]
    assert [(r["number"], r["code"]) for r in said["refused"]] == [(cases[0]["number"], "cases.changed")]


def test_the_files_hold_what_is_shown(page: Page, site: Site, tmp_path: Path) -> None:
    made = report(site, f"护栏 {time.time_ns()}")
    page.goto(f"{site.url}/work?box=all&q={made['title']}")
    expect(page.get_by_role("row").filter(has_text=made["number"])).to_be_visible()

    def saved(button: str) -> Path:
        with page.expect_download() as found:
            page.get_by_role("button", name=button, exact=True).click()
        file = tmp_path / found.value.suggested_filename
        found.value.save_as(file)
        return file

    sheet = openpyxl.load_workbook(saved("导出 XLSX")).active
    assert sheet is not None
    cells = [str(c) for row in sheet.iter_rows(values_only=True) for c in row]
    assert made["number"] in cells
    assert made["title"] in cells
    assert len(pypdf.PdfReader(saved("导出 PDF")).pages) >= 1
    assert made["number"] in saved("导出 CSV").read_text(encoding="utf-8-sig")
    page.goto(f"{site.url}/work/{made['id']}")
    assert made["number"] in pypdf.PdfReader(saved("打印单 PDF")).pages[0].extract_text()


def ready_for_the_field(page: Page, site: Site, *paths: str) -> None:
    """Open pages twice, the second time by the service worker, which keeps them."""
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    for path in paths:
        page.goto(f"{site.url}{path}")
        expect(page.locator("main .loading")).to_have_count(0)
        page.wait_for_load_state("networkidle") if path == "/report" else page.wait_for_timeout(1_000)


def test_without_a_network_work_is_read_kept_and_a_conflict_overwrites_nothing(
    sign_in: Callable[..., Page], site: Site
) -> None:
    made = report(site, f"积水 {time.time_ns()}")
    address = f"/work/{made['id']}"
    page = sign_in("duty", **PHONE, provoked=(*NO_NETWORK, "409"))
    ready_for_the_field(page, site, "/work", address, "/work", address)
    page.context.set_offline(True)
    page.goto(f"{site.url}/work")
    expect(page.locator("[data-test=stale]")).to_contain_text("显示的是")
    page.get_by_role("link", name=made["title"]).click()
    state(page, "已上报")
    dialog = do(page, "dismiss")
    dialog.get_by_label("说明").fill("现场看过，没有积水")
    confirm(dialog)
    queue = page.get_by_role("status", name="待同步")
    expect(queue).to_contain_text("1 项待同步")
    page.reload()  # it is kept, not only remembered
    expect(queue).to_contain_text("1 项待同步")

    with site.client() as client:
        body = {"text": "刚刚又有人来电反映", "request_id": f"test-{time.time_ns()}"}
        client.post(f"/api/v1/cases/{made['id']}/comments", json=body).raise_for_status()
    page.context.set_offline(False)
    conflict = page.locator("[data-queued=conflict]")
    expect(conflict).to_contain_text("现场看过，没有积水")
    expect(conflict.locator("[data-test=theirs]")).to_contain_text("刚刚又有人来电反映")
    assert casework.case(site, made["id"])["state"] == "reported"  # nothing was overwritten

    conflict.locator("[data-test=again]").click()
    expect(conflict).to_have_count(0)
    state(page, "不属实")
    steps = [e["transition"] for e in casework.case(site, made["id"])["history"] if e["transition"]]
    assert steps == ["dismiss"]


def test_a_report_without_a_network_is_sent_once_though_answers_get_lost(
    sign_in: Callable[..., Page], site: Site
) -> None:
    title = f"坑洞 {time.time_ns()}"
    page = sign_in("planner", **PHONE, provoked=NO_NETWORK)
    ready_for_the_field(page, site, "/report", "/report")
    page.context.set_offline(True)
    page.get_by_label("拍照或选择文件").set_input_files(photo())
    page.get_by_label("看到了什么").fill(title)
    choose(page, page, "类别", "设施")
    page.get_by_role("button", name="提交", exact=True).click()
    expect(page.get_by_text("暂无网络，已保存在本机，联网后自动提交。")).to_be_visible()
    queue = page.get_by_role("status", name="待同步")
    expect(queue).to_contain_text("1 项待同步")

    lost: list[str] = []

    def lose(route: Route) -> None:
        """The server does it, its answer never arrives; once for each address."""
        request = route.request
        if request.method == "POST" and request.url not in lost:
            lost.append(request.url)
            route.fetch()
            route.abort()
        else:
            route.continue_()

    page.context.route("**/api/v1/cases", lose)
    page.context.route("**/api/v1/cases/*/evidence/upload", lose)
    page.context.set_offline(False)
    send = page.get_by_role("button", name="立即同步")
    until = time.monotonic() + 30
    while time.monotonic() < until and queue.count():
        if send.count() and send.is_enabled():
            send.click()
        page.wait_for_timeout(500)
    expect(queue).to_have_count(0)
    assert len(lost) == 2, lost
    with site.client() as client:
        found = client.get("/api/v1/cases", params={"q": title}).json()["items"]
        assert len(found) == 1
        kept = client.get(f"/api/v1/cases/{found[0]['id']}").json()
    assert len(kept["evidence"]) == 1


@pytest.mark.parametrize(("theme", "language"), [("dark", "zh-CN"), ("light", "en")])
@pytest.mark.parametrize(("width", "height"), [(1366, 768), (390, 844)], ids=["desk", "phone"])
def test_the_pages_of_work_and_duty_have_no_barrier(
    sign_in: Callable[..., Page], site: Site, axe: Callable[[Page], list[str]],
    theme: str, language: str, width: int, height: int,
) -> None:  # fmt: skip
    made = report(site, f"标线 {time.time_ns()}")
    with site.client("duty") as client:
        desk = client.get("/api/v1/duty/desks").json()["items"][0]["id"]
        draft = client.post(f"/api/v1/duty/desks/{desk}/handovers", json={})
        drafts = client.get("/api/v1/duty/handovers", params={"desk_id": desk}).json()["items"]
        assert drafts, draft.text
    page = sign_in("duty", width=width, height=height, language=language)
    page.evaluate(f"localStorage.setItem('parksight.theme', '{theme}')")
    found: list[str] = []
    for path in (
        "work", "work?box=all&view=board", "work?box=all&view=calendar", f"work/{made['id']}", "report", "duty",
        "duty/rota", "duty/handovers", "duty/absences", f"duty/handovers/{drafts[0]['id']}",
    ):  # fmt: skip
        page.goto(f"{site.url}/{path}")
        expect(page.locator("main")).to_be_visible()
        expect(page.locator("main .loading")).to_have_count(0)
        page.wait_for_timeout(400)
        found += [f"{path}: {problem}" for problem in axe(page)]
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth + 1"):
            found.append(f"{path}: wider than the window")
    assert not found, "\n".join(found)
