"""What scenarios put before the cameras: fires placed, knobs turned. Kept here and passed on to wherever the cameras run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

#: Method, path and body of a request to the cameras' control route.
Asker = Callable[[str, str, dict[str, Any] | None], Awaitable[Any]]


@dataclass
class Props:
    """The wishes in the order they came; without cameras they are dropped."""

    enabled: bool = False
    _wishes: asyncio.Queue[tuple[str, str, dict[str, Any] | None]] = field(
        default_factory=lambda: asyncio.Queue(256)
    )

    def burn(
        self, key: str, kind: str, place: tuple[float, float, float], size: float, wind: tuple[float, float]
    ) -> None:
        """Smoke or flame at longitude, latitude, height; wind in m/s towards east and north."""
        lon, lat, height = place
        body = {"kind": kind, "lon": lon, "lat": lat, "height": height, "size": size, "wind": wind}
        self._wish("PUT", f"/control/fires/{key}", body)

    def put_out(self, key: str) -> None:
        self._wish("DELETE", f"/control/fires/{key}", None)

    def turn(self, code: str, **knobs: Any) -> None:
        """Turn a camera's knobs; ``reset=True`` makes it healthy."""
        self._wish("POST", f"/control/cameras/{code}", knobs)

    def _wish(self, method: str, path: str, body: dict[str, Any] | None) -> None:
        if self.enabled and not self._wishes.full():
            self._wishes.put_nowait((method, path, body))

    async def carry(self, ask: Asker) -> None:
        """Pass the wishes on, one after the other, for ever."""
        while True:
            await ask(*await self._wishes.get())
