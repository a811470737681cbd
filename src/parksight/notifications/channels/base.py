"""What all channels share: the message, what came of it, and the list of hosts that may be talked to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

PERSONAL = ("email", "sms", "web_push")
GROUP = ("wecom", "dingtalk", "feishu", "relay")
KINDS = (*PERSONAL, *GROUP)


@dataclass(frozen=True, slots=True)
class Message:
    """One message.

    Attributes:
        to: address, telephone number or opened push subscriptions, as the channel needs it; empty for groups.
        title, body: plain text in the reader's language.
        link: full address of the page, or "" where the installation has no public one.
        page: its path.
        key: the same at every try of this message.
        priority: 1 to 4.
        ttl_s: seconds after which it is of no use any more.
    """

    title: str
    body: str
    key: str
    to: tuple[str, ...] = ()
    link: str = ""
    page: str = "/"
    priority: int = 3
    ttl_s: int = 86_400

    @property
    def whole(self) -> str:
        """Title, body and link as one text."""
        return "\n".join(part for part in (self.title, self.body, self.link) if part)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a try.

    Attributes:
        ok: the channel took it.
        reason: code of what went wrong, ``detail`` in its own words (no secrets).
        again: it may be tried again; else it never will succeed.
        gone: addresses among ``to`` that do not exist any more.
    """

    ok: bool
    reason: str | None = None
    detail: str = ""
    again: bool = True
    gone: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Setup:
    """A channel opened for use: configuration, secrets, and what limits it."""

    kind: str
    config: Mapping[str, Any]
    secrets: Mapping[str, str]
    hosts: tuple[str, ...]
    timeout_s: float
    now_s: int = 0
    extra: Mapping[str, Any] = field(default_factory=dict)


def host_allowed(hosts: Iterable[str], host: str, port: int | None) -> bool:
    """Whether an administrator listed a host: ``name``, ``name:port`` or ``*.domain`` (not the domain itself)."""
    name = host.lower().rstrip(".")
    for entry in hosts:
        wanted, _, only = entry.lower().partition(":")
        if only and only != str(port):
            continue
        if wanted == name or (wanted.startswith("*.") and name.endswith(wanted[1:])):
            return True
    return False


def url_allowed(hosts: Iterable[str], url: str) -> bool:
    """The same for an http(s) address; addresses with a user name in them are refused."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or parts.hostname is None or parts.username is not None:
        return False
    return host_allowed(hosts, parts.hostname, port)


def refused(host: str) -> Outcome:
    return Outcome(False, "host_not_allowed", host, again=False)


def call(setup: Setup, method: str, url: str, **more: Any) -> httpx.Response | Outcome:
    """One request outside. No redirects and no proxies from the environment: only listed hosts are reached.

    Returns:
        The answer when it is a success, else what came of it.
    """
    if not url_allowed(setup.hosts, url):
        return refused(urlsplit(url).hostname or "")
    try:
        answer = httpx.request(
            method, url, timeout=setup.timeout_s, follow_redirects=False, trust_env=False, **more
        )
    except httpx.HTTPError as error:
        return Outcome(False, "unreachable", type(error).__name__)
    if answer.is_success:
        return answer
    again = answer.status_code >= 500 or answer.status_code in (408, 425, 429)
    return Outcome(False, "refused", f"HTTP {answer.status_code}", again=again)
