"""Telemetry behind a real HTTP server on a loopback port, with real sessions and tokens in real records."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from sqlalchemy import select
from tests.telemetry.kit import START, MemoryStore

from parksight.kernel import http as kernel_http
from parksight.kernel.audit.models import AuditEntry
from parksight.kernel.bus import Bus
from parksight.kernel.clock import SimulatedClock
from parksight.kernel.db import Database
from parksight.kernel.identity.callers import TOKEN_PREFIX, new_token, session_cookie, token_hash
from parksight.kernel.identity.models import ApiToken, Assignment, User, UserSession
from parksight.kernel.settings import IngestSettings, LiveSettings, Settings
from parksight.registry.models import Enterprise
from parksight.telemetry.assembly import BODY_LIMITS, Telemetry
from parksight.telemetry.protocols import ReadingBatch, Receipt


class Site:
    """A served telemetry; use as a context manager."""

    def __init__(self, tmp_path: Path, live: LiveSettings | None = None, *, url: str | None = None) -> None:
        self.clock = SimulatedClock(START)
        self.settings = Settings(
            data_dir=tmp_path, ingest=IngestSettings(tick_ms=10), live=live or LiveSettings(tick_ms=50)
        )
        self.db = Database(url or f"sqlite:///{tmp_path / 'records.sqlite'}", Bus(), self.clock)
        self.db.create_all()
        with self.db.session() as session:
            for i in (1, 2):
                session.add(
                    Enterprise(id=i, code=f"E{i}", name=f"企业{i}", created_at=START, updated_at=START)
                )
        self.store = MemoryStore()
        self.telemetry = Telemetry(self.settings, self.db, self.clock, self.store)
        self.app = FastAPI(lifespan=self._lifespan)
        kernel_http.install(self.app, self.settings, db=self.db, clock=self.clock, body_limits=BODY_LIMITS)
        self.telemetry.install(self.app)
        self.loop: asyncio.AbstractEventLoop
        self._clients: list[httpx.Client] = []

    @asynccontextmanager
    async def _lifespan(self, _app: FastAPI) -> Any:
        self.loop = asyncio.get_running_loop()
        self.db.bus.attach(self.loop)
        await self.telemetry.start()
        yield
        await self.telemetry.stop()
        self.db.bus.detach()

    def __enter__(self) -> Site:
        config = uvicorn.Config(
            self.app, host="127.0.0.1", port=0, log_level="warning", ws="websockets-sansio"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise RuntimeError("the server did not start")
            threading.Event().wait(0.01)
        self.port = self._server.servers[0].sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _tb: TracebackType | None
    ) -> None:
        for client in self._clients:
            client.close()
        self._server.should_exit = True
        self._thread.join()
        self.app.state.callers.close()
        self.db.close()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine on the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def submit(self, batch: ReadingBatch) -> Receipt:
        receipt: Receipt = self.run(self.telemetry.pipeline.submit(batch))
        return receipt

    def user(self, role: str, enterprises: Sequence[int] | None = None) -> int:
        with self.db.session() as session:
            name = f"u{session.query(User).count() + 1}"
            user = User(
                username=name, username_key=name, name=f"{role} {name}", created_at=START, updated_at=START
            )
            session.add(user)
            session.flush()
            scope = "zone" if enterprises is None else "enterprises"
            session.add(
                Assignment(user_id=user.id, role=role, scope=scope, scope_ids=list(enterprises or ()))
            )
            return user.id

    def token(self, user_id: int) -> str:
        """An API token with all of the user's rights."""
        secret = new_token(TOKEN_PREFIX)
        with self.db.session() as session:
            session.add(
                ApiToken(
                    user_id=user_id, name="test", token_hash=token_hash(secret), hint=secret[-4:], grants=["*"],
                    created_at=START, expires_at=START + timedelta(days=30),
                )
            )  # fmt: skip
        return secret

    def cookie(self, user_id: int) -> tuple[str, int]:
        """``Cookie`` header of a signed-in browser and the session's id."""
        secret = new_token()
        with self.db.session() as session:
            row = UserSession(
                token_hash=token_hash(secret), user_id=user_id, created_at=START, last_seen_at=START,
                expires_at=START + timedelta(hours=12),
            )  # fmt: skip
            session.add(row)
            session.flush()
            return f"{session_cookie(self.settings)}={secret}", row.id

    def client(self, role: str | None, enterprises: Sequence[int] | None = None) -> httpx.Client:
        """An HTTP client of a new user with this role; None: nobody."""
        headers = {}
        if role is not None:
            headers["authorization"] = f"Bearer {self.token(self.user(role, enterprises))}"
        client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", headers=headers, timeout=30)
        self._clients.append(client)
        return client

    def audit(self) -> list[AuditEntry]:
        with self.db.read() as session:
            return list(session.scalars(select(AuditEntry)))
