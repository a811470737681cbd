"""WS-UsernameToken (digest) and the body of a SOAP request, read with bounds."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections import OrderedDict
from datetime import UTC, datetime
from typing import Any

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

MAX_REQUEST = 64 * 1024
#: How far a token's moment may lie from the camera's own clock, s.
SKEW_S = 300.0
_KEPT = 2048
SOAP12 = "http://www.w3.org/2003/05/soap-envelope"
SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
_DIGEST = "#PasswordDigest"


class NotSoapError(ValueError):
    """Cannot be read."""


def read(data: bytes) -> tuple[Any, Any]:
    """Header (or None) and the request element; NotSoapError otherwise."""
    if len(data) > MAX_REQUEST:
        raise NotSoapError("too long")
    try:
        root = fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError, RecursionError) as error:
        raise NotSoapError(str(error)[:200]) from error
    for namespace in (SOAP12, SOAP11):
        body = root.find(f"{{{namespace}}}Body")
        if body is not None and len(body):
            return root.find(f"{{{namespace}}}Header"), body[0]
    raise NotSoapError("no body")


def local(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


class Tokens:
    """Checks username tokens; each nonce counts once."""

    def __init__(self, username: str, password: str) -> None:
        self._username, self._password = username, password
        self._seen: OrderedDict[bytes, None] = OrderedDict()

    def check(self, header: Any, own_clock_s: float) -> bool:
        """Whether a request is signed by somebody we know, lately by the camera's own clock."""
        token = (
            next((e for e in header.iter() if local(e) == "UsernameToken"), None)
            if header is not None
            else None
        )
        if token is None:
            return False
        parts = {local(e): e for e in token}
        password = parts.get("Password")
        if password is None or (_text(parts, "Username") != self._username):
            return False
        if not str(password.get("Type", "")).endswith(_DIGEST):
            return False
        created = _text(parts, "Created")
        try:
            nonce = base64.b64decode(_text(parts, "Nonce"), validate=True)
            at = datetime.fromisoformat(created)
        except (binascii.Error, ValueError):
            return False
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        wanted = hashlib.sha1(
            nonce + created.encode() + self._password.encode(), usedforsecurity=False
        ).digest()
        given = (password.text or "").strip()
        if not hmac.compare_digest(base64.b64encode(wanted).decode(), given):
            return False
        if abs(at.timestamp() - own_clock_s) > SKEW_S or nonce + created.encode() in self._seen:
            return False
        self._seen[nonce + created.encode()] = None
        while len(self._seen) > _KEPT:
            self._seen.popitem(last=False)
        return True


def _text(parts: dict[str, Any], name: str) -> str:
    element = parts.get(name)
    return (element.text or "").strip() if element is not None else ""
