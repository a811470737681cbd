"""Browser push: RFC 8030 requests, RFC 8291 encryption (http-ece), RFC 8292 sender identification (VAPID)."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import urlsplit

import http_ece
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwt
from joserfc.jwk import ECKey

from parksight.notifications.channels.base import Message, Outcome, Setup, call

#: RFC 8292 2: at most 24 hours.
_TOKEN_S = 12 * 3600
#: What every push service takes: 4,096 bytes encrypted (RFC 8030 7.2), less the overhead of encryption.
_LONGEST = 3_000


def new_key() -> str:
    """A fresh VAPID key, PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def public_key(pem: str) -> str:
    """What the browser must be told: the uncompressed point, base64url."""
    key = _private(pem)
    point = key.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    return encode(point)


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Raises ValueError for what is no base64url."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def usable(endpoint: str, p256dh: str, auth: str) -> bool:
    """Whether a subscription is what a browser would give: https (or loopback), a point on P-256, 16 bytes."""
    parts = urlsplit(endpoint)
    if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        return False
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decode(p256dh))
        return len(decode(auth)) == 16
    except ValueError:
        return False


def send(setup: Setup, message: Message) -> Outcome:
    """``config``: subject (contact of the operator); ``secrets``: key (PEM). ``to``: subscriptions as JSON texts.

    A person may have several browsers: the message counts as sent when one of them took it.
    """
    last, taken, gone = Outcome(False, "no_address", again=False), False, []
    for text in message.to:
        outcome = _one(setup, message, json.loads(text))
        taken = taken or outcome.ok
        if outcome.reason == "gone":
            gone.append(text)
        last = outcome
    if taken:
        return Outcome(True, gone=tuple(gone))
    return Outcome(False, last.reason, last.detail, last.again, tuple(gone))


def _one(setup: Setup, message: Message, subscription: dict[str, Any]) -> Outcome:
    endpoint = str(subscription["endpoint"])
    parts = urlsplit(endpoint)
    content = {
        "title": message.title, "body": message.body, "page": message.page, "key": message.key,
        "priority": message.priority,
    }  # fmt: skip
    plain = json.dumps(content, ensure_ascii=False).encode()
    if len(plain) > _LONGEST:
        plain = json.dumps({**content, "body": ""}, ensure_ascii=False).encode()[:_LONGEST]
    sealed = http_ece.encrypt(
        plain, private_key=ec.generate_private_key(ec.SECP256R1()), dh=decode(subscription["p256dh"]),
        auth_secret=decode(subscription["auth"]), version="aes128gcm",
    )  # fmt: skip
    claims = {
        "aud": f"{parts.scheme}://{parts.netloc}", "exp": setup.now_s + _TOKEN_S, "sub": str(setup.config["subject"])
    }  # fmt: skip
    pem = setup.secrets["key"]
    token = jwt.encode({"alg": "ES256", "typ": "JWT"}, claims, ECKey.import_key(pem))
    answer = call(
        setup, "POST", endpoint, content=sealed,
        headers={
            "Authorization": f"vapid t={token}, k={public_key(pem)}", "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream", "TTL": str(message.ttl_s),
            "Urgency": "high" if message.priority <= 2 else "normal",
            # RFC 8030 5.4: a repetition replaces what the browser has not fetched yet.
            "Topic": message.key[:32],
        },
    )  # fmt: skip
    if isinstance(answer, Outcome):
        if answer.detail in ("HTTP 404", "HTTP 410"):  # RFC 8030 7.3: the subscription has ended
            return Outcome(False, "gone", again=False)
        return answer
    return Outcome(True)


def _private(pem: str) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key
