"""A small but real site for tests: the kernel on an application, served on a loopback socket."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from argon2 import PasswordHasher
from fastapi import FastAPI

from parksight.kernel.api import router
from parksight.kernel.clock import Clock
from parksight.kernel.db import Database
from parksight.kernel.http import install
from parksight.kernel.identity.schemas import AssignmentBody, UserCreate
from parksight.kernel.permissions import SYSTEM
from parksight.kernel.settings import Settings, load_settings

PASSWORD = "copper-lantern-41-meadow"


@dataclass(frozen=True)
class Site:
    """A running site: the application, its address, user name to id."""

    app: FastAPI
    address: str
    people: dict[str, int]

    def client(self, **more: Any) -> httpx.Client:
        return httpx.Client(base_url=self.address, timeout=30, trust_env=False, **more)


def make_settings(folder: Path, **flags: Any) -> Settings:
    return load_settings(None, {"data_dir": str(folder), **flags}, environment={})


def make_app(settings: Settings, db: Database, clock: Clock, **more: Any) -> FastAPI:
    app = FastAPI(openapi_url=None)
    light = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    install(app, settings, db=db, clock=clock, hasher=light, **more)
    app.include_router(router)
    return app


def add_user(app: FastAPI, username: str, role: str, **more: Any) -> int:
    """A person with :data:`PASSWORD`, ready to sign in."""
    scope_ids = more.pop("scope_ids", [])
    scope = more.pop("scope", "enterprises" if scope_ids else "zone")
    body = UserCreate(
        username=username, name=more.pop("name", f"{username} 测试"), password=PASSWORD,
        assignments=[AssignmentBody(role=role, scope=scope, scope_ids=scope_ids)], **more,
    )  # fmt: skip
    with app.state.db.session() as session:
        user = app.state.identity.accounts.create(session, SYSTEM, body)
        user.must_change_password = False
        return int(user.id)


@contextmanager
def serve(app: FastAPI, **config: Any) -> Iterator[str]:
    """The application on a free loopback port; yields its address."""
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off", **config)
    )
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise RuntimeError("the server did not start")
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(20)
        app.state.callers.close()


def sign_in(client: httpx.Client, username: str, password: str = PASSWORD, **more: str) -> httpx.Response:
    """Sign in and keep the CSRF header for what follows."""
    answer = client.post("/api/v1/session", json={"username": username, "password": password, **more})
    if answer.status_code == 200:
        client.headers["X-CSRF-Token"] = answer.json()["csrf"]
    return answer
