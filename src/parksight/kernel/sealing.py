"""Secrets at rest: sealed with a key that lives in the data folder, never in the database."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from parksight.kernel.errors import ProblemError

KEY_FILE = "secret.key"


class Sealer:
    """Seals short secrets (TOTP, passwords of brokers) for storing in a record.

    Args:
        key: 32 bytes in URL-safe base64, as ``Fernet.generate_key`` makes it.
    """

    def __init__(self, key: bytes) -> None:
        self._fernet = Fernet(key)

    @classmethod
    def in_folder(cls, folder: Path) -> Sealer:
        """The installation's sealer; makes the key (readable by the owner only) on first use."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / KEY_FILE
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return cls(path.read_bytes().strip())
        with os.fdopen(handle, "wb") as out:
            key = Fernet.generate_key()
            out.write(key)
            out.flush()
            os.fsync(out.fileno())
        return cls(key)

    def seal(self, secret: str) -> str:
        return self._fernet.encrypt(secret.encode()).decode("ascii")

    def open(self, sealed: str) -> str:
        """The secret again.

        Raises:
            ProblemError: ``kernel.sealing.wrong_key``: sealed with another key than the data folder's.
        """
        try:
            return self._fernet.decrypt(sealed.encode("ascii")).decode()
        except (InvalidToken, UnicodeError) as error:
            raise ProblemError("kernel.sealing.wrong_key", 500, {"file": KEY_FILE}) from error
