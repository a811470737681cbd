"""The HTTP interface keeps its own description: every route, hostile input, a real server with the living park."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance
from tests.living import Site, living_park

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with living_park(tmp_path_factory.mktemp("park"), days=0.01) as found:
        yield found


@pytest.fixture(scope="module")
def token(site: Site) -> str:
    with site.client() as api:
        answer = api.post("/api/v1/tokens", json={"name": "contract", "grants": ["*"], "days": 1})
        assert answer.status_code == 201, answer.text
        found: str = answer.json()["token"]
        return found


def test_every_route_keeps_its_description(site: Site, token: str) -> None:
    """A few hostile and valid calls of every operation: never a 5xx, always what the description promises."""
    headers = {"authorization": f"Bearer {token}"}
    schema = schemathesis.openapi.from_url(f"{site.url}/api/v1/openapi.json", headers=headers)
    broken: list[str] = []
    operations = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        operations += 1
        check = _caller(operation, headers)
        try:
            check()
        except (FailureGroup, Failure) as error:
            broken.append(f"{operation.label}: {str(error)[:600]}")
    assert operations > 150
    assert not broken, "\n\n".join(broken)


def _caller(operation: Any, headers: dict[str, str]) -> Callable[[], None]:
    """Calls one operation with a few generated cases and checks the answers."""
    checks = [not_a_server_error]
    if "/session/oidc" not in operation.label:  # those answer a person's browser with a page
        checks += [content_type_conformance, response_schema_conformance]

    @settings(
        max_examples=3,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
        database=None,
    )
    @given(case=operation.as_strategy())
    def call(case: schemathesis.Case) -> None:
        case.call_and_validate(headers=headers, timeout=60, checks=checks)

    return call


def test_every_route_asks_for_a_permission(site: Site) -> None:
    """Without a session nothing but the open routes answers; the open ones are these and no others."""
    document = httpx.get(f"{site.url}/api/v1/openapi.json").json()
    open_routes = set()
    for path, operations in document["paths"].items():
        for method in operations:
            url = site.url + path.replace("{", "").replace("}", "")
            answer = httpx.request(method.upper(), url, timeout=30)
            if answer.status_code not in (401, 403):
                open_routes.add(f"{method.upper()} {path}")
    assert open_routes <= {
        "GET /api/v1/health", "GET /api/v1/meta", "POST /api/v1/session", "GET /metrics",
        "GET /api/v1/session/oidc", "GET /api/v1/session/oidc/callback", "GET /api/v1/session/oidc/start",
        "DELETE /api/v1/session",
    }  # fmt: skip


def test_an_enterprise_sees_no_other_enterprise_on_any_route(site: Site) -> None:
    """Calls every readable list as an enterprise's user; whatever names an enterprise names their own."""
    document = httpx.get(f"{site.url}/api/v1/openapi.json").json()
    with site.client("firm") as firm:
        own = firm.get("/api/v1/enterprises").json()["items"][0]["id"]
        asked = 0
        for path, operations in document["paths"].items():
            if "get" not in operations or "{" in path:
                continue
            answer = firm.get(path)
            if answer.status_code != 200 or "json" not in answer.headers.get("content-type", ""):
                continue
            asked += 1
            strangers = {e for e in _enterprises(answer.json()) if e not in (own, None)}
            assert not strangers, f"{path} shows enterprises {sorted(strangers)[:5]} to enterprise {own}"
        assert asked >= 15
        for other in (own + 1, own + 2):
            assert firm.get(f"/api/v1/enterprises/{other}").status_code == 404
            assert firm.get(f"/api/v1/enterprises/{other}/summary").status_code == 404


def _enterprises(found: object) -> Iterator[int | None]:
    if isinstance(found, dict):
        for key, value in found.items():
            if key == "enterprise_id":
                yield value
            else:
                yield from _enterprises(value)
    elif isinstance(found, list):
        for item in found:
            yield from _enterprises(item)
