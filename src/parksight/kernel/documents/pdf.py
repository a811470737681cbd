"""PDF pages from a template and plain data: Typst typesets, Noto Sans SC is embedded, nothing is fetched.

A template reads its data with ``json(bytes(sys.inputs.data))``. Values are data, never markup: what a user typed cannot
change the page. Templates may use nothing outside their folder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import pylopdf_fonts_zh_cn
import typst


@lru_cache(maxsize=1)
def _fonts() -> str:
    return str(Path(pylopdf_fonts_zh_cn.__file__).parent)


def render_pdf(template: Path, data: Mapping[str, Any]) -> bytes:
    """Typeset ``template`` with ``data`` (JSON types).

    Raises:
        typst.TypstError: the template and the data do not fit; a mistake of ours, not of a user.
    """
    compiler = typst.Compiler(
        str(template), root=str(template.parent), font_paths=[_fonts()], ignore_system_fonts=True,
        sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
    )  # fmt: skip
    pages = compiler.compile(format="pdf")
    if not isinstance(pages, bytes):
        raise TypeError("Typst gave no document")
    return pages
