"""Texts of notices in a language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parksight.kernel import i18n
from parksight.kernel.i18n import LANGUAGES
from parksight.notifications.notice import Text


def frozen(text: Text) -> dict[str, Any]:
    """As it is stored."""
    return {"key": text.key, "params": {k: _plain(v) for k, v in text.params.items()}}


def spoken(stored: Mapping[str, Any], language: str) -> str:
    """In a language (:func:`parksight.kernel.i18n.spoken`)."""
    return i18n.spoken(stored["key"], stored["params"], language)


def in_all(stored: Mapping[str, Any]) -> dict[str, str]:
    """In every language we have."""
    return {language: spoken(stored, language) for language in LANGUAGES}


def _plain(value: object) -> object:
    return value if isinstance(value, str | int | float | bool | None) else str(value)
