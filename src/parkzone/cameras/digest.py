"""Digest sign-in as cameras do it (RFC 2617, MD5, with and without qop), for RTSP and HTTP."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections import OrderedDict

NONCE_LASTS_S = 300.0
_KEPT = 512
_PARAMETER = re.compile(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')


class Digest:
    """One realm; nonces are ours, known and aged."""

    def __init__(self, realm: str, username: str, password: str) -> None:
        self.realm, self.username, self._password = realm, username, password
        self._nonces: OrderedDict[str, float] = OrderedDict()

    def challenge(self, *, stale: bool = False) -> str:
        nonce = secrets.token_hex(16)
        self._nonces[nonce] = time.monotonic()
        while len(self._nonces) > _KEPT:
            self._nonces.popitem(last=False)
        return f'Digest realm="{self.realm}", nonce="{nonce}", algorithm=MD5' + (
            ", stale=TRUE" if stale else ""
        )

    def check(self, method: str, header: str) -> bool | None:
        """True: signed in. False: not. None: rightly signed with a nonce that is too old."""
        scheme, _, rest = header.partition(" ")
        if scheme.lower() != "digest" or len(header) > 4096:
            return False
        given = {m[0].lower(): m[1] or m[2] for m in _PARAMETER.findall(rest)}
        nonce = given.get("nonce", "")
        if given.get("username") != self.username or given.get("realm") != self.realm:
            return False
        ha1 = _md5(f"{self.username}:{self.realm}:{self._password}")
        ha2 = _md5(f"{method}:{given.get('uri', '')}")
        middle = nonce
        if given.get("qop"):
            middle = f"{nonce}:{given.get('nc', '')}:{given.get('cnonce', '')}:{given['qop']}"
        if not hmac.compare_digest(_md5(f"{ha1}:{middle}:{ha2}"), given.get("response", "")):
            return False
        born = self._nonces.get(nonce)
        if born is None or time.monotonic() - born > NONCE_LASTS_S:
            return None
        return True


def _md5(text: str) -> str:
    # MD5 because the scheme says so
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
