"""HTTP authentication as a client: Digest (RFC 7616: MD5, SHA-256, qop auth or none) and Basic (RFC 7617)."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

_PARAM = re.compile(r'([a-zA-Z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}
#: A longer header is no challenge of a camera.
MAX_CHALLENGE = 4096


@dataclass(slots=True)
class Challenge:
    """What a device asked for in ``WWW-Authenticate``, and how often its nonce was used."""

    scheme: str
    params: dict[str, str] = field(default_factory=dict)
    uses: int = 0

    @property
    def algorithm(self) -> str:
        return self.params.get("algorithm", "MD5").upper()


def choose(headers: Sequence[str]) -> Challenge | None:
    """The strongest challenge we can answer: Digest SHA-256, Digest MD5, Basic; None when there is none."""
    best: Challenge | None = None
    for header in headers:
        for part in re.split(r",?\s*(?=\b(?:Digest|Basic)\b\s)", header[:MAX_CHALLENGE], flags=re.IGNORECASE):
            scheme, _, rest = part.strip().partition(" ")
            kind = scheme.lower()
            if kind not in ("digest", "basic"):
                continue
            params = {k.lower(): (q or t).replace('\\"', '"') for k, q, t in _PARAM.findall(rest)}
            found = Challenge(kind, params)
            if kind == "digest":
                qop = params.get("qop")
                words = [w.strip().lower() for w in qop.split(",")] if qop else []
                if found.algorithm not in _HASHES or "nonce" not in params or (words and "auth" not in words):
                    continue
            if best is None or _rank(found) > _rank(best):
                best = found
    return best


def _rank(challenge: Challenge) -> int:
    if challenge.scheme == "basic":
        return 0
    return 2 if challenge.algorithm == "SHA-256" else 1


def authorization(challenge: Challenge, username: str, password: str, method: str, uri: str) -> str:
    """The ``Authorization`` header; counts the use of the nonce."""
    if challenge.scheme == "basic":
        return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode("ascii")
    challenge.uses += 1
    cnonce, count = secrets.token_hex(8), f"{challenge.uses:08x}"
    params = challenge.params
    realm, nonce = params.get("realm", ""), params["nonce"]
    qop = "auth" if params.get("qop") else None
    answer = response(
        challenge.algorithm,
        username,
        realm,
        password,
        method,
        uri,
        nonce,
        qop=qop,
        cnonce=cnonce,
        count=count,
    )
    out = (
        f'Digest username="{_quoted(username)}", realm="{_quoted(realm)}", nonce="{_quoted(nonce)}", '
        f'uri="{_quoted(uri)}", response="{answer}"'
    )
    if "algorithm" in params:
        out += f", algorithm={challenge.algorithm}"
    if qop:
        out += f', qop={qop}, nc={count}, cnonce="{cnonce}"'
    if "opaque" in params:
        out += f', opaque="{_quoted(params["opaque"])}"'
    return out


def response(
    algorithm: str, username: str, realm: str, password: str, method: str, uri: str, nonce: str, *,
    qop: str | None, cnonce: str = "", count: str = "",
) -> str:  # fmt: skip
    """The digest itself (RFC 7616, 3.4.1)."""

    def h(text: str) -> str:
        # MD5 because cameras know nothing else; it protects the password on the wire, no more.
        return str(_HASHES[algorithm](text.encode()).hexdigest())

    first, second = h(f"{username}:{realm}:{password}"), h(f"{method}:{uri}")
    if qop:
        return h(f"{first}:{nonce}:{count}:{cnonce}:{qop}:{second}")
    return h(f"{first}:{nonce}:{second}")


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "").replace("\n", "")
