"""The doors of the HTTP interface: hosts, sizes, headers, errors, languages, health, metrics, route sweep."""

from __future__ import annotations

import io
import json
import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import structlog
from fastapi import APIRouter, FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field
from starlette.requests import HTTPConnection, Request
from tests.kernel.site import Site, make_app, make_settings, serve, sign_in

from parksight.kernel.api import router
from parksight.kernel.clock import SimulatedClock
from parksight.kernel.db import Database
from parksight.kernel.errors import conflict
from parksight.kernel.identity.origins import host_allowed, is_loopback, origin_allowed, split_host
from parksight.kernel.log import configure
from parksight.kernel.settings import Settings
from parksight.kernel.sweep import route_permissions, unguarded
from parksight.kernel.web import public


class Item(BaseModel):
    name: str = Field(min_length=2)
    number: int = Field(ge=0)


def add_routes(app: FastAPI) -> None:
    extra = APIRouter(prefix="/api/v1/test", dependencies=[public("test")])

    @extra.post("/items")
    def items(body: Item) -> Item:
        return body

    @extra.get("/crash")
    def crash() -> None:
        raise ZeroDivisionError("secret details")

    @extra.get("/conflict")
    def clash() -> None:
        raise conflict("kernel.code_taken", key="A{0}")

    @extra.post("/stream")
    async def stream(request: Request) -> int:
        return sum([len(part) async for part in request.stream()])

    app.include_router(extra)


@pytest.fixture
def log_lines() -> Iterator[io.StringIO]:
    """What the configured logging writes; the process's own set-up comes back afterwards."""
    root = logging.getLogger()
    handlers, level, kept = root.handlers[:], root.level, structlog.get_config()
    out = io.StringIO()
    configure("info", stream=out)
    yield out
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**kept)


@pytest.fixture
def doors(quick_site: Site) -> Iterator[httpx.Client]:
    add_routes(quick_site.app)
    with quick_site.client(headers={"Accept-Language": "en"}) as client:
        yield client


def test_problem_details(doors: httpx.Client) -> None:
    answer = doors.get("/api/v1/test/conflict")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "urn:parksight:problem:kernel.code_taken",
        "title": "Conflict with the present state",
        "status": 409,
        "detail": "The code 'A{0}' is taken.",
        "instance": "/api/v1/test/conflict",
        "code": "kernel.code_taken",
        "params": {"key": "A{0}"},
    }


def test_problems_speak_the_readers_language(doors: httpx.Client) -> None:
    for header, language, word in (
        ("zh-TW,zh;q=0.9,en;q=0.2", "zh-CN", "已被使用"),
        ("en-GB", "en", "is taken"),
        ("fr", "zh-CN", "已被使用"),
        ("fr, en;q=0.1", "en", "is taken"),
        ("en;q=0, zh", "zh-CN", "已被使用"),
    ):
        answer = doors.get("/api/v1/test/conflict", headers={"Accept-Language": header})
        assert answer.headers["content-language"] == language
        assert word in answer.json()["detail"]


def test_invalid_input_names_every_place(doors: httpx.Client) -> None:
    body = doors.post("/api/v1/test/items", json={"name": "x", "number": -1}).json()
    assert (body["status"], body["code"], body["where"]) == (422, "kernel.invalid_input", "/body/name")
    assert body["errors"] == [
        {"where": "/body/name", "code": "string_too_short", "detail": "At least 2 character(s)."},
        {"where": "/body/number", "code": "greater_than_equal", "detail": "This must be 0 or more."},
    ]
    broken = doors.post(
        "/api/v1/test/items", content=b'{"name":', headers={"Content-Type": "application/json"}
    ).json()
    assert broken["errors"][0]["code"] == "json_invalid"


def test_unknown_paths_and_methods_are_problems(doors: httpx.Client) -> None:
    assert doors.get("/api/v1/nothing").json()["code"] == "kernel.no_such_route"
    wrong = doors.put("/api/v1/meta")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "kernel.method_not_allowed")
    assert "GET" in wrong.headers["allow"]


def test_the_unexpected_is_logged_with_an_incident_and_hides_details(
    doors: httpx.Client, log_lines: io.StringIO
) -> None:
    answer = doors.get("/api/v1/test/crash")
    body = answer.json()
    assert (answer.status_code, body["code"]) == (500, "kernel.unexpected")
    assert "secret details" not in answer.text
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    lines = [json.loads(line) for line in log_lines.getvalue().splitlines()]
    logged = next(line for line in lines if line["event"] == "unexpected_error")
    assert logged["incident"] == body["incident"]
    assert logged["request_id"] == answer.headers["x-request-id"]
    assert logged["exception"][0]["exc_type"] == "ZeroDivisionError"


def test_logs_hold_no_secrets(log_lines: io.StringIO) -> None:
    structlog.get_logger("x").info(
        "event", password="p4ss", nested={"api_key": "k3y", "n": [{"token": "t0k"}]}
    )
    line = json.loads(log_lines.getvalue())
    assert line["nested"] == {"api_key": "***", "n": [{"token": "***"}]}
    assert (line["password"], line["level"], line["logger"]) == ("***", "info", "x")
    with pytest.raises(ValueError, match="loud"):
        configure("loud")


def test_security_headers_everywhere(doors: httpx.Client) -> None:
    for path in ("/api/v1/meta", "/api/v1/nothing", "/api/v1/test/crash"):
        headers = doors.get(path).headers
        policy = headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "script-src 'self';" in policy
        assert "unsafe-inline" not in policy.replace("style-src-attr 'unsafe-inline'", "")
        assert "unsafe-eval" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "geolocation=(self)" in headers["permissions-policy"]
        assert headers["cache-control"] == "no-store"
        assert "strict-transport-security" not in headers


def test_tls_brings_hsts_and_host_cookies(sqlite_db: Database, clock: SimulatedClock, tmp_path: Path) -> None:
    made = make_settings(tmp_path, server={"public_url": "https://park.example"})
    app = make_app(made, sqlite_db, clock)
    with serve(app) as address, httpx.Client(base_url=address, trust_env=False, timeout=60) as client:
        from tests.kernel.site import add_user

        add_user(app, "admin", "administrator")
        headers = {"Host": "park.example", "Origin": "https://park.example"}
        answer = client.post(
            "/api/v1/session",
            json={"username": "admin", "password": "copper-lantern-41-meadow"},
            headers=headers,
        )
        assert answer.status_code == 200
        assert answer.headers["strict-transport-security"].startswith("max-age=31536000")
        cookies = answer.headers.get_list("set-cookie")
        assert all(c.startswith("__Host-parksight_") and "; Secure" in c for c in cookies)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "a/b", "127.0.0.1:x", "[::1"])
def test_other_host_names_are_refused(quick_site: Site, host: str) -> None:
    """The defence against DNS rebinding; sent by hand because clients correct such headers."""
    parts = urlsplit(quick_site.address)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as sock:
        sock.sendall(f"GET /api/v1/meta HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        answer = sock.makefile("rb").read()
    assert answer.split(b" ")[1] == b"421"


def test_own_host_names_are_fine(quick_site: Site) -> None:
    port = urlsplit(quick_site.address).port
    with quick_site.client() as client:
        for host in ("localhost", f"LOCALHOST:{port}", f"127.0.0.1:{port}", f"[::1]:{port}"):
            assert client.get("/api/v1/meta", headers={"Host": host}).status_code == 200


def test_body_limit_counts_declared_and_streamed_bytes(doors: httpx.Client) -> None:
    small, big = b"x" * 2**20, b"x" * (2**20 + 1)
    assert doors.post("/api/v1/test/stream", content=small).json() == len(small)
    declared = doors.post("/api/v1/test/stream", content=big)
    assert (declared.status_code, declared.json()["code"]) == (413, "kernel.body_too_large")
    for path in ("/api/v1/test/stream", "/api/v1/test/items"):
        streamed = doors.post(path, content=iter([small, b"x"]), headers={"Content-Type": "application/json"})
        assert (streamed.status_code, streamed.json()["code"]) == (413, "kernel.body_too_large")


def test_health_is_open_here_and_guarded_elsewhere(quick_site: Site) -> None:
    with quick_site.client() as client:
        assert client.get("/api/v1/health").json() == {
            "status": "starting",
            "version": client.get("/api/v1/meta").json()["version"],
            "ingest": {"received": 0, "stored": 0, "rejected": {}, "in_flight": 0},
            "problems": [],
        }
        counted = {"received": 9, "stored": 5, "rejected": {"crc": 3}, "in_flight": 1}
        quick_site.app.state.ingest_counters = lambda: counted
        body = client.get("/api/v1/health").json()
        assert (body["status"], body["ingest"]) == ("ok", counted)
        quick_site.app.state.health_checks = {"store": lambda: False}
        sick = client.get("/api/v1/health")
        assert (sick.status_code, sick.json()["problems"]) == (503, ["store"])
        # A proxy on this machine does not make the world local.
        far = {"X-Forwarded-For": "203.0.113.5"}
        for path in ("/api/v1/health", "/metrics"):
            assert client.get(path, headers=far).status_code == 401
        sign_in(client, "duty")
        assert client.get("/metrics", headers=far).status_code == 403
        sign_in(client, "admin")
        assert client.get("/metrics", headers=far).status_code == 200


def test_metrics_count_by_route_not_by_path(doors: httpx.Client) -> None:
    for i in range(5):
        doors.get(f"/api/v1/nothing/{i}")
        doors.get(f"/api/v1/users/{i}")
    text = doors.get("/metrics").text
    assert 'parksight_http_requests_total{method="GET",route="unmatched",status="404"} 5.0' in text
    assert (
        'parksight_http_requests_total{method="GET",route="/api/v1/users/{user_id}",status="401"} 5.0' in text
    )
    assert "/api/v1/users/3" not in text
    assert 'parksight_info{version="' in text


def test_every_route_asks_for_something(quick_site: Site) -> None:
    routes = {(r.path, m): r.permissions for r in route_permissions(quick_site.app) for m in r.methods}
    assert unguarded(quick_site.app) == []
    assert routes["/api/v1/users", "GET"] == ("kernel.user.read",)
    assert routes["/api/v1/session", "DELETE"] == ("signed-in",)
    assert routes["/api/v1/health", "GET"] == ("loopback or kernel.health.read",)
    open_ones = {path for (path, _), asked in routes.items() if any(a.startswith("public") for a in asked)}
    oidc = {"/api/v1/session/oidc", "/api/v1/session/oidc/callback"}
    assert open_ones == {"/api/v1/session", "/api/v1/meta"} | oidc


def test_the_sweep_finds_a_route_that_forgot(quick_site: Site) -> None:
    forgetful = APIRouter()

    @forgetful.get("/api/v1/oops")
    def oops() -> int:
        return 1

    outer = APIRouter()
    outer.include_router(forgetful, prefix="/deep")
    quick_site.app.include_router(outer)
    assert [r.path for r in unguarded(quick_site.app)] == ["/deep/api/v1/oops"]


def test_every_guarded_route_refuses_strangers(quick_site: Site) -> None:
    with quick_site.client() as client:
        for route in route_permissions(quick_site.app):
            if any(a.startswith(("public", "loopback")) for a in route.permissions):
                continue
            for method in route.methods:
                path = route.path.replace("{", "").replace("}", "")
                assert client.request(method, path).status_code == 401, (method, path)


def connection(headers: list[tuple[bytes, bytes]], client: tuple[str, int] | None = None) -> HTTPConnection:
    scope = {"type": "http", "headers": headers, "client": client, "server": ("10.1.2.3", 8600), "path": "/"}
    return HTTPConnection(scope)


@given(st.binary(max_size=40))
def test_host_and_origin_checks_never_raise(value: bytes) -> None:
    made = Settings()
    conn = connection([(b"host", value), (b"origin", value)])
    assert host_allowed(conn, frozenset({"localhost"})) in (True, False)
    # A host equal to the origin is the only way in, and an origin needs its scheme.
    assert origin_allowed(conn, made) is False or value.startswith((b"http://", b"https://"))
    split_host(value.decode("latin-1"))


def test_an_address_is_a_good_host_when_the_connection_came_in_on_it() -> None:
    assert host_allowed(connection([(b"host", b"10.1.2.3:8600")]), frozenset())
    assert not host_allowed(connection([(b"host", b"10.1.2.4:8600")]), frozenset())
    assert not host_allowed(connection([(b"host", b"park.example")]), frozenset())


@pytest.mark.parametrize(
    ("client", "expected"),
    [(("127.0.0.1", 1), True), (("::1", 1), True), (("127.8.8.8", 1), True), (("10.0.0.1", 1), False),
     (("testclient", 1), False), (None, False)],
)  # fmt: skip
def test_loopback(client: tuple[str, int] | None, expected: bool) -> None:
    assert is_loopback(connection([], client)) is expected
    assert not is_loopback(connection([(b"forwarded", b"for=1.2.3.4")], client))


#: Bytes a client lets into a header at all.
sendable = st.lists(st.integers(0x21, 0xFF), min_size=1, max_size=60).map(bytes)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cookie=sendable, token=sendable)
def test_garbage_cookies_and_tokens_are_refused_not_crashed(
    fuzz_client: httpx.Client, cookie: bytes, token: bytes
) -> None:
    # 400 is the HTTP parser's own refusal of bytes no header may hold.
    headers = {"Cookie": b"parksight_session=" + cookie}
    assert fuzz_client.get("/api/v1/session", headers=headers).status_code in (400, 401)
    unsafe = {**headers, "X-CSRF-Token": token}
    assert fuzz_client.delete("/api/v1/session", headers=unsafe).status_code in (400, 401)
    bearer = {"Authorization": b"Bearer " + token}
    assert fuzz_client.get("/api/v1/session", headers=bearer).status_code in (400, 401)


@pytest.fixture
def fuzz_client(quick_site: Site) -> Iterator[httpx.Client]:
    with quick_site.client() as client:
        yield client


def test_the_kernel_router_has_unique_operation_ids() -> None:
    app = FastAPI()
    app.include_router(router)
    names = [
        operation["operationId"] for path in app.openapi()["paths"].values() for operation in path.values()
    ]
    assert len(names) == len(set(names)) > 30
