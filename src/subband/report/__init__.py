"""The report of a comparison: tables, curves, pictures, one self-contained page."""

from subband.report.comparison import Comparison, Run, read_comparison
from subband.report.page import write_index, write_report
from subband.report.published import published, published_seconds
from subband.report.tables import report_table
from subband.report.verdict import verdict

__all__ = [
    "Comparison",
    "Run",
    "published",
    "published_seconds",
    "read_comparison",
    "report_table",
    "verdict",
    "write_index",
    "write_report",
]
