"""Documents people take away: tables as CSV and XLSX, printed pages as PDF."""

from parksight.kernel.documents.pdf import render_pdf
from parksight.kernel.documents.tables import MEDIA, guarded, to_csv, to_xlsx

__all__ = ["MEDIA", "guarded", "render_pdf", "to_csv", "to_xlsx"]
