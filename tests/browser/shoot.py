"""Takes the pages in the three sizes we design for, with system Chromium.

``python tests/browser/shoot.py --out shots --user duty --password … command map`` signs in, opens each page by its
path, waits until the map has drawn and the fonts are there, and writes ``<page>-<size>.png``. Console errors and
requests that leave the origin are printed and make the exit code 1.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

SIZES = {"wall": (1920, 1080), "desk": (1366, 768), "phone": (390, 844)}
FLAGS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
    "--font-render-hinting=none",
    "--force-color-profile=srgb",
]


def watch(page: Page, origin: str, problems: list[str]) -> None:
    """Collect what must never happen: console errors, page errors, requests to elsewhere."""

    def request(url: str) -> None:
        if urlsplit(url).netloc != urlsplit(origin).netloc and not url.startswith(("data:", "blob:")):
            problems.append(f"request off origin: {url}")

    page.on("request", lambda r: request(r.url))
    page.on("pageerror", lambda e: problems.append(f"page error: {e}"))
    page.on(
        "console",
        lambda m: (
            problems.append(f"console: {m.text[:300]}")
            if m.type == "error" and "401" not in m.text and "GPU stall" not in m.text
            else None
        ),
    )


def sign_in(page: Page, origin: str, user: str, password: str) -> None:
    page.goto(f"{origin}/sign-in")
    page.fill("input[name=username]", user)
    page.fill("input[name=password]", password)
    page.click("button[type=submit]")
    page.wait_for_url(lambda url: "/sign-in" not in url)


def settle(page: Page) -> None:
    """Wait for data, map and fonts; a page without a map is ready once the network rests."""
    page.wait_for_timeout(700)
    if page.locator(".park-map").count():
        page.wait_for_selector(".park-map .map[data-idle]", state="attached", timeout=90_000)
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(900)


def shoot(browser: Browser, args: argparse.Namespace, size: str, problems: list[str]) -> None:
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce")
    context.add_init_script(
        f"localStorage.setItem('parksight.language', '{args.language}');"
        f"localStorage.setItem('parksight.theme', '{args.theme}');"
        f"localStorage.setItem('parksight.muted', 'yes');"
        f"localStorage.setItem('parksight.flat', '{'yes' if args.flat else 'no'}');"
    )
    page = context.new_page()
    watch(page, args.url, problems)
    if args.user:
        sign_in(page, args.url, args.user, args.password)
    for path in args.pages:
        page.goto(f"{args.url}/{path.lstrip('/')}")
        settle(page)
        name = re.sub(r"[^\w.-]+", "-", path.strip("/")) or "home"
        file = args.out / f"{name}-{size}{args.suffix}.png"
        page.screenshot(path=str(file), full_page=args.full)
        print(file)
    context.close()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pages", nargs="+", help="paths, e.g. command map")
    parser.add_argument("--url", default="http://127.0.0.1:8600")
    parser.add_argument("--user")
    parser.add_argument("--password")
    parser.add_argument("--out", type=Path, default=Path("shots"))
    parser.add_argument("--size", choices=[*SIZES, "all"], default="all")
    parser.add_argument("--language", choices=["zh-CN", "en"], default="zh-CN")
    parser.add_argument("--theme", choices=["dark", "light"], default="dark")
    parser.add_argument(
        "--flat", action="store_true", help="the flat map of machines without a graphics card"
    )
    parser.add_argument("--full", action="store_true", help="the whole page, not only the window")
    parser.add_argument("--suffix", default="")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    problems: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        for size in SIZES if args.size == "all" else [args.size]:
            shoot(browser, args, size, problems)
        browser.close()
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
