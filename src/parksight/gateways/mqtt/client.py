"""aiomqtt with two things added: messages as raw as they came, and acknowledgement when *we* say so.

aiomqtt acknowledges QoS 1 before anybody has seen the message and decodes topics in a way that lets one bad
topic end the connection. paho underneath can do both differently (``manual_ack``, raw ``on_message``), so this
class sets them on it; everything else (connecting, subscribing, the loop) stays aiomqtt's.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from parksight.gateways.mqtt.config import ConnectionConfig, TlsConfig

#: What a broker may add around a payload: topic, properties, header.
_PACKET_MARGIN = 65_536
#: Unacknowledged QoS 1 messages a version 5 broker may have on the way to us.
RECEIVE_MAXIMUM = 10_000


@dataclass(frozen=True, slots=True)
class RawMessage:
    """A message as it came; ``mid`` is what to acknowledge, 0 for QoS 0."""

    topic: bytes
    payload: bytes
    qos: int
    retain: bool
    mid: int


class BrokerClient(aiomqtt.Client):
    """One connection, used once as an async context manager.

    Args:
        config: where and how.
        client_id: stays the same over reconnections.
        password: in clear, None for none.
        max_payload: a version 5 broker is told not to send more.
        on_message: called on the event loop for each message.
        will: last will, for the Sparkplug host state.
    """

    def __init__(
        self,
        config: ConnectionConfig,
        client_id: str,
        password: str | None,
        max_payload: int,
        on_message: Callable[[RawMessage], None],
        will: aiomqtt.Will | None = None,
    ) -> None:
        five = config.version == "5"
        session: dict[str, Any] = {}
        if five:
            connect = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho has no types here
            connect.SessionExpiryInterval = config.session_expiry_s
            connect.ReceiveMaximum = RECEIVE_MAXIMUM
            connect.MaximumPacketSize = max_payload + _PACKET_MARGIN
            session = {"properties": connect, "clean_start": False}
        else:
            session = {"clean_session": False}
        super().__init__(
            config.host,
            config.port,
            identifier=client_id,
            username=config.username,
            password=password,
            protocol=aiomqtt.ProtocolVersion.V5 if five else aiomqtt.ProtocolVersion.V311,
            keepalive=config.keepalive_s,
            tls_context=tls_context(config.tls) if config.tls is not None else None,
            timeout=10,
            will=will,
            **session,
        )
        self._give = on_message
        self._paused = False
        self._client.manual_ack_set(True)
        self._client.on_message = self._raw_message

    def _raw_message(self, _client: Any, _userdata: Any, message: Any) -> None:
        self._give(
            RawMessage(
                bytes(message._topic),
                bytes(message.payload),
                int(message.qos),
                bool(message.retain),
                int(message.mid),
            )
        )

    def acknowledge(self, mid: int) -> None:
        """Tell the broker that a QoS 1 message is ours now."""
        self._client.ack(mid, 1)

    @property
    def gone(self) -> asyncio.Future[None]:
        """Done (perhaps with an error) once the connection is lost."""
        return self._disconnected

    def pause(self) -> None:
        """Stop reading from the socket: back-pressure."""
        sock = self._client.socket()
        if not self._paused and sock is not None:
            self._loop.remove_reader(sock.fileno())
            self._paused = True

    def resume(self) -> None:
        sock = self._client.socket()
        if not self._paused:
            return
        self._paused = False
        if sock is not None and self._client.on_socket_open is not None:

            def read() -> None:
                try:
                    self._client.loop_read()
                except Exception as error:
                    if not self._disconnected.done():
                        self._disconnected.set_exception(error)

            self._loop.add_reader(sock.fileno(), read)


def tls_context(config: TlsConfig) -> ssl.SSLContext:
    """TLS 1.2 or newer, certificates always checked."""
    context = ssl.create_default_context(cadata=config.ca_pem)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = config.check_hostname
    return context
