"""Use cases of broker connections."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from parksight.gateways.models import Device
from parksight.gateways.mqtt.config import ConnectionConfig
from parksight.gateways.mqtt.events import MqttConnectionsChanged
from parksight.gateways.mqtt.models import MqttConnection
from parksight.gateways.mqtt.schemas import MqttConnectionIn, MqttConnectionPatch
from parksight.gateways.mqtt.template import TemplateLibrary
from parksight.kernel import audit
from parksight.kernel.clock import Clock
from parksight.kernel.db import emit
from parksight.kernel.errors import conflict, forbidden, invalid, not_found
from parksight.kernel.permissions import Caller
from parksight.kernel.sealing import Sealer


class MqttConnections:
    """Broker connections and their changes; they serve the whole zone, so only zone-wide callers have them.

    Args:
        clock: stamps of changes.
        sealer: keeps passwords.
        library: templates that sources may name.
    """

    def __init__(self, clock: Clock, sealer: Sealer, library: TemplateLibrary) -> None:
        self._clock = clock
        self._sealer = sealer
        self._library = library

    def all(self, session: Session, caller: Caller) -> list[MqttConnection]:
        self._zone_wide(caller)
        return list(session.scalars(select(MqttConnection).order_by(MqttConnection.name)))

    def one(self, session: Session, caller: Caller, connection_id: int) -> MqttConnection:
        self._zone_wide(caller)
        row = session.get(MqttConnection, connection_id)
        if row is None:
            raise not_found("gateways.mqtt.connection", connection_id)
        return row

    def create(self, session: Session, caller: Caller, data: MqttConnectionIn) -> MqttConnection:
        """Make a connection.

        Raises:
            ProblemError: 409 name taken; 422 template missing; 403 not zone-wide.
        """
        self._zone_wide(caller)
        if session.scalar(select(MqttConnection.id).where(MqttConnection.name == data.name)):
            raise conflict("gateways.mqtt.name_taken", connection=data.name)
        now = self._clock.now()
        row = MqttConnection(
            name=data.name, config=self._checked(data.config), enabled=data.enabled,
            password=self._sealer.seal(data.password) if data.password else None, created_at=now, updated_at=now,
        )  # fmt: skip
        session.add(row)
        session.flush()
        audit.record(
            session, caller, action="gateways.mqtt_connection.create", subject=("gateways.mqtt_connection", row.id),
            after={"name": row.name, "config": row.config, "enabled": row.enabled},
        )  # fmt: skip
        emit(session, MqttConnectionsChanged())
        return row

    def update(
        self, session: Session, caller: Caller, connection_id: int, data: MqttConnectionPatch
    ) -> MqttConnection:
        """Change the stated fields, if nobody has changed the connection since ``data.version``."""
        row = self.one(session, caller, connection_id)
        if row.version != data.version:
            raise conflict("gateways.mqtt.changed_meanwhile", connection=row.name, version=row.version)
        before: dict[str, Any] = {}
        after: dict[str, Any] = {}
        if data.config is not None:
            before["config"], row.config = row.config, self._checked(data.config)
            after["config"] = row.config
        if data.enabled is not None:
            before["enabled"], row.enabled = row.enabled, data.enabled
            after["enabled"] = data.enabled
        if data.password is not None:
            row.password = self._sealer.seal(data.password) if data.password else None
            after["password"] = "changed"
        row.version += 1
        row.updated_at = self._clock.now()
        session.flush()
        audit.record(
            session, caller, action="gateways.mqtt_connection.update", subject=("gateways.mqtt_connection", row.id),
            before=before, after=after,
        )  # fmt: skip
        emit(session, MqttConnectionsChanged())
        return row

    def delete(self, session: Session, caller: Caller, connection_id: int) -> None:
        """Remove a connection that no device uses any more."""
        row = self.one(session, caller, connection_id)
        prefix = row.name.replace("_", "\\_") + "|%"
        used = session.scalar(
            select(Device.code)
            .where(Device.protocol == "mqtt", Device.address.like(prefix, escape="\\"))
            .limit(1)
        )
        if used is not None:
            raise conflict("gateways.mqtt.in_use", connection=row.name, device=used)
        session.delete(row)
        audit.record(
            session, caller, action="gateways.mqtt_connection.delete", subject=("gateways.mqtt_connection", row.id),
            before={"name": row.name, "config": row.config},
        )  # fmt: skip
        emit(session, MqttConnectionsChanged())

    def _checked(self, config: ConnectionConfig) -> dict[str, Any]:
        for number, source in enumerate(config.sources):
            if source.template is not None and self._library.get(source.template) is None:
                raise invalid(
                    "gateways.mqtt.template_unknown", f"/config/sources/{number}/template",
                    template=source.template, known=[t.name for t in self._library.all()],
                )  # fmt: skip
        return config.model_dump(mode="json")

    @staticmethod
    def _zone_wide(caller: Caller) -> None:
        if caller.enterprises is not None:
            raise forbidden("gateways.gateway.write")
