"""Unified social credit codes (GB 32100-2015) for invented firms.

The administrative division 990112 does not exist (GB/T 2260 ends at 82), so no real firm can carry such a code;
both check characters are right, so that importers which verify them accept the demo zone.
"""

from __future__ import annotations

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
#: Fictitious administrative division.
REGION = "990112"
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_ORGANISATION_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def organisation_check(body: str) -> str:
    """Check character of an eight-character organisation code (GB 11714-1997)."""
    pairs = zip(body, _ORGANISATION_WEIGHTS, strict=True)
    rest = 11 - sum(_ORGANISATION_ALPHABET.index(c) * w for c, w in pairs) % 11
    return {10: "X", 11: "0"}.get(rest, str(rest))


def check_character(body: str) -> str:
    """Check character of the first 17 characters (GB 32100-2015 annex A)."""
    if len(body) != 17:
        raise ValueError(f"expected 17 characters, got {len(body)}")
    total = sum(ALPHABET.index(c) * pow(3, i, 31) for i, c in enumerate(body))
    return ALPHABET[-total % 31]


def credit_code(serial: int) -> str:
    """The code of the n-th invented firm: 9 (commerce) 1 (company) region organisation check."""
    organisation = f"MA{serial % 10**6:06d}"
    body = f"91{REGION}{organisation}{organisation_check(organisation)}"
    return body + check_character(body)
