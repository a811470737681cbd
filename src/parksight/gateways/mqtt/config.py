"""How broker connections and MQTT devices are configured."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from parksight.gateways.mqtt.template import Template
from parksight.gateways.mqtt.topics import TopicPattern, placeholders
from parksight.gateways.spec import ProtocolSpec, Strict

_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"


class TopicSource(Strict):
    """JSON messages under one topic pattern.

    Attributes:
        topic: pattern with placeholders, ``park/{site}/{node}/data``.
        device: device key over those placeholders, ``{site}/{node}``.
        template: name of a template; ``inline`` instead gives one here.
        share: shared subscription group (``$share/<group>/…``), for several platform processes.
    """

    topic: Annotated[str, Field(min_length=1, max_length=1024)]
    device: Annotated[str, Field(min_length=1, max_length=200)]
    template: str | None = None
    inline: Template | None = None
    share: Annotated[str, Field(pattern=r"^[^/+#\s]{1,64}$")] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        pattern = TopicPattern(self.topic)
        missing = placeholders(self.device) - set(pattern.names)
        if missing:
            raise ValueError(f"device {self.device!r} uses {sorted(missing)}, which the topic does not have")
        if (self.template is None) == (self.inline is None):
            raise ValueError("give exactly one of template and inline")
        return self


class SparkplugSource(Strict):
    """Sparkplug B nodes of one group (``+``: of every group).

    Attributes:
        device: device key over ``{group}``, ``{node}`` and ``{device}``; the node itself has no device part.
        host_id: the platform tells the nodes under this name that it is there (STATE, 3.0.0 6.4.26); None: not.
        rebirth: whether nodes are asked for their birth when names are missing.
    """

    group: Annotated[str, Field(pattern=r"^(\+|[^/+#\s]{1,128})$")] = "+"
    device: str = "{node}/{device}"
    host_id: Annotated[str, Field(pattern=_NAME)] | None = None
    rebirth: bool = True

    @field_validator("device")
    @classmethod
    def _known(cls, value: str) -> str:
        if not placeholders(value) <= {"group", "node", "device"} or "node" not in placeholders(value):
            raise ValueError("device is made of {group}, {node} and {device}, with at least {node}")
        return value


class TlsConfig(Strict):
    """TLS to the broker.

    Attributes:
        ca_pem: certificates to trust, PEM; None: those of the system.
        check_hostname: whether the certificate must bear the host's name.
    """

    ca_pem: Annotated[str, Field(max_length=65_536)] | None = None
    check_hostname: bool = True


class ConnectionConfig(Strict):
    """A connection to a broker, as client.

    Attributes:
        version: ``3.1.1`` or ``5``.
        client_id: None: made of the connection's name; must stay the same for the session to last.
        session_expiry_s: how long the broker keeps messages for us while we are away (5; 3.1.1 keeps its own rule).
        keepalive_s: seconds between signs of life.
    """

    host: Annotated[str, Field(min_length=1, max_length=253)]
    port: Annotated[int, Field(ge=1, le=65_535)] = 1883
    version: Literal["3.1.1", "5"] = "3.1.1"
    client_id: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    username: Annotated[str, Field(max_length=200)] | None = None
    tls: TlsConfig | None = None
    keepalive_s: Annotated[int, Field(ge=5, le=3_600)] = 30
    session_expiry_s: Annotated[int, Field(ge=0, le=2**32 - 1)] = 86_400
    sources: Annotated[tuple[TopicSource, ...], Field(max_length=200)] = ()
    sparkplug: Annotated[tuple[SparkplugSource, ...], Field(max_length=20)] = ()

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.sources and not self.sparkplug:
            raise ValueError("a connection needs at least one of sources and sparkplug")
        hosts = {s.host_id for s in self.sparkplug if s.host_id is not None}
        if len(hosts) > 1:
            raise ValueError("one connection can be one Sparkplug host only")
        return self

    @property
    def host_id(self) -> str | None:
        return next((s.host_id for s in self.sparkplug if s.host_id is not None), None)


class MqttDeviceConfig(Strict):
    """A device behind a broker; what it sends is described by its connection.

    Attributes:
        transport_note: where the device is and how it is connected, for people.
    """

    transport_note: Annotated[str, Field(max_length=400)] = ""


def normal_address(address: str) -> str:
    """``connection|device key``, the one form in which an address is kept.

    Raises:
        ValueError: it is none.
    """
    connection, bar, key = address.strip().partition("|")
    if not bar or not connection or not key.strip("/"):
        raise ValueError("write connection|device, e.g. plant|E001/GW01")
    return f"{connection}|{key.strip('/')}"


SPEC = ProtocolSpec("mqtt", MqttDeviceConfig, address=normal_address)
