"""A pair of UDP ports, even and odd, as RTP wants them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from parksight.gateways.cameras.protocols import CameraError

#: Asked of the kernel, so that a key picture that comes in one burst finds room.
RECEIVE_BUFFER = 2 * 2**20
_TRIES = 50


class _Port(asyncio.DatagramProtocol):
    def __init__(self, on_data: Callable[[bytes], None], peer: str) -> None:
        self._on_data, self._peer = on_data, peer

    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        # Only the camera may put pictures into the session.
        if addr[0] == self._peer:
            self._on_data(data)


class PortPair:
    """Open ports; ``port`` is the even one."""

    def __init__(
        self, port: int, media: asyncio.DatagramTransport, control: asyncio.DatagramTransport
    ) -> None:
        self.port = port
        self._media, self._control = media, control

    def send_control(self, data: bytes, to: tuple[str, int]) -> None:
        self._control.sendto(data, to)

    def send_media(self, data: bytes, to: tuple[str, int]) -> None:
        self._media.sendto(data, to)

    def close(self) -> None:
        self._media.close()
        self._control.close()


async def open_pair(
    local: str, peer: str, on_media: Callable[[bytes], None], on_control: Callable[[bytes], None]
) -> PortPair:
    """Raises CameraError ``no_ports``."""
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in local else socket.AF_INET
    for _ in range(_TRIES):
        first, second = _bind(family, local, 0), None
        if first is None:
            break
        port = first.getsockname()[1]
        if port % 2 == 0:
            second = _bind(family, local, port + 1)
        if second is None:
            first.close()
            continue
        media, _p = await loop.create_datagram_endpoint(lambda: _Port(on_media, peer), sock=first)
        control, _q = await loop.create_datagram_endpoint(lambda: _Port(on_control, peer), sock=second)
        return PortPair(port, media, control)
    raise CameraError("no_ports", f"no even and odd pair of UDP ports is free on {local}")


def _bind(family: int, local: str, port: int) -> socket.socket | None:
    made = socket.socket(family, socket.SOCK_DGRAM)
    made.setblocking(False)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    try:
        made.bind((local, port))
    except OSError:
        made.close()
        return None
    return made
