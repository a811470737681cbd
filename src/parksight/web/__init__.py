"""The built site: ``static/`` holds what ``web/`` compiles to, and is part of every wheel.

The folder is made by ``npm run build`` (``make run`` and ``build_hooks.py`` call it) and is never committed.
"""

from __future__ import annotations

from pathlib import Path

STATIC = Path(__file__).resolve().parent / "static"


def built() -> bool:
    """Whether the site is there; without it only the API is served."""
    return (STATIC / "index.html").is_file()
