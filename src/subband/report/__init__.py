"""The report of a comparison: tables, curves, pictures, one self-contained page."""

from subband.report.comparison import Comparison, Run
from subband.report.page import write_index, write_report
from subband.report.published import published, published_seconds
from subband.report.published_recognition import published_networks, published_table
from subband.report.reading import read_comparison
from subband.report.tables import report_table
from subband.report.verdict import verdict
from subband.report.verification import ScoredSet, write_verification

__all__ = [
    "Comparison",
    "Run",
    "ScoredSet",
    "published",
    "published_networks",
    "published_seconds",
    "published_table",
    "read_comparison",
    "report_table",
    "verdict",
    "write_index",
    "write_report",
    "write_verification",
]
