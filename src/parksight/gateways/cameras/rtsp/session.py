"""One RTSP session from DESCRIBE to TEARDOWN; ends by raising the reason. Reconnecting is the relay's business."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

from parksight.gateways.cameras.protocols import AccessUnit, CameraError
from parksight.gateways.cameras.rtsp import rtcp, sdp
from parksight.gateways.cameras.rtsp.connection import Connection, connect
from parksight.gateways.cameras.rtsp.messages import Message
from parksight.gateways.cameras.rtsp.rtp import Reorder
from parksight.gateways.cameras.rtsp.track import Track
from parksight.gateways.cameras.rtsp.udp import PortPair, open_pair

MAX_REDIRECTS = 5
#: Receiver reports, and asking for a key picture at most, s.
REPORT_S, ASK_S = 5.0, 1.0
#: Share of datagrams lost over ten seconds from which UDP is no way to carry pictures.
HOPELESS = 0.05


@dataclass(frozen=True, slots=True)
class Target:
    """Where to and how.

    Attributes:
        url: ``rtsp://`` or ``rtsps://`` without credentials.
        transport: ``tcp``; ``udp``; ``auto``: TCP, and UDP where the camera refuses that.
        connect_s: patience for connecting and for each answer.
        silence_s: without a packet for so long the camera is gone.
    """

    url: str
    username: str = ""
    password: str = ""
    transport: str = "auto"
    connect_s: float = 5.0
    silence_s: float = 5.0


def checked(url: str) -> SplitResult:
    """Raises CameraError ``address`` for what is no RTSP address."""
    try:
        parts = urlsplit(url)
        port_fits = parts.port is None or parts.port > 0
    except ValueError as error:
        raise CameraError("address", str(error)) from error
    if parts.scheme not in ("rtsp", "rtsps") or not parts.hostname or not port_fits:
        raise CameraError("address", url[:200])
    return parts


def bare(url: str) -> str:
    """The address without credentials."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


class Session:
    """Plays one stream.

    Args:
        target: where to.
        deliver: pictures, on the event loop.
        now_ms: our clock.
        counters: lives longer than the session.
        offset: the device's clock less ours, where its telemetry knows it.
    """

    def __init__(
        self, target: Target, deliver: Callable[[AccessUnit], None], now_ms: Callable[[], float],
        counters: Counter[str], offset: Callable[[], float | None] = lambda: None,
    ) -> None:  # fmt: skip
        self._target = target
        self._deliver = deliver
        self._offset = offset
        self._now = now_ms
        self.counters = counters
        self.track: Track | None = None
        self.transport = ""
        self._heard = 0.0
        self._ours = secrets.randbits(32)
        self._reorder = Reorder()
        self._channels = (0, 1)
        self._bye = False

    async def run(self) -> None:
        """Until the stream ends; never returns without raising CameraError."""
        connection, uri, track = await self._describe()
        pair: PortPair | None = None
        try:
            self.track = Track(track, self.counters)
            self.track.timing.offset = self._offset
            pair, to = await self._set_up(connection, track)
            answer = await connection.request(
                "PLAY", uri, {"Range": "npt=0.000-"}, timeout_s=self._target.connect_s
            )
            self._expect(answer, "PLAY")
            self._heard = asyncio.get_running_loop().time()
            await self._watch(connection, uri, pair, to)
        finally:
            connection.say("TEARDOWN", uri)
            connection.close()
            if pair is not None:
                pair.close()

    # -- the way to PLAY -------------------------------------------------------------------------------

    async def _describe(self) -> tuple[Connection, str, sdp.VideoTrack]:
        target, url = self._target, bare(self._target.url)
        for _ in range(MAX_REDIRECTS + 1):
            connection = await connect(
                checked(url),
                target.username,
                target.password,
                self._interleaved,
                self.counters,
                target.connect_s,
            )
            try:
                answer = await connection.request(
                    "DESCRIBE", url, {"Accept": "application/sdp"}, timeout_s=target.connect_s
                )
                if answer.status in (301, 302, 303, 305, 307, 308):
                    self.counters["redirects"] += 1
                    url = self._redirected(url, answer)
                    connection.close()
                    continue
                self._expect(answer, "DESCRIBE")
                base = answer.header("content-base") or answer.header("content-location") or url
                if "://" not in base:
                    base = urljoin(url, base)
                text = answer.body.decode("utf-8", "replace")
                return connection, base, sdp.video(text, base)
            except BaseException:
                connection.close()
                raise
        raise CameraError("redirects", f"more than {MAX_REDIRECTS}")

    @staticmethod
    def _redirected(url: str, answer: Message) -> str:
        to = answer.header("location") or ""
        found = bare(to if "://" in to else urljoin(url, to))
        # The password must not be handed to whoever the answer names in the clear of another scheme.
        if checked(url).scheme == "rtsps" and checked(found).scheme != "rtsps":
            raise CameraError("redirects", "from rtsps to rtsp")
        return found

    @staticmethod
    def _expect(answer: Message, method: str) -> None:
        if answer.status == 200:
            return
        reason = {403: "forbidden", 404: "no_stream", 461: "transport", 453: "too_many_viewers", 503: "busy"}
        raise CameraError(reason.get(answer.status, "answer"), f"{method}: {answer.status} {answer.reason}")

    async def _set_up(
        self, connection: Connection, track: sdp.VideoTrack
    ) -> tuple[PortPair | None, tuple[str, int] | None]:
        patience = self._target.connect_s
        wanted = self._target.transport
        if wanted in ("tcp", "auto"):
            asked = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}
            answer = await connection.request("SETUP", track.control, asked, timeout_s=patience)
            if answer.status != 461 or wanted == "tcp":
                self._expect(answer, "SETUP")
                self._note_session(connection, answer)
                found = re.search(r"interleaved=(\d{1,3})-(\d{1,3})", answer.header("transport") or "")
                if found:
                    self._channels = (int(found[1]), int(found[2]))
                self.transport = "tcp"
                return None, None
        peer = connection.peer[0]
        pair = await open_pair(connection.local(), peer, self._datagram, self._control)
        try:
            asked = {"Transport": f"RTP/AVP;unicast;client_port={pair.port}-{pair.port + 1}"}
            answer = await connection.request("SETUP", track.control, asked, timeout_s=patience)
            self._expect(answer, "SETUP")
        except BaseException:
            pair.close()
            raise
        self._note_session(connection, answer)
        self.transport = "udp"
        found = re.search(r"server_port=(\d{1,5})(?:-(\d{1,5}))?", answer.header("transport") or "")
        if not found:
            return pair, None
        media = int(found[1])
        control = int(found[2] or media + 1)
        if not (0 < media < 65536 and 0 < control < 65536):
            return pair, None
        # Opens the way back through firewalls that let in only what was asked for.
        pair.send_media(b"\x80\x00\x00\x00" + bytes(8), (peer, media))
        return pair, (peer, control)

    def _note_session(self, connection: Connection, answer: Message) -> None:
        text = answer.header("session") or ""
        name, _, parameters = text.partition(";")
        connection.session = name.strip()[:200] or None
        found = re.search(r"timeout\s*=\s*(\d{1,6})", parameters)
        self._timeout_s = min(max(float(found[1]) if found else 60.0, 5.0), 3600.0)

    # -- playing ---------------------------------------------------------------------------------------

    def _interleaved(self, channel: int, data: bytes, start: int, end: int) -> None:
        self._heard = asyncio.get_running_loop().time()
        if self.track is None:
            return
        if channel == self._channels[0]:
            for unit in self.track.packet(data, start, end, self._now()):
                self._deliver(unit)
        elif channel == self._channels[1]:
            self._control(data[start:end])
        else:
            self.counters["other_channel"] += 1

    def _datagram(self, data: bytes) -> None:
        self._heard = asyncio.get_running_loop().time()
        if self.track is None:
            return
        now = self._now()
        # Strangers' sequence numbers must not disturb the order; the track counts them.
        ours = len(data) >= 12 and data[0] >> 6 == 2 and int.from_bytes(data[8:12], "big") == self.track.ssrc
        known = ours or self.track.ssrc is None
        for packet in self._reorder.push(data, now) if known else (data,):
            for unit in self.track.packet(packet, 0, len(packet), now):
                self._deliver(unit)
        self.counters["reordered"] += self._reorder.reordered
        self.counters["late"] += self._reorder.late
        self._reorder.reordered = self._reorder.late = 0

    def _control(self, data: bytes) -> None:
        if self.track is not None and self.track.control(data, self._now()):
            self._bye = True

    async def _watch(
        self, connection: Connection, uri: str, pair: PortPair | None, to: tuple[str, int] | None
    ) -> None:
        loop = asyncio.get_running_loop()
        alive_at = report_at = loop.time()
        begun = loop.time()
        verb = "GET_PARAMETER"
        figures: list[tuple[float, int, int]] = []
        while True:
            await asyncio.wait((connection.closed,), timeout=min(ASK_S, self._target.silence_s / 2))
            now = loop.time()
            if connection.closed.done():
                raise connection.closed.result()
            if self._bye:
                raise CameraError("goodbye", "the camera ended the stream")
            if now - self._heard > self._target.silence_s:
                reason = "silent" if self._heard > begun else "no_packets"
                raise CameraError(reason, f"{self.transport}: no packet for {self._target.silence_s:g} s")
            assert self.track is not None
            if pair is not None:
                figures = [f for f in figures if now - f[0] <= 10]
                figures.append((now, self.counters["packets"], self.counters["lost"]))
                self._judge_udp(figures)
            if self.track.waiting and self.counters["packets"]:
                self._send_control(connection, pair, to, rtcp.picture_loss(self._ours, self.track.ssrc or 0))
            if now - report_at >= REPORT_S:
                report_at = now
                self._report(connection, pair, to)
            if now - alive_at >= min(self._timeout_s / 2, 30.0):
                alive_at = now
                answer = await connection.request(verb, uri, timeout_s=self._target.connect_s)
                if answer.status in (405, 501, 400, 551):
                    verb = "OPTIONS"
                elif answer.status in (454, 404):
                    raise CameraError("session_lost", f"{answer.status} {answer.reason}")

    def _judge_udp(self, figures: list[tuple[float, int, int]]) -> None:
        (begun, packets, lost), (now, packets_now, lost_now) = figures[0], figures[-1]
        missed, came = lost_now - lost, packets_now - packets
        if now - begun > 8 and missed > HOPELESS * (missed + came):
            raise CameraError(
                "udp_loss", f"{100 * missed / (missed + came):.0f} % of the datagrams were lost"
            )

    def _report(self, connection: Connection, pair: PortPair | None, to: tuple[str, int] | None) -> None:
        track = self.track
        if track is None or track.ssrc is None:
            return
        since = (self._now() - track.report_at) / 1000 if track.report else 0.0
        data = rtcp.receiver_report(
            self._ours, track.ssrc, 0.0, self.counters["lost"], track.highest or 0, 0,
            track.report.ntp if track.report else 0, max(since, 0.0),
        )  # fmt: skip
        self._send_control(connection, pair, to, data)

    def _send_control(
        self, connection: Connection, pair: PortPair | None, to: tuple[str, int] | None, data: bytes
    ) -> None:
        if pair is None:
            connection.send_packet(self._channels[1], data)
        elif to is not None:
            pair.send_control(data, to)
