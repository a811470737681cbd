"""Encryption of the CP in HJ 212-2025: SM4-ECB over whole blocks, the remainder stays clear.

As open implementations quote the standard's section A.2; the arithmetic is proven by its printed example, the
raw bytes on the wire are inferred from the printed length. The CRC is of the clear segment: decrypt before
checking, compute before encrypting.
"""

from __future__ import annotations

import base64
from collections.abc import Callable

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_BLOCK = 16
_OPEN = b"CP=&&"
_CLOSE = b"&&"


class Sm4:
    """One device's key.

    Args:
        key: 16 bytes.

    Raises:
        ValueError: the key has another length.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != _BLOCK:
            raise ValueError("an SM4 key has 16 bytes")
        # ECB is what the standard prescribes; it hides values, not patterns (see QUALITY.md).
        self._cipher = Cipher(algorithms.SM4(key), modes.ECB())  # noqa: S305

    def encrypt(self, data: bytes) -> bytes:
        """Same length as ``data``: whole blocks encrypted, the remainder as it is."""
        whole = len(data) - len(data) % _BLOCK
        return self._cipher.encryptor().update(data[:whole]) + data[whole:]

    def decrypt(self, data: bytes) -> bytes:
        """Inverse of :meth:`encrypt`."""
        whole = len(data) - len(data) % _BLOCK
        return self._cipher.decryptor().update(data[:whole]) + data[whole:]

    def encrypt_segment(self, segment: bytes) -> bytes:
        """A data segment with its CP encrypted; unchanged where there is no CP."""
        return self._apply(segment, self.encrypt)

    def decrypt_segment(self, segment: bytes) -> bytes:
        """A data segment with its CP in clear; unchanged where there is no CP."""
        return self._apply(segment, self.decrypt)

    def _apply(self, segment: bytes, change: Callable[[bytes], bytes]) -> bytes:
        start = segment.find(_OPEN)
        if start < 0 or not segment.endswith(_CLOSE):
            return segment
        start += len(_OPEN)
        end = len(segment) - len(_CLOSE)
        if end <= start:
            return segment
        return segment[:start] + change(segment[start:end]) + segment[end:]

    def authorization(self, user: str, password: str) -> str:
        """Value of the Authorization header for multimedia over HTTPS (section H.1.2): PKCS7, then Base64."""
        padder = padding.PKCS7(_BLOCK * 8).padder()
        clear = padder.update(f"{user}:{password}".encode()) + padder.finalize()
        return base64.b64encode(self.encrypt(clear)).decode("ascii")
