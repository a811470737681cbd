"""A living park and a real browser, once for all browser tests."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright
from tests.living import Site, living_park

#: A busy machine draws late: what must become true is waited for, what must never happen is not given time.
PATIENCE_MS = 20_000
expect.set_options(timeout=PATIENCE_MS)

ROOT = Path(__file__).resolve().parents[2]
FLAGS = [
    "--no-sandbox", "--disable-dev-shm-usage", "--use-gl=angle", "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist", "--font-render-hinting=none",
    "--force-color-profile=srgb", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--disable-quic",
]  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first test of a session also starts the park, which compiles its kernels where no cache of them exists."""
    for item in items:
        if Path(__file__).parent in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(600))


def chromium() -> str:
    """The system's Chromium; its tests are skipped, with a plain word, where there is none."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        if found:
            return found
    pytest.skip("Chromium is not installed: apt-get install chromium")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with living_park(tmp_path_factory.mktemp("park")) as found:
        yield found


@pytest.fixture(scope="session")
def playwright_() -> Iterator[Playwright]:
    with sync_playwright() as found:
        yield found


@pytest.fixture(scope="session")
def browser(playwright_: Playwright) -> Iterator[Browser]:
    found = playwright_.chromium.launch(executable_path=chromium(), args=FLAGS)
    yield found
    found.close()


class Watch:
    """What a page may never do: request another origin, raise, write an error to its console.

    Args:
        page, origin: what is watched and where it may go.
        provoked: parts of console errors a test brings about itself, e.g. by taking the network away.
    """

    def __init__(self, page: Page, origin: str, provoked: tuple[str, ...] = ()) -> None:
        self.problems: list[str] = []
        self._provoked = ("401", "GPU stall", *provoked)
        page.on("request", lambda r: self._request(r.url, origin))
        page.on("pageerror", lambda e: self.problems.append(f"page error: {e}"))
        page.on("console", lambda m: self._console(m.type, m.text))

    def _request(self, url: str, origin: str) -> None:
        if not url.startswith((origin, origin.replace("http", "ws", 1), "data:", "blob:")):
            self.problems.append(f"request off origin: {url}")

    def _console(self, kind: str, text: str) -> None:
        if kind == "error" and not any(part in text for part in self._provoked):
            self.problems.append(f"console: {text[:300]}")


@pytest.fixture(scope="session")
def session_of(site: Site) -> Callable[[str], dict[str, str]]:
    """The cookies of an account that signed in once for all tests: whoever ends a session signs in by himself."""
    kept: dict[str, dict[str, str]] = {}

    def cookies(username: str) -> dict[str, str]:
        if username not in kept:
            with site.client(username) as client:
                kept[username] = dict(client.cookies)
        return kept[username]

    return cookies


@pytest.fixture
def sign_in(
    browser: Browser, site: Site, session_of: Callable[[str], dict[str, str]]
) -> Iterator[Callable[..., Page]]:
    """``sign_in("duty", width=390)`` opens the first page of somebody; what it may never do is checked at the end."""
    contexts: list[tuple[BrowserContext, Watch]] = []

    def open_page(
        username: str = "admin", width: int = 1366, height: int = 768, language: str = "zh-CN",
        provoked: tuple[str, ...] = (),
    ) -> Page:  # fmt: skip
        context = browser.new_context(
            viewport={"width": width, "height": height}, locale=language, accept_downloads=True,
            reduced_motion="reduce",
        )  # fmt: skip
        context.set_default_timeout(30_000)
        page = context.new_page()
        contexts.append((context, Watch(page, site.url, provoked)))
        cookies = session_of(username).items()
        context.add_cookies([{"name": name, "value": value, "url": site.url} for name, value in cookies])
        page.goto(site.url)
        page.wait_for_url(lambda url: "/sign-in" not in url and urlsplit(url).path != "/")
        return page

    yield open_page
    problems = [problem for _, watch in contexts for problem in watch.problems]
    for context, _ in contexts:
        context.close()
    assert problems == []


@pytest.fixture
def page(sign_in: Callable[..., Page]) -> Page:
    """A page signed in as administrator."""
    return sign_in()


@pytest.fixture(scope="session")
def axe() -> Callable[[Page], list[str]]:
    """``axe(page)`` lists WCAG A/AA violations as ``rule: target``."""
    file = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
    if not file.exists():
        pytest.skip("axe-core is not installed: make test installs the front-end packages")
    source = file.read_text(encoding="utf-8")

    def run(page: Page) -> list[str]:
        page.evaluate(source)
        result = page.evaluate(
            "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'], resultTypes: ['violations']})"
        )
        return [
            f"{v['id']}: {n['target']} {n.get('failureSummary', '')[:160]}"
            for v in result["violations"]
            for n in v["nodes"]
        ]

    return run
