"""Runs all gateways: starts, watches, restarts with back-off, stops; keeps their shared logs written."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from parksight.gateways.context import GatewayContext
from parksight.gateways.protocols import Gateway, GatewayStatus

log = structlog.get_logger(__name__)

_WATCH_S = 1.0
_FLUSH_S = 2.0


def backoff(attempt: int, base: float = 1.0, top: float = 60.0) -> float:
    """Seconds before try number ``attempt`` (0 first): exponential with full jitter over its upper half."""
    span: float = min(top, base * 2.0 ** min(attempt, 16))
    return span * (0.5 + random.random() / 2)  # noqa: S311 - spreading load, not a secret


@dataclass(slots=True)
class Supervision:
    """What the manager did about one gateway."""

    restarts: int = 0
    attempt: int = 0
    next_try: float = 0.0
    last_error: str | None = None


class GatewayManager:
    """All gateways of this process.

    Args:
        context: shared parts; the directory is loaded by :meth:`start`.
        gateways: in the order in which they start.
    """

    def __init__(self, context: GatewayContext, gateways: Sequence[Gateway]) -> None:
        self.context = context
        self.gateways: dict[str, Gateway] = {g.name: g for g in gateways}
        self.supervision: dict[str, Supervision] = {g.name: Supervision() for g in gateways}
        self._tasks: list[asyncio.Task[None]] = []
        self._undo = context.directory.on_change(self._reload)
        self._running = False

    async def start(self) -> None:
        """Load the directory and start every gateway; one that fails is tried again, the others run."""
        await asyncio.to_thread(self.context.directory.load)
        self._running = True
        for name in self.gateways:
            await self._start(name)
        self._tasks = [
            asyncio.create_task(self._watch(), name="gateways-watchdog"),
            asyncio.create_task(self._keep_logs(), name="gateways-logs"),
        ]

    async def stop(self) -> None:
        """Stop every gateway, then write what the logs hold. Idempotent."""
        self._running = False
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        results = await asyncio.gather(*(g.stop() for g in self.gateways.values()), return_exceptions=True)
        for name, result in zip(self.gateways, results, strict=True):
            if isinstance(result, Exception):
                log.error("gateway_stop_failed", gateway=name, error=str(result))
        await asyncio.to_thread(self._flush)

    def status(self) -> list[GatewayStatus]:
        return [g.status() for g in self.gateways.values()]

    def get(self, name: str) -> Gateway | None:
        return self.gateways.get(name)

    def close(self) -> None:
        """Let go of the directory's events."""
        self._undo()

    async def _start(self, name: str) -> None:
        watch = self.supervision[name]
        try:
            await self.gateways[name].start()
        except Exception as error:
            watch.last_error = f"{type(error).__name__}: {error}"
            watch.next_try = self.context.clock.monotonic() + backoff(watch.attempt)
            watch.attempt += 1
            log.exception("gateway_start_failed", gateway=name, attempt=watch.attempt)
            with contextlib.suppress(Exception):
                await self.gateways[name].stop()
            return
        watch.attempt = 0
        log.info("gateway_started", gateway=name, listening=self.gateways[name].status().listening)

    async def _watch(self) -> None:
        while self._running:
            await asyncio.sleep(_WATCH_S)
            for name, gateway in self.gateways.items():
                watch = self.supervision[name]
                if gateway.status().running or self.context.clock.monotonic() < watch.next_try:
                    continue
                watch.restarts += 1
                log.warning("gateway_restarting", gateway=name, restarts=watch.restarts)
                with contextlib.suppress(Exception):
                    await gateway.stop()
                await self._start(name)

    async def _keep_logs(self) -> None:
        while self._running:
            await asyncio.sleep(_FLUSH_S)
            await asyncio.to_thread(self._flush)

    def _flush(self) -> None:
        try:
            self.context.frames.flush()
            self.context.unknown.flush()
        except Exception:
            log.exception("gateway_logs_not_written")

    def _reload(self) -> None:
        known = {d.id for d in self.context.directory.devices()}
        self.context.activity.keep_only(known)
        for name, gateway in self.gateways.items():
            try:
                gateway.reload_devices()
            except Exception:
                log.exception("gateway_reload_failed", gateway=name)
