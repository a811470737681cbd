"""The cameras' gateway behind a real HTTP server, with real sessions, records and cameras."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from tests.gateways.support import RecordingIngest

from parksight.gateways import room
from parksight.gateways.activity import ActivityBook
from parksight.gateways.api import router as common_router
from parksight.gateways.cameras.api import router
from parksight.gateways.cameras.gateway import CamerasGateway
from parksight.gateways.cameras.links import CameraLinks
from parksight.gateways.context import GatewayContext
from parksight.gateways.directory import DeviceDirectory
from parksight.gateways.frames import FrameLog
from parksight.gateways.metrics import GatewayCollector
from parksight.gateways.unknown import UnknownDevices
from parksight.kernel import http as kernel_http
from parksight.kernel.bus import Bus
from parksight.kernel.clock import SystemClock
from parksight.kernel.db import Database
from parksight.kernel.identity.callers import TOKEN_PREFIX, new_token, session_cookie, token_hash
from parksight.kernel.identity.models import ApiToken, Assignment, User, UserSession
from parksight.kernel.sealing import Sealer
from parksight.kernel.settings import CameraSettings, Settings
from parksight.registry.models import Camera, Enterprise

CAMERA, FIRM_CAMERA, BARE_CAMERA = 1, 2, 3


class Site:
    """A served gateway; use as a context manager. Cameras: 1 of the zone, 2 of enterprise 1, 3 without a link."""

    def __init__(self, folder: Path, settings: CameraSettings | None = None) -> None:
        self.clock = SystemClock()
        self.settings = Settings(
            data_dir=folder, cameras=settings or CameraSettings(linger_s=1.0, silence_s=2.0)
        )
        bus = Bus()
        self.db = Database(f"sqlite:///{folder / 'records.sqlite'}", bus, self.clock)
        self.db.create_all()
        now = self.clock.now()
        with self.db.session() as session:
            session.add(Enterprise(id=1, code="E1", name="企业1", created_at=now, updated_at=now))
            session.flush()
            for key, enterprise in ((CAMERA, None), (FIRM_CAMERA, 1), (BARE_CAMERA, None)):
                session.add(
                    Camera(
                        id=key, code=f"T{key:02d}", name=f"云眼 {key}", kind="lookout", enterprise_id=enterprise,
                        created_at=now, updated_at=now,
                    )
                )  # fmt: skip
        directory = DeviceDirectory(self.db)
        self.context = GatewayContext(
            RecordingIngest(), directory, FrameLog(folder / "frames.sqlite"), ActivityBook(), UnknownDevices(self.db),
            self.clock, bus,
        )  # fmt: skip
        sealer = Sealer(folder)
        self.gateway = CamerasGateway(self.context, self.settings.cameras, self.db, sealer.open)
        self.app = FastAPI(lifespan=self._lifespan)
        kernel_http.install(self.app, self.settings, db=self.db, clock=self.clock, body_limits={})
        self.app.state.gateways = room.build(self.context, [self.gateway], [], None)  # type: ignore[arg-type]
        self.app.state.camera_links = CameraLinks(self.clock, sealer)
        self.app.state.metrics.register(GatewayCollector(self.app.state.gateways.manager))
        self.app.include_router(router)
        self.app.include_router(common_router)
        self.loop: asyncio.AbstractEventLoop
        self._users = 0

    @asynccontextmanager
    async def _lifespan(self, _app: FastAPI) -> Any:
        self.loop = asyncio.get_running_loop()
        self.db.bus.attach(self.loop)
        await self.app.state.gateways.manager.start()
        yield
        await self.app.state.gateways.manager.stop()
        self.db.bus.detach()

    def __enter__(self) -> Site:
        config = uvicorn.Config(
            self.app, host="127.0.0.1", port=0, log_level="warning", ws="websockets-sansio",
            ws_per_message_deflate=False, timeout_graceful_shutdown=2,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive(), "the server did not start"
            threading.Event().wait(0.01)
        self.port = self._server.servers[0].sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(20)
        self.context.frames.close()
        self.context.directory.close()
        self.db.close()

    def user(self, role: str, *, enterprise: int | None = None) -> int:
        """A person with one role."""
        self._users += 1
        now = self.clock.now()
        scope = (
            {"scope": "zone"} if enterprise is None else {"scope": "enterprises", "scope_ids": [enterprise]}
        )
        with self.db.session() as session:
            made = User(
                username=f"u{self._users}", username_key=f"u{self._users}", name=f"U{self._users}", language="en",
                created_at=now, updated_at=now,
            )  # fmt: skip
            session.add(made)
            session.flush()
            session.add(Assignment(user_id=made.id, role=role, **scope))
            return made.id

    def token(self, user: int) -> str:
        token = new_token(TOKEN_PREFIX)
        with self.db.session() as session:
            session.add(
                ApiToken(
                    user_id=user, name="t", token_hash=token_hash(token), hint=token[:8], grants=["*"],
                    created_at=self.clock.now(), expires_at=self.clock.now() + timedelta(days=1),
                )
            )  # fmt: skip
        return token

    def cookie(self, user: int) -> tuple[str, str]:
        """A signed-in browser's session: header and the secret."""
        secret = new_token()
        now = self.clock.now()
        with self.db.session() as session:
            session.add(
                UserSession(
                    user_id=user, token_hash=token_hash(secret), created_at=now, last_seen_at=now,
                    expires_at=now + timedelta(hours=1),
                )
            )  # fmt: skip
        return f"{session_cookie(self.settings)}={secret}", secret

    @contextmanager
    def client(self, user: int) -> Iterator[httpx.Client]:
        headers = {"authorization": f"Bearer {self.token(user)}", "accept-language": "en"}
        with httpx.Client(base_url=f"http://127.0.0.1:{self.port}", headers=headers, timeout=20) as made:
            yield made
