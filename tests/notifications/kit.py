"""Notifications on the people of the duty tests, with real peers on loopback: an SMTP server and an HTTP server."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from aiosmtpd.controller import Controller
from fastapi import FastAPI, Request
from prometheus_client import CollectorRegistry
from sqlalchemy import select
from starlette.testclient import TestClient
from tests.duty.kit import Watch

from parksight.kernel.db import Database
from parksight.kernel.http.problems import add_handlers
from parksight.kernel.settings import LiveSettings, NotificationSettings, Settings
from parksight.notifications.from_duty import DutyNotices
from parksight.notifications.models import Delivery, InboxItem
from parksight.notifications.notice import Notice, Recipient, Text
from parksight.notifications.room import Notifications
from parksight.telemetry.catalogue import Catalogue
from parksight.telemetry.live.hub import LiveHub
from parksight.telemetry.live_table import LiveTable


class MailServer:
    """A real SMTP server; ``answer`` decides about each recipient."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], str]] = []
        self.refuse: dict[str, str] = {}
        with socket.socket() as free:  # the controller knocks on the port it was given, so 0 will not do
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._controller: Controller | None = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.mails.append((envelope.rcpt_tos, envelope.content.decode()))
        return "250 OK"

    def close(self) -> None:
        controller, self._controller = self._controller, None
        if controller is not None:
            controller.stop()


class WebServer:
    """A real HTTP server that keeps what it was asked; ``answer`` says status and body."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        self.answer: Callable[[str], tuple[int, bytes]] = lambda path: (200, b'{"errcode": 0, "code": 0}')
        peer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                peer.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                status, content = peer.answer(self.path)
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST  # noqa: N815

            def log_message(self, *args: Any) -> None:
                return None

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Bell:
    """The room under test; ``bell.watch`` has people, desks and the clock."""

    def __init__(self, folder: Path, url: str = "", **rules: Any) -> None:
        self.folder = folder
        self.watch = Watch(url or f"sqlite:///{folder / 'records.sqlite'}")
        self.clock, self.db = self.watch.clock, self.watch.db
        rules.setdefault("hosts", ("127.0.0.1",))
        self.settings = Settings(
            data_dir=folder, notifications=NotificationSettings(**{"timeout_s": 3.0, "poll_s": 0.05, **rules})
        )
        self.room = self.make_room(self.db)
        DutyNotices(self.room.notifier).attach(self.watch.duty.hooks)
        self.http = TestClient(self._app())
        self.mail, self.web = MailServer(), WebServer()

    def make_room(self, db: Database) -> Notifications:
        catalogue = Catalogue(db)
        self.hub = LiveHub(LiveSettings(), self.clock, LiveTable(catalogue), catalogue)
        return Notifications(self.settings, db, self.clock, self.hub)

    def _app(self) -> FastAPI:
        app = FastAPI()
        add_handlers(app)
        state = app.state
        state.db, state.clock, state.metrics = self.db, self.clock, CollectorRegistry()
        state.settings = SimpleNamespace(language="zh-CN")
        self.room.install(app)

        @app.middleware("http")
        async def _sign_in(request: Request, proceed):  # type: ignore[no-untyped-def]
            request.state.caller = self.watch.who
            return await proceed(request)

        return app

    def call(self, method: str, path: str, who: int = 8, status: int = 200, **more: Any) -> Any:
        self.watch.who = self.watch.caller(who)
        answer = self.http.request(
            method, f"/api/v1/notifications/{path}", headers={"accept-language": "en"}, **more
        )
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def channel(self, kind: str, secrets: dict[str, str] | None = None, **more: Any) -> int:
        """Set a channel up that talks to the peers."""
        config: dict[str, Any] = {
            "email": {"host": "127.0.0.1", "port": self.mail.port, "security": "plain", "sender": "park@zone.test"},
            "sms": {"url": f"{self.web.url}/sms", "body": '{"to": "{phone}", "text": "{text}", "id": "{key}", "s": "{secret}"}'},
            "web_push": {"subject": "mailto:admin@zone.test"},
            "relay": {},
        }.get(kind, {"server": self.web.url})  # fmt: skip
        config |= more.pop("config", {})
        body = {
            "code": f"{kind}-{len(self.call('GET', 'channels'))}", "name": kind, "config": {"kind": kind, **config},
            "secrets": secrets or {}, **more,
        }  # fmt: skip
        return int(self.call("POST", "channels", status=201, json=body)["id"])

    def tell(self, *recipients: Recipient, **more: Any) -> int:
        fields: dict[str, Any] = {
            "kind": "test.thing", "priority": 2, "title": Text("notifications.test.title"), "page": "/x", **more
        }  # fmt: skip
        with self.db.session() as session:
            return self.room.notifier.notify(session, Notice(recipients=recipients, **fields))

    def prefer(self, who: int, *kinds: str, version: int = 0, **more: Any) -> None:
        channels = {str(p): list(kinds) for p in range(1, 5)}
        self.call("PUT", "preferences", who, json={"version": version, "channels": channels, **more})

    def deliveries(self) -> list[tuple[str, str, str | None]]:
        with self.db.read() as session:
            return [
                (d.kind, d.state, d.reason) for d in session.scalars(select(Delivery).order_by(Delivery.id))
            ]

    def inbox(self, who: int) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.call("GET", "inbox", who)["items"]
        return items

    def items(self) -> list[InboxItem]:
        with self.db.read() as session:
            return list(session.scalars(select(InboxItem).order_by(InboxItem.id)))

    def run(self) -> int:
        return self.room.worker.run_once()

    def sent_json(self) -> list[Any]:
        return [json.loads(body) for _path, _headers, body in self.web.asked]

    def close(self) -> None:
        self.room.stop()
        self.http.close()
        self.mail.close()
        self.web.close()
        self.watch.close()
