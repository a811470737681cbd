"""The cameras as a process of their own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import sys
from typing import Any

from parkzone.cameras.house import PASSWORD, USERNAME, House

HOST = "127.0.0.1"
_PARENT_CHECK_S = 1.0


async def play(
    seed: int, rtsp_port: int, http_port: int, token: str, *, warm: bool, parent: int | None
) -> None:
    """Serve until a signal or the parent's death; prints where it listens as one line of JSON."""
    token = token or secrets.token_urlsafe(24)
    house = House(seed, token)
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, over.set)
    try:
        await house.start(HOST, rtsp_port, http_port, warm=warm)
    except OSError:
        if not rtsp_port and not http_port:
            raise
        await house.stop()
        house = House(seed, token)
        await house.start(HOST, 0, 0, warm=warm)
    _say(
        "cameras", rtsp=house.rtsp_port, http=house.http_port, control_token=token, username=USERNAME,
        password=PASSWORD, codes=list(house.studio.sources),
    )  # fmt: skip
    try:
        while not over.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PARENT_CHECK_S):
                    await over.wait()
            if parent is not None and os.getppid() != parent:
                break
    finally:
        await house.stop()


def _say(event: str, **fields: Any) -> None:
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.write(json.dumps({"event": event, **fields}, ensure_ascii=False) + "\n")
        sys.stdout.flush()
