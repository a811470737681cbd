"""Sign-in through a real OpenID provider on a real socket, honest and dishonest."""

from __future__ import annotations

import base64
import hashlib
import html
import re
import secrets
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from fastapi import FastAPI, Form, HTTPException, Request
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey
from sqlalchemy import select
from starlette.responses import RedirectResponse
from tests.kernel.site import add_user, make_app, make_settings, serve

from parksight.kernel import audit
from parksight.kernel.clock import SimulatedClock
from parksight.kernel.db import Database
from parksight.kernel.identity.models import OidcLogin, User
from parksight.kernel.identity.oidc import own_path

CLIENT, SECRET = "parksight", "client-secret-of-the-test"


@dataclass
class Issuer:
    """A small OpenID provider that checks what the standard tells it to; ``twist`` makes it lie."""

    clock: SimulatedClock
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}))
    person: dict[str, str] = field(default_factory=lambda: {"sub": "u-1001", "preferred_username": "duty"})
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    twist: Callable[[dict[str, Any], dict[str, Any]], Any] | None = None
    address: str = ""
    exchanges: int = 0

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/.well-known/openid-configuration")
        def metadata() -> dict[str, str]:
            return {
                "issuer": self.address,
                "authorization_endpoint": f"{self.address}/authorize",
                "token_endpoint": f"{self.address}/token",
                "jwks_uri": f"{self.address}/keys",
            }

        @app.get("/keys")
        def keys() -> Any:
            return KeySet([self.key]).as_dict(private=False)

        @app.get("/authorize")
        def authorize(request: Request) -> RedirectResponse:
            asked = dict(request.query_params)
            assert asked["response_type"] == "code"
            assert asked["code_challenge_method"] == "S256"
            assert "openid" in asked["scope"].split()
            code = secrets.token_urlsafe(8)
            self.codes[code] = asked
            back = urlencode({"code": code, "state": asked["state"], "iss": self.address})
            return RedirectResponse(f"{asked['redirect_uri']}?{back}", 303)

        @app.post("/token")
        def token(
            request: Request,
            code: str = Form(),
            code_verifier: str = Form(),
            redirect_uri: str = Form(),
            grant_type: str = Form(),
        ) -> dict[str, Any]:
            self.exchanges += 1
            basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
            asked = self.codes.pop(code, None)
            if request.headers.get("authorization") != f"Basic {basic}" or asked is None:
                raise HTTPException(401)
            challenge = base64.urlsafe_b64encode(hashlib.sha256(code_verifier.encode()).digest()).rstrip(b"=")
            if asked["code_challenge"] != challenge.decode() or asked["redirect_uri"] != redirect_uri:
                raise HTTPException(400)
            assert grant_type == "authorization_code"
            return self._answer(asked["nonce"])

        return app

    def _answer(self, nonce: str) -> dict[str, Any]:
        now = int(self.clock.now().timestamp())
        head: dict[str, Any] = {"alg": "RS256", "kid": "one"}
        claims: dict[str, Any] = {
            "iss": self.address, "aud": CLIENT, "nonce": nonce, "iat": now, "exp": now + 300, **self.person,
        }  # fmt: skip
        if self.twist is not None:
            answer = self.twist(head, claims)
            if answer is not None:
                return dict(answer)
        return {"access_token": "a", "token_type": "Bearer", "id_token": jwt.encode(head, claims, self.key)}


@dataclass
class World:
    issuer: Issuer
    app: FastAPI
    address: str
    people: dict[str, int]

    def browser(self) -> httpx.Client:
        return httpx.Client(
            base_url=self.address, trust_env=False, timeout=60, headers={"Accept-Language": "en"}
        )

    def walk(self, client: httpx.Client, next_path: str = "/alarms") -> httpx.Response:
        """Go to the provider and come back, as a browser would."""
        start = client.get("/api/v1/session/oidc", params={"next": next_path})
        assert start.status_code == 303, start.text
        at_provider = httpx.get(start.headers["location"], trust_env=False, timeout=60)
        return client.get(at_provider.headers["location"])


@pytest.fixture(scope="module")
def rsa() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})


@pytest.fixture
def world(
    sqlite_db: Database, clock: SimulatedClock, tmp_path: Path, rsa: RSAKey, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    issuer = Issuer(clock, rsa)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    provider = issuer.app()
    provider.state.callers = _Closable()
    with serve(provider) as issuer.address:
        made = make_settings(
            tmp_path / "data",
            server={"public_url": f"http://127.0.0.1:{port}"},
            security={
                "oidc_issuer": issuer.address, "oidc_client_id": CLIENT, "oidc_client_secret": SECRET,
                "oidc_link_by_username": True, "sign_in_per_minute": 200,
            },
        )  # fmt: skip
        app = make_app(made, sqlite_db, clock)
        people = {name: add_user(app, name, role) for name, role in
                  (("duty", "duty_operator"), ("admin", "administrator"))}  # fmt: skip
        with serve(
            app,
        ) as address:
            # The address people are sent back to is the one the settings name; the port is the server's.
            app.state.identity.oidc._settings = made.model_copy(
                update={"server": made.server.model_copy(update={"public_url": address})}
            )
            yield World(issuer, app, address, people)


class _Closable:
    def close(self) -> None:
        """Nothing of the kernel runs on the provider."""


def test_there_and_back(world: World) -> None:
    with world.browser() as client:
        assert client.get("/api/v1/meta").json()["oidc"]
        answer = world.walk(client)
        assert answer.status_code == 200
        assert 'content="0; url=/alarms"' in answer.text
        me = client.get("/api/v1/session").json()
        assert (me["user"]["username"], me["roles"]) == ("duty", ["duty_operator"])
        cookie = next(c for c in answer.headers.get_list("set-cookie") if c.startswith("parksight_session="))
        assert "SameSite=strict" in cookie
        assert client.cookies.get("parksight_oidc") is None
    with world.app.state.db.read() as session:
        assert session.get_one(User, world.people["duty"]).oidc_subject == "u-1001"
        actions = [e.action for e in session.scalars(select(audit.AuditEntry).order_by(audit.AuditEntry.seq))]
        assert actions[-2:] == ["kernel.user.oidc_link", "kernel.session.start"]
        assert session.scalars(select(OidcLogin)).all() == []


def test_the_subject_counts_not_the_name(world: World) -> None:
    with world.browser() as client:
        world.walk(client)
    # Somebody else at the provider takes the name: the account stays with its subject.
    world.issuer.person = {"sub": "u-2002", "preferred_username": "duty"}
    with world.browser() as client:
        assert world.walk(client).status_code == 403
        assert client.get("/api/v1/session").status_code == 401
    world.issuer.person = {"sub": "u-1001", "preferred_username": "renamed"}
    with world.browser() as client:
        world.walk(client)
        assert client.get("/api/v1/session").json()["user"]["username"] == "duty"


def test_strangers_and_the_inactive_are_told_so(world: World) -> None:
    world.issuer.person = {"sub": "u-9", "preferred_username": "stranger"}
    with world.browser() as client:
        answer = world.walk(client)
        assert (answer.status_code, answer.headers["content-type"]) == (403, "text/html; charset=utf-8")
        assert "No account is tied" in answer.text
    world.issuer.person = {"sub": "u-1001", "preferred_username": "duty"}
    with world.app.state.db.session() as session:
        session.get_one(User, world.people["duty"]).active = False
    with world.browser() as client:
        assert world.walk(client).status_code == 403


def wrong_claim(name: str, value: object) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    def twist(_head: dict[str, Any], claims: dict[str, Any]) -> None:
        if value is None:
            claims.pop(name)
        else:
            claims[name] = value

    return twist


def unsigned(_head: dict[str, Any], claims: dict[str, Any]) -> dict[str, str]:
    import json

    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return {"id_token": f"{part({'alg': 'none'})}.{part(claims)}."}


def signed_with_the_client_secret(_head: dict[str, Any], claims: dict[str, Any]) -> dict[str, str]:
    key = OctKey.import_key(SECRET.ljust(64, "x"))
    return {"id_token": jwt.encode({"alg": "HS256"}, claims, key)}


def signed_by_another(head: dict[str, Any], claims: dict[str, Any]) -> dict[str, str]:
    return {"id_token": jwt.encode(head, claims, RSAKey.generate_key(2048, {"kid": "one"}))}


def no_token(_head: dict[str, Any], _claims: dict[str, Any]) -> dict[str, str]:
    return {"access_token": "a"}


def garbage(_head: dict[str, Any], _claims: dict[str, Any]) -> dict[str, str]:
    return {"id_token": "a.b.c"}


@pytest.mark.parametrize(
    "twist",
    [
        wrong_claim("nonce", "another"), wrong_claim("nonce", None), wrong_claim("aud", "somebody-else"),
        wrong_claim("aud", ["parksight", "other"]), wrong_claim("iss", "https://evil.example"),
        wrong_claim("exp", 1), wrong_claim("exp", None), wrong_claim("iat", None), wrong_claim("sub", None),
        wrong_claim("azp", "other"), unsigned, signed_with_the_client_secret, signed_by_another, no_token,
        garbage,
    ],
)  # fmt: skip
def test_a_lying_provider_lets_nobody_in(world: World, twist: Any) -> None:
    world.issuer.twist = twist
    with world.browser() as client:
        answer = world.walk(client)
        assert answer.status_code == 400, answer.text
        assert client.get("/api/v1/session").status_code == 401
        assert "parksight_session" not in client.cookies


def test_state_is_bound_to_the_browser_and_used_once(world: World) -> None:
    with world.browser() as victim, world.browser() as attacker:
        start = attacker.get("/api/v1/session/oidc")
        back = httpx.get(start.headers["location"], trust_env=False, timeout=60).headers["location"]
        # Sign-in CSRF: the attacker's answer in the victim's browser.
        assert victim.get(back).status_code == 400
        assert attacker.get(back).status_code == 200
        attacker.cookies.set("parksight_oidc", start.cookies["parksight_oidc"], path="/api/v1/session/oidc")
        assert attacker.get(back).status_code == 400
        for bad in ("?state=&code=x", "?state=x&code=x", "", "?error=access_denied", "?state=%ff&code=%00"):
            assert victim.get(f"/api/v1/session/oidc/callback{bad}").status_code in (400, 403)


def test_the_way_takes_ten_minutes_at_most(world: World, clock: SimulatedClock) -> None:
    with world.browser() as client:
        start = client.get("/api/v1/session/oidc")
        back = httpx.get(start.headers["location"], trust_env=False, timeout=60).headers["location"]
        clock.advance(601)
        answer = client.get(back)
        assert answer.status_code == 400
        assert "expired" in answer.text


def test_answers_of_another_issuer_are_not_mixed_up(world: World) -> None:
    with world.browser() as client:
        start = client.get("/api/v1/session/oidc")
        back = httpx.get(start.headers["location"], trust_env=False, timeout=60).headers["location"]
        mixed = re.sub(r"iss=[^&]+", "iss=https%3A%2F%2Fevil.example", back)
        assert client.get(mixed).status_code == 400
        assert world.issuer.exchanges == 0


def test_new_keys_of_the_provider_are_fetched(world: World) -> None:
    with world.browser() as client:
        world.walk(client)
    world.issuer.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
    with world.browser() as client:
        assert world.walk(client).status_code == 200


def test_an_unreachable_provider_is_named(world: World) -> None:
    oidc = world.app.state.identity.oidc
    oidc._rules = oidc._rules.model_copy(update={"oidc_issuer": "http://127.0.0.1:9"})
    with world.browser() as client:
        answer = client.get("/api/v1/session/oidc")
        assert (answer.status_code, answer.json()["code"]) == (502, "kernel.oidc.unreachable")
        oidc._rules = oidc._rules.model_copy(update={"oidc_issuer": "http://provider.example"})
        assert "not https" in client.get("/api/v1/session/oidc").json()["detail"]
        oidc._rules = oidc._rules.model_copy(update={"oidc_issuer": None})
        assert client.get("/api/v1/session/oidc").json()["code"] == "kernel.oidc.off"


@pytest.mark.parametrize(
    ("wanted", "got"),
    [("/a?b=1#c", "/a?b=1#c"), ("//evil.example", "/"), ("https://evil.example", "/"), ("/\\evil.example", "/"),
     ("javascript:alert(1)", "/"), ("", "/"), ("/a\nb", "/"), ("/" + "x" * 500, "/")],
)  # fmt: skip
def test_people_are_only_sent_to_pages_of_ours(wanted: str, got: str) -> None:
    assert own_path(wanted) == got


def test_the_next_page_cannot_carry_markup(world: World) -> None:
    with world.browser() as client:
        answer = world.walk(client, '/x"><script>alert(1)</script>')
        assert "<script" not in answer.text
        assert html.escape('/x"><script>', quote=True) in answer.text
