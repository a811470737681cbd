"""ParkSight's public HTTP API as the zone uses it: nothing but what any integrator may call."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

PREFIX = "/api/v1"
PAGE = 1000
#: How often a push is tried while the platform is full or away.
PUSH_ATTEMPTS = 120


class ApiError(RuntimeError):
    """The platform refused; carries its own words."""

    def __init__(self, what: str, response: httpx.Response) -> None:
        self.status = response.status_code
        try:
            problem = response.json()
            words = problem.get("detail") or problem.get("title") or response.text
        except ValueError:
            words = response.text
        super().__init__(f"{what}: {response.status_code} {str(words)[:500]}")


class Api:
    """A client with a bearer token.

    Args:
        url: where ParkSight is served, ``http://127.0.0.1:8600``.
        token: API token of an integrator.
    """

    def __init__(self, url: str, token: str) -> None:
        headers = {"authorization": f"Bearer {token}", "accept-language": "en"}
        self.client = httpx.AsyncClient(
            base_url=url, headers=headers, timeout=httpx.Timeout(120.0, connect=5.0)
        )

    async def close(self) -> None:
        await self.client.aclose()

    async def wait_ready(self, timeout_s: float = 60.0) -> None:
        """Wait until the platform is healthy.

        Raises:
            TimeoutError: it is not within the time.
            ApiError: the token is refused; waiting would not help.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        said = "no answer"
        while loop.time() < deadline:
            try:
                response = await self.client.get(f"{PREFIX}/health")
                said = str(response.status_code)
                if response.status_code == 200:
                    return
                if response.status_code in (401, 403):
                    raise ApiError("GET /health", response)
            except httpx.TransportError as error:
                said = str(error)
            await asyncio.sleep(0.25)
        raise TimeoutError(f"ParkSight at {self.client.base_url} is not ready after {timeout_s:g} s: {said}")

    async def get(self, path: str, **params: Any) -> Any:
        response = await self.client.get(PREFIX + path, params=params)
        return _checked(f"GET {path}", response)

    async def post(self, path: str, body: Any, **params: Any) -> Any:
        response = await self.client.post(PREFIX + path, json=body, params=params)
        return _checked(f"POST {path}", response)

    async def put(self, path: str, body: Any) -> Any:
        response = await self.client.put(PREFIX + path, json=body)
        return _checked(f"PUT {path}", response)

    async def patch(self, path: str, body: Any) -> Any:
        response = await self.client.patch(PREFIX + path, json=body)
        return _checked(f"PATCH {path}", response)

    async def upload(self, path: str, name: str, data: bytes, media: str, **params: Any) -> Any:
        """Send a file as multipart field ``file``."""
        response = await self.client.post(PREFIX + path, files={"file": (name, data, media)}, params=params)
        return _checked(f"POST {path} ({name})", response)

    async def push_arrow(self, device: str, stream: bytes, *, backfill: bool) -> Any:
        """Push observations as an Arrow IPC stream; waits as long as the platform asks when it is full."""
        path = "/ingest/observations"
        headers = {"content-type": "application/vnd.apache.arrow.stream"}
        params = {"device": device, "backfill": "true" if backfill else "false"}
        said = "no answer"
        for _ in range(PUSH_ATTEMPTS):
            wait = 1.0
            try:
                response = await self.client.post(
                    PREFIX + path, content=stream, headers=headers, params=params
                )
            except httpx.TransportError as error:  # restarting: what it took twice, it keeps once
                said = str(error)
            else:
                if response.status_code not in (429, 502, 503):
                    return _checked(f"POST {path}", response)
                said = str(response.status_code)
                wait = min(10.0, float(response.headers.get("retry-after", "1")))
            await asyncio.sleep(wait)
        raise TimeoutError(f"POST {path}: {said}, {PUSH_ATTEMPTS} times")

    async def codes(self, path: str, **params: Any) -> dict[str, int]:
        """Code -> id of all records of a list."""
        out: dict[str, int] = {}
        while True:
            page = await self.get(path, limit=PAGE, offset=len(out), **params)
            out |= {item["code"]: item["id"] for item in page["items"]}
            if not page["items"] or len(out) >= page["total"]:
                return out


def _checked(what: str, response: httpx.Response) -> Any:
    if response.status_code >= 400:
        raise ApiError(what, response)
    return response.json() if response.content else None
