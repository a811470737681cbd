"""The built site as browsers get it: compressed where they can read it, lasting where the name says so, never a stale entry."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from parksight.web import site
from parksight.web.site import Site, accepted

CODE = b"export const answer = 42;" * 50
BROTLI = b"what the build wrote"


@pytest.fixture
def browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><title>entry</title>")
    for name in ("both.js", "map.mjs"):
        (tmp_path / "assets" / name).write_bytes(CODE)
        (tmp_path / "assets" / f"{name}.gz").write_bytes(gzip.compress(CODE))
    (tmp_path / "assets" / "both.js.br").write_bytes(BROTLI)
    (tmp_path / "assets" / "plain.woff2").write_bytes(b"font")
    monkeypatch.setattr(site, "STATIC", tmp_path)
    return TestClient(Starlette(routes=[Mount("/", Site(directory=tmp_path, html=True))]))


def test_the_best_form_a_browser_reads_is_sent(browser: TestClient) -> None:
    answer = browser.get("/assets/both.js", headers={"accept-encoding": "gzip, deflate, br"})
    assert answer.headers["content-encoding"] == "br"
    assert answer.headers["content-length"] == str(len(BROTLI))
    assert answer.headers["vary"].lower() == "accept-encoding"
    answer = browser.get("/assets/both.js", headers={"accept-encoding": "gzip, br;q=0"})
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.content == CODE


def test_type_and_age_are_those_of_the_file_itself(browser: TestClient) -> None:
    for name in ("both.js", "map.mjs"):
        answer = browser.get(f"/assets/{name}", headers={"accept-encoding": "gzip"})
        assert answer.headers["content-type"].startswith("text/javascript")
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        again = browser.get(
            f"/assets/{name}", headers={"accept-encoding": "gzip", "if-none-match": answer.headers["etag"]}
        )
        assert again.status_code == 304


def test_a_browser_that_reads_neither_gets_the_file_as_it_is(browser: TestClient) -> None:
    answer = browser.get("/assets/both.js", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in answer.headers
    assert answer.content == CODE
    answer = browser.get("/assets/plain.woff2", headers={"accept-encoding": "br, gzip"})
    assert "content-encoding" not in answer.headers
    assert answer.content == b"font"


def test_every_other_path_is_the_entry_and_the_entry_is_always_asked_for(browser: TestClient) -> None:
    for path in ("/", "/command", "/devices/7", "/../../etc/passwd"):
        answer = browser.get(path)
        assert "entry" in answer.text
        assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    ("header", "codings"),
    [
        ("", []),
        ("br", ["br"]),
        ("gzip;q=1.0, BR ; q=0.5", ["br", "gzip"]),
        ("gzip;q=0, br;q=0.000", []),
        ("zstd", []),
    ],
)
def test_what_a_header_allows(header: str, codings: list[str]) -> None:
    assert list(accepted(header)) == codings
