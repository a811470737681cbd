"""Cases on paper and in spreadsheets."""

from parksight.cases.paper.pages import case_page, list_page
from parksight.cases.paper.sheet import columns, rows

__all__ = ["case_page", "columns", "list_page", "rows"]
