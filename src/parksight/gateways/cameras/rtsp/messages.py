"""RTSP 1.0 (RFC 2326) on the wire: requests out; responses, requests of the server and interleaved packets in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

#: Head and body of a message; a description of a camera has 1 KB.
MAX_HEAD, MAX_BODY = 16 * 1024, 256 * 1024
#: Bytes of rubbish skipped in search of the next message before the connection is given up.
MAX_RUBBISH = 2 * 2**20
_KNOWN = (b"RTSP/", b"OPTIO", b"SET_P", b"GET_P", b"ANNOU", b"REDIR", b"TEARD")


class NotRtspError(Exception):
    """The peer does not speak RTSP, or broke its own framing beyond repair."""


@dataclass(slots=True)
class Message:
    """A response (``status`` set) or a request of the server (``method`` set); header names in lower case."""

    status: int = 0
    reason: str = ""
    method: str = ""
    uri: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def header(self, name: str) -> str | None:
        return next((v for k, v in self.headers if k == name), None)

    def all(self, name: str) -> list[str]:
        return [v for k, v in self.headers if k == name]

    @property
    def sequence(self) -> int:
        text = (self.header("cseq") or "").strip()
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1


def request(method: str, uri: str, sequence: int, headers: dict[str, str]) -> bytes:
    lines = [f"{method} {uri} RTSP/1.0", f"CSeq: {sequence}", *(f"{k}: {v}" for k, v in headers.items())]
    clean = (line.replace("\r", "").replace("\n", "") for line in lines)
    return ("\r\n".join(clean) + "\r\n\r\n").encode("utf-8")


def response(status: int, reason: str, sequence: int) -> bytes:
    return f"RTSP/1.0 {status} {reason}\r\nCSeq: {sequence}\r\n\r\n".encode()


class Parser:
    """Bytes of the connection in, messages and interleaved packets out.

    A packet is ``(channel, bytes, start, end)``: bounds within the bytes it came in, so that nothing is copied.
    Rubbish between messages is skipped, counted in ``rubbish``.
    """

    def __init__(self, counters: Counter[str] | None = None) -> None:
        self._rest = b""
        self._message: Message | None = None
        self._missing = 0
        self._skipped = 0
        self.counters: Counter[str] = Counter() if counters is None else counters

    def feed(self, data: bytes) -> Iterator[Message | tuple[int, bytes, int, int]]:
        """Raises NotRtspError when the limits are exceeded."""
        if self._rest:
            data = self._rest + data
            self._rest = b""
        at, size = 0, len(data)
        while at < size:
            if self._message is not None:
                if size - at < self._missing:
                    break
                message, self._message = self._message, None
                message.body = data[at : at + self._missing]
                at += self._missing
                yield message
            elif data[at] == 0x24:
                if size - at < 4:
                    break
                end = at + 4 + (data[at + 2] << 8 | data[at + 3])
                if end > size:
                    break
                self._skipped = 0
                yield data[at + 1], data, at + 4, end
                at = end
            elif data[at] in b"\r\n":
                at += 1
            else:
                head = data[at : at + 5]
                if not any(head.startswith(k) or k.startswith(head) for k in _KNOWN):
                    at = self._skip(data, at)
                    continue
                end = data.find(b"\r\n\r\n", at, at + MAX_HEAD)
                if end < 0:
                    if size - at >= MAX_HEAD:
                        at = self._skip(data, at)
                        continue
                    break
                message = _parse_head(data[at:end])
                at = end + 4
                self._skipped = 0
                length = (message.header("content-length") or "0").strip()
                self._missing = (
                    int(length) if length.isascii() and length.isdigit() and len(length) < 10 else 0
                )
                if self._missing > MAX_BODY:
                    raise NotRtspError(f"a body of {self._missing} bytes")
                if self._missing:
                    self._message = message
                else:
                    yield message
        self._rest = data[at:] if at < size else b""

    def _skip(self, data: bytes, at: int) -> int:
        """To the next place where something known may begin."""
        found = [p for p in (data.find(b"$", at + 1), data.find(b"RTSP/", at + 1)) if p >= 0]
        to = min(found, default=len(data))
        self.counters["rubbish_bytes"] += to - at
        self._skipped += to - at
        if self._skipped > MAX_RUBBISH:
            raise NotRtspError(f"{self._skipped} bytes that are neither RTSP nor a packet")
        return to


def _parse_head(data: bytes) -> Message:
    lines = data.decode("utf-8", "replace").split("\r\n")
    words = lines[0].split(" ", 2)
    out = Message()
    if words[0].startswith("RTSP/"):
        status = words[1] if len(words) > 1 else ""
        out.status = int(status) if status.isascii() and status.isdigit() and len(status) == 3 else 0
        out.reason = words[2][:100] if len(words) > 2 else ""
    else:
        out.method, out.uri = words[0], words[1] if len(words) > 1 else ""
    for line in lines[1:100]:
        name, separator, value = line.partition(":")
        if separator:
            out.headers.append((name.strip().lower(), value.strip()))
    return out
