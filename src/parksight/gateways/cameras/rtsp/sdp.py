"""Session descriptions (RFC 8866) as cameras write them: whatever can be understood is taken, the rest is left out."""

from __future__ import annotations

import base64
import binascii
import contextlib
import re
from dataclasses import dataclass, field
from urllib.parse import urljoin

from parksight.gateways.cameras.protocols import CameraError, Codec

#: Longest description read, characters, and most media looked at.
MAX_SDP, MAX_MEDIA = 64 * 1024, 32
_CODECS: dict[str, Codec] = {"h264": "h264", "h265": "h265", "hevc": "h265"}
_SPACE = re.compile(r"\s+")


@dataclass(slots=True)
class Media:
    """One ``m=`` section.

    Attributes:
        kind: ``video``, ``audio``, ``application`` …
        formats: payload types.
        encodings: payload type to name in lower case and clock rate.
        parameters: payload type to ``fmtp`` parameters.
    """

    kind: str
    formats: list[int] = field(default_factory=list)
    encodings: dict[int, tuple[str, int]] = field(default_factory=dict)
    parameters: dict[int, dict[str, str]] = field(default_factory=dict)
    control: str = ""


@dataclass(slots=True)
class Description:
    control: str = ""
    media: list[Media] = field(default_factory=list)
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class VideoTrack:
    """The picture track to ask for; ``sets`` are parameter sets (SPS, PPS, VPS) named in the description."""

    codec: Codec
    payload_type: int
    clock: int
    control: str
    sets: tuple[bytes, ...]


def parse(text: str) -> Description:
    """Lines that make no sense are counted in ``skipped``."""
    out = Description()
    now: Media | None = None
    for line in re.split(r"\r\n|\n|\r", text[:MAX_SDP]):
        line = line.strip("\x00 \t")
        if not line:
            continue
        kind, separator, value = line.partition("=")
        if not separator or len(kind) != 1:
            out.skipped += 1
        elif kind == "m":
            now = _media(value)
            if now is None or len(out.media) >= MAX_MEDIA:
                out.skipped += 1
                now = Media("")  # what follows belongs to a section that is not used
            else:
                out.media.append(now)
        elif kind == "a" and not _attribute(out, now, value):
            out.skipped += 1
    return out


def _media(value: str) -> Media | None:
    words = value.split()
    if not words:
        return None
    made = Media(words[0].lower())
    made.formats = [int(w) for w in words[3:35] if _payload_type(w)]
    return made


def _payload_type(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) <= 3 and int(word) < 128


def _attribute(out: Description, media: Media | None, value: str) -> bool:
    name, _, rest = value.partition(":")
    name, rest = name.strip().lower(), rest.strip()
    if name == "control":
        if media is None:
            out.control = rest
        else:
            media.control = rest
        return True
    if name not in ("rtpmap", "fmtp"):
        return True
    words = _SPACE.split(rest, maxsplit=1)
    if media is None or len(words) != 2 or not _payload_type(words[0]):
        return False
    number = int(words[0])
    if name == "rtpmap":
        encoding, _, rate = words[1].partition("/")
        rate = rate.partition("/")[0].strip()
        clock = int(rate) if rate.isascii() and rate.isdigit() and len(rate) < 8 else 0
        media.encodings[number] = (encoding.strip().lower(), clock)
    else:
        found = media.parameters.setdefault(number, {})
        for part in words[1].split(";"):
            key, _, text = part.partition("=")
            if key.strip():
                found[key.strip().lower()] = text.strip().strip('"')
    return True


def video(text: str, base: str) -> VideoTrack:
    """The first picture track in a codec we carry; control addresses are made absolute against ``base``.

    Raises:
        CameraError: ``no_video``, or ``codec`` naming what the camera offers instead.
    """
    described = parse(text)
    found = [m for m in described.media if m.kind == "video"]
    offered: list[str] = []
    for media in found:
        for number in media.formats or list(media.encodings):
            name, clock = media.encodings.get(number, ("", 0))
            offered.append(name or f"payload type {number}")
            codec = _CODECS.get(name) or _guess(media, number, name)
            if codec is not None:
                sets = _sets(codec, media.parameters.get(number, {}))
                return VideoTrack(
                    codec, number, clock or 90_000, _control(base, described.control, media.control), sets
                )
    if offered:
        raise CameraError("codec", ", ".join(offered)[:200])
    raise CameraError(
        "no_video", f"{len(described.media)} media sections, {described.skipped} lines not understood"
    )


def _guess(media: Media, number: int, name: str) -> Codec | None:
    """A track without ``rtpmap`` whose parameters betray it."""
    if name or number < 96:
        return None
    keys = media.parameters.get(number, {}).keys()
    if keys & {"sprop-vps", "sprop-sps"}:
        return "h265"
    return "h264" if keys & {"sprop-parameter-sets", "packetization-mode"} else None


def _sets(codec: Codec, parameters: dict[str, str]) -> tuple[bytes, ...]:
    names = ("sprop-parameter-sets",) if codec == "h264" else ("sprop-vps", "sprop-sps", "sprop-pps")
    out: list[bytes] = []
    for name in names:
        for part in parameters.get(name, "").split(",")[:8]:
            with contextlib.suppress(binascii.Error, ValueError):
                nal = base64.b64decode(part.strip() + "=" * (-len(part.strip()) % 4))
                nal = nal.removeprefix(b"\x00").removeprefix(
                    b"\x00\x00\x01"
                )  # some cameras keep the start code
                if 4 <= len(nal) <= 4096:
                    out.append(nal)
    return tuple(out)


def _control(base: str, session: str, media: str) -> str:
    if session and session != "*" and "://" in session:
        base = session
    if not media or media == "*":
        return base
    if "://" in media:
        return media
    if media.startswith("/"):
        return urljoin(base, media)
    # RFC 2326 C.1.1 says RFC 1808 resolution; cameras mean appending, also where the base lacks its slash.
    return f"{base.rstrip('/')}/{media}"
