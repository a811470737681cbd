"""Every page for everybody: both themes, both languages, desk and phone; nothing too wide, no word cut, no barrier."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from tests.living import Site

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

#: Paths; ``{point}``, ``{device}``, ``{enterprise}`` are records of the park.
PAGES = [
    "command", "map", "alarms", "alarms?tab=journal", "alarms?tab=rules", "alarms?tab=linkage",
    "alarms?tab=performance", "alarms?tab=silences", "alarms/rules/new", "trends?points={point}", "points",
    "points?point={point}", "forensics", "gateways", "gateways?tab=rejects", "gateways?tab=sources", "gateways/hj212",
    "gateways/modbus", "devices", "devices/unknown", "devices/{device}", "enterprises", "enterprises/{enterprise}",
    "registry/equipment", "registry/import", "admin/users", "admin/tokens", "admin/audit", "admin/settings",
    "admin/health", "demo", "account", "notifications", "notifications/preferences", "admin/notifications",
    "admin/notifications/deliveries",
]  # fmt: skip
#: Words a reader cannot reach: a control or a heading that is wider inside than outside and hides the rest.
CUT = """
() => [...document.querySelectorAll('main button, main th, main h1, main h2, main label, main .ghost')]
  .filter((e) => e.offsetParent && !e.classList.contains('vh') && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX !== 'visible')
  .map((e) => e.textContent.trim().slice(0, 60))
"""


@pytest.fixture(scope="module")
def records(site: Site) -> dict[str, int]:
    """One of each kind of record a page can be about."""
    with site.client() as client:

        def first(path: str, **query: str) -> int:
            return int(client.get(f"/api/v1/{path}", params={"limit": 1, **query}).json()["items"][0]["id"])

        return {
            "point": first("points", kind="energy.active_power"),
            "device": first("devices"),
            "enterprise": first("enterprises"),
        }


@pytest.mark.parametrize(
    ("theme", "language", "width", "height"),
    [("dark", "zh-CN", 1366, 768), ("light", "en", 1366, 768), ("light", "zh-CN", 390, 844), ("dark", "en", 390, 844)],
    ids=["dark-zh-desk", "light-en-desk", "light-zh-phone", "dark-en-phone"],
)  # fmt: skip
def test_every_page_can_be_read_and_used(
    sign_in: Callable[..., Page], site: Site, axe: Callable[[Page], list[str]], records: dict[str, int],
    theme: str, language: str, width: int, height: int,
) -> None:  # fmt: skip
    page = sign_in(width=width, height=height, language=language)
    page.evaluate(
        f"localStorage.setItem('parksight.theme', '{theme}'); localStorage.setItem('parksight.flat', 'yes')"
    )
    found: list[str] = []
    for pattern in PAGES:
        path = pattern.format(**records)
        page.goto(f"{site.url}/{path}")
        expect(page.locator("main")).to_be_visible()
        expect(page.locator("main .loading")).to_have_count(0, timeout=60_000)
        page.evaluate("document.fonts.ready")
        page.wait_for_timeout(400)
        if pattern not in {"command"}:  # the one screen is dark in every theme
            assert page.evaluate("document.documentElement.className").split()[0] == theme
        found += [f"{path}: {problem}" for problem in axe(page)]
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth + 1"):
            found.append(f"{path}: wider than the window")
        found += [f"{path}: cut {text!r}" for text in page.evaluate(CUT)]
    assert not found, "\n".join(found)


def test_the_command_centre_left_alone_never_holds_the_browser_up(
    sign_in: Callable[..., Page], site: Site
) -> None:
    """No task over 200 ms in twelve seconds of rest, one reading of the overview included.

    A machine that other work keeps busy stretches every task; one calm stretch of three is asked for.
    """
    page = sign_in("duty", width=1920, height=1080)
    page.evaluate("localStorage.setItem('parksight.flat', 'yes')")
    page.goto(f"{site.url}/command")
    page.wait_for_selector(".park-map .map[data-idle]", state="attached", timeout=120_000)
    page.wait_for_timeout(3_000)
    page.evaluate(
        "() => { window.__tasks = []; new PerformanceObserver((l) => l.getEntries().forEach((e) => "
        "window.__tasks.push(e.duration))).observe({ type: 'longtask' }) }"
    )
    worst: list[float] = []
    for _ in range(3):
        page.wait_for_timeout(12_000)
        worst.append(max(page.evaluate("window.__tasks.splice(0)"), default=0.0))
        if worst[-1] <= 200:
            return
    raise AssertionError(f"longest tasks at rest: {worst} ms")
