"""Secrets at rest: sealed with a key that lives in the data folder, never in the database."""

from __future__ import annotations

import contextlib
import os
import secrets
from functools import cached_property
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from parksight.kernel.errors import ProblemError

KEY_FILE = "secret.key"


class Sealer:
    """Seals short secrets (TOTP, passwords of brokers) for storing in a record.

    Args:
        folder: data folder; the key file (readable by its owner only) is made there on first use.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def _fernet(self) -> Fernet:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / KEY_FILE
        fresh = self._folder / f"{KEY_FILE}.{secrets.token_hex(4)}"
        if not path.exists():
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as out:
                out.write(Fernet.generate_key())
                out.flush()
                os.fsync(out.fileno())
            # Linked whole, so that two processes starting at once agree on one key.
            with contextlib.suppress(FileExistsError):
                os.link(fresh, path)
            fresh.unlink()
        return Fernet(path.read_bytes().strip())

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
