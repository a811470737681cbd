"""Texts that people see, from the locale files."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

LANGUAGES = ("zh-CN", "en")


@cache
def _texts(language: str) -> dict[str, str]:
    loaded: dict[str, str] = json.loads(
        (files("parkzone") / "locales" / f"{language}.json").read_text("utf-8")
    )
    return loaded


def preferred(header: str | None) -> str:
    """The better of our languages for an Accept-Language header; Chinese where it says nothing."""
    for part in (header or "").split(","):
        word = part.split(";")[0].strip().lower()
        if word.startswith("zh"):
            return "zh-CN"
        if word.startswith("en"):
            return "en"
    return LANGUAGES[0]


def text(language: str, key: str) -> str:
    """A text; an unknown key is an error of the programmer and raises KeyError."""
    return _texts(language if language in LANGUAGES else LANGUAGES[0])[key]
