"""User names: one folded form, so that two accounts cannot look alike by case or width."""

from __future__ import annotations

import re
import unicodedata

from parksight.kernel.errors import invalid

_ALLOWED = re.compile(r"[\w.@-]{2,80}")


def fold(username: str) -> str:
    """The form by which user names are compared and unique: NFKC, case-folded, trimmed."""
    return unicodedata.normalize("NFKC", username).casefold().strip()


def check_username(username: str) -> str:
    """The folded name of an acceptable user name: letters of any script, digits and ``. _ @ -``."""
    key = fold(username)
    if not _ALLOWED.fullmatch(key):
        raise invalid("kernel.user.bad_username", "/username")
    return key
