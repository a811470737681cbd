"""GB 32100-2015: unified social credit code of legal persons and other organisations (统一社会信用代码).

18 characters: registering department, kind of organisation, six digits of the administrative division, nine
characters of the organisation code (GB 11714) and one check character (clause 5, annex A).
"""

from __future__ import annotations

#: Digits and capitals without I, O, Z, S, V (annex A, table A.1); the position is the value.
ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_VALUE = {character: value for value, character in enumerate(ALPHABET)}
#: Weights of the first 17 characters: 3 to the power of the position, modulo 31.
WEIGHTS = tuple(pow(3, i, 31) for i in range(17))
LENGTH = 18


def check_character(body: str) -> str:
    """Check character of the first 17 characters.

    Raises:
        ValueError: when ``body`` is not 17 characters of :data:`ALPHABET`.
    """
    if len(body) != LENGTH - 1:
        raise ValueError(f"expected 17 characters, got {len(body)}")
    try:
        total = sum(_VALUE[c] * w for c, w in zip(body, WEIGHTS, strict=True))
    except KeyError as error:
        raise ValueError(f"character {error.args[0]!r} is not allowed in a social credit code") from None
    return ALPHABET[(31 - total % 31) % 31]


def normalise(code: str) -> str:
    """Upper case without surrounding blanks, as people type it."""
    return code.strip().upper()


def is_valid(code: str) -> bool:
    """Whether a normalised code has the right length, alphabet, division digits and check character."""
    if len(code) != LENGTH or any(c not in _VALUE for c in code):
        return False
    # isdigit() alone would take other scripts' digits, but the alphabet test above has excluded them.
    return code[2:8].isdigit() and check_character(code[:17]) == code[17]
