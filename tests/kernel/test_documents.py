"""Tables and pages people take away: they read back as what was written, and nothing in them runs."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook
from pypdf import PdfReader

from parksight.kernel.documents import guarded, render_pdf, to_csv, to_xlsx
from parksight.kernel.errors import ProblemError

COLUMNS = ("text", "number", "flag", "at", "data")
AT = datetime(2026, 11, 23, 10, tzinfo=UTC)
TEMPLATE = """#let d = json(bytes(sys.inputs.data))
#set page(paper: "a4")
#set text(font: "Noto Sans SC")
= #d.title
#table(columns: 2, ..d.rows.flatten().map(v => [#v]))
"""


@given(st.text())
def test_guarded_text_never_begins_like_a_formula(text: str) -> None:
    assert not guarded(text).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert guarded(text).removeprefix("'") == text.removeprefix("'")


@given(st.lists(st.tuples(st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0")), st.integers())))
def test_csv_reads_back_and_holds_no_formula(rows: list[tuple[str, int]]) -> None:
    raw = b"".join(to_csv(("text", "number"), rows)).decode("utf-8-sig")
    read = list(csv.reader(io.StringIO(raw)))
    assert read[1:] == [[guarded(t), str(n)] for t, n in rows]
    assert not any(line[0].startswith(("=", "+", "-", "@", "\t")) for line in read[1:])


def test_a_workbook_keeps_kinds_and_runs_nothing() -> None:
    rows = [["=1+1", 7.5, True, AT, {"a": 1}], ["苯\x07罐", None, False, None, {}]]
    page = load_workbook(io.BytesIO(b"".join(to_xlsx("一" * 40, COLUMNS, rows)))).active
    assert page is not None
    assert page.title == "一" * 31
    read = [[c.value for c in row] for row in page.iter_rows()]
    assert read == [
        list(COLUMNS), ["=1+1", 7.5, "true", "2026-11-23T10:00:00+00:00", '{"a":1}'],
        ["苯罐", None, "false", None, None],
    ]  # fmt: skip
    assert page["A2"].data_type == "s"


def test_a_text_no_cell_holds_is_named() -> None:
    with pytest.raises(ProblemError) as refused:
        to_xlsx("x", ("a", "b"), [["", ""], ["", "长" * 40_000]])
    assert refused.value.params == {"row": 3, "column": "b"}


def test_a_page_shows_text_as_it_was_typed(tmp_path: Path) -> None:
    template = tmp_path / "page.typ"
    template.write_text(TEMPLATE, "utf-8")
    typed = '#read("/etc/passwd") *x* $a$ \\'
    pages = PdfReader(io.BytesIO(render_pdf(template, {"title": "隐患整改单", "rows": [["说明", typed]]})))
    text = "".join(pages.pages[0].extract_text().split())
    assert "隐患整改单" in text
    assert "".join(typed.split()) in text
    fonts = {str(f.get_object()["/BaseFont"]) for f in pages.pages[0]["/Resources"]["/Font"].values()}
    assert all("NotoSansSC" in name for name in fonts)
