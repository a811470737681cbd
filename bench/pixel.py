"""From the socket of a gateway to the pixels of a page, and how soon the command centre is there.

    python -m bench.pixel [--samples 120] [--loads 7] [--idle 20]

A living demo park on this machine, system Chromium without a graphics card, one clock for all. A marked reading is pushed
to the HTTP gateway by a device with a credential of its own, in the middle of the park's load; the page tells when the
frame with its figure had been painted. Reference of the same run: the same reading on a bare WebSocket client. Then the
command centre is opened cold again and again: first contentful paint and the first frame with figures, beside the first
paint of a bare static page. At last it is left alone: its longest task.
"""

from __future__ import annotations

import argparse
import http.server
import json
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from tests.browser.shoot import FLAGS
from tests.living import Site, living_park
from websockets.sync.client import connect
from websockets.typing import Origin

from parksight.web import built

CODE = "BENCH.PIXEL"
FIRST_MARK = 1_000  # shown as "1,000": what no age and no other figure of the row looks like
SIZE = (1920, 1080)
#: Fields: wanted figure of the issue, ms.
WANTED = {"pixel_p95": 1_000.0, "first_paint": 2_000.0, "long_task": 200.0}

#: Notes for each mark the moment after the frame that shows it: the task after the frame's callback.
OBSERVER = """
() => {
  const seen = (window.__seen = {})
  const look = () => {
    const found = /(\\d),(\\d{3})/.exec(document.querySelector('main tbody tr')?.textContent ?? '')
    if (!found || found[1] + found[2] in seen) return
    const mark = found[1] + found[2]
    seen[mark] = 0
    requestAnimationFrame(() => {
      const after = new MessageChannel()
      after.port1.onmessage = () => (seen[mark] = Date.now())
      after.port2.postMessage(0)
    })
  }
  new MutationObserver(look).observe(document.querySelector('main'), { subtree: true, childList: true, characterData: true })
}
"""
#: Runs before the page's own code: its long tasks, and the first frame in which a figure stands.
WATCHER = """
window.__tasks = []
new PerformanceObserver((list) => list.getEntries().forEach((e) => window.__tasks.push([e.startTime, e.duration]))).observe({
  type: 'longtask', buffered: true,
})
const figures = new MutationObserver(() => {
  if (!/\\d/.test(document.querySelector('.kpis b')?.textContent ?? '')) return
  figures.disconnect()
  requestAnimationFrame(() => {
    const after = new MessageChannel()
    after.port1.onmessage = () => (window.__figures = performance.now())
    after.port2.postMessage(0)
  })
})
figures.observe(document, { subtree: true, childList: true, characterData: true })
"""
FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"


def p95(values: list[float]) -> float:
    return sorted(values)[max(0, -(-95 * len(values) // 100) - 1)]


def summary(values: list[float]) -> dict[str, float]:
    """Milliseconds: median, 95th percentile, longest."""
    return {"p50_ms": round(statistics.median(values), 1), "p95_ms": round(p95(values), 1),
            "max_ms": round(max(values), 1)}  # fmt: skip


def device(site: Site) -> tuple[int, str]:
    """A point of its own and a device that may push it: (point id, bearer token)."""
    with site.client() as client:

        def made(path: str, **body: Any) -> Any:
            answer = client.post(f"/api/v1{path}", json=body)
            answer.raise_for_status()
            return answer.json()

        point = made(
            "/points", code=CODE, name="Bench", quantity="power", unit="kW", period_s=1.0, simulated=True
        )
        dev = made(
            "/devices",
            code=f"{CODE}.DEV",
            protocol="http",
            name="Bench",
            address=f"{CODE}.DEV",
            simulated=True,
        )
        rows = [{"address": "P", "point_id": point["id"]}]
        client.put(f"/api/v1/devices/{dev['id']}/mappings", json=rows).raise_for_status()
        credential = made(f"/devices/{dev['id']}/credentials", name="bench", days=1)
        return int(point["id"]), str(credential["token"])


def listen(
    site: Site, point: int, seen: dict[int, float], stop: threading.Event, ready: threading.Event
) -> None:
    """The reference: a client without a page that notes when each mark arrives (s since the epoch)."""
    with site.client() as client:
        cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    address = site.url.replace("http", "ws", 1) + "/api/v1/live"
    with connect(address, additional_headers={"Cookie": cookie}, origin=Origin(site.url)) as socket:
        socket.send(json.dumps({"op": "subscribe", "points": [point], "topics": []}))
        ready.set()
        while not stop.is_set():
            try:
                message = json.loads(socket.recv(timeout=0.5))
            except TimeoutError:
                continue
            if message["op"] == "values":
                for value in message["v"][1::4]:
                    if value is not None:
                        seen.setdefault(int(value), time.time())


def socket_to_pixel(browser: Browser, site: Site, samples: int) -> list[dict[str, Any]]:
    point, token = device(site)
    context = signed_in(browser, site)
    page = context.new_page()
    page.goto(f"{site.url}/points?q={CODE}")
    page.wait_for_selector("main tbody tr")
    page.evaluate(OBSERVER)
    heard: dict[int, float] = {}
    stop, ready = threading.Event(), threading.Event()
    ear = threading.Thread(target=listen, args=(site, point, heard, stop, ready), daemon=True)
    ear.start()
    if not ready.wait(30):
        raise SystemExit("the live socket did not answer")
    sent: dict[int, float] = {}
    durable: list[float] = []
    pace = random.Random(1)  # spacing, not a secret
    with httpx.Client(base_url=site.url, headers={"Authorization": f"Bearer {token}"}, timeout=30) as sender:
        for mark in range(FIRST_MARK, FIRST_MARK + samples):
            at = time.time()
            reading = {"address": "P", "t": int(at * 1000), "v": float(mark), "q": "good"}
            answer = sender.post("/api/v1/ingest/observations", json={"readings": [reading]})
            answer.raise_for_status()
            if answer.json()["stored"] != 1:
                raise SystemExit(f"the reading was not stored: {answer.text}")
            durable.append((time.time() - at) * 1000)
            sent[mark] = at
            # No multiple of the live socket's tick, or every sample would meet the same moment of it.
            page.wait_for_timeout(pace.uniform(350, 750))
    page.wait_for_timeout(3_000)
    shown = {int(k): v / 1000 for k, v in page.evaluate("window.__seen").items() if v}
    stop.set()
    ear.join(10)
    context.close()
    pixel = [(shown[m] - at) * 1000 for m, at in sent.items() if m in shown]
    wire = [(heard[m] - at) * 1000 for m, at in sent.items() if m in heard]
    missed = len(sent) - len(pixel)
    if len(pixel) < 0.9 * len(sent) or not wire:
        raise SystemExit(f"{missed} of {len(sent)} marks never reached the page, {len(wire)} the socket")
    return [
        {"bench": "pixel.durable", "samples": len(durable), **summary(durable)},
        {"bench": "pixel.websocket", "samples": len(wire), **summary(wire)},
        {"bench": "pixel.page", "samples": len(pixel), **summary(pixel), "overtaken": missed,
         "reference": "pixel.websocket", "ratio": round(p95(pixel) / p95(wire), 2),
         "wanted_p95_ms": WANTED["pixel_p95"], "met": p95(pixel) <= WANTED["pixel_p95"]},
    ]  # fmt: skip


def signed_in(browser: Browser, site: Site) -> BrowserContext:
    """A context with an empty cache and a session; the reader's motion setting is left alone."""
    context = browser.new_context(viewport={"width": SIZE[0], "height": SIZE[1]}, locale="zh-CN")
    with site.client() as client:
        context.add_cookies([{"name": n, "value": v, "url": site.url} for n, v in client.cookies.items()])
    return context


@contextmanager
def bare_page() -> Iterator[str]:
    """The reference: one static page of a line of text, from a server that does nothing else."""

    class Bare(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b"<!doctype html><title>bare</title><p>90</p>"
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Bare)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()


def until(page: Page, expression: str, seconds: float = 60.0) -> float:
    """The number an expression becomes; asked for from outside, for the page's policy allows no evaluation within."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = page.evaluate(expression)
        if found is not None:
            return float(found)
        page.wait_for_timeout(50)
    raise SystemExit(f"{expression} had no value after {seconds:.0f} s")


def opening(browser: Browser, site: Site, loads: int, idle_s: float) -> list[dict[str, Any]]:
    bare: list[float] = []
    paints: list[float] = []
    figures: list[float] = []
    maps: list[float] = []
    tasks: list[float] = []
    with bare_page() as address:
        for n in range(loads):
            context = browser.new_context(viewport={"width": SIZE[0], "height": SIZE[1]})
            page = context.new_page()
            page.goto(address)
            bare.append(until(page, FIRST_PAINT))
            context.close()
            context = signed_in(browser, site)
            page = context.new_page()
            page.add_init_script(WATCHER)
            page.goto(f"{site.url}/command", wait_until="commit")
            figures.append(until(page, "window.__figures ?? null"))
            paints.append(until(page, FIRST_PAINT))
            page.wait_for_selector(".park-map .map[data-idle]", state="attached", timeout=120_000)
            maps.append(float(page.evaluate("performance.now()")))
            if n == loads - 1:
                page.wait_for_timeout(5_000)
                since = float(page.evaluate("performance.now()"))
                page.wait_for_timeout(idle_s * 1000)
                tasks = [d for at, d in page.evaluate("window.__tasks") if at >= since]
            context.close()
    worst = max(tasks, default=0.0)
    return [
        {"bench": "pixel.bare_page", "loads": loads, **summary(bare)},
        {"bench": "pixel.first_paint", "loads": loads, **summary(paints), "reference": "pixel.bare_page",
         "ratio": round(statistics.median(paints) / statistics.median(bare), 1), "wanted_ms": WANTED["first_paint"],
         "met": statistics.median(paints) <= WANTED["first_paint"]},
        {"bench": "pixel.first_figures", "loads": loads, **summary(figures), "reference": "pixel.bare_page",
         "ratio": round(statistics.median(figures) / statistics.median(bare), 1), "wanted_ms": WANTED["first_paint"],
         "met": statistics.median(figures) <= WANTED["first_paint"]},
        {"bench": "pixel.map_drawn", "loads": loads, **summary(maps), "reference": "pixel.bare_page",
         "ratio": round(statistics.median(maps) / statistics.median(bare), 1)},
        {"bench": "pixel.idle", "seconds": idle_s, "long_tasks": len(tasks), "longest_ms": round(worst, 1),
         "wanted_ms": WANTED["long_task"], "met": worst <= WANTED["long_task"]},
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=int, default=120)
    parser.add_argument("--loads", type=int, default=7)
    parser.add_argument("--idle", type=float, default=20.0, help="seconds the command centre is left alone")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    args = parser.parse_args()
    if not built():
        raise SystemExit("the site is not built: make run builds it")
    if not Path(args.chromium).exists():
        raise SystemExit(f"{args.chromium} is not there: apt-get install chromium")
    # Five minutes of history are enough; filling it must be over before anything is measured.
    with (
        tempfile.TemporaryDirectory() as folder,
        living_park(Path(folder), days=0.005) as site,
        sync_playwright() as pw,
    ):
        browser = pw.chromium.launch(executable_path=args.chromium, args=FLAGS)
        time.sleep(30)  # all stations connected, every point heard once: the load of the demo
        for row in opening(browser, site, args.loads, args.idle) + socket_to_pixel(
            browser, site, args.samples
        ):
            print(json.dumps(row), flush=True)
        browser.close()


if __name__ == "__main__":
    main()
