"""Words that tables of cases hold."""

from __future__ import annotations

#: Kinds of links, read "this case is … of that case"; ``parent``: that case is above this one.
LINKS = ("parent", "cause", "repeat_of", "duplicate_of", "related")
EVIDENCE = ("file", "photo", "observation", "video")
CLOCK_STATES = ("running", "paused", "stopped")
#: Who can hold a case; ``zone`` when nobody else does.
HOLDERS = ("user", "post", "department", "enterprise", "role", "zone")
EXTENSIONS = ("asked", "granted", "refused", "withdrawn")
#: How a signer was recognised at the moment of signing.
SIGNED_BY = ("password", "password+totp", "session")
WHATS = (
    "opened", "moved", "commented", "evidence", "linked", "unlinked", "watched", "unwatched", "participant", "signed",
    "assigned", "extension", "clock", "escalated", "changed",
)  # fmt: skip


def one_of(column: str, words: tuple[str, ...]) -> str:
    """SQL of a check that a column holds one of the words."""
    return f"{column} IN ({', '.join(repr(w) for w in words)})"
