"""One browser looking at one stream: a bounded queue that jumps to the next key picture when it is not read."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Mapping
from typing import Any

from parksight.gateways.cameras import wire
from parksight.gateways.cameras.video.packing import Form
from parksight.kernel.i18n import has, translate


def words(told: Mapping[str, Any], language: str) -> dict[str, str]:
    """What a state means and what to do, for a person."""
    reason = told.get("reason")
    key = f"gateways.cameras.error.{reason}" if reason else f"gateways.cameras.state.{told['state']}"
    detail = str(told.get("detail") or "")
    action = f"{key}.action"
    return {
        "text": translate(key, language, detail=detail),
        "action": translate(action, language, detail=detail) if has(action) else "",
    }


class Viewer:
    """What waits for one browser.

    Args:
        form: ``mse`` or ``raw``.
        max_bytes, max_messages: beyond one of them what waits is thrown away up to the next key picture.

    Attributes:
        dropped: pictures thrown away.
        generation: of the INIT it was last sent.
    """

    def __init__(self, form: Form, max_bytes: int, max_messages: int, language: str = "zh-CN") -> None:
        self.form: Form = form
        self.language = language
        self.dropped = 0
        self.sent = 0
        self.bytes = 0
        self.generation = 0
        self.closed: tuple[int, str] | None = None
        self._max_bytes, self._max_messages = max_bytes, max_messages
        self._ready: deque[tuple[bytes, bool]] = deque()
        self._held = 0
        self._pictures = 0
        self._waits_for_key = True
        self._more = asyncio.Event()

    def offer(self, message: bytes, key: bool) -> None:
        """A picture; counted and left out while a slow viewer waits for the next key picture."""
        if self._waits_for_key:
            if not key:
                self.dropped += 1
                return
            self._waits_for_key = False
        if self._held + len(message) > self._max_bytes or self._pictures >= self._max_messages:
            self._drop()
            if not key:
                self.dropped += 1
                self._waits_for_key = True
                return
        self._ready.append((message, True))
        self._held += len(message)
        self._pictures += 1
        self._more.set()

    def tell(self, message: bytes) -> None:
        """INIT or STATE: few and small, never dropped."""
        self._ready.append((message, False))
        self._more.set()

    def state(self, told: Mapping[str, Any]) -> None:
        said = {**told, **words(told, self.language)}
        self.tell(wire.pack(wire.Kind.STATE) + json.dumps(said, ensure_ascii=False).encode())

    def restart(self) -> None:
        """The stream begins anew: nothing may be decoded before its next key picture."""
        self._waits_for_key = True

    def close(self, code: int, reason: str) -> None:
        self.closed = self.closed or (code, reason)
        self._more.set()

    async def next(self) -> bytes | None:
        """The next message; None at the end."""
        while not self._ready:
            if self.closed is not None:
                return None
            self._more.clear()
            await self._more.wait()
        message, picture = self._ready.popleft()
        if picture:
            self._held -= len(message)
            self._pictures -= 1
            self.sent += 1
        self.bytes += len(message)
        return message

    def _drop(self) -> None:
        kept = [pair for pair in self._ready if not pair[1]]
        self.dropped += self._pictures
        self._ready = deque(kept)
        self._held = self._pictures = 0
