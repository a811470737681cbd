"""The MQTT gateway: a session per broker connection on record."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

import structlog
from pydantic import ValidationError
from sqlalchemy import select

from parksight.gateways.context import GatewayContext
from parksight.gateways.directory import DeviceRecord
from parksight.gateways.mqtt.config import ConnectionConfig
from parksight.gateways.mqtt.events import MqttConnectionsChanged
from parksight.gateways.mqtt.models import MqttConnection
from parksight.gateways.mqtt.routes import RouteError, Router
from parksight.gateways.mqtt.service import MqttConnections
from parksight.gateways.mqtt.session import BrokerSession
from parksight.gateways.mqtt.template import TemplateLibrary
from parksight.gateways.protocols import ConnectionView, GatewayStatus
from parksight.kernel.db import Database
from parksight.kernel.errors import ProblemError
from parksight.kernel.sealing import Sealer
from parksight.kernel.settings import MqttSettings

log = structlog.get_logger(__name__)


class MqttGateway:
    """Implements :class:`parksight.gateways.protocols.Gateway`.

    Args:
        context: shared parts of the gateways.
        settings: limits.
        db: records of the broker connections.
        sealer: opens their passwords.
        library: JSON templates.
    """

    name = "mqtt"

    def __init__(
        self,
        context: GatewayContext,
        settings: MqttSettings,
        db: Database,
        sealer: Sealer,
        library: TemplateLibrary,
    ) -> None:
        self._context = context
        self._settings = settings
        self._db = db
        self._sealer = sealer
        self.library = library
        #: Use cases of the connections, for the routes.
        self.records = MqttConnections(context.clock, sealer, library)
        self._running = False
        self._lock = asyncio.Lock()
        self._versions: dict[str, int] = {}
        self._retired: Counter[str] = Counter()
        self._retired_rejected: Counter[str] = Counter()
        self.sessions: dict[str, BrokerSession] = {}
        #: Connection name -> why it is not in use.
        self.unusable: dict[str, str] = {}
        self._undo: Callable[[], None] | None = None

    async def start(self) -> None:
        self._running = True
        if self._undo is None:
            self._undo = self._context.bus.subscribe(
                MqttConnectionsChanged.subject(), lambda _event: self.reload_connections()
            )
        await self.reload_connections()

    async def stop(self) -> None:
        """Disconnect from every broker, after the ingest has answered for what it was given."""
        self._running = False
        if self._undo is not None:
            self._undo()
            self._undo = None
        async with self._lock:
            sessions, self.sessions = list(self.sessions.values()), {}
            self._versions.clear()
            await asyncio.gather(*(self._retire(s) for s in sessions))

    def status(self) -> GatewayStatus:
        total, rejected = Counter(self._retired), Counter(self._retired_rejected)
        for session in self.sessions.values():
            total.update(session.figures())
            rejected.update(session.rejected)
        total["connections"] = len(self.sessions)
        limits = {
            "max_connections": self._settings.max_connections,
            "max_payload_bytes": self._settings.max_payload_bytes,
            "max_pending": self._settings.max_pending,
        }
        connected = sum(s.connected for s in self.sessions.values())
        names = ", ".join(f"{s.config.host}:{s.config.port}" for s in self.sessions.values() if s.connected)
        return GatewayStatus(
            self.name, self._running, names or None, connected, limits, dict(total), dict(rejected)
        )

    def connections(self, limit: int = 1000) -> list[ConnectionView]:
        """Devices heard through each broker since it was connected."""
        views = [v for s in self.sessions.values() for v in s.views.values()]
        return views[:limit]

    def reload_devices(self) -> None:
        """Devices are looked up per message; nothing is kept."""

    def trouble(self, device: DeviceRecord) -> str | None:
        """Why a device cannot be heard: its connection does not exist, is unusable or down."""
        name = device.address.partition("|")[0]
        if name in self.unusable:
            return self.unusable[name]
        session = self.sessions.get(name)
        if session is None:
            return "mqtt_no_connection"
        return None if session.connected else "mqtt_connection"

    async def reload_connections(self) -> None:
        """Bring the sessions in step with the records."""
        async with self._lock:
            if not self._running:
                return
            rows = await asyncio.to_thread(self._records)
            self.unusable = {}
            for name in [n for n in self.sessions if n not in rows or rows[n].version != self._versions[n]]:
                await self._retire(self.sessions.pop(name))
            for name, row in rows.items():
                if name in self.sessions:
                    continue
                if len(self.sessions) >= self._settings.max_connections:
                    self.unusable[name] = "too_many_connections"
                    continue
                self._open(row)

    def _open(self, row: MqttConnection) -> None:
        try:
            config = ConnectionConfig.model_validate(row.config)
            password = self._sealer.open(row.password) if row.password is not None else None
            router = Router(config, self.library, self._settings.max_topics)
        except ValidationError as error:
            self.unusable[row.name] = "config_wrong"
            log.warning("mqtt_connection_unusable", connection=row.name, error=str(error))
            return
        except (RouteError, ProblemError) as error:
            self.unusable[row.name] = error.reason if isinstance(error, RouteError) else error.code
            log.warning("mqtt_connection_unusable", connection=row.name, error=str(error))
            return
        session = BrokerSession(self._context, self._settings, row.name, config, password, router)
        self.sessions[row.name] = session
        self._versions[row.name] = row.version
        session.start()

    async def _retire(self, session: BrokerSession) -> None:
        await session.stop()
        self._retired.update(session.figures())
        self._retired_rejected.update(session.rejected)

    def _records(self) -> dict[str, MqttConnection]:
        with self._db.read() as session:
            rows = list(session.scalars(select(MqttConnection).where(MqttConnection.enabled)))
            session.expunge_all()
        return {r.name: r for r in sorted(rows, key=lambda r: r.id)}
