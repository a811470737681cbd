"""Sign-in through an identity provider: OpenID Connect Core 1.0, authorization-code flow with PKCE (RFC 7636).

The provider says who somebody is; what they may do is decided here alone. No account is made on the way: the
person's ``sub`` must be tied to an account by an administrator, or by user name at the first sign-in where the
settings allow it.
"""

from __future__ import annotations

import hmac
import secrets
import threading
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import httpx
import structlog
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from parksight.kernel import audit
from parksight.kernel.clock import Clock
from parksight.kernel.db import Database
from parksight.kernel.errors import ProblemError
from parksight.kernel.identity.callers import CallerDirectory, caller_of, token_hash
from parksight.kernel.identity.models import Assignment, OidcLogin, User
from parksight.kernel.identity.names import fold
from parksight.kernel.identity.sessions import Sessions, SignedIn
from parksight.kernel.sealing import Sealer
from parksight.kernel.settings import Settings

log = structlog.get_logger(__name__)

CALLBACK = "/api/v1/session/oidc/callback"
#: Asymmetric only: a provider that signs with our own secret proves nothing we could not have written.
ALGORITHMS = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "Ed25519",
    "EdDSA",
)
WAY_MINUTES = 10
LEEWAY_S = 60
_METADATA_S = 3600.0
_MAX_UNDER_WAY = 10_000
_MAX_ANSWER = 1 << 20
_SAFE_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True)
class Provider:
    """What the provider publishes about itself."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


class Oidc:
    """The way to the provider and back.

    Args:
        settings: issuer, client, our public address.
        db: records.
        clock: time.
        sessions: starts the session in the end.
        sealer: seals the verifier while somebody is on the way.
        callers: told when an account is tied.
    """

    def __init__(
        self,
        settings: Settings,
        db: Database,
        clock: Clock,
        sessions: Sessions,
        sealer: Sealer,
        callers: CallerDirectory,
    ) -> None:
        self._settings = settings
        self._rules = settings.security
        self._db = db
        self._clock = clock
        self._sessions = sessions
        self._sealer = sealer
        self._callers = callers
        self._lock = threading.Lock()
        self._provider: tuple[Provider, float] | None = None
        self._keys: KeySet | None = None

    @property
    def enabled(self) -> bool:
        return bool(self._rules.oidc_issuer and self._rules.oidc_client_id)

    @property
    def redirect_uri(self) -> str:
        """Where the provider sends people back; to be registered there."""
        server = self._settings.server
        if server.public_url:
            return server.public_url.rstrip("/") + CALLBACK
        host = f"[{server.host}]" if ":" in server.host else server.host
        return f"{'https' if server.secure else 'http'}://{host}:{server.port}{CALLBACK}"

    def begin(self, next_path: str) -> tuple[str, str]:
        """Start a sign-in.

        Args:
            next_path: page to show in the end; anything but a path of ours becomes ``/``.

        Returns:
            The provider's address to go to, and the state that must come back with the same browser.
        """
        self._require_enabled()
        provider = self._discover()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        now = self._clock.now()
        with self._db.session() as session:
            session.execute(delete(OidcLogin).where(OidcLogin.expires_at < now))
            if (session.scalar(select(func.count()).select_from(OidcLogin)) or 0) >= _MAX_UNDER_WAY:
                raise ProblemError("kernel.too_many_requests", 429, {"retry_after_s": 60})
            session.add(
                OidcLogin(
                    state_hash=token_hash(state), nonce=nonce, verifier=self._sealer.seal(verifier),
                    next_path=own_path(next_path), expires_at=now + timedelta(minutes=WAY_MINUTES),
                )
            )  # fmt: skip
        url: str = prepare_grant_uri(
            provider.authorization_endpoint,
            client_id=self._rules.oidc_client_id,
            response_type="code",
            redirect_uri=self.redirect_uri,
            scope="openid profile email",
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return url, state

    def finish(
        self, state: str, browser_state: str, code: str, issuer: str | None, address: str, agent: str
    ) -> tuple[SignedIn, str]:
        """Take somebody back from the provider; returns the session and the page to show.

        Raises:
            ProblemError: ``kernel.oidc.state`` (expired, used, other browser), ``unreachable``, ``invalid``,
                ``no_account``.
        """
        self._require_enabled()
        if not hmac.compare_digest(state.encode(), browser_state.encode()):
            raise ProblemError("kernel.oidc.state", HTTPStatus.BAD_REQUEST)
        if issuer is not None and issuer != self._rules.oidc_issuer:  # RFC 9207: mix-up defence
            raise self._invalid("iss")
        with self._db.session() as session:
            row = session.get(OidcLogin, token_hash(state), with_for_update=True)
            if row is None or row.expires_at < self._clock.now():
                raise ProblemError("kernel.oidc.state", HTTPStatus.BAD_REQUEST)
            nonce, verifier, next_path = row.nonce, self._sealer.open(row.verifier), row.next_path
            session.delete(row)
        claims = self._claims(self._exchange(code, verifier), nonce)
        with self._db.session() as session:
            user = self._account(session, claims)
            return self._sessions.start(session, user, "oidc", address, agent), next_path

    def _account(self, session: Session, claims: dict[str, Any]) -> User:
        subject = str(claims["sub"])[:255]
        user = session.scalar(select(User).where(User.oidc_subject == subject))
        if user is None and self._rules.oidc_link_by_username:
            name = fold(str(claims.get("preferred_username", "")))
            user = session.scalar(
                select(User).where(User.username_key == name, User.oidc_subject.is_(None), User.active)
            )
            if user is not None:
                user.oidc_subject = subject
                roles = list(session.scalars(select(Assignment).where(Assignment.user_id == user.id)))
                audit.record(
                    session,
                    caller_of(user, roles),
                    action="kernel.user.oidc_link",
                    subject=("user", user.id),
                    after={"oidc_subject": subject},
                )
                self._callers.forget_after(session)
        if user is None or not user.active:
            raise ProblemError("kernel.oidc.no_account", HTTPStatus.FORBIDDEN)
        return user

    def _exchange(self, code: str, verifier: str) -> str:
        """The ID token for an authorization code."""
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": self.redirect_uri,
            "code_verifier": verifier, "client_id": str(self._rules.oidc_client_id),
        }  # fmt: skip
        auth = None
        if self._rules.oidc_client_secret:
            auth = httpx.BasicAuth(str(self._rules.oidc_client_id), self._rules.oidc_client_secret)
        answer = self._ask("POST", self._discover().token_endpoint, data=form, auth=auth)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise self._invalid("id_token")
        return token

    def _claims(self, token: str, nonce: str) -> dict[str, Any]:
        """The verified claims of an ID token (OpenID Connect Core 3.1.3.7)."""
        try:
            try:
                decoded = jwt.decode(token, self._key_set(), algorithms=ALGORITHMS)
            except JoseError:  # the provider may have changed its keys meanwhile
                decoded = jwt.decode(token, self._key_set(anew=True), algorithms=ALGORITHMS)
            registry = jwt.JWTClaimsRegistry(
                now=lambda: int(self._clock.now().timestamp()),
                leeway=LEEWAY_S,
                iss={"essential": True, "value": str(self._rules.oidc_issuer)},
                aud={"essential": True, "value": str(self._rules.oidc_client_id)},
                exp={"essential": True},
                iat={"essential": True},
                sub={"essential": True},
                nonce={"essential": True, "value": nonce},
            )
            claims: dict[str, Any] = decoded.claims
            registry.validate(claims)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise self._invalid(str(error)) from error
        audience = claims["aud"]
        several = isinstance(audience, list) and len(audience) > 1
        if (several or "azp" in claims) and claims.get("azp") != self._rules.oidc_client_id:
            raise self._invalid("azp")
        return claims

    def _discover(self) -> Provider:
        """The provider's published addresses, asked for at most once an hour."""
        with self._lock:
            known = self._provider
        if known is not None and self._clock.monotonic() < known[1]:
            return known[0]
        issuer = str(self._rules.oidc_issuer)
        found = self._ask("GET", issuer.rstrip("/") + "/.well-known/openid-configuration")
        if found.get("issuer") != issuer:
            raise self._unreachable("the issuer it names is another one")
        try:
            provider = Provider(*(self._checked(found[n]) for n in Provider.__dataclass_fields__))
        except KeyError as error:
            raise self._unreachable(f"{error} is not published") from error
        with self._lock:
            self._provider = (provider, self._clock.monotonic() + _METADATA_S)
        return provider

    def _key_set(self, *, anew: bool = False) -> KeySet:
        with self._lock:
            known = self._keys
        if known is None or anew:
            content: Any = self._ask("GET", self._discover().jwks_uri)
            known = KeySet.import_key_set(content)
            with self._lock:
                self._keys = known
        return known

    def _ask(self, method: str, url: str, **more: Any) -> dict[str, Any]:
        self._checked(url)
        try:
            with (
                httpx.Client(timeout=10, follow_redirects=False) as client,
                client.stream(method, url, headers={"Accept": "application/json"}, **more) as answer,
            ):
                content = b""
                for part in answer.iter_bytes():
                    content += part
                    if len(content) > _MAX_ANSWER:
                        raise self._unreachable("its answer is too long")
                if answer.status_code != HTTPStatus.OK:
                    log.warning("oidc_refused", url=url, status=answer.status_code)
                    raise self._unreachable(f"HTTP {answer.status_code}")
                found = httpx.Response(200, content=content).json()
        except (httpx.HTTPError, ValueError) as error:
            raise self._unreachable(type(error).__name__) from error
        if not isinstance(found, dict):
            raise self._unreachable("its answer is no JSON object")
        return found

    def _checked(self, url: object) -> str:
        """Only TLS leads to a provider, but for one on this machine."""
        parts = urlsplit(str(url))
        if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _SAFE_HOSTS):
            return str(url)
        raise self._unreachable("its address is not https")

    def _require_enabled(self) -> None:
        if not self.enabled:
            raise ProblemError("kernel.oidc.off", HTTPStatus.NOT_FOUND)

    @staticmethod
    def _invalid(reason: str) -> ProblemError:
        return ProblemError("kernel.oidc.invalid", HTTPStatus.BAD_REQUEST, {"reason": reason[:200]})

    @staticmethod
    def _unreachable(reason: str) -> ProblemError:
        return ProblemError("kernel.oidc.unreachable", HTTPStatus.BAD_GATEWAY, {"reason": reason[:200]})


def own_path(wanted: str) -> str:
    """``wanted`` if it is a path of this site, else ``/``: nobody is sent on to a stranger's page."""
    plain = len(wanted) <= 400 and wanted.isprintable() and "\\" not in wanted
    return wanted if plain and wanted.startswith("/") and not wanted.startswith("//") else "/"
