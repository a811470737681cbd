"""The cameras' process, seen from the zone: started, asked, ended."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import sys
from dataclasses import dataclass
from typing import Any

import httpx

_START_S = 60.0
_GRACE_S = 5.0


class NoCamerasError(RuntimeError):
    """The process did not come up: most likely PyAV is not installed (extra ``zone``)."""


@dataclass(frozen=True)
class Doors:
    """Where the cameras listen and how one signs in."""

    rtsp: int
    http: int
    username: str
    password: str
    codes: tuple[str, ...]
    host: str = "127.0.0.1"


class RemoteHouse:
    """One cameras' process, a child of this one.

    Args:
        rtsp_port, http_port: wished for; others are taken where these are.
    """

    def __init__(self, seed: int, rtsp_port: int, http_port: int) -> None:
        self._command = [
            sys.executable, "-m", "parkzone", "cameras", "--seed", str(seed), "--port", str(rtsp_port),
            "--http-port", str(http_port), "--warm", "--parent", str(os.getpid()),
        ]  # fmt: skip
        self._token = secrets.token_urlsafe(24)
        self._process: asyncio.subprocess.Process | None = None
        self._client: httpx.AsyncClient | None = None
        self.doors: Doors | None = None

    async def start(self) -> Doors:
        """Have it listen.

        Raises:
            NoCamerasError: it does not.
        """
        self._process = await asyncio.create_subprocess_exec(
            *self._command, env={**os.environ, "PARKZONE_CAMERAS_TOKEN": self._token},
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(_START_S):
                said = json.loads(await self._process.stdout.readline() or b"{}")
        except (TimeoutError, ValueError) as error:
            raise NoCamerasError(type(error).__name__) from error
        if said.get("event") != "cameras":
            raise NoCamerasError("the cameras' process has ended")
        self.doors = Doors(
            said["rtsp"], said["http"], said["username"], said["password"], tuple(said["codes"])
        )
        self._client = httpx.AsyncClient(
            base_url=f"http://{self.doors.host}:{self.doors.http}", timeout=10.0,
            headers={"authorization": f"Bearer {self._token}"},
        )  # fmt: skip
        return self.doors

    async def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
        """A request to the control route: status and answer; 503 when the process has gone."""
        if self._client is None:
            return 503, {"error": "no_cameras"}
        try:
            answer = await self._client.request(method, path, json=body)
            return answer.status_code, answer.json()
        except (httpx.TransportError, ValueError) as error:
            return 503, {"error": "no_cameras", "detail": str(error)[:200]}

    async def stop(self) -> None:
        if self._client is not None:
            await self._client.aclose()
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _GRACE_S)
        except TimeoutError:
            process.kill()
            await process.wait()
