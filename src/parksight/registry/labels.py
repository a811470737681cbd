"""Words of the locale files, for what must be found or read in both languages at once."""

from __future__ import annotations

from functools import cache

from parksight.kernel.i18n import LANGUAGES, catalog


def both(key: str) -> str:
    """The word in both languages, separated by a blank; empty when there is none."""
    return " ".join(
        text for text in (catalog().get(language, {}).get(key, "") for language in LANGUAGES) if text
    )


@cache
def column_aliases(fields: tuple[str, ...]) -> dict[str, str]:
    """Heading as people write it (field name or label in either language, lower case) -> field name."""
    aliases = {field: field for field in fields}
    for language in LANGUAGES:
        for field in fields:
            label = catalog().get(language, {}).get(f"registry.column.{field}")
            if label:
                aliases.setdefault(label.casefold(), field)
    return aliases
