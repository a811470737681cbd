"""Passwords: argon2id hashes (RFC 9106, second recommended option) and the policy for new ones.

The policy follows NIST SP 800-63B 5.1.1.2: length and resistance to guessing, no composition rules, no
forced periodic change.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn import zxcvbn

from parksight.kernel.errors import invalid

MAX_LENGTH = 256
#: zxcvbn score 3: "safely unguessable", more than 10^8 guesses.
MIN_SCORE = 3
#: zxcvbn's own limit; its time grows fast with length.
_ZXCVBN_LENGTH = 72


def normal(password: str) -> str:
    """NFKC, so that a full-width or composed character typed on another keyboard still fits."""
    return unicodedata.normalize("NFKC", password)


class Passwords:
    """Hashes, verifies and judges passwords.

    Args:
        min_length: characters a new password must have.
        hasher: argon2 parameters; 64 MiB, 3 passes, 4 lanes by default.
    """

    def __init__(self, min_length: int = 10, hasher: PasswordHasher | None = None) -> None:
        self.min_length = min_length
        self._hasher = hasher or PasswordHasher()

    @cached_property
    def _dummy(self) -> str:
        return self._hasher.hash("nobody has this password")

    def hash(self, password: str) -> str:
        return self._hasher.hash(normal(password))

    def verify(self, stored: str | None, password: str) -> bool:
        """Whether the password fits; takes as long for somebody without one."""
        if len(password) > MAX_LENGTH:
            password = ""
        try:
            return self._hasher.verify(stored or self._dummy, normal(password)) and stored is not None
        except (VerificationError, InvalidHashError):
            return False

    def outdated(self, stored: str) -> bool:
        """Whether the hash was made with weaker parameters than today's."""
        return self._hasher.check_needs_rehash(stored)

    def check_new(self, password: str, about: Sequence[str] = (), where: str = "/password") -> None:
        """Refuse a weak password.

        Args:
            password: the wanted one.
            about: words an attacker would try first: user name, person's name, organisation, product.
            where: field named in the error.

        Raises:
            ProblemError: 422 ``kernel.password.too_short``, ``too_long``, ``contains_name``, ``guessable``.
        """
        plain = normal(password)
        if len(plain) < self.min_length:
            raise invalid("kernel.password.too_short", where, minimum=self.min_length)
        if len(plain) > MAX_LENGTH:
            raise invalid("kernel.password.too_long", where, maximum=MAX_LENGTH)
        folded = plain.casefold()
        words = [normal(word).casefold() for word in about if len(word) >= 2]
        if any(len(word) >= 3 and word in folded for word in words):
            raise invalid("kernel.password.contains_name", where)
        judged = zxcvbn(plain[:_ZXCVBN_LENGTH], user_inputs=[*words, "parksight", "园视"])
        if int(judged["score"]) < MIN_SCORE:
            raise invalid("kernel.password.guessable", where)
