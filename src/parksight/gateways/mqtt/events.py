"""Events of the MQTT gateway on the bus."""

from __future__ import annotations

from parksight.kernel.bus import Event


class MqttConnectionsChanged(Event, frozen=True, kw_only=True):
    """Broker connections were made, changed or removed."""

    @classmethod
    def subject(cls) -> str:
        return "gateways.mqtt.connections.changed"
