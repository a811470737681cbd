"""Texts for people, from the ``locales/<language>.json`` files of all modules (flat: key to text).

A text may hold ``{name}`` placeholders; a parameter that is not given stays visible as ``{name}`` instead of
failing while an error is being reported.
"""

from __future__ import annotations

import json
import string
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from starlette.requests import HTTPConnection

#: Languages we ship, the default first.
LANGUAGES: tuple[str, ...] = ("zh-CN", "en")


class CatalogError(Exception):
    """A locale file is unusable; says which and why."""


class _Formatter(string.Formatter):
    """Plain names only: texts reach neither attributes nor items of their parameters."""

    def get_field(self, field_name: str, args: object, kwargs: Mapping[str, object]) -> tuple[object, str]:
        if field_name.isidentifier() and field_name in kwargs:
            return kwargs[field_name], field_name
        return "{" + field_name + "}", field_name

    def format_field(self, value: object, format_spec: str) -> str:
        try:
            return str(format(value, format_spec))
        except (ValueError, TypeError):
            return str(value)


_FORMATTER = _Formatter()


def locale_files(package: str = "parksight") -> Iterator[tuple[str, str, Traversable]]:
    """All locale files below a package as ``(module, language, file)``, e.g. ``("kernel", "en", …)``."""

    def walk(folder: Traversable, module: str) -> Iterator[tuple[str, str, Traversable]]:
        for entry in sorted(folder.iterdir(), key=lambda e: e.name):
            if not entry.is_dir() or entry.name.startswith(("_", ".")) or entry.name == "static":
                continue
            if entry.name == "locales":
                for file in sorted(entry.iterdir(), key=lambda e: e.name):
                    if file.name.endswith(".json"):
                        yield module, file.name.removesuffix(".json"), file
            else:
                yield from walk(entry, f"{module}.{entry.name}" if module else entry.name)

    yield from walk(files(package), "")


def load(package: str = "parksight") -> dict[str, dict[str, str]]:
    """Language to key to text.

    Raises:
        CatalogError: a file is not flat JSON of texts, or two modules define the same key.
    """
    texts: dict[str, dict[str, str]] = {}
    for module, language, file in locale_files(package):
        try:
            content = json.loads(file.read_text("utf-8"))
        except ValueError as error:
            raise CatalogError(f"{module}/locales/{language}.json is not JSON: {error}") from error
        if not isinstance(content, dict) or not all(isinstance(v, str) for v in content.values()):
            raise CatalogError(f"{module}/locales/{language}.json must map keys to texts, without nesting")
        target = texts.setdefault(language, {})
        double = target.keys() & content.keys()
        if double:
            raise CatalogError(f"{module}/locales/{language}.json repeats {sorted(double)[0]!r}")
        target.update(content)
    return texts


@cache
def catalog() -> dict[str, dict[str, str]]:
    return load()


def has(key: str, language: str = LANGUAGES[0]) -> bool:
    return key in catalog().get(language, {})


def translate(key: str, /, language: str | None = None, **params: object) -> str:
    """The text of a key; in another language we have, or the key itself, where it is missing."""
    texts = catalog()
    for candidate in dict.fromkeys((language or LANGUAGES[0], *LANGUAGES)):
        text = texts.get(candidate, {}).get(key)
        if text is not None:
            return _FORMATTER.vformat(text, (), params)
    return key


def spoken(key: str, params: Mapping[str, object], language: str | None = None) -> str:
    """A stored sentence in a reader's language: ``x_en`` stands for ``x`` in English, ``x_key`` is a text itself, as ``x``."""
    said = dict(params)
    for name, value in params.items():
        if name.endswith("_en") and language == "en" and value:
            said[name.removesuffix("_en")] = value
        elif name.endswith("_key"):
            said[name.removesuffix("_key")] = translate(str(value), language)
    return translate(key, language, **said)


def negotiate(header: str | None, default: str = LANGUAGES[0]) -> str:
    """The language of ours that an ``Accept-Language`` header (RFC 9110 12.5.4) prefers."""
    ranked: list[tuple[float, int, str]] = []
    for position, part in enumerate((header or "")[:500].split(",")):
        tag, _, rest = part.strip().partition(";")
        name, _, number = rest.strip().partition("=")
        try:
            weight = float(number) if name.strip() == "q" else 1.0
        except ValueError:
            continue
        if tag.strip() and 0 < weight <= 1:
            ranked.append((-weight, position, tag.strip().lower()))
    for _weight, _position, tag in sorted(ranked):
        if tag == "*":
            return default
        for language in LANGUAGES:
            if tag.split("-")[0] == language.lower().split("-")[0]:
                return language
    return default


def language_of(conn: HTTPConnection) -> str:
    """The language to answer in: the person's own choice, else what the browser asks for."""
    caller = getattr(conn.state, "caller", None)
    chosen = getattr(caller, "language", None)
    if chosen in LANGUAGES:
        return str(chosen)
    settings = getattr(conn.app.state, "settings", None) if "app" in conn.scope else None
    return negotiate(conn.headers.get("accept-language"), getattr(settings, "language", LANGUAGES[0]))
