"""Texts of notices in a language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parksight.kernel.i18n import LANGUAGES, translate
from parksight.notifications.notice import Text


def frozen(text: Text) -> dict[str, Any]:
    """As it is stored."""
    return {"key": text.key, "params": {k: _plain(v) for k, v in text.params.items()}}


def spoken(stored: Mapping[str, Any], language: str) -> str:
    """In a language. A parameter ``x_en`` stands for ``x`` in English; ``x_key`` is a text of its own, as ``x``."""
    params = dict(stored["params"])
    for name, value in list(params.items()):
        if name.endswith("_en") and language == "en" and value:
            params[name.removesuffix("_en")] = value
        elif name.endswith("_key"):
            params[name.removesuffix("_key")] = translate(str(value), language)
    return translate(stored["key"], language, **params)


def in_all(stored: Mapping[str, Any]) -> dict[str, str]:
    """In every language we have."""
    return {language: spoken(stored, language) for language in LANGUAGES}


def _plain(value: object) -> object:
    return value if isinstance(value, str | int | float | bool | None) else str(value)
