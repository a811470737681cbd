"""Which hosts and origins are ours: the checks against DNS rebinding and cross-site requests."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from parksight.kernel.settings import Settings

_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


def split_host(value: str) -> str | None:
    """Host name of a ``Host`` header or origin authority, lower case, without port; None when malformed."""
    if not value or any(c in value for c in "/@\\?# \t"):
        return None
    try:
        parts = urlsplit(f"//{value}")
        host = parts.hostname
        _ = parts.port  # raises on a port that is no number
    except ValueError:
        return None
    return host.rstrip(".").lower() if host else None


def allowed_hosts(settings: Settings) -> frozenset[str]:
    """Host names by which requests may address this installation."""
    names = {h.lower() for h in settings.server.allowed_hosts} | _LOOPBACK_NAMES | {settings.server.host}
    if settings.server.public_url:
        public = urlsplit(settings.server.public_url).hostname
        if public:
            names.add(public.lower())
    return frozenset(names)


def host_allowed(conn: HTTPConnection, allowed: frozenset[str]) -> bool:
    """Whether the ``Host`` header names us.

    An address (not a name) is also fine when it is the one the connection came in on: rebinding needs a name.
    """
    host = split_host(conn.headers.get("host", ""))
    if host is None:
        return False
    if host in allowed:
        return True
    server: tuple[str, int | None] | None = conn.scope.get("server")
    try:
        return server is not None and ipaddress.ip_address(host) == ipaddress.ip_address(server[0])
    except ValueError:
        return False


def origin_allowed(conn: HTTPConnection, settings: Settings) -> bool:
    """Whether the ``Origin`` header, if there is one, is this site itself.

    Browsers always send it with WebSocket handshakes and unsafe requests; programs need not.
    """
    origin = conn.headers.get("origin")
    if origin is None:
        return conn.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")
    parts = urlsplit(origin)
    if parts.scheme not in ("http", "https") or parts.path or parts.query:
        return False
    public = settings.server.public_url
    if public:
        want = urlsplit(public)
        if (parts.scheme, parts.netloc.lower()) == (want.scheme, want.netloc.lower()):
            return True
    return parts.netloc.lower() == conn.headers.get("host", "").lower() and bool(parts.netloc)


def is_loopback(conn: HTTPConnection) -> bool:
    """Whether the peer is on this machine; a request that came through a proxy is not."""
    if any(name in conn.headers for name in _FORWARDED):
        return False
    client = conn.client
    if client is None:
        return False
    try:
        return ipaddress.ip_address(client.host.split("%")[0]).is_loopback
    except ValueError:
        return False
