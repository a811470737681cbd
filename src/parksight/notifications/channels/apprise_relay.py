"""E-mail, and any other service by its Apprise address, through Apprise (BSD-2).

Apprise answers yes or no; why not, it only logs. The lines of this thread are read for the reason.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import apprise

from parksight.notifications.channels.base import Message, Outcome, Setup, host_allowed, refused

_LOGGER = logging.getLogger("apprise")
_LOGGER.setLevel(logging.DEBUG)
_LOGGER.propagate = False  # its lines hold addresses and texts of people
_ASSET = apprise.AppriseAsset(app_id="ParkSight", http_redirects=False, async_mode=False)
#: RFC 5321 4.2.1: replies 5yz are permanent.
_PERMANENT = re.compile(r"\((5\d\d),")


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.thread = threading.get_ident()
        self.errors: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.thread == self.thread and (record.levelno >= logging.WARNING or "Exception" in text):
            self.errors.append(text)


@contextmanager
def _listening() -> Iterator[_Lines]:
    lines = _Lines()
    _LOGGER.addHandler(lines)
    try:
        yield lines
    finally:
        _LOGGER.removeHandler(lines)


def email(setup: Setup, message: Message) -> Outcome:
    """``config``: host, port, security (``plain``, ``starttls``, ``ssl``), sender, user; ``secrets``: password."""
    config = setup.config
    host, port = str(config["host"]), int(config["port"])
    if not host_allowed(setup.hosts, host, port):
        return refused(host)
    security = {"plain": "insecure", "starttls": "starttls", "ssl": "ssl"}[config["security"]]
    plugin = apprise.Apprise.instantiate(
        {
            "schema": "mailto" if security == "insecure" else "mailtos", "host": host, "smtp_host": host, "port": port,
            "secure_mode": security, "user": config.get("user") or None, "password": setup.secrets.get("password"),
            "from_addr": f"ParkSight <{config['sender']}>", "targets": list(message.to), "format": "text",
            # A mail system, or a person's filter, can tell a repetition by it.
            "headers": {"X-ParkSight-Key": message.key, "Auto-Submitted": "auto-generated"},
        },
        asset=_ASSET,
    )  # fmt: skip
    if not isinstance(plugin, apprise.NotifyBase):
        return Outcome(False, "bad_address", again=False)
    plugin.socket_connect_timeout = setup.timeout_s
    body = "\n\n".join(part for part in (message.body, message.link) if part) or message.title
    return _send(plugin, message.title, body)


def relay(setup: Setup, message: Message) -> Outcome:
    """``secrets``: the whole Apprise address, e.g. ``ntfy://host/topic``; its host must be listed."""
    plugin = apprise.Apprise.instantiate(setup.secrets.get("url", ""), asset=_ASSET)
    if not isinstance(plugin, apprise.NotifyBase):
        return Outcome(False, "bad_address", again=False)
    host = plugin.host if isinstance(plugin.host, str) else ""
    # Services with an address of their own keep a key where others have the host: those are never listed.
    if not host or not host_allowed(setup.hosts, host, plugin.port):
        return refused(host)
    plugin.socket_connect_timeout = plugin.socket_read_timeout = setup.timeout_s
    body = "\n".join(part for part in (message.body, message.link) if part) or message.title
    return _send(plugin, message.title, body)


def _send(plugin: apprise.NotifyBase, title: str, body: str) -> Outcome:
    with _listening() as lines:
        ok = plugin.notify(body=body, title=title)
    if ok:
        return Outcome(True)
    detail = "; ".join(lines.errors)[:300]
    permanent = _PERMANENT.search(detail) is not None
    return Outcome(False, "refused" if permanent else "unreachable", detail, again=not permanent)
